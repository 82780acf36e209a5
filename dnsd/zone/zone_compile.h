/*
 * zone_compile: from the tree of a zone that has been checked to a struct zone, the form that is
 * served.
 *
 * Lays names and rrsets one behind the other, nodes in depth-first order, so that what is asked
 * together lies together.  All that is not in the struct zone may go with the tree and the source.
 * Does not know where the records came from, and refuses nothing but what does not fit in memory.
 * One thread.
 */
#ifndef NEARCAST_ZONE_COMPILE_H
#define NEARCAST_ZONE_COMPILE_H

#include "dnsd/zone/zone_tree.h"

/* `tree` has passed zone_check.  It stays the caller's, to free: its index and steered names move
 * into the zone.  NULL with a reason in its source's err.  zone_free when done. */
struct zone *zone_compile(struct zone_tree *tree);

#endif
