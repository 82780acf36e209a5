/*
 * Any octets as a MaxMind database.  What opens must walk without gaps, find what it
 * walks, give places that are places, and make a map whose leaves tile IPv4.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dnsd/geo/geo_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_place(const struct geo_place *p)
{
	assert(strnlen(p->country, 3) == 0 || strnlen(p->country, 3) == 2);
	assert(strnlen(p->continent, 3) == 0 || strnlen(p->continent, 3) == 2);
	assert(strnlen(p->subdivision, 4) < 4);
	assert(!p->has_point || (fabs(p->latitude) <= 90 && fabs(p->longitude) <= 180));
}

static void
check_networks(const struct geo_db *db, uint8_t family)
{
	struct geo_cursor c;
	struct geo_place place;
	struct prefix net, found;
	geo_key next = 0;
	bool more = true, known;

	for (geo_cursor_first(&c, db, family); more; more = geo_cursor_next(&c)) {
		assert(c.start == next);
		assert(c.record == GEO_DB_NONE || c.record < geo_db_records(db));
		geo_key_prefix(c.start, family, c.len, &net);
		known = geo_db_lookup(db, family, net.ip, &place, &found);
		assert(known == (c.record != GEO_DB_NONE) &&
		    memcmp(&net, &found, sizeof(net)) == 0);
		if (known)
			check_place(&place);
		next = c.last + 1;
	}
	assert(next == 0);
}

static int
count_leaf(void *arg, const struct prefix *net, uint16_t result)
{
	uint64_t *addresses = arg;

	(void)result;
	if (net->family == 4)
		*addresses += UINT64_C(1) << (32 - net->len);
	return 0;
}

static void
check_map(const struct geo_db *db)
{
	static char a[] = "a", b[] = "b";
	static struct conf_site sites[2] = {
		{ .name = a, .located = true, .latitude = 50, .longitude = 8 },
		{ .name = b, .located = true, .latitude = -30, .longitude = 150 },
	};
	static uint16_t both[2] = { 0, 1 };
	static struct conf_rule rule = { .kind = CONF_RULE_ASN, .asn = 64500, .sites = both,
	    .n_sites = 2 };
	struct conf conf = { .sites = sites, .n_sites = 2,
	    .geo = { .sites_per_answer = 3, .rules = &rule, .n_rules = 1 } };
	struct geo_map *map = geo_map_build(&conf, both, 2, db, db, NULL);
	uint64_t addresses = 0;

	assert(map != NULL);
	geo_map_walk(map, count_leaf, &addresses);
	assert(addresses == UINT64_C(1) << 32);
	geo_map_free(map);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct geo_db *db;
	struct err err = { .text = "" };
	char path[32];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	db = geo_db_open(path, &err);
	assert((db == NULL) == (err.text[0] != '\0'));
	if (db != NULL) {
		check_networks(db, 4);
		check_networks(db, 6);
		check_map(db);
	}
	geo_db_close(db);
	close(fd);
	return 0;
}
