/*
 * answer_note: who asks, and what an answer was.
 *
 * The two structs that pass between the transports, the seam (answer.h) and rate
 * limiting (rrl.h), which needs no more of DNS than this.  Knows neither packets nor
 * zones.  Plain values; any thread.
 */
#ifndef NEARCAST_ANSWER_NOTE_H
#define NEARCAST_ANSWER_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "dnsd/steer/steer.h"

struct answer_client {
	struct addr addr;		/* the resolver, with its port */
	bool tcp;
	bool own;			/* this machine itself: exempt from all limits */
	uint32_t now_s;			/* CLOCK_REALTIME, seconds; once per batch is enough */
	uint32_t mono_s;		/* CLOCK_MONOTONIC, likewise */
	uint16_t tcp_idle_100ms;	/* for edns-tcp-keepalive: our idle timeout in 100 ms */
};

enum answer_kind { ANSWER_DATA, ANSWER_NODATA, ANSWER_NXDOMAIN, ANSWER_REFERRAL, ANSWER_ERROR };

/* What an answer is counted as, each once, however many choices it was made of. */
enum { ANSWER_STEERED = 1, ANSWER_BY_ECS = 2, ANSWER_UNLOCATED = 4, ANSWER_FAIL_OPEN = 8 };

struct answer_note {
	enum answer_kind kind;
	bool cookie_ok;			/* a valid server cookie: not rate-limited */
	uint64_t name_hash;		/* of the name that answered: wildcard, apex for NXDOMAIN;
					 * of an error the rcode */
	uint16_t question_end;		/* offset past the question, 0 = there is none */
	uint16_t opt_at;		/* offset of OPT, with which the answer ends; 0 = none */
	uint8_t counted;		/* bits as above */
	struct steer_by by;		/* of an answer that is counted as steered */
	uint32_t beyond;		/* octets past amplification's factor of the question */
};

#endif
