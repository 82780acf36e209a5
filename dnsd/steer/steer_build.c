/*
 * Building a struct steer: everything that answers need to know of one state of health.
 *
 * For each pool: its map is the one that steer_geo.c has loaded; its servers become candidates,
 * those with IPv4 and those with IPv6 apart, sorted by site and class (fill_groups); for every
 * result of the map and for `here` a choice among them is made (steer_choice.c).  After that a
 * struct steer changes only by steer_bind, which adds a steered name of a zone, and not at all
 * once its generation is published.
 *
 * A struct steer owns its servers, candidates, groups, choices and names, and holds its geo
 * (steer_geo.c); the configuration must outlive it.  Built and freed by the main thread,
 * read by any.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/dns.h"
#include "dnsd/steer/steer_inner.h"

/* ---- what health says of each server ---- */

static int
by_server_name(const void *a, const void *b)
{
	const struct health_server *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int
compare_server_name(const void *name, const void *b)
{
	const struct health_server *const *y = b;

	return strcmp(name, (*y)->name);
}

static int
copy_health(struct steer *steer, const struct health_file *health)
{
	const struct conf *conf = steer->conf;
	const struct health_server **sorted, **found;

	if (health == NULL || health->n_servers == 0)
		return 0;
	sorted = calloc(health->n_servers, sizeof(*sorted));
	if (sorted == NULL)
		return -1;
	for (size_t i = 0; i < health->n_servers; i++)
		sorted[i] = &health->servers[i];
	qsort(sorted, health->n_servers, sizeof(*sorted), by_server_name);
	for (size_t i = 0; i < conf->n_servers; i++) {
		found = bsearch(conf->servers[i].name, sorted, health->n_servers, sizeof(*sorted),
		    compare_server_name);
		if (found == NULL)
			continue;
		steer->servers[i].known = true;
		steer->servers[i].health = **found;
	}
	free(sorted);
	return 0;
}

static enum steer_class
classify(const struct steer *steer, size_t i, bool six)
{
	const struct steer_server *s = &steer->servers[i];

	switch (steer_family_state(s, six)) {
	case HEALTH_DRAIN:
		return CLASS_DRAIN;
	case HEALTH_DOWN:
		return CLASS_DOWN;
	case HEALTH_STALE:
		return s->health.weight == 0 ? CLASS_SPENT : CLASS_STALE;
	default:
		return s->known && s->health.weight == 0 ? CLASS_SPENT : CLASS_CURRENT;
	}
}

/* The configured weight, less the server's load where it is in use. */
static uint32_t
weight_in_effect(const struct steer *steer, size_t i, enum steer_class class)
{
	const struct steer_server *s = &steer->servers[i];
	uint32_t weight = steer->conf->servers[i].weight;

	if (class <= CLASS_STALE && s->known)
		weight = (weight * s->health.weight + 50) / 100;
	weight = weight != 0 ? weight : 1;
	assert(weight <= CONF_MAX_WEIGHT);
	return weight;
}

static void
fill_candidate(const struct steer *steer, size_t i, bool six, enum steer_class class,
    struct steer_candidate *c)
{
	const struct conf_server *server = &steer->conf->servers[i];
	const struct steer_server *s = &steer->servers[i];

	c->name = rendezvous_name(server->name);
	c->weight = weight_in_effect(steer, i, class);
	c->inverse = rendezvous_inverse(c->weight);
	c->server = (uint16_t)i;
	c->class = (uint8_t)class;
	c->tier = class == CLASS_STALE;
	c->ttl_s = STEER_TTL_NONE;
	if (steer->conf->pools[server->pool].check != CONF_NONE &&
	    steer_family_state(s, six) == HEALTH_UNKNOWN)
		c->ttl_s = 0;			/* may turn any moment */
	else if (s->known && s->health.ttl_s != 0)
		c->ttl_s = s->health.ttl_s;
	memcpy(c->ip, six ? server->v6.ip : server->v4.ip, 16);
}

/* ---- a pool's servers, by site and class ---- */

static bool
serves_family(const struct conf_server *server, bool six)
{
	return (six ? server->v6.family : server->v4.family) != 0;
}

static bool
may_serve(const struct steer *steer, const struct steer_pool *pool, bool six, uint8_t set, size_t i)
{
	const struct conf_server *server = &steer->conf->servers[i];

	return serves_family(server, six) &&
	    (set == 0 || !geo_map_excludes(pool->map, set, server->site, i));
}

static void
count_server(struct steer_group *g, const struct steer *steer, size_t i, enum steer_class class)
{
	g->n[class]++;
	g->total++;
	if (class == CLASS_CURRENT)
		g->current_weight += weight_in_effect(steer, i, class);
	else if (class == CLASS_STALE)
		g->stale_weight += weight_in_effect(steer, i, class);
}

/* What a choice relies on: a group's candidates lie together, the best class first.  Asked by an
 * assert only. */
static bool __attribute__((unused))
is_sorted(const struct steer *steer, const struct steer_group *g)
{
	const struct steer_candidate *c = steer->candidates + g->first;

	for (unsigned class = 0; class < CLASSES; class++)
		for (unsigned i = 0; i < g->n[class]; i++, c++)
			if (c->class != class || c->inverse == 0)
				return false;
	return c == steer->candidates + g->first + g->total;
}

static int
by_address(const void *a, const void *b)
{
	return memcmp(*(const uint8_t *const *)a, *(const uint8_t *const *)b, 16);
}

/* Whether two servers of a site have one address.  -1 = no memory. */
static int
find_twins(const struct steer *steer, struct steer_group *g)
{
	const uint8_t **sorted;

	if (g->total < 2)
		return 0;
	sorted = calloc(g->total, sizeof(*sorted));
	if (sorted == NULL)
		return -1;
	for (unsigned i = 0; i < g->total; i++)
		sorted[i] = steer->candidates[g->first + i].ip;
	qsort(sorted, g->total, sizeof(*sorted), by_address);
	for (unsigned i = 1; i < g->total; i++)
		g->twins |= by_address(&sorted[i - 1], &sorted[i]) == 0;
	free(sorted);
	return 0;
}

/* Counts, then places: each site's candidates together, sorted by class. */
static int
fill_groups(struct steer *steer, const struct conf_pool *cp, struct steer_pool *pool, bool six,
    uint8_t set)
{
	size_t end = (size_t)cp->first_server + cp->n_servers;
	struct steer_group *groups = &pool->groups[six][set * pool->n_sites];
	uint32_t (*next)[CLASSES] = calloc(pool->n_sites, sizeof(*next));

	if (next == NULL)
		return -1;
	for (size_t i = cp->first_server; i < end; i++)
		if (may_serve(steer, pool, six, set, i))
			count_server(&groups[pool->site_index[steer->conf->servers[i].site]],
			    steer, i, classify(steer, i, six));
	for (unsigned s = 0; s < pool->n_sites; s++) {
		groups[s].first = steer->n_candidates;
		for (unsigned class = 0; class < CLASSES; class++) {
			next[s][class] = steer->n_candidates;
			steer->n_candidates += groups[s].n[class];
		}
		pool->has[six] |= groups[s].total != 0;
	}
	for (size_t i = cp->first_server; i < end; i++) {
		const struct conf_server *server = &steer->conf->servers[i];
		enum steer_class class = classify(steer, i, six);

		if (may_serve(steer, pool, six, set, i))
			fill_candidate(steer, i, six, class,
			    &steer->candidates[next[pool->site_index[server->site]][class]++]);
	}
	free(next);
	for (unsigned s = 0; s < pool->n_sites; s++) {
		assert(is_sorted(steer, &groups[s]));
		steer_bound_group(steer, cp, &groups[s]);
		if (find_twins(steer, &groups[s]) < 0)
			return -1;
	}
	return 0;
}

/* ---- pools ---- */

/* Where anycast brought a resolver that says nothing of its client: this site first, then
 * as for clients that are in no database; without the sites that must not serve it. */
static void
make_here_list(const struct conf *conf, struct steer_pool *pool, uint8_t set)
{
	struct steer_here *here = &pool->here_lists[set];
	size_t n;
	const uint8_t *order = geo_beyond_list(pool->beyond, geo_beyond_unlocated(pool->beyond),
	    &n);

	for (size_t i = 0; i < n && here->n < conf->geo.sites_per_answer &&
	    here->n < GEO_MAP_MAX_LIST; i++)
		if (pool->site_index[order[i]] != CONF_NONE &&
		    !geo_map_excludes_all_at(pool->map, set, order[i]))
			here->site[here->n++] = order[i];
}

/* The choices of one family. */
static int
build_choices(struct steer *steer, const struct conf_pool *cp, struct steer_pool *pool, bool six)
{
	unsigned choices = pool->here + pool->n_sets;

	pool->groups[six] = calloc((size_t)pool->n_sites * pool->n_sets,
	    sizeof(struct steer_group));
	pool->best[six] = calloc(pool->n_sets, sizeof(struct steer_best));
	pool->choices[six] = calloc(choices, sizeof(struct steer_choice));
	if (pool->groups[six] == NULL || pool->best[six] == NULL || pool->choices[six] == NULL)
		return -1;
	for (unsigned set = 0; set < pool->n_sets; set++) {
		if (fill_groups(steer, cp, pool, six, (uint8_t)set) < 0)
			return -1;
		steer_find_best(cp, pool, six, (uint8_t)set);
	}
	for (unsigned r = 0; r < choices && pool->has[six]; r++)
		steer_choose(steer, cp, pool, six, (uint16_t)r, &pool->choices[six][r]);
	return 0;
}

static int
build_pool(struct steer *steer, size_t index)
{
	const struct conf_pool *cp = &steer->conf->pools[index];
	struct steer_pool *pool = &steer->pools[index];
	uint16_t which = steer->geo->maps->of_pool[index];
	const struct steer_map *map;

	if (which == CONF_NONE)
		return 0;
	map = &steer->geo->maps->v[which];
	pool->map = map->map;
	pool->beyond = steer->geo->maps->beyond;
	pool->sites = map->sites;
	pool->n_sites = (uint16_t)map->n_sites;
	for (unsigned s = 0; s < CONF_MAX_SITES; s++)
		pool->site_index[s] = CONF_NONE;
	for (uint16_t s = 0; s < pool->n_sites; s++)
		pool->site_index[pool->sites[s]] = s;
	pool->unlocated = geo_map_unlocated(map->map);
	pool->here = geo_map_results(map->map);
	pool->binds = geo_map_binds(map->map);
	pool->n_sets = (uint16_t)geo_map_sets(map->map);
	pool->here_lists = calloc(pool->n_sets, sizeof(*pool->here_lists));
	if (pool->here_lists == NULL)
		return -1;
	for (unsigned set = 0; set < pool->n_sets; set++)
		make_here_list(steer->conf, pool, (uint8_t)set);
	return build_choices(steer, cp, pool, false) < 0 ? -1 :
	    build_choices(steer, cp, pool, true);
}

/* How many candidates there can be: each pool's servers, in both families, for each set of
 * exclusions. */
static size_t
most_candidates(const struct conf *conf, const struct steer_geo *geo)
{
	size_t n = 1;

	for (size_t i = 0; i < conf->n_pools; i++) {
		uint16_t which = geo->maps->of_pool[i];

		if (which != CONF_NONE)
			n += 2 * (size_t)conf->pools[i].n_servers *
			    geo_map_sets(geo->maps->v[which].map);
	}
	return n;
}

struct steer *
steer_build(const struct conf *conf, struct steer_geo *geo, const struct health_file *health,
    struct err *err)
{
	struct steer *steer = calloc(1, sizeof(*steer));
	bool ok = steer != NULL;

	if (!ok) {
		err_set(err, "out of memory for steering");
		return NULL;
	}
	steer->conf = conf;
	steer->geo = steer_geo_ref(geo);
	steer->health_known = health != NULL;
	steer->servers = calloc(conf->n_servers + 1, sizeof(*steer->servers));
	steer->pools = calloc(conf->n_pools + 1, sizeof(*steer->pools));
	steer->candidates = calloc(most_candidates(conf, geo), sizeof(*steer->candidates));
	ok = steer->servers != NULL && steer->pools != NULL && steer->candidates != NULL &&
	    copy_health(steer, health) == 0;
	for (size_t i = 0; ok && i < conf->n_pools; i++)
		ok = build_pool(steer, i) == 0;
	if (!ok) {
		err_set(err, "out of memory for steering");
		steer_free(steer);
		return NULL;
	}
	return steer;
}

/* ---- names ---- */

enum { NAMES_IN_CHUNK = 128 };

struct steer_names {
	struct steer_names *next;
	unsigned n;
	struct steer_name v[NAMES_IN_CHUNK];
};

void
steer_free(struct steer *steer)
{
	struct steer_names *next;

	if (steer == NULL)
		return;
	for (struct steer_names *chunk = steer->names; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	for (size_t i = 0; steer->pools != NULL && i < steer->conf->n_pools; i++) {
		free(steer->pools[i].here_lists);
		for (unsigned six = 0; six < 2; six++) {
			free(steer->pools[i].groups[six]);
			free(steer->pools[i].best[six]);
			free(steer->pools[i].choices[six]);
		}
	}
	free(steer->pools);
	free(steer->servers);
	free(steer->candidates);
	steer_geo_unref(steer->geo);
	free(steer);
}

static struct steer_name *
new_name(struct steer *steer)
{
	if (steer->names == NULL || steer->names->n == NAMES_IN_CHUNK) {
		struct steer_names *chunk = calloc(1, sizeof(*chunk));
		if (chunk == NULL)
			return NULL;
		chunk->next = steer->names;
		steer->names = chunk;
	}
	return &steer->names->v[steer->names->n++];
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t
steer_ttl_max(const struct steer *steer)
{
	uint32_t most_s = 0;

	for (const struct steer_names *chunk = steer->names; chunk != NULL; chunk = chunk->next)
		for (unsigned i = 0; i < chunk->n; i++)
			if (chunk->v[i].ttl_max_s > most_s)
				most_s = chunk->v[i].ttl_max_s;
	return most_s;
}

/* static_ttl_s is STEER_TTL_NONE where there is no static data. */
static const struct steer_name *
bind_name(struct steer *steer, const struct zone_steer *text, uint32_t static_ttl_s,
    struct err *err)
{
	const struct conf *conf = steer->conf;
	uint16_t index = conf_find_pool(conf, text->pool);
	struct steer_name *name;

	if (index == CONF_NONE) {
		err_set(err, "_steer: pool \"%s\" is not in %s", text->pool, conf->path);
		return NULL;
	}
	name = new_name(steer);
	if (name == NULL) {
		err_set(err, "out of memory for steered names");
		return NULL;
	}
	name->steer = steer;
	name->pool = &steer->pools[index];
	name->pool_index = index;
	name->answers = (uint8_t)least(CONF_MAX_ANSWERS,
	    text->answers != 0 ? text->answers : conf->pools[index].answers);
	name->nearest = text->nearest;
	name->spread[0] = (uint8_t)conf->geo.spread4;
	name->spread[1] = (uint8_t)conf->geo.spread6;
	name->static_ttl_s = static_ttl_s;
	name->ttl_max_s = least(text->ttl_max_s != 0 ? text->ttl_max_s : conf->ttl_max_s,
	    static_ttl_s);
	name->ttl_min_s = least(text->ttl_min_s != 0 ? text->ttl_min_s : conf->ttl_min_s,
	    name->ttl_max_s);
	assert(name->answers != 0 && name->spread[0] <= 32 && name->spread[1] <= 128);
	return name;
}

const struct steer_name *
steer_bind(struct steer *steer, const struct zone_steer *text, uint32_t static_ttl_s,
    struct err *err)
{
	return bind_name(steer, text, static_ttl_s != 0 ? static_ttl_s : STEER_TTL_NONE, err);
}

const struct steer_name *
steer_bind_zone(struct steer *steer, const struct zone *zone, uint32_t index, struct err *err)
{
	static const uint16_t types[] = { DNS_A, DNS_AAAA };
	const struct zone_steer *text = &zone->steers[index];
	uint32_t ttl_s = STEER_TTL_NONE;

	for (unsigned i = 0; i < 2; i++) {
		const struct rrset *set = zone_rrset(zone, &zone->nodes[text->node], types[i]);
		if (set != NULL)
			ttl_s = least(ttl_s, set->ttl_s);
	}
	return bind_name(steer, text, ttl_s, err);
}
