#include "common/geo/mmdb.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/file.h"

#define MAX_FILE ((size_t)2 << 30)
#define MAX_METADATA (128 * 1024)	/* the format's own limit */
#define MAX_NESTING 32
#define MAX_VALUES 65536		/* in one record */
#define SEPARATOR 16			/* zero octets between tree and data */

static const char marker[] = "\xab\xcd\xefMaxMind.com";

/* ---- values ---- */

enum mmdb_type {
	MMDB_EXTENDED, MMDB_POINTER, MMDB_STRING, MMDB_DOUBLE, MMDB_BYTES, MMDB_UINT16,
	MMDB_UINT32, MMDB_MAP, MMDB_INT32, MMDB_UINT64, MMDB_UINT128, MMDB_ARRAY,
	MMDB_CONTAINER, MMDB_END, MMDB_BOOLEAN, MMDB_FLOAT
};

struct value {
	enum mmdb_type type;
	uint32_t size;			/* octets, elements of a map or array, or the boolean */
	uint32_t at;			/* offset of the first octet after the control octets */
};

struct prover {
	const struct mmdb_section *section;
	uint64_t *budget;
	uint32_t values;
	struct err *err;
};

static uint64_t
big_endian(const uint8_t *p, size_t n)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++)
		x = x << 8 | p[i];
	return x;
}

/* Takes n octets at *at; NULL if the section ends before. */
static const uint8_t *
take_octets(const struct mmdb_section *s, uint32_t *at, uint32_t n)
{
	const uint8_t *p = s->octets + *at;

	if (*at > s->size || s->size - *at < n)
		return NULL;
	*at += n;
	return p;
}

/* The size field of a control octet, with its extension octets. */
static int
take_size(const struct mmdb_section *s, uint32_t *at, uint8_t control, uint32_t *size)
{
	static const uint32_t base[3] = { 29, 285, 65821 };
	uint32_t n = control & 0x1f;

	if (n >= 29) {
		const uint8_t *p = take_octets(s, at, n - 28);
		if (p == NULL)
			return -1;
		n = base[n - 29] + (uint32_t)big_endian(p, n - 28);
	}
	*size = n;
	return 0;
}

/* A pointer's target (format: "pointer"). */
static int
take_pointer(const struct mmdb_section *s, uint32_t *at, uint8_t control, uint32_t *target)
{
	static const uint32_t base[4] = { 0, 2048, 526336, 0 };
	unsigned n = (control >> 3 & 3) + 1u;
	const uint8_t *p = take_octets(s, at, n);

	if (p == NULL)
		return -1;
	*target = (uint32_t)big_endian(p, n);
	if (n < 4)
		*target = (*target | (uint32_t)(control & 7) << (8 * n)) + base[n - 1];
	return 0;
}

static bool
size_fits(enum mmdb_type type, uint32_t size)
{
	switch (type) {
	case MMDB_STRING: case MMDB_BYTES: case MMDB_MAP: case MMDB_ARRAY:
		return true;
	case MMDB_DOUBLE:
		return size == 8;
	case MMDB_FLOAT:
		return size == 4;
	case MMDB_UINT16:
		return size <= 2;
	case MMDB_UINT32: case MMDB_INT32:
		return size <= 4;
	case MMDB_UINT64:
		return size <= 8;
	case MMDB_UINT128:
		return size <= 16;
	case MMDB_BOOLEAN:
		return size <= 1;
	default:
		return false;
	}
}

/* The control octets of the value at *at, which is left after them. */
static int
take_control(struct prover *r, uint32_t *at, struct value *v)
{
	uint32_t start = *at;
	const uint8_t *control = take_octets(r->section, at, 1), *extended;

	if (control == NULL)
		return err_set(r->err, "a value at %u lies outside its section", start);
	v->type = *control >> 5;
	if (v->type == MMDB_POINTER) {
		if (take_pointer(r->section, at, *control, &v->at) < 0)
			return err_set(r->err, "the pointer at %u is cut off", start);
		return 0;
	}
	if (v->type == MMDB_EXTENDED) {
		extended = take_octets(r->section, at, 1);
		if (extended == NULL || *extended < 1 || *extended > 8)
			return err_set(r->err, "the value at %u has an unknown type", start);
		v->type = *extended + 7;
	}
	if (take_size(r->section, at, *control, &v->size) < 0)
		return err_set(r->err, "the value at %u is cut off", start);
	if (!size_fits(v->type, v->size))
		return err_set(r->err, "the value at %u has type %d, which cannot have size %u",
		    start, v->type, v->size);
	v->at = *at;
	return 0;
}

