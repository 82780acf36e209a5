/*
 * setup: what redirectd goes by until something changes: configuration, databases, what mirrors
 * hold and how they are, all in one snapshot.
 *
 * The main thread reads files and builds a new snapshot when one of them has changed; the parts
 * that have not are shared with the snapshot before.  What cannot be read leaves its part as it
 * was, with a reason.  A snapshot is never changed once it is published, and goes when no thread
 * uses it any more (share.h).
 *
 * setup_* functions are the main thread's; any thread may read a struct setup.
 */
#ifndef NEARCAST_SETUP_H
#define NEARCAST_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/catalogue/held.h"
#include "common/conf/conf.h"
#include "common/err.h"
#include "common/geo/geo_db.h"
#include "redirectd/choose.h"
#include "redirectd/types.h"

struct setup_part;			/* shared by snapshots */

struct setup {
	uint64_t number;		/* of the snapshot */
	uint64_t conf_number;		/* changes with the configuration */
	const struct conf *conf;
	const struct choose *choose;
	const struct types *types;
	const struct geo_db *city, *asn;	/* NULL = none */
	const struct held *held;	/* NULL = not known yet: nobody has anything */
	const int *places;		/* in held, of each mirror */
	const uint8_t *health;		/* enum choose_health of each mirror */
	struct setup_part *parts[5];	/* the owners of what is above */
};

/* Reads everything.  NULL with a reason: the configuration or a database cannot be used. */
struct setup *setup_read(const char *path, const char *here, const struct warn *warn,
    const struct warn *error, struct err *err);

/* The same with the configuration and the databases as they are now, for the site of `old`. */
struct setup *setup_reread(const struct setup *old, const struct warn *warn,
    const struct warn *error, struct err *err);

/* A copy in which a part is as its file is now; NULL with a reason. */
struct setup *setup_with_geo(const struct setup *old, struct err *err);
struct setup *setup_with_held(const struct setup *old, struct err *err);
/* `health` has one octet a mirror, and is copied. */
struct setup *setup_with_health(const struct setup *old, const uint8_t *health, struct err *err);

void setup_free(struct setup *setup);	/* NULL is fine */

#endif
