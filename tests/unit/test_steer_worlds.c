/*
 * Steering against a plain reading of the manual, in worlds drawn by lot: sites, places, rules,
 * servers and their health.  Who is answered, and that all of a scope are answered alike.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/dns/dns.h"
#include "common/geo/geo_country.h"
#include "dnsd/geo/geo_map.h"
#include "common/geo/geo_point.h"
#include "dnsd/steer/steer.h"
#include "tests/lib/mmdb_make.h"
#include "tests/lib/random.h"

enum { ASNS = 4, SITES = 12, NETS = 40, RULES = 8, SERVERS = 48, WORLDS = 600, CLIENTS = 60,
    ENDS = 4 };

struct net {
	struct prefix prefix;
	const char *country, *continent;
	double latitude, longitude;	/* latitude 1000 = none */
};

struct numbered {
	struct prefix prefix;
	uint32_t asn;
};

/* What an `exclude` of the world points to. */
struct lists {
	struct conf_code countries[2], continents[2];
	uint32_t asns[2];
	struct prefix prefixes[2];
};

struct world {
	struct conf conf;
	struct conf_site sites[SITES];
	char site_names[SITES][4];
	struct conf_rule rules[RULES];
	uint16_t rule_sites[RULES][SITES];
	struct conf_pool pool;
	struct conf_server servers[SERVERS];
	char server_names[SERVERS][8];
	struct health_file health;
	struct health_server states[SERVERS];
	struct net nets[NETS];
	size_t n_nets;
	struct numbered numbered[NETS];
	size_t n_numbered;
	struct lists site_lists[SITES], server_lists[SERVERS];
	char path[40], asn_path[40];
};

static uint64_t seed = 12;
static char conf_path[] = "conf", pool_name[] = "pool";

static uint32_t
below(uint32_t n)
{
	return (uint32_t)(random_next(&seed) >> 33) % n;
}

static void
random_ip(uint8_t family, uint8_t ip[16])
{
	for (unsigned i = 0; i < 16; i++)
		ip[i] = (uint8_t)random_next(&seed);
	if (family == 4)
		memset(ip + 4, 0, 12);
	else if (below(4) == 0)
		memcpy(ip, (uint8_t[]){ 0x20, 0x02 }, 2);	/* 6to4 */
	else
		ip[0] = 0x20 | (ip[0] & 0x0f), ip[1] |= 0x10;
}

static struct prefix
random_prefix(void)
{
	struct prefix p = { .family = below(3) == 0 ? 6 : 4 };

	random_ip(p.family, p.ip);
	if (p.family == 6)
		p.ip[1] |= 0x10;		/* not 6to4 */
	p.len = (uint8_t)(p.family == 4 ? 1 + below(12) : 7 + below(20));
	addr_mask(p.ip, p.len);
	return p;
}

static const char *const countries[] = { "US", "JP", "DE", "BR", "ZZ", "ZZ", "" };
static const char *const continents[] = { "NA", "AS", "EU", "SA", "OC", "", "" };

static int
by_length(const void *a, const void *b)
{
	const struct net *x = a, *y = b;
	int lx = x->prefix.len + (x->prefix.family == 4 ? 96 : 0),
	    ly = y->prefix.len + (y->prefix.family == 4 ? 96 : 0);

	return lx - ly;
}

/* ---- drawing a world ---- */

static void
draw_places(struct world *w)
{
	struct mmdb_make make;
	int fd;

	w->n_nets = 1 + below(NETS);
	for (size_t i = 0; i < w->n_nets; i++) {
		unsigned which = i == 0 ? 0 : below(7);	/* a database knows someone */

		w->nets[i] = (struct net){ random_prefix(), countries[which], continents[which],
		    below(5) == 0 ? 1000 : below(1600) / 10.0 - 80, below(3600) / 10.0 - 180 };
	}
	qsort(w->nets, w->n_nets, sizeof(w->nets[0]), by_length);
	mmdb_make_init(&make, 6, 24);
	for (size_t i = 0; i < w->n_nets; i++)
		mmdb_make_add(&make, &w->nets[i].prefix, mmdb_make_city(&make, w->nets[i].country,
		    w->nets[i].continent, w->nets[i].latitude, w->nets[i].longitude));
	strcpy(w->path, "/tmp/test_steer_worlds.XXXXXX");
	fd = mkstemp(w->path);
	assert_true(fd >= 0);
	close(fd);
	mmdb_make_write(&make, w->path, "world-City");
	w->conf.geo.city = w->path;
}

