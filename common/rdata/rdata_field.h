/*
 * rdata_field: the plain fields of rdata, from tokens to wire form: numbers, times, types, names,
 * addresses, texts.
 *
 * Each takes what it needs from r->tok, moves it on, and appends to r->data.  The caller has seen
 * that there is a token, unless the reader says that it may find none.  0, or -1 with a reason in
 * r->err.  Knows no types' fields (rdata_types.c does) and no encodings (rdata_base.c).  One thread
 * per struct.
 */
#ifndef NEARCAST_RDATA_FIELD_H
#define NEARCAST_RDATA_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/rdata/rdata.h"

/* The reason: the token, and what was expected in its place; returns -1. */
int rdata_field_bad(struct rdata *r, const char *expected);

/* The number of tokens that are left. */
static inline uint32_t
rdata_field_left(const struct rdata *r)
{
	return (uint32_t)(r->end - r->tok);
}

/* 0 when there is a token, else -1: the data ends too soon. */
int rdata_field_more(struct rdata *r);

/* Appends octets as they are; -1 when the data would become longer than rdata can be. */
int rdata_field_put(struct rdata *r, const void *octets, size_t len);

/* A decimal number of this many bits. */
int rdata_field_u8(struct rdata *r);
int rdata_field_u16(struct rdata *r);
int rdata_field_u32(struct rdata *r);

/* A node of the interplanetary network (RFC 9758 4): a number of 64 bits, or two of 32 with a dot
 * between them. */
int rdata_field_ipn(struct rdata *r);

/* A time in seconds, or as 1h30m; 4 octets. */
int rdata_field_period(struct rdata *r);

/* 20251121031500 or seconds since 1970 (RFC 4034 3.2), modulo 2^32. */
int rdata_field_time(struct rdata *r);

/* The number of the type of this name (mnemonic or TYPEnnn), looked up once for a run of the same;
 * -1 = there is no such type. */
int rdata_field_type_of(struct rdata *r, const struct master_token *tok);

/* A type by its name. */
int rdata_field_type(struct rdata *r);

/* A domain name, completed with r->origin; any number of them, perhaps none. */
int rdata_field_name(struct rdata *r);
int rdata_field_names(struct rdata *r);

/* An IPv4 or IPv6 address. */
int rdata_field_ipv4(struct rdata *r);
int rdata_field_ipv6(struct rdata *r);

/* The same, written in `item`; r->tok, which is not moved, is what a reason shows. */
int rdata_field_ipv4_item(struct rdata *r, const struct master_token *item);
int rdata_field_ipv6_item(struct rdata *r, const struct master_token *item);

/* A text of at most 255 octets, behind their count; perhaps one; one or more, to the end. */
int rdata_field_string(struct rdata *r);
int rdata_field_string_maybe(struct rdata *r);
int rdata_field_strings(struct rdata *r);

/* A text of any length without its count. */
int rdata_field_text(struct rdata *r);

/* EUI48 and EUI64 (RFC 7043), locators and node identifiers (RFC 6742). */
int rdata_field_eui48(struct rdata *r);
int rdata_field_eui64(struct rdata *r);
int rdata_field_ilnp64(struct rdata *r);

#endif
