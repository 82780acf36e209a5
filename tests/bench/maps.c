/*
 * maps: how long a place takes to find, in a map built as dnsd builds it.
 *
 *	maps CONF
 *
 * Opens the database of CONF, builds the map of all sites and what lies beyond it, and looks up
 * random IPv4 and IPv6 (below 2000::/3) clients in the map: each address made from the answer
 * before, so that nothing overlaps ("alone"), and in batches of 64.  Beside it libmaxminddb,
 * with country, continent, coordinates and the distances to the sites, as a server without a
 * map would have to.  Prints one line of JSON.
 */
#include <malloc.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dnsd/geo/geo_beyond.h"
#include "dnsd/geo/geo_map.h"
#include "common/geo/geo_point.h"
#include "tests/lib/random.h"

enum { LOOKUPS = 1 << 20, BATCH = 64, ROUNDS = 5 };

static uint8_t ips[LOOKUPS][16];

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* The memory that this process may write to, whoever asked the kernel for it. */
static double
data_mb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long pages = 0;

	malloc_trim(0);
	if (f == NULL || fscanf(f, "%*d %*d %*d %*d %*d %ld", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void
make_ips(uint8_t family, uint64_t *seed)
{
	for (size_t i = 0; i < LOOKUPS; i++) {
		uint64_t r[2] = { random_next(seed), random_next(seed) };
		memcpy(ips[i], r, sizeof(r));
		if (family == 6)
			ips[i][0] = 0x20 | (ips[i][0] & 0x1f);
	}
}

static double
alone(const struct geo_map *map, uint8_t family)
{
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns();
		unsigned last = 0;
		for (size_t i = 0; i < LOOKUPS; i++) {
			uint8_t ip[16];
			memcpy(ip, ips[i], sizeof(ip));
			ip[2] ^= (uint8_t)last;		/* wait for the answer before */
			last = geo_map_find(map, family, ip).result;
		}
		start = (now_ns() - start) / LOOKUPS;
		best = start < best ? start : best;
	}
	return best;
}

static double
batched(const struct geo_map *map, uint8_t family)
{
	struct geo_leaf leaf[BATCH];
	const struct geo_map *maps[BATCH];
	const uint8_t *ip[BATCH];
	uint8_t families[BATCH];
	double best = 1e9;

	memset(families, family, sizeof(families));
	for (unsigned k = 0; k < BATCH; k++)
		maps[k] = map;
	for (int round = 0; round < ROUNDS; round++) {
		double start = now_ns();
		for (size_t i = 0; i < LOOKUPS; i += BATCH) {
			for (unsigned k = 0; k < BATCH; k++)
				ip[k] = ips[i + k];
			geo_map_find_batch(BATCH, maps, families, ip, leaf);
		}
		start = (now_ns() - start) / LOOKUPS;
		best = start < best ? start : best;
	}
	return best;
}

static double
double_at(MMDB_entry_s *entry, const char *key)
{
	MMDB_entry_data_s data;

	if (MMDB_get_value(entry, &data, "location", key, NULL) != MMDB_SUCCESS || !data.has_data)
		return 0;
	return data.double_value;
}

static double
by_libmaxminddb(const struct conf *conf)
{
	volatile double nearest = 0;
	MMDB_entry_data_s data;
	MMDB_s db;
	double start;
	int n = LOOKUPS / 8, rc;

	if (MMDB_open(conf->geo.city, MMDB_MODE_MMAP, &db) != MMDB_SUCCESS)
		return 0;
	start = now_ns();
	for (int i = 0; i < n; i++) {
		struct sockaddr_in sin = { .sin_family = AF_INET };
		MMDB_lookup_result_s found;
		double latitude, longitude;
		memcpy(&sin.sin_addr, ips[i], 4);
		found = MMDB_lookup_sockaddr(&db, (struct sockaddr *)&sin, &rc);
		if (rc != MMDB_SUCCESS || !found.found_entry)
			continue;
		MMDB_get_value(&found.entry, &data, "country", "iso_code", NULL);
		MMDB_get_value(&found.entry, &data, "continent", "code", NULL);
		latitude = double_at(&found.entry, "latitude");
		longitude = double_at(&found.entry, "longitude");
		nearest = 1e9;
		for (size_t s = 0; s < conf->n_sites; s++) {
			double km = geo_point_km(latitude, longitude,
			    conf->sites[s].latitude, conf->sites[s].longitude);
			nearest = km < nearest ? km : nearest;
		}
	}
	start = (now_ns() - start) / n;
	MMDB_close(&db);
	return start;
}

int
main(int argc, char **argv)
{
	uint16_t sites[CONF_MAX_SITES];
	struct geo_db *db = NULL;
	struct geo_map *map = NULL;
	struct conf *conf;
	struct err err;
	struct geo_beyond *beyond;
	double opened, built, mb, ns[4], beyond_s, beyond_mb;
	uint64_t seed = 1;

	conf = argc == 2 ? conf_read(argv[1], NULL, NULL, NULL, &err) : NULL;
	if (argc != 2 || conf == NULL || conf->geo.city == NULL) {
		fprintf(stderr, "usage: maps CONF, with a database: %s\n",
		    argc == 2 && conf == NULL ? err.text : "");
		return 2;
	}
	for (uint16_t s = 0; s < conf->n_sites; s++)
		sites[s] = s;
	opened = now_ns();
	db = geo_db_open(conf->geo.city, &err);
	built = now_ns();
	mb = data_mb();
	if (db != NULL)
		map = geo_map_build(conf, sites, conf->n_sites, db, NULL, &err);
	if (map == NULL) {
		fprintf(stderr, "maps: %s\n", err.text);
		return 1;
	}
	opened = (built - opened) / 1e9;
	built = (now_ns() - built) / 1e9;
	mb = data_mb() - mb;
	beyond_s = now_ns();
	beyond_mb = data_mb();
	beyond = geo_beyond_build(conf, sites, conf->n_sites, true, db, &err);
	if (beyond == NULL) {
		fprintf(stderr, "maps: %s\n", err.text);
		return 1;
	}
	beyond_s = (now_ns() - beyond_s) / 1e9;
	beyond_mb = data_mb() - beyond_mb;
	make_ips(6, &seed);
	ns[2] = alone(map, 6);
	ns[3] = batched(map, 6);
	make_ips(4, &seed);
	ns[0] = alone(map, 4);
	ns[1] = batched(map, 4);
	printf("{\"open_s\": %.2f, \"build_s\": %.2f, \"mb\": %.1f, \"v4_alone_ns\": %.0f, "
	    "\"v4_batch_ns\": %.0f, "
	    "\"v6_alone_ns\": %.0f, \"v6_batch_ns\": %.0f, \"libmaxminddb_ns\": %.0f, "
	    "\"beyond_s\": %.2f, \"beyond_mb\": %.1f, \"orders\": %u, \"coarse\": %s}\n", opened,
	    built, mb, ns[0], ns[1], ns[2], ns[3], by_libmaxminddb(conf), beyond_s, beyond_mb,
	    geo_beyond_orders(beyond), geo_beyond_is_coarse(beyond) ? "true" : "false");
	return 0;
}
