/* choose: against brute force over all mirrors, shares, deaths, borders, rules, what bars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"
#include "redirectd/choose.h"
#include "tests/lib/random.h"

enum { MANY = 100, CLIENTS = 20000 };

struct fixture {
	struct conf *conf;
	struct choose *choose;
	struct choose_room room;
	uint8_t health[512];
	bool lacks[512];		/* the file */
	unsigned asked;			/* how often somebody asked who holds it */
	struct redirect_choice choice;
};

static bool
holds(void *arg, uint16_t mirror, uint32_t file)
{
	struct fixture *f = arg;

	assert_int_equal(file, 7);
	f->asked++;
	return !f->lacks[mirror];
}

static struct fixture *
with(const char *text)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = { .text = "" };

	f->conf = conf_parse("/x/nearcast.conf", text, strlen(text), NULL, NULL, NULL, &err);
	if (f->conf == NULL)
		fail_msg("%s", err.text);
	f->choose = choose_new(f->conf, &err);
	assert_non_null(f->choose);
	assert_int_equal(choose_room_fit(&f->room, f->choose), 0);
	f->choice.conf = f->conf;
	f->choice.redirect = &f->conf->redirect;
	f->choice.file = (struct choice_file){ .path = "/f", .path_len = 2, .known = true, .id = 7,
	    .size = 1 << 20 };
	assert_int_equal(addr_parse(&f->choice.client.address, "192.0.2.1", NULL), 0);
	return f;
}

static void
done(struct fixture *f)
{
	choose_room_free(&f->room);
	choose_free(f->choose);
	conf_free(f->conf);
	free(f);
}

static void
at(struct fixture *f, double latitude, double longitude)
{
	f->choice.client.known = CHOICE_BY_DATABASE;
	f->choice.client.latitude = latitude;
	f->choice.client.longitude = longitude;
}

static void
from(struct fixture *f, uint32_t ip)
{
	struct addr *a = &f->choice.client.address;

	*a = (struct addr){ .family = 4 };
	for (int i = 0; i < 4; i++)
		a->ip[i] = (uint8_t)(ip >> (24 - 8 * i));
}

/* The name of the first mirror, "" for none. */
static const char *
first(struct fixture *f, size_t enough)
{
	struct choose_facts facts = { f->health, holds, f };

	choose_mirrors(f->choose, &facts, choose_key(f->choose, &f->choice.client.address), enough,
	    &f->room, &f->choice);
	return f->choice.n_taken != 0 ? f->choice.mirrors[0].mirror->name : "";
}

/* Why a mirror stands where it does, in the whole list. */
static enum choice_why
why(struct fixture *f, const char *name)
{
	first(f, 0);
	assert_int_equal(f->choice.n, f->conf->n_mirrors);
	for (size_t i = 0; i < f->choice.n; i++) {
		const struct choice_mirror *m = &f->choice.mirrors[i];

		assert_int_equal(m->taken, i < f->choice.n_taken);
		assert_int_equal(m->taken, m->why < CHOICE_NO_FILE);
		if (strcmp(m->mirror->name, name) == 0)
			return m->why;
	}
	fail_msg("no mirror %s", name);
	return CHOICE_REASONS;
}

/* Another way than the one under test: the angle by the haversine. */
static double
haversine_km(double lat1, double lon1, double lat2, double lon2)
{
	double r = M_PI / 180, a = sin((lat2 - lat1) * r / 2), b = sin((lon2 - lon1) * r / 2);
	double h = a * a + cos(lat1 * r) * cos(lat2 * r) * b * b;

	return 2 * 6371.0088 * asin(sqrt(h < 1 ? h : 1));
}

static double
random_real(uint64_t *seed, double low, double high)
{
	return low + (high - low) * (double)(random_next(seed) >> 11) / 9007199254740992.0;
}

