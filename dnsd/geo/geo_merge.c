#include "dnsd/geo/geo_merge.h"

#include <assert.h>
#include <stdlib.h>

#include "dnsd/geo/geo_flat.h"

#define NOT_YET UINT32_MAX

struct geo_merge {
	struct geo_rank *rank;		/* one of the two is NULL */
	struct geo_order *order;
	uint8_t family;
	struct geo_cursor city, asn;
	bool has_asn_rules, asn_of_city;
	struct geo_exclude *exclude;	/* NULL = nobody is excluded */
	struct geo_flat fixed;		/* results; GEO_RANK_NONE between them */
	struct geo_flat barred;		/* sets of exclusions */
	uint32_t *city_result;		/* by record of the city database, NOT_YET */
	uint32_t *asn_result;		/* by record of whichever database has AS numbers */
	uint32_t *city_set, *asn_set;	/* the same for exclusions */
	double located;
	bool failed, too_many_sets;
};

/* ---- prefixes laid flat ---- */

static struct geo_flat_entry
flat_entry(const struct prefix *net, uint16_t value)
{
	geo_key start = geo_key_of(net->family, net->ip);

	return (struct geo_flat_entry){ start, geo_key_last(start, net->len), value };
}

/* Prefixes that have a result whatever the databases say: rules, and ranges that fold. */
static int
add_fixed(struct geo_merge *m, uint16_t all_v4)
{
	size_t n_rules = 0, n = 0;
	const struct geo_rule *rules = m->rank != NULL ? geo_rank_rules(m->rank, &n_rules) : NULL;
	struct geo_flat_entry *entries = malloc((n_rules + GEO_FOLDS) * sizeof(*entries));
	int rc = -1;

	if (entries != NULL) {
		for (size_t i = 0; m->family == 6 && i < GEO_FOLDS; i++) {
			geo_key start = geo_fold_key(&geo_fold_ranges[i]);
			uint16_t value = all_v4 != GEO_RANK_NONE ? all_v4 :
			    (uint16_t)(GEO_FOLD_MARK + i);
			geo_key last = geo_key_last(start, geo_fold_ranges[i].len);
			geo_flat_insert(entries, &n, (struct geo_flat_entry){ start, last, value });
		}
		for (size_t i = 0; i < n_rules && rules[i].kind == CONF_RULE_PREFIX; i++)
			if (rules[i].prefix.family == m->family)
				geo_flat_insert(entries, &n, flat_entry(&rules[i].prefix,
				    rules[i].result));
		rc = geo_flat_lay(&m->fixed, entries, n, GEO_RANK_NONE);
	}
	free(entries);
	return rc;
}

/* Adds to each prefix what those around it exclude, who stand before it.  -1 = no memory. */
static int
inherit(struct geo_merge *m, struct geo_flat_entry *entries, size_t n)
{
	size_t *open = malloc((n + 1) * sizeof(*open)), n_open = 0;

	if (open == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		while (n_open != 0 && entries[open[n_open - 1]].last < entries[i].start)
			n_open--;
		if (n_open != 0)		/* has inherited already */
			entries[i].value = geo_exclude_both(m->exclude,
			    (uint8_t)entries[i].value,
			    (uint8_t)entries[open[n_open - 1]].value);
		open[n_open++] = i;
	}
	free(open);
	return 0;
}

/* Prefixes that some site or server must not serve. */
static int
add_barred(struct geo_merge *m)
{
	size_t n_prefixes = 0, n = 0;
	const struct geo_exclude_prefix *prefixes = m->exclude != NULL ?
	    geo_exclude_prefixes(m->exclude, &n_prefixes) : NULL;
	struct geo_flat_entry *entries = malloc((n_prefixes + 1) * sizeof(*entries));
	int rc = -1;

	if (entries != NULL) {
		for (size_t i = 0; i < n_prefixes; i++)
			if (prefixes[i].prefix.family == m->family)
				geo_flat_insert(entries, &n, flat_entry(&prefixes[i].prefix,
				    prefixes[i].set));
		rc = inherit(m, entries, n);
		if (rc == 0)
			rc = geo_flat_lay(&m->barred, entries, n, 0);
	}
	free(entries);
	return rc;
}

/* ---- records ---- */

