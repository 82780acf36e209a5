/*
 * geo_look: one address, looked up the long way: database, rules and distances, one
 * after the other, without a map.
 *
 * The explanation says with it where a client is and which rule decides, and verify-scope
 * holds every leaf of geo_map against it.  The map is built range by range by other
 * code; that both come to the same list is what verify-scope proves.
 *
 * Knows no health.  Pure; any thread; far too slow for the packet path.
 */
#ifndef NEARCAST_GEO_LOOK_H
#define NEARCAST_GEO_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "dnsd/geo_db.h"

struct geo_look {
	uint8_t family;			/* of the address that counts: an IPv6 one may hold an IPv4 one */
	uint8_t ip[16];
	bool found;			/* the place database has the address */
	struct geo_place place;		/* its asn is the ASN database's, if there is one */
	struct prefix net;		/* the place database's network */
	const struct conf_rule *rule;	/* that decides; NULL = distance */
	bool located;			/* false = neither rule nor point: this site's place */
};

/* `sites` are those that have servers of a pool, ascending; a rule that names none of
 * them does not count.  Databases may be NULL. */
void geo_look(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_db *city, const struct geo_db *asn,
    uint8_t family, const uint8_t *ip, struct geo_look *look);

/* The list of sites, nearest first, cut at sites-per-answer; how many. */
size_t geo_look_list(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_look *look, uint16_t list[CONF_MAX_SITES]);

#endif
