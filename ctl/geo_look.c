#include "ctl/geo_look.h"

#include <string.h>

#include "dnsd/geo/geo_map.h"
#include "common/geo/geo_point.h"

/* IPv6 addresses that hold the client's IPv4 one. */
const struct prefix geo_look_holders[GEO_LOOK_HOLDERS] = {
	{ 6, 96, { [10] = 0xff, [11] = 0xff } },		/* IPv4-mapped */
	{ 6, 96, { 0x00, 0x64, 0xff, 0x9b } },			/* NAT64, RFC 6052 */
	{ 6, 16, { 0x20, 0x02 } },				/* 6to4, RFC 3056 */
	{ 6, 32, { 0x20, 0x01 } },				/* Teredo, RFC 4380 */
};

/* Where it stands in them, and what it is xored with (RFC 4380 4). */
static const struct {
	uint8_t at, flip;
} inside[GEO_LOOK_HOLDERS] = { { 12, 0 }, { 12, 0 }, { 2, 0 }, { 12, 0xff } };

static void
fold(uint8_t family, const uint8_t *ip, struct geo_look *look)
{
	look->family = family;
	memcpy(look->ip, ip, addr_len(family));
	for (size_t i = 0; family == 6 && i < GEO_LOOK_HOLDERS; i++) {
		if (!prefix_contains(&geo_look_holders[i], 6, ip))
			continue;
		look->family = 4;
		look->holder = &geo_look_holders[i];
		memset(look->ip, 0, sizeof(look->ip));
		for (unsigned k = 0; k < 4; k++)
			look->ip[k] = ip[inside[i].at + k] ^ inside[i].flip;
		return;
	}
}

static bool
holds(const uint16_t *sites, size_t n, uint16_t site)
{
	for (size_t i = 0; i < n; i++)
		if (sites[i] == site)
			return true;
	return false;
}

/* Whether an `exclude` names this address: then its site, or its server, must not serve it. */
static bool
names(const struct conf_exclude *e, const struct geo_look *look)
{
	for (size_t i = 0; i < e->countries.n; i++)
		if (strcmp(e->countries.v[i].text, look->place.country) == 0)
			return true;
	for (size_t i = 0; i < e->continents.n; i++)
		if (strcmp(e->continents.v[i].text, look->place.continent) == 0)
			return true;
	for (size_t i = 0; i < e->asns.n; i++)
		if (e->asns.v[i] == look->place.asn)
			return true;
	for (size_t i = 0; i < e->prefixes.n; i++)
		if (prefix_contains(&e->prefixes.v[i], look->family, look->ip))
			return true;
	return false;
}

/* Whether somebody at a site may serve this address: any server of the pool, if there is one. */
static bool
serves_client(const struct conf *conf, const struct conf_pool *pool, uint16_t site,
    const struct geo_look *look)
{
	size_t first = pool != NULL ? pool->first_server : 0;
	size_t n = pool != NULL ? pool->n_servers : 0;
	bool any = pool == NULL;

	for (size_t i = first; i < first + n; i++)
		any |= conf->servers[i].site == site && !names(&conf->servers[i].exclude, look);
	return any && !names(&conf->sites[site].exclude, look);
}

/* How strong a rule is for this address; 0 = it does not match.  Kinds are ordered from
 * strong to weak, longer prefixes are stronger; a prefix inside a range that holds IPv4
 * addresses is meant for that range, and stronger than the IPv4 address in it. */
static unsigned
strength(const struct conf_rule *rule, const struct geo_look *look, uint8_t family,
    const uint8_t *ip)
{
	switch (rule->kind) {
	case CONF_RULE_PREFIX:
		if (look->holder != NULL && rule->prefix.len >= look->holder->len &&
		    prefix_contains(&rule->prefix, family, ip))
			return 1000u + rule->prefix.len;
		return prefix_contains(&rule->prefix, look->family, look->ip) ?
		    10u + rule->prefix.len : 0;
	case CONF_RULE_ASN:
		return look->place.asn != 0 && rule->asn == look->place.asn ? 3 : 0;
	case CONF_RULE_COUNTRY:
		return strcmp(rule->code, look->place.country) == 0 ? 2 : 0;
	case CONF_RULE_CONTINENT:
		return strcmp(rule->code, look->place.continent) == 0 ? 1 : 0;
	}
	return 0;
}

