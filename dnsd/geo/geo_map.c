#include "dnsd/geo/geo_map.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/geo/geo_merge.h"

/* One tree of results: an IPv6 leaf may stand for a range that folds to IPv4. */
struct tree {
	struct geo_trie v4, v6;
};

struct geo_map {
	struct geo_exclude *exclude;
	struct geo_rank *rank;
	struct geo_order *order;
	struct tree near, beyond;	/* `beyond` is empty where every list is whole */
	double located[2];		/* IPv4 and IPv6 /64s that have a place or a rule */
};

/* ---- folding ---- */

/* Which of the folded ranges a leaf's mark stands for. */
static inline const struct geo_fold *
fold_of(uint16_t result)
{
	assert(result < GEO_FOLD_MARK + GEO_FOLDS);
	return result >= GEO_FOLD_MARK ? &geo_fold_ranges[result - GEO_FOLD_MARK] : NULL;
}

/* A leaf of IPv4 as one of the IPv6 range around it; `outer` is the leaf that led there. */
static struct geo_leaf
unfold(const struct geo_fold *fold, struct geo_leaf inner, struct geo_leaf outer)
{
	unsigned depth = fold->offset + inner.depth;

	assert(inner.depth <= 32 && outer.depth <= 128);
	inner.depth = (uint8_t)(depth > outer.depth ? depth : outer.depth);
	return inner;
}

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

static struct geo_leaf
find_in(const struct tree *tree, uint8_t family, const uint8_t *ip)
{
	geo_key key = geo_key_of(family, ip);
	const struct geo_fold *fold;
	struct geo_leaf leaf;

	if (family == 4)
		return geo_trie_find4(&tree->v4, (uint32_t)(key >> 96));
	leaf = geo_trie_find(&tree->v6, key);
	fold = fold_of(leaf.result);
	if (fold == NULL)
		return leaf;
	return unfold(fold, geo_trie_find4(&tree->v4, geo_fold_ip(fold, key)), leaf);
}

struct geo_leaf
geo_map_find(const struct geo_map *map, uint8_t family, const uint8_t *ip)
{
	return find_in(&map->near, family, ip);
}

bool
geo_map_beyond(const struct geo_map *map, uint8_t family, const uint8_t *ip,
    struct geo_leaf *leaf)
{
	if (map->beyond.v6.words == NULL)
		return false;
	*leaf = find_in(&map->beyond, family, ip);
	return true;
}

#define BATCH 64

/* n is 1 to BATCH (a `for` would have compilers warn of none). */
static void
find_some(size_t n, const struct geo_map *const *map, const uint8_t *family,
    const uint8_t *const *ip, struct geo_leaf *leaf)
{
	const struct geo_trie *trie[BATCH];
	geo_key key[BATCH];
	size_t i = 0;

	do {
		trie[i] = family[i] == 4 ? &map[i]->near.v4 : &map[i]->near.v6;
		key[i] = geo_key_of(family[i], ip[i]);
	} while (++i < n);
	geo_trie_find_batch(n, trie, key, leaf);
	for (i = 0; i < n; i++) {
		const struct geo_fold *fold = fold_of(leaf[i].result);
		if (fold != NULL)
			leaf[i] = unfold(fold, geo_trie_find4(&map[i]->near.v4,
			    geo_fold_ip(fold, key[i])), leaf[i]);
	}
}

void
geo_map_find_batch(size_t n, const struct geo_map *const *map, const uint8_t *family,
    const uint8_t *const *ip, struct geo_leaf *leaf)
{
	for (size_t i = 0; i < n; i += BATCH)
		find_some(n - i < BATCH ? n - i : BATCH, map + i, family + i, ip + i, leaf + i);
}

/* ---- building ---- */

/* The one result of all IPv4 addresses, when there is only one and IPv6 is built. */
static uint16_t
all_of_ipv4(const struct tree *tree, uint8_t family)
{
	struct geo_leaf all = { GEO_RANK_NONE, 1 };

	if (family == 6)
		all = geo_trie_find4(&tree->v4, 0);
	return all.depth == 0 ? all.result : GEO_RANK_NONE;
}

