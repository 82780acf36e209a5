#include "dnsd/geo_db.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/geo_country.h"
#include "dnsd/mmdb.h"

#define SEPARATOR 16			/* what records add to data offsets, beside node_count */

struct slot {				/* data offset -> record id */
	uint32_t offset, record;
};

struct geo_db {
	struct mmdb file;
	uint32_t root4;			/* of the IPv4 subtree: a node or what mmdb_child returns */
	struct geo_place *places;
	uint32_t n_places, cap_places;
	struct slot *slots;		/* open addressing, at most half full */
	uint32_t slot_mask;
	bool has_places, has_asns;
};

/* ---- one record ---- */

enum {
	NOWHERE = MMDB_NOWHERE, RECORD = MMDB_RECORD,
	COUNTRY, REGISTERED, CONTINENT, LOCATION, SUBDIVISIONS, SUBDIVISION, TRAITS,
	COUNTRY_CODE, REGISTERED_CODE, CONTINENT_CODE, SUBDIVISION_CODE, LATITUDE, LONGITUDE, POINT, ASN
};

/* COUNTRY and CONTINENT are maps in MaxMind's files and strings in flat ones. */
static const struct mmdb_path paths[] = {
	{ RECORD, "country", COUNTRY },
	{ COUNTRY, "iso_code", COUNTRY_CODE },
	{ RECORD, "country_code", COUNTRY_CODE },
	{ RECORD, "registered_country", REGISTERED },
	{ REGISTERED, "iso_code", REGISTERED_CODE },
	{ RECORD, "continent", CONTINENT },
	{ CONTINENT, "code", CONTINENT_CODE },
	{ RECORD, "continent_code", CONTINENT_CODE },
	{ RECORD, "subdivisions", SUBDIVISIONS },
	{ SUBDIVISIONS, "0", SUBDIVISION },
	{ SUBDIVISION, "iso_code", SUBDIVISION_CODE },
	{ RECORD, "region_code", SUBDIVISION_CODE },
	{ RECORD, "location", LOCATION },
	{ LOCATION, "latitude", LATITUDE },
	{ LOCATION, "longitude", LONGITUDE },
	{ RECORD, "latitude", LATITUDE },
	{ RECORD, "longitude", LONGITUDE },
	{ RECORD, "lat", LATITUDE },
	{ RECORD, "lng", LONGITUDE },
	{ RECORD, "lon", LONGITUDE },
	{ RECORD, "loc", POINT },
	{ RECORD, "autonomous_system_number", ASN },
	{ RECORD, "asn", ASN },
	{ RECORD, "traits", TRAITS },
	{ TRAITS, "autonomous_system_number", ASN },
};

struct decoder {
	struct geo_place *place;
	char registered[3];
	double latitude, longitude;	/* NAN until found */
};

/* A two-letter code in upper case; leaves `code` alone when it is none. */
static void
take_code(char code[3], const struct mmdb_scalar *v)
{
	if (v->type != MMDB_STRING || v->size != 2 || !isalpha(v->octets[0]) || !isalpha(v->octets[1]))
		return;
	code[0] = (char)toupper(v->octets[0]);
	code[1] = (char)toupper(v->octets[1]);
	code[2] = '\0';
}

static void
take_continent(char code[3], const struct mmdb_scalar *v)
{
	char given[3] = "";

	take_code(given, v);
	if (given[0] != '\0' && strstr("AF AN AS EU NA OC SA", given) != NULL)
		memcpy(code, given, sizeof(given));
}

static void
take_subdivision(char code[4], const struct mmdb_scalar *v)
{
	if (v->type != MMDB_STRING || v->size == 0 || v->size > 3)
		return;
	for (uint32_t i = 0; i < v->size; i++)
		if (!isalnum(v->octets[i]))
			return;
	memcpy(code, v->octets, v->size);
	code[v->size] = '\0';
}

/* "50.11,8.68" */
static void
take_point(struct decoder *d, const struct mmdb_scalar *v)
{
	const uint8_t *comma;
	struct mmdb_scalar half = *v;

	if (v->type != MMDB_STRING || (comma = memchr(v->octets, ',', v->size)) == NULL)
		return;
	half.size = (uint32_t)(comma - v->octets);
	if (mmdb_number(&half, &d->latitude) < 0)
		d->latitude = (double)NAN;
	half.octets = comma + 1;
	half.size = v->size - half.size - 1;
	if (mmdb_number(&half, &d->longitude) < 0)
		d->longitude = (double)NAN;
}

