/*
 * sample_walk: a walk over 0 ... n-1 that meets each once in n steps, in an order that looks like
 * chance and is another for each seed.  n may change on the way.  Pure.
 */
#ifndef NEARCAST_SAMPLE_WALK_H
#define NEARCAST_SAMPLE_WALK_H

#include <stdint.h>

struct sample_walk {
	uint64_t seed, at;
};

/* The next; n is at least 1 and at most 2^32. */
uint32_t sample_walk_next(struct sample_walk *walk, uint64_t n);

#endif