static struct fixture *
many(uint64_t *seed)
{
	char *text = malloc(MANY * 200 + 100);
	size_t used = (size_t)sprintf(text, "redirect { }\n");
	struct fixture *f;

	for (int i = 0; i < MANY; i++)
		used += (size_t)sprintf(text + used, "mirror \"m%d\" {\n\turl = \"http://m%d/\"\n"
		    "\tlocation = { %.4f, %.4f }\n\tweight = %d\n}\n", i, i,
		    random_real(seed, -90, 90), random_real(seed, -180, 180),
		    1 + (int)(random_next(seed) % 300));
	f = with(text);
	free(text);
	return f;
}

static double
distance(const struct fixture *f, size_t i)
{
	const struct conf_mirror *m = &f->conf->mirrors[i];

	return haversine_km(f->choice.client.latitude, f->choice.client.longitude, m->latitude,
	    m->longitude);
}

/* The nearest that has the file and answers. */
static double
nearest_km(const struct fixture *f)
{
	double best = INFINITY;

	for (size_t i = 0; i < MANY; i++)
		if (!f->lacks[i] && f->health[i] == CHOOSE_FINE && distance(f, i) < best)
			best = distance(f, i);
	return best;
}

/* 20,000 clients anywhere, each with a file that others have: nobody is sent outside of the near
 * set, nobody to a mirror without the file, and what follows is by distance. */
static void
twenty_thousand_clients(void **state)
{
	uint64_t seed = 1;
	struct fixture *f = many(&seed);

	(void)state;
	for (int c = 0; c < CLIENTS; c++) {
		double limit, last = 0;

		for (size_t i = 0; i < MANY; i++) {
			f->lacks[i] = random_next(&seed) % 3 == 0;
			f->health[i] = random_next(&seed) % 10 == 0 ? CHOOSE_DOWN : CHOOSE_FINE;
		}
		from(f, (uint32_t)random_next(&seed));
		at(f, random_real(&seed, -90, 90), random_real(&seed, -180, 180));
		first(f, 5);
		assert_int_equal(f->choice.n_taken, 5);
		limit = nearest_km(f) * 1.3 + 100 + 0.001;
		for (size_t i = 0; i < 5; i++) {
			const struct choice_mirror *m = &f->choice.mirrors[i];
			double km = distance(f, m->index);

			assert_false(f->lacks[m->index]);
			assert_int_equal(f->health[m->index], CHOOSE_FINE);
			assert_true(fabs(m->km - km) < 0.01);
			if (m->priority == 1) {
				assert_int_equal(m->why, CHOICE_NEAR);
				assert_true(km <= limit);
				continue;
			}
			assert_int_equal(m->why, CHOICE_FAR);
			assert_true(km >= last - 0.001);
			last = km;
		}
		assert_int_equal(f->choice.mirrors[0].priority, 1);
	}
	done(f);
}

/* Files are asked for only until enough are found. */
static void
lazily(void **state)
{
	uint64_t seed = 5;
	struct fixture *f = many(&seed);

	(void)state;
	at(f, 50, 8);
	first(f, 5);
	assert_true(f->asked <= 12);
	done(f);
}

static const char three[] = "redirect { }\n"
    "mirror \"a\" {\n url = \"http://a/\"\n location = { 50, 8 }\n weight = 200\n}\n"
    "mirror \"b\" {\n url = \"http://b/\"\n location = { 50.1, 8 }\n weight = 100\n}\n"
    "mirror \"c\" {\n url = \"http://c/\"\n location = { 50, 8.1 }\n weight = 50\n}\n"
    "mirror \"far\" {\n url = \"http://far/\"\n location = { -33, 151 }\n}\n";

/* Over 65,536 /24s shares are within 2 % of the weights. */
static void
shares_follow_weights(void **state)
{
	static const double want[] = { 200 / 350.0, 100 / 350.0, 50 / 350.0, 0 };
	struct fixture *f = with(three);
	unsigned n[4] = { 0 };

	(void)state;
	at(f, 50, 8);
	for (uint32_t i = 0; i < 65536; i++) {
		from(f, 0x0a000000 + (i << 8) + i % 256);
		first(f, 1);
		n[f->choice.mirrors[0].index]++;
	}
	for (size_t i = 0; i < 4; i++)
		if (fabs(n[i] / 65536.0 - want[i]) > 0.02 * want[i] + 1e-9)
			fail_msg("mirror %zu has %.4f, %.4f was expected", i, n[i] / 65536.0,
			    want[i]);
	done(f);
}

