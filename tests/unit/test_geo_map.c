/* Maps against a naive reading of the same tables: results, scopes, folding, ranking. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "ctl/geo_look.h"
#include "dnsd/geo/geo_map.h"
#include "tests/lib/mmdb_make.h"

#define MAX_NETS 64
#define MAX_SITES 8

struct net {
	struct prefix prefix;
	const char *country, *continent;
	double latitude, longitude;
	uint32_t asn;
};

/* The last, IPv4's own place in a database, is nothing to IPv6 clients. */
static const char *const folded[5] = { "::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32",
    "::/96" };

/* A small world: sites, rules and databases, all the test's own. */
struct world {
	struct conf conf;
	struct conf_site sites[MAX_SITES];
	struct conf_rule rules[MAX_NETS];
	uint16_t all[MAX_SITES];
	struct geo_db *city, *asn;
	struct geo_map *map;
};

static void
add_site(struct world *w, const char *name, double latitude, double longitude)
{
	struct conf_site *s = &w->sites[w->conf.n_sites];

	s->name = (char *)(uintptr_t)name;
	s->located = !isnan(latitude);
	s->latitude = latitude;
	s->longitude = longitude;
	w->all[w->conf.n_sites] = (uint16_t)w->conf.n_sites;
	w->conf.n_sites++;
}

static struct conf_rule *
add_rule(struct world *w, enum conf_rule_kind kind, uint16_t *sites, size_t n)
{
	struct conf_rule *r = &w->rules[w->conf.geo.n_rules++];

	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->sites = sites;
	r->n_sites = n;
	return r;
}

static void
begin(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->conf.sites = w->sites;
	w->conf.geo.rules = w->rules;
	w->conf.geo.sites_per_answer = 3;
}

static struct prefix
prefix_of(const char *text)
{
	struct prefix p;
	struct err err;

	if (prefix_parse(&p, text, &err) < 0)
		fail_msg("%s", err.text);
	return p;
}

static int
by_length(const void *a, const void *b)
{
	const struct net *x = a, *y = b;
	int lx = x->prefix.len + (x->prefix.family == 4 ? 96 : 0),
	    ly = y->prefix.len + (y->prefix.family == 4 ? 96 : 0);

	return lx - ly;
}

static struct geo_db *
database(const struct net *nets, size_t n, bool asn)
{
	struct net sorted[MAX_NETS];
	struct mmdb_make make;
	struct geo_db *db;
	struct err err;
	char path[] = "/tmp/test_geo_map.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	memcpy(sorted, nets, n * sizeof(*nets));
	qsort(sorted, n, sizeof(*sorted), by_length);
	mmdb_make_init(&make, 6, 24);
	for (size_t i = 0; i < n; i++)
		mmdb_make_add(&make, &sorted[i].prefix, asn ? mmdb_make_asn(&make, sorted[i].asn) :
		    mmdb_make_city(&make, sorted[i].country, sorted[i].continent,
		    sorted[i].latitude, sorted[i].longitude));
	mmdb_make_write(&make, path, asn ? "GeoLite2-ASN" : "GeoLite2-City");
	db = geo_db_open(path, &err);
	unlink(path);
	if (db == NULL)
		fail_msg("%s", err.text);
	return db;
}

static void
build(struct world *w)
{
	struct err err;

	w->map = geo_map_build(&w->conf, w->all, w->conf.n_sites, w->city, w->asn, &err);
	if (w->map == NULL)
		fail_msg("%s", err.text);
}

static void
end(struct world *w)
{
	geo_map_free(w->map);
	geo_db_close(w->city);
	geo_db_close(w->asn);
}

static struct geo_leaf
find(const struct world *w, const char *address)
{
	struct prefix p = prefix_of(address);

	return geo_map_find(w->map, p.family, p.ip);
}

/* "fra ams": the names of a result's sites. */
static const char *
sites_text(const struct world *w, uint16_t result, char text[128])
{
	const uint16_t *list;
	size_t n = geo_map_result(w->map, result, &list);

	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		strcat(text, i != 0 ? " " : "");
		strcat(text, w->sites[list[i]].name);
	}
	return text;
}

/* ---- by rows ---- */

