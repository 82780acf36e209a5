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

/* What the prober holds of this site's health, whatever the operator has said about the site. */
enum verdict {
	VERDICT_NONE,			/* the first round is not over */
	VERDICT_UP,			/* at least min-healthy local servers */
	VERDICT_CACHES_DOWN,		/* a local cause: fewer than min-healthy */
	VERDICT_DRAIN,			/* servers here are drained; their TTLs are running out */
	VERDICT_DRAINED,		/* the same, and the last TTL has run out */
	VERDICT_HOLD,			/* a shared cause is suspected: change nothing */
	VERDICT_COUNT
};

/* The operator's override of this site, which comes before any verdict. */
enum message_override {
	MESSAGE_OVERRIDE_NONE,
	MESSAGE_OVERRIDE_DRAIN,		/* TTLs are running out */
	MESSAGE_OVERRIDE_DRAINED,	/* and the last one has */
	MESSAGE_OVERRIDE_FORCE_UP,	/* serve whatever the caches say */
	MESSAGE_OVERRIDE_FORCE_DOWN,
	MESSAGE_OVERRIDES
};

/* Prober to keeper: on every change, and at least once a second as a sign of life. */
struct verdict_message {
	uint32_t magic;			/* MESSAGE_VERDICT */
	uint32_t verdict;		/* enum verdict */
	uint32_t override;		/* enum message_override */
	uint32_t local_up, local_total;	/* servers of this site */
	uint64_t sent_ms;		/* monotonic */
	uint64_t override_id;		/* tells one override of the site from the next, also over
					 * restarts: when it was said, in ms of CLOCK_REALTIME;
					 * 0 = none */
	uint64_t servers_id;		/* another one with every override of a server here that
					 * is said, taken back or over; means nothing by itself */
	char reason[HEALTH_REASON_MAX];	/* of the verdict; printable, NUL-terminated */
	char override_reason[HEALTH_REASON_MAX]; /* the same of the override; "" = none */
};

#define MESSAGE_PREFIXES 32

struct posture_message_prefix {
	uint32_t posture;		/* enum health_posture */
	int32_t exported;		/* by BIRD; -1 = not known */
	double since;			/* CLOCK_REALTIME */
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
	uint32_t n_prefixes;		/* of `announce`, in its order; the members above are of the
					 * site: those of the prefix with the highest posture, and
					 * the worst penalty */
	struct posture_message_prefix prefixes[MESSAGE_PREFIXES];
	char reason[HEALTH_REASON_MAX];
};

#define MESSAGE_VERDICT 0x4e435631u
#define MESSAGE_POSTURE 0x4e435031u
#define MESSAGE_SERVERS_MAX (1u << 20)

/* True and *out filled if these octets are one whole verdict that can be believed:
 * size, magic, range of every number, a reason that health_reason would let through. */
bool message_check(struct verdict_message *out, const void *bytes, size_t len);

/* "up", "caches-down", ...; "?" out of range. */
const char *message_verdict_name(uint32_t verdict);

/* "none", "drain", "drained", "force-up", "force-down"; "?" out of range. */
const char *message_override_name(uint32_t override);

/* The name and the reason of what decides: of the override if there is one, else of the verdict.
 * In the message, or static. */
const char *message_name(const struct verdict_message *m);
const char *message_reason(const struct verdict_message *m);

/* Does the site drain, by its own override or because its servers do: TTLs are still out, or
 * the last one has run out. */
bool message_is_draining(const struct verdict_message *m);
bool message_is_drained(const struct verdict_message *m);

#endif
