#include "dnsd/geo/geo_map.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/geo/geo_tree.h"

enum { BATCH = 64 };

struct geo_map {
	struct geo_exclude *exclude;
	struct geo_rank *rank;
	struct geo_tree tree;
	double located[2];		/* IPv4 and IPv6 /64s that have a place or a rule */
};

/* ---- folding ---- */

static void
put_ip(uint8_t v4[4], uint32_t ip)
{
	for (unsigned i = 0; i < 4; i++)
		v4[i] = (uint8_t)(ip >> (24 - 8 * i));
}

unsigned
geo_map_fold(const uint8_t ip[16], uint8_t v4[4])
{
	geo_key key = geo_key_of(6, ip);
	const struct geo_fold *fold = geo_fold_find(key);

	if (fold == NULL)
		return 0;
	put_ip(v4, geo_fold_ip(fold, key));
	return fold->offset;
}

/* ---- lookups ---- */

struct geo_leaf
geo_map_find(const struct geo_map *map, uint8_t family, const uint8_t *ip)
{
	return geo_tree_find(&map->tree, family, ip);
}

void
geo_map_find_batch(size_t n, const struct geo_map *const *map, const uint8_t *family,
    const uint8_t *const *ip, struct geo_leaf *leaf)
{
	const struct geo_tree *tree[BATCH];

	for (size_t i = 0, some; i < n; i += some) {
		some = n - i < BATCH ? n - i : BATCH;
		for (size_t k = 0; k < some; k++)
			tree[k] = &map[i + k]->tree;
		geo_tree_find_batch(some, tree, family + i, ip + i, leaf + i);
	}
}

/* ---- building ---- */

static int
build_family(struct geo_map *map, uint8_t family, const struct geo_db *city,
    const struct geo_db *asn, struct err *err)
{
	/* beside exclusions, what folds and what does not are never one result */
	uint16_t all = geo_exclude_is_empty(map->exclude) ?
	    geo_tree_all_ipv4(&map->tree, family) : GEO_RANK_NONE;
	struct geo_merge *merge = geo_merge_new(map->rank, map->exclude, family, city, asn, all,
	    err);
	int rc = geo_tree_build(&map->tree, family, merge, err);

	if (merge != NULL)
		map->located[family == 6] = geo_merge_located(merge);
	geo_merge_free(merge);
	return rc == 0 ? 0 : -1;
}

/* A rule inside a range that folds has a result whatever the IPv4 address in there is, and so would
 * get past what excludes that. */
static int
check_rules(const struct geo_map *map, const struct conf *conf, struct err *err)
{
	char text[ADDR_TEXT], where[CONF_WHERE];

	for (size_t i = 0; i < conf->geo.n_rules && !geo_exclude_is_empty(map->exclude); i++) {
		const struct conf_rule *r = &conf->geo.rules[i];

		if (r->kind == CONF_RULE_PREFIX && r->prefix.family == 6 &&
		    geo_fold_holds(&r->prefix))
			return err_set(err, "%s: prefix \"%s\": beside `exclude`, addresses that "
			    "hold an IPv4 address have the rules of that, a prefix of it was "
			    "expected", conf_where(conf, r->line, where),
			    prefix_text(&r->prefix, text));
	}
	return 0;
}

struct geo_map *
geo_map_build_for(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    size_t first_server, size_t n_servers, const struct geo_db *city, const struct geo_db *asn,
    struct err *err)
{
	struct geo_map *map = calloc(1, sizeof(*map));

	if (map == NULL) {
		err_set(err, "no memory");
		return NULL;
	}
	if ((map->exclude = geo_exclude_new(conf, sites, n_sites, first_server, n_servers,
	    err)) == NULL || check_rules(map, conf, err) < 0 ||
	    (map->rank = geo_rank_new(conf, sites, n_sites, map->exclude, err)) == NULL ||
	    build_family(map, 4, city, asn, err) < 0 || build_family(map, 6, city, asn, err) < 0) {
		geo_map_free(map);
		return NULL;
	}
	return map;
}

struct geo_map *
geo_map_build(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_db *city, const struct geo_db *asn, struct err *err)
{
	return geo_map_build_for(conf, sites, n_sites, 0, 0, city, asn, err);
}

void
geo_map_free(struct geo_map *map)
{
	if (map == NULL)
		return;
	geo_tree_free(&map->tree);
	geo_rank_free(map->rank);
	geo_exclude_free(map->exclude);
	free(map);
}

/* ---- what the map says of itself ---- */

size_t
geo_map_result(const struct geo_map *map, uint16_t result, const uint16_t **sites)
{
	return geo_rank_list(map->rank, result, sites);
}

bool
geo_map_only(const struct geo_map *map, uint16_t result)
{
	return geo_rank_only(map->rank, result);
}

uint8_t
geo_map_set(const struct geo_map *map, uint16_t result)
{
	return geo_rank_set(map->rank, result);
}

unsigned
geo_map_sets(const struct geo_map *map)
{
	return geo_exclude_sets(map->exclude);
}

bool
geo_map_excludes(const struct geo_map *map, uint8_t set, uint16_t site, size_t server)
{
	return geo_exclude_site(map->exclude, set, site) ||
	    geo_exclude_server(map->exclude, set, server);
}

bool
geo_map_excludes_all_at(const struct geo_map *map, uint8_t set, uint16_t site)
{
	return geo_exclude_all_at(map->exclude, set, site);
}

bool
geo_map_binds(const struct geo_map *map)
{
	return geo_rank_has_only(map->rank) || geo_exclude_sets(map->exclude) > 1;
}

uint16_t
geo_map_results(const struct geo_map *map)
{
	return geo_rank_results(map->rank);
}

