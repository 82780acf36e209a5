/*
 * load: what generations are made of, read from files: configuration, zones,
 * databases, cookie secrets.
 *
 * A load is read whole, off the packet path and off the main thread, then only read.
 * What did not change on disk is shared with the load before it, so that a reload costs
 * what has changed.  A zone that is refused keeps its old version; everything else that
 * is wrong refuses the load as a whole.  Several views (view.h) may be built on one
 * load, one for each state of health.
 *
 * Reference counts are plain numbers: a load is read while no other is being freed
 * (the builder of reload.c works between two main-thread steps), and freed by the main
 * thread.  Neither logs nor exits: lines go to the caller.
 */
#ifndef NEARCAST_LOAD_H
#define NEARCAST_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "dnsd/message/cookie.h"
#include "dnsd/steer/steer.h"
#include "dnsd/zone/zone.h"

/* A configuration that loads may share. */
struct load_conf {
	unsigned refs;
	struct conf *conf;
};

struct load {
	unsigned refs;			/* the reader's own, and one for each view */
	struct load_conf *owner;	/* of conf */
	const struct conf *conf;
	struct zone **zones;		/* by index of conf->zones; NULL = refused, and no old version */
	unsigned failed;		/* zones that were refused */
	struct steer_geo *geo;
	struct cookie_secrets cookies;
	double seconds;			/* how long reading took */
};

/* Where lines go, each complete with file and line; never NULL. */
struct load_say {
	void (*warn)(const char *line);
	void (*error)(const char *line);	/* a zone refused */
};

/* Reads everything.  `old` may be NULL.  `force` lets a zone shrink or go back.  The caller
 * holds the result.  NULL with a reason. */
struct load *load_read(const char *path, const struct load *old, bool force,
    const struct load_say *say, struct err *err);

/* The old load with its databases read again.  NULL with a reason. */
struct load *load_read_geo(const struct load *old, const struct load_say *say, struct err *err);

void load_hold(struct load *load);
void load_release(struct load *load);

/* Gives back a configuration whose `refs` the caller has raised. */
void load_release_conf(struct load_conf *owner);

#endif
