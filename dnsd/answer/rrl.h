/*
 * rrl: response rate limiting by client prefix (the BIND/NSD "RRL" technical note).
 *
 * A table of token buckets, found by a keyed hash of client prefix, kind of answer and
 * name.  It never grows, and a check costs one relaxed atomic on one cache line.  All
 * workers share one table, without a lock.  Knows no packets: what a verdict means for
 * an answer is the caller's business.
 */
#ifndef NEARCAST_RRL_H
#define NEARCAST_RRL_H

#include <stdint.h>

#include "common/conf/conf.h"
#include "dnsd/answer/answer_note.h"

struct rrl;

enum rrl_verdict { RRL_PASS, RRL_SLIP, RRL_DROP };

/* 4 MB of address space, which become memory as it is touched.  The caller frees it.  NULL with
 * a reason when memory or random numbers lack. */
struct rrl *rrl_new(struct err *err);

/* After the last worker has ended.  NULL is fine. */
void rrl_free(struct rrl *rrl);

/* What is to become of an answer at now_ms (monotonic clock): it passes, is dropped, or slips
 * (goes out cut down, with TC).  Where limiting is off (responses_per_second 0), and for exempt
 * prefixes, TCP, valid cookies and this machine itself, everything passes. */
enum rrl_verdict rrl_check(struct rrl *rrl, const struct conf *conf,
    const struct answer_client *client, const struct answer_note *note, uint64_t now_ms);

#endif
