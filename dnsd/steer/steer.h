/*
 * steer: which addresses a client gets for a steered name, for how long, for
 * whom else that holds, and why (the design's "How an answer is chosen").
 *
 * Geography ranks (geo_map), health filters, a weighted rendezvous hash on the
 * scope prefix picks inside the site.  All that depends only on configuration,
 * databases and health is prepared when a generation is built; steer_pick looks up
 * and copies.  Explanations come from the same steer_pick with a place to write them.
 *
 * What a site can give is on one of these rungs, from best to worst:
 *   1. current servers (up, or not known) whose weight reaches the pool's min-weight,
 *   2. the same with stale ones counted, who are given after the current ones,
 *   3. any current server, 4. any stale one, 5. one that is up without load to spare,
 *   6. nothing but servers that are down: the full set, drained ones left out,
 *   7. nothing but drained ones.
 * The best rung that any site of the pool has answers, wherever it is: the first site on it of
 * the client's list, or, where the list has none, the nearest to the client of all the pool's.
 * From 2 on the TTL is the shortest; 6 and 7 set fail_open and an EDE.  Each family is chosen for
 * by its own health.  Health that is not known for a probed pool's candidates is said by
 * fail_open and an EDE.
 *
 * While a site of the list answers, health never changes a scope: it is the map's leaf,
 * lengthened to spread4/spread6 where a site of the list has more servers configured than are
 * answered.  Who is sent beyond the list may get the longer scope of the map's second tree.
 *
 * Knows no packets.  A struct steer is immutable; any thread may pick.
 */
#ifndef NEARCAST_STEER_H
#define NEARCAST_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/health_file.h"
#include "dnsd/geo/geo_trie.h"
#include "dnsd/zone/zone.h"

struct geo_db;
struct geo_map;
struct steer;
struct steer_geo;			/* databases and maps: kept while only health changes */
struct steer_name;			/* one steered name, bound to its pool */

/* Loads databases and builds every pool's map.  A database that is missing is a
 * warning and every client is unlocated; one that is refused is an error (-> NULL)
 * unless `old` has a usable one, which is then kept, with a warning.  `old` may be NULL and stays
 * the caller's.  `force` lets a database move as much as it likes, whatever max-move says.  Freed
 * by the last steer_free / steer_geo_unref. */
struct steer_geo *steer_geo_load(const struct conf *conf, const struct steer_geo *old,
    bool force, const struct warn *warn, struct err *err);
struct steer_geo *steer_geo_ref(struct steer_geo *geo);
void steer_geo_unref(struct steer_geo *geo);
/* True while a file on disk was refused and an older database is in use in its place. */
bool steer_geo_refused(const struct steer_geo *geo);
/* The map of a pool (index in conf) and the sites it has servers at, ascending; NULL = it has
 * none.  Pools with servers at the same sites share one.  Databases: NULL = none. */
const struct geo_map *steer_geo_map(const struct steer_geo *geo, uint16_t pool,
    const uint16_t **sites, size_t *n_sites);
const struct geo_db *steer_geo_city(const struct steer_geo *geo);
const struct geo_db *steer_geo_asn(const struct steer_geo *geo);

/* Prepares everything for one state of health.  `health` NULL = unknown, fails open;
 * it is copied.  `geo` is held.  `conf` must outlive the result. */
struct steer *steer_build(const struct conf *conf, struct steer_geo *geo,
    const struct health_file *health, struct err *err);
void steer_free(struct steer *steer);

/* Binds a zone's steered name to its pool.  static_ttl_s bounds the TTL (0 = no static data).
 * Owned by `steer`.  NULL with a reason (no such pool); the caller puts file and line before it. */
const struct steer_name *steer_bind(struct steer *steer, const struct zone_steer *text,
    uint32_t static_ttl_s, struct err *err);

/* The same for the zone's steered name `index`: the TTL bound is the lowest TTL of the A and
 * AAAA beside it. */
const struct steer_name *steer_bind_zone(struct steer *steer, const struct zone *zone,
    uint32_t index, struct err *err);

/* The most seconds that an answer of any bound name can carry; 0 = there is none. */
uint32_t steer_ttl_max(const struct steer *steer);

struct steer_client {
	uint8_t family;			/* 4 or 6 */
	const uint8_t *ip;		/* 4 or 16 octets: ECS prefix or resolver's address */
	bool ecs;			/* from Client Subnet with SOURCE > 0 */
	uint8_t source;			/* SOURCE PREFIX-LENGTH; for the explanation only */
	struct geo_leaf leaf;		/* what geo_map_find says of it in `map`, */
	const struct geo_map *map;	/* if that is known already; NULL = no */
};

/* Where an answer comes from. */
struct steer_by {
	uint16_t site;			/* whose servers these are, index in conf */
	uint16_t pool;			/* index in conf */
	uint32_t rung;			/* of those above, from 0 */
};

/* What to answer. */
struct steer_answer {
	uint8_t n;			/* addresses; 0 = none of this family: NODATA */
	uint8_t scope;			/* for ECS, bits; 0 = not located by ECS */
	bool lacks_family;		/* none of the pool has: static data may be answered */
	bool fail_open;			/* all servers down, or their health is not known */
	bool unlocated;			/* got the list of clients in no database, or its equal */
	int ede;			/* enum dns_ede, DNS_EDE_NONE mostly */
	const char *ede_text;		/* static text, or NULL */
	uint32_t ttl_s;
	struct steer_by by;
	const uint8_t *ip[CONF_MAX_ANSWERS];	/* 4 or 16 octets each, live as long as steer */
};

/* Where to write the reasons: complete lines, each at most 255 octets. */
struct steer_why {
	void (*line)(void *arg, const char *text);
	void *arg;
};

/* Finds clients in the maps of the names that they ask for, together, so that memory is waited for
 * once; steer_pick then need not look.  At most STEER_LOCATE_MAX.  Answers are the same without. */
enum { STEER_LOCATE_MAX = 64 };
void steer_locate(unsigned n, const struct steer_name *const *name,
    struct steer_client *const *client);

/* family: 4 for A, 6 for AAAA.  `why` is NULL on the packet path; with it databases
 * are asked for the client's place.  Allocates nothing when `why` is NULL. */
void steer_pick(const struct steer_name *name, const struct steer_client *client,
    uint8_t family, struct steer_answer *answer, const struct steer_why *why);

/* A rung in a word: "healthy", "stale", "few", "few-stale", "spent", "down", "drain". */
const char *steer_rung_text(uint32_t rung);

/* For _whoami: the client's country ("" = not known). */
void steer_country(const struct steer *steer, const struct steer_client *client, char country[3]);

#endif