static uint32_t *
new_results(const struct geo_db *db)
{
	uint32_t n = db != NULL ? geo_db_records(db) : 0;
	uint32_t *results = malloc((n + 1) * sizeof(*results));

	for (uint32_t i = 0; results != NULL && i < n; i++)
		results[i] = NOT_YET;
	return results;
}

/* The result of an AS number's rule, or GEO_RANK_NONE. */
static uint16_t
asn_result(struct geo_merge *m)
{
	const struct geo_cursor *c = m->asn_of_city ? &m->city : &m->asn;
	const struct geo_rule *rule;
	uint32_t *known;

	if (!m->has_asn_rules || c->record == GEO_DB_NONE)
		return GEO_RANK_NONE;
	known = &m->asn_result[c->record];
	if (*known == NOT_YET) {
		rule = geo_rank_asn_rule(m->rank, geo_db_place(c->db, c->record)->asn);
		*known = rule != NULL ? rule->result : GEO_RANK_NONE;
	}
	return (uint16_t)*known;
}

/* The result of a place; NULL = none. */
static uint16_t
result_of(struct geo_merge *m, const struct geo_place *place)
{
	return m->order != NULL ? geo_order_place(m->order, place) : geo_rank_place(m->rank, place);
}

static uint16_t
place_result(struct geo_merge *m)
{
	uint32_t *known;

	if (m->city.record == GEO_DB_NONE)
		return result_of(m, NULL);
	known = &m->city_result[m->city.record];
	if (*known == NOT_YET) {
		*known = result_of(m, geo_db_place(m->city.db, m->city.record));
		m->failed |= *known == GEO_RANK_NONE;
	}
	return (uint16_t)*known;
}

/* Whether the city database knows a place here, or a rule for it. */
static bool
is_placed(const struct geo_merge *m)
{
	const struct geo_place *place = geo_db_place(m->city.db, m->city.record);

	return place != NULL && (place->has_point || geo_rank_place_rule(m->rank, place) != NULL);
}

/* ---- side by side ---- */

/* Who must not serve the country, continent or AS number of a cursor's record. */
static uint8_t
set_of(struct geo_merge *m, const struct geo_cursor *c, bool number, uint32_t *sets)
{
	const struct geo_place *place = geo_db_place(c->db, c->record);
	uint32_t *known;

	if (place == NULL)
		return 0;
	known = &sets[c->record];
	if (*known == NOT_YET)
		*known = number ? geo_exclude_asn(m->exclude, place->asn) :
		    geo_exclude_place(m->exclude, place);
	return (uint8_t)*known;
}

/* Who must not serve here. */
static uint8_t
set_here(struct geo_merge *m)
{
	uint8_t set = geo_exclude_both(m->exclude, (uint8_t)geo_flat_now(&m->barred)->value,
	    set_of(m, &m->city, false, m->city_set));

	set = geo_exclude_both(m->exclude, set,
	    set_of(m, m->asn_of_city ? &m->city : &m->asn, true, m->asn_set));
	m->too_many_sets |= set == GEO_EXCLUDE_NONE;
	return set != GEO_EXCLUDE_NONE ? set : 0;
}

/* The result for clients of this set; `rule` is their prefix's or AS number's. */
static uint16_t
excluding(struct geo_merge *m, uint8_t set, uint16_t rule)
{
	const struct geo_place *place = geo_db_place(m->city.db, m->city.record);
	const struct geo_rule *of_place = geo_rank_place_rule(m->rank, place);
	uint16_t result;

	if (rule == GEO_RANK_NONE && of_place != NULL)
		rule = of_place->result;
	result = geo_rank_excluding(m->rank, set, rule, place);
	m->failed |= result == GEO_RANK_NONE;
	return result;
}

static uint16_t
result_here(struct geo_merge *m, bool *located)
{
	uint16_t rule = geo_flat_now(&m->fixed)->value;
	uint8_t set;

	*located = true;
	if (rule == GEO_RANK_NONE)
		rule = asn_result(m);
	if (rule == GEO_RANK_NONE)
		*located = m->rank != NULL && is_placed(m);
	/* what folds is judged as IPv4 */
	set = m->exclude != NULL && (rule < GEO_FOLD_MARK || rule == GEO_RANK_NONE) ?
	    set_here(m) : 0;
	if (set != 0)
		return excluding(m, set, rule);
	return rule != GEO_RANK_NONE ? rule : place_result(m);
}

