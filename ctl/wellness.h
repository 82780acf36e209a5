/*
 * wellness: what the daemons of this machine say of themselves, gathered, and whether it is well.
 *
 * Three sources, each of which may be silent without the others: the keeper's file
 * (healthd/route/posture_file.h) tells of the route, also if the prober hangs; healthd's socket
 * of servers and checks; dnsd's socket of what is served.  Alarms are collected from all of them,
 * each once and whole, with those that only show when they are laid side by side: a daemon that
 * says nothing, two configurations, health that dnsd does not believe.  The log spool's folder
 * tells by itself when collectors fall behind.
 *
 * A site serves if dnsd answers its socket, has a zone, and the route, where one is to be
 * announced, is told of and not down.  Knows no printing.  One thread.
 */
#ifndef NEARCAST_WELLNESS_H
#define NEARCAST_WELLNESS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conf/conf.h"
#include "healthd/route/posture_file.h"

#define WELLNESS_ALARMS 48

/* What a daemon says of itself, or why it says nothing. */
struct wellness_daemon {
	char *text;			/* owned; NULL = nothing */
	char *json;			/* owned; NULL = nothing, or not asked for */
	struct err err;
};

struct mirrors;				/* mirrors.h */

struct wellness {
	const struct conf *conf;	/* borrowed */
	double now;			/* CLOCK_REALTIME */
	bool route_known;
	bool route_fresh;		/* its file is of now */
	struct posture_file route;
	struct err route_err;
	struct wellness_daemon healthd, dnsd;
	struct mirrors *mirrors;	/* owned; NULL = there is none */
	char digest[17];		/* of dnsd's configuration; "" = not told */
	char *alarms[WELLNESS_ALARMS];	/* owned */
	size_t n_alarms;
	bool serving;
};

/* Asks and judges; `line` is what healthd's socket is asked for people, and with `json` both
 * sockets are asked for JSON, too.  `conf` is borrowed; `broken` says why the file cannot be read
 * and `conf` is bare, "" = it is whole.  Then wellness_clear is the caller's. */
void wellness_gather(struct wellness *w, const struct conf *conf, const char *broken,
    const char *line, bool json);
void wellness_clear(struct wellness *w);

/* 0 = all is well, 1 = there is an alarm, 2 = the site does not serve. */
int wellness_status(const struct wellness *w);

/* "well", "alarm", "not serving". */
const char *wellness_name(const struct wellness *w);

#endif
