/*
 * geo_trie: longest-prefix lookup for an address family, in two or three cache lines.
 *
 * The first 9 bits index a table, small enough to stay in the nearest cache, the next 9 bits a
 * second one, if there is more than one value; below it nodes branch on 6 bits each.  A node is
 *
 *	word 0	one bit a slot: this slot has a child node
 *	word 1	one bit a slot: a leaf begins here
 *	then	the children's places (32 bits each), then the leaves' values, 8 bits each if
 *		all are below 256, else 16; which one the place that leads here says
 *
 * A leaf is the largest aligned block of one value, so leaves tile the slots without a
 * child, and the distance from a leaf's first slot to whatever begins next is its size: the
 * depth costs no memory.  Children and leaves are found by counting bits.  A node that fits a
 * cache line lies in one.  Everything is one mapping, of huge pages where the kernel has them.
 *
 * Knows keys and 16-bit values, no sites.  Immutable once built; any thread; no allocation.
 */
#ifndef NEARCAST_GEO_TRIE_H
#define NEARCAST_GEO_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/geo/geo_key.h"

struct geo_trie {
	uint64_t *words;		/* the first table, then second tables and nodes */
	size_t n_words;
	size_t map_size;
};

struct geo_leaf {
	uint16_t result;
	uint8_t depth;			/* bits: the length of the largest prefix of one result */
};

/* Where a trie is built from: ranges in order without gaps, the first beginning at 0, each
 * ending at run->last; the last one ends at GEO_KEY_MAX.  Neighbours may be equal. */
struct geo_run {
	geo_key last;
	uint16_t value;
};

struct geo_runs {
	void (*next)(void *arg, struct geo_run *run);
	void *arg;
};

/* Pulls all runs.  0, or -1 with a reason (no memory). */
int geo_trie_build(struct geo_trie *trie, const struct geo_runs *runs, struct err *err);
void geo_trie_free(struct geo_trie *trie);

struct geo_leaf geo_trie_find(const struct geo_trie *trie, geo_key key);
/* The same for keys of which only the first 32 bits are set. */
struct geo_leaf geo_trie_find4(const struct geo_trie *trie, uint32_t ip);

/* n lookups, each in its own trie, their memory accesses overlapped. */
void geo_trie_find_batch(size_t n, const struct geo_trie *const *trie, const geo_key *key,
    struct geo_leaf *leaf);

#endif
