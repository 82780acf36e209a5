/*
 * zone_field: the plain fields of rdata, from tokens to wire form: numbers, times, names,
 * addresses, texts, hex.
 *
 * Each takes what it needs from r->tok, moves it on, and appends to r->data.  The caller has seen
 * that there is a token (but for hex, which may be empty).  0, or -1 with a reason in r->err.
 * Knows no types and no ldns (zone_rdata.c does).  One thread per struct.
 */
#ifndef NEARCAST_ZONE_FIELD_H
#define NEARCAST_ZONE_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "dnsd/zone/zone_rdata.h"

/* The reason: the token, and what was expected in its place; returns -1. */
int zone_field_bad(struct zone_rdata *r, const char *expected);

/* Appends octets as they are; -1 when the data would become longer than rdata can be. */
int zone_field_put(struct zone_rdata *r, const void *octets, size_t len);

/* A decimal number of this many octets (1 to 4). */
int zone_field_number(struct zone_rdata *r, unsigned octets);

/* A time in seconds, or as 1h30m; 4 octets. */
int zone_field_period(struct zone_rdata *r);

/* A domain name, completed with r->origin. */
int zone_field_name(struct zone_rdata *r);

/* An address of family AF_INET or AF_INET6. */
int zone_field_address(struct zone_rdata *r, int family);

/* A text: at most 255 octets behind their count, or (`open`) any number without one. */
int zone_field_string(struct zone_rdata *r, bool open);

/* Hex to the end of the entry; blanks may stand anywhere. */
int zone_field_hex(struct zone_rdata *r);

#endif
