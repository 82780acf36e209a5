/*
 * follow: what others write about mirrors, read whenever it changes: the mirror health file, what
 * mirrors hold, the databases; and whether the catalogue can be used.
 *
 * Looks at stamps (file.h) and reads only what is new.  What cannot be used is told once, and what
 * was in service stays.  A health file whose lease has run out says nothing: all mirrors are fine.
 * Main thread.
 */
#ifndef NEARCAST_FOLLOW_H
#define NEARCAST_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/catalogue/catalogue.h"
#include "common/mirror_file.h"
#include "redirectd/worker.h"

struct follow {
	struct worker_common *common;
	const struct setup *setup;	/* the one in service */
	struct mirror_file health;
	uint64_t health_stamp, held_stamp, geo_stamp;	/* as last read; 0 = never */
	bool believed;			/* the health file is there and its lease runs */
	char health_why[256];		/* why it is not; "" while it is */
	struct catalogue *catalogue;	/* NULL = none that can be used */
	char catalogue_why[256];	/* what is wrong with its file; "" = nothing */
	char held_why[256], geo_why[256];
};

/* A configuration's snapshot goes into service, the first one too, `common` being set. */
void follow_replace(struct follow *follow, struct setup *setup);

/* Each 250 ms; each second. */
void follow_health(struct follow *follow);
void follow_files(struct follow *follow);

void follow_end(struct follow *follow);

#endif
