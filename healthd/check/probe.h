/*
 * probe: one target being probed again and again, and the one way a check of it ends.
 *
 * At most one check of a target is under way.  checks.h starts it; its kind (kinds.h) ends it
 * with exactly one probe_done, possibly from within the start.
 *
 * Knows the clock; knows no protocol, judge or schedule.  One thread.
 */
#ifndef NEARCAST_PROBE_H
#define NEARCAST_PROBE_H

#include "common/addr.h"
#include "common/conf/conf.h"
#include "common/loop.h"
#include "healthd/check/result.h"

struct fetcher;				/* fetch.h */
struct http_match;			/* http_answer.h */
struct spawn;				/* spawn.h */

/* What all probes share; checks.h opens and closes it. */
struct checks {
	struct loop *loop;		/* borrowed, as is conf */
	const struct conf *conf;
	struct fetcher *fetcher;	/* owned */
	struct http_match *matches;	/* owned; as conf.checks */
	struct spawn *commands;		/* owned */
};

struct probe {
	struct checks *checks;
	const struct conf_check *check;
	const struct conf_server *server;
	struct addr addr;		/* port 0 = the check's own */
	uint32_t target;		/* the judge's index */
	bool busy;			/* between checks_start and probe_done */
	bool fresh;			/* the next check must not use an old connection */
	unsigned kept;			/* checks since the last one that was fresh */
	bool void_timeout;		/* a timeout now would be our own fault */
	bool ends_soon;			/* a certificate of the server does */
	int certificate_days;
	unsigned voided;		/* results in a row not counted for that */
	uint64_t started_ms, started_us; /* monotonic */
	void *own;			/* the kind's, made by checks_prepare; NULL = none */
	struct loop_timer timer;	/* the schedule's */
	/* `result` and what it points to are valid until done returns. */
	void (*done)(struct probe *probe, const struct result *result);
	void *arg;			/* of whoever set `done` */
};

/* The check begins only now: it has waited for its turn. */
void probe_began(struct probe *probe);

/* The one way a check ends. */
void probe_done(struct probe *probe, const struct result *result);

/* A result to start from: no load, no set, latency since the beginning. */
struct result probe_result(const struct probe *probe, enum reason reason);

/* For errors of system calls on the way to the server: CONNECT, CUT, TIMEOUT or INTERNAL,
 * with errno's text as detail. */
struct result probe_result_errno(const struct probe *probe, int error);

#endif
