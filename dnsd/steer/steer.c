#include "dnsd/steer/steer.h"

#include <assert.h>
#include <string.h>

#include "common/dns/dns.h"
#include "dnsd/steer/steer_inner.h"

enum { RESOLVER_BITS4 = 24, RESOLVER_BITS6 = 56 };	/* of the key, without Client Subnet */

static const char down_text[] = "all servers are down; the nearest are given";
static const char drain_text[] = "all servers are drained; the nearest are given";
static const char barred_text[] = "no server of this kind may serve this client";
static const char unknown_text[] = "health is not known; chosen by geography alone";

/* Up to this many candidates are sorted by counting, without a branch to guess. */
enum { FEW = CONF_MAX_ANSWERS };

/* A candidate comes after as many as cost less (or the same, and stand before it). */
static void
sort_few(const struct steer_candidate *c, unsigned n, uint64_t key,
    const struct steer_candidate *best[FEW])
{
	unsigned before[FEW];
	uint64_t cost[FEW];

	for (unsigned i = 0; i < n; i++) {
		unsigned mine = 0;

		cost[i] = steer_cost(key, &c[i]);
		for (unsigned k = 0; k < i; k++) {
			bool after = cost[k] <= cost[i];
			mine += after;
			before[k] += !after;
		}
		before[i] = mine;
	}
	for (unsigned i = 0; i < n; i++)
		best[before[i]] = &c[i];
}

static void
lowest_of_many(const struct steer_candidate *c, unsigned n, uint64_t key, unsigned want,
    const struct steer_candidate *best[FEW])
{
	uint64_t cost[FEW];
	unsigned have = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t mine = steer_cost(key, &c[i]);
		unsigned at;

		if (have == want && mine >= cost[have - 1])
			continue;
		have += have < want;
		for (at = have - 1; at > 0 && mine < cost[at - 1]; at--) {
			cost[at] = cost[at - 1];
			best[at] = best[at - 1];
		}
		cost[at] = mine;
		best[at] = &c[i];
	}
}

/* The design's step 4: the `want` candidates with the lowest costs, in order; how many. */
static unsigned
lowest(const struct steer_candidate *c, unsigned n, uint64_t key, unsigned want,
    const struct steer_candidate *best[FEW])
{
	if (n <= FEW)
		sort_few(c, n, key, best);
	else
		lowest_of_many(c, n, key, want, best);
	return n < want ? n : want;
}

static bool
is_given(const struct steer_candidate *const *best, unsigned n, const struct steer_candidate *c)
{
	for (unsigned i = 0; i < n; i++)
		if (memcmp(best[i]->ip, c->ip, sizeof(c->ip)) == 0)
			return true;
	return false;
}

/* The same where servers share addresses: of those with one, the first is given. */
static unsigned
lowest_of_twins(const struct steer_candidate *c, unsigned n, uint64_t key, unsigned want,
    const struct steer_candidate *best[FEW])
{
	const struct steer_candidate *next;
	unsigned have = 0;

	do {
		next = NULL;
		for (unsigned i = 0; i < n; i++)
			if (!is_given(best, have, &c[i]) &&
			    (next == NULL || steer_cost(key, &c[i]) < steer_cost(key, next)))
				next = &c[i];
		if (next != NULL)
			best[have++] = next;
	} while (next != NULL && have < want);
	return have;
}

/* Step 5: no longer than the state surely lasts, within [min, max]. */
static uint32_t
bound_ttl(struct steer_trace *t, const struct steer_candidate *const *best, unsigned n)
{
	const struct steer_name *name = t->name;
	const struct steer_choice *choice = t->choice;
	uint32_t ttl_s = choice->ttl_s;

	t->ttl_server = choice->ttl_server;
	for (unsigned i = 0; i < n; i++) {
		if (best[i]->ttl_s < ttl_s) {
			ttl_s = best[i]->ttl_s;
			t->ttl_server = best[i]->server;
		}
	}
	t->ttl_bound_s = ttl_s;
	if (ttl_s < name->ttl_min_s || choice->rung != RUNG_HEALTHY || choice->unknown)
		return name->ttl_min_s;
	return ttl_s > name->ttl_max_s ? name->ttl_max_s : ttl_s;
}