/* One /24, and one /48, is sent to one mirror. */
static void
neighbours_stay_together(void **state)
{
	struct fixture *f = with(three);
	const char *name;

	(void)state;
	at(f, 50, 8);
	for (uint32_t i = 0; i < 100; i++) {
		from(f, 0x0a000000 + (i << 8));
		name = first(f, 1);
		from(f, 0x0a0000ff + (i << 8));
		assert_string_equal(first(f, 1), name);
	}
	addr_parse(&f->choice.client.address, "2001:db8:5::1", NULL);
	name = first(f, 1);
	addr_parse(&f->choice.client.address, "2001:db8:5:ffff::9", NULL);
	assert_string_equal(first(f, 1), name);
	done(f);
}

/* A mirror's death moves its own clients and nobody else's, and its return brings them back. */
static void
a_death_moves_its_own(void **state)
{
	uint64_t seed = 3;
	struct fixture *f = many(&seed);
	unsigned moved = 0;

	(void)state;
	for (int c = 0; c < CLIENTS / 4; c++) {
		uint16_t before, dead;

		memset(f->health, 0, sizeof(f->health));
		from(f, (uint32_t)random_next(&seed));
		at(f, random_real(&seed, -90, 90), random_real(&seed, -180, 180));
		first(f, 1);
		before = f->choice.mirrors[0].index;
		/* the one that has this client, then others near it: the next in the list */
		first(f, 8);
		for (size_t k = 0; k < 8; k++) {
			memset(f->health, 0, sizeof(f->health));
			first(f, 8);
			dead = f->choice.mirrors[k].index;
			f->health[dead] = k % 2 != 0 ? CHOOSE_DOWN : CHOOSE_INCOMPLETE;
			first(f, 1);
			if (dead == before) {
				assert_int_not_equal(f->choice.mirrors[0].index, dead);
				moved++;
			} else {
				assert_int_equal(f->choice.mirrors[0].index, before);
			}
		}
	}
	assert_int_equal(moved, CLIENTS / 4);
	done(f);
}

/* Over the date line, at the poles, at the border of the near set. */
static void
borders(void **state)
{
	struct fixture *f = with("redirect { }\n"
	    "mirror \"east\" {\n url = \"http://e/\"\n location = { 0, 179.5 }\n}\n"
	    "mirror \"west\" {\n url = \"http://w/\"\n location = { 0, 170 }\n}\n"
	    "mirror \"north\" {\n url = \"http://n/\"\n location = { 90, 0 }\n}\n");
	struct fixture *g = with("redirect { }\n"
	    "mirror \"at\" {\n url = \"http://a/\"\n location = { 0, 0 }\n}\n"
	    "mirror \"in\" {\n url = \"http://i/\"\n location = { 0, 0.8993 }\n}\n"
	    "mirror \"out\" {\n url = \"http://o/\"\n location = { 0, 0.8994 }\n}\n");

	(void)state;
	at(f, 0, -179.9);
	assert_string_equal(first(f, 1), "east");
	at(f, 89, 77);
	assert_string_equal(first(f, 1), "north");
	at(f, 90, 180);
	assert_string_equal(first(f, 1), "north");
	assert_true(f->choice.mirrors[0].km < 0.001);
	at(f, -90, 0);
	first(f, 3);
	assert_int_equal(f->choice.n_taken, 3);
	/* 100 km are 0.89932 degrees */
	at(g, 0, 0);
	assert_int_equal(why(g, "in"), CHOICE_NEAR);
	assert_int_equal(why(g, "out"), CHOICE_FAR);
	done(f);
	done(g);
}