struct row {
	const char *sentence, *address, *sites;
	unsigned depth;
};

static void
check_rows(const struct world *w, const struct row *rows, size_t n)
{
	char text[128];

	for (size_t i = 0; i < n; i++) {
		struct geo_leaf leaf = find(w, rows[i].address);
		if (strcmp(sites_text(w, leaf.result, text), rows[i].sites) != 0 ||
		    leaf.depth != rows[i].depth)
			fail_msg("%s: %s gives \"%s\" /%u, expected \"%s\" /%u", rows[i].sentence,
			    rows[i].address, text, leaf.depth, rows[i].sites, rows[i].depth);
	}
}

static void
nested_overrides(void **state)
{
	static const struct row rows[] = {
		{ "inside 10/8, beside 10.1/16", "10.2.3.0", "fra", 15 },
		{ "inside 10.1/16", "10.1.2.3", "nyc", 16 },
		{ "the /16 that is 10.1's sibling", "10.0.255.255", "fra", 16 },
		{ "beside 10/8, by distance from here", "11.0.0.1", "fra nyc", 8 },
		{ "the other half of the world", "200.0.0.1", "fra nyc", 1 },
		{ "IPv4-mapped", "::ffff:10.2.3.0", "fra", 111 },
		{ "6to4", "2002:0a02:0300::1", "fra", 31 },
		{ "Teredo, inverted", "2001:0:4136:e378:8000:63bf:f5fd:fcff", "fra", 111 },
		{ "NAT64", "64:ff9b::10.1.2.3", "nyc", 112 },
		{ "beside the mapped range", "::fffe:0:0", "fra nyc", 96 },
		{ "beside 6to4", "2003::1", "fra nyc", 16 },
		{ "beside Teredo", "2001:1::1", "fra nyc", 32 },
	};
	struct world w;

	(void)state;
	begin(&w);
	add_site(&w, "fra", 50.11, 8.68);
	add_site(&w, "nyc", 40.71, -74.01);
	add_rule(&w, CONF_RULE_PREFIX, (uint16_t[]){ 0 }, 1)->prefix = prefix_of("10.0.0.0/8");
	add_rule(&w, CONF_RULE_PREFIX, (uint16_t[]){ 1 }, 1)->prefix = prefix_of("10.1.0.0/16");
	build(&w);
	check_rows(&w, rows, sizeof(rows) / sizeof(rows[0]));
	end(&w);
}

static void
nothing_known(void **state)
{
	static const struct row rows[] = {
		{ "all of IPv4 is one answer", "1.2.3.4", "nyc fra", 0 },
		{ "and so is all of IPv6, folded or not", "2002::1", "nyc fra", 0 },
		{ "", "2001:db8::1", "nyc fra", 0 },
	};
	struct world w;

	(void)state;
	begin(&w);
	add_site(&w, "fra", 50.11, 8.68);
	add_site(&w, "nyc", 40.71, -74.01);
	w.conf.here_site = 1;
	build(&w);
	check_rows(&w, rows, sizeof(rows) / sizeof(rows[0]));
	end(&w);
}