static void
say_failure(struct steer_answer *answer, const struct steer_choice *choice)
{
	answer->fail_open = choice->rung >= RUNG_DOWN || choice->unknown;
	answer->ede = DNS_EDE_NONE;
	answer->ede_text = NULL;
	if (choice->rung >= RUNG_DOWN) {
		answer->ede = DNS_EDE_NETWORK_ERROR;
		answer->ede_text = choice->rung == RUNG_DOWN ? down_text : drain_text;
	} else if (choice->unknown) {
		answer->ede = DNS_EDE_OTHER;
		answer->ede_text = unknown_text;
	}
}

/* A resolver that sends no Client Subnet is here because this site is near; where it is matters
 * only if it may not be served by all. */
static const struct geo_map *
map_of(const struct steer_name *name, const struct steer_client *client)
{
	return client->ecs || name->nearest || name->pool->binds ? name->pool->map : NULL;
}

void
steer_locate(unsigned n, const struct steer_name *const *name, struct steer_client *const *client)
{
	struct steer_client *found[STEER_LOCATE_MAX];
	const struct geo_map *map[STEER_LOCATE_MAX];
	uint8_t family[STEER_LOCATE_MAX];
	const uint8_t *ip[STEER_LOCATE_MAX];
	struct geo_leaf leaf[STEER_LOCATE_MAX];
	unsigned mapped = 0;

	assert(n <= STEER_LOCATE_MAX);
	for (unsigned i = 0; i < n; i++) {
		map[mapped] = map_of(name[i], client[i]);
		if (map[mapped] == NULL)
			continue;
		family[mapped] = client[i]->family;
		ip[mapped] = client[i]->ip;
		found[mapped++] = client[i];
	}
	if (mapped == 0)
		return;
	geo_map_find_batch(mapped, map, family, ip, leaf);
	for (unsigned i = 0; i < mapped; i++) {
		found[i]->leaf = leaf[i];
		found[i]->map = map[i];
	}
}

/* Where the best there is is at no site of the client's list: the nearest to the client that
 * has it.  A client in no database is where the first site of its list is. */
static void
go_beyond(struct steer_trace *t)
{
	const struct steer_pool *pool = t->name->pool;
	uint16_t order = geo_beyond_unlocated(pool->beyond);
	struct geo_leaf leaf;
	const uint16_t *list;

	if (t->mapped && geo_beyond_find(pool->beyond, t->client->family, t->client->ip, &leaf)) {
		if (leaf.depth > t->depth)
			t->depth = leaf.depth;
		if (leaf.result != order)
			order = leaf.result;
		else if (steer_list(pool, t->result, &list) != 0)
			order = geo_beyond_from_site(pool->beyond, list[0]);
	}
	steer_go_beyond(t->name, steer_family_index(t->family), order, t->choice, &t->far);
	t->choice = &t->far;
	t->beyond = true;
}

/* Steps 1 and 2: the client's result, and what its list gives it. */
static void
locate(struct steer_trace *t)
{
	const struct steer_name *name = t->name;
	const struct steer_client *client = t->client;
	const struct geo_map *map = map_of(name, client);
	struct geo_leaf leaf = { .result = name->pool->here, .depth = 0 };

	t->mapped = map != NULL;
	if (t->mapped)
		leaf = client->map == map ? client->leaf :
		    geo_map_find(map, client->family, client->ip);
	assert(leaf.result <= name->pool->here && leaf.depth <= (client->family == 6 ? 128 : 32));
	t->result = leaf.result;
	t->depth = leaf.depth;
	t->choice = &name->pool->choices[steer_family_index(t->family)][leaf.result];
	if (t->mapped && !client->ecs && !name->nearest && !t->choice->only) {
		t->mapped = false;		/* here, as far as that may serve it */
		t->result = name->pool->here + t->choice->set;
		t->choice = &name->pool->choices[steer_family_index(t->family)][t->result];
	}
	t->beyond = false;
}

