/*
 * rdata_svcb_check: are octets the parameters of an SVCB or HTTPS record (RFC 9460)?
 *
 * Knows the keys that IANA lists, their names and what their values must be (RFC 9460 7 and 8, RFC
 * 9461 dohpath, RFC 9540 ohttp, RFC 9953 docpath, draft-ietf-tls-key-share-prediction).  Values of
 * other keys are any octets.  Knows nothing of the text form (rdata_svcb.c).  Pure; any thread.
 */
#ifndef NEARCAST_RDATA_SVCB_CHECK_H
#define NEARCAST_RDATA_SVCB_CHECK_H

#include "common/rdata/rdata_octets.h"

enum {
	SVCB_MANDATORY, SVCB_ALPN, SVCB_NO_DEFAULT_ALPN, SVCB_PORT, SVCB_IPV4HINT, SVCB_ECH,
	SVCB_IPV6HINT, SVCB_DOHPATH, SVCB_OHTTP, SVCB_GROUPS, SVCB_DOCPATH, SVCB_KEYS
};

/* The name of a key below SVCB_KEYS. */
const char *rdata_svcb_check_name(unsigned key);

/* All parameters, up to the end: each key once, in order, with a value that it can have.  0, or
 * -1 with a reason. */
int rdata_svcb_check(struct rdata_octets *o);

#endif
