/*
 * geo_key: an address as one number, so that ranges compare and add.
 *
 * Left aligned: an IPv4 address lies in the top 32 bits, so that bit n of an address is
 * bit n from the top in both families, and a prefix length means the same.  Pure.
 */
#ifndef NEARCAST_GEO_KEY_H
#define NEARCAST_GEO_KEY_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/addr.h"

__extension__ typedef unsigned __int128 geo_key;

#define GEO_KEY_MAX (~(geo_key)0)

static inline geo_key
geo_key_of(uint8_t family, const uint8_t *ip)
{
	uint64_t hi, lo = 0;
	uint32_t v4;

	if (family == 4) {
		memcpy(&v4, ip, 4);
		hi = (uint64_t)__builtin_bswap32(v4) << 32;
	} else {
		memcpy(&hi, ip, 8);
		memcpy(&lo, ip + 8, 8);
		hi = __builtin_bswap64(hi);
		lo = __builtin_bswap64(lo);
	}
	return (geo_key)hi << 64 | lo;
}

/* The last key of a prefix that begins at `start`. */
static inline geo_key
geo_key_last(geo_key start, unsigned len)
{
	return len == 0 ? GEO_KEY_MAX : len >= 128 ? start : start | GEO_KEY_MAX >> len;
}

static inline void
geo_key_prefix(geo_key start, uint8_t family, unsigned len, struct prefix *net)
{
	net->family = family;
	net->len = (uint8_t)len;
	for (unsigned i = 0; i < 16; i++)
		net->ip[i] = (uint8_t)(start >> (120 - 8 * i));
}

/* The length of the largest prefix that holds `key` and lies within start..last. */
static inline unsigned
geo_key_depth(geo_key key, geo_key start, geo_key last)
{
	unsigned depth = 0;

	assert(start <= key && key <= last);
	for (int side = 0; side < 2; side++) {
		geo_key outside = side == 0 ? start - 1 : last + 1, differ = key ^ outside;
		uint64_t hi = (uint64_t)(differ >> 64);
		unsigned d;

		if (side == 0 ? start == 0 : last == GEO_KEY_MAX)
			continue;
		d = hi != 0 ? (unsigned)__builtin_clzll(hi) :
		    64u + (unsigned)__builtin_clzll((uint64_t)differ);
		if (d + 1 > depth)
			depth = d + 1;
	}
	assert(depth <= 128);
	return depth;
}

#endif
