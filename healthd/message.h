/*
 * message: what the two processes of healthd tell each other.
 *
 * One socketpair (AF_UNIX, SOCK_SEQPACKET) made by the keeper before it starts
 * the prober; each message is one whole struct of fixed size.  The keeper believes
 * nothing but what message_check lets through, for its child reads foreign bytes.
 * The structs never leave the machine, nor the program that was started: native
 * byte order, no versions.
 */
#ifndef NEARCAST_MESSAGE_H
#define NEARCAST_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/health_file.h"

/* What the prober holds of this site. */
enum verdict {
	VERDICT_NONE,			/* the first round is not over */
	VERDICT_UP,			/* at least min-healthy local servers */
	VERDICT_CACHES_DOWN,		/* a local cause: fewer than min-healthy */
	VERDICT_DRAIN,			/* the operator's override: TTLs are running out */
	VERDICT_DRAINED,		/* the operator's override, and the last TTL has run out */
	VERDICT_HOLD,			/* a shared cause is suspected: change nothing */
	VERDICT_FORCE_UP,		/* the operator's override: serve whatever the caches say */
	VERDICT_FORCE_DOWN,
	VERDICT_COUNT
};

/* Prober to keeper: on every change, and at least once a second as a sign of life. */
struct verdict_message {
	uint32_t magic;			/* MESSAGE_VERDICT */
	uint32_t verdict;		/* enum verdict */
	uint32_t local_up, local_total;	/* servers of this site */
	uint64_t sent_ms;		/* monotonic */
	uint64_t override_ms;		/* when the operator's about the site was said; 0 = none */
	char reason[HEALTH_REASON_MAX];	/* printable, NUL-terminated */
};

/* Keeper to prober: on every change, and at least once a second. */
struct posture_message {
	uint32_t magic;			/* MESSAGE_POSTURE */
	uint32_t posture;		/* enum health_posture */
	double since;			/* CLOCK_REALTIME */
	uint32_t dnsd_asked, dnsd_answering; /* anycast addresses asked, and those that answer */
	int32_t exported4, exported6;	/* BIRD: prefixes really exported; -1 = not known */
	double penalty;			/* of the route's flaps (RFC 2439) */
	uint32_t hold_left_ms;		/* until announcing again is allowed */
	char reason[HEALTH_REASON_MAX];
	char alarm[HEALTH_REASON_MAX];	/* "" = none */
};

#define MESSAGE_VERDICT 0x4e435631u
#define MESSAGE_POSTURE 0x4e435031u
#define MESSAGE_SERVERS_MAX (1u << 20)

/* True and *out filled if these octets are one whole verdict that can be believed:
 * size, magic, range of every number, a reason that health_reason would let through. */
bool message_check(struct verdict_message *out, const void *bytes, size_t len);

/* "up", "caches-down", ...; "?" out of range. */
const char *message_verdict_name(uint32_t verdict);

#endif
