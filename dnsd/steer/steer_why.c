/*
 * Why a client was given what it was given: the lines of `_why.NAME` and of `nearctl explain`.
 *
 * steer_pick has already chosen; this file puts into words what its struct steer_trace holds,
 * and asks the databases and rules once more for this one address (geo_map_why).  It chooses
 * nothing itself, so that an explanation cannot differ from the answer.
 *
 * Order of the lines: the servers of the client's sites, nearest site first and best server
 * first; the client; the list of sites; the scope; the TTL.  A line is cut at 255 octets, to
 * fit one string of a TXT record.
 *
 * Runs in the thread that picks, for explanations only, so it may allocate; where there is
 * no memory a site's servers are left out.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/geo/geo_point.h"
#include "dnsd/steer/steer_inner.h"

enum { LINE = 256, MOST_SERVERS = 64 };	/* servers explained one by one */

struct why_line {
	char text[LINE];
	size_t len;
};

static void __attribute__((format(printf, 2, 3)))
addf(struct why_line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n;
	if (l->len > sizeof(l->text) - 1)
		l->len = sizeof(l->text) - 1;
}

static void
put(const struct steer_why *why, struct why_line *l)
{
	why->line(why->arg, l->text);
	l->len = 0;
	l->text[0] = '\0';
}

static void
add_time(struct why_line *l, const char *key, double when)
{
	time_t seconds = (time_t)when;
	struct tm tm;
	char text[32];

	if (when > 0 && gmtime_r(&seconds, &tm) != NULL &&
	    strftime(text, sizeof(text), "%FT%TZ", &tm) != 0)
		addf(l, " %s=%s", key, text);
}

enum { CONF_LINE = 33 };

/* "nearcast.conf:12", its end where that is long. */
static const char *
line_text(const struct conf *conf, int line, char text[CONF_LINE])
{
	char where[CONF_WHERE];
	const char *name = conf_where(conf, line, where), *slash = strrchr(name, '/');
	size_t len;

	name = slash != NULL ? slash + 1 : name;
	len = strlen(name);
	snprintf(text, CONF_LINE, "%s", len < CONF_LINE ? name : name + len - (CONF_LINE - 1));
	return text;
}

/* ---- servers ---- */

static const char *
state_name(const struct steer_trace *t, const struct steer_candidate *c)
{
	const struct steer *steer = t->name->steer;

	if (c->class == CLASS_DRAIN)
		return "drain";
	if (c->class == CLASS_DOWN)
		return "down";
	if (steer->servers[c->server].known)
		return c->class == CLASS_STALE ? "stale" :
		    health_state_name(steer->servers[c->server].health.state);
	if (steer->conf->pools[t->name->pool_index].check == CONF_NONE)
		return "up probed=no";
	return "unknown";
}

static void
put_server(const struct steer_why *why, const struct steer_trace *t,
    const struct steer_candidate *c, const char *km, unsigned rank)
{
	const struct steer *steer = t->name->steer;
	const struct conf_server *server = &steer->conf->servers[c->server];
	const struct steer_server *s = &steer->servers[c->server];
	struct why_line l = { .len = 0 };
	unsigned at = 0;
	char not[STEER_WHY_NOT];

	addf(&l, "server=%.48s site=%.32s km=%s state=%s", server->name,
	    steer->conf->sites[server->site].name, km, state_name(t, c));
	add_time(&l, "since", s->known ? s->health.since : 0);
	addf(&l, " weight=%u", c->class <= CLASS_STALE ? c->weight : server->weight);
	if (s->known && s->health.set[0] != '\0')
		addf(&l, " set=%.48s", s->health.set);
	while (at < t->answer->n && t->chosen[at] != c->server)
		at++;
	if (at < t->answer->n)
		addf(&l, " chosen=yes rank=%u", at + 1);
	else if (*steer_why_not(t, c, rank, not) != '\0')
		addf(&l, " chosen=no why=\"%s\"", not);
	if (c->class != CLASS_CURRENT && s->known && s->health.reason[0] != '\0')
		addf(&l, " reason=\"%.*s\"", l.len < 240 ? (int)(244 - l.len) : 0,
		    s->health.reason);
	put(why, &l);
}

