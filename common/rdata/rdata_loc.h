/*
 * rdata_loc: the place that a LOC record holds (RFC 1876).
 *
 * The reader takes all tokens that are left, the checker goes to the end of the data.  0, or -1
 * with a reason.  One thread per struct.
 */
#ifndef NEARCAST_RDATA_LOC_H
#define NEARCAST_RDATA_LOC_H

#include "common/rdata/rdata_octets.h"
#include "common/rdata/rdata.h"

int rdata_loc_read(struct rdata *r);
int rdata_loc_check(struct rdata_octets *o);

#endif
