/* The order of all sites against a plain sort, up to more places than there are numbers for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dnsd/geo/geo_beyond.h"
#include "dnsd/geo/geo_order.h"
#include "common/geo/geo_point.h"
#include "tests/lib/mmdb_make.h"
#include "tests/lib/random.h"

enum { SITES = 64, FEW = 2000, MANY = 80000 };

static struct conf_site sites[SITES];
static struct conf conf = { .sites = sites, .n_sites = SITES, .here_site = 3 };
static uint16_t all[SITES];
static double place[MANY][2];
static uint64_t seed = 5;

static double
degrees(double most)
{
	return ((double)(random_next(&seed) >> 40) / (1 << 24) * 2 - 1) * most;
}

/* n networks of /24, each at a place of its own. */
static struct geo_db *
database(unsigned n)
{
	char path[] = "/tmp/test_geo_beyond.XXXXXX";
	int fd = mkstemp(path);
	struct mmdb_make make;
	struct geo_db *db;
	struct err err;

	assert_true(fd >= 0);
	close(fd);
	mmdb_make_init(&make, 6, 32);
	for (unsigned i = 0; i < n; i++) {
		struct prefix net = { 4, 24, { 50, (uint8_t)(i >> 8), (uint8_t)i } };

		net.ip[0] = (uint8_t)(50 + (i >> 16));
		place[i][0] = degrees(89.5);
		place[i][1] = degrees(179.5);
		mmdb_make_add(&make, &net, mmdb_make_city(&make, "", "", place[i][0],
		    place[i][1]));
	}
	mmdb_make_write(&make, path, "many");
	db = geo_db_open(path, &err);
	unlink(path);
	if (db == NULL)
		fail_msg("%s", err.text);
	return db;
}

static int
setup(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < SITES; i++) {
		sites[i] = (struct conf_site){ .located = i != 40, .latitude = degrees(70),
		    .longitude = degrees(180) };
		all[i] = i;
	}
	return 0;
}

/* Every site once, the nearest first, the one without coordinates last. */
static void
check_order(const uint8_t *list, double latitude, double longitude)
{
	bool seen[SITES] = { false };
	double before = -1;

	for (unsigned i = 0; i < SITES; i++) {
		const struct conf_site *s = &sites[list[i]];
		double km = s->located ? geo_point_km(latitude, longitude, s->latitude,
		    s->longitude) : 1e9;

		assert_false(seen[list[i]]);
		seen[list[i]] = true;
		assert_true(km >= before - 1e-6);
		before = km;
	}
}

static void
check_places(const struct geo_beyond *b, unsigned n, bool coarse)
{
	for (unsigned i = 0; i < n; i += n / 1000) {
		uint8_t ip[4] = { (uint8_t)(50 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i, 9 };
		struct geo_leaf leaf, other;
		size_t n_sites;

		assert_true(geo_beyond_find(b, 4, ip, &leaf));
		check_order(geo_beyond_list(b, leaf.result, &n_sites),
		    coarse ? floor(place[i][0]) + 0.5 : place[i][0],
		    coarse ? floor(place[i][1]) + 0.5 : place[i][1]);
		assert_int_equal(n_sites, SITES);
		/* the other end of the leaf */
		for (unsigned bit = leaf.depth; bit < 32; bit++)
			ip[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		assert_true(geo_beyond_find(b, 4, ip, &other));
		assert_int_equal(other.result, leaf.result);
		assert_int_equal(other.depth, leaf.depth);
	}
}

static void
places_as_they_are(void **state)
{
	struct geo_db *db = database(FEW);
	struct err err;
	struct geo_beyond *b = geo_beyond_build(&conf, all, SITES, true, db, &err);
	struct geo_leaf leaf;
	size_t n;

	(void)state;
	assert_non_null(b);
	assert_false(geo_beyond_is_coarse(b));
	check_places(b, FEW, false);
	/* in no database: from here */
	assert_true(geo_beyond_find(b, 4, (uint8_t[]){ 10, 0, 0, 1 }, &leaf));
	assert_int_equal(leaf.result, geo_beyond_unlocated(b));
	assert_int_equal(geo_beyond_list(b, leaf.result, &n)[0], 3);
	check_order(geo_beyond_list(b, leaf.result, &n), sites[3].latitude, sites[3].longitude);
	for (uint16_t s = 0; s < SITES; s++) {
		if (sites[s].located)
			check_order(geo_beyond_list(b, geo_beyond_from_site(b, s), &n),
			    sites[s].latitude, sites[s].longitude);
		else
			assert_int_equal(geo_beyond_from_site(b, s), geo_beyond_unlocated(b));
	}
	geo_beyond_free(b);
	geo_db_close(db);
}

/* More orders than numbers: by square degrees, never refused. */
static void
more_orders_than_numbers(void **state)
{
	struct geo_db *db = database(MANY);
	struct err err;
	struct geo_beyond *b = geo_beyond_build(&conf, all, SITES, true, db, &err);

	(void)state;
	if (b == NULL)
		fail_msg("%s", err.text);
	assert_true(geo_beyond_is_coarse(b));
	assert_in_range(geo_beyond_orders(b), 1000, GEO_ORDER_MAX);
	check_places(b, MANY, true);
	geo_beyond_free(b);
	geo_db_close(db);
}

static void
without_a_tree(void **state)
{
	struct err err;
	struct geo_beyond *b = geo_beyond_build(&conf, all, SITES, false, NULL, &err);
	struct geo_leaf leaf;
	size_t n;

	(void)state;
	assert_non_null(b);
	assert_false(geo_beyond_find(b, 4, (uint8_t[]){ 50, 0, 0, 1 }, &leaf));
	assert_int_equal(geo_beyond_list(b, geo_beyond_unlocated(b), &n)[0], 3);
	geo_beyond_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_as_they_are),
		cmocka_unit_test(more_orders_than_numbers),
		cmocka_unit_test(without_a_tree),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
