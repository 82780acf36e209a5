/*
 * sample_range: a file's length, by the answer to a request for its first octet.
 *
 * That is how a mirror is asked that refuses HEAD (405, 501).  206 says in Content-Range how long
 * the whole is; 416 for nothing to begin with is the answer of an empty file; 200 is one of a
 * server that knows no ranges, and like that to HEAD.  Knows no transfer.  Pure.  RFC 9110, 14.4.
 */
#ifndef NEARCAST_SAMPLE_RANGE_H
#define NEARCAST_SAMPLE_RANGE_H

#include <stddef.h>
#include <stdint.h>

#include "healthd/sample/sample_answer.h"

/* A line of an answer's head, its end with it or not: *total becomes the length of the whole if
 * it is a Content-Range that says it, and -1 if it begins another answer or is one that does not;
 * else it stays. */
void sample_range_line(const char *line, size_t len, int64_t *total);

/* Makes the answer one like that to HEAD.  `total` is -1 where no line said it. */
void sample_range_answer(struct sample_head_answer *answer, int64_t total);

#endif
