/*
 * health: the health file as dnsd follows it, and whether it may be believed.
 *
 * Missing, stale, cut off or foreign is all the same to answers: unknown, which
 * fails open.  Why it is so is kept for log, status and metric.  Age is taken from the
 * file's stamp once, when it is read, and counted on with the monotonic clock.
 * Main thread only.
 */
#ifndef NEARCAST_HEALTH_H
#define NEARCAST_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/health_file.h"

enum health_trust { HEALTH_NONE, HEALTH_FRESH, HEALTH_EXPIRED, HEALTH_REFUSED };

struct health {
	enum health_trust trust;
	struct health_file file;	/* the last one that could be read */
	uint64_t until_ms;		/* monotonic: believed before this */
	uint64_t read_ms;		/* monotonic: when it was read */
	double age_at_read_s;
	char why[512];			/* what is wrong, "" = nothing */
};

/* Reads the file again.  True if what answers depend on may have changed. */
bool health_refresh(struct health *health, const char *path);

/* Notices that the file has become too old.  True if it was believed until now. */
bool health_expire(struct health *health);

/* What answers may use: NULL = unknown. */
const struct health_file *health_believed(const struct health *health);

/* Seconds since the stamp of the last file read, -1 = there was none. */
double health_age(const struct health *health);

void health_clear(struct health *health);

#endif
