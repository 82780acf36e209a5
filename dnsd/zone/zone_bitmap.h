/*
 * zone_bitmap: sets of record types (RFC 4034 4.1.2), and NXT's older form of them (RFC 2535 5.2).
 *
 * Readers take all tokens that are left, which may be none; checkers go to the end of the data.
 * 0, or -1 with a reason.  One thread per struct.
 */
#ifndef NEARCAST_ZONE_BITMAP_H
#define NEARCAST_ZONE_BITMAP_H

#include "dnsd/zone/zone_octets.h"
#include "dnsd/zone/zone_rdata.h"

int zone_bitmap_read(struct zone_rdata *r);
int zone_bitmap_check(struct zone_octets *o);

/* Types 1 to 127. */
int zone_bitmap_nxt_read(struct zone_rdata *r);
int zone_bitmap_nxt_check(struct zone_octets *o);

#endif
