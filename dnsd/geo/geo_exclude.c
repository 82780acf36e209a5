#include "dnsd/geo/geo_exclude.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/geo/geo_fold.h"

enum { SITE_WORDS = CONF_MAX_SITES / 64 };

/* Who excludes: a site or a server, and whom. */
struct excluder {
	bool is_site;
	uint16_t index;			/* into conf->sites or conf->servers */
	struct conf_code *countries, *continents;
	size_t n_countries, n_continents;
	uint32_t *asns;
	size_t n_asns;
};

struct geo_exclude {
	struct excluder *v;
	size_t n;
	size_t words;			/* of a set: a bit for each of these */
	uint64_t *sets;
	unsigned n_sets;
	uint64_t (*gone)[SITE_WORDS];	/* by set: the sites where it leaves nobody */
	uint16_t *site_of;		/* of the servers, the first of which is first_server */
	size_t first_server, n_servers;
	struct geo_exclude_prefix *prefixes;
	size_t n_prefixes;
	bool has_asns;
	char *where;			/* FILE:LINE of the last `exclude`; NULL = there is none */
};

/* ---- sets ---- */

/* The words of a set, of n_sets + 1: where the next is put together is one, too. */
#define SET(e, i) ((e)->sets + (i) * (e)->words)

static bool
is_in(const struct geo_exclude *e, unsigned set, bool is_site, size_t index)
{
	size_t low = 0, high = set != 0 ? e->n : 0;

	while (low < high) {		/* sites come first, each kind by its index */
		size_t middle = (low + high) / 2;
		const struct excluder *x = &e->v[middle];

		if (x->is_site == is_site ? x->index < index : x->is_site)
			low = middle + 1;
		else
			high = middle;
	}
	return set != 0 && low < e->n && e->v[low].is_site == is_site &&
	    e->v[low].index == index && e->sets[set * e->words + low / 64] >> low % 64 & 1;
}

static void
put_bit(uint64_t *set, size_t i)
{
	set[i / 64] |= UINT64_C(1) << i % 64;
}

/* A site of which every server is excluded is of no more use than one that is excluded itself. */
static void
find_gone(struct geo_exclude *e, unsigned set)
{
	uint64_t there[SITE_WORDS] = { 0 }, left[SITE_WORDS] = { 0 };

	for (size_t i = 0; i < e->n_servers; i++) {
		put_bit(there, e->site_of[i]);
		if (!is_in(e, set, false, e->first_server + i))
			put_bit(left, e->site_of[i]);
	}
	for (size_t w = 0; w < SITE_WORDS; w++)
		e->gone[set][w] = there[w] & ~left[w];
	for (size_t i = 0; i < e->n && e->v[i].is_site; i++)
		if (SET(e, set)[i / 64] >> i % 64 & 1)
			put_bit(e->gone[set], e->v[i].index);
}

/* The number of the set that stands behind the last one, old or new. */
static uint8_t
number_set(struct geo_exclude *e)
{
	const uint64_t *fresh = SET(e, e->n_sets);

	for (unsigned i = 0; i < e->n_sets; i++)
		if (memcmp(SET(e, i), fresh, e->words * sizeof(*fresh)) == 0)
			return (uint8_t)i;
	if (e->n_sets == GEO_EXCLUDE_MAX)
		return GEO_EXCLUDE_NONE;
	find_gone(e, e->n_sets);
	return (uint8_t)e->n_sets++;
}

static uint64_t *
begin_set(struct geo_exclude *e)
{
	return memset(SET(e, e->n_sets), 0, e->words * sizeof(uint64_t));
}

uint8_t
geo_exclude_both(struct geo_exclude *e, uint8_t a, uint8_t b)
{
	uint64_t *both;

	if (a == b || b == 0 || a == GEO_EXCLUDE_NONE)
		return a;
	if (a == 0 || b == GEO_EXCLUDE_NONE)
		return b;
	both = begin_set(e);
	for (size_t w = 0; w < e->words; w++)
		both[w] = SET(e, a)[w] | SET(e, b)[w];
	return number_set(e);
}

static bool
has_code(const struct conf_code *codes, size_t n, const char *code)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(codes[i].text, code) == 0)
			return true;
	return false;
}