static void
strength_of_rules(void **state)
{
	static const struct net nets[] = {
		{ { 4, 8, { 20 } }, "DE", "EU", 52.5, 13.4, 64500 },
		{ { 4, 8, { 21 } }, "DE", "EU", 52.5, 13.4, 64501 },
		{ { 4, 8, { 22 } }, "FR", "EU", 48.8, 2.3, 64501 },
		{ { 4, 8, { 23 } }, "BR", "SA", -23.5, -46.6, 64501 },
		{ { 4, 8, { 24 } }, "BR", "", -23.5, -46.6, 64501 },
	};
	static const struct row rows[] = {
		{ "a prefix is stronger than an AS number", "20.1.0.1", "sin", 16 },
		{ "an AS number is stronger than a country", "20.2.0.1", "gru", 15 },
		{ "a country is stronger than a continent", "21.0.0.1", "nyc fra", 8 },
		{ "a continent is stronger than distance", "22.0.0.1", "fra sin", 8 },
		{ "a continent rule for sites of no pool does not count", "23.0.0.1", "gru nyc fra",
		    8 },
		{ "the continent follows from the country", "24.0.0.1", "gru nyc fra", 8 },
		{ "a rule inside 6to4 is stronger than folding", "2002:1600::1", "nyc", 24 },
		{ "beside it, folding", "2002:1500::1", "nyc fra", 24 },
	};
	struct world w;

	(void)state;
	begin(&w);
	add_site(&w, "fra", 50.11, 8.68);
	add_site(&w, "nyc", 40.71, -74.01);
	add_site(&w, "sin", 1.35, 103.82);
	add_site(&w, "gru", -23.55, -46.63);
	add_site(&w, "elsewhere", 0, 0);
	w.conf.n_sites = 4;		/* elsewhere has no server of this pool */
	memcpy(add_rule(&w, CONF_RULE_CONTINENT, (uint16_t[]){ 0, 2, 4 }, 3)->code, "EU", 3);
	memcpy(add_rule(&w, CONF_RULE_CONTINENT, (uint16_t[]){ 4 }, 1)->code, "SA", 3);
	memcpy(add_rule(&w, CONF_RULE_COUNTRY, (uint16_t[]){ 1, 0 }, 2)->code, "DE", 3);
	add_rule(&w, CONF_RULE_ASN, (uint16_t[]){ 3 }, 1)->asn = 64500;
	add_rule(&w, CONF_RULE_PREFIX, (uint16_t[]){ 2 }, 1)->prefix = prefix_of("20.1.0.0/16");
	add_rule(&w, CONF_RULE_PREFIX, (uint16_t[]){ 1 }, 1)->prefix = prefix_of("2002:1600::/24");
	w.city = database(nets, 5, false);
	w.asn = database(nets, 5, true);
	build(&w);
	check_rows(&w, rows, sizeof(rows) / sizeof(rows[0]));
	end(&w);
}

static void
great_circles(void **state)
{
	static const struct net nets[] = {
		{ { 4, 8, { 30 } }, "NO", "EU", 69.65, 18.96, 0 },
		{ { 4, 8, { 31 } }, "WS", "OC", -13.83, -171.77, 0 },
		{ { 4, 8, { 32 } }, "FJ", "OC", -18.14, 178.44, 0 },
		{ { 4, 8, { 33 } }, "", "", 90, 0, 0 },
		{ { 4, 8, { 34 } }, "", "", -90, 123, 0 },
		{ { 4, 8, { 35 } }, "", "", 0, 180, 0 },
		{ { 4, 8, { 36 } }, "", "", 0, -180, 0 },
		{ { 4, 8, { 37 } }, "", "", 90.5, 0, 0 },
		{ { 4, 8, { 38 } }, "", "", (double)NAN, 0, 0 },
		{ { 4, 8, { 39 } }, "AQ", "AN", 2000, 0, 0 },
	};
	static const struct row rows[] = {
		{ "Tromso: Reykjavik 1844 km, Rome 3108 km", "30.0.0.1", "rkv fco dfw", 8 },
		{ "Apia: Suva 1151 km, Dallas 9484 km", "31.0.0.1", "suv dfw rkv", 8 },
		{ "Suva itself, the other side of the antimeridian", "32.0.0.1", "suv dfw rkv", 7 },
		{ "north pole", "33.0.0.1", "rkv fco dfw", 8 },
		{ "south pole", "34.0.0.1", "suv dfw fco", 8 },
		{ "the antimeridian from the east and from the west", "35.0.0.1", "suv dfw rkv",
		    8 },
		{ "", "36.0.0.1", "suv dfw rkv", 8 },
		{ "a latitude out of range is no place: here first", "37.0.0.1", "dfw rkv fco", 8 },
		{ "NaN is no place", "38.0.0.1", "dfw rkv fco", 8 },
		{ "no location: the country's point", "39.0.0.1", "suv dfw fco", 8 },
	};
	struct world w;

	(void)state;
	begin(&w);
	add_site(&w, "suv", -18.14, 178.44);
	add_site(&w, "fco", 41.9, 12.5);
	add_site(&w, "rkv", 64.15, -21.94);
	add_site(&w, "dfw", 32.78, -96.8);
	w.conf.here_site = 3;
	w.city = database(nets, sizeof(nets) / sizeof(nets[0]), false);
	build(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128];
		assert_string_equal(sites_text(&w, find(&w, rows[i].address).result, text),
		    rows[i].sites);
	}
	end(&w);
}