static int
by_length_too(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return by_length(&(struct net){ .prefix = x->prefix }, &(struct net){ .prefix =
	    y->prefix });
}

static void
draw_asns(struct world *w)
{
	struct mmdb_make make;
	int fd;

	w->n_numbered = 1 + below(NETS / 2);
	for (size_t i = 0; i < w->n_numbered; i++)
		w->numbered[i] = (struct numbered){ random_prefix(), 1 + below(ASNS) };
	qsort(w->numbered, w->n_numbered, sizeof(w->numbered[0]), by_length_too);
	mmdb_make_init(&make, 6, 24);
	for (size_t i = 0; i < w->n_numbered; i++)
		mmdb_make_add(&make, &w->numbered[i].prefix,
		    mmdb_make_asn(&make, w->numbered[i].asn));
	strcpy(w->asn_path, "/tmp/test_steer_worlds.XXXXXX");
	fd = mkstemp(w->asn_path);
	assert_true(fd >= 0);
	close(fd);
	mmdb_make_write(&make, w->asn_path, "world-ASN");
	w->conf.geo.asn = w->asn_path;
}

static void
draw_exclude(struct conf_exclude *e, struct lists *lists)
{
	e->line = 1;
	e->countries.v = lists->countries;
	e->countries.n = below(2);
	e->continents.v = lists->continents;
	e->continents.n = below(4) == 0;
	e->asns.v = lists->asns;
	e->asns.n = below(2);
	e->prefixes.v = lists->prefixes;
	e->prefixes.n = below(3);
	for (unsigned i = 0; i < 2; i++) {
		strcpy(lists->countries[i].text, countries[below(6)]);
		strcpy(lists->continents[i].text, continents[below(5)]);
		lists->asns[i] = 1 + below(ASNS);
		lists->prefixes[i] = random_prefix();
	}
}

static void
draw_exclusions(struct world *w)
{
	for (size_t i = 0; i < w->conf.n_sites; i++)
		if (below(3) == 0)
			draw_exclude(&w->sites[i].exclude, &w->site_lists[i]);
	for (size_t i = 0; i < w->conf.n_servers; i++)
		if (below(10) == 0)
			draw_exclude(&w->servers[i].exclude, &w->server_lists[i]);
}

static void
draw_rules(struct world *w)
{
	w->conf.geo.n_rules = below(RULES + 1);
	w->conf.geo.rules = w->rules;
	for (size_t i = 0; i < w->conf.geo.n_rules; i++) {
		struct conf_rule *r = &w->rules[i];
		size_t other = 0;

		r->kind = (enum conf_rule_kind)(below(2) == 0 ? CONF_RULE_PREFIX :
		    CONF_RULE_COUNTRY + below(2));
		r->only = below(3) == 0;
		r->prefix = random_prefix();
		strcpy(r->code, r->kind == CONF_RULE_COUNTRY ? countries[below(6)] :
		    continents[below(4)]);
		r->sites = w->rule_sites[i];
		r->n_sites = 1 + below(3);
		for (size_t k = 0; k < r->n_sites; k++)
			r->sites[k] = (uint16_t)below((uint32_t)w->conf.n_sites);
		/* the file's reader refuses two rules for one key */
		for (other = 0; other < i; other++)
			if (w->rules[other].kind == r->kind && (r->kind == CONF_RULE_PREFIX ?
			    memcmp(&w->rules[other].prefix, &r->prefix, sizeof(r->prefix)) == 0 :
			    strcmp(w->rules[other].code, r->code) == 0))
				break;
		if (other < i) {
			w->conf.geo.n_rules = i;
			return;
		}
	}
}