/* A near set that is the whole world has no mirror of which nobody knows where it lies. */
static void
around_the_world(void **state)
{
	struct fixture *f = with("redirect {\n near-factor = 3\n}\n"
	    "mirror \"placed\" {\n url = \"http://p/\"\n location = { 0, 0 }\n}\n"
	    "mirror \"nowhere\" {\n url = \"http://n/\"\n}\n");

	(void)state;
	/* chords in millimetres, odd ones and even ones */
	for (int i = 0; i < 100; i++) {
		at(f, 0, 90 + i / 7.0);
		assert_int_equal(why(f, "placed"), CHOICE_NEAR);
		assert_int_equal(why(f, "nowhere"), CHOICE_ANY);
		first(f, 0);
		assert_int_equal(f->choice.n_taken, 2);
		assert_int_equal(f->choice.mirrors[1].priority, 2);
	}
	done(f);
}

/* Where nobody knows the client's place, weights share out all mirrors. */
static void
no_place(void **state)
{
	struct fixture *f = with(three);
	bool seen[4] = { false };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		from(f, 0x0a000000 + (i << 8));
		first(f, 1);
		assert_int_equal(f->choice.mirrors[0].why, CHOICE_ANY);
		assert_true(f->choice.mirrors[0].km < 0);
		seen[f->choice.mirrors[0].index] = true;
	}
	assert_true(seen[0] && seen[1] && seen[2] && seen[3]);
	done(f);
}

static const char classes[] = "redirect { }\n"
    "mirror \"net\" {\n url = \"http://net/\"\n location = { -40, 170 }\n"
    " prefix = { \"192.0.2.0/24\" }\n}\n"
    "mirror \"host\" {\n url = \"http://host/\"\n location = { -40, 170 }\n"
    " prefix = { \"192.0.2.7\" }\n}\n"
    "mirror \"as\" {\n url = \"http://as/\"\n location = { -40, 160 }\n asn = 64500\n}\n"
    "mirror \"rule\" {\n url = \"http://rule/\"\n location = { -30, 20 }\n"
    " country = \"ZA\"\n also-countries = { \"DE\" }\n}\n"
    "mirror \"near\" {\n url = \"http://near/\"\n location = { 48, 2 }\n country = \"FR\"\n}\n"
    "mirror \"home\" {\n url = \"http://home/\"\n location = { 53, 10 }\n country = \"DE\"\n}\n";

static void
prefix_then_asn_then_rule_then_distance(void **state)
{
	static const struct {
		const char *dead, *want;
		enum choice_why why;
	} rows[] = {
		{ NULL, "host", CHOICE_PREFIX }, { "host", "net", CHOICE_PREFIX },
		{ "net", "as", CHOICE_ASN }, { "as", "home", CHOICE_COUNTRY },
		{ "home", "rule", CHOICE_ALSO }, { "rule", "near", CHOICE_NEAR },
	};
	struct fixture *f = with(classes);

	(void)state;
	addr_parse(&f->choice.client.address, "192.0.2.7", NULL);
	at(f, 48.5, 3);
	f->choice.client.asn = 64500;
	strcpy(f->choice.client.country, "DE");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (rows[i].dead != NULL)
			f->health[conf_find_mirror(f->conf, rows[i].dead)] = CHOOSE_DOWN;
		assert_string_equal(first(f, 1), rows[i].want);
		assert_int_equal(f->choice.mirrors[0].why, rows[i].why);
	}
	/* without a rule for it a country is no class: the nearest is taken over the border */
	memset(f->health, 0, sizeof(f->health));
	addr_parse(&f->choice.client.address, "198.51.100.1", NULL);
	f->choice.client.asn = 0;
	strcpy(f->choice.client.country, "FR");
	at(f, 53, 10);
	assert_string_equal(first(f, 1), "home");
	done(f);
}

