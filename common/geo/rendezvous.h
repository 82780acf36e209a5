/*
 * rendezvous: which of a few weighted servers a client prefix belongs to, the
 * same on every machine without anybody telling anybody.
 *
 * Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): every server gets
 * the cost -log2(u) / weight, u being a hash of prefix and server read as a number
 * from 0 to 1; the lowest cost wins.  Shares follow weights, and a server that goes or
 * changes its weight moves only its own share.  All of it is integer arithmetic, so
 * that every compiler, machine and site agrees to the last bit.
 *
 * Hashes alone would share out a country of a few hundred long prefixes unevenly, as a few
 * hundred throws of a die come out uneven.  So prefixes of one length that differ only in their
 * last 8 bits share one hash, and each server gives the 256 of them 256 values of u that lie
 * evenly apart, each value once, in an order and from a start of the server's own.
 *
 * Knows neither health nor geography.  Pure; any thread; nothing is allocated.
 */
#ifndef NEARCAST_RENDEZVOUS_H
#define NEARCAST_RENDEZVOUS_H

#include <assert.h>
#include <stdint.h>

/* log2(1 + i/256) * 2^32, rounded down. */
extern const uint32_t rendezvous_log2[257];

/* An order of the octets that no sum or mask of octets comes near: the S-box of FIPS 197. */
extern const uint8_t rendezvous_order[256];

/* A hash of a server's name, or of any text. */
uint64_t rendezvous_name(const char *name);

/* The key of a prefix: no bit of `ip` past `bits` enters.  family is 4 or 6, bits
 * 0-32 or 0-128; ip has 4 or 16 octets.  Its last octet is that of the prefix, the others are a
 * hash of what comes before. */
uint64_t rendezvous_key(uint8_t family, const uint8_t *ip, unsigned bits);

/* What rendezvous_cost wants of a weight: 2^24 / weight, weight being 1 to 2^24. */
static inline uint32_t
rendezvous_inverse(uint32_t weight)
{
	assert(weight != 0 && weight <= UINT32_C(1) << 24);
	return (UINT32_C(1) << 24) / weight;
}

static inline uint64_t
rendezvous_mix(uint64_t h)
{
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

/* -log2(u) in units of 2^-32 for u = h / 2^64, h not 0: 1 to 2^38. */
static inline uint64_t
rendezvous_neglog2(uint64_t h)
{
	unsigned zeros = (unsigned)__builtin_clzll(h);
	uint64_t m = h << zeros;		/* 1.xxx, the leading 1 at the top */
	unsigned i = (unsigned)(m >> 55) & 255;
	uint64_t part = (m >> 23) & UINT32_MAX;	/* how far from table[i] to table[i + 1] */
	uint32_t step = rendezvous_log2[i + 1] - rendezvous_log2[i];	/* the last wraps to 2^32 */

	return ((uint64_t)(zeros + 1) << 32) - (rendezvous_log2[i] + (step * part >> 32));
}

/* u in units of 2^-64.  A hash h of the server and of all of the key but its last octet; h's first
 * octet is then changed by the key's last octet, xored with an octet of h (the server's
 * start), looked up in rendezvous_order and multiplied by an odd number (the server's order).
 * Each of these steps is one-to-one, so that 256 neighbours get all 256 first octets. */
static inline uint64_t
rendezvous_draw(uint64_t key, uint64_t name)
{
	uint64_t h = rendezvous_mix((key | 255) ^ name);

	return h ^ (rendezvous_order[(uint8_t)(key ^ h >> 40)] * (h | 1)) << 56;
}

/* The cost of a server for a key, below 2^63, lower is better.  Equal costs are as good as
 * impossible (2^-38). */
static inline uint64_t
rendezvous_cost(uint64_t key, uint64_t name, uint32_t inverse)
{
	assert(inverse != 0 && inverse <= UINT32_C(1) << 24);
	return rendezvous_neglog2(rendezvous_draw(key, name) | 1) * inverse;
}

#endif
