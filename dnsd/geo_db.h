/*
 * geo_db: MaxMind databases, read into memory that nobody else can change.
 *
 * The only file that knows libmaxminddb.  A database is copied into a sealed memfd
 * and opened as /proc/self/fd/N, so truncating or overwriting the file harms
 * nothing.  Its whole tree is walked once at load by our own bounded code; what
 * does not walk is refused.  Knows GeoIP2/GeoLite2/DB-IP shapes and flat ones;
 * knows no sites.  Main thread and nearctl only; nothing here runs per query.
 */
#ifndef NEARCAST_GEO_DB_H
#define NEARCAST_GEO_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/err.h"

struct geo_db;

/* What a database says of a network.  Absent fields: "" / has_point false / 0. */
struct geo_place {
	char country[3];		/* ISO 3166-1, upper case */
	char continent[3];		/* AF AN AS EU NA OC SA */
	char subdivision[4];
	bool has_point;
	double latitude, longitude;
	uint32_t asn;
};

/* NULL with a reason.  A database of neither kind (place, ASN) is refused. */
struct geo_db *geo_db_open(const char *path, struct err *err);
void geo_db_close(struct geo_db *db);

/* metadata.database_type, build time (seconds since 1970), and whether IPv6 is there. */
const char *geo_db_type(const struct geo_db *db);
uint64_t geo_db_built(const struct geo_db *db);
bool geo_db_has_v6(const struct geo_db *db);

/* Calls `each` for every network of the database in address order: IPv4 networks
 * (from the IPv4 subtree, family 4), then IPv6 networks outside the IPv4 aliases.
 * Networks of one record share `record`, a small id from 0; `place` is decoded
 * once per id.  Networks without data are passed with place NULL.  Stops with -1
 * and a reason when the tree does not walk or `each` returns nonzero. */
int geo_db_walk(const struct geo_db *db,
    int (*each)(void *arg, const struct prefix *net, uint32_t record, const struct geo_place *place),
    void *arg, struct err *err);

/* One address: for the explanation only.  Fills *net with the database's network.
 * false = nothing known. */
bool geo_db_lookup(const struct geo_db *db, uint8_t family, const uint8_t *ip,
    struct geo_place *place, struct prefix *net);

#endif
