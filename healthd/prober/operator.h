/*
 * operator: what the operator says over the control socket, understood.
 *
 * One line is one command:
 *   drain|force-up|force-down PATTERN [for SECONDS] [at EPOCH] [all] [wait] [by NAME] [reason TEXT]
 *   undrain|clear PATTERN [by NAME]
 *   left PATTERN [id ID]      milliseconds until what is drained there has run out
 *   notify POOL SET           this set is current now
 *   sets [ask]                which sets are current, and what this site's servers hold (sets.h);
 *                             `ask`: the origins are asked at once
 *   log NAME                  what happened to this server or site last, oldest first
 *   status [all|json]         of many servers a summary, of all, or for programs
 *
 * `at` is when it begins, in seconds of the epoch, not yet over; `for` counts from there.  `all`
 * allows a glob that means every server, or every site.  `reason` is last and takes the rest of
 * the line.  An override of the same kind that would end before the one in force is refused.
 * A drain that would end before its TTLs have run out is refused.  With `wait`, for a site only at
 * its own healthd, the last line of the answer is "id ID", for `left PATTERN id ID` to be asked
 * again and again: that is answered a number while the drain with that id goes on, 0 when it is
 * drained (TTLs have run out, dnsd says so, the route is gone), and an error that says what became
 * of it otherwise: expired, undrained, cleared, another override in its place, or a server of the
 * site forced up, and by whom.
 *
 * An override is confirmed when the health file has been written with it.  If that fails, the
 * answer is an error, the override is kept, and the TTLs of a drain run from when dnsd was told.
 *
 * `log` is answered a line for each change, "1763690000.123 KIND NAME ..." (history.h).
 *
 * PATTERN is the name of a server or a site, or a glob (* ? [...]).  A glob means
 * servers; sites only where no server matches, so that `drain fra*` does not take a
 * route away by accident.  "site:GLOB" and "server:GLOB" say which is meant; a plain
 * name that is both a server and a site needs that.
 *
 * operator_parse is pure and takes any octets; operator_apply puts what was said
 * before the judge.  Knows no socket.  One thread.
 */
#ifndef NEARCAST_OPERATOR_H
#define NEARCAST_OPERATOR_H

#include "common/err.h"
#include "healthd/judge/judge.h"

#define OPERATOR_FOR_MAX_S (366u * 86400)

enum operator_verb {
	OPERATOR_OVERRIDE, OPERATOR_UNDRAIN, OPERATOR_CLEAR, OPERATOR_LEFT, OPERATOR_NOTIFY,
	OPERATOR_LOG, OPERATOR_STATUS, OPERATOR_SETS
};

struct operator_command {
	enum operator_verb verb;
	enum judge_override_kind override;	/* of OPERATOR_OVERRIDE */
	char pattern[HEALTH_NAME_MAX + 8];	/* of names; for notify the pool */
	char set[HEALTH_NAME_MAX];
	char by[HEALTH_NAME_MAX];	/* "?" when not told */
	char reason[HEALTH_REASON_MAX];	/* "" when not told */
	uint32_t for_s;			/* 0 = until taken back */
	uint64_t at_s;			/* epoch; 0 = now */
	uint64_t id;			/* of OPERATOR_LEFT; 0 = any */
	bool all, wait;
	bool json;
	bool ask;			/* of OPERATOR_SETS */
};

/* 0, or -1 with a reason. */
int operator_parse(struct operator_command *command, const char *line, struct err *err);

struct operator_done {
	unsigned servers, sites;	/* matched and changed (or looked at) */
	bool here;			/* this healthd's own site among them */
	bool elsewhere;			/* another site among them */
	uint64_t left_ms;		/* OPERATOR_LEFT: the most of those matched */
	uint64_t id;			/* of the override, OPERATOR_OVERRIDE */
};

/* Does all but OPERATOR_STATUS, OPERATOR_LOG and OPERATOR_SETS.  0, or -1 with a reason and nothing
 * changed. */
int operator_apply(struct judge *judge, const struct operator_command *command,
    struct judge_time now, struct operator_done *done, struct err *err);

#endif
