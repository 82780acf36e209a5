/*
 * check: what every kind of check has in common.
 *
 * A struct probe is one target being probed again and again: at most one check of it
 * is under way.  The prober starts it (check_start), the checker ends it with exactly
 * one check_done, possibly from within check_start.  A checker may be told to
 * drop what it is doing (check_cancel), and then says nothing.
 *
 * The checkers (check_http, check_tcp, check_dns, check_command) know the loop and
 * their protocol; they do not know the judge, schedules, or each other.  Everything
 * they read was written by strangers: bounded first, understood later.  One thread.
 */
#ifndef NEARCAST_CHECK_H
#define NEARCAST_CHECK_H

#include "common/addr.h"
#include "common/conf/conf.h"
#include "common/loop.h"
#include "healthd/check/result.h"

struct check_http;			/* libcurl's side, shared by all of its probes */
struct check_dns;
struct spawn;				/* programs under way */

struct checks {
	struct loop *loop;
	const struct conf *conf;
	struct check_http *http;
	struct spawn *commands;
};

struct probe {
	struct checks *checks;
	const struct conf_check *check;
	const struct conf_server *server;
	struct addr addr;		/* port 0 = the check's own */
	uint32_t target;		/* the judge's index */
	bool busy;			/* between check_start and check_done */
	bool void_timeout;		/* a timeout now would be our own fault */
	unsigned voided;		/* results in a row not counted for that */
	uint64_t started_ms, started_us;
	void *own;			/* the checker's, made by check_prepare; NULL = none */
	struct loop_timer timer;	/* the schedule's */
	struct loop_timer digest_timer;
	void (*done)(struct probe *probe, const struct result *result);
	void *arg;			/* of whoever set `done` */
};

/* What reading the configuration cannot know of its checks.  0, or -1 with a reason. */
int checks_test(const struct conf *conf, struct err *err);

/* Makes what all probes share.  0, or -1 with a reason and *checks to be given to
 * checks_close. */
int checks_open(struct checks *checks, struct loop *loop, const struct conf *conf, struct err *err);
void checks_close(struct checks *checks);

/* Makes the checker's own part of a probe once, so that check_start allocates nothing of
 * ours.  0, or -1 with a reason. */
int check_prepare(struct probe *probe, struct err *err);
void check_release(struct probe *probe);

void check_start(struct probe *probe);
void check_cancel(struct probe *probe);

/* For checkers: the one way a check ends. */
void check_done(struct probe *probe, const struct result *result);

/* The check begins only now: it has waited for its turn. */
void check_began(struct probe *probe);

/* A result to start from: no load, no set, latency since the beginning. */
struct result check_result(const struct probe *probe, enum reason reason);

/* For errors of system calls on the way to the server: CONNECT, CUT or INTERNAL, with
 * errno's text as detail. */
struct result check_result_errno(const struct probe *probe, int error);

#endif