static void
draw_servers(struct world *w)
{
	/* most worlds have few that live, or none, so that every rung is met */
	static const enum health_state moods[9][4] = {
		{ HEALTH_UP, HEALTH_UP, HEALTH_UP, HEALTH_DOWN },
		{ HEALTH_DOWN, HEALTH_DOWN, HEALTH_DOWN, HEALTH_UP },
		{ HEALTH_UP, HEALTH_STALE, HEALTH_DRAIN, HEALTH_DOWN },
		{ HEALTH_DOWN, HEALTH_DRAIN, HEALTH_STALE, HEALTH_DOWN },
		{ HEALTH_STALE, HEALTH_STALE, HEALTH_STALE, HEALTH_DRAIN },
		{ HEALTH_DOWN, HEALTH_DOWN, HEALTH_DOWN, HEALTH_DRAIN },
		{ HEALTH_DOWN, HEALTH_DRAIN, HEALTH_DRAIN, HEALTH_DRAIN },
		{ HEALTH_DRAIN, HEALTH_DRAIN, HEALTH_DRAIN, HEALTH_DRAIN },
		{ HEALTH_UP, HEALTH_DOWN, HEALTH_DOWN, HEALTH_DOWN },
	};
	unsigned mood = below(9);
	bool spent = below(3) == 0;

	w->pool = (struct conf_pool){ .name = pool_name, .check = 0,
	    .answers = 1 + below(CONF_MAX_ANSWERS), .min_weight = below(3) == 0 ? 1 + below(30) : 1,
	    .n_servers = (uint16_t)(1 + below(SERVERS)) };
	w->conf.n_servers = w->pool.n_servers;
	w->health = (struct health_file){ .n_servers = w->pool.n_servers, .servers = w->states };
	for (uint16_t i = 0; i < w->pool.n_servers; i++) {
		struct conf_server *s = &w->servers[i];
		struct health_server *h = &w->states[i];

		snprintf(w->server_names[i], sizeof(w->server_names[i]), "s%u", i);
		s->name = w->server_names[i];
		s->site = (uint16_t)below((uint32_t)w->conf.n_sites);
		s->weight = 1 + below(20);
		if (below(4) != 0)
			s->v4 = (struct addr){ .family = 4, .ip = { 198, 51, 100, (uint8_t)i } };
		if (s->v4.family == 0 || below(2) == 0)
			s->v6 = (struct addr){ .family = 6, .ip = { 0x20, 1, 0xd, 0xb8,
			    [15] = (uint8_t)i } };
		strcpy(h->name, s->name);
		h->state = below(12) == 0 && mood < 5 ? HEALTH_UP : moods[mood][below(4)];
		h->v4 = below(10) == 0 ? HEALTH_DOWN : h->state;
		h->v6 = below(10) == 0 ? HEALTH_DOWN : h->state;
		h->weight = spent || below(8) == 0 ? 0 : (uint8_t)(1 + below(100));
	}
}

static struct conf_check check = { .name = (char[]){ "check" } };

static void
draw(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->conf = (struct conf){ .path = conf_path, .ttl_min_s = 5, .ttl_max_s = 300,
	    .sites = w->sites, .n_sites = 1 + below(SITES), .pools = &w->pool, .n_pools = 1,
	    .servers = w->servers, .checks = &check, .n_checks = 1 };
	w->conf.geo.sites_per_answer = 1 + below(4);
	w->conf.geo.spread4 = below(2) == 0 ? 0 : 20;
	w->conf.geo.spread6 = below(2) == 0 ? 0 : 44;
	w->conf.geo.max_move = 100;
	w->conf.here_site = (uint16_t)below((uint32_t)w->conf.n_sites);
	for (size_t i = 0; i < w->conf.n_sites; i++) {
		snprintf(w->site_names[i], sizeof(w->site_names[i]), "%c%c", 'a' + (char)i, 'x');
		w->sites[i] = (struct conf_site){ .name = w->site_names[i],
		    .located = below(12) != 0, .latitude = below(15000) / 100.0 - 75,
		    .longitude = below(36000) / 100.0 - 180 };
	}
	w->conf.here = w->site_names[w->conf.here_site];
	draw_places(w);
	if (below(2) == 0)
		draw_asns(w);
	draw_rules(w);
	draw_servers(w);
	if (below(2) == 0)
		draw_exclusions(w);
}

/* ---- the plain reading ---- */

struct place {
	bool has_point;
	double latitude, longitude;
	const char *country, *continent;
	uint32_t asn;
	uint8_t family;			/* the address, folded */
	const uint8_t *ip;
};

