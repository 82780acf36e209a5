/*
 * geo_look: one address, looked up the long way: database, rules and distances, one
 * after the other, without a map.
 *
 * verify-scope holds every leaf of geo_map against it.  The map is built range by range,
 * by other code; that both come to the same list everywhere is what is proven, so
 * nothing of geo_map is used here but the distance.
 *
 * Knows no health.  Pure; any thread; far too slow for the packet path.
 */
#ifndef NEARCAST_CTL_GEO_LOOK_H
#define NEARCAST_CTL_GEO_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/geo/geo_db.h"

/* The IPv6 ranges that hold IPv4 addresses. */
#define GEO_LOOK_HOLDERS 4
extern const struct prefix geo_look_holders[GEO_LOOK_HOLDERS];

struct geo_look {
	uint8_t family;			/* of what counts: an IPv6 address may hold an IPv4 one */
	uint8_t ip[16];
	const struct prefix *holder;	/* the range it lies in, then; NULL = none */
	bool found;			/* the place database has the address */
	struct geo_place place;		/* its asn is the ASN database's, if there is one */
	struct prefix net;		/* the place database's network */
	const struct conf_rule *rule;	/* that decides; NULL = distance */
};

/* `sites` are those that have servers of a pool, ascending; a rule that names none of
 * them does not count.  Databases may be NULL. */
void geo_look(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_db *city, const struct geo_db *asn,
    uint8_t family, const uint8_t *ip, struct geo_look *look);

/* The list of sites, nearest first; how many.  A list by distance is cut at sites-per-answer,
 * a rule's is given as it is written; sites that have no server of the pool that may serve the
 * address are in neither, and a rule of which that leaves nothing gives way to distance unless it
 * says `only`.  `pool` NULL = sites alone exclude. */
size_t geo_look_list(const struct conf *conf, const struct conf_pool *pool, const uint16_t *sites,
    size_t n_sites, const struct geo_look *look, uint16_t list[CONF_MAX_SITES]);

#endif
