/*
 * answer_log: an answer as a line for the log: who asked what, and what was said, and why.
 *
 * On the packet path answer_log_note copies what is at hand into a record of fixed size, the
 * answer's octets among it; nothing is formatted there.  answer_log_say makes members of it
 * (members.h), off the packet path, by reading the answer as its receiver would.  Knows neither
 * rings nor spools.  answer_log_note: one packet on one thread; answer_log_say: any thread that
 * holds the configuration of the generation that answered.
 */
#ifndef NEARCAST_ANSWER_LOG_H
#define NEARCAST_ANSWER_LOG_H

#include <stdint.h>

#include "common/conf/conf.h"
#include "common/members.h"
#include "dnsd/answer/answer.h"

enum {
	ANSWER_LOG_OCTETS = 448,		/* of an answer that are kept from its start, */
	ANSWER_LOG_OPT = 128		/* and from its OPT on, if it is longer */
};

/* What limits made of the answer (rrl.h). */
enum answer_log_limit { ANSWER_LOG_SENT, ANSWER_LOG_CUT, ANSWER_LOG_DROPPED };

struct answer_log {
	double t;			/* seconds since 1970 */
	uint64_t generation;
	struct addr client;
	bool tcp;
	uint8_t limit;			/* enum answer_log_limit */
	uint8_t counted;		/* as in the note */
	struct steer_by by;
	uint16_t len, opt_len;		/* octets of each part below */
	uint8_t octets[ANSWER_LOG_OCTETS + ANSWER_LOG_OPT];
};

/* Fills the record.  `len` octets of `answer` are what is sent, or would be if it were not dropped;
 * `note` is of the answer as it was before it was cut. */
void answer_log_note(struct answer_log *d, const struct generation *gen,
    const struct answer_client *client, const struct answer_note *note, const uint8_t *answer,
    size_t len, enum answer_log_limit limit);

/* Adds all of it but the time.  `conf` NULL = that of another generation is gone, and names of
 * pools, sites and servers with it. */
void answer_log_say(const struct answer_log *d, const struct conf *conf, struct members *m);

#endif
