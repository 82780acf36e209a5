/*
 * result: how a check can end, and the one way to say it.
 *
 * Every kind of check fills one struct result and hands it to probe_done (probe.h); there is no
 * other way out of a check.  Knows no target, no server, no time.
 */
#ifndef NEARCAST_RESULT_H
#define NEARCAST_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/health_file.h"

enum reason {
	REASON_NONE,			/* not checked yet */
	REASON_OK,
	REASON_TIMEOUT,			/* slow is failed */
	REASON_CONNECT,			/* refused, unreachable */
	REASON_TLS,			/* handshake or certificate */
	REASON_CUT,			/* reset, or closed in the middle */
	REASON_PROTOCOL,		/* what came is not the protocol */
	REASON_CODE,			/* an HTTP code that is not expected */
	REASON_HEADER,			/* a header that does not match, or is missing */
	REASON_BODY,			/* a body that does not match */
	REASON_SIZE,			/* more octets than allowed */
	REASON_RCODE,			/* of a DNS answer */
	REASON_ANSWER,			/* the record expected is not in the DNS answer */
	REASON_EXIT,			/* of a command */
	REASON_SET,			/* no usable set id */
	REASON_DIGEST,			/* an object's SHA-256 or size */
	REASON_INTERNAL,		/* our own: no memory, no descriptor; blames nobody */
	REASON_COUNT
};

#define RESULT_DETAIL_MAX 80

struct result {
	enum reason reason;		/* OK, or why it failed */
	int load;			/* 0-100; -1 = not told */
	uint32_t latency_us;
	bool certified;			/* certificates were looked at: */
	int certificate_days;		/* whole days until the first of them ends */
	const char *set;		/* the set id, borrowed for the call; NULL = not asked */
	char detail[RESULT_DETAIL_MAX];	/* for people; may hold any octets */
};

static inline bool
result_ok(const struct result *r)
{
	return r->reason == REASON_OK;
}

/* "timeout", "connect", ...; "?" out of range. */
const char *result_reason_name(enum reason reason);

/* True if the text can be a set id: 1 to HEALTH_NAME_MAX - 1 printable octets without
 * blank, quote or backslash, and not "-". */
bool result_set_ok(const char *set);

#endif
