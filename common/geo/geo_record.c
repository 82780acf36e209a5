#include "common/geo/geo_record.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/geo/geo_country.h"

enum field { COUNTRY, CONTINENT, SUBDIVISION, LATITUDE, LONGITUDE, POINT, ASN };

/* Where a field may be: the first usable value counts.  Country and continent are maps in
 * MaxMind's files and strings in flat ones. */
static const struct {
	enum field field;
	const char *path[4];
} wanted[] = {
	{ COUNTRY, { "country", "iso_code" } },
	{ COUNTRY, { "country_code" } },
	{ COUNTRY, { "country" } },
	{ COUNTRY, { "registered_country", "iso_code" } },
	{ CONTINENT, { "continent", "code" } },
	{ CONTINENT, { "continent_code" } },
	{ CONTINENT, { "continent" } },
	{ SUBDIVISION, { "subdivisions", "0", "iso_code" } },
	{ SUBDIVISION, { "region_code" } },
	{ LATITUDE, { "location", "latitude" } },
	{ LATITUDE, { "latitude" } },
	{ LATITUDE, { "lat" } },
	{ LONGITUDE, { "location", "longitude" } },
	{ LONGITUDE, { "longitude" } },
	{ LONGITUDE, { "lng" } },
	{ LONGITUDE, { "lon" } },
	{ POINT, { "loc" } },
	{ ASN, { "autonomous_system_number" } },
	{ ASN, { "asn" } },
	{ ASN, { "traits", "autonomous_system_number" } },
};

/* ---- values ---- */

static bool
number_of_text(const char *octets, size_t size, double *x)
{
	char text[32], *end;

	if (size == 0 || size >= sizeof(text) || memchr(octets, 0, size) != NULL)
		return false;
	memcpy(text, octets, size);
	text[size] = '\0';
	*x = strtod(text, &end);
	return *end == '\0' && end != text && isfinite(*x);
}

/* Doubles, floats, integers, and numbers written as a string, if they are finite. */
static bool
number_in(const MMDB_entry_data_s *v, double *x)
{
	switch (v->type) {
	case MMDB_DATA_TYPE_DOUBLE:
		*x = v->double_value;
		break;
	case MMDB_DATA_TYPE_FLOAT:
		*x = (double)v->float_value;
		break;
	case MMDB_DATA_TYPE_UINT16:
		*x = v->uint16;
		break;
	case MMDB_DATA_TYPE_UINT32:
		*x = v->uint32;
		break;
	case MMDB_DATA_TYPE_INT32:
		*x = v->int32;
		break;
	case MMDB_DATA_TYPE_UINT64:
		*x = (double)v->uint64;
		break;
	case MMDB_DATA_TYPE_UTF8_STRING:
		return number_of_text(v->utf8_string, v->data_size, x);
	default:
		return false;
	}
	return isfinite(*x);
}

/* A two-letter code, in upper case. */
static bool
take_code(char code[3], const MMDB_entry_data_s *v)
{
	const uint8_t *text = (const uint8_t *)v->utf8_string;

	if (v->type != MMDB_DATA_TYPE_UTF8_STRING || v->data_size != 2 || !isalpha(text[0]) ||
	    !isalpha(text[1]))
		return false;
	code[0] = (char)toupper(text[0]);
	code[1] = (char)toupper(text[1]);
	code[2] = '\0';
	return true;
}

static bool
take_continent(char code[3], const MMDB_entry_data_s *v)
{
	char given[3];

	if (!take_code(given, v) || strstr("AF AN AS EU NA OC SA", given) == NULL)
		return false;
	memcpy(code, given, sizeof(given));
	return true;
}

static bool
take_subdivision(char code[4], const MMDB_entry_data_s *v)
{
	if (v->type != MMDB_DATA_TYPE_UTF8_STRING || v->data_size == 0 || v->data_size > 3)
		return false;
	for (uint32_t i = 0; i < v->data_size; i++)
		if (!isalnum((uint8_t)v->utf8_string[i]))
			return false;
	memcpy(code, v->utf8_string, v->data_size);
	code[v->data_size] = '\0';
	return true;
}

/* "50.11,8.68" */
static bool
take_point(struct geo_place *p, const MMDB_entry_data_s *v)
{
	const char *comma;
	size_t before;

	if (v->type != MMDB_DATA_TYPE_UTF8_STRING ||
	    (comma = memchr(v->utf8_string, ',', v->data_size)) == NULL)
		return false;
	before = (size_t)(comma - v->utf8_string);
	return number_of_text(v->utf8_string, before, &p->latitude) &&
	    number_of_text(comma + 1, v->data_size - before - 1, &p->longitude);
}

