/*
 * zone_steer: the text of a _steer record (TXT strings key=value).
 *
 *   _steer.NAME TXT "pool=P" ["answers=1..8"] ["mode=site|nearest"] ["ttl=MIN-MAX"]
 *
 * Read strictly: an unknown or repeated key, a missing pool, a number out of range are
 * mistakes.  Does not know which pools there are, nor zones.  Pure; any thread.
 */
#ifndef NEARCAST_ZONE_STEER_H
#define NEARCAST_ZONE_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "dnsd/zone/zone.h"

#define ZONE_STEER_ANSWERS 8		/* the most a pool may give */

/* True when `owner` starts with the label _steer. */
bool zone_steer_owner(const uint8_t *owner);

/* Fills pool, and answers, nearest and ttl where they are given, from TXT rdata; the rest of *steer
 * stays as it is.  0, or -1 with a reason. */
int zone_steer_parse(struct zone_steer *steer, const uint8_t *rdata, size_t len, struct err *err);

#endif
