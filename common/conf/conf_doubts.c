#include "common/conf/conf_doubts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"
#include "common/conf/conf_item.h"
#include "common/conf/conf_mirrors.h"

/* ---- sites ---- */

static void
doubt_sites(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	const struct conf_site *alone = NULL;
	unsigned n = 0;

	if (c->n_sites < 2)
		return;
	for (size_t i = 0; i < c->n_sites; i++) {
		const struct conf_site *s = &c->sites[i];

		if (!s->located)
			conf_warn(r, s->line, "site \"%s\" has no `location`: by distance nobody "
			    "is sent there", s->name);
		if (s->located && fpclassify(s->latitude) == FP_ZERO &&
		    fpclassify(s->longitude) == FP_ZERO)
			conf_warn(r, conf_item_line(r->scan, s->line, "location"),
			    "site \"%s\": location 0, 0 is in the sea off Africa: by distance "
			    "clients are counted from there", s->name);
		if (s->sibling.family == 0 && n++ == 0)
			alone = s;
	}
	if (alone != NULL)
		conf_warn(r, alone->line, "site \"%s\"%s no `sibling`: while %s drained, other "
		    "sites go on handing out its servers", alone->name,
		    n > 1 ? " and others have" : " has", n > 1 ? "one of them is" : "it is");
}

/* ---- what protects from strangers ---- */

static void
doubt_limits(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	if (c->cookies.require && !c->cookies.enabled)
		conf_warn(r, conf_item_line(r->scan, c->cookies.line, "require"),
		    "cookies: require without `enabled = yes` does nothing");
	if (c->rrl.all_per_second != 0 && c->rrl.responses_per_second == 0)
		conf_warn(r, conf_item_line(r->scan, c->rrl.line, "all-per-second"),
		    "rrl: all-per-second without `responses-per-second` does nothing");
	if (c->rrl.all_per_second != 0 && c->rrl.all_per_second < c->rrl.responses_per_second)
		conf_warn(r, conf_item_line(r->scan, c->rrl.line, "all-per-second"),
		    "rrl: all-per-second %u < responses-per-second %u: all names of a prefix "
		    "together get less than each of them", c->rrl.all_per_second,
		    c->rrl.responses_per_second);
}

/* ---- who must not be served, and by whom alone ---- */

/* Without a database nobody is known to be what is excluded. */
static void
doubt_exclude(struct conf_reader *r, const char *what, const char *name,
    const struct conf_exclude *e)
{
	const struct conf_geo *geo = &r->conf->geo;

	if (e->countries.n + e->continents.n != 0 && geo->city == NULL)
		conf_warn(r, e->line, "%s \"%s\" excludes countries or continents, and `geo` has "
		    "no `city` database: nobody is known to be there", what, name);
	if (e->asns.n != 0 && geo->asn == NULL && geo->city == NULL)
		conf_warn(r, e->line, "%s \"%s\" excludes AS numbers, and `geo` has no `asn` "
		    "database: nobody is known to be of one", what, name);
}

static bool
has_server_at(const struct conf *c, const struct conf_pool *pool, const struct conf_rule *rule)
{
	for (size_t i = 0; i < pool->n_servers; i++)
		for (size_t k = 0; k < rule->n_sites; k++)
			if (c->servers[pool->first_server + i].site == rule->sites[k])
				return true;
	return false;
}

static void
doubt_only(struct conf_reader *r, const struct conf_rule *rule)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->n_pools; i++)
		if (!has_server_at(c, &c->pools[i], rule))
			conf_warn(r, conf_item_line(r->scan, rule->line, "only"), "only: pool "
			    "\"%s\" has no server at the sites of this rule: its clients get no "
			    "address of that pool", c->pools[i].name);
}

static void
doubt_service(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->n_sites; i++)
		doubt_exclude(r, "site", c->sites[i].name, &c->sites[i].exclude);
	for (size_t i = 0; i < c->n_servers; i++)
		doubt_exclude(r, "server", c->servers[i].name, &c->servers[i].exclude);
	for (size_t i = 0; i < c->geo.n_rules; i++)
		if (c->geo.rules[i].only)
			doubt_only(r, &c->geo.rules[i]);
}

/* ---- the route ---- */

