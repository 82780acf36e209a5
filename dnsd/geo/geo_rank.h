/*
 * geo_rank: which sites a place is given, in order: the operator's rules, else distance.
 *
 * Strength: prefix (longest first), asn, country, continent, then the great-circle distance
 * from the place to the sites, cut at sites-per-answer; sites at the same distance (to a
 * millimetre of chord) in the order of the configuration.  A rule's list is given as it is
 * written, less the sites that are not of the pool; a rule of which nothing is left does not
 * count, unless it says `only`, when its clients get nobody.  Sites that leave the client
 * no server (geo_exclude) are left out of rules and distances alike; a rule of which they leave
 * nothing gives way to distance, again unless it says `only`.  A place without a point gets the
 * list of `here`: here itself, then the others by distance from here.  Sites without coordinates
 * come last, in the order of the configuration.
 *
 * Equal lists are one result, numbered from 0 (at most GEO_RANK_MAX_RESULTS).  While a map is
 * built by one thread, lists are added; afterwards it is only read, by any thread.  Copies
 * what it needs of the configuration.  Knows no addresses but those of prefix rules.
 */
#ifndef NEARCAST_GEO_RANK_H
#define NEARCAST_GEO_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/geo/geo_db.h"
#include "dnsd/geo/geo_exclude.h"
#include "dnsd/geo/geo_rule.h"

#define GEO_RANK_MAX_LIST 16		/* sites in a result, at most */
#define GEO_RANK_MAX_RESULTS 0xfff0	/* distinct lists; above are a map's own marks */
#define GEO_RANK_NONE UINT16_MAX	/* no such rule */

struct geo_rank;

/* `sites` are indices into conf->sites, at least one.  `exclude` outlives it.  NULL with a
 * reason. */
struct geo_rank *geo_rank_new(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_exclude *exclude, struct err *err);
void geo_rank_free(struct geo_rank *rank);

/* The rules that count, sorted (geo_rule). */
const struct geo_rule *geo_rank_rules(const struct geo_rank *rank, size_t *n);
bool geo_rank_has_asn_rules(const struct geo_rank *rank);

/* The rule for an AS number, NULL if there is none or it is 0. */
const struct geo_rule *geo_rank_asn_rule(const struct geo_rank *rank, uint32_t asn);
/* The rule for a place's country, or else its continent; NULL = none. */
const struct geo_rule *geo_rank_place_rule(const struct geo_rank *rank,
    const struct geo_place *place);

/* The result for a place by its country, continent or distance; `place` NULL = nothing known.
 * Adds a list where it is new; GEO_RANK_NONE when there are too many or no memory is left. */
uint16_t geo_rank_place(struct geo_rank *rank, const struct geo_place *place);

/* The same for clients with a set of exclusions that is not the empty one.  `rule` is the result of
 * their rule, GEO_RANK_NONE = they have none. */
uint16_t geo_rank_excluding(struct geo_rank *rank, uint8_t set, uint16_t rule,
    const struct geo_place *place);
uint16_t geo_rank_unlocated(const struct geo_rank *rank);

/* True if no list by distance or by a rule can lack one of the sites: there is nothing beyond. */
bool geo_rank_is_whole(const struct geo_rank *rank);

uint16_t geo_rank_results(const struct geo_rank *rank);
/* Indices into conf->sites, nearest first; none where all are excluded. */
size_t geo_rank_list(const struct geo_rank *rank, uint16_t result, const uint16_t **sites);
/* True if no site but those of the list may ever serve; and the client's exclusions. */
bool geo_rank_only(const struct geo_rank *rank, uint16_t result);
uint8_t geo_rank_set(const struct geo_rank *rank, uint16_t result);
/* Of a result that clients with a rule's result and some exclusions have: false if these left
 * nothing of the rule's list, so that distance counted instead. */
bool geo_rank_obeys(const struct geo_rank *rank, uint16_t result, uint16_t rule);
/* True if some rule says `only`. */
bool geo_rank_has_only(const struct geo_rank *rank);
/* The name of a site of the configuration this was made from. */
const char *geo_rank_site_name(const struct geo_rank *rank, uint16_t site);

#endif
