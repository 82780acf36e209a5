/*
 * Health filters: which servers clients with one list of sites are given (the design's step 3).
 *
 * steer_build.c has put the servers of one family at one site side by side, as candidates
 * sorted by class.  A choice is one run of them, from the first candidate of a site on, down to
 * some class:
 *
 *	current      stale        spent        down         drain
 *	[----------]                                                 HEALTHY, FEW
 *	[-----------------------]                                    STALE, FEW_STALE
 *	[------------------------------------]                       SPENT
 *	[-------------------------------------------------]          DOWN
 *	[--------------------------------------------------------]   DRAIN
 *
 * The rungs are ordered from best to worst, and a better rung anywhere in the pool comes before
 * a worse one near: a far site that is healthy before a near one that is not.  So there is one
 * rung for all clients, the best that any site of the pool has (steer_find_best), and what is
 * left to find is the nearest site that has it.  Most often that is one of the client's list;
 * the list comes first, whatever the distances, since an operator's rule may have written it.
 * Where none of the list has it, the choice says `away`, and steer_go_beyond looks for the first in
 * the order of all sites by distance from the client, which only the map knows.
 *
 * From FEW_STALE on a run holds servers of its last class only: had the pool any better ones, an
 * earlier rung would have found them.
 *
 * steer_choose runs when a generation is built, once for each pool, family and result;
 * steer_go_beyond when a client asks.  Pure but for the choice that they fill.
 */
#include "dnsd/steer/steer_inner.h"

#include <assert.h>

/* The state of one family: the worse of the server's and the family's own, and a drain,
 * which is an order, before any of them. */
enum health_state
steer_family_state(const struct steer_server *s, bool six)
{
	enum health_state whole = s->health.state, part = six ? s->health.v6 : s->health.v4;

	if (!s->known)
		return HEALTH_UNKNOWN;
	if (whole == HEALTH_DRAIN || part == HEALTH_DRAIN)
		return HEALTH_DRAIN;
	return part > whole ? part : whole;
}

size_t
steer_list(const struct steer_pool *pool, uint16_t result, const uint16_t **sites)
{
	assert(result < pool->here + pool->n_sets);
	if (result < pool->here)
		return geo_map_result(pool->map, result, sites);
	*sites = pool->here_lists[result - pool->here].site;
	return pool->here_lists[result - pool->here].n;
}

/* From best to worst: the last class of a run, and whether its current and stale servers must
 * have the pool's min-weight. */
static const struct {
	enum steer_class upto;
	bool enough;
} rungs[RUNGS] = {
	[RUNG_HEALTHY] = { CLASS_CURRENT, true },
	[RUNG_STALE] = { CLASS_STALE, true },
	[RUNG_FEW] = { CLASS_CURRENT, false },
	[RUNG_FEW_STALE] = { CLASS_STALE, false },
	[RUNG_SPENT] = { CLASS_SPENT, false },
	[RUNG_DOWN] = { CLASS_DOWN, false },
	[RUNG_DRAIN] = { CLASS_DRAIN, false },
};

/* The run of a group down to a class; 0 = it does not do. */
static uint16_t
run_length(const struct steer_group *g, enum steer_class upto, uint32_t min_weight)
{
	uint32_t weight = g->current_weight + (upto >= CLASS_STALE ? g->stale_weight : 0);
	uint16_t n = 0;

	for (unsigned class = 0; class <= (unsigned)upto; class++)
		n = (uint16_t)(n + g->n[class]);
	return weight >= min_weight ? n : 0;
}

/* ---- what a group can do ---- */

static void
lower(struct steer_bound *bound, uint32_t ttl_s, uint16_t server)
{
	if (ttl_s < bound->ttl_s)
		*bound = (struct steer_bound){ ttl_s, server };
}

/* `rest`: those of the site that are no candidates, and those without which it would fall below
 * the minimum. */
void
steer_bound_group(const struct steer *steer, const struct conf_pool *cp, struct steer_group *g)
{
	g->any = g->rest = (struct steer_bound){ STEER_TTL_NONE, CONF_NONE };
	for (unsigned k = 0; k < g->total; k++) {
		const struct steer_candidate *c = &steer->candidates[g->first + k];

		lower(&g->any, c->ttl_s, c->server);
		if (k >= g->n[CLASS_CURRENT] || g->current_weight - c->weight < cp->min_weight)
			lower(&g->rest, c->ttl_s, c->server);
	}
}

static uint16_t
run_on(const struct conf_pool *cp, const struct steer_group *g, enum steer_rung rung)
{
	return run_length(g, rungs[rung].upto, rungs[rung].enough ? cp->min_weight : 0);
}

void
steer_find_best(const struct conf_pool *cp, struct steer_pool *pool, bool six, uint8_t set)
{
	struct steer_best *best = &pool->best[six][set];
	bool found = false;

	*best = (struct steer_best){ .rung = RUNG_HEALTHY };
	for (; best->rung < RUNGS && !found; best->rung += !found) {
		for (unsigned s = 0; s < pool->n_sites; s++) {
			if (run_on(cp, steer_group_of(pool, six, set, pool->sites[s]),
			    best->rung) == 0)
				continue;
			best->sites[pool->sites[s] / 64] |= UINT64_C(1) << pool->sites[s] % 64;
			found = true;
		}
	}
}

