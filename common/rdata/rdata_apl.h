/*
 * rdata_apl: lists of address prefixes (APL, RFC 3123).
 *
 * The reader takes all tokens that are left, which may be none, the checker goes to the end of the
 * data.  0, or -1 with a reason.  One thread per struct.
 */
#ifndef NEARCAST_RDATA_APL_H
#define NEARCAST_RDATA_APL_H

#include "common/rdata/rdata_octets.h"
#include "common/rdata/rdata.h"

int rdata_apl_read(struct rdata *r);
int rdata_apl_check(struct rdata_octets *o);

#endif
