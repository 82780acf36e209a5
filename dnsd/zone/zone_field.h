/*
 * zone_field: the plain fields of rdata, from tokens to wire form: numbers, times, types, names,
 * addresses, texts.
 *
 * Each takes what it needs from r->tok, moves it on, and appends to r->data.  The caller has seen
 * that there is a token, unless the reader says that it may find none.  0, or -1 with a reason in
 * r->err.  Knows no types' fields (zone_types.c does) and no encodings (zone_base.c).  One thread
 * per struct.
 */
#ifndef NEARCAST_ZONE_FIELD_H
#define NEARCAST_ZONE_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "dnsd/zone/zone_rdata.h"

/* The reason: the token, and what was expected in its place; returns -1. */
int zone_field_bad(struct zone_rdata *r, const char *expected);

/* The number of tokens that are left. */
static inline uint32_t
zone_field_left(const struct zone_rdata *r)
{
	return (uint32_t)(r->end - r->tok);
}

/* 0 when there is a token, else -1: the data ends too soon. */
int zone_field_more(struct zone_rdata *r);

/* Appends octets as they are; -1 when the data would become longer than rdata can be. */
int zone_field_put(struct zone_rdata *r, const void *octets, size_t len);

/* A decimal number of this many bits. */
int zone_field_u8(struct zone_rdata *r);
int zone_field_u16(struct zone_rdata *r);
int zone_field_u32(struct zone_rdata *r);

/* A node of the interplanetary network (RFC 9758 4): a number of 64 bits, or two of 32 with a dot
 * between them. */
int zone_field_ipn(struct zone_rdata *r);

/* A time in seconds, or as 1h30m; 4 octets. */
int zone_field_period(struct zone_rdata *r);

/* 20251121031500 or seconds since 1970 (RFC 4034 3.2), modulo 2^32. */
int zone_field_time(struct zone_rdata *r);

/* The number of the type of this name (mnemonic or TYPEnnn), looked up once for a run of the same;
 * -1 = there is no such type. */
int zone_field_type_of(struct zone_rdata *r, const struct zone_token *tok);

/* A type by its name. */
int zone_field_type(struct zone_rdata *r);

/* A domain name, completed with r->origin; any number of them, perhaps none. */
int zone_field_name(struct zone_rdata *r);
int zone_field_names(struct zone_rdata *r);

/* An IPv4 or IPv6 address. */
int zone_field_ipv4(struct zone_rdata *r);
int zone_field_ipv6(struct zone_rdata *r);

/* The same, written in `item`; r->tok, which is not moved, is what a reason shows. */
int zone_field_ipv4_item(struct zone_rdata *r, const struct zone_token *item);
int zone_field_ipv6_item(struct zone_rdata *r, const struct zone_token *item);

/* A text of at most 255 octets, behind their count; perhaps one; one or more, to the end. */
int zone_field_string(struct zone_rdata *r);
int zone_field_string_maybe(struct zone_rdata *r);
int zone_field_strings(struct zone_rdata *r);

/* A text of any length without its count. */
int zone_field_text(struct zone_rdata *r);

/* EUI48 and EUI64 (RFC 7043), locators and node identifiers (RFC 6742). */
int zone_field_eui48(struct zone_rdata *r);
int zone_field_eui64(struct zone_rdata *r);
int zone_field_ilnp64(struct zone_rdata *r);

#endif
