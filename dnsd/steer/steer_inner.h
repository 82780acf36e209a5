/*
 * steer_inner: what a struct steer is made of, for the steer*.c files and nobody else.
 *
 * steer_geo.c loads databases and maps, steer_build.c sorts servers by health,
 * steer_choice.c chooses among them, steer.c picks, steer_why.c and steer_why_not.c say why.
 * For every pool, family and result of its map there is one ready `choice`: the run of candidates
 * that a client of this result is hashed over.  Candidates of one site lie together, sorted by
 * class, so that every choice, whatever health says, is a run from the start of the site's part
 * (drawn in steer_choice.c).  Where no site of a list has the best there is, the choice is made
 * when the client asks, among all sites by distance from it (steer_go_beyond).  Knows no packets.
 * Threads: as said of each struct below.
 */
#ifndef NEARCAST_STEER_INNER_H
#define NEARCAST_STEER_INNER_H

#include <assert.h>

#include "dnsd/geo/geo_beyond.h"
#include "common/geo/geo_db.h"
#include "dnsd/geo/geo_map.h"
#include "common/geo/rendezvous.h"
#include "dnsd/steer/steer.h"

#define STEER_TTL_NONE UINT32_MAX	/* no bound from health */

/* ---- geography: shared by generations, touched by the main thread only ---- */

struct steer_db {
	unsigned refs;
	char *path;
	uint64_t stamp;			/* of the file as it was when it was opened */
	struct geo_db *db;
};

struct steer_map {
	uint16_t *sites;		/* ascending indices into conf->sites */
	size_t n_sites;
	bool alone;			/* one pool's, with what its servers exclude */
	struct geo_map *map;
};

/* The maps of one configuration and one pair of databases: one for each distinct set
 * of sites that a pool has servers at, and one for each pool whose servers exclude clients. */
struct steer_maps {
	unsigned refs;
	uint64_t shape;			/* of everything in the configuration that maps depend on */
	struct steer_map *v;
	size_t n;
	struct geo_beyond *beyond;	/* of all their sites; NULL = there are none */
	uint16_t *of_pool;		/* by pool: index into v, CONF_NONE = no servers */
};

struct steer_geo {
	unsigned refs;
	struct steer_db *city, *asn;	/* NULL = none */
	struct steer_maps *maps;
	bool refused;
};

/* ---- one state of health: immutable once its generation is published, read by any thread ---- */

/* Classes of servers at a site, best first; a run of them is a choice. */
enum steer_class {
	CLASS_CURRENT,			/* up, or not known: fails open */
	CLASS_STALE,			/* alive, its content behind */
	CLASS_SPENT,			/* up, but its load leaves it no weight */
	CLASS_DOWN,
	CLASS_DRAIN,
	CLASSES
};

/* How a choice came about, best first. */
enum steer_rung {
	RUNG_HEALTHY,			/* current servers, and enough of them */
	RUNG_STALE,			/* enough only with stale ones */
	RUNG_FEW,			/* current ones, below the pool's min-weight everywhere */
	RUNG_FEW_STALE,
	RUNG_SPENT,			/* only servers that are out of load */
	RUNG_DOWN,			/* all down: the nearest full set */
	RUNG_DRAIN,			/* nothing else exists */
	RUNGS
};

struct steer_candidate {
	uint64_t name;			/* rendezvous_name */
	uint32_t inverse;		/* rendezvous_inverse of the weight in effect */
	uint32_t ttl_s;			/* how long its state surely lasts, or STEER_TTL_NONE */
	uint16_t server;		/* index into conf->servers */
	uint8_t tier;			/* 1 = after every candidate of tier 0 */
	uint8_t class;
	uint32_t weight;		/* in effect */
	uint8_t ip[16];
};

struct steer_choice {
	uint32_t first;			/* candidate */
	uint32_t ttl_s;			/* bound by others than the candidates chosen */
	uint16_t n;			/* candidates; 0 = none, or `away` */
	uint16_t site;			/* CONF_NONE = none */
	uint16_t ttl_server;		/* whose state gives ttl_s, CONF_NONE = none */
	uint8_t most;			/* servers at the richest site of the list, at most 255 */
	uint8_t set;			/* the client's exclusions (geo_map_set) */
	uint8_t rung : 4;		/* enum steer_rung */
	bool unknown : 1;		/* the pool is probed, and no candidate's health is known */
	bool away : 1;			/* the best there is is beyond the list: steer_go_beyond */
	bool twins : 1;			/* some candidates have one address: it is given once */
	bool only : 1;			/* no site but those of the list may ever serve */
};

/* How soon something else may be better, as TTLs have it. */
struct steer_bound {
	uint32_t ttl_s;			/* STEER_TTL_NONE = nothing is near */
	uint16_t server;		/* whose state it is */
};

/* A pool's servers of one family at one site: a run of candidates sorted by class. */
struct steer_group {
	uint32_t first;
	uint16_t n[CLASSES];
	uint16_t total;
	uint32_t current_weight, stale_weight;
	bool twins;			/* two have one address */
	struct steer_bound any;		/* of all its servers: while a farther site answers */
	struct steer_bound rest;	/* while its current ones answer, and are enough */
};

/* The best rung that any site of the pool has, and the sites that have it. */
struct steer_best {
	enum steer_rung rung;		/* RUNGS = no site has anything */
	uint64_t sites[CONF_MAX_SITES / 64]; /* bits, by index into conf->sites */
};

