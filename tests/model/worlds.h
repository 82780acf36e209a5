/*
 * worlds: which small worlds are explored, and what is known to be broken in them.
 */
#ifndef NEARCAST_MODEL_WORLDS_H
#define NEARCAST_MODEL_WORLDS_H

#include "tests/model/watch.h"

extern const struct world worlds[];
extern const size_t worlds_n;

/* Why this world is known to break the rule, for people; NULL: it must hold. */
const char *worlds_known(const struct world *world, enum watch_rule rule);

#endif
