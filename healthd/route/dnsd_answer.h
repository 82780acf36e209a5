/*
 * dnsd_answer: what an answer to one of our questions says about dnsd.
 *
 * Not every answer that disappoints is one of a broken dnsd.  GOOD: data, or a truncated answer,
 * by which rate limits and cookies send their clients to TCP.  ODD: the zone is served, but what
 * the question asks for is not in it (NXDOMAIN, no data, a referral).  REFUSED: dnsd lives, but
 * does not serve this: it was told otherwise, or wants a cookie first.  BAD: SERVFAIL, other
 * errors, and whatever is not an answer to this question.
 *
 * Pure; any thread.  RFC 1035 4.1, RFC 7873 5.4.
 */
#ifndef NEARCAST_DNSD_ANSWER_H
#define NEARCAST_DNSD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dnsd_answer { DNSD_ANSWER_GOOD, DNSD_ANSWER_ODD, DNSD_ANSWER_REFUSED, DNSD_ANSWER_BAD };

/* Judges an answer; question and answer each with its header, none longer than its length says
 * (the question well-formed).  *why becomes static text: "" if it is good. */
enum dnsd_answer dnsd_answer_judge(const uint8_t *question, size_t question_len,
    const uint8_t *answer, size_t answer_len, const char **why);

#endif
