/*
 * geo_db: what a MaxMind database says of networks, proven once at load.
 *
 * geo_db_open walks the whole tree and proves each distinct record (mmdb.h), then has
 * libmaxminddb read the few fields that matter (geo_record.h).  It refuses a file that
 * does not walk, is empty, or knows neither places nor AS numbers.
 *
 * IPv4 lies in the ::/96 of an IPv6 tree.  Its aliases (::ffff:0:0/96, 2001::/32, 2002::/16,
 * 64:ff9b::/96) are not walked: whoever asks folds such addresses to IPv4.
 * Knows no sites.  Immutable once open; any thread may read; nothing here runs per query
 * but for explanations.
 */
#ifndef NEARCAST_GEO_DB_H
#define NEARCAST_GEO_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/err.h"
#include "common/geo/geo_key.h"
#include "common/geo/geo_record.h"

struct geo_db;

#define GEO_DB_NONE UINT32_MAX		/* the record of a network without data */

/* NULL with a reason.  A database of neither kind (place, ASN) is refused. */
struct geo_db *geo_db_open(const char *path, struct err *err);
void geo_db_close(struct geo_db *db);

/* After the maps have been built: gives back what memory single lookups do not need. */
void geo_db_rest(const struct geo_db *db);

/* metadata.database_type, printable; the database's. */
const char *geo_db_type(const struct geo_db *db);
/* Whether any record has a country or a point, or an AS number. */
bool geo_db_has_places(const struct geo_db *db);
bool geo_db_has_asns(const struct geo_db *db);

/* Records are numbered from 0 as they are met first; networks that share one share its id. */
uint32_t geo_db_records(const struct geo_db *db);
const struct geo_place *geo_db_place(const struct geo_db *db, uint32_t record);

/* The networks of one family in address order, without gaps: those without data have record
 * GEO_DB_NONE.  With db NULL, or for IPv6 in a database of IPv4 only: one
 * network without data. */
struct geo_cursor {
	const struct geo_db *db;
	geo_key start, last;		/* the current network */
	uint32_t record;
	uint8_t family, len;
	/* below: the way down to it */
	const char *broken;		/* only while geo_db_open walks: why this is no tree */
	uint64_t visited;		/* nodes */
	uint32_t node[129];
};

/* Both stand on a network afterwards; next returns false after the last one. */
void geo_cursor_first(struct geo_cursor *cursor, const struct geo_db *db, uint8_t family);
bool geo_cursor_next(struct geo_cursor *cursor);

/* The same as calls of `each`, IPv4 and then IPv6; `place` is NULL where there is no data.
 * -1 with a reason when `each` returns nonzero. */
int geo_db_walk(const struct geo_db *db,
    int (*each)(void *arg, const struct prefix *net, uint32_t record,
    const struct geo_place *place), void *arg, struct err *err);

/* One address: for the explanation only.  Fills *net with the database's network.
 * false = nothing known (*net is then the network without data). */
bool geo_db_lookup(const struct geo_db *db, uint8_t family, const uint8_t *ip,
    struct geo_place *place, struct prefix *net);

#endif
