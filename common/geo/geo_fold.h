/*
 * geo_fold: IPv6 addresses that hold an IPv4 one, and so are in that one's place.
 *
 * IPv4-mapped (RFC 4291 2.5.5.2), NAT64 (RFC 6052 2.1), Teredo (RFC 4380 4, the client's
 * address inverted at the end), 6to4 (RFC 3056 2).  Knows no maps.  Pure.
 */
#ifndef NEARCAST_GEO_FOLD_H
#define NEARCAST_GEO_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/geo/geo_key.h"

struct geo_fold {
	uint64_t hi, lo;		/* the range's first address */
	uint8_t len;			/* and prefix length */
	uint8_t offset;			/* IPv6 bits before the IPv4 address */
	bool inverted;
};

#define GEO_FOLDS 4
extern const struct geo_fold geo_fold_ranges[GEO_FOLDS];

static inline geo_key
geo_fold_key(const struct geo_fold *fold)
{
	return (geo_key)fold->hi << 64 | fold->lo;
}

/* The IPv4 address inside, in the order of numbers. */
static inline uint32_t
geo_fold_ip(const struct geo_fold *fold, geo_key key)
{
	uint32_t ip = (uint32_t)(key >> (96 - fold->offset));

	return fold->inverted ? ~ip : ip;
}

/* The range that holds an IPv6 address; NULL = none. */
const struct geo_fold *geo_fold_find(geo_key key);

/* True if the whole IPv6 prefix lies in one of the ranges. */
bool geo_fold_holds(const struct prefix *net);

#endif