/* The sites for resolvers of this site. */
struct steer_here {
	uint16_t n;
	uint16_t site[GEO_MAP_MAX_LIST];
};

struct steer_pool {
	const struct geo_map *map;	/* NULL = no servers at all */
	const struct geo_beyond *beyond;
	uint16_t unlocated;		/* result */
	uint16_t here;			/* index of the choice for resolvers of this site who are
					 * excluded by nobody; behind it, those of the other sets */
	uint16_t n_sets;		/* of exclusions, the empty one first */
	struct steer_here *here_lists;	/* by set */
	uint16_t n_sites;
	const uint16_t *sites;		/* ascending; the map's */
	uint16_t site_index[CONF_MAX_SITES]; /* from a site to its index in `sites`, or CONF_NONE */
	struct steer_group *groups[2];	/* by set, n_sites each, by index of `sites` */
	struct steer_best *best[2];	/* by set */
	struct steer_choice *choices[2]; /* by result, IPv4 and IPv6; then `here` */
	bool binds;			/* some client may not be served by some: resolvers are
					 * located too */
	bool has[2];			/* any server of the family */
};

struct steer_name {
	const struct steer_pool *pool;
	const struct steer *steer;
	uint16_t pool_index;
	uint8_t answers;
	uint8_t nearest;		/* mode=nearest */
	uint8_t spread[2];		/* of each family */
	uint32_t ttl_min_s, ttl_max_s;
	uint32_t static_ttl_s;		/* STEER_TTL_NONE = no static data */
};

/* What health says of a server, as kept for the explanation. */
struct steer_server {
	bool known;			/* the health file has a line for it */
	struct health_server health;
};

struct steer_names;			/* a chunk of struct steer_name */

struct steer {
	const struct conf *conf;
	struct steer_geo *geo;
	bool health_known;
	struct steer_server *servers;	/* by index of conf->servers */
	struct steer_pool *pools;
	struct steer_candidate *candidates;
	uint32_t n_candidates;
	struct steer_names *names;
};

static inline bool
steer_family_index(uint8_t family)
{
	return family == 6;
}

/* The servers of a site that may serve clients with this set of exclusions. */
static inline struct steer_group *
steer_group_of(const struct steer_pool *pool, bool six, uint8_t set, uint16_t site)
{
	assert(site < CONF_MAX_SITES && pool->site_index[site] < pool->n_sites &&
	    set < pool->n_sets);
	return &pool->groups[six][set * pool->n_sites + pool->site_index[site]];
}

/* The state of one family of a server, from its own and the server's. */
enum health_state steer_family_state(const struct steer_server *s, bool six);

/* What steer_choose goes by: the group's bounds, its candidates being in place. */
void steer_bound_group(const struct steer *steer, const struct conf_pool *cp,
    struct steer_group *g);
/* And the pool's best rung for a set of exclusions, its groups being complete. */
void steer_find_best(const struct conf_pool *cp, struct steer_pool *pool, bool six, uint8_t set);

/* The design's step 3 for clients of this result, or those of `here`. */
void steer_choose(const struct steer *steer, const struct conf_pool *cp,
    const struct steer_pool *pool, bool six, uint16_t result, struct steer_choice *choice);

/* The same for a choice that is `away`: the first of `order` (geo_beyond: all sites by distance
 * from the client) that is of the pool and has the best there is.  `near` is what steer_choose
 * has said. */
void steer_go_beyond(const struct steer_name *name, bool six, uint16_t order,
    const struct steer_choice *near, struct steer_choice *choice);

/* The sites of a result (or of `here`), nearest first. */
size_t steer_list(const struct steer_pool *pool, uint16_t result, const uint16_t **sites);

/* The rendezvous cost of a candidate, lower is better; stale ones come after current ones. */
static inline uint64_t
steer_cost(uint64_t key, const struct steer_candidate *c)
{
	return rendezvous_cost(key, c->name, c->inverse) | (uint64_t)c->tier << 63;
}

/* Everything that a pick was made of, for the explanation. */
struct steer_trace {
	const struct steer_name *name;
	const struct steer_client *client;
	struct steer_answer *answer;
	const struct steer_choice *choice;
	struct steer_choice far;	/* what `choice` points to where `beyond` */
	uint8_t family;
	uint16_t result;
	uint8_t depth;			/* of the leaf, or of the deeper of two where `beyond`;
					 * 0 when the map was not asked */
	bool mapped;			/* the map was asked */
	bool beyond;			/* the site is not one of the list */
	uint8_t key_bits;
	uint64_t key;
	uint16_t ttl_server;		/* whose state bounds the TTL, CONF_NONE = nobody's */
	uint32_t ttl_bound_s;		/* to this */
	uint16_t chosen[CONF_MAX_ANSWERS]; /* servers, in the order given */
};

/* Why a candidate at a site of the client's is not in the answer: a few words in `text`, which is
 * returned, empty where there is nothing to say.  rank: its place among those of its site, from 0,
 * best class and lowest cost first. */
enum { STEER_WHY_NOT = 160 };
const char *steer_why_not(const struct steer_trace *trace, const struct steer_candidate *candidate,
    unsigned rank, char text[STEER_WHY_NOT]);

/* Writes the lines. */
void steer_why_write(const struct steer_why *why, const struct steer_trace *trace);

#endif
