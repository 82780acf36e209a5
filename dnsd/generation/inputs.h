/*
 * inputs: what generations are made of, read from files: configuration, zones, databases,
 * cookie secrets.
 *
 * Inputs are read whole, off the packet path and mostly off the main thread (reload.h), and
 * never change afterwards.  What did not change on disk is shared with the inputs before, so
 * that a reload costs what has changed.  A zone that is refused keeps its old version;
 * everything else that is wrong refuses the inputs as a whole.  Several generations
 * (generation.h) may be built on the same inputs, one for each state of health.
 *
 * Reference counts are plain numbers without locks.  Those of struct inputs belong to one thread:
 * the one that reads them, and from inputs_adopt on the one that called it.  Those of what inputs
 * share (zones, databases, maps, the configuration) are raised by whoever reads, while the old
 * inputs are held, and lowered by the main thread when inputs are freed; nothing is freed while a
 * reload reads, because the old inputs are still held.
 *
 * Knows no generations, no health and no packets.  Neither logs nor exits: lines go to the caller.
 */
#ifndef NEARCAST_INPUTS_H
#define NEARCAST_INPUTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "dnsd/message/cookie.h"
#include "dnsd/steer/steer.h"
#include "dnsd/zone/zone.h"

/* A configuration that several inputs may share. */
struct inputs_conf {
	unsigned refs;
	struct conf *conf;
};

struct inputs {
	unsigned refs;			/* the reader's own, and one for each generation */
	pthread_t thread;		/* the only one to change refs */
	struct inputs_conf *owner;	/* of conf */
	const struct conf *conf;
	struct zone **zones;		/* as conf->zones; NULL = refused, and no old version */
	bool *refused;			/* as zones: the file on disk was */
	unsigned failed;		/* how many of them */
	struct steer_geo *geo;
	struct cookie_secrets cookies;
	double seconds;			/* how long reading took */
};

/* Where lines go, each complete with file and line; NULL = nobody listens. */
struct inputs_say {
	const struct warn *warn;
	const struct warn *error;	/* a zone refused, and all that is wrong with a file where
					 * that is more than one thing */
};

/* Reads everything.  `here` as conf_read takes it.  `old` may be NULL.  `force` lets
 * a zone shrink or go back, and a database move more than max-move.  The caller holds the result.
 * NULL with a reason. */
struct inputs *inputs_read(const char *path, const char *here, const struct inputs *old,
    bool force, const struct inputs_say *say, struct err *err);

/* The old inputs with its databases read again.  NULL with a reason. */
struct inputs *inputs_read_geo(const struct inputs *old, const struct inputs_say *say,
    struct err *err);

/* The calling thread takes over inputs that another one has read and keeps no more. */
void inputs_adopt(struct inputs *inputs);

/* Both by the thread to which the inputs belong.  The last unref frees; NULL is fine there. */
void inputs_ref(struct inputs *inputs);
void inputs_unref(struct inputs *inputs);

/* Gives back a configuration whose `refs` the caller has raised. */
void inputs_unref_conf(struct inputs_conf *owner);

#endif
