#include "dnsd/geo_look.h"

#include <string.h>

#include "dnsd/geo_map.h"

/* IPv6 addresses that hold the client's IPv4 one: the prefix, and where it stands. */
static const struct {
	struct prefix prefix;
	uint8_t at;
	uint8_t flip;			/* Teredo keeps it inverted (RFC 4380 4) */
} holders[] = {
	{ { 6, 96, { [10] = 0xff, [11] = 0xff } }, 12, 0 },		/* IPv4-mapped */
	{ { 6, 96, { 0x00, 0x64, 0xff, 0x9b } }, 12, 0 },		/* NAT64, RFC 6052 */
	{ { 6, 16, { 0x20, 0x02 } }, 2, 0 },				/* 6to4, RFC 3056 */
	{ { 6, 32, { 0x20, 0x01 } }, 12, 0xff },			/* Teredo */
};

static void
fold(uint8_t family, const uint8_t *ip, struct geo_look *look)
{
	look->family = family;
	memset(look->ip, 0, sizeof(look->ip));
	memcpy(look->ip, ip, addr_len(family));
	for (size_t i = 0; family == 6 && i < sizeof(holders) / sizeof(holders[0]); i++) {
		if (!prefix_contains(&holders[i].prefix, 6, ip))
			continue;
		look->family = 4;
		memset(look->ip, 0, sizeof(look->ip));
		for (unsigned k = 0; k < 4; k++)
			look->ip[k] = ip[holders[i].at + k] ^ holders[i].flip;
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

static bool
matches(const struct conf_rule *rule, const struct geo_look *look)
{
	switch (rule->kind) {
	case CONF_RULE_PREFIX:
		return prefix_contains(&rule->prefix, look->family, look->ip);
	case CONF_RULE_ASN:
		return look->place.asn != 0 && rule->asn == look->place.asn;
	case CONF_RULE_COUNTRY:
		return strcmp(rule->code, look->place.country) == 0;
	case CONF_RULE_CONTINENT:
		return strcmp(rule->code, look->place.continent) == 0;
	}
	return false;
}

/* The strongest rule: kinds are ordered from strong to weak, longer prefixes come first. */
static const struct conf_rule *
strongest(const struct conf *conf, const uint16_t *sites, size_t n_sites, const struct geo_look *look)
{
	const struct conf_rule *best = NULL;

	for (size_t i = 0; i < conf->geo.n_rules; i++) {
		const struct conf_rule *rule = &conf->geo.rules[i];
		bool useful = false;

		for (size_t k = 0; k < rule->n_sites; k++)
			useful |= holds(sites, n_sites, rule->sites[k]);
		if (!useful || !matches(rule, look))
			continue;
		if (best == NULL || rule->kind < best->kind || (rule->kind == CONF_RULE_PREFIX &&
		    best->kind == CONF_RULE_PREFIX && rule->prefix.len > best->prefix.len))
			best = rule;
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
		look->place.asn = geo_db_lookup(asn, look->family, look->ip, &numbered, &net) ? numbered.asn : 0;
	look->rule = strongest(conf, sites, n_sites, look);
	look->located = look->rule != NULL || look->place.has_point;
}

static size_t
by_rule(const uint16_t *sites, size_t n_sites, const struct conf_rule *rule, uint16_t *list)
{
	size_t n = 0;

	for (size_t i = 0; i < rule->n_sites; i++)
		if (holds(sites, n_sites, rule->sites[i]))
			list[n++] = rule->sites[i];
	return n;
}

/* Nearest first, equal distances in configured order, sites without a place last. */
static size_t
by_distance(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    double latitude, double longitude, uint16_t *list)
{
	double km[CONF_MAX_SITES];

	for (size_t i = 0; i < n_sites; i++) {
		const struct conf_site *site = &conf->sites[sites[i]];
		double mine = site->located ?
		    geo_distance_km(latitude, longitude, site->latitude, site->longitude) : 1e9;
		size_t at = i;

		for (; at > 0 && km[at - 1] > mine; at--) {
			km[at] = km[at - 1];
			list[at] = list[at - 1];
		}
		km[at] = mine;
		list[at] = sites[i];
	}
	return n_sites;
}

size_t
geo_look_list(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_look *look, uint16_t list[CONF_MAX_SITES])
{
	const struct conf_site *here = conf->here_site != CONF_NONE ? &conf->sites[conf->here_site] : NULL;
	size_t n = n_sites;

	if (look->rule != NULL)
		n = by_rule(sites, n_sites, look->rule, list);
	else if (look->place.has_point)
		n = by_distance(conf, sites, n_sites, look->place.latitude, look->place.longitude, list);
	else if (here != NULL && here->located)
		n = by_distance(conf, sites, n_sites, here->latitude, here->longitude, list);
	else
		memcpy(list, sites, n_sites * sizeof(*list));
	return n < conf->geo.sites_per_answer ? n : conf->geo.sites_per_answer;
}