struct ranked {
	const struct steer_candidate *c;
	uint64_t cost;
};

static int
by_cost(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->c->class != y->c->class)
		return x->c->class < y->c->class ? -1 : 1;
	return x->cost < y->cost ? -1 : x->cost > y->cost;
}

/* Kilometres from the client to a site, as text. */
static const char *
kilometres(const struct steer_trace *t, const struct geo_why *geo, uint16_t site, char text[16])
{
	const struct conf *conf = t->name->steer->conf;
	const struct conf_site *to = &conf->sites[site];
	const struct conf_site *here = conf->here_site != CONF_NONE ?
	    &conf->sites[conf->here_site] : NULL;

	snprintf(text, 16, "-");
	if (!to->located)
		return text;
	if (t->mapped && geo->place.has_point)
		snprintf(text, 16, "%.0f", geo_point_km(geo->place.latitude,
		    geo->place.longitude, to->latitude, to->longitude));
	else if ((!t->mapped || geo->kind == GEO_WHY_UNLOCATED) && here != NULL && here->located)
		snprintf(text, 16, "%.0f", geo_point_km(here->latitude, here->longitude,
		    to->latitude, to->longitude));
	return text;
}

/* The servers of a site, of which `room` are explained; how many there are. */
static unsigned
put_site(const struct steer_why *why, const struct steer_trace *t, const struct geo_why *geo,
    uint16_t site, unsigned room)
{
	const struct steer_group *g = steer_group_of(t->name->pool, steer_family_index(t->family),
	    t->choice->set, site);
	struct why_line l = { .len = 0 };
	struct ranked *order;
	char km[16];

	if (g->total == 0) {
		addf(&l, "site=%.32s chosen=no why=\"no server with an IPv%u address%s\"",
		    t->name->steer->conf->sites[site].name, t->family,
		    steer_group_of(t->name->pool, steer_family_index(t->family), 0, site)->total !=
		    0 ? " may serve this client" : "");
		put(why, &l);
		return 0;
	}
	order = calloc(g->total, sizeof(*order));
	if (order == NULL)
		return 0;
	for (unsigned i = 0; i < g->total; i++) {
		order[i].c = &t->name->steer->candidates[g->first + i];
		order[i].cost = steer_cost(t->key, order[i].c);
	}
	qsort(order, g->total, sizeof(*order), by_cost);
	kilometres(t, geo, site, km);
	for (unsigned i = 0; i < g->total && i < room; i++)
		put_server(why, t, order[i].c, km, i);
	free(order);
	return g->total;
}

/* Sites and servers that must not serve this client; how many. */
static unsigned
put_excluded(const struct steer_why *why, const struct steer_trace *t, unsigned room)
{
	const struct conf *conf = t->name->steer->conf;
	const struct conf_pool *cp = &conf->pools[t->name->pool_index];
	unsigned seen = 0;

	for (size_t i = cp->first_server; i < (size_t)cp->first_server + cp->n_servers; i++) {
		const struct conf_server *server = &conf->servers[i];
		const struct conf_site *site = &conf->sites[server->site];
		struct why_line l = { .len = 0 };
		char line[CONF_LINE];

		if (t->choice->set == 0 || !geo_map_excludes(t->name->pool->map, t->choice->set,
		    server->site, i) || seen++ >= room)
			continue;
		addf(&l, "server=%.48s site=%.32s chosen=no why=\"must not serve this client: "
		    "%s exclude\"", server->name, site->name, line_text(conf,
		    geo_map_excludes(t->name->pool->map, t->choice->set, server->site, SIZE_MAX) ?
		    site->exclude.line : server->exclude.line, line));
		put(why, &l);
	}
	return seen;
}

