#include "dnsd/geo/geo_merge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NOT_YET UINT32_MAX

/* IPv4-mapped (RFC 4291 2.5.5.2), NAT64 (RFC 6052 2.1), Teredo (RFC 4380 4), 6to4 (RFC 3056 2). */
const struct geo_fold geo_merge_folds[GEO_FOLDS] = {
	{ 0, UINT64_C(0x0000ffff00000000), 96, 96, false },
	{ UINT64_C(0x0064ff9b00000000), 0, 96, 96, false },
	{ UINT64_C(0x2001000000000000), 0, 32, 96, true },
	{ UINT64_C(0x2002000000000000), 0, 16, 16, false },
};

/* A prefix that has a result whatever the databases say. */
struct entry {
	geo_key start, last;
	uint16_t value;
};

struct geo_merge {
	struct geo_rank *rank;		/* one of the two is NULL */
	struct geo_order *order;
	uint8_t family;
	struct geo_cursor city, asn;
	bool has_asn_rules, asn_of_city;
	struct geo_run *fixed;		/* the entries laid flat; GEO_RANK_NONE between them */
	size_t n_fixed, at_fixed;
	uint32_t *city_result;		/* by record of the city database, NOT_YET */
	uint32_t *asn_result;		/* by record of whichever database has AS numbers */
	double located;
	bool failed;
};

/* ---- prefixes laid flat ---- */

/* By address, shorter prefixes first, folds before rules for the same prefix; else as they came
 * (rules are sorted so that the one that counts is last). */
static void
insert_entry(struct entry *entries, size_t *n, struct entry e)
{
	size_t at = *n;

	while (at > 0 && (entries[at - 1].start > e.start ||
	    (entries[at - 1].start == e.start && entries[at - 1].last < e.last)))
		at--;
	memmove(&entries[at + 1], &entries[at], (*n - at) * sizeof(e));
	entries[at] = e;
	(*n)++;
}

static void
emit(struct geo_merge *m, geo_key last, uint16_t value)
{
	struct geo_run *before = m->n_fixed != 0 ? &m->fixed[m->n_fixed - 1] : NULL;

	if (before != NULL && before->last >= last)
		return;
	if (before != NULL && before->value == value)
		before->last = last;
	else
		m->fixed[m->n_fixed++] = (struct geo_run){ last, value };
}

/* Nested prefixes become neighbouring stretches, the innermost winning. */
static void
lay_flat(struct geo_merge *m, const struct entry *entries, size_t n, const struct entry **open)
{
	size_t n_open = 0;

	for (size_t i = 0; i < n; i++) {
		for (; n_open != 0 && open[n_open - 1]->last < entries[i].start; n_open--)
			emit(m, open[n_open - 1]->last, open[n_open - 1]->value);
		if (entries[i].start != 0)
			emit(m, entries[i].start - 1,
			    n_open != 0 ? open[n_open - 1]->value : GEO_RANK_NONE);
		open[n_open++] = &entries[i];
	}
	for (; n_open != 0; n_open--)
		emit(m, open[n_open - 1]->last, open[n_open - 1]->value);
	emit(m, GEO_KEY_MAX, GEO_RANK_NONE);
	assert(m->n_fixed <= 2 * n + 1);
}

