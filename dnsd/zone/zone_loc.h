/*
 * zone_loc: the place that a LOC record holds (RFC 1876).
 *
 * The reader takes all tokens that are left, the checker goes to the end of the data.  0, or -1
 * with a reason.  One thread per struct.
 */
#ifndef NEARCAST_ZONE_LOC_H
#define NEARCAST_ZONE_LOC_H

#include "dnsd/zone/zone_octets.h"
#include "dnsd/zone/zone_rdata.h"

int zone_loc_read(struct zone_rdata *r);
int zone_loc_check(struct zone_octets *o);

#endif
