/*
 * zone_steers: the steered names of a zone, found by their _steer records while it is checked.
 *
 * Refuses what zone_steer.c cannot read, two records for one name, steered aliases and names that
 * the zone does not answer for, and pools that are not there, as far as the source can tell; warns
 * of a name without addresses of its own.  Does not know how a pool is picked from.  One thread.
 */
#ifndef NEARCAST_ZONE_STEERS_H
#define NEARCAST_ZONE_STEERS_H

#include "dnsd/zone/zone_tree.h"

/* Fills the tree's steers, and the nodes' index of theirs; their flags are set.  What is wrong goes
 * to the source's mistakes.  0, or -1 when there is no memory. */
int zone_steers_read(struct zone_tree *tree);

#endif
