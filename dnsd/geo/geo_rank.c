#include "dnsd/geo/geo_rank.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/geo/geo_point.h"

struct site {
	uint16_t index;			/* into conf->sites */
	bool located;
	struct geo_point at;
};

struct list {
	uint16_t n;
	bool only;			/* no other site may serve */
	uint8_t set;			/* of exclusions (geo_exclude) */
	uint16_t site[GEO_RANK_MAX_LIST];
};

struct geo_rank {
	const struct geo_exclude *exclude;
	struct site *sites;		/* in the order of the configuration */
	size_t n_sites;
	bool any_located;		/* else distance has nothing to say */
	size_t cut;			/* sites in a list by distance */
	char **names;			/* of all sites of the configuration */
	size_t n_names;
	struct geo_rule *rules;
	size_t n_rules;
	struct list *lists;
	uint32_t n_lists, cap_lists;
	uint16_t *index;		/* open addressing: lists by content, at most half full */
	uint32_t index_size;		/* twice cap_lists */
	uint16_t unlocated;
	uint16_t here;			/* CONF_NONE = not a site of these */
	bool here_located;
	struct geo_point here_at;
};

/* ---- distance ---- */

static bool
is_excluded(const struct geo_rank *rank, const struct list *list, uint16_t site)
{
	return list->set != 0 && geo_exclude_all_at(rank->exclude, list->set, site);
}

/* Fills `list` after the sites it already has: by distance from `from`, then those without
 * coordinates. */
static void
add_by_distance(const struct geo_rank *rank, struct list *list, struct geo_point from)
{
	int64_t far[GEO_RANK_MAX_LIST];
	size_t fixed = list->n, n = fixed;

	for (size_t i = 0; i < rank->n_sites; i++) {
		const struct site *s = &rank->sites[i];
		int64_t d = s->located ? geo_point_chord_mm(s->at, from) : INT64_MAX;
		size_t at = n;
		if ((fixed != 0 && s->index == list->site[0]) || is_excluded(rank, list, s->index))
			continue;
		while (at > fixed && d < far[at - 1])
			at--;
		if (at == rank->cut)
			continue;
		n = n < rank->cut ? n + 1 : n;
		memmove(&far[at + 1], &far[at], (n - at - 1) * sizeof(far[0]));
		memmove(&list->site[at + 1], &list->site[at], (n - at - 1) * sizeof(list->site[0]));
		far[at] = d;
		list->site[at] = s->index;
	}
	list->n = (uint16_t)n;
	for (size_t i = fixed + 1; i < n; i++)
		assert(far[i - 1] <= far[i]);
}

/* ---- lists ---- */

/* Where in the index the list stands, or would. */
static uint32_t
index_of(const struct geo_rank *rank, const struct list *list)
{
	uint64_t h = list->n | (uint64_t)list->only << 16 | (uint64_t)list->set << 24;
	uint32_t i;

	for (size_t k = 0; k < list->n; k++)
		h = (h ^ list->site[k]) * UINT64_C(0x9e3779b97f4a7c15);
	for (i = (uint32_t)(h >> 32);; i++) {
		uint16_t there = rank->index[i &= rank->index_size - 1];
		const struct list *other = &rank->lists[there != GEO_RANK_NONE ? there : 0];

		if (there == GEO_RANK_NONE || (other->n == list->n && other->only == list->only &&
		    other->set == list->set &&
		    memcmp(other->site, list->site, list->n * sizeof(list->site[0])) == 0))
			return i;
	}
}

static int
grow_lists(struct geo_rank *rank)
{
	uint32_t cap = rank->cap_lists != 0 ? 2 * rank->cap_lists : 64;
	struct list *lists = realloc(rank->lists, cap * sizeof(*lists));
	uint16_t *index;

	if (lists == NULL)
		return -1;
	rank->lists = lists;
	index = realloc(rank->index, 2 * cap * sizeof(*index));
	if (index == NULL)
		return -1;
	rank->cap_lists = cap;
	rank->index = index;
	rank->index_size = 2 * cap;
	memset(index, 0xff, rank->index_size * sizeof(*index));
	for (uint32_t i = 0; i < rank->n_lists; i++)
		index[index_of(rank, &lists[i])] = (uint16_t)i;
	return 0;
}

/* The result of this list, old or new. */
static uint16_t
add_list(struct geo_rank *rank, const struct list *list)
{
	uint32_t i = rank->index_size != 0 ? index_of(rank, list) : 0;

	assert(list->n <= GEO_RANK_MAX_LIST && (list->n != 0 || list->only || list->set != 0));
	if (rank->index_size != 0 && rank->index[i] != GEO_RANK_NONE)
		return rank->index[i];
	if (rank->n_lists == GEO_RANK_MAX_RESULTS ||
	    (rank->n_lists == rank->cap_lists && grow_lists(rank) < 0))
		return GEO_RANK_NONE;
	rank->lists[rank->n_lists] = *list;
	i = index_of(rank, list);
	rank->index[i] = (uint16_t)rank->n_lists++;
	return rank->index[i];
}

