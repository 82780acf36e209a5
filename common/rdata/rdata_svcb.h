/*
 * rdata_svcb: the parameters of SVCB and HTTPS records, from tokens to wire form (RFC 9460 2.1).
 *
 * KEY, KEY=VALUE or KEY="VALUE"; keys by name or as keyNNNNN, in any order.  A value is a text with
 * the escapes of RFC 1035, and where it is a list, its commas and backslashes are escaped once more
 * (RFC 9460 appendix A.1).  The value of keyNNNNN is octets.  What a value must be is checked on
 * the octets, however they were written (rdata_svcb_check.c).  One thread per struct.
 */
#ifndef NEARCAST_RDATA_SVCB_H
#define NEARCAST_RDATA_SVCB_H

#include "common/rdata/rdata.h"

/* Takes all tokens that are left, which may be none.  0, or -1 with a reason. */
int rdata_svcb_read(struct rdata *r);

#endif
