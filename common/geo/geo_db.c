#include "common/geo/geo_db.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/geo/mmdb.h"

#define SEPARATOR 16			/* what records add to data offsets, beside node_count */

struct slot {				/* data offset -> record id */
	uint32_t offset, record;
};

struct geo_db {
	struct mmdb file;
	uint32_t root4;			/* of the IPv4 subtree: a node or what mmdb_child returns */
	struct geo_metadata metadata;
	struct geo_place *places;
	uint32_t n_places, cap_offsets;
	uint32_t *offsets;		/* of the records, while they are proven */
	struct slot *slots;		/* open addressing, at most half full */
	uint32_t slot_mask;
	bool has_places, has_asns;
};

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
	uint32_t old_size = old != NULL ? db->slot_mask + 1 : 0,
	    size = old != NULL ? 2 * old_size : 1024;

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

static int
grow_offsets(struct geo_db *db)
{
	uint32_t cap = db->cap_offsets != 0 ? 2 * db->cap_offsets : 512,
	    *p = realloc(db->offsets, cap * sizeof(*p));

	if (p == NULL)
		return -1;
	db->offsets = p;
	db->cap_offsets = cap;
	return 0;
}

/* Proves the record at `offset` and numbers it, unless it is known. */
static int
add_record(struct geo_db *db, uint32_t offset, uint64_t *budget, struct err *err)
{
	uint32_t i;

	if ((2 * db->n_places >= db->slot_mask && grow_slots(db) < 0) ||
	    (db->n_places == db->cap_offsets && grow_offsets(db) < 0))
		return err_set(err, "no memory for %u records", db->n_places);
	i = slot_of(db, offset);
	if (db->slots[i].record != GEO_DB_NONE)
		return 0;
	if (mmdb_prove(&db->file, offset, budget, err) < 0)
		return err_prefix(err, "the record at %u of the data section is broken", offset);
	db->slots[i] = (struct slot){ offset, db->n_places };
	db->offsets[db->n_places++] = offset;
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
		if (len == aliases[i].len &&
		    c->start == ((geo_key)aliases[i].hi << 64 | aliases[i].lo))
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
	assert(up < c->len);
	descend(c, mmdb_child(&c->db->file, c->node[up], 1), up + 1);
	return true;
}

static void
name_record(struct geo_cursor *c)
{
	if (c->record != GEO_DB_NONE)
		c->record = c->db->slots[slot_of(c->db, c->record)].record;
	assert(c->record == GEO_DB_NONE || c->record < c->db->n_places);
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

/* Walks one family's networks and proves their records.  A tree meets each node once; twice is
 * forgiven, for writers that share equal subtrees, so that a crafted file costs no more than its
 * size. */
static int
prove_family(struct geo_db *db, uint8_t family, uint64_t *budget, struct err *err)
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
prove_all(struct geo_db *db, struct err *err)
{
	/* values of shared maps are counted each time: 16 an octet is far above any real file */
	uint64_t budget = UINT64_C(1000000) + 16 * db->file.data.size;

	db->root4 = find_root4(&db->file);
	if (grow_slots(db) < 0)
		return err_set(err, "no memory");
	if (prove_family(db, 4, &budget, err) < 0 || prove_family(db, 6, &budget, err) < 0)
		return -1;
	return db->n_places != 0 ? 0 : err_set(err, "has no networks with data");
}

static int
read_places(struct geo_db *db, struct err *err)
{
	db->places = calloc(db->n_places, sizeof(*db->places));
	if (db->places == NULL)
		return err_set(err, "no memory for %u records", db->n_places);
	if (geo_record_read(&db->file, db->offsets, db->places, db->n_places, &db->metadata,
	    err) < 0)
		return -1;
	free(db->offsets);
	db->offsets = NULL;
	for (uint32_t i = 0; i < db->n_places; i++) {
		const struct geo_place *p = &db->places[i];
		db->has_places |= p->has_point || p->country[0] != '\0' || p->continent[0] != '\0';
		db->has_asns |= p->asn != 0;
	}
	if (!db->has_places && !db->has_asns)
		return err_set(err, "of type \"%s\": "
		    "none of its %u records has a country, coordinates or an AS number",
		    db->metadata.type, db->n_places);
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
	if (mmdb_open(&db->file, path, err) < 0 || prove_all(db, err) < 0 ||
	    read_places(db, err) < 0) {
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
	free(db->offsets);
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
	return db->metadata.type;
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
	assert(record == GEO_DB_NONE || record < db->n_places);
	return record == GEO_DB_NONE ? NULL : &db->places[record];
}

int
geo_db_walk(const struct geo_db *db,
    int (*each)(void *arg, const struct prefix *net, uint32_t record,
    const struct geo_place *place), void *arg, struct err *err)
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