/* 64500, "64500" or "AS64500" */
static void
take_asn(uint32_t *asn, const struct mmdb_scalar *v)
{
	struct mmdb_scalar number = *v;
	double x;

	if (v->type == MMDB_STRING && v->size > 2 && (v->octets[0] | 0x20) == 'a' && (v->octets[1] | 0x20) == 's') {
		number.octets += 2;
		number.size -= 2;
	}
	if (mmdb_number(&number, &x) == 0 && x >= 1 && x <= (double)UINT32_MAX && x == floor(x))
		*asn = (uint32_t)x;
}

static void
found(void *arg, uint8_t where, const struct mmdb_scalar *v)
{
	struct decoder *d = arg;

	switch (where) {
	case COUNTRY:
	case COUNTRY_CODE:
		take_code(d->place->country, v);
		break;
	case REGISTERED_CODE:
		take_code(d->registered, v);
		break;
	case CONTINENT:
	case CONTINENT_CODE:
		take_continent(d->place->continent, v);
		break;
	case SUBDIVISION_CODE:
		take_subdivision(d->place->subdivision, v);
		break;
	case LATITUDE:
		if (mmdb_number(v, &d->latitude) < 0)
			d->latitude = (double)NAN;
		break;
	case LONGITUDE:
		if (mmdb_number(v, &d->longitude) < 0)
			d->longitude = (double)NAN;
		break;
	case POINT:
		take_point(d, v);
		break;
	case ASN:
		take_asn(&d->place->asn, v);
		break;
	default:
		break;
	}
}

/* What a record leaves open is filled from the table of countries. */
static void
complete(struct decoder *d)
{
	struct geo_place *p = d->place;
	const struct geo_country *country;

	if (p->country[0] == '\0')
		memcpy(p->country, d->registered, sizeof(p->country));
	country = geo_country_find(p->country);
	if (p->continent[0] == '\0' && country != NULL)
		memcpy(p->continent, country->continent, sizeof(p->continent));
	if (fabs(d->latitude) <= 90 && fabs(d->longitude) <= 180) {	/* false for NAN */
		p->has_point = true;
		p->latitude = d->latitude;
		p->longitude = d->longitude;
	} else if (country != NULL) {
		p->has_point = p->country_point = true;
		p->latitude = country->latitude;
		p->longitude = country->longitude;
	}
}

/* ---- records by their offset ---- */

static uint32_t
slot_of(const struct geo_db *db, uint32_t offset)
{
	uint32_t i = (uint32_t)(offset * UINT64_C(0x9e3779b97f4a7c15) >> 32) & db->slot_mask;

	while (db->slots[i].record != GEO_DB_NONE && db->slots[i].offset != offset)
		i = (i + 1) & db->slot_mask;
	return i;
}

static int
grow_slots(struct geo_db *db)
{
	struct slot *old = db->slots;
	uint32_t old_size = old != NULL ? db->slot_mask + 1 : 0, size = old != NULL ? 2 * old_size : 1024;

	db->slots = malloc(size * sizeof(*db->slots));
	if (db->slots == NULL) {
		db->slots = old;
		return -1;
	}
	memset(db->slots, 0xff, size * sizeof(*db->slots));
	db->slot_mask = size - 1;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i].record != GEO_DB_NONE)
			db->slots[slot_of(db, old[i].offset)] = old[i];
	free(old);
	return 0;
}

static struct geo_place *
new_place(struct geo_db *db)
{
	if (db->n_places == db->cap_places) {
		uint32_t cap = db->cap_places != 0 ? 2 * db->cap_places : 512;
		struct geo_place *p = realloc(db->places, cap * sizeof(*p));
		if (p == NULL)
			return NULL;
		db->places = p;
		db->cap_places = cap;
	}
	memset(&db->places[db->n_places], 0, sizeof(*db->places));
	return &db->places[db->n_places++];
}

/* Reads the record at `offset` unless it is known. */
static int
add_record(struct geo_db *db, uint32_t offset, uint64_t *budget, struct err *err)
{
	const struct mmdb_wanted wanted = { paths, sizeof(paths) / sizeof(paths[0]), found };
	struct decoder d = { NULL, "", (double)NAN, (double)NAN };
	uint32_t i;

	if (2 * db->n_places >= db->slot_mask && grow_slots(db) < 0)
		return err_set(err, "no memory for %u records", db->n_places);
	i = slot_of(db, offset);
	if (db->slots[i].record != GEO_DB_NONE)
		return 0;
	d.place = new_place(db);
	if (d.place == NULL)
		return err_set(err, "no memory for %u records", db->n_places);
	db->slots[i] = (struct slot){ offset, db->n_places - 1 };
	if (mmdb_read(&db->file.data, offset, &wanted, &d, budget, err) < 0)
		return err_prefix(err, "the record at %u of the data section is broken", offset);
	complete(&d);
	db->has_places |= d.place->has_point || d.place->country[0] != '\0' || d.place->continent[0] != '\0';
	db->has_asns |= d.place->asn != 0;
	return 0;
}

