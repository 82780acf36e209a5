/*
 * zone_compile: from records in file order to a struct zone, the form that is served.
 *
 * Builds the tree of names (zone_tree), checks it (zone_check), then lays names and
 * rrsets one behind the other, nodes in depth-first order, so that what is asked together
 * lies together.  All that is not in the struct zone is freed with the source and the tree.
 */
#ifndef NEARCAST_ZONE_COMPILE_H
#define NEARCAST_ZONE_COMPILE_H

#include "dnsd/zone/zone.h"
#include "dnsd/zone/zone_source.h"

/* The source stays the caller's.  NULL with a reason in its err.  zone_free when done. */
struct zone *zone_compile(struct zone_source *src);

#endif