static void
place_of(const struct world *w, uint8_t family, const uint8_t *ip, struct place *p)
{
	const struct net *found = NULL;
	const struct geo_country *country;
	const struct geo_continent *continent;

	*p = (struct place){ .country = "", .continent = "", .family = family, .ip = ip };
	for (size_t i = 0; i < w->n_numbered; i++)
		if (prefix_contains(&w->numbered[i].prefix, family, ip))
			p->asn = w->numbered[i].asn;
	for (size_t i = 0; i < w->n_nets; i++)
		if (prefix_contains(&w->nets[i].prefix, family, ip))
			found = &w->nets[i];
	if (found == NULL)
		return;
	p->country = found->country;
	country = geo_country_find(found->country);
	p->continent = found->continent[0] == '\0' && country != NULL ? country->continent :
	    found->continent;
	continent = geo_country_continent(p->continent);
	p->has_point = found->latitude < 1000 || country != NULL || continent != NULL;
	p->latitude = found->latitude < 1000 ? found->latitude :
	    country != NULL ? country->latitude : continent != NULL ? continent->latitude : 0;
	p->longitude = found->latitude < 1000 ? found->longitude :
	    country != NULL ? country->longitude : continent != NULL ? continent->longitude : 0;
}

static bool
names(const struct conf_exclude *e, const struct place *p)
{
	bool named = false;

	for (size_t i = 0; i < e->countries.n; i++)
		named |= strcmp(e->countries.v[i].text, p->country) == 0;
	for (size_t i = 0; i < e->continents.n; i++)
		named |= strcmp(e->continents.v[i].text, p->continent) == 0;
	for (size_t i = 0; i < e->asns.n; i++)
		named |= e->asns.v[i] == p->asn;
	for (size_t i = 0; i < e->prefixes.n; i++)
		named |= prefix_contains(&e->prefixes.v[i], p->family, p->ip);
	return e->line != 0 && named;
}

static bool
has_servers(const struct world *w, uint16_t site)
{
	for (size_t i = 0; i < w->conf.n_servers; i++)
		if (w->servers[i].site == site)
			return true;
	return false;
}

/* Somebody there may serve the client: a site of which all servers exclude it is not there. */
static bool
may_serve(const struct world *w, uint16_t site, const struct place *p)
{
	for (size_t i = 0; i < w->conf.n_servers; i++)
		if (w->servers[i].site == site && !names(&w->servers[i].exclude, p))
			return !names(&w->sites[site].exclude, p);
	return false;
}

/* All the pool's sites, nearest to the point first, those without a place last. */
static size_t
by_distance(const struct world *w, double latitude, double longitude, uint16_t list[SITES])
{
	double km[SITES];
	size_t n = 0;

	for (uint16_t s = 0; s < w->conf.n_sites; s++) {
		double mine = w->sites[s].located ? geo_point_km(latitude, longitude,
		    w->sites[s].latitude, w->sites[s].longitude) : 1e9;
		size_t at;

		if (!has_servers(w, s))
			continue;
		for (at = n++; at > 0 && km[at - 1] > mine; at--) {
			km[at] = km[at - 1];
			list[at] = list[at - 1];
		}
		km[at] = mine;
		list[at] = s;
	}
	return n;
}

/* From here: here itself, then the others by distance. */
static size_t
from_here(const struct world *w, uint16_t list[SITES])
{
	const struct conf_site *here = &w->sites[w->conf.here_site];
	uint16_t all[SITES];
	size_t n = 0, n_all = 0;

	if (here->located) {
		n_all = by_distance(w, here->latitude, here->longitude, all);
	} else {
		for (uint16_t s = 0; s < w->conf.n_sites; s++)
			if (has_servers(w, s))
				all[n_all++] = s;
	}
	if (has_servers(w, w->conf.here_site))
		list[n++] = w->conf.here_site;
	for (size_t i = 0; i < n_all; i++)
		if (all[i] != w->conf.here_site)
			list[n++] = all[i];
	return n;
}

static const struct conf_rule *
rule_of(const struct world *w, uint8_t family, const uint8_t *ip, const struct place *p)
{
	const struct conf_rule *best = NULL;
	int most = 0;

	for (size_t i = 0; i < w->conf.geo.n_rules; i++) {
		const struct conf_rule *r = &w->rules[i];
		bool some = false;
		int mine = 0;

		for (size_t k = 0; k < r->n_sites; k++)
			some |= has_servers(w, r->sites[k]);
		if (r->kind == CONF_RULE_PREFIX && prefix_contains(&r->prefix, family, ip))
			mine = 10 + r->prefix.len;
		else if (r->kind == CONF_RULE_COUNTRY && strcmp(r->code, p->country) == 0)
			mine = 2;
		else if (r->kind == CONF_RULE_CONTINENT && strcmp(r->code, p->continent) == 0)
			mine = 1;
		if ((some || r->only) && mine > most) {
			most = mine;
			best = r;
		}
	}
	return best;
}

