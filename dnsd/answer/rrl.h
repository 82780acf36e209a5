/*
 * rrl: response rate limiting by client prefix (the BIND/NSD "RRL" technical note).
 *
 * A fixed table of token buckets shared by all workers, keyed by a keyed hash of
 * (client prefix, kind of answer, name); it never grows, and one relaxed atomic on
 * one cache line is the cost of a check.  Knows no packets.
 */
#ifndef NEARCAST_RRL_H
#define NEARCAST_RRL_H

#include <stdint.h>

#include "common/conf/conf.h"
#include "dnsd/answer/answer_note.h"

struct rrl;

enum rrl_verdict { RRL_PASS, RRL_SLIP, RRL_DROP };

/* NULL with a reason when memory lacks. */
struct rrl *rrl_new(struct err *err);
void rrl_free(struct rrl *rrl);

/* now_ms: monotonic.  Off (responses_per_second 0), exempt prefixes, TCP and valid cookies always pass. */
enum rrl_verdict rrl_check(struct rrl *rrl, const struct conf *conf, const struct answer_client *client,
    const struct answer_note *note, uint64_t now_ms);

#endif