static void
doubt_cover(struct conf_reader *r)
{
	const struct conf_announce *a = &r->conf->announce;
	char text[ADDR_TEXT];
	bool home = false;

	for (size_t i = 0; i < r->conf->n_sites; i++)
		home = home || r->conf->sites[i].home;
	if (a->cover.n != 0 && r->conf->n_sites != 0 && !home)
		conf_warn(r, conf_item_line(r->scan, a->line, "cover"),
		    "`cover` is given and no site has `home = yes`: nobody announces it");
	for (size_t i = 0; i < a->prefixes.n && r->conf->n_sites > 1; i++) {
		const struct prefix *p = &a->prefixes.v[i];
		bool covered = false;

		for (size_t j = 0; j < a->cover.n; j++)
			covered = covered ||
			    (a->cover.v[j].len < p->len &&
			    prefix_contains(&a->cover.v[j], p->family, p->ip));
		if (covered)
			continue;
		conf_warn(r, a->line, "no `cover` around the prefix %s: when the last site goes, "
		    "no route is left", prefix_text(p, text));
		return;
	}
}

/* Which service addresses this machine has is then nobody's knowledge. */
static void
doubt_wildcard(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->announce.prefixes.n; i++) {
		const struct prefix *p = &c->announce.prefixes.v[i];
		bool named = false;
		char text[ADDR_TEXT];

		for (size_t j = 0; j < c->n_listen; j++)
			named = named || prefix_contains(p, c->listen[j].family, c->listen[j].ip);
		if (named || c->n_listen == 0)
			continue;
		conf_warn(r, conf_item_line(r->scan, c->announce.line, "prefix"),
		    "prefix \"%s\": `listen` has a wildcard and no address in it: that its "
		    "addresses are on this machine is not watched, name them",
		    prefix_text(p, text));
	}
}

static void
doubt_announce(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	const struct conf_announce *a = &c->announce;
	unsigned here = 0;

	for (size_t i = 0; i < c->n_servers; i++)
		here += c->here_site != CONF_NONE && c->servers[i].site == c->here_site;
	if (here != 0 && here < a->min_healthy)
		conf_warn(r, conf_item_line(r->scan, a->line, "min-healthy"),
		    "min-healthy %u: this site has %u server%s and will never be announced",
		    a->min_healthy, here, here == 1 ? "" : "s");
	if (a->lease_ms < 3000)
		conf_warn(r, conf_item_line(r->scan, a->line, "lease"),
		    "lease %u ms: a machine that stands still for a moment loses its route, "
		    "3s or more is safer", a->lease_ms);
	if (a->hold_down_ms == 0)
		conf_warn(r, conf_item_line(r->scan, a->line, "hold-down"),
		    "hold-down 0: a route that was withdrawn comes back at once, until it is "
		    "damped");
	if (a->damping.withdrawal >= a->damping.suppress)
		conf_warn(r, a->line, "damping: withdrawal %u >= suppress %u: the first withdrawal "
		    "keeps the route away", a->damping.withdrawal, a->damping.suppress);
	if (conf_lacks_router_id(c))
		conf_warn(r, a->line, "`router-id` is missing: without an IPv4 address BIRD finds "
		    "none and does not start");
	doubt_cover(r);
	doubt_wildcard(r);
}

/* ---- checks and pools ---- */

static void
doubt_check(struct conf_reader *r, const struct conf_check *k)
{
	uint32_t shortest = k->interval_ms;

	if (k->local_interval_ms < shortest)
		shortest = k->local_interval_ms;
	if (k->remote_interval_ms < shortest)
		shortest = k->remote_interval_ms;
	if (k->timeout_ms > shortest)
		conf_warn(r, conf_item_line(r->scan, k->line, "timeout"),
		    "check \"%s\": timeout %u ms > interval %u ms: a silent server is asked less "
		    "often than it should be", k->name, k->timeout_ms, shortest);
	if (k->fast_interval_ms > shortest &&
	    conf_item_option(r->scan, k->line, "fast-interval") != 0)
		conf_warn(r, conf_item_line(r->scan, k->line, "fast-interval"),
		    "check \"%s\": fast-interval %u ms > interval %u ms: it is asked less often "
		    "while a change is near", k->name, k->fast_interval_ms, shortest);
	if (r->ttl_min_line != 0 && r->conf->ttl_min_s > 1 &&
	    r->conf->ttl_min_s > conf_check_sure_ms(k) / 1000)
		conf_warn(r, r->ttl_min_line, "ttl-min %u s: check \"%s\" may call a server down "
		    "after %u ms, an answer outlives that", r->conf->ttl_min_s, k->name,
		    conf_check_sure_ms(k));
}

