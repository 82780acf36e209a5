/*
 * rdata_base: octets written as text in zone files: hex, base32hex, base64 (RFC 4648).
 *
 * Strict where a slip would become other data: no half octet, no bits behind the last octet,
 * padding only where it belongs (base32hex has none: RFC 5155 3.3).  Like rdata_field's readers
 * they take from r->tok and append to r->data.  0, or -1 with a reason in r->err.  One thread a
 * struct.
 */
#ifndef NEARCAST_RDATA_BASE_H
#define NEARCAST_RDATA_BASE_H

#include "common/rdata/rdata.h"

/* Hex to the end of the entry, perhaps none; blanks may stand anywhere. */
int rdata_base_hex(struct rdata *r);

/* One token of hex, r->tok, which stays where it is: the digits after the first `skip`
 * characters. */
int rdata_base_hex_token(struct rdata *r, uint32_t skip);

/* Base64 to the end of the entry, perhaps none; blanks may stand anywhere. */
int rdata_base_64(struct rdata *r);

/* The same, with "-" for none. */
int rdata_base_64_dash(struct rdata *r);

/* Base64 in these characters; r->tok stays where it is. */
int rdata_base_64_chars(struct rdata *r, const char *s, uint32_t len);

/* The salt of NSEC3 behind its length: "-" or hex in one token.  The hash behind its length:
 * base32hex in one token (RFC 5155 3.3). */
int rdata_base_salt(struct rdata *r);
int rdata_base_hash(struct rdata *r);

#endif