/* ---- rules ---- */

static bool
of_pool(const struct geo_rank *rank, uint16_t site)
{
	for (size_t i = 0; i < rank->n_sites; i++)
		if (rank->sites[i].index == site)
			return true;
	return false;
}

/* The rule's sites that are in the pool, each once. */
static void
restrict_list(const struct geo_rank *rank, const struct conf_rule *rule, struct list *list)
{
	*list = (struct list){ .only = rule->only };
	for (size_t i = 0; i < rule->n_sites && list->n < GEO_RANK_MAX_LIST; i++) {
		bool twice = false;
		for (size_t j = 0; j < list->n; j++)
			twice |= list->site[j] == rule->sites[i];
		if (!twice && of_pool(rank, rule->sites[i]))
			list->site[list->n++] = rule->sites[i];
	}
}

static int
add_rules(struct geo_rank *rank, const struct conf *conf, struct err *err)
{
	struct list list;

	rank->rules = calloc(conf->geo.n_rules + 1, sizeof(*rank->rules));
	if (rank->rules == NULL)
		return err_set(err, "no memory for %zu rules", conf->geo.n_rules);
	for (size_t i = 0; i < conf->geo.n_rules; i++) {
		const struct conf_rule *from = &conf->geo.rules[i];
		struct geo_rule *to = &rank->rules[rank->n_rules];
		restrict_list(rank, from, &list);
		if (list.n == 0 && !list.only)
			continue;
		to->kind = from->kind;
		to->prefix = from->prefix;
		to->asn = from->asn;
		memcpy(to->code, from->code, sizeof(to->code));
		to->order = (uint32_t)i;
		to->result = add_list(rank, &list);
		if (to->result == GEO_RANK_NONE)
			return err_set(err, "too many different site lists in the rules");
		rank->n_rules++;
	}
	geo_rule_sort(rank->rules, rank->n_rules);
	return 0;
}

const struct geo_rule *
geo_rank_rules(const struct geo_rank *rank, size_t *n)
{
	*n = rank->n_rules;
	return rank->rules;
}

const struct geo_rule *
geo_rank_asn_rule(const struct geo_rank *rank, uint32_t asn)
{
	return geo_rule_of_asn(rank->rules, rank->n_rules, asn);
}

bool
geo_rank_has_asn_rules(const struct geo_rank *rank)
{
	for (size_t i = 0; i < rank->n_rules; i++)
		if (rank->rules[i].kind == CONF_RULE_ASN)
			return true;
	return false;
}

/* ---- places ---- */

const struct geo_rule *
geo_rank_place_rule(const struct geo_rank *rank, const struct geo_place *place)
{
	const struct geo_rule *rule;

	if (place == NULL)
		return NULL;
	rule = geo_rule_of_code(rank->rules, rank->n_rules, CONF_RULE_COUNTRY, place->country);
	return rule != NULL ? rule : geo_rule_of_code(rank->rules, rank->n_rules,
	    CONF_RULE_CONTINENT, place->continent);
}

uint16_t
geo_rank_place(struct geo_rank *rank, const struct geo_place *place)
{
	const struct geo_rule *rule = geo_rank_place_rule(rank, place);
	struct list list = { .n = 0 };

	if (rule != NULL)
		return rule->result;
	if (place == NULL || !place->has_point || !rank->any_located)
		return rank->unlocated;
	add_by_distance(rank, &list, geo_point_of(place->latitude, place->longitude));
	return add_list(rank, &list);
}

uint16_t
geo_rank_unlocated(const struct geo_rank *rank)
{
	return rank->unlocated;
}

/* The list for whoever is nowhere: here first.  `list` has its set of exclusions. */
static void
fill_unlocated(const struct geo_rank *rank, struct list *list)
{
	bool first = rank->here != CONF_NONE && !is_excluded(rank, list, rank->here);

	if (first)
		list->site[list->n++] = rank->here;
	if (rank->here_located) {
		add_by_distance(rank, list, rank->here_at);
		return;
	}
	for (size_t i = 0; i < rank->n_sites && list->n < rank->cut; i++)
		if ((!first || rank->sites[i].index != rank->here) &&
		    !is_excluded(rank, list, rank->sites[i].index))
			list->site[list->n++] = rank->sites[i].index;
}

static int
add_unlocated(struct geo_rank *rank, const struct conf *conf, struct err *err)
{
	const struct conf_site *here = conf->here_site < conf->n_sites ?
	    &conf->sites[conf->here_site] : NULL;
	struct list list = { .n = 0 };

	rank->here = here != NULL && of_pool(rank, conf->here_site) ? conf->here_site : CONF_NONE;
	rank->here_located = here != NULL && here->located;
	if (rank->here_located)
		rank->here_at = geo_point_of(here->latitude, here->longitude);
	fill_unlocated(rank, &list);
	rank->unlocated = add_list(rank, &list);
	return rank->unlocated == GEO_RANK_NONE ? err_set(err, "no memory") : 0;
}

