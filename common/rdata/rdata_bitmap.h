/*
 * rdata_bitmap: sets of record types (RFC 4034 4.1.2), and NXT's older form of them (RFC 2535 5.2).
 *
 * Readers take all tokens that are left, which may be none; checkers go to the end of the data.
 * 0, or -1 with a reason.  One thread per struct.
 */
#ifndef NEARCAST_RDATA_BITMAP_H
#define NEARCAST_RDATA_BITMAP_H

#include "common/rdata/rdata_octets.h"
#include "common/rdata/rdata.h"

int rdata_bitmap_read(struct rdata *r);
int rdata_bitmap_check(struct rdata_octets *o);

/* Types 1 to 127. */
int rdata_bitmap_nxt_read(struct rdata *r);
int rdata_bitmap_nxt_check(struct rdata_octets *o);

#endif
