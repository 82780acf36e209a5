/*
 * geo_map: from a client's address to a result id, by one merged
 * longest-prefix tree over IPv4 and IPv6.
 *
 * A result is an ordered list of sites, nearest first; the id is an index into the
 * map's table of distinct results.  Databases, overrides and distances are merged
 * when the map is built; equal neighbours merge upward, so the depth of a leaf is
 * the minimal scope (RFC 7871 7.2.1) and leaves never overlap.  IPv4-mapped
 * (::ffff:0:0/96), 6to4 (2002::/16), Teredo (2001::/32) and NAT64 (64:ff9b::/96)
 * addresses fold to the IPv4 address inside them.
 *
 * Knows nothing of health, weights or DNS.  Immutable once built; any thread may
 * look up.  Lookups allocate nothing.
 */
#ifndef NEARCAST_GEO_MAP_H
#define NEARCAST_GEO_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/err.h"
#include "dnsd/geo_db.h"

#define GEO_MAP_MAX_LIST 16		/* sites in a result, at most */

struct geo_map;

struct geo_leaf {
	uint16_t result;
	uint8_t depth;			/* bits: the scope prefix length in the family asked */
};

/* Builds the map for the sites in `sites` (indices into conf->sites, the sites that
 * have servers of a pool).  `city` and `asn` may be NULL.  `here` is the site whose
 * list unlocated clients get.  NULL with a reason. */
struct geo_map *geo_map_build(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_db *city, const struct geo_db *asn, struct err *err);
void geo_map_free(struct geo_map *map);

/* ip has 4 or 16 octets.  A folded IPv6 client's depth counts in its own (IPv6) bits. */
struct geo_leaf geo_map_find(const struct geo_map *map, uint8_t family, const uint8_t *ip);

/* n lookups with their memory accesses overlapped; results as geo_map_find's. */
void geo_map_find_batch(const struct geo_map *map, size_t n,
    const uint8_t *family, const uint8_t *const *ip, struct geo_leaf *leaf);

/* The ordered list of a result: indices into conf->sites. */
size_t geo_map_result(const struct geo_map *map, uint16_t result, const uint16_t **sites);
uint16_t geo_map_results(const struct geo_map *map);	/* how many there are */
uint16_t geo_map_unlocated(const struct geo_map *map);	/* the result of clients not in the database */

/* Every leaf in address order, IPv4 first: for verify-scope, diff and max-move. */
int geo_map_walk(const struct geo_map *map,
    int (*each)(void *arg, const struct prefix *net, uint16_t result), void *arg);

size_t geo_map_memory(const struct geo_map *map);	/* octets */

/* Kilometres along the great circle (haversine, mean radius 6371.0088 km). */
double geo_distance_km(double lat1, double lon1, double lat2, double lon2);

#endif
