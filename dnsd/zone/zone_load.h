/*
 * zone_load: a zone from its file to what is served, in one call.
 *
 *   zone_read -> struct zone_source -> zone_tree -> zone_check -> zone_compile -> struct zone
 *
 * The source is the seam: whoever has records from elsewhere fills a source of their own, and
 * zone_load_source goes the rest of the way, the same for all.
 *
 * Knows no configuration and no generations.  Runs on the main thread, or in nearctl: reads files
 * and takes memory, so never on the packet path.
 */
#ifndef NEARCAST_ZONE_LOAD_H
#define NEARCAST_ZONE_LOAD_H

#include "common/err.h"
#include "dnsd/zone/zone.h"
#include "dnsd/zone/zone_read.h"

/* How a zone is loaded; all NULL = by default, and nobody listens. */
struct zone_load_how {
	const struct zone_read_limits *limits;
	const struct zone_pools *pools;	/* NULL = any is known */
	const struct warn *warn;	/* a line each */
	const struct warn *error;	/* all mistakes, where there are several (mistakes_tell) */
};

/* Loads zone `name` (text) from `file`.  The zone is the caller's (zone_free); NULL when it is
 * refused, with "FILE:LINE: reason" in err. */
struct zone *zone_load(const char *name, const char *file, const struct zone_load_how *how,
    struct err *err);

/* The same from memory; `label` stands for the file in messages and for relative includes.
 * zone_load_changed says nothing about such a zone. */
struct zone *zone_load_text(const char *name, const char *label, const char *text, size_t len,
    const struct zone_read_limits *limits, const struct warn *warn, struct err *err);

/* Checks and compiles records, wherever they came from.  The source stays the caller's, who may
 * close it at once.  NULL with a reason in its err. */
struct zone *zone_load_source(struct zone_source *src);

/* True if a file that the zone was read from, includes counted, is not what it was then: another
 * device, inode, size, time of modification or of change (to the nanosecond), or gone. */
bool zone_load_changed(const struct zone *zone);

#endif