/* ---- the tree ---- */

/* Where IPv6 trees repeat their IPv4 part. */
static const struct {
	uint64_t hi;
	uint64_t lo;
	uint8_t len;
} aliases[] = {
	{ 0, 0, 96 },
	{ 0, UINT64_C(0x0000ffff00000000), 96 },
	{ UINT64_C(0x0064ff9b00000000), 0, 96 },
	{ UINT64_C(0x2001000000000000), 0, 32 },
	{ UINT64_C(0x2002000000000000), 0, 16 },
};

static bool
is_alias(const struct geo_cursor *c, unsigned len, uint32_t node)
{
	if (c->family == 4)
		return false;
	if (node == c->db->root4 && len != 0)
		return true;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (len == aliases[i].len && c->start == ((geo_key)aliases[i].hi << 64 | aliases[i].lo))
			return true;
	return false;
}

/* Goes down to the left from `value`, met at the key c->start and depth `len`. */
static void
descend(struct geo_cursor *c, uint32_t value, unsigned len)
{
	const struct mmdb *file = &c->db->file;
	unsigned bits = c->family == 4 ? 32 : 128;

	while (value < file->node_count && !is_alias(c, len, value)) {
		if (len == bits) {
			c->broken = "the tree is deeper than an address is long";
			return;
		}
		c->visited++;
		c->node[len++] = value;
		value = mmdb_child(file, value, 0);
	}
	if (value <= file->node_count)
		c->record = GEO_DB_NONE;
	else if (value - file->node_count < SEPARATOR)
		c->broken = "the tree points between itself and the data";
	else
		c->record = value - file->node_count - SEPARATOR;
	c->len = (uint8_t)len;
	c->last = geo_key_last(c->start, len);
}

/* As the exported ones, but `record` is an offset into the data section. */
static void
raw_first(struct geo_cursor *c, const struct geo_db *db, uint8_t family)
{
	c->db = db;
	c->family = family;
	c->visited = 0;
	c->broken = NULL;
	c->start = 0;
	c->last = GEO_KEY_MAX;
	c->len = 0;
	c->record = GEO_DB_NONE;
	if (db != NULL && (family == 4 || db->file.ip_version == 6))
		descend(c, family == 4 ? db->root4 : 0, 0);
}

static bool
raw_next(struct geo_cursor *c)
{
	uint64_t hi, lo;
	unsigned up;

	if (c->last == GEO_KEY_MAX)
		return false;
	c->start = c->last + 1;
	hi = (uint64_t)(c->start >> 64);
	lo = (uint64_t)c->start;
	/* the lowest bit set is the one by which the next network leaves the path */
	up = lo != 0 ? 127u - (unsigned)__builtin_ctzll(lo) : 63u - (unsigned)__builtin_ctzll(hi);
	descend(c, mmdb_child(&c->db->file, c->node[up], 1), up + 1);
	return true;
}

static void
name_record(struct geo_cursor *c)
{
	if (c->record != GEO_DB_NONE)
		c->record = c->db->slots[slot_of(c->db, c->record)].record;
}

void
geo_cursor_first(struct geo_cursor *c, const struct geo_db *db, uint8_t family)
{
	raw_first(c, db, family);
	name_record(c);
}

bool
geo_cursor_next(struct geo_cursor *c)
{
	if (!raw_next(c))
		return false;
	name_record(c);
	return true;
}

/* ---- opening ---- */

static uint32_t
find_root4(const struct mmdb *file)
{
	uint32_t node = 0;

	if (file->ip_version == 6)
		for (unsigned i = 0; i < 96 && node < file->node_count; i++)
			node = mmdb_child(file, node, 0);
	return node;
}

/* Walks one family's networks and reads their records.  A tree meets each node once; twice is forgiven,
 * for writers that share equal subtrees, so that a crafted file costs no more than its size. */
