/*
 * scan: one mirror's listing becomes a bitmap of what it holds.
 *
 * A file counts as held when the catalogue has its path, and size and time are the catalogue's,
 * the time within a second; below a prefix of `outdated-ok` path alone decides.  The listing is
 * taken whole or not at all: only if rsync ended with 0, or with 23 or 24 (folders that it could
 * not read, files that went away meanwhile), when it is marked incomplete.  If a mirror has less
 * than half of what it had before, of files that the catalogue still has, what it had is kept,
 * for a wrong path or an empty disk is more likely than that loss.
 *
 * Knows no schedule and no other mirror.  One thread.
 */
#ifndef NEARCAST_SCAN_H
#define NEARCAST_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/catalogue/catalogue.h"
#include "common/catalogue/held.h"
#include "common/catalogue/held_ids.h"
#include "common/catalogue/held_write.h"
#include "common/conf/conf.h"
#include "ctl/rsync_list.h"

/* Set the upper half, then scan_begin. */
struct scan_run {
	const struct conf_mirror *mirror;
	struct catalogue *catalogue;
	bool force;			/* also what looks like a sudden loss */

	/* what comes out */
	double began;			/* CLOCK_REALTIME, seconds */
	struct held_ids *ids;		/* owned */
	int64_t newest;
	uint64_t strange;		/* lines that say nothing of a file */
	uint64_t other;			/* files that the catalogue does not know so */
	struct rsync_list list;
	struct err broken;		/* the catalogue could not be asked; "" = it could */
};

enum scan_end { SCAN_TAKEN, SCAN_TAKEN_IN_PART, SCAN_KEPT, SCAN_FAILED };

/* 0, or -1 with a reason; then scan_clear is not needed. */
int scan_begin(struct scan_run *scan, uint64_t limit_ms, struct err *err);

/* When its rsync has ended: stores what was found beside the catalogue at `path`, or why there
 * is nothing.  `before` is what was known of all mirrors.  What became of it, with words for
 * people; SCAN_FAILED also when it could not be stored. */
enum scan_end scan_finish(struct scan_run *scan, const char *path, const struct held *before,
    struct err *words);

void scan_clear(struct scan_run *scan);

#endif