/* How many of the client's bits may matter. */
static void
measure(struct steer_trace *t)
{
	const struct steer_name *name = t->name;
	bool six = steer_family_index(t->client->family);

	if (!t->client->ecs)
		t->key_bits = six ? RESOLVER_BITS6 : RESOLVER_BITS4;
	else if (t->choice->most > name->answers && t->depth < name->spread[six])
		t->key_bits = name->spread[six];
	else
		t->key_bits = t->depth;
	assert(t->key_bits <= (six ? 128 : 32));
}

/* Nobody of this family may serve the client, which holds for its scope. */
static void
refuse_client(struct steer_trace *t)
{
	*t->answer = (struct steer_answer){
		.scope = t->client->ecs ? t->key_bits : 0, .by.site = CONF_NONE,
		.unlocated = t->mapped && t->result == t->name->pool->unlocated,
		.ede = DNS_EDE_PROHIBITED, .ede_text = barred_text
	};
	t->key = 0;
	t->ttl_server = CONF_NONE;
	t->ttl_bound_s = STEER_TTL_NONE;
}

void
steer_pick(const struct steer_name *name, const struct steer_client *client,
    uint8_t family, struct steer_answer *answer, const struct steer_why *why)
{
	const struct steer_candidate *best[CONF_MAX_ANSWERS];
	struct steer_trace t;

	t.name = name;
	t.client = client;
	t.answer = answer;
	t.family = family;
	if (!name->pool->has[steer_family_index(family)]) {
		*answer = (struct steer_answer){ .ede = DNS_EDE_NONE, .by.site = CONF_NONE,
		    .lacks_family = true };
		if (why != NULL)
			steer_why_write(why, &t);
		return;
	}
	locate(&t);
	if (t.choice->away)
		go_beyond(&t);
	measure(&t);
	if (t.choice->n == 0) {
		refuse_client(&t);
		if (why != NULL)
			steer_why_write(why, &t);
		return;
	}
	t.key = rendezvous_key(client->family, client->ip, t.key_bits);
	answer->n = (uint8_t)(t.choice->twins ? lowest_of_twins : lowest)(name->steer->candidates +
	    t.choice->first, t.choice->n, t.key, name->answers, best);
	assert(answer->n != 0 && answer->n <= name->answers);
	answer->lacks_family = false;
	answer->scope = client->ecs ? t.key_bits : 0;
	answer->unlocated = t.mapped && t.result == name->pool->unlocated;
	answer->by = (struct steer_by){ t.choice->site, name->pool_index, t.choice->rung };
	answer->ttl_s = bound_ttl(&t, best, answer->n);
	say_failure(answer, t.choice);
	for (unsigned i = 0; i < answer->n; i++)
		answer->ip[i] = best[i]->ip;
	if (why == NULL)
		return;
	for (unsigned i = 0; i < answer->n; i++)
		t.chosen[i] = best[i]->server;
	steer_why_write(why, &t);
}

const char *
steer_rung_text(uint32_t rung)
{
	static const char *const words[RUNGS] = {
		"healthy", "stale", "few", "few-stale", "spent", "down", "drain"
	};

	return rung < RUNGS ? words[rung] : "unknown";
}

void
steer_country(const struct steer *steer, const struct steer_client *client, char country[3])
{
	struct geo_place place;
	struct prefix net;

	country[0] = '\0';
	if (steer->geo->city != NULL && geo_db_lookup(steer->geo->city->db, client->family,
	    client->ip, &place, &net)) {
		country[0] = place.country[0];
		country[1] = place.country[0] != '\0' ? place.country[1] : '\0';
		country[2] = '\0';
	}
}
