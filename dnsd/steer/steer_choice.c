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
 * The rungs are tried in the order of `passes`, each at every site of the list, nearest first,
 * before the next rung is tried anywhere: a far site that is healthy comes before a near one
 * that is not.  From FEW_STALE on a run holds servers of its last class only: had the list any
 * better ones, an earlier pass would have found them.
 *
 * Runs when a generation is built, once for each pool, family and result; pure but for the
 * choice that it fills.
 */
#include "dnsd/steer/steer_inner.h"

#include <assert.h>

#include "dnsd/geo/geo_rank.h"

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
	assert(result <= pool->here);
	if (result != pool->here)
		return geo_map_result(pool->map, result, sites);
	*sites = pool->here_list;
	return pool->n_here;
}

/* From best to worst: the last class of a run, and whether its current and stale servers must
 * have the pool's min-weight. */
static const struct {
	enum steer_class upto;
	bool enough;
} passes[] = {
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

/* Walks the list once for each pass of from..to; false = none of them finds anything. */
static bool
walk_list(const struct conf_pool *cp, const struct steer_pool *pool, bool six,
    const uint16_t *list, size_t n, enum steer_rung from, enum steer_rung to,
    struct steer_choice *choice)
{
	for (unsigned p = from; p <= (unsigned)to; p++) {
		for (size_t i = 0; i < n; i++) {
			const struct steer_group *g = steer_group_of(pool, six, list[i]);
			uint16_t run = run_length(g, passes[p].upto,
			    passes[p].enough ? cp->min_weight : 0);

			if (run == 0)
				continue;
			choice->first = g->first;
			choice->n = run;
			choice->site = list[i];
			choice->rung = p & 15;
			return true;
		}
	}
	return false;
}

/* The pool's sites that are not in the list: by distance from the list's first site,
 * and in configured order where there is none. */
static size_t
other_sites(const struct conf *conf, const struct steer_pool *pool,
    const uint16_t *list, size_t n, uint16_t rest[CONF_MAX_SITES])
{
	double km[CONF_MAX_SITES];
	const struct conf_site *from = n != 0 ? &conf->sites[list[0]] : NULL;
	size_t found = 0;

	for (uint16_t s = 0; s < pool->n_sites; s++) {
		const struct conf_site *site = &conf->sites[pool->sites[s]];
		double mine = 1e9;
		size_t at = 0;

		while (at < n && list[at] != pool->sites[s])
			at++;
		if (at < n)
			continue;
		if (from != NULL && from->located && site->located)
			mine = geo_rank_distance_km(from->latitude, from->longitude,
			    site->latitude, site->longitude);
		for (at = found++; at > 0 && km[at - 1] > mine; at--) {
			km[at] = km[at - 1];
			rest[at] = rest[at - 1];
		}
		km[at] = mine;
		rest[at] = pool->sites[s];
	}
	return found;
}

static void
lower_ttl(struct steer_choice *choice, const struct steer_candidate *c)
{
	if (c->ttl_s < choice->ttl_s) {
		choice->ttl_s = c->ttl_s;
		choice->ttl_server = c->server;
	}
}

/* Whose return or loss would change a healthy choice without their being chosen:
 * servers of better sites, those of the site that are no candidates, and those without
 * which the site would fall below the minimum. */
static void
bound_choice(const struct steer *steer, const struct conf_pool *cp, const struct steer_pool *pool,
    bool six, const uint16_t *list, size_t n, struct steer_choice *choice)
{
	const struct steer_group *g;
	const struct steer_candidate *c;

	for (size_t i = 0; i < n && list[i] != choice->site; i++) {
		g = steer_group_of(pool, six, list[i]);
		for (unsigned k = 0; k < g->total; k++)
			lower_ttl(choice, &steer->candidates[g->first + k]);
	}
	g = steer_group_of(pool, six, choice->site);
	for (unsigned k = 0; k < g->total; k++) {
		c = &steer->candidates[g->first + k];
		if (k >= choice->n || g->current_weight - c->weight < cp->min_weight)
			lower_ttl(choice, c);
	}
}

/* A scope must not change with health: servers are counted as configured. */
static uint8_t
richest(const struct steer_pool *pool, bool six, const uint16_t *list, size_t n)
{
	unsigned most = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned total = steer_group_of(pool, six, list[i])->total;
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

/* The design's step 3, for clients with this list of sites. */
void
steer_choose(const struct steer *steer, const struct conf_pool *cp, const struct steer_pool *pool,
    bool six, const uint16_t *list, size_t n, struct steer_choice *choice)
{
	uint16_t rest[CONF_MAX_SITES];
	size_t n_rest;

	*choice = (struct steer_choice){ .ttl_s = STEER_TTL_NONE, .ttl_server = CONF_NONE };
	choice->most = richest(pool, six, list, n);
	if (!walk_list(cp, pool, six, list, n, RUNG_HEALTHY, RUNG_DOWN, choice)) {
		n_rest = other_sites(steer->conf, pool, list, n, rest);
		if (choice->most == 0)
			choice->most = richest(pool, six, rest, n_rest);
		choice->beyond = walk_list(cp, pool, six, rest, n_rest, RUNG_HEALTHY, RUNG_DOWN,
		    choice);
		if (!choice->beyond &&
		    !walk_list(cp, pool, six, list, n, RUNG_DRAIN, RUNG_DRAIN, choice))
			choice->beyond = walk_list(cp, pool, six, rest, n_rest, RUNG_DRAIN,
			    RUNG_DRAIN, choice);
	}
	assert(choice->n != 0 && choice->first + choice->n <= steer->n_candidates);
	if (choice->rung == RUNG_HEALTHY)
		bound_choice(steer, cp, pool, six, list, n, choice);
	choice->unknown = all_unknown(steer, cp, choice, six);
}
