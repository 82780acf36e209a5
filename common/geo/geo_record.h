/*
 * geo_record: what the records of a MaxMind database say, read by libmaxminddb.
 *
 * The one place that calls the library, once a database: it sees a file that is sealed and
 * of which metadata, tree and the records asked for are proven (mmdb.h), never walks the
 * tree, and is closed before the call returns.
 *
 * Shapes: GeoIP2/GeoLite2/DB-IP (country.iso_code, continent.code, location.latitude ...),
 * their ASN databases, and flat ones (country_code or country, lat/lng, loc, asn).  A field
 * is looked for in one place after the other until one is usable; registered_country
 * counts only where country is absent.  Coordinates that are out of range, 0,0, or not there
 * (country databases), are replaced by the country's point, and where there is no such country,
 * by the continent's (geo_country.h); accuracy_radius is not looked at.
 */
#ifndef NEARCAST_GEO_RECORD_H
#define NEARCAST_GEO_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/geo/mmdb.h"

/* What a database says of a network.  Absent fields: "" / has_point false / 0. */
struct geo_place {
	char country[3];		/* ISO 3166-1, upper case */
	char continent[3];		/* AF AN AS EU NA OC SA */
	char subdivision[4];
	bool has_point;
	bool country_point;		/* the point is the country's or continent's, not the
					 * record's */
	uint32_t asn;
	double latitude, longitude;
};

struct geo_metadata {
	char type[64];			/* database_type, printable */
};

/* Reads n proven records, given by their offsets in the data section, into as many places,
 * all zero before.  0, or -1 with a reason (without the path). */
int geo_record_read(const struct mmdb *file, const uint32_t *offsets, struct geo_place *places,
    uint32_t n, struct geo_metadata *metadata, struct err *err);

#endif
