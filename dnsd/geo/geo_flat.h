/*
 * geo_flat: nested prefixes as neighbouring stretches of addresses, each with one value.
 *
 * Of prefixes inside each other the innermost counts; between them stands a value that says
 * so.  The stretches are then walked from the first to the last, beside others.  Knows no
 * sites.  One thread; used while a map is built.
 */
#ifndef NEARCAST_GEO_FLAT_H
#define NEARCAST_GEO_FLAT_H

#include <stddef.h>
#include <stdint.h>

#include "dnsd/geo/geo_trie.h"

struct geo_flat_entry {
	geo_key start, last;		/* of a prefix */
	uint16_t value;
};

struct geo_flat {
	struct geo_run *runs;		/* the last ends at GEO_KEY_MAX */
	size_t n, at;			/* the current one */
};

/* Puts an entry where it belongs: by address, shorter prefixes first; equal ones stay as they
 * come, and the last counts.  There is room for it. */
void geo_flat_insert(struct geo_flat_entry *entries, size_t *n, struct geo_flat_entry e);

/* The stretches of sorted entries, at the first one.  -1 = no memory. */
int geo_flat_lay(struct geo_flat *flat, const struct geo_flat_entry *entries, size_t n,
    uint16_t between);
void geo_flat_free(struct geo_flat *flat);

static inline geo_key
geo_flat_start(const struct geo_flat *flat)
{
	return flat->at != 0 ? flat->runs[flat->at - 1].last + 1 : 0;
}

static inline const struct geo_run *
geo_flat_now(const struct geo_flat *flat)
{
	return &flat->runs[flat->at];
}

#endif
