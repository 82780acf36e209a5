/*
 * core: what all parts of the prober work on: configuration, loop, judge, alarms.
 *
 * The judge knows no clock; here it gets the loop's.  Knows no checks, no files and none of the
 * parts.  One thread.
 */
#ifndef NEARCAST_CORE_H
#define NEARCAST_CORE_H

#include "common/conf/conf.h"
#include "common/loop.h"
#include "healthd/judge/judge.h"
#include "healthd/prober/alarm.h"

enum {
	CORE_TICK_MS = 250,		/* the longest that a turn of the loop is away */
	CORE_RESERVE = 4		/* descriptors that writing a file may need */
};

struct core {
	const struct conf *conf;	/* borrowed */
	struct loop *loop;		/* owned, as is judge */
	struct judge *judge;
	struct alarms alarms;
	double started;			/* wall clock, seconds */
	int reserve[CORE_RESERVE];	/* descriptors kept back; -1 = lent */
	uint64_t dnsd_ms;		/* when our own dnsd said last ... */
	bool dnsd_drains;		/* ... whether it drains; 0 = never */
	uint32_t random;
};

/* 0, or -1 with a reason and the need of core_close. */
int core_open(struct core *core, const struct conf *conf, struct err *err);
void core_close(struct core *core);

/* The time of this turn. */
struct judge_time core_now(const struct core *core);

/* Puts an event before the judge, now. */
void core_step(struct core *core, const struct judge_event *event);

/* For jitter, not for secrets. */
uint32_t core_random(struct core *core);

/* Descriptors are kept back for the files that must be written however many connections the checks
 * have open: lent just before one is written, kept back again after it. */
void core_lend(struct core *core);
void core_reserve(struct core *core);

#endif