static const char barred[] = "redirect { \n"
    " one-file \"one\" {\n host = { \"h\" }\n path = \"/f\"\n}\n}\n"
    "mirror \"off\" {\n url = \"http://x/\"\n enabled = no\n}\n"
    "mirror \"zero\" {\n url = \"http://x/\"\n weight = 0\n}\n"
    "mirror \"four\" {\n url = \"https://x/\"\n ipv6 = no\n}\n"
    "mirror \"six\" {\n url = \"https://x/\"\n ipv4 = no\n}\n"
    "mirror \"only\" {\n url = \"https://x/\"\n country = \"NO\"\n only = \"country\"\n}\n"
    "mirror \"cont\" {\n url = \"https://x/\"\n country = \"NO\"\n only = \"continent\"\n}\n"
    "mirror \"as\" {\n url = \"https://x/\"\n asn = 64500\n only = \"asn\"\n}\n"
    "mirror \"net\" {\n url = \"https://x/\"\n asn = 64500\n only = \"prefix\"\n"
    " prefix = { \"198.51.100.0/24\" }\n}\n"
    "mirror \"small\" {\n url = \"https://x/\"\n max-size = \"1k\"\n}\n"
    "mirror \"plain\" {\n url = \"http://x/\"\n}\n"
    "mirror \"one\" {\n url = \"https://x/f\"\n one-file = \"one\"\n}\n";

/* Of each `only` the clients that it is for, and those of the narrower ones. */
static void
only_some(void **state)
{
	struct fixture *f = with(barred);

	(void)state;
	assert_int_equal(why(f, "as"), CHOICE_ONLY);
	assert_int_equal(why(f, "net"), CHOICE_ONLY);
	f->choice.client.asn = 64500;
	assert_int_equal(why(f, "as"), CHOICE_ASN);
	assert_int_equal(why(f, "net"), CHOICE_ONLY);
	addr_parse(&f->choice.client.address, "198.51.100.9", NULL);
	assert_int_equal(why(f, "net"), CHOICE_PREFIX);
	done(f);
}

static uint64_t
key_of(struct fixture *f, const char *address)
{
	addr_parse(&f->choice.client.address, address, NULL);
	return choose_key(f->choose, &f->choice.client.address);
}

/* Neighbours are sent to one mirror: a /24, a /48. */
static void
neighbours_have_one_key(void **state)
{
	struct fixture *f = with(barred);

	(void)state;
	assert_true(key_of(f, "192.0.2.1") == key_of(f, "192.0.2.254"));
	assert_true(key_of(f, "192.0.2.1") != key_of(f, "192.0.3.1"));
	assert_true(key_of(f, "2001:db8:7:1::1") == key_of(f, "2001:db8:7:ffff::2"));
	assert_true(key_of(f, "2001:db8:7::1") != key_of(f, "2001:db8:8::1"));
	done(f);
}

static void
what_bars_a_mirror(void **state)
{
	struct fixture *f = with(barred);

	(void)state;
	assert_int_equal(why(f, "off"), CHOICE_DISABLED);
	assert_int_equal(why(f, "zero"), CHOICE_WEIGHT_ZERO);
	assert_int_equal(why(f, "four"), CHOICE_ANY);
	assert_int_equal(why(f, "six"), CHOICE_NO_IPV4);
	assert_int_equal(why(f, "only"), CHOICE_ONLY);
	assert_int_equal(why(f, "small"), CHOICE_LARGE);
	assert_int_equal(why(f, "one"), CHOICE_OTHER_FILE);
	f->choice.secure = true;
	assert_int_equal(why(f, "plain"), CHOICE_INSECURE);
	addr_parse(&f->choice.client.address, "2001:db8::1", NULL);
	assert_int_equal(why(f, "four"), CHOICE_NO_IPV6);
	assert_int_equal(why(f, "six"), CHOICE_ANY);
	strcpy(f->choice.client.country, "SE");
	strcpy(f->choice.client.continent, "EU");
	assert_int_equal(why(f, "only"), CHOICE_ONLY);
	assert_int_equal(why(f, "cont"), CHOICE_ANY);
	strcpy(f->choice.client.country, "NO");
	assert_int_equal(why(f, "only"), CHOICE_ANY);
	f->lacks[conf_find_mirror(f->conf, "only")] = true;
	assert_int_equal(why(f, "only"), CHOICE_NO_FILE);
	f->health[conf_find_mirror(f->conf, "cont")] = CHOOSE_INCOMPLETE;
	assert_int_equal(why(f, "cont"), CHOICE_INCOMPLETE);
	f->health[conf_find_mirror(f->conf, "cont")] = CHOOSE_DOWN;
	assert_int_equal(why(f, "cont"), CHOICE_DOWN);
	done(f);
}

