/*
 * alarm: troubles of healthd itself that the operator should see: in the log when they begin and
 * end, in the status while they last.
 *
 * One alarm a kind at a time; raised again, it only changes its text.  Knows no causes.  One
 * thread.
 */
#ifndef NEARCAST_ALARM_H
#define NEARCAST_ALARM_H

#include "common/health_file.h"
#include "common/loop.h"

enum { ALARM_TEXT = 512 };		/* octets of one, with NUL */
enum { ALARM_PASSING_MS = 60000 };	/* that a passing trouble stays an alarm */

enum alarm_kind {
	ALARM_FREEZE,			/* the judge changes nothing */
	ALARM_LATE,			/* this process stood still */
	ALARM_CLOCK,			/* the wall clock jumped */
	ALARM_PUBLISH,			/* the health file cannot be written */
	ALARM_STATE,			/* nor the state file */
	ALARM_INTERNAL,			/* a check failed by our own fault */
	ALARM_ASIDE,			/* a check is left out, for it has stopped healthd */
	ALARM_PENDING,			/* a server fails, and nobody can tell whose fault it is */
	ALARM_HOOK,
	ALARM_MEMORY,			/* the state file was damaged */
	ALARM_CERTIFICATE,		/* a server's ends soon */
	ALARM_ORIGIN,			/* an origin does not tell its set */
	ALARM_COUNT
};

struct alarm {
	char text[ALARM_TEXT];		/* "" = none */
	double since;			/* wall clock, seconds */
	uint64_t until_ms;		/* ends by itself then; 0 = does not */
};

struct alarms {
	struct loop *loop;		/* borrowed, for its time */
	/* An alarm begins, or is over; NULL = nobody is told. */
	void (*told)(void *arg, const struct alarm *alarm, bool over);
	void *arg;
	struct alarm v[ALARM_COUNT];
};

/* Begins an alarm, or changes its text.  It ends by itself after `for_ms`; 0 = with alarm_over. */
void alarm_raise(struct alarms *alarms, enum alarm_kind kind, uint32_t for_ms, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void alarm_over(struct alarms *alarms, enum alarm_kind kind);

/* Ends those whose time has come. */
void alarm_review(struct alarms *alarms);

#endif