static const struct conf_rule *
strongest(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_look *look,
    uint8_t family, const uint8_t *ip)
{
	const struct conf_rule *best = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < conf->geo.n_rules; i++) {
		const struct conf_rule *rule = &conf->geo.rules[i];
		unsigned mine = strength(rule, look, family, ip);
		bool useful = false;

		for (size_t k = 0; k < rule->n_sites; k++)
			useful |= holds(sites, n_sites, rule->sites[k]);
		if ((!useful && !rule->only) || mine <= most)
			continue;
		best = rule;
		most = mine;
	}
	return best;
}

void
geo_look(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_db *city, const struct geo_db *asn,
    uint8_t family, const uint8_t *ip, struct geo_look *look)
{
	struct geo_place numbered;
	struct prefix net;

	memset(look, 0, sizeof(*look));
	fold(family, ip, look);
	if (city != NULL)
		look->found = geo_db_lookup(city, look->family, look->ip, &look->place, &look->net);
	if (!look->found)
		memset(&look->place, 0, sizeof(look->place));
	if (asn != NULL)
		look->place.asn = geo_db_lookup(asn, look->family, look->ip, &numbered, &net) ?
		    numbered.asn : 0;
	look->rule = strongest(conf, sites, n_sites, look, family, ip);
}

/* A rule's list as it is written, less the sites that are not the pool's and those that must not
 * serve. */
static size_t
by_rule(const struct conf *conf, const struct conf_pool *pool, const uint16_t *sites,
    size_t n_sites, const struct geo_look *look, uint16_t *list)
{
	const struct conf_rule *rule = look->rule;
	uint16_t written[GEO_MAP_MAX_LIST];
	size_t n_written = 0, n = 0;

	for (size_t i = 0; i < rule->n_sites && n_written < GEO_MAP_MAX_LIST; i++)
		if (holds(sites, n_sites, rule->sites[i]) &&
		    !holds(written, n_written, rule->sites[i]))
			written[n_written++] = rule->sites[i];
	for (size_t i = 0; i < n_written; i++)
		if (serves_client(conf, pool, written[i], look))
			list[n++] = written[i];
	return n;
}

/* Nearest first, equal distances (to the millimetre) in configured order, sites without
 * coordinates last. */
static void
by_distance(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    double latitude, double longitude, uint16_t *list)
{
	double km[CONF_MAX_SITES];

	for (size_t i = 0; i < n_sites; i++) {
		const struct conf_site *site = &conf->sites[sites[i]];
		double mine = !site->located ? 1e9 :
		    geo_point_km(latitude, longitude, site->latitude, site->longitude);
		size_t at = i;

		for (; at > 0 && km[at - 1] > mine + 1e-6; at--) {
			km[at] = km[at - 1];
			list[at] = list[at - 1];
		}
		km[at] = mine;
		list[at] = sites[i];
	}
}

/* This site's place: itself, if it is of the pool, then by distance from it. */
static void
by_here(const struct conf *conf, const uint16_t *sites, size_t n_sites, uint16_t *list)
{
	const struct conf_site *here = conf->here_site != CONF_NONE ?
	    &conf->sites[conf->here_site] : NULL;
	size_t at;

	if (here != NULL && here->located)
		by_distance(conf, sites, n_sites, here->latitude, here->longitude, list);
	else
		memcpy(list, sites, n_sites * sizeof(*list));
	for (at = 0; at < n_sites && list[at] != conf->here_site; at++)
		;
	for (; at < n_sites && at > 0; at--)
		list[at] = list[at - 1];
	if (holds(sites, n_sites, conf->here_site))
		list[0] = conf->here_site;
}

size_t
geo_look_list(const struct conf *conf, const struct conf_pool *pool, const uint16_t *sites,
    size_t n_sites, const struct geo_look *look, uint16_t list[CONF_MAX_SITES])
{
	bool any_located = false;
	size_t n = look->rule != NULL ? by_rule(conf, pool, sites, n_sites, look, list) : 0;

	if (n != 0 || (look->rule != NULL && look->rule->only))
		return n;
	for (size_t i = 0; i < n_sites; i++)
		any_located |= conf->sites[sites[i]].located;
	if (look->place.has_point && any_located)
		by_distance(conf, sites, n_sites, look->place.latitude, look->place.longitude,
		    list);
	else
		by_here(conf, sites, n_sites, list);
	for (size_t i = 0; i < n_sites && n < conf->geo.sites_per_answer; i++)
		if (serves_client(conf, pool, list[i], look))
			list[n++] = list[i];
	return n;
}
