/*
 * spans: a set of numbers that come nearly in order, as its runs.
 *
 * Numbers of events grow by one, so that a million of them are one run; memory is that of the
 * holes.  Knows no events.  One thread.
 */
#ifndef NEARCAST_SPANS_H
#define NEARCAST_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	uint64_t first, last;
};

/* All zero = empty. */
struct spans {
	struct span *v;			/* ascending, with a hole between any two */
	size_t n, room;
};

/* Adds first to last.  How many of them were in the set already; UINT64_MAX = no memory, and the
 * set is as before. */
uint64_t spans_add(struct spans *s, uint64_t first, uint64_t last);

/* True if the number is in it. */
bool spans_has(const struct spans *s, uint64_t number);

void spans_free(struct spans *s);

#endif
