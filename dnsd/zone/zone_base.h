/*
 * zone_base: octets written as text in zone files: hex, base32hex, base64 (RFC 4648).
 *
 * Strict where a slip would become other data: no half octet, no bits behind the last octet,
 * padding only where it belongs (base32hex has none: RFC 5155 3.3).  Like zone_field's readers they
 * take from r->tok and append to r->data.  0, or -1 with a reason in r->err.  One thread a struct.
 */
#ifndef NEARCAST_ZONE_BASE_H
#define NEARCAST_ZONE_BASE_H

#include "dnsd/zone/zone_rdata.h"

/* Hex to the end of the entry, perhaps none; blanks may stand anywhere. */
int zone_base_hex(struct zone_rdata *r);

/* One token of hex, r->tok, which stays where it is: the digits after the first `skip`
 * characters. */
int zone_base_hex_token(struct zone_rdata *r, uint32_t skip);

/* Base64 to the end of the entry, perhaps none; blanks may stand anywhere. */
int zone_base_64(struct zone_rdata *r);

/* The same, with "-" for none. */
int zone_base_64_dash(struct zone_rdata *r);

/* Base64 in these characters; r->tok stays where it is. */
int zone_base_64_chars(struct zone_rdata *r, const char *s, uint32_t len);

/* The salt of NSEC3 behind its length: "-" or hex in one token.  The hash behind its length:
 * base32hex in one token (RFC 5155 3.3). */
int zone_base_salt(struct zone_rdata *r);
int zone_base_hash(struct zone_rdata *r);

#endif