static void
put_servers(const struct steer_why *why, const struct steer_trace *t, const struct geo_why *geo)
{
	const uint16_t *list;
	size_t n = steer_list(t->name->pool, t->result, &list);
	unsigned seen = 0;
	struct why_line l = { .len = 0 };

	for (size_t i = 0; i < n; i++)
		seen += put_site(why, t, geo, list[i],
		    seen < MOST_SERVERS ? MOST_SERVERS - seen : 0);
	seen += put_excluded(why, t, seen < MOST_SERVERS ? MOST_SERVERS - seen : 0);
	if (t->beyond)
		seen += put_site(why, t, geo, t->choice->site,
		    seen < MOST_SERVERS ? MOST_SERVERS - seen : 0);
	if (seen > MOST_SERVERS) {
		addf(&l, "servers=%u shown=%u", seen, MOST_SERVERS);
		put(why, &l);
	}
}

/* ---- the client ---- */

/* What decided, by its line of nearcast.conf. */
static void
add_rule(struct why_line *l, const struct steer_trace *t, const struct geo_why *geo)
{
	const struct conf *conf = t->name->steer->conf;
	const struct geo_rule *rule = geo->rule;
	char text[ADDR_TEXT], line[CONF_LINE] = "";

	if (t->mapped && geo->kind == GEO_WHY_RULE)
		line_text(conf, conf->geo.rules[rule->order].line, line);
	if (!t->mapped)
		addf(l, " rule=\"no Client Subnet: this site first\"");
	else if (geo->kind == GEO_WHY_DISTANCE)
		addf(l, " rule=distance");
	else if (geo->kind == GEO_WHY_UNLOCATED)
		addf(l, " rule=\"not located: this site's place\"");
	else if (rule->kind == CONF_RULE_PREFIX)
		addf(l, " rule=\"%s prefix %s\"", line, prefix_text(&rule->prefix, text));
	else if (rule->kind == CONF_RULE_ASN)
		addf(l, " rule=\"%s asn %u\"", line, rule->asn);
	else
		addf(l, " rule=\"%s %s %s\"", line,
		    rule->kind == CONF_RULE_COUNTRY ? "country" : "continent", rule->code);
}

static void
put_client(const struct steer_why *why, const struct steer_trace *t, const struct geo_why *geo)
{
	const struct geo_db *city = steer_geo_city(t->name->steer->geo);
	struct addr addr = { .family = t->client->family };
	char text[ADDR_TEXT];
	uint8_t v4[4];
	struct why_line l = { .len = 0 };

	memcpy(addr.ip, t->client->ip, addr_len(addr.family));
	addf(&l, "located-as %s=%s", t->client->ecs ? "ecs" : "resolver", addr_text(&addr, text));
	if (t->client->ecs)
		addf(&l, "/%u", t->client->source);
	if (t->client->family == 6 && geo_map_fold(t->client->ip, v4) != 0)
		addf(&l, " holds=%u.%u.%u.%u", v4[0], v4[1], v4[2], v4[3]);
	addf(&l, " country=%s continent=%s",
	    geo->place.country[0] != '\0' ? geo->place.country : "-",
	    geo->place.continent[0] != '\0' ? geo->place.continent : "-");
	if (geo->place.has_point)
		addf(&l, " location=%.4f,%.4f", geo->place.latitude, geo->place.longitude);
	else
		addf(&l, " location=-");
	if (geo->asn != 0)
		addf(&l, " asn=%u", geo->asn);
	addf(&l, " network=%s database=%.16s", geo->known ? prefix_text(&geo->net, text) : "-",
	    city != NULL ? geo_db_type(city) : "none");
	add_rule(&l, t, geo);
	put(why, &l);
}