/* 64500, "64500" or "AS64500" */
static bool
take_asn(uint32_t *asn, const MMDB_entry_data_s *v)
{
	MMDB_entry_data_s number = *v;
	double x;

	if (v->type == MMDB_DATA_TYPE_UTF8_STRING && v->data_size > 2 &&
	    (v->utf8_string[0] | 0x20) == 'a' && (v->utf8_string[1] | 0x20) == 's') {
		number.utf8_string += 2;
		number.data_size -= 2;
	}
	if (!number_in(&number, &x) || x < 1 || x > (double)UINT32_MAX || x != floor(x))
		return false;
	*asn = (uint32_t)x;
	return true;
}

/* ---- records ---- */

static bool
take_field(struct geo_place *p, enum field field, const MMDB_entry_data_s *v)
{
	switch (field) {
	case COUNTRY:
		return take_code(p->country, v);
	case CONTINENT:
		return take_continent(p->continent, v);
	case SUBDIVISION:
		return take_subdivision(p->subdivision, v);
	case LATITUDE:
		return number_in(v, &p->latitude);
	case LONGITUDE:
		return number_in(v, &p->longitude);
	case POINT:
		return take_point(p, v);
	case ASN:
		return take_asn(&p->asn, v);
	}
	return false;
}

/* In range, and not 0,0, in the Gulf of Guinea, which is how writers spell "not known". */
static bool
is_point(const struct geo_place *p)
{
	return fabs(p->latitude) <= 90 && fabs(p->longitude) <= 180 &&
	    (fpclassify(p->latitude) != FP_ZERO || fpclassify(p->longitude) != FP_ZERO);
}

/* What a record leaves open is filled from the tables of countries and continents. */
static void
complete(struct geo_place *p, bool has_point)
{
	const struct geo_country *country = geo_country_find(p->country);
	const struct geo_continent *continent;

	if (p->continent[0] == '\0' && country != NULL)
		memcpy(p->continent, country->continent, sizeof(p->continent));
	p->has_point = has_point && is_point(p);
	if (p->has_point)
		return;
	continent = geo_country_continent(p->continent);
	p->has_point = p->country_point = country != NULL || continent != NULL;
	p->latitude = country != NULL ? country->latitude :
	    continent != NULL ? continent->latitude : 0;
	p->longitude = country != NULL ? country->longitude :
	    continent != NULL ? continent->longitude : 0;
	assert(fabs(p->latitude) <= 90 && fabs(p->longitude) <= 180);
}

static void
read_place(const MMDB_s *library, uint32_t offset, struct geo_place *p)
{
	const unsigned both = 1u << LATITUDE | 1u << LONGITUDE;
	MMDB_entry_s entry = { library, offset };
	MMDB_entry_data_s v;
	unsigned taken = 0;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		enum field field = wanted[i].field;
		if ((taken >> field & 1) != 0 || (field == POINT && (taken & both) == both))
			continue;
		if (MMDB_aget_value(&entry, &v, wanted[i].path) == MMDB_SUCCESS && v.has_data &&
		    take_field(p, field, &v))
			taken |= 1u << field;
	}
	complete(p, (taken & both) == both || (taken >> POINT & 1) != 0);
}

static void
read_metadata(const MMDB_metadata_s *m, struct geo_metadata *metadata)
{
	const char *type = m->database_type;
	size_t n = 0;

	for (; n < sizeof(metadata->type) - 1 && type[n] != '\0'; n++)
		metadata->type[n] = type[n] >= ' ' && type[n] < 127 ? type[n] : '?';
	metadata->type[n] = '\0';
}

int
geo_record_read(const struct mmdb *file, const uint32_t *offsets, struct geo_place *places,
    uint32_t n, struct geo_metadata *metadata, struct err *err)
{
	MMDB_s library;
	char path[32];
	int rc;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	rc = MMDB_open(path, MMDB_MODE_MMAP, &library);
	if (rc != MMDB_SUCCESS)
		return err_set(err, "libmaxminddb, of %s: %s", path, MMDB_strerror(rc));
	if (library.metadata.node_count != file->node_count ||
	    library.metadata.record_size != file->record_bits ||
	    library.metadata.ip_version != file->ip_version) {
		rc = err_set(err, "libmaxminddb sees a tree of %u nodes of 2 * %u bits, "
		    "%u of 2 * %u were expected", library.metadata.node_count,
		    library.metadata.record_size, file->node_count, file->record_bits);
	} else {
		read_metadata(&library.metadata, metadata);
		for (uint32_t i = 0; i < n; i++)
			read_place(&library, offsets[i], &places[i]);
	}
	MMDB_close(&library);
	return rc;
}