uint8_t
geo_exclude_place(struct geo_exclude *e, const struct geo_place *place)
{
	uint64_t *set;

	if (place == NULL || e->n == 0)
		return 0;
	set = begin_set(e);
	for (size_t i = 0; i < e->n; i++)
		if (has_code(e->v[i].countries, e->v[i].n_countries, place->country) ||
		    has_code(e->v[i].continents, e->v[i].n_continents, place->continent))
			put_bit(set, i);
	return number_set(e);
}

uint8_t
geo_exclude_asn(struct geo_exclude *e, uint32_t asn)
{
	uint64_t *set;

	if (asn == 0 || !e->has_asns)
		return 0;
	set = begin_set(e);
	for (size_t i = 0; i < e->n; i++)
		for (size_t k = 0; k < e->v[i].n_asns; k++)
			if (e->v[i].asns[k] == asn)
				put_bit(set, i);
	return number_set(e);
}

/* ---- prefixes ---- */

struct named {
	struct prefix prefix;
	size_t by;			/* index into v */
};

static int
by_prefix(const void *a, const void *b)
{
	const struct prefix *p = &((const struct named *)a)->prefix,
	    *q = &((const struct named *)b)->prefix;
	int c = p->family != q->family ? p->family - q->family :
	    memcmp(p->ip, q->ip, sizeof(p->ip));

	return c != 0 ? c : p->len - q->len;
}

/* Each prefix once, with all that name it. */
static int
number_prefixes(struct geo_exclude *e, struct named *named, size_t n, struct err *err)
{
	qsort(named, n, sizeof(*named), by_prefix);
	for (size_t i = 0, end; i < n; i = end) {
		uint64_t *set = begin_set(e);
		uint8_t is;

		for (end = i; end < n && by_prefix(&named[i], &named[end]) == 0; end++)
			put_bit(set, named[end].by);
		is = number_set(e);
		if (is == GEO_EXCLUDE_NONE)
			return geo_exclude_too_many(e, err);
		e->prefixes[e->n_prefixes++] = (struct geo_exclude_prefix){ named[i].prefix, is };
	}
	return 0;
}

/* ---- the whole ---- */

static void *
copy(const void *v, size_t n, size_t size)
{
	void *p = malloc(n * size + 1);

	if (p != NULL && n != 0)
		memcpy(p, v, n * size);
	return p;
}

static int
add_excluder(struct geo_exclude *e, const struct conf_exclude *from, bool is_site, size_t index)
{
	struct excluder *x;

	if (from->line == 0)
		return 0;
	x = &e->v[e->n++];
	*x = (struct excluder){ .is_site = is_site, .index = (uint16_t)index,
	    .n_countries = from->countries.n, .n_continents = from->continents.n,
	    .n_asns = from->asns.n };
	x->countries = copy(from->countries.v, from->countries.n, sizeof(*x->countries));
	x->continents = copy(from->continents.v, from->continents.n, sizeof(*x->continents));
	x->asns = copy(from->asns.v, from->asns.n, sizeof(*x->asns));
	e->has_asns |= x->n_asns != 0;
	return x->countries != NULL && x->continents != NULL && x->asns != NULL ? 0 : -1;
}

static const struct conf_exclude *
exclude_of(const struct conf *conf, const struct excluder *x)
{
	return x->is_site ? &conf->sites[x->index].exclude : &conf->servers[x->index].exclude;
}

/* Inside a range of addresses that hold IPv4 ones nobody asks for it. */
static int
check_prefix(const struct conf *conf, const struct conf_exclude *from, const struct prefix *p,
    struct err *err)
{
	char text[ADDR_TEXT], where[CONF_WHERE];

	if (p->family != 6 || !geo_fold_holds(p))
		return 0;
	return err_set(err, "%s: exclude: prefix \"%s\": addresses in it are judged by the IPv4 "
	    "address that they hold, a prefix of that was expected",
	    conf_where(conf, from->line, where), prefix_text(p, text));
}

static int
add_prefixes(struct geo_exclude *e, const struct conf *conf, struct err *err)
{
	struct named *named;
	size_t n = 0, k = 0;
	int rc = 0;

	for (size_t i = 0; i < e->n; i++)
		n += exclude_of(conf, &e->v[i])->prefixes.n;
	e->prefixes = calloc(n + 1, sizeof(*e->prefixes));
	named = calloc(n + 1, sizeof(*named));
	if (e->prefixes == NULL || named == NULL)
		rc = err_set(err, "no memory for %zu prefixes", n);
	for (size_t i = 0; i < e->n && rc == 0; i++) {
		const struct conf_exclude *from = exclude_of(conf, &e->v[i]);

		for (size_t p = 0; p < from->prefixes.n && rc == 0; p++) {
			rc = check_prefix(conf, from, &from->prefixes.v[p], err);
			named[k++] = (struct named){ from->prefixes.v[p], i };
		}
	}
	if (rc == 0)
		rc = number_prefixes(e, named, n, err);
	free(named);
	return rc;
}

