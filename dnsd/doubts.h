/*
 * doubts: what is odd, but would be served, in a configuration and its zones together.
 *
 * What the file alone shows is said when it is read (common/conf/conf_doubts.h).  Knows the
 * generation that would be served; changes nothing and refuses nothing.
 */
#ifndef NEARCAST_DOUBTS_H
#define NEARCAST_DOUBTS_H

#include "common/err.h"
#include "dnsd/generation/generation.h"

/* A line each, with file and line. */
void doubts_say(const struct generation *gen, const struct warn *warn);

#endif