/* The sites in the order in which they are tried, the list before the rest. */
static size_t
plain_order(const struct world *w, const struct steer_client *client, const struct place *p,
    uint16_t order[2 * SITES])
{
	const struct conf_rule *rule = rule_of(w, p->family, p->ip, p);
	const struct conf_site *first = NULL;
	uint16_t rest[SITES];
	bool any_located = false;
	size_t n = 0, n_rest;

	if (!client->ecs && (rule == NULL || !rule->only))
		return from_here(w, order);
	for (size_t k = 0; rule != NULL && k < rule->n_sites; k++)
		if (may_serve(w, rule->sites[k], p))
			order[n++] = rule->sites[k];
	if (rule != NULL && rule->only)
		return n;
	for (uint16_t s = 0; s < w->conf.n_sites; s++)
		any_located |= has_servers(w, s) && w->sites[s].located;
	if (p->has_point && any_located) {
		n_rest = by_distance(w, p->latitude, p->longitude, rest);
		memcpy(order + n, rest, n_rest * sizeof(*rest));
		return n + n_rest;
	}
	n_rest = from_here(w, rest);
	if (n == 0)				/* their list */
		for (size_t i = 0; i < n_rest && n < w->conf.geo.sites_per_answer; i++)
			if (may_serve(w, rest[i], p))
				order[n++] = rest[i];
	first = n != 0 ? &w->sites[order[0]] : NULL;
	if (first != NULL && first->located)
		n_rest = by_distance(w, first->latitude, first->longitude, rest);
	memcpy(order + n, rest, n_rest * sizeof(*rest));
	return n + n_rest;
}

enum state { CURRENT, STALE, SPENT, DOWN, DRAIN, ABSENT };

static enum state
state_of(const struct world *w, size_t i, uint8_t family)
{
	const struct health_server *h = &w->states[i];
	enum health_state part = family == 4 ? h->v4 : h->v6;

	if ((family == 4 ? w->servers[i].v4.family : w->servers[i].v6.family) == 0)
		return ABSENT;
	if (h->state == HEALTH_DRAIN || part == HEALTH_DRAIN)
		return DRAIN;
	if (h->state == HEALTH_DOWN || part == HEALTH_DOWN)
		return DOWN;
	if (h->weight == 0)
		return SPENT;
	return h->state == HEALTH_STALE || part == HEALTH_STALE ? STALE : CURRENT;
}

/* The servers of a site that this rung gives; none = it is not on it. */
static size_t
on_rung(const struct world *w, const struct place *p, uint16_t site, uint8_t family,
    unsigned rung, bool given[SERVERS])
{
	/* healthy, with stale ones, few, few stale ones, spent, down, drained */
	static const enum state down_to[] = { CURRENT, STALE, CURRENT, STALE, SPENT, DOWN, DRAIN };
	uint32_t weight = 0;
	size_t n = 0;

	memset(given, 0, SERVERS);
	for (size_t i = 0; i < w->conf.n_servers; i++) {
		enum state state = state_of(w, i, family);
		uint32_t mine = (w->servers[i].weight * w->states[i].weight + 50) / 100;

		if (w->servers[i].site != site || state > down_to[rung] ||
		    names(&w->servers[i].exclude, p) || names(&w->sites[site].exclude, p))
			continue;
		given[i] = true;
		n++;
		if (state <= STALE)
			weight += mine != 0 ? mine : 1;
	}
	return rung <= 1 && weight < w->pool.min_weight ? 0 : n;
}

static const char *
plain_answer(const struct world *w, const struct steer_client *client, uint8_t family,
    bool given[SERVERS], unsigned *rung)
{
	uint8_t client_family = client->family, v4[4];
	const uint8_t *ip = client->ip;
	uint16_t order[2 * SITES];
	struct place p;
	size_t n;

	if (client_family == 6 && geo_map_fold(ip, v4) != 0) {
		client_family = 4;
		ip = v4;
	}
	place_of(w, client_family, ip, &p);
	n = plain_order(w, client, &p, order);
	for (*rung = 0; *rung < 7; ++*rung)
		for (size_t i = 0; i < n; i++)
			if (on_rung(w, &p, order[i], family, *rung, given) != 0)
				return w->sites[order[i]].name;
	memset(given, 0, SERVERS);
	return NULL;
}

