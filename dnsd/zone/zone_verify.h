/*
 * zone_verify: whether a compiled zone keeps what zone.h promises.
 *
 * Everything that answers relies on these promises without looking again: that offsets and
 * indices lie inside, that rrsets stand in order, that every name is found.  Compiling asserts
 * them, so debug and sanitizer builds check every zone they load; the fuzzer and the tests ask
 * for the reason.  Walks all of a zone in about the time it takes to compile it: releases never
 * call it.
 *
 * Finds mistakes of ours, not of zone files: those are refused in zone_read.c and zone_check.c.
 * Reads only; any thread.
 */
#ifndef NEARCAST_ZONE_VERIFY_H
#define NEARCAST_ZONE_VERIFY_H

#include "dnsd/zone/zone.h"

/* NULL, or the promise that is broken (a constant text). */
const char *zone_verify(const struct zone *zone);

#endif
