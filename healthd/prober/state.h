/*
 * state: healthd's memory over restarts, a text file in state-dir.
 *
 *   nearcast-state 2 stamp=1763690000.123
 *   word server fra1 drain at=1763690000.000 until=0 by=root id=1763690000000 reason="new disks"
 *   plan site fra drain at=1763690000.000 until=1763693600.000 by=root id=1763690000001 reason=""
 *   sibling nyc drain=1 ttl=40
 *   set mirrors order=2 id=2026-11-20
 *   pool mirrors set=2026-11-20 held=1 asked=2 notified=0 origin=-
 *   target fra1 v4 up since=1763680000.000 set=2026-11-20 digest=ok
 *   warm fra1 since=1763689990.000
 *   end 7
 *
 * A target of a pool with several checks ends with check=NAME, and behind its targets stands since
 * when a server's weight grows (warm-up).  A plan is a word that begins
 * later.  A pool's sets come before it, and it before the targets.
 * Version 1 had neither plans, siblings nor sets, a word ended with `by`, a pool's and a target's
 * line with their set; those are read, too.
 *
 * Written to a temporary file, then renamed; the one before is kept as FILE.old.
 * Reading never fails as a whole: every line that makes sense counts, what does not is
 * counted as bad, and a damaged or missing file is made good by FILE.old.  Names are
 * text here; whether they still exist is the reader's business.  One thread.
 */
#ifndef NEARCAST_STATE_H
#define NEARCAST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "common/health_file.h"
#include "healthd/judge/judge.h"

#define STATE_FILE_MAX (16u << 20)
#define STATE_ORDER_MAX ((uint64_t)1 << 52) /* of sets seen: more have never been */
#define STATE_MEMORY_S 600		/* a target's state older than this is forgotten */

enum state_kind {
	STATE_OVERRIDE_SERVER, STATE_OVERRIDE_SITE, STATE_SIBLING, STATE_SET, STATE_POOL,
	STATE_TARGET, STATE_WARMTH
};

struct state_item {
	enum state_kind kind;
	char name[HEALTH_NAME_MAX];
	/* overrides, which are "word" or "plan" in the file */
	enum judge_override_kind override;
	bool planned;
	uint64_t id;			/* 0 = not told */
	double at, until;
	char by[HEALTH_NAME_MAX];
	/* targets and pools; of warmth `since` */
	uint8_t family;
	enum health_state state;
	double since;
	char set[HEALTH_NAME_MAX];	/* "" = none */
	char check[HEALTH_NAME_MAX];	/* of several; "" = the only one */
	bool bad_digest;		/* and `reason` says why */
	/* sets and pools */
	uint64_t order;			/* of the set; of a pool, as of the origin's last answer */
	bool held;			/* by `quorum` servers; `at` is when notified */
	char origin[HEALTH_NAME_MAX];	/* "" = has said nothing */
	/* other sites */
	bool drain;
	uint32_t ttl_s;			/* 0 = not known */
	char reason[HEALTH_REASON_MAX];	/* "" = none */
	double stamp;			/* of the file */
};

struct state_report {
	bool whole;			/* head and matching end are there, no bad line */
	unsigned items, bad_lines;
	double stamp;
};

/* Calls `take` for every good line.  Any octets are fine. */
struct state_report state_parse(const char *text, size_t len,
    void (*take)(void *arg, const struct state_item *item), void *arg);

/* Reads `path`, and `path`.old where that one is missing or damaged (items of the
 * damaged one come last and so win).  True if anything was read; *err is set to a
 * line for the log when something was wrong, else empty. */
bool state_read(const char *path, void (*take)(void *arg, const struct state_item *item), void *arg,
    struct err *err);

/* The whole of the judge's memory as text; `n` counts its lines. */
void state_print(FILE *out, const struct judge *judge, struct judge_time now);

/* Replaces the file; `sync` puts it on the disk first, for overrides, which must outlive a
 * power cut.  0, or -1 with a reason and the old ones as they were. */
int state_write(const char *path, const struct judge *judge, struct judge_time now, bool sync,
    struct err *err);

#endif