static bool
is_best(const struct steer_best *best, uint16_t site)
{
	return best->sites[site / 64] >> site % 64 & 1;
}

/* ---- choosing ---- */

static void
lower_ttl(struct steer_choice *choice, const struct steer_bound *bound)
{
	if (bound->ttl_s < choice->ttl_s) {
		choice->ttl_s = bound->ttl_s;
		choice->ttl_server = bound->server;
	}
}

/* A scope must not change with health: servers are counted as configured. */
static uint8_t
richest(const struct steer_pool *pool, bool six, uint8_t set, const uint16_t *list, size_t n)
{
	unsigned most = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned total = steer_group_of(pool, six, set, list[i])->total;
		most = total > most ? total : most;
	}
	return (uint8_t)(most < 255 ? most : 255);
}

static bool
all_unknown(const struct steer *steer, const struct conf_pool *cp,
    const struct steer_choice *choice, bool six)
{
	if (cp->check == CONF_NONE || choice->rung >= RUNG_SPENT)
		return false;
	for (unsigned i = 0; i < choice->n; i++) {
		const struct steer_candidate *c = &steer->candidates[choice->first + i];
		if (steer_family_state(&steer->servers[c->server], six) != HEALTH_UNKNOWN)
			return false;
	}
	return true;
}

/* The choice of this site, which has `rung`. */
static void
take(const struct steer *steer, const struct conf_pool *cp, const struct steer_pool *pool, bool six,
    uint16_t site, enum steer_rung rung, struct steer_choice *choice)
{
	const struct steer_group *g = steer_group_of(pool, six, choice->set, site);

	choice->first = g->first;
	choice->n = run_on(cp, g, rung);
	choice->site = site;
	choice->rung = rung & 15;
	choice->away = false;
	choice->twins = g->twins;
	assert(choice->n != 0 && choice->first + choice->n <= steer->n_candidates);
	if (rung == RUNG_HEALTHY)
		lower_ttl(choice, &g->rest);
	choice->unknown = all_unknown(steer, cp, choice, six);
}

/* The best rung of these sites alone, as its first site has it; nobody's where none has any
 * server. */
static void
choose_only(const struct steer *steer, const struct conf_pool *cp, const struct steer_pool *pool,
    bool six, const uint16_t *list, size_t n, struct steer_choice *choice)
{
	for (unsigned rung = RUNG_HEALTHY; rung < RUNGS; rung++) {
		choice->ttl_s = STEER_TTL_NONE;
		for (size_t i = 0; i < n; i++) {
			const struct steer_group *g = steer_group_of(pool, six, choice->set,
			    list[i]);

			if (run_on(cp, g, rung) != 0) {
				take(steer, cp, pool, six, list[i], rung, choice);
				return;
			}
			lower_ttl(choice, &g->any);
		}
	}
}

void
steer_choose(const struct steer *steer, const struct conf_pool *cp, const struct steer_pool *pool,
    bool six, uint16_t result, struct steer_choice *choice)
{
	const struct steer_best *best;
	const uint16_t *list;
	size_t n = steer_list(pool, result, &list);

	*choice = (struct steer_choice){ .ttl_s = STEER_TTL_NONE, .ttl_server = CONF_NONE,
	    .site = CONF_NONE };
	choice->set = result < pool->here ? geo_map_set(pool->map, result) :
	    (uint8_t)(result - pool->here);
	choice->only = result < pool->here && geo_map_only(pool->map, result);
	choice->most = richest(pool, six, choice->set, list, n);
	best = &pool->best[six][choice->set];
	if (choice->only) {
		choose_only(steer, cp, pool, six, list, n, choice);
		return;
	}
	if (best->rung == RUNGS)		/* all are excluded */
		return;
	for (size_t i = 0; i < n; i++) {
		if (is_best(best, list[i])) {
			take(steer, cp, pool, six, list[i], best->rung, choice);
			return;
		}
		lower_ttl(choice, &steer_group_of(pool, six, choice->set, list[i])->any);
	}
	choice->away = true;
}

void
steer_go_beyond(const struct steer_name *name, bool six, uint16_t order,
    const struct steer_choice *near, struct steer_choice *choice)
{
	const struct steer *steer = name->steer;
	const struct steer_pool *pool = name->pool;
	const struct conf_pool *cp = &steer->conf->pools[name->pool_index];
	const struct steer_best *best = &pool->best[six][near->set];
	const uint8_t *list;
	size_t n;

	*choice = *near;
	list = geo_beyond_list(pool->beyond, order, &n);
	for (size_t i = 0; i < n; i++) {
		uint16_t site = list[i];

		if (pool->site_index[site] == CONF_NONE)
			continue;
		if (!is_best(best, site)) {
			lower_ttl(choice, &steer_group_of(pool, six, near->set, site)->any);
			continue;
		}
		choice->most = richest(pool, six, near->set, &site, 1);
		take(steer, cp, pool, six, site, best->rung, choice);
		return;
	}
	assert(false);
}