static void
order_of_equals(void **state)
{
	static const struct net nets[] = {
		{ { 4, 8, { 40 } }, "", "", 90, 0, 0 },	/* as far from all three with a place */
		{ { 4, 8, { 41 } }, "", "", 30, 121, 0 },
	};
	static const struct row rows[] = {
		{ "equal distances keep the order of the file", "40.0.0.1", "c a b", 8 },
		{ "sites without a place come last", "41.0.0.1", "b c a", 8 },
	};
	struct world w;

	(void)state;
	begin(&w);
	add_site(&w, "nowhere", (double)NAN, 0);
	add_site(&w, "c", 30, -120);
	add_site(&w, "a", 30, 1);
	add_site(&w, "b", 30, 121);
	w.city = database(nets, 2, false);
	build(&w);
	check_rows(&w, rows, 2);
	geo_map_free(w.map);
	w.conf.geo.sites_per_answer = 16;
	build(&w);
	check_rows(&w, (struct row[]){ { "all of them", "41.0.0.1", "b c a nowhere", 8 },
	    { "here without a place is first, then the order of the file", "99.0.0.1",
	    "nowhere c a b", 2 } }, 2);
	end(&w);
}

static void
share_that_moved(void **state)
{
	static const struct net before[] = {
		{ { 4, 8, { 40 } }, "", "", 50, 8, 0 }, { { 4, 8, { 41 } }, "", "", 50, 8, 0 },
		{ { 4, 8, { 42 } }, "", "", 50, 8, 0 }, { { 4, 8, { 43 } }, "", "", 41, -74, 0 },
	};
	static const struct net after[] = {
		{ { 4, 8, { 40 } }, "", "", 49, 8, 0 }, { { 4, 8, { 41 } }, "", "", 50, 8, 0 },
		{ { 4, 8, { 42 } }, "", "", 50, 8, 0 }, { { 4, 8, { 43 } }, "", "", 50, 8, 0 },
	};
	struct geo_map *old;
	struct world w;

	(void)state;
	begin(&w);
	add_site(&w, "fra", 50.11, 8.68);
	add_site(&w, "nyc", 40.71, -74.01);
	w.city = database(before, 4, false);
	build(&w);
	old = w.map;
	assert_true(geo_map_moved_percent(old, old) == 0);
	geo_db_close(w.city);
	w.city = database(after, 4, false);
	build(&w);
	assert_float_equal(geo_map_moved_percent(old, w.map), 25.0, 1e-9);
	geo_map_free(old);
	end(&w);
}

/* More lists than an octet counts: nodes with wide values. */
static void
many_lists(void **state)
{
	static char names[30][4];
	struct mmdb_make make;
	struct err err;
	struct world w;
	char path[] = "/tmp/test_geo_map.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	begin(&w);
	w.conf.sites = calloc(30, sizeof(*w.conf.sites));
	w.conf.n_sites = 30;
	uint16_t all[30];
	for (uint16_t i = 0; i < 30; i++) {
		snprintf(names[i], sizeof(names[i]), "s%u", i % 100u);
		w.conf.sites[i] = (struct conf_site){ .name = names[i], .located = true,
		    .latitude = 150.0 / 30 * i - 75, .longitude = i * 137 % 360 - 180.0 };
		all[i] = i;
	}
	mmdb_make_init(&make, 6, 32);
	for (unsigned i = 0; i < 4000; i++) {
		struct prefix net = { 4, 24, { 50, (uint8_t)(i >> 8), (uint8_t)i } };
		mmdb_make_add(&make, &net, mmdb_make_city(&make, "", "", i * 53 % 1780 / 10.0 - 89,
		    i * 97 % 3600 / 10.0 - 180));
	}
	mmdb_make_write(&make, path, "many");
	w.city = geo_db_open(path, &err);
	unlink(path);
	assert_non_null(w.city);
	w.map = geo_map_build(&w.conf, all, 30, w.city, NULL, &err);
	assert_non_null(w.map);
	assert_true(geo_map_results(w.map) > 300);
	for (unsigned i = 0; i < 4000; i++) {
		const uint8_t ip[4] = { 50, (uint8_t)(i >> 8), (uint8_t)i, 1 };
		uint16_t list[CONF_MAX_SITES];
		const uint16_t *got;
		struct geo_look look;
		geo_look(&w.conf, all, 30, w.city, NULL, 4, ip, &look);
		size_t n = geo_look_list(&w.conf, NULL, all, 30, &look, list);
		assert_int_equal(geo_map_result(w.map, geo_map_find(w.map, 4, ip).result, &got), n);
		assert_memory_equal(got, list, n * sizeof(*list));
	}
	free(w.conf.sites);
	end(&w);
}