static void
doubt_min_weight(struct conf_reader *r, const struct conf_pool *pool)
{
	const struct conf *c = r->conf;
	uint32_t weight[CONF_MAX_SITES] = { 0 }, most = 0;
	uint16_t heaviest = 0;

	for (size_t i = pool->first_server; i < (size_t)pool->first_server + pool->n_servers; i++) {
		const struct conf_server *s = &c->servers[i];

		weight[s->site] += s->weight;
		if (weight[s->site] > most) {
			most = weight[s->site];
			heaviest = s->site;
		}
	}
	if (most < pool->min_weight)
		conf_warn(r, conf_item_line(r->scan, pool->line, "min-weight"),
		    "pool \"%s\": min-weight %u: no site reaches it, \"%s\" has the most, %u",
		    pool->name, pool->min_weight, c->sites[heaviest].name, most);
}

/* ---- servers ---- */

static int
address_compare(const void *a, const void *b, void *arg)
{
	const struct conf_server *servers = arg;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct conf_server *x = &servers[i / 2], *y = &servers[j / 2];
	const struct addr *p = i % 2 ? &x->v6 : &x->v4, *q = j % 2 ? &y->v6 : &y->v4;
	int order = (x->pool > y->pool) - (x->pool < y->pool);

	if (order == 0)
		order = p->family - q->family;
	if (order == 0)
		order = memcmp(p->ip, q->ip, 16);
	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* One address under two names in one pool: usable, most often a slip. */
static void
doubt_addresses(struct conf_reader *r)
{
	const struct conf_server *s = r->conf->servers;
	uint32_t *all = calloc(2 * r->conf->n_servers + 1, sizeof(*all));
	char text[ADDR_TEXT];
	size_t n = 0;

	if (all == NULL)
		return;
	for (uint32_t i = 0; i < r->conf->n_servers; i++) {
		if (s[i].v4.family != 0)
			all[n++] = 2 * i;
		if (s[i].v6.family != 0)
			all[n++] = 2 * i + 1;
	}
	qsort_r(all, n, sizeof(*all), address_compare, r->conf->servers);
	for (size_t i = 1; i < n; i++) {
		const struct conf_server *x = &s[all[i - 1] / 2], *y = &s[all[i] / 2];
		struct addr p = all[i - 1] % 2 ? x->v6 : x->v4, q = all[i] % 2 ? y->v6 : y->v4;
		if (x->pool != y->pool || !addr_equal(&p, &q))
			continue;
		p.port = 0;
		conf_warn(r, y->line,
		    "server \"%s\" has the address %s of server \"%s\" at %s:%d",
		    y->name, addr_text(&p, text), x->name, conf_line_name(r, x->line),
		    conf_line_number(x->line));
	}
	free(all);
}

/* nearctl takes names where it takes globs, and server:GLOB and site:GLOB. */
static void
doubt_name(struct conf_reader *r, const char *what, const char *name, int line)
{
	if (strpbrk(name, "*?[") != NULL || strncmp(name, "site:", 5) == 0 ||
	    strncmp(name, "server:", 7) == 0)
		conf_warn(r, line, "%s \"%s\": nearctl reads a name with *, ? or [ in it, or with "
		    "site: or server: before it, as a pattern", what, name);
}

static void
doubt_names(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	for (size_t i = 0; i < c->n_sites; i++)
		doubt_name(r, "site", c->sites[i].name, c->sites[i].line);
	for (size_t i = 0; i < c->n_servers; i++)
		doubt_name(r, "server", c->servers[i].name, c->servers[i].line);
}

void
conf_doubts_say(struct conf_reader *r)
{
	const struct conf *c = r->conf;

	doubt_sites(r);
	doubt_service(r);
	if (c->announce.enabled)
		doubt_announce(r);
	for (size_t i = 0; i < c->n_checks; i++)
		doubt_check(r, &c->checks[i]);
	for (size_t i = 0; i < c->n_pools; i++)
		doubt_min_weight(r, &c->pools[i]);
	doubt_addresses(r);
	doubt_names(r);
	doubt_limits(r);
	conf_mirrors_doubt(r);
	if (c->n_listen == 0 && c->redirect.line == 0)
		conf_warn(r, 0, "no `listen` address is given, dnsd has nothing to serve on");
}
