/*
 * operator: what the operator says over the control socket, understood.
 *
 * One line is one command:
 *   drain|undrain|force-up|force-down|clear PATTERN [for SECONDS] [by NAME]
 *   left PATTERN              milliseconds until what is drained there has run out
 *   notify POOL SET           this set is current now
 *   status [json]
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
	OPERATOR_STATUS
};

struct operator_command {
	enum operator_verb verb;
	enum judge_override_kind override;	/* of OPERATOR_OVERRIDE */
	char pattern[HEALTH_NAME_MAX + 8];	/* of names; for notify the pool */
	char set[HEALTH_NAME_MAX];
	char by[HEALTH_NAME_MAX];	/* "?" when not told */
	uint32_t for_s;			/* 0 = until taken back */
	bool json;
};

/* 0, or -1 with a reason. */
int operator_parse(struct operator_command *command, const char *line, struct err *err);

struct operator_done {
	unsigned servers, sites;	/* matched and changed (or looked at) */
	bool here;			/* this healthd's own site among them */
	bool elsewhere;			/* another site among them */
	uint64_t left_ms;		/* OPERATOR_LEFT: the most of those matched */
};

/* Does all but OPERATOR_STATUS.  0, or -1 with a reason and nothing changed. */
int operator_apply(struct judge *judge, const struct operator_command *command,
    struct judge_time now, struct operator_done *done, struct err *err);

#endif