/* The value at *at, through one pointer if there is one.  *at is left where the next value begins,
 * except for maps and arrays that lie here: their elements come next. */
static int
take_value(struct prover *r, uint32_t *at, struct value *v, bool *here)
{
	uint32_t target;

	if (*r->budget == 0 || r->values == MAX_VALUES)
		return err_set(r->err, "the value at %u belongs to a record of too many values",
		    *at);
	(*r->budget)--;
	r->values++;
	*here = true;
	if (take_control(r, at, v) < 0)
		return -1;
	if (v->type == MMDB_POINTER) {
		*here = false;
		target = v->at;
		if (take_control(r, &target, v) < 0)
			return -1;
		if (v->type == MMDB_POINTER)
			return err_set(r->err, "a pointer leads to another pointer, at %u", target);
	}
	if (v->type == MMDB_MAP || v->type == MMDB_ARRAY)
		return 0;
	target = v->at;
	if (take_octets(r->section, &target, v->type == MMDB_BOOLEAN ? 0 : v->size) == NULL)
		return err_set(r->err, "the value at %u leaves its section", v->at);
	if (*here)
		*at = target;
	return 0;
}

static int prove_at(struct prover *r, uint32_t *at, unsigned nesting);

static int
prove_elements(struct prover *r, const struct value *v, uint32_t *at, unsigned nesting)
{
	struct value key;
	bool here;

	if (nesting == MAX_NESTING)
		return err_set(r->err, "the value at %u nests deeper than %d", v->at, MAX_NESTING);
	for (uint32_t i = 0; i < v->size; i++) {
		if (v->type == MMDB_MAP) {
			if (take_value(r, at, &key, &here) < 0)
				return -1;
			if (key.type != MMDB_STRING)
				return err_set(r->err,
				    "the map at %u has a key that is not a string", v->at);
		}
		if (prove_at(r, at, nesting + 1) < 0)
			return -1;
	}
	return 0;
}

/* Proves the value at *at, which is left where the next one begins. */
static int
prove_at(struct prover *r, uint32_t *at, unsigned nesting)
{
	struct value v;
	bool here;

	if (take_value(r, at, &v, &here) < 0)
		return -1;
	if (v.type == MMDB_MAP || v.type == MMDB_ARRAY)
		return prove_elements(r, &v, here ? at : &(uint32_t){ v.at }, nesting);
	return 0;
}

int
mmdb_prove(const struct mmdb *db, uint32_t offset, uint64_t *budget, struct err *err)
{
	struct prover r = { &db->data, budget, 0, err };

	return prove_at(&r, &offset, 0);
}

/* ---- the file ---- */

uint32_t
mmdb_child(const struct mmdb *db, uint32_t node, unsigned bit)
{
	const uint8_t *p = db->tree + (size_t)node * db->record_bits / 4;

	assert(node < db->node_count && bit <= 1);
	switch (db->record_bits) {
	case 24:
		p += 3 * bit;
		return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
	case 28:
		if (bit == 0)
			return (uint32_t)(p[3] & 0xf0) << 20 | (uint32_t)p[0] << 16 |
			    (uint32_t)p[1] << 8 | p[2];
		return (uint32_t)(p[3] & 0x0f) << 24 | (uint32_t)p[4] << 16 | (uint32_t)p[5] << 8 |
		    p[6];
	default:
		p += 4 * bit;
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	}
}