static int
read_family(struct geo_db *db, uint8_t family, uint64_t *budget, struct err *err)
{
	struct geo_cursor c;
	bool more = true;

	for (raw_first(&c, db, family); more; more = raw_next(&c)) {
		if (c.broken == NULL && c.visited > 2 * (uint64_t)db->file.node_count + 65536)
			c.broken = "the tree reaches its nodes more than once";
		if (c.broken != NULL)
			return err_set(err, "%s", c.broken);
		if (c.record == GEO_DB_NONE)
			continue;
		if (c.record >= db->file.data.size)
			return err_set(err, "the tree points past the data section, to %u of %zu",
			    c.record, db->file.data.size);
		if (add_record(db, c.record, budget, err) < 0)
			return -1;
	}
	return 0;
}

static int
read_all(struct geo_db *db, struct err *err)
{
	/* values of shared maps are counted each time: 16 an octet is far above any real file */
	uint64_t budget = UINT64_C(1000000) + 16 * db->file.data.size;

	db->root4 = find_root4(&db->file);
	if (grow_slots(db) < 0)
		return err_set(err, "no memory");
	if (read_family(db, 4, &budget, err) < 0 || read_family(db, 6, &budget, err) < 0)
		return -1;
	if (db->n_places == 0)
		return err_set(err, "has no networks with data");
	if (!db->has_places && !db->has_asns)
		return err_set(err, "of type \"%s\": none of its %u records has a country, coordinates or an AS number",
		    db->file.type, db->n_places);
	return 0;
}

struct geo_db *
geo_db_open(const char *path, struct err *err)
{
	struct geo_db *db = calloc(1, sizeof(*db));

	if (db == NULL) {
		err_set(err, "%s: no memory", path);
		return NULL;
	}
	if (mmdb_open(&db->file, path, err) < 0 || read_all(db, err) < 0) {
		err_prefix(err, "%s", path);
		geo_db_close(db);
		return NULL;
	}
	return db;
}

void
geo_db_close(struct geo_db *db)
{
	if (db == NULL)
		return;
	mmdb_close(&db->file);
	free(db->places);
	free(db->slots);
	free(db);
}

/* ---- reading ---- */

void
geo_db_rest(const struct geo_db *db)
{
	mmdb_rest(&db->file);
}

const char *
geo_db_type(const struct geo_db *db)
{
	return db->file.type;
}

uint64_t
geo_db_built(const struct geo_db *db)
{
	return db->file.build_epoch;
}

bool
geo_db_has_v6(const struct geo_db *db)
{
	return db->file.ip_version == 6;
}

bool
geo_db_has_places(const struct geo_db *db)
{
	return db->has_places;
}

bool
geo_db_has_asns(const struct geo_db *db)
{
	return db->has_asns;
}

uint32_t
geo_db_records(const struct geo_db *db)
{
	return db->n_places;
}

const struct geo_place *
geo_db_place(const struct geo_db *db, uint32_t record)
{
	return record == GEO_DB_NONE ? NULL : &db->places[record];
}

int
geo_db_walk(const struct geo_db *db,
    int (*each)(void *arg, const struct prefix *net, uint32_t record, const struct geo_place *place),
    void *arg, struct err *err)
{
	static const uint8_t families[2] = { 4, 6 };
	struct geo_cursor c;
	struct prefix net;
	bool more;

	for (int i = 0; i < 2; i++) {
		more = true;
		for (geo_cursor_first(&c, db, families[i]); more; more = geo_cursor_next(&c)) {
			geo_key_prefix(c.start, c.family, c.len, &net);
			if (each(arg, &net, c.record, geo_db_place(db, c.record)) != 0)
				return err_set(err, "the walk was stopped");
		}
	}
	return 0;
}

bool
geo_db_lookup(const struct geo_db *db, uint8_t family, const uint8_t *ip,
    struct geo_place *place, struct prefix *net)
{
	geo_key key = geo_key_of(family, ip);
	struct geo_cursor c;
	unsigned len = 0;
	uint32_t value;

	raw_first(&c, NULL, family);
	if (family == 4 || db->file.ip_version == 6) {
		c.db = db;
		value = family == 4 ? db->root4 : 0;
		/* `start` follows the path, so that aliases are known as in a walk */
		while (value < db->file.node_count && !is_alias(&c, len, value)) {
			unsigned bit = (unsigned)(key >> (127 - len)) & 1;
			c.start |= (geo_key)bit << (127 - len++);
			value = mmdb_child(&db->file, value, bit);
		}
		if (value > db->file.node_count)
			c.record = value - db->file.node_count - SEPARATOR;
		name_record(&c);
	}
	geo_key_prefix(c.start, family, len, net);
	memset(place, 0, sizeof(*place));
	if (c.record == GEO_DB_NONE)
		return false;
	*place = db->places[c.record];
	return true;
}
