/*
 * geo_beyond: from a client's address to the order of all sites by distance from it.
 *
 * For clients of whose list (geo_map) no site can serve.  One tree for all pools of a
 * configuration, finer than their maps and asked only then: a pool walks the order and skips
 * what is not its own.  The scope of who is sent by it is the deeper of the two leaves.  Places
 * are taken as they are, and by square degrees where that would make more orders than can be
 * numbered (geo_order).
 *
 * Knows no rules, no health and no DNS.  Immutable once built; any thread may look up; lookups
 * allocate nothing.  Needs neither the configuration nor the database afterwards.
 */
#ifndef NEARCAST_GEO_BEYOND_H
#define NEARCAST_GEO_BEYOND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/geo/geo_db.h"
#include "dnsd/geo/geo_trie.h"

struct geo_beyond;

/* `sites` are ascending indices into conf->sites, at least one.  `city` may be NULL.  Without
 * `tree` there are only the orders from `here` and from sites, which do where no list of any map
 * lacks a site.  NULL with a reason. */
struct geo_beyond *geo_beyond_build(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    bool tree, const struct geo_db *city, struct err *err);
void geo_beyond_free(struct geo_beyond *beyond);

/* The client's order, and how deep it holds; false = there is no tree.  ip has 4 or 16 octets. */
bool geo_beyond_find(const struct geo_beyond *beyond, uint8_t family, const uint8_t *ip,
    struct geo_leaf *leaf);

/* The order of clients that are in no database, from `here`; and that from a site (conf->sites),
 * which is the same where the site has no coordinates. */
uint16_t geo_beyond_unlocated(const struct geo_beyond *beyond);
uint16_t geo_beyond_from_site(const struct geo_beyond *beyond, uint16_t site);

/* The sites of an order, indices into conf->sites, nearest first: all that this was built for, how
 * many is *n.  They belong to `beyond`. */
const uint8_t *geo_beyond_list(const struct geo_beyond *beyond, uint16_t order, size_t *n);
/* How many orders there are, and whether they are by square degrees. */
uint32_t geo_beyond_orders(const struct geo_beyond *beyond);
bool geo_beyond_is_coarse(const struct geo_beyond *beyond);

#endif
