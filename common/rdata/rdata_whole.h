/*
 * rdata_whole: what rdata must be beyond its fields: digests as long as their kind says, keys where
 * the flags promise one, tags.
 *
 * The data has been found to consist of its type's fields.  0, or -1 with a reason.  Pure; any
 * thread.
 */
#ifndef NEARCAST_RDATA_WHOLE_H
#define NEARCAST_RDATA_WHOLE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/rdata/rdata_octets.h"

/* DS and all that has its form: SHA-1, SHA-256, SHA-384 by their lengths. */
int rdata_whole_ds(const uint8_t *data, size_t len, struct err *err);

/* SSHFP (RFC 4255, RFC 6594): SHA-1, SHA-256. */
int rdata_whole_sshfp(const uint8_t *data, size_t len, struct err *err);

/* ZONEMD (RFC 8976 2.2): SHA-384, SHA-512; others are 12 octets at least. */
int rdata_whole_zonemd(const uint8_t *data, size_t len, struct err *err);

/* NSEC3 (RFC 5155 3.1.6): the hash of SHA-1 has 20 octets. */
int rdata_whole_nsec3(const uint8_t *data, size_t len, struct err *err);

/* KEY (RFC 2535 3.1.2): a key, unless the flags say that there is none. */
int rdata_whole_key(const uint8_t *data, size_t len, struct err *err);

/* RKEY: the flags are 0. */
int rdata_whole_rkey(const uint8_t *data, size_t len, struct err *err);

/* Checks the tag of CAA: letters and digits, at least one (RFC 8659 4.1). */
int rdata_whole_tag(struct rdata_octets *o);

#endif