/* The sites that the client may be given, nearest first. */
static void
put_list(const struct steer_why *why, const struct steer_trace *t)
{
	const struct conf *conf = t->name->steer->conf;
	struct why_line l = { .len = 0 };
	const uint16_t *list;
	size_t n = steer_list(t->name->pool, t->result, &list);

	addf(&l, "pool=%.63s mode=%s here=%.32s sites=", conf->pools[t->name->pool_index].name,
	    t->name->nearest ? "nearest" : "site", conf->here != NULL ? conf->here : "-");
	for (size_t i = 0; i < n; i++)
		addf(&l, "%s%.32s", i != 0 ? "," : "", conf->sites[list[i]].name);
	if (t->choice->only)
		addf(&l, " only=yes");
	if (t->beyond)
		addf(&l, " beyond=%.32s why=\"no site of the list has any as good\"",
		    conf->sites[t->choice->site].name);
	put(why, &l);
}

static void
put_scope(const struct steer_why *why, const struct steer_trace *t)
{
	bool six = steer_family_index(t->client->family);
	struct prefix key = { .family = t->client->family, .len = t->key_bits };
	char text[ADDR_TEXT];
	struct why_line l = { .len = 0 };

	memcpy(key.ip, t->client->ip, addr_len(key.family));
	addr_mask(key.ip, key.len);
	addf(&l, "scope=%u key=%s", t->answer->scope, prefix_text(&key, text));
	if (!t->client->ecs)
		addf(&l, " why=\"not located by Client Subnet\"");
	else if (t->key_bits > t->depth)
		addf(&l, " leaf=%u why=\"spread%c: a site has %u servers, %u are answered\"",
		    t->depth, six ? '6' : '4', t->choice->most, t->name->answers);
	else
		addf(&l, " leaf=%u", t->depth);
	put(why, &l);
}

static const char *
rung_reason(const struct steer_choice *choice)
{
	switch ((enum steer_rung)choice->rung) {
	case RUNG_HEALTHY: return choice->unknown ? "health is not known" : NULL;
	case RUNG_STALE: return "stale servers were needed";
	case RUNG_FEW: return "no site reaches min-weight";
	case RUNG_FEW_STALE: return "only stale servers are left";
	case RUNG_SPENT: return "only servers without load to spare are left";
	case RUNG_DOWN: return "all servers are down";
	case RUNG_DRAIN: return "all servers are drained";
	case RUNGS: break;
	}
	return NULL;
}

static void
put_ttl(const struct steer_why *why, const struct steer_trace *t)
{
	const struct steer_name *name = t->name;
	const char *reason = rung_reason(t->choice);
	struct why_line l = { .len = 0 };

	if (t->answer->n == 0) {
		addf(&l, "addresses=0 why=\"no server with an IPv%u address may serve this "
		    "client\"", t->family);
		put(why, &l);
		return;
	}
	addf(&l, "ttl=%u min=%u max=%u", t->answer->ttl_s, name->ttl_min_s, name->ttl_max_s);
	if (name->static_ttl_s != STEER_TTL_NONE)
		addf(&l, " static=%u", name->static_ttl_s);
	if (reason != NULL)
		addf(&l, " why=\"%s: the shortest\"", reason);
	else if (t->ttl_server != CONF_NONE && t->ttl_bound_s < name->ttl_max_s)
		addf(&l, " why=\"%.48s may change in %u s\"",
		    name->steer->conf->servers[t->ttl_server].name, t->ttl_bound_s);
	else
		addf(&l, " why=\"no change is near: the longest\"");
	put(why, &l);
}

void
steer_why_write(const struct steer_why *why, const struct steer_trace *t)
{
	const struct steer *steer = t->name->steer;
	struct geo_why geo;
	struct why_line l = { .len = 0 };

	if (t->answer->lacks_family) {
		addf(&l, "pool=%.64s servers=0 why=\"no server has an IPv%u address, "
		    "the zone's own are answered\"",
		    steer->conf->pools[t->name->pool_index].name, t->family);
		put(why, &l);
		return;
	}
	geo_map_why(t->name->pool->map, steer_geo_city(steer->geo), steer_geo_asn(steer->geo),
	    t->client->family, t->client->ip, &geo);
	put_servers(why, t, &geo);
	put_client(why, t, &geo);
	put_list(why, t);
	put_scope(why, t);
	put_ttl(why, t);
}