uint16_t
geo_map_unlocated(const struct geo_map *map)
{
	return geo_rank_unlocated(map->rank);
}

bool
geo_map_is_whole(const struct geo_map *map)
{
	return geo_rank_is_whole(map->rank);
}

int
geo_map_walk(const struct geo_map *map,
    int (*each)(void *arg, const struct prefix *net, uint16_t result), void *arg)
{
	static const uint8_t families[2] = { 4, 6 };

	for (int f = 0; f < 2; f++) {
		const struct geo_trie *trie = families[f] == 4 ? &map->tree.v4 : &map->tree.v6;
		geo_key key = 0, last;
		do {
			struct geo_leaf leaf = geo_trie_find(trie, key);
			struct prefix net;
			int rc = 0;
			geo_key_prefix(key, families[f], leaf.depth, &net);
			if (leaf.result < GEO_FOLD_MARK)
				rc = each(arg, &net, leaf.result);
			if (rc != 0)
				return rc;
			last = geo_key_last(key, leaf.depth);
			key = last + 1;
		} while (last != GEO_KEY_MAX);
	}
	return 0;
}

static const char *
first_site_name(const struct geo_map *map, uint16_t result)
{
	const uint16_t *sites;

	return geo_rank_list(map->rank, result, &sites) != 0 ?
	    geo_rank_site_name(map->rank, sites[0]) : "";
}

/* How many /64s (IPv4 addresses) of one family have another first site. */
static double
moved(const struct geo_map *old, const struct geo_map *fresh, bool six)
{
	geo_key key = 0, last;
	double n = 0;

	do {
		struct geo_leaf a = geo_trie_find(six ? &old->tree.v6 : &old->tree.v4, key);
		struct geo_leaf b = geo_trie_find(six ? &fresh->tree.v6 : &fresh->tree.v4, key);
		last = geo_key_last(key, a.depth > b.depth ? a.depth : b.depth);
		/* folded ranges are counted as IPv4 */
		if (a.result < GEO_FOLD_MARK && b.result < GEO_FOLD_MARK &&
		    strcmp(first_site_name(old, a.result), first_site_name(fresh, b.result)) != 0)
			n += geo_merge_size(six ? 6 : 4, key, last);
		key = last + 1;
	} while (last != GEO_KEY_MAX);
	return n;
}

double
geo_map_moved_percent(const struct geo_map *old, const struct geo_map *fresh)
{
	double worst = 0;

	for (int six = 0; six < 2; six++) {
		double space = fmax(old->located[six], fresh->located[six]);
		double n = moved(old, fresh, six);
		double percent = n < space ? 100 * n / space : 100;
		if (n > 0 && percent > worst)
			worst = percent;
	}
	return worst;
}

/* ---- why ---- */

/* The longest prefix rule that holds the address: rules come sorted, shorter ones first. */
static const struct geo_rule *
prefix_rule(const struct geo_map *map, uint8_t family, const uint8_t *ip, unsigned min_len)
{
	const struct geo_rule *rules, *found = NULL;
	size_t n;

	rules = geo_rank_rules(map->rank, &n);
	for (size_t i = 0; i < n && rules[i].kind == CONF_RULE_PREFIX; i++)
		if (rules[i].prefix.len >= min_len && prefix_contains(&rules[i].prefix, family, ip))
			found = &rules[i];
	return found;
}

/* The rule that decides, by strength; NULL = distance. */
static const struct geo_rule *
deciding_rule(const struct geo_map *map, uint8_t family, const uint8_t *ip,
    const struct geo_why *why)
{
	const struct geo_rule *rule = prefix_rule(map, family, ip, 0);

	if (rule == NULL)
		rule = geo_rank_asn_rule(map->rank, why->asn);
	if (rule == NULL && why->known)
		rule = geo_rank_place_rule(map->rank, &why->place);
	return rule;
}

void
geo_map_why(const struct geo_map *map, const struct geo_db *city, const struct geo_db *asn,
    uint8_t family, const uint8_t *ip, struct geo_why *why)
{
	const struct geo_fold *fold = family == 6 ? geo_fold_find(geo_key_of(6, ip)) : NULL;
	uint16_t found = geo_map_find(map, family, ip).result;
	uint8_t set = geo_rank_set(map->rank, found);
	struct geo_place as;
	struct prefix as_net;
	uint8_t v4[4];

	memset(why, 0, sizeof(*why));
	if (fold != NULL) {
		why->rule = prefix_rule(map, 6, ip, fold->len);
		put_ip(v4, geo_fold_ip(fold, geo_key_of(6, ip)));
		family = 4;
		ip = v4;
	}
	if (city != NULL)
		why->known = geo_db_lookup(city, family, ip, &why->place, &why->net);
	why->asn = why->place.asn;
	if (asn != NULL)
		why->asn = geo_db_lookup(asn, family, ip, &as, &as_net) ? as.asn : 0;
	if (why->rule == NULL)
		why->rule = deciding_rule(map, family, ip, why);
	if (why->rule != NULL && set != 0 && !geo_rank_obeys(map->rank, found, why->rule->result))
		why->rule = NULL;
	if (why->rule != NULL) {
		why->kind = GEO_WHY_RULE;
		why->result = set == 0 ? why->rule->result : found;
		return;
	}
	/* every list by distance has been made when the map was built, so none is added now; that
	 * of a place where something is excluded may not have been */
	why->result = set != 0 ? found :
	    geo_rank_place(map->rank, why->known ? &why->place : NULL);
	why->kind = why->known && why->place.has_point ? GEO_WHY_DISTANCE : GEO_WHY_UNLOCATED;
}
