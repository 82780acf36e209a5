/*
 * sample_answer: does a mirror deliver a file as the catalogue knows it?
 *
 * What came of one HEAD is put beside what was expected.  Bad is: another status than 200, a
 * length other than the file's, text/html for a file whose name does not say so (a page that says
 * "not found" with 200), a Last-Modified more than two seconds older than the file's time.  HTTP's
 * dates are in UTC whatever the mirror's zone, and a mirror that does not keep times has newer
 * ones, so only older ones count.  A length or date that is not sent says nothing.  Below a
 * prefix of `outdated-ok` neither length nor date counts.
 *
 * A mirror that gives no answer, or that it is overloaded or broken (429, 5xx), or that it takes
 * no such request, however it is asked (405), says nothing of the file either; it counts against
 * the mirror.  Knows no transfer.  Pure.  RFC 9110.
 */
#ifndef NEARCAST_SAMPLE_ANSWER_H
#define NEARCAST_SAMPLE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalogue/catalogue.h"
#include "common/conf/conf.h"

enum { SAMPLE_WHY = 96 };

/* What came of a HEAD. */
struct sample_head_answer {
	bool answered;			/* there was an answer; else `fault` says why not */
	char fault[SAMPLE_WHY];
	long status;
	int64_t length;			/* -1 = not sent */
	int64_t modified;		/* seconds since 1970; -1 = not sent */
	char type[64];			/* "" = not sent */
};

enum sample_verdict { SAMPLE_GOOD, SAMPLE_BAD, SAMPLE_FAILED };

/* `file` NULL: nothing is known of what was asked for, any answer but 429 and 5xx is good.  Why
 * it is not good is in `why`. */
enum sample_verdict sample_answer_judge(const struct sample_head_answer *answer,
    const struct conf_mirror *mirror, const struct catalogue_file *file, const char *path,
    size_t len, char why[SAMPLE_WHY]);

#endif
