/*
 * decision: an answer as a line for the log: who asked what, and what was said, and why.
 *
 * On the packet path decision_note copies what is at hand into a record of fixed size, the answer's
 * octets among it; nothing is formatted there.  decision_say makes members of it (members.h), off
 * the packet path, by reading the answer as its receiver would.  Knows neither rings nor spools.
 * decision_note: one packet on one thread; decision_say: any thread that holds the configuration of
 * the generation that answered.
 */
#ifndef NEARCAST_DECISION_H
#define NEARCAST_DECISION_H

#include <stdint.h>

#include "common/conf/conf.h"
#include "common/members.h"
#include "dnsd/answer/answer.h"

enum {
	DECISION_OCTETS = 448,		/* of an answer that are kept from its start, */
	DECISION_OPT = 128		/* and from its OPT on, if it is longer */
};

/* What limits made of the answer (rrl.h). */
enum decision_limit { DECISION_SENT, DECISION_CUT, DECISION_DROPPED };

struct decision {
	double t;			/* seconds since 1970 */
	uint64_t generation;
	struct addr client;
	bool tcp;
	uint8_t limit;			/* enum decision_limit */
	uint8_t counted;		/* as in the note */
	struct steer_by by;
	uint16_t len, opt_len;		/* octets of each part below */
	uint8_t octets[DECISION_OCTETS + DECISION_OPT];
};

/* Fills the record.  `len` octets of `answer` are what is sent, or would be if it were not dropped;
 * `note` is of the answer as it was before it was cut. */
void decision_note(struct decision *d, const struct generation *gen,
    const struct answer_client *client, const struct answer_note *note, const uint8_t *answer,
    size_t len, enum decision_limit limit);

/* Adds all of it but the time.  `conf` NULL = that of another generation is gone, and names of
 * pools, sites and servers with it. */
void decision_say(const struct decision *d, const struct conf *conf, struct members *m);

#endif
