/*
 * geo_exclude: which sites and servers must not serve a client.
 *
 * A client's exclusions are a set: all sites and servers whose `exclude` names its country,
 * continent, AS number, or a prefix that it lies in, each of these adding to the others.  Sets are
 * numbered, 0 being the empty one, so that a result of a map can carry its client's; there are
 * few of them, as `exclude` is written by hand, and more than GEO_EXCLUDE_MAX are refused.
 *
 * An IPv6 address that holds an IPv4 one is judged by that alone, so a prefix inside such a
 * range is refused.  Only sites and servers of one pool are looked at.
 *
 * While a map is built by one thread, sets are added; afterwards it is only read, by any thread.
 * Copies what it needs of the configuration.  Knows no distances and no health.
 */
#ifndef NEARCAST_GEO_EXCLUDE_H
#define NEARCAST_GEO_EXCLUDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/geo/geo_record.h"

#define GEO_EXCLUDE_MAX 255		/* sets, the empty one among them */
#define GEO_EXCLUDE_NONE 0xff		/* no such set: there are too many, or no memory */

struct geo_exclude;

/* A prefix of some `exclude`, and those that name this very prefix. */
struct geo_exclude_prefix {
	struct prefix prefix;
	uint8_t set;
};

/* `sites` are indices into conf->sites; servers are n_servers of conf->servers from first_server
 * on.  NULL with a reason: no memory, a prefix that can never match, too many sets. */
struct geo_exclude *geo_exclude_new(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    size_t first_server, size_t n_servers, struct err *err);
void geo_exclude_free(struct geo_exclude *exclude);

/* True if nobody is ever excluded. */
bool geo_exclude_is_empty(const struct geo_exclude *exclude);
bool geo_exclude_has_asns(const struct geo_exclude *exclude);

/* The prefixes, each once, sorted as by geo_rank_rules. */
const struct geo_exclude_prefix *geo_exclude_prefixes(const struct geo_exclude *exclude,
    size_t *n);

/* By country and continent, NULL = nothing known; by AS number, 0 = not known; and what is in
 * one or the other.  GEO_EXCLUDE_NONE for too many sets, in, too. */
uint8_t geo_exclude_place(struct geo_exclude *exclude, const struct geo_place *place);
uint8_t geo_exclude_asn(struct geo_exclude *exclude, uint32_t asn);
uint8_t geo_exclude_both(struct geo_exclude *exclude, uint8_t a, uint8_t b);

/* Says so, with the place in the configuration; -1. */
int geo_exclude_too_many(const struct geo_exclude *exclude, struct err *err);

/* How many sets there are, 1 or more. */
unsigned geo_exclude_sets(const struct geo_exclude *exclude);
/* Whether a set holds a site (conf->sites), or a server of these (conf->servers) by itself. */
bool geo_exclude_site(const struct geo_exclude *exclude, uint8_t set, uint16_t site);
bool geo_exclude_server(const struct geo_exclude *exclude, uint8_t set, size_t server);
/* Whether it leaves no server at a site: it holds the site, or all of its servers. */
bool geo_exclude_all_at(const struct geo_exclude *exclude, uint8_t set, uint16_t site);

#endif