/* A file that is too large for a mirror comes from there only when nobody else has it. */
static void
reserve(void **state)
{
	struct fixture *f = with("redirect { }\n"
	    "mirror \"small\" {\n url = \"http://s/\"\n location = { 50, 8 }\n"
	    " max-size = \"1k\"\n}\n"
	    "mirror \"far\" {\n url = \"http://f/\"\n location = { -33, 151 }\n}\n");

	(void)state;
	at(f, 50, 8);
	assert_string_equal(first(f, 1), "far");
	f->health[1] = CHOOSE_DOWN;
	assert_string_equal(first(f, 1), "small");
	assert_int_equal(f->choice.mirrors[0].why, CHOICE_LARGE);
	f->health[1] = CHOOSE_FINE;
	f->choice.file.size = 1024;
	assert_string_equal(first(f, 1), "small");
	done(f);
}

static void
one_file(void **state)
{
	struct fixture *f = with(barred);

	(void)state;
	f->choice.one_file = &f->conf->redirect.one_files[0];
	f->choice.file = (struct choice_file){ .path = "/f", .path_len = 2 };
	assert_string_equal(first(f, 5), "one");
	assert_int_equal(f->choice.n_taken, 1);
	assert_int_equal(f->asked, 0);
	done(f);
}

static void
fallbacks(void **state)
{
	struct fixture *f = with("redirect {\n"
	    "fallback \"de\" {\n url = \"http://de/\"\n countries = { \"DE\" }\n}\n"
	    "fallback \"rest\" {\n url = \"https://rest/\"\n}\n"
	    "one-file \"one\" {\n host = { \"h\" }\n path = \"/f\"\n}\n}\n"
	    "mirror \"m\" {\n url = \"http://m/\"\n}\n");

	(void)state;
	first(f, 1);
	assert_int_equal(f->choice.end, CHOICE_MIRROR);
	f->lacks[0] = true;
	strcpy(f->choice.client.country, "DE");
	first(f, 1);
	assert_int_equal(f->choice.end, CHOICE_FALLBACK);
	assert_string_equal(f->choice.fallback->name, "de");
	f->choice.secure = true;	/* that one has no https */
	first(f, 1);
	assert_string_equal(f->choice.fallback->name, "rest");
	strcpy(f->choice.client.country, "FR");
	f->choice.secure = false;
	first(f, 1);
	assert_string_equal(f->choice.fallback->name, "rest");
	/* a file of its own is of its own mirrors, or from here */
	f->choice.one_file = &f->conf->redirect.one_files[0];
	first(f, 1);
	assert_int_equal(f->choice.end, CHOICE_HOME);
	done(f);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(twenty_thousand_clients),
		cmocka_unit_test(lazily),
		cmocka_unit_test(shares_follow_weights),
		cmocka_unit_test(neighbours_stay_together),
		cmocka_unit_test(a_death_moves_its_own),
		cmocka_unit_test(borders),
		cmocka_unit_test(around_the_world),
		cmocka_unit_test(no_place),
		cmocka_unit_test(prefix_then_asn_then_rule_then_distance),
		cmocka_unit_test(only_some),
		cmocka_unit_test(neighbours_have_one_key),
		cmocka_unit_test(what_bars_a_mirror),
		cmocka_unit_test(reserve),
		cmocka_unit_test(one_file),
		cmocka_unit_test(fallbacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