/* ---- both ---- */

static unsigned met[8];

static void
check_answer(const struct world *w, const struct steer_client *client, uint8_t family,
    const struct steer_answer *a)
{
	bool given[SERVERS];
	unsigned rung, n = 0;
	const char *site = plain_answer(w, client, family, given, &rung);

	met[rung]++;
	if (site == NULL) {
		assert_int_equal(a->n, 0);
		assert_int_equal(a->ede, a->lacks_family ? DNS_EDE_NONE : DNS_EDE_PROHIBITED);
		return;
	}
	if (a->n == 0 || strcmp(w->sites[a->by.site].name, site) != 0)
		fail_msg("site %s, the plain reading says %s (rung %u)",
		    a->n != 0 ? w->sites[a->by.site].name : "none", site, rung);
	for (size_t i = 0; i < w->conf.n_servers; i++)
		n += given[i];
	assert_int_equal(a->n, n < w->pool.answers ? n : w->pool.answers);
	for (unsigned k = 0; k < a->n; k++)
		assert_true(given[a->ip[k][family == 4 ? 3 : 15]]);
	assert_int_equal(a->fail_open, rung >= 5);
}

/* Everybody in the scope is given the same, in the same scope. */
static void
check_scope(const struct steer_name *name, const struct steer_client *client, uint8_t family,
    const struct steer_answer *a)
{
	unsigned octets = client->family == 4 ? 4 : 16;

	for (unsigned end = 0; end < ENDS; end++) {
		struct steer_client other = *client;
		struct steer_answer b;
		uint8_t ip[16];

		for (unsigned i = 0; i < octets; i++) {
			unsigned fixed = a->scope >= 8 * (i + 1) ? 8 : a->scope <= 8 * i ? 0 :
			    a->scope % 8u;
			uint8_t mask = (uint8_t)(0xff00 >> fixed);
			uint8_t fill = end == 0 ? 0 : end == 1 ? 0xff : (uint8_t)below(256);

			ip[i] = (uint8_t)((client->ip[i] & mask) | (fill & ~mask));
		}
		other.ip = ip;
		steer_pick(name, &other, family, &b, NULL);
		assert_int_equal(b.n, a->n);
		assert_int_equal(b.scope, a->scope);
		assert_int_equal(b.ttl_s, a->ttl_s);
		for (unsigned k = 0; k < a->n; k++)
			assert_ptr_equal(b.ip[k], a->ip[k]);
	}
}

static void
answers_are_as_the_manual_says(void **state)
{
	static struct world w;
	struct zone_steer text = { .pool = "pool" };
	struct err err;

	(void)state;
	for (unsigned round = 0; round < WORLDS; round++) {
		struct steer_geo *geo;
		struct steer *steer;
		const struct steer_name *name;

		draw(&w);
		geo = steer_geo_load(&w.conf, NULL, false, NULL, &err);
		unlink(w.path);
		if (w.asn_path[0] != '\0')
			unlink(w.asn_path);
		if (geo == NULL)
			fail_msg("%s", err.text);
		steer = steer_build(&w.conf, geo, &w.health, &err);
		assert_non_null(steer);
		name = steer_bind(steer, &text, 0, &err);
		for (unsigned i = 0; i < CLIENTS; i++) {
			uint8_t ip[16], family = below(2) == 0 ? 4 : 6;
			struct steer_client client = { .family = below(3) == 0 ? 6 : 4, .ip = ip,
			    .ecs = below(5) != 0, .source = 24 };
			struct steer_answer a;

			random_ip(client.family, ip);
			steer_pick(name, &client, family, &a, NULL);
			check_answer(&w, &client, family, &a);
			if (client.ecs)
				check_scope(name, &client, family, &a);
			else
				assert_int_equal(a.scope, 0);
		}
		steer_free(steer);
		steer_geo_unref(geo);
	}
	for (unsigned rung = 0; rung <= 7; rung++)
		if (met[rung] < 20)
			fail_msg("rung %u was met %u times only", rung, met[rung]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_as_the_manual_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
