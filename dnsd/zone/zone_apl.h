/*
 * zone_apl: lists of address prefixes (APL, RFC 3123).
 *
 * The reader takes all tokens that are left, which may be none, the checker goes to the end of the
 * data.  0, or -1 with a reason.  One thread per struct.
 */
#ifndef NEARCAST_ZONE_APL_H
#define NEARCAST_ZONE_APL_H

#include "dnsd/zone/zone_octets.h"
#include "dnsd/zone/zone_rdata.h"

int zone_apl_read(struct zone_rdata *r);
int zone_apl_check(struct zone_octets *o);

#endif