/* 1 = there were too many results. */
static int
build_trie(struct geo_trie *trie, struct geo_merge *merge, struct err *err)
{
	struct geo_runs runs = { geo_merge_next, merge };

	if (merge == NULL || geo_trie_build(trie, &runs, err) < 0)
		return -1;
	return geo_merge_failed(merge, err) < 0 ? 1 : 0;
}

static int
build_near(struct geo_map *map, uint8_t family, const struct geo_db *city,
    const struct geo_db *asn, struct err *err)
{
	/* beside exclusions, what folds and what does not are never one result */
	uint16_t all = geo_exclude_is_empty(map->exclude) ? all_of_ipv4(&map->near, family) :
	    GEO_RANK_NONE;
	struct geo_merge *merge = geo_merge_new(map->rank, map->exclude, family, city, asn, all,
	    err);
	int rc = build_trie(family == 4 ? &map->near.v4 : &map->near.v6, merge, err);

	if (merge != NULL)
		map->located[family == 6] = geo_merge_located(merge);
	geo_merge_free(merge);
	return rc == 0 ? 0 : -1;
}

static void
free_tree(struct tree *tree)
{
	geo_trie_free(&tree->v4);
	geo_trie_free(&tree->v6);
}

/* Both families of the second tree; 1 = there were too many orders. */
static int
build_beyond(struct geo_map *map, const struct geo_db *city, struct err *err)
{
	static const uint8_t families[2] = { 4, 6 };
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++) {
		struct geo_merge *merge = geo_merge_orders(map->order, families[i], city,
		    all_of_ipv4(&map->beyond, families[i]), err);

		rc = build_trie(i == 0 ? &map->beyond.v4 : &map->beyond.v6, merge, err);
		geo_merge_free(merge);
	}
	return rc;
}

/* Places are taken as they are, and by square degrees where that makes too many orders. */
static int
build_orders(struct geo_map *map, const struct geo_db *city, struct err *err)
{
	int rc;

	if (geo_rank_is_whole(map->rank))
		return 0;
	while ((rc = build_beyond(map, city, err)) > 0) {
		free_tree(&map->beyond);
		if (!geo_order_coarsen(map->order))
			return -1;
	}
	return rc;
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
	    (map->order = geo_order_new(conf, sites, n_sites, err)) == NULL ||
	    build_near(map, 4, city, asn, err) < 0 || build_near(map, 6, city, asn, err) < 0 ||
	    build_orders(map, city, err) < 0) {
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
	free_tree(&map->near);
	free_tree(&map->beyond);
	geo_rank_free(map->rank);
	geo_order_free(map->order);
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

const uint8_t *
geo_map_order(const struct geo_map *map, uint16_t order)
{
	return geo_order_list(map->order, order);
}

uint16_t
geo_map_order_unlocated(const struct geo_map *map)
{
	return geo_order_unlocated(map->order);
}

uint16_t
geo_map_order_from_site(const struct geo_map *map, uint16_t site)
{
	return geo_order_from_site(map->order, site);
}

uint32_t
geo_map_orders(const struct geo_map *map)
{
	return geo_order_count(map->order);
}

int
geo_map_walk(const struct geo_map *map,
    int (*each)(void *arg, const struct prefix *net, uint16_t result), void *arg)
{
	static const uint8_t families[2] = { 4, 6 };

	for (int f = 0; f < 2; f++) {
		const struct geo_trie *trie = families[f] == 4 ? &map->near.v4 : &map->near.v6;
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
		struct geo_leaf a = geo_trie_find(six ? &old->near.v6 : &old->near.v4, key);
		struct geo_leaf b = geo_trie_find(six ? &fresh->near.v6 : &fresh->near.v4, key);
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
	if (why->rule != NULL && !geo_rank_leaves(map->rank, why->rule->result, set))
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
