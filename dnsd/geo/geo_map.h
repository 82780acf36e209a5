/*
 * geo_map: from a client's address to a result id, by one merged
 * longest-prefix tree over IPv4 and IPv6.
 *
 * A result is an ordered list of sites, nearest first, with the client's exclusions (a set of
 * sites and servers that must not serve it, geo_exclude); the id is an index into the map's
 * table of distinct results.  Databases, overrides and distances are merged
 * when the map is built: databases are walked side by side with the prefix rules
 * (geo_db's cursors), each stretch of addresses gets its result (geo_rank), and what comes
 * out goes straight into a compressed trie (geo_trie), where equal neighbours merge
 * upward, so the depth of a leaf is the minimal scope (RFC 7871 7.2.1) and leaves
 * never overlap.
 *
 * IPv4-mapped (::ffff:0:0/96), 6to4 (2002::/16), Teredo (2001::/32) and NAT64
 * (64:ff9b::/96) addresses fold to the IPv4 address inside them.  Their leaves are those
 * of IPv4, deeper by what lies before the address: 96, 16, 96 and 96 bits.  A Teredo
 * client's IPv4 address is the last 32 bits, inverted (RFC 4380 4), so that no shorter
 * prefix than 96 bits says anything of it.  IPv6 prefix rules inside one of the four are
 * stronger than folding, those around them are not; beside such a rule a folded scope is
 * right but may be longer than need be.  Leaves beside the four never cover them, unless
 * all of IPv4 has one result.
 *
 * Knows nothing of health, weights or DNS.  Immutable once built; any thread may
 * look up.  Lookups allocate nothing.  Needs neither the configuration nor the databases
 * afterwards.
 */
#ifndef NEARCAST_GEO_MAP_H
#define NEARCAST_GEO_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/geo/geo_db.h"
#include "dnsd/geo/geo_rank.h"
#include "dnsd/geo/geo_trie.h"

#define GEO_MAP_MAX_LIST GEO_RANK_MAX_LIST	/* sites in a result, at most */

struct geo_map;

/* Builds the map for the sites in `sites` (indices into conf->sites, the sites that
 * have servers of a pool; at least one).  `city` and `asn` may be NULL.  Clients that are
 * not in the database get the list of conf->here_site.  NULL with a reason. */
struct geo_map *geo_map_build(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_db *city, const struct geo_db *asn, struct err *err);
/* The same, with what servers exclude: n_servers of conf->servers, from first_server on. */
struct geo_map *geo_map_build_for(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    size_t first_server, size_t n_servers, const struct geo_db *city, const struct geo_db *asn,
    struct err *err);
void geo_map_free(struct geo_map *map);

/* ip has 4 or 16 octets.  leaf.depth is the scope prefix length in the family asked: a folded IPv6
 * client's depth counts in its own (IPv6) bits. */
struct geo_leaf geo_map_find(const struct geo_map *map, uint8_t family, const uint8_t *ip);

/* n lookups, each in its own map, with their memory accesses overlapped; results as
 * geo_map_find's. */
void geo_map_find_batch(size_t n, const struct geo_map *const *map, const uint8_t *family,
    const uint8_t *const *ip, struct geo_leaf *leaf);

/* The ordered list of a result: indices into conf->sites; how many, 0 where nobody may serve.
 * *sites belongs to the map. */
size_t geo_map_result(const struct geo_map *map, uint16_t result, const uint16_t **sites);
/* Whether no site but these may ever serve, and the set of exclusions, 0 = nobody is excluded. */
bool geo_map_only(const struct geo_map *map, uint16_t result);
uint8_t geo_map_set(const struct geo_map *map, uint16_t result);
/* How many sets there are, and whether one holds a server or its site (indices in conf). */
unsigned geo_map_sets(const struct geo_map *map);
bool geo_map_excludes(const struct geo_map *map, uint8_t set, uint16_t site, size_t server);
/* Whether it leaves no server of the pool at a site. */
bool geo_map_excludes_all_at(const struct geo_map *map, uint8_t set, uint16_t site);
/* True if any result has either. */
bool geo_map_binds(const struct geo_map *map);
/* How many results there are. */
uint16_t geo_map_results(const struct geo_map *map);
/* The result of clients that are in no database. */
uint16_t geo_map_unlocated(const struct geo_map *map);

/* True if no list can lack a site of the map: then there is nothing beyond it. */
bool geo_map_is_whole(const struct geo_map *map);

/* Every leaf in address order, IPv4 first: for verify-scope, diff and max-move.  The leaves of the
 * folded IPv6 ranges are IPv4's and not repeated.  Stops when `each` returns nonzero, and returns
 * that. */
int geo_map_walk(const struct geo_map *map,
    int (*each)(void *arg, const struct prefix *net, uint16_t result), void *arg);

/* Percent of the located address space (in the one of the two where it is larger; IPv4 or IPv6,
 * whichever moved more) whose first site, by name, is not the same in both.  IPv6 is counted in
 * /64s. */
double geo_map_moved_percent(const struct geo_map *old, const struct geo_map *fresh);

/* The IPv4 address inside a mapped, 6to4, Teredo or NAT64 address, and how many IPv6 bits lie
 * before it.  0 = none of these. */
unsigned geo_map_fold(const uint8_t ip[16], uint8_t v4[4]);

/* Why an address has its result: the databases and rules asked for this one address, not by the
 * trie.  For explanations; geo_map_find must give the same result. */
enum geo_why_kind { GEO_WHY_RULE, GEO_WHY_DISTANCE, GEO_WHY_UNLOCATED };

struct geo_why {
	enum geo_why_kind kind;
	const struct geo_rule *rule;	/* kind RULE; belongs to the map */
	uint16_t result;
	bool known;			/* the city database has a record: place, net are filled */
	struct geo_place place;
	struct prefix net;		/* the database's network (IPv4 for folded addresses) */
	uint32_t asn;			/* 0 = not known */
};

/* city and asn as given to geo_map_build. */
void geo_map_why(const struct geo_map *map, const struct geo_db *city, const struct geo_db *asn,
    uint8_t family, const uint8_t *ip, struct geo_why *why);

#endif
