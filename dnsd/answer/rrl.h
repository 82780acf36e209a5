/*
 * rrl: what a client prefix may get over UDP: answers (response rate limiting, the BIND/NSD
 * "RRL" technical note) and octets (the budget of `amplification`).
 *
 * A source address may be forged, and then an answer goes to a victim.  Rate limiting counts
 * answers of a kind for a name to a prefix, and all that the prefix gets.  The budget counts
 * octets beyond a small factor of the question, for the prefix and for the network around it,
 * so that long answers reach whoever asks for them at a resolver's pace, and a victim gets
 * little more than the attacker sends.  It does not look at other answers.
 *
 * Both live in one table of token buckets, found by a keyed hash.  It never grows, and each
 * limit costs one relaxed atomic on one cache line: one for a name, one for the prefix, and for
 * octets one more for the network.  All workers share one table, without a lock.  Knows no
 * packets: what a verdict means for an answer is the caller's business.
 */
#ifndef NEARCAST_RRL_H
#define NEARCAST_RRL_H

#include <stdint.h>

#include "common/conf/conf.h"
#include "dnsd/answer/answer_note.h"

struct rrl;

enum rrl_verdict {
	RRL_PASS,
	RRL_SLIP,			/* too many answers: cut this one down, with TC */
	RRL_DROP,			/* too many answers */
	RRL_OVER			/* too many octets: cut it down, with TC */
};

enum {
	/* What a prefix gets of all names, in rates of one (all-per-second). */
	RRL_ALL = 20,
	/* The network around a prefix, in bits, and its budget, in prefixes: floods of all
	 * addresses of a network are not worth more than this. */
	RRL_NETWORK4 = 16,
	RRL_NETWORK6 = 32,
	RRL_NETWORK = 8
};

/* 4 MB of address space, which become memory as it is touched.  The caller frees it.  NULL with
 * a reason when memory or random numbers lack. */
struct rrl *rrl_new(struct err *err);

/* After the last worker has ended.  NULL is fine. */
void rrl_free(struct rrl *rrl);

/* False if no limit concerns the answer: then the table need not be asked. */
static inline bool
rrl_counts(const struct conf *conf, const struct answer_note *note)
{
	return conf->rrl.responses_per_second != 0 || note->beyond != 0;
}

/* What is to become of an answer at now_ms (monotonic clock).  Exempt prefixes, TCP, valid
 * cookies and this machine itself are not limited. */
enum rrl_verdict rrl_check(struct rrl *rrl, const struct conf *conf,
    const struct answer_client *client, const struct answer_note *note, uint64_t now_ms);

#endif