/* ---- by brute force ---- */

static uint64_t seed = 20260101;

static uint32_t
rnd(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 33) % below);
}

/* A random prefix, near others so that they nest and touch. */
static struct prefix
random_prefix(void)
{
	static const char *const near[] = { "10.0.0.0", "10.1.0.0", "255.255.255.0", "2001:db8::",
	    "2001::", "2002:a01::",
	    "2000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00", "::", "64:ff9b::a00:0",
	    "::ffff:10.0.0.0" };
	struct prefix p = prefix_of(near[rnd(sizeof(near) / sizeof(near[0]))]);
	unsigned bits = p.family == 4 ? 32 : 128;

	p.len = (uint8_t)(rnd(4) == 0 ? rnd(bits + 1) : bits - rnd(bits / 2));
	for (unsigned i = 0; i < 3; i++) {
		unsigned at = rnd(bits);
		if (rnd(2) == 0)
			p.ip[at / 8] ^= (uint8_t)(0x80 >> at % 8);
	}
	addr_mask(p.ip, p.len);
	return p;
}

/* What geo_look says of an address: the long way, no map. */
static size_t
naive(const struct world *w, uint8_t family, geo_key key, uint16_t *list)
{
	struct prefix at;
	struct geo_look look;

	geo_key_prefix(key, family, family == 4 ? 32 : 128, &at);
	geo_look(&w->conf, w->all, w->conf.n_sites, w->city, w->asn, family, at.ip, &look);
	return geo_look_list(&w->conf, NULL, w->all, w->conf.n_sites, &look, list);
}

static bool
same_list(const struct world *w, uint8_t family, geo_key key, const uint16_t *list, size_t n)
{
	uint16_t other[CONF_MAX_SITES];
	size_t m = naive(w, family, key, other);

	return n == m && memcmp(list, other, n * sizeof(*list)) == 0;
}

#define MAX_POINTS 4096

/* Wherever an answer may change: the ends of all prefixes, folded into all ranges that fold. */
struct points {
	geo_key v[MAX_POINTS];
	size_t n;
};

static void
add_point(struct points *p, geo_key key)
{
	assert_true(p->n < MAX_POINTS);
	p->v[p->n++] = key;
}

static void
add_points(struct points *p, uint8_t family, const struct prefix *net)
{
	static const char *const ranges[] = { "::ffff:0:0", "64:ff9b::", "2002::",
	    "2001:0:1234:5678:9abc:def0:0:0" };
	geo_key start = geo_key_of(net->family, net->ip), past = geo_key_last(start, net->len) + 1;

	if (net->family == family) {
		add_point(p, start);
		add_point(p, past);
	}
	for (unsigned i = 0; family == 6 && net->family == 4 && i < 4; i++) {
		struct prefix range = prefix_of(ranges[i]);
		geo_key outer = geo_key_of(6, range.ip);
		uint32_t edge[2] = { (uint32_t)(start >> 96), (uint32_t)(past >> 96) };
		for (unsigned j = 0; j < 2; j++) {
			/* inverted, the last address of a block is its first */
			uint32_t ip = i == 3 ? ~(edge[j] - 1) : edge[j];
			add_point(p, outer | (geo_key)ip << (i == 2 ? 80 : 0));
		}
	}
}