/* A rule's list less the sites excluded; false = that leaves nothing, and it gives way. */
static bool
fill_by_rule(const struct geo_rank *rank, uint16_t rule, struct list *list)
{
	const struct list *whole = &rank->lists[rule];

	list->only = whole->only;
	for (size_t i = 0; i < whole->n; i++)
		if (!is_excluded(rank, list, whole->site[i]))
			list->site[list->n++] = whole->site[i];
	return list->n != 0 || list->only;
}

bool
geo_rank_obeys(const struct geo_rank *rank, uint16_t result, uint16_t rule)
{
	const struct list *list = &rank->lists[result], *whole = &rank->lists[rule];

	if (list->only)
		return true;
	for (size_t i = 0; list->n != 0 && i < whole->n; i++)
		if (whole->site[i] == list->site[0])
			return true;
	return false;
}

uint16_t
geo_rank_excluding(struct geo_rank *rank, uint8_t set, uint16_t rule,
    const struct geo_place *place)
{
	struct list list = { .set = set };

	assert(set != 0);
	if (rule != GEO_RANK_NONE && fill_by_rule(rank, rule, &list))
		return add_list(rank, &list);
	if (place != NULL && place->has_point && rank->any_located)
		add_by_distance(rank, &list, geo_point_of(place->latitude, place->longitude));
	else
		fill_unlocated(rank, &list);
	return add_list(rank, &list);
}

/* ---- the whole ---- */

static int
add_sites(struct geo_rank *rank, const struct conf *conf, const uint16_t *sites, size_t n_sites,
    struct err *err)
{
	rank->sites = calloc(n_sites + 1, sizeof(*rank->sites));
	rank->names = calloc(conf->n_sites + 1, sizeof(*rank->names));
	if (rank->sites == NULL || rank->names == NULL)
		return err_set(err, "no memory for %zu sites", conf->n_sites);
	for (; rank->n_names < conf->n_sites; rank->n_names++)
		if ((rank->names[rank->n_names] = strdup(conf->sites[rank->n_names].name)) == NULL)
			return err_set(err, "no memory for %zu sites", conf->n_sites);
	for (size_t i = 0; i < conf->n_sites; i++) {
		bool wanted = false;
		for (size_t j = 0; j < n_sites; j++)
			wanted |= sites[j] == i;
		if (!wanted)
			continue;
		rank->any_located |= conf->sites[i].located;
		rank->sites[rank->n_sites++] = (struct site){ (uint16_t)i, conf->sites[i].located,
		    geo_point_of(conf->sites[i].latitude, conf->sites[i].longitude) };
	}
	return rank->n_sites == 0 ? err_set(err, "a map without sites") : 0;
}

struct geo_rank *
geo_rank_new(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    const struct geo_exclude *exclude, struct err *err)
{
	struct geo_rank *rank = calloc(1, sizeof(*rank));

	if (rank == NULL) {
		err_set(err, "no memory");
		return NULL;
	}
	rank->exclude = exclude;
	rank->cut = conf->geo.sites_per_answer;
	if (rank->cut < 1 || rank->cut > GEO_RANK_MAX_LIST)
		rank->cut = rank->cut < 1 ? 1 : GEO_RANK_MAX_LIST;
	if (add_sites(rank, conf, sites, n_sites, err) < 0 || add_unlocated(rank, conf, err) < 0 ||
	    add_rules(rank, conf, err) < 0) {
		geo_rank_free(rank);
		return NULL;
	}
	return rank;
}

void
geo_rank_free(struct geo_rank *rank)
{
	if (rank == NULL)
		return;
	for (size_t i = 0; i < rank->n_names; i++)
		free(rank->names[i]);
	free(rank->names);
	free(rank->sites);
	free(rank->rules);
	free(rank->lists);
	free(rank->index);
	free(rank);
}

bool
geo_rank_is_whole(const struct geo_rank *rank)
{
	for (size_t i = 0; i < rank->n_rules; i++)
		if (rank->lists[rank->rules[i].result].n < rank->n_sites &&
		    !rank->lists[rank->rules[i].result].only)
			return false;
	return rank->cut >= rank->n_sites;
}

uint16_t
geo_rank_results(const struct geo_rank *rank)
{
	return (uint16_t)rank->n_lists;
}

size_t
geo_rank_list(const struct geo_rank *rank, uint16_t result, const uint16_t **sites)
{
	assert(result < rank->n_lists);
	*sites = rank->lists[result].site;
	return rank->lists[result].n;
}

bool
geo_rank_only(const struct geo_rank *rank, uint16_t result)
{
	assert(result < rank->n_lists);
	return rank->lists[result].only;
}

uint8_t
geo_rank_set(const struct geo_rank *rank, uint16_t result)
{
	assert(result < rank->n_lists);
	return rank->lists[result].set;
}

bool
geo_rank_has_only(const struct geo_rank *rank)
{
	for (size_t i = 0; i < rank->n_rules; i++)
		if (rank->lists[rank->rules[i].result].only)
			return true;
	return false;
}

const char *
geo_rank_site_name(const struct geo_rank *rank, uint16_t site)
{
	assert(site < rank->n_names);
	return rank->names[site];
}
