/*
 * load: what generations are made of, read from files: configuration, zones,
 * databases, cookie secrets.
 *
 * A load is read whole, off the packet path and off the main thread, then only read.
 * What did not change on disk is shared with the inputs before it, so that a reload costs
 * what has changed.  A zone that is refused keeps its old version; everything else that
 * is wrong refuses the inputs as a whole.  Several generations (generation.h) may be built on one
 * load, one for each state of health.
 *
 * Reference counts are plain numbers: inputs is read while no other is being freed
 * (the builder of reload.c works between two main-thread steps), and freed by the main
 * thread.  Neither logs nor exits: lines go to the caller.
 */
#ifndef NEARCAST_INPUTS_H
#define NEARCAST_INPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "dnsd/message/cookie.h"
#include "dnsd/steer/steer.h"
#include "dnsd/zone/zone.h"

/* A configuration that loads may share. */
struct inputs_conf {
	unsigned refs;
	struct conf *conf;
};

struct inputs {
	unsigned refs;			/* the reader's own, and one for each generation */
	struct inputs_conf *owner;	/* of conf */
	const struct conf *conf;
	struct zone **zones;		/* as conf->zones; NULL = refused, and no old version */
	unsigned failed;		/* zones that were refused */
	struct steer_geo *geo;
	struct cookie_secrets cookies;
	double seconds;			/* how long reading took */
};

/* Where lines go, each complete with file and line; NULL = nobody listens. */
struct inputs_say {
	const struct warn *warn;
	const struct warn *error;	/* a zone refused */
};

/* Reads everything.  `old` may be NULL.  `force` lets a zone shrink or go back.  The caller
 * holds the result.  NULL with a reason. */
struct inputs *inputs_read(const char *path, const struct inputs *old, bool force,
    const struct inputs_say *say, struct err *err);

/* The old inputs with its databases read again.  NULL with a reason. */
struct inputs *inputs_read_geo(const struct inputs *old, const struct inputs_say *say,
    struct err *err);

void inputs_ref(struct inputs *inputs);
void inputs_unref(struct inputs *inputs);

/* Gives back a configuration whose `refs` the caller has raised. */
void inputs_unref_conf(struct inputs_conf *owner);

#endif