/* True if all of start/len has the list: as everything changes at points only, they are enough. */
static bool
constant(const struct world *w, const struct points *p, uint8_t family, geo_key start, unsigned len,
    const uint16_t *list, size_t n)
{
	geo_key last = geo_key_last(start, len),
	    teredo = (geo_key)UINT64_C(0x2001000012345678) << 64 | UINT64_C(0x9abcdef000000000);

	if (!same_list(w, family, start, list, n))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		geo_key key = p->v[i];
		if (family == 6 && key >> 32 == teredo >> 32 && start >> 96 == teredo >> 96)
			/* any server, any flags: the same */
			key = start >> 32 << 32 | (uint32_t)key;
		if (key > start && key <= last && !same_list(w, family, key, list, n))
			return false;
	}
	return true;
}

static geo_key
cut(geo_key key, unsigned len)
{
	return len == 0 ? 0 : key & ~(GEO_KEY_MAX >> (len - 1) >> 1);
}

/* A rule inside a folded range splits it; there scopes are right but may be longer than need be. */
static bool
split_fold(const struct world *w, uint8_t family, const struct prefix *at)
{
	for (size_t i = 0; family == 6 && i < sizeof(folded) / sizeof(folded[0]); i++) {
		struct prefix range = prefix_of(folded[i]);
		if (!prefix_contains(&range, 6, at->ip))
			continue;
		for (size_t j = 0; j < w->conf.geo.n_rules; j++)
			if (w->rules[j].kind == CONF_RULE_PREFIX &&
			    w->rules[j].prefix.len > range.len &&
			    prefix_contains(&range, w->rules[j].prefix.family,
			    w->rules[j].prefix.ip))
				return true;
	}
	return false;
}

static void
check_address(const struct world *w, const struct points *p, uint8_t family, geo_key key)
{
	struct prefix at;
	const uint16_t *list;
	struct geo_leaf leaf;
	struct geo_why why;
	char text[ADDR_TEXT];
	size_t n;

	if (family == 4)
		key = cut(key, 32);
	geo_key_prefix(key, family, family == 4 ? 32 : 128, &at);
	leaf = geo_map_find(w->map, family, at.ip);
	n = geo_map_result(w->map, leaf.result, &list);
	if (!same_list(w, family, key, list, n))
		fail_msg("%s has another result than by the long way", prefix_text(&at, text));
	geo_map_why(w->map, w->city, w->asn, family, at.ip, &why);
	if (why.result != leaf.result)
		fail_msg("%s has another result than its explanation", prefix_text(&at, text));
	if (!constant(w, p, family, cut(key, leaf.depth), leaf.depth, list, n))
		fail_msg("%s: answers differ within its scope /%u", prefix_text(&at, text),
		    leaf.depth);
	if (leaf.depth > 0 && !split_fold(w, family, &at) &&
	    constant(w, p, family, cut(key, leaf.depth - 1u), leaf.depth - 1u, list, n))
		fail_msg("%s: scope /%u is longer than need be", prefix_text(&at, text),
		    leaf.depth);
}

static void
random_world(struct world *w, struct points *p4, struct points *p6)
{
	static const char *const countries[] = { "DE", "FR", "US", "BR", "" };
	static uint16_t lists[4][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 3, 0, 1 }, { 1, 2, 3 } };
	const struct prefix v4_part = prefix_of("::/96");
	struct net nets[MAX_NETS];
	size_t n = 1 + rnd(12);

	begin(w);
	for (unsigned i = 0; i < 4; i++)
		add_site(w, (const char *[]){ "a", "b", "c", "d" }[i], rnd(180) - 90.0,
		    rnd(360) - 180.0);
	w->conf.here_site = (uint16_t)rnd(4);
	w->conf.geo.sites_per_answer = 1 + rnd(3);
	p4->n = p6->n = 0;
	for (unsigned i = 0; i < 5; i++) {
		struct prefix net = prefix_of(folded[i]);
		add_points(p6, 6, &net);
	}
	for (size_t i = 0; i < n; i++) {
		/* half of the places are shared, so that neighbours merge */
		nets[i] = (struct net){ i == 0 ? prefix_of("20.0.0.0/6") : random_prefix(),
		    countries[rnd(5)], "EU", rnd(2) ? 10.0 * rnd(18) - 90 : 50,
		    rnd(2) ? 10.0 * rnd(36) - 180 : 8, 1 + rnd(3) };
		if (nets[i].prefix.len > 96 && prefix_contains(&v4_part, 6, nets[i].prefix.ip)) {
			/* an IPv4 network in disguise */
			nets[i].prefix.family = 4;
			nets[i].prefix.len = (uint8_t)(nets[i].prefix.len - 96);
			memmove(nets[i].prefix.ip, nets[i].prefix.ip + 12, 4);
			memset(nets[i].prefix.ip + 4, 0, 12);
		}
		add_points(p4, 4, &nets[i].prefix);
		add_points(p6, 6, &nets[i].prefix);
	}
	for (size_t rules = rnd(5); rules > 0; rules--) {
		struct conf_rule *r = add_rule(w, (enum conf_rule_kind)rnd(4), lists[rnd(4)],
		    1 + rnd(3));
		r->prefix = random_prefix();
		r->asn = 1 + rnd(3);
		memcpy(r->code, r->kind == CONF_RULE_CONTINENT ? "EU" : countries[rnd(4)], 3);
		if (r->kind == CONF_RULE_PREFIX) {
			add_points(p4, 4, &r->prefix);
			add_points(p6, 6, &r->prefix);
		}
	}
	w->city = database(nets, n, false);
	w->asn = rnd(2) ? database(nets, n, true) : NULL;
	build(w);
}