static int
add_fixed(struct geo_merge *m, uint16_t all_v4)
{
	size_t n_rules = 0, n = 0;
	const struct geo_rule *rules = m->rank != NULL ? geo_rank_rules(m->rank, &n_rules) : NULL;
	struct entry *entries = malloc((n_rules + GEO_FOLDS) * sizeof(*entries));
	const struct entry **open = malloc((n_rules + GEO_FOLDS) * sizeof(struct entry *));
	int rc = -1;

	m->fixed = malloc((2 * (n_rules + GEO_FOLDS) + 1) * sizeof(*m->fixed));
	if (entries != NULL && open != NULL && m->fixed != NULL) {
		for (size_t i = 0; m->family == 6 && i < GEO_FOLDS; i++) {
			geo_key start = geo_fold_key(&geo_merge_folds[i]);
			uint16_t value = all_v4 != GEO_RANK_NONE ? all_v4 :
			    (uint16_t)(GEO_FOLD_MARK + i);
			geo_key last = geo_key_last(start, geo_merge_folds[i].len);
			insert_entry(entries, &n, (struct entry){ start, last, value });
		}
		for (size_t i = 0; i < n_rules && rules[i].kind == CONF_RULE_PREFIX; i++) {
			const struct prefix *net = &rules[i].prefix;
			geo_key start = geo_key_of(net->family, net->ip);
			geo_key last = geo_key_last(start, net->len);
			if (net->family == m->family)
				insert_entry(entries, &n, (struct entry){ start, last,
				    rules[i].result });
		}
		lay_flat(m, entries, n, open);
		rc = 0;
	}
	free(entries);
	free(open);
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

	return place != NULL && (place->has_point ||
	    geo_rank_code_rule(m->rank, CONF_RULE_COUNTRY, place->country) != NULL ||
	    geo_rank_code_rule(m->rank, CONF_RULE_CONTINENT, place->continent) != NULL);
}

/* ---- side by side ---- */

static uint16_t
result_here(struct geo_merge *m, bool *located)
{
	uint16_t result = m->fixed[m->at_fixed].value;

	*located = true;
	if (result == GEO_RANK_NONE)
		result = asn_result(m);
	if (result == GEO_RANK_NONE) {
		result = place_result(m);
		*located = m->rank != NULL && is_placed(m);
	}
	return result;
}

void
geo_merge_next(void *arg, struct geo_run *run)
{
	struct geo_merge *m = arg;
	geo_key start = m->city.start > m->asn.start ? m->city.start : m->asn.start;
	geo_key fixed_start = m->at_fixed != 0 ? m->fixed[m->at_fixed - 1].last + 1 : 0;
	bool located;

	start = start > fixed_start ? start : fixed_start;
	run->last = m->city.last < m->asn.last ? m->city.last : m->asn.last;
	if (m->fixed[m->at_fixed].last < run->last)
		run->last = m->fixed[m->at_fixed].last;
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
	if (m->fixed[m->at_fixed].last == run->last)
		m->at_fixed++;
}

static struct geo_merge *
new_merge(struct geo_rank *rank, struct geo_order *order, uint8_t family,
    const struct geo_db *city, const struct geo_db *asn, uint16_t all_v4, struct err *err)
{
	struct geo_merge *m = calloc(1, sizeof(*m));

	if (m != NULL) {
		m->rank = rank;
		m->order = order;
		m->family = family;
		m->has_asn_rules = rank != NULL && geo_rank_has_asn_rules(rank);
		m->asn_of_city = asn == NULL;
		m->city_result = new_results(city);
		m->asn_result = new_results(asn != NULL ? asn : city);
		geo_cursor_first(&m->city, city, family);
		/* AS numbers that no rule asks for need not split networks */
		geo_cursor_first(&m->asn, m->has_asn_rules ? asn : NULL, family);
	}
	if (m == NULL || m->city_result == NULL || m->asn_result == NULL ||
	    add_fixed(m, all_v4) < 0) {
		err_set(err, "no memory to merge databases and rules");
		geo_merge_free(m);
		return NULL;
	}
	return m;
}

struct geo_merge *
geo_merge_new(struct geo_rank *rank, uint8_t family,
    const struct geo_db *city, const struct geo_db *asn, uint16_t all_v4, struct err *err)
{
	return new_merge(rank, NULL, family, city, asn, all_v4, err);
}

struct geo_merge *
geo_merge_orders(struct geo_order *order, uint8_t family, const struct geo_db *city,
    uint16_t all_v4, struct err *err)
{
	return new_merge(NULL, order, family, city, NULL, all_v4, err);
}

void
geo_merge_free(struct geo_merge *m)
{
	if (m == NULL)
		return;
	free(m->fixed);
	free(m->city_result);
	free(m->asn_result);
	free(m);
}

int
geo_merge_failed(const struct geo_merge *m, struct err *err)
{
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