/* Puts the file's octets into memfd and seals it. */
static int
fill_and_seal(int memfd, const struct file *file, struct err *err)
{
	size_t size = (size_t)file->st.st_size;
	uint8_t *p;
	int rc;

	if (ftruncate(memfd, (off_t)size) < 0)
		return err_set(err, "no memory for %zu octets: %s", size, strerror(errno));
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (p == MAP_FAILED)
		return err_set(err, "no memory for %zu octets: %s", size, strerror(errno));
	rc = file_fill(file, p, err);
	munmap(p, size);
	if (rc < 0)
		return -1;
	if (fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return err_set(err, "its copy cannot be sealed: %s", strerror(errno));
	return 0;
}

static int
copy_file(struct mmdb *db, const struct file *file, struct err *err)
{
	long long size = file->st.st_size;

	if (size < (long long)sizeof(marker) || (uint64_t)size > MAX_FILE)
		return err_set(err, "has %lld octets, a MaxMind DB file was expected", size);
	if (fill_and_seal(db->fd, file, err) < 0)
		return -1;
	db->map_size = (size_t)size;
	db->map = mmap(NULL, db->map_size, PROT_READ, MAP_SHARED, db->fd, 0);
	if (db->map == MAP_FAILED) {
		db->map = NULL;
		return err_set(err, "cannot be mapped: %s", strerror(errno));
	}
	return 0;
}

static int
map_sealed_copy(struct mmdb *db, const char *path, struct err *err)
{
	struct file file;
	int rc;

	if (file_open(&file, path, 0, err) < 0)
		return -1;
	db->fd = memfd_create("mmdb", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	rc = db->fd < 0 ? err_set(err, "memfd_create: %s", strerror(errno)) :
	    copy_file(db, &file, err);
	file_close(&file);
	return rc;
}

/* ---- metadata ---- */

enum { NODE_COUNT, RECORD_SIZE, IP_VERSION, MAJOR, FIELDS = 9 };

/* What libmaxminddb refuses to be without, in these types (and leaks memory over, in others). */
static const struct {
	const char *key;
	enum mmdb_type type;
} fields[FIELDS] = {
	[NODE_COUNT] = { "node_count", MMDB_UINT32 },
	[RECORD_SIZE] = { "record_size", MMDB_UINT16 },
	[IP_VERSION] = { "ip_version", MMDB_UINT16 },
	[MAJOR] = { "binary_format_major_version", MMDB_UINT16 },
	{ "binary_format_minor_version", MMDB_UINT16 },
	{ "build_epoch", MMDB_UINT64 },
	{ "database_type", MMDB_STRING },
	{ "languages", MMDB_ARRAY },	/* of strings */
	{ "description", MMDB_MAP },	/* of strings to strings */
};

/* The first value of that key in the proven metadata: of two, libmaxminddb takes it, too. */
static int
find_field(struct prover *r, const char *key, struct value *v)
{
	uint32_t at = 0, n;
	bool here;

	r->values = 0;
	if (take_value(r, &at, v, &here) < 0)
		return -1;
	n = v->type == MMDB_MAP ? v->size : 0;
	at = v->at;
	for (uint32_t i = 0; i < n; i++) {
		if (take_value(r, &at, v, &here) < 0)
			return -1;
		if (v->size == strlen(key) && memcmp(r->section->octets + v->at, key, v->size) == 0)
			return take_value(r, &at, v, &here);
		if (prove_at(r, &at, 1) < 0)
			return -1;
	}
	return err_set(r->err, "there is no \"%s\"", key);
}

/* libmaxminddb copies these: pointers to one long string must not make gigabytes of it. */
static int
prove_strings(struct prover *r, const struct value *list, const char *key)
{
	uint32_t at = list->at, n = list->type == MMDB_MAP ? 2 * list->size : list->size;
	size_t octets = 0;
	struct value v;
	bool here;

	for (uint32_t i = 0; i < n; i++) {
		if (take_value(r, &at, &v, &here) < 0)
			return -1;
		if (v.type != MMDB_STRING || (octets += v.size) > MAX_METADATA)
			return err_set(r->err, "\"%s\" holds more than strings, or too many", key);
	}
	return 0;
}

static int
prove_metadata(const struct mmdb_section *section, uint64_t number[FIELDS], struct err *err)
{
	uint64_t budget = (FIELDS + 1) * (uint64_t)MAX_VALUES;
	struct prover r = { section, &budget, 0, err };
	struct value v;

	if (prove_at(&r, &(uint32_t){ 0 }, 0) < 0)
		return -1;
	for (unsigned i = 0; i < FIELDS; i++) {
		if (find_field(&r, fields[i].key, &v) < 0)
			return -1;
		if (v.type != fields[i].type)
			return err_set(err, "\"%s\" has type %d, %d was expected", fields[i].key,
			    v.type, fields[i].type);
		if (v.type == MMDB_MAP || v.type == MMDB_ARRAY) {
			if (prove_strings(&r, &v, fields[i].key) < 0)
				return -1;
		} else if (v.size <= 8) {
			number[i] = big_endian(section->octets + v.at, v.size);
		}
	}
	return 0;
}

/* The metadata follow the last marker in the file. */
static const uint8_t *
find_metadata(const struct mmdb *db)
{
	const uint8_t *p = db->map, *end = p + db->map_size, *found = NULL;
	size_t len = sizeof(marker) - 1;

	if (db->map_size > MAX_METADATA)
		p = end - MAX_METADATA;
	while ((p = memmem(p, (size_t)(end - p), marker, len)) != NULL) {
		p += len;
		found = p;
	}
	return found;
}

static int
check_metadata(struct mmdb *db, const uint8_t *meta_at, const uint64_t number[FIELDS],
    struct err *err)
{
	size_t before = (size_t)(meta_at - (const uint8_t *)db->map) - (sizeof(marker) - 1),
	    tree_size;
	uint64_t bits = number[RECORD_SIZE], nodes = number[NODE_COUNT];

	if (number[MAJOR] != 2)
		return err_set(err, "has format version %llu, 2 was expected",
		    (unsigned long long)number[MAJOR]);
	if (bits != 24 && bits != 28 && bits != 32)
		return err_set(err, "has records of %llu bits, 24, 28 or 32 was expected",
		    (unsigned long long)bits);
	if (number[IP_VERSION] != 4 && number[IP_VERSION] != 6)
		return err_set(err, "has IP version %llu, 4 or 6 was expected",
		    (unsigned long long)number[IP_VERSION]);
	if (nodes == 0 || nodes > before / (bits / 4) || nodes > UINT32_MAX - SEPARATOR)
		return err_set(err, "has a tree of %llu nodes, which a file of %zu octets cannot "
		    "hold", (unsigned long long)nodes, db->map_size);
	tree_size = (size_t)nodes * (bits / 4);
	if (before - tree_size < SEPARATOR)
		return err_set(err, "has a tree of %llu nodes, which leaves no room for data",
		    (unsigned long long)nodes);
	db->tree = db->map;
	for (size_t i = 0; i < SEPARATOR; i++)
		if (db->tree[tree_size + i] != 0)
			return err_set(err,
			    "has no separator behind its %llu nodes: the node count is wrong",
			    (unsigned long long)nodes);
	db->data.octets = db->tree + tree_size + SEPARATOR;
	db->data.size = before - tree_size - SEPARATOR;
	db->node_count = (uint32_t)nodes;
	db->record_bits = (unsigned)bits;
	db->ip_version = (unsigned)number[IP_VERSION];
	return 0;
}

int
mmdb_open(struct mmdb *db, const char *path, struct err *err)
{
	struct mmdb_section section;
	uint64_t number[FIELDS] = { 0 };

	memset(db, 0, sizeof(*db));
	db->fd = -1;
	if (map_sealed_copy(db, path, err) < 0)
		goto refuse;
	section.octets = find_metadata(db);
	if (section.octets == NULL) {
		err_set(err, "has no metadata: it is no MaxMind DB file, or cut off");
		goto refuse;
	}
	section.size = (size_t)((const uint8_t *)db->map + db->map_size - section.octets);
	if (prove_metadata(&section, number, err) < 0) {
		err_prefix(err, "has broken metadata");
		goto refuse;
	}
	if (check_metadata(db, section.octets, number, err) == 0)
		return 0;
refuse:
	mmdb_close(db);
	return -1;
}

void
mmdb_close(struct mmdb *db)
{
	if (db->map != NULL)
		munmap(db->map, db->map_size);
	if (db->fd >= 0)
		close(db->fd);
	db->map = NULL;
	db->fd = -1;
}

void
mmdb_rest(const struct mmdb *db)
{
	madvise(db->map, db->map_size, MADV_DONTNEED);
}