static void
brute_force(void **state)
{
	static struct points p4, p6;
	struct world w;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		random_world(&w, &p4, &p6);
		for (size_t i = 0; i < p4.n; i++) {
			check_address(&w, &p4, 4, p4.v[i]);
			check_address(&w, &p4, 4, p4.v[i] - 1);
		}
		for (size_t i = 0; i < p6.n; i++) {
			check_address(&w, &p6, 6, p6.v[i]);
			check_address(&w, &p6, 6, p6.v[i] - 1);
		}
		end(&w);
	}
}

/* ---- batches and walks ---- */

struct walked {
	const struct world *w;
	geo_key next;
	uint8_t family;
	size_t n;
};

static int
check_leaf(void *arg, const struct prefix *net, uint16_t result)
{
	struct walked *x = arg;
	geo_key start = geo_key_of(net->family, net->ip);
	struct geo_leaf leaf = geo_map_find(x->w->map, net->family, net->ip);

	if (net->family != x->family) {
		assert_true(x->next == 0);	/* all of IPv4 was there */
		x->family = net->family;
	}
	assert_true(start >= x->next);		/* IPv6 has gaps where it folds */
	assert_true(net->family == 6 || start == x->next);
	assert_int_equal(leaf.result, result);
	assert_int_equal(leaf.depth, net->len);
	x->next = geo_key_last(start, net->len) + 1;
	x->n++;
	return 0;
}

static void
walks_and_batches(void **state)
{
	static struct points p4, p6;
	struct world w, other;

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		const struct geo_map *map[200];
		struct prefix at[200];
		uint8_t family[200];
		const uint8_t *ip[200];
		struct geo_leaf leaf[200];
		size_t n = rnd(200);
		random_world(&w, &p4, &p6);
		struct walked x = { .w = &w, .family = 4 };
		assert_int_equal(geo_map_walk(w.map, check_leaf, &x), 0);
		assert_true(x.n > 0 && x.family == 6);
		random_world(&other, &p4, &p6);
		for (size_t i = 0; i < n; i++) {
			map[i] = rnd(2) == 0 ? w.map : other.map;
			at[i] = random_prefix();
			family[i] = at[i].family;
			ip[i] = at[i].ip;
		}
		geo_map_find_batch(n, map, family, ip, leaf);
		for (size_t i = 0; i < n; i++) {
			struct geo_leaf one = geo_map_find(map[i], family[i], ip[i]);
			assert_int_equal(one.result, leaf[i].result);
			assert_int_equal(one.depth, leaf[i].depth);
		}
		end(&w);
		end(&other);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nested_overrides),
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(strength_of_rules),
		cmocka_unit_test(great_circles),
		cmocka_unit_test(order_of_equals),
		cmocka_unit_test(share_that_moved),
		cmocka_unit_test(many_lists),
		cmocka_unit_test(brute_force),
		cmocka_unit_test(walks_and_batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