/* For sets, once it is known who excludes. */
static int
size_sets(struct geo_exclude *e, const struct conf *conf, size_t first_server, size_t n_servers)
{
	e->words = e->n / 64 + 1;
	/* the last is where a set is put together */
	e->sets = calloc((GEO_EXCLUDE_MAX + 1) * e->words, sizeof(*e->sets));
	e->n_sets = 1;
	e->gone = calloc(GEO_EXCLUDE_MAX, sizeof(*e->gone));
	e->site_of = calloc(n_servers + 1, sizeof(*e->site_of));
	if (e->sets == NULL || e->gone == NULL || e->site_of == NULL)
		return -1;
	e->first_server = first_server;
	e->n_servers = n_servers;
	for (size_t i = 0; i < n_servers; i++)
		e->site_of[i] = conf->servers[first_server + i].site;
	return 0;
}

/* Each alone is right: the last is where there were too many. */
static int
keep_where(struct geo_exclude *e, const struct conf *conf)
{
	char where[CONF_WHERE];

	if (e->n == 0)
		return 0;
	e->where = strdup(conf_where(conf, exclude_of(conf, &e->v[e->n - 1])->line, where));
	return e->where != NULL ? 0 : -1;
}

int
geo_exclude_too_many(const struct geo_exclude *e, struct err *err)
{
	return err_set(err, "%s: `exclude`: with this one there are more than %d different "
	    "combinations of who is excluded", e->where != NULL ? e->where : "",
	    GEO_EXCLUDE_MAX - 1);
}

struct geo_exclude *
geo_exclude_new(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    size_t first_server, size_t n_servers, struct err *err)
{
	struct geo_exclude *e = calloc(1, sizeof(*e));
	bool ok = e != NULL && (e->v = calloc(n_sites + n_servers + 1, sizeof(*e->v))) != NULL;

	for (size_t i = 0; ok && i < n_sites; i++)
		ok = add_excluder(e, &conf->sites[sites[i]].exclude, true, sites[i]) == 0;
	for (size_t i = first_server; ok && i < first_server + n_servers; i++)
		ok = add_excluder(e, &conf->servers[i].exclude, false, i) == 0;
	if (ok)
		ok = size_sets(e, conf, first_server, n_servers) == 0 &&
		    keep_where(e, conf) == 0;
	if (!ok)
		err_set(err, "no memory for exclusions");
	if (!ok || add_prefixes(e, conf, err) < 0) {
		geo_exclude_free(e);
		return NULL;
	}
	return e;
}

void
geo_exclude_free(struct geo_exclude *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].countries);
		free(e->v[i].continents);
		free(e->v[i].asns);
	}
	free(e->v);
	free(e->sets);
	free(e->gone);
	free(e->site_of);
	free(e->prefixes);
	free(e->where);
	free(e);
}

bool
geo_exclude_is_empty(const struct geo_exclude *e)
{
	return e->n == 0;
}

bool
geo_exclude_has_asns(const struct geo_exclude *e)
{
	return e->has_asns;
}

const struct geo_exclude_prefix *
geo_exclude_prefixes(const struct geo_exclude *e, size_t *n)
{
	*n = e->n_prefixes;
	return e->prefixes;
}

unsigned
geo_exclude_sets(const struct geo_exclude *e)
{
	return e->n_sets;
}

bool
geo_exclude_site(const struct geo_exclude *e, uint8_t set, uint16_t site)
{
	return is_in(e, set, true, site);
}

bool
geo_exclude_server(const struct geo_exclude *e, uint8_t set, size_t server)
{
	return is_in(e, set, false, server);
}

bool
geo_exclude_all_at(const struct geo_exclude *e, uint8_t set, uint16_t site)
{
	assert(site < CONF_MAX_SITES);
	return set != 0 && e->gone[set][site / 64] >> site % 64 & 1;
}