void
geo_merge_next(void *arg, struct geo_run *run)
{
	struct geo_merge *m = arg;
	geo_key start = m->city.start > m->asn.start ? m->city.start : m->asn.start;
	struct geo_flat *flat[2] = { &m->fixed, &m->barred };
	bool located;

	if (m->failed || m->too_many_sets) {	/* it is for nothing */
		*run = (struct geo_run){ GEO_KEY_MAX, GEO_RANK_NONE };
		return;
	}
	run->last = m->city.last < m->asn.last ? m->city.last : m->asn.last;
	for (unsigned i = 0; i < 2; i++) {
		if (geo_flat_start(flat[i]) > start)
			start = geo_flat_start(flat[i]);
		if (geo_flat_now(flat[i])->last < run->last)
			run->last = geo_flat_now(flat[i])->last;
	}
	run->value = result_here(m, &located);
	assert(start <= run->last);
	assert(run->value < GEO_FOLD_MARK + GEO_FOLDS || m->failed);
	if (located && run->value < GEO_FOLD_MARK)
		m->located += geo_merge_size(m->family, start, run->last);
	if (run->last == GEO_KEY_MAX)
		return;
	if (m->city.last == run->last)
		geo_cursor_next(&m->city);
	if (m->asn.last == run->last)
		geo_cursor_next(&m->asn);
	for (unsigned i = 0; i < 2; i++)
		if (geo_flat_now(flat[i])->last == run->last)
			flat[i]->at++;
}

static struct geo_merge *
new_merge(struct geo_rank *rank, struct geo_exclude *exclude, struct geo_order *order,
    uint8_t family, const struct geo_db *city, const struct geo_db *asn, uint16_t all_v4,
    struct err *err)
{
	struct geo_merge *m = calloc(1, sizeof(*m));
	bool asked;			/* for AS numbers */

	if (m != NULL) {
		m->rank = rank;
		m->exclude = exclude == NULL || geo_exclude_is_empty(exclude) ? NULL : exclude;
		m->order = order;
		m->family = family;
		m->has_asn_rules = rank != NULL && geo_rank_has_asn_rules(rank);
		m->asn_of_city = asn == NULL;
		m->city_result = new_results(city);
		m->asn_result = new_results(asn != NULL ? asn : city);
		m->city_set = new_results(m->exclude != NULL ? city : NULL);
		m->asn_set = new_results(m->exclude == NULL ? NULL : asn != NULL ? asn : city);
		geo_cursor_first(&m->city, city, family);
		/* AS numbers that nobody asks for need not split networks */
		asked = m->has_asn_rules ||
		    (m->exclude != NULL && geo_exclude_has_asns(m->exclude));
		geo_cursor_first(&m->asn, asked ? asn : NULL, family);
	}
	if (m == NULL || m->city_result == NULL || m->asn_result == NULL ||
	    m->city_set == NULL || m->asn_set == NULL || add_fixed(m, all_v4) < 0 ||
	    add_barred(m) < 0) {
		err_set(err, "no memory to merge databases and rules");
		geo_merge_free(m);
		return NULL;
	}
	return m;
}

struct geo_merge *
geo_merge_new(struct geo_rank *rank, struct geo_exclude *exclude, uint8_t family,
    const struct geo_db *city, const struct geo_db *asn, uint16_t all_v4, struct err *err)
{
	return new_merge(rank, exclude, NULL, family, city, asn, all_v4, err);
}

struct geo_merge *
geo_merge_orders(struct geo_order *order, uint8_t family, const struct geo_db *city,
    uint16_t all_v4, struct err *err)
{
	return new_merge(NULL, NULL, order, family, city, NULL, all_v4, err);
}

void
geo_merge_free(struct geo_merge *m)
{
	if (m == NULL)
		return;
	geo_flat_free(&m->fixed);
	geo_flat_free(&m->barred);
	free(m->city_result);
	free(m->asn_result);
	free(m->city_set);
	free(m->asn_set);
	free(m);
}

int
geo_merge_failed(const struct geo_merge *m, struct err *err)
{
	if (m->too_many_sets)
		return geo_exclude_too_many(m->exclude, err);
	if (!m->failed)
		return 0;
	return err_set(err, "the places of the database give more than %d different site lists: "
	    "lower geo.sites-per-answer", GEO_RANK_MAX_RESULTS);
}

double
geo_merge_located(const struct geo_merge *m)
{
	return m->located;
}
