/*
 * dnsd_question: what dnsd is asked, and how each question has fared.
 *
 * [0] is about the server itself (CH TXT site.nearcast), [1] is `question` of `announce`, or
 * the first zone's SOA, and the others are SOAs of up to eight zones, spread over the list.  A
 * zone that fails while others answer is an alarm and no failure: only all together are.  Where
 * the configuration has no zone, the root is asked about: what is announced is always watched.
 *
 * A question must have been answered with data once before its failing means anything: until
 * then it may be that dnsd reads another configuration than we do, or that it asks for what is
 * not there.
 *
 * Pure; times are monotonic milliseconds.  Knows no addresses and no sockets.
 */
#ifndef NEARCAST_DNSD_QUESTION_H
#define NEARCAST_DNSD_QUESTION_H

#include "common/conf/conf.h"
#include "common/dns/name.h"
#include "common/health_file.h"
#include "healthd/route/dnsd_life.h"

enum {
	DNSD_QUESTION_SERVER,
	DNSD_QUESTION_MAIN,
	DNSD_QUESTION_OTHER,		/* the first of them */
	DNSD_QUESTION_OTHERS = 8,
	DNSD_QUESTION_MAX = DNSD_QUESTION_OTHER + DNSD_QUESTION_OTHERS
};

struct dnsd_question {
	uint8_t name[NAME_MAX_WIRE];
	uint16_t type, class;
	bool proven;			/* data was the answer, once */
	enum dnsd_answer answer;	/* the last */
	const char *why;		/* of it; static text */
	unsigned amiss;			/* answers in a row that were not good */
	uint64_t amiss_ms;		/* since when */
};

struct dnsd_questions {
	struct dnsd_question v[DNSD_QUESTION_MAX];
	size_t n;			/* 0: there is nothing to ask, else at least 2 */
};

/* Takes the questions from the configuration, which is not kept.  0, or -1 with a reason. */
int dnsd_question_init(struct dnsd_questions *questions, const struct conf *conf, struct err *err);

/* What an answer to question i says something about. */
enum dnsd_life_about dnsd_question_about(const struct dnsd_questions *questions, size_t i);

/* Question i was answered, at any address. */
void dnsd_question_heard(struct dnsd_questions *questions, size_t i, enum dnsd_answer answer,
    const char *why, uint64_t now_ms);

/* "example.org SOA"; returns `out`. */
enum { DNSD_QUESTION_TEXT = NAME_TEXT + 16 };
char *dnsd_question_text(char out[DNSD_QUESTION_TEXT], const struct dnsd_question *question);

/* Is a question not answered well, for more than a second now?  Says which. */
bool dnsd_question_alarm(const struct dnsd_questions *questions, uint64_t now_ms,
    char text[HEALTH_REASON_MAX]);

#endif
