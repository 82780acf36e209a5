/*
 * geo_tree: two tries, from an address of either family to a 16-bit result.
 *
 * IPv6 addresses that hold an IPv4 one (geo_fold) find that one's leaf, deeper by what lies
 * before the address.  Knows no sites.  Immutable once built; any thread may look up; lookups
 * allocate nothing.
 */
#ifndef NEARCAST_GEO_TREE_H
#define NEARCAST_GEO_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "dnsd/geo/geo_merge.h"
#include "dnsd/geo/geo_trie.h"

struct geo_tree {
	struct geo_trie v4, v6;
};

/* Builds one family's trie of a merge, which may be NULL (no memory, and said), IPv4 first.
 * 1 = there were too many results, -1 = no memory, both with a reason. */
int geo_tree_build(struct geo_tree *tree, uint8_t family, struct geo_merge *merge,
    struct err *err);
/* The one result of all IPv4 addresses, while IPv6 is built; GEO_RANK_NONE = they have several, or
 * IPv4 is. */
uint16_t geo_tree_all_ipv4(const struct geo_tree *tree, uint8_t family);
/* Of what has been built; all zero is fine. */
void geo_tree_free(struct geo_tree *tree);

/* ip has 4 or 16 octets; the depth counts in bits of the family asked. */
struct geo_leaf geo_tree_find(const struct geo_tree *tree, uint8_t family, const uint8_t *ip);
/* n lookups, each in its own tree, with their memory accesses overlapped. */
void geo_tree_find_batch(size_t n, const struct geo_tree *const *tree, const uint8_t *family,
    const uint8_t *const *ip, struct geo_leaf *leaf);

#endif
