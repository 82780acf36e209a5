/*
 * mmdb: the MaxMind DB file format 2.0, read with every step checked.
 *
 * A file is copied into a sealed memfd and mapped from there, so nobody can truncate
 * or change what is being read.  Then it is only octets: a search tree of records
 * (24, 28 or 32 bits), 16 zero octets, a data section of typed values, metadata.
 * Each access is bounded; a value is refused if it leaves its section, nests too deep,
 * points to a pointer, or has a size that its type does not allow.  This is our own
 * reader since the library in use today (libmaxminddb 1.7.1) lacks later fixes for
 * crafted files, and since one pass here both proves a record and takes what is
 * wanted from it; the tests compare the two.
 *
 * Knows nothing of countries or coordinates.  A struct mmdb is immutable once open;
 * any thread may read.  Format: https://maxmind.github.io/MaxMind-DB/
 */
#ifndef NEARCAST_MMDB_H
#define NEARCAST_MMDB_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* A part of the file in which values lie; pointers count from its beginning. */
struct mmdb_section {
	const uint8_t *octets;
	size_t size;
};

struct mmdb {
	void *map;			/* the sealed copy */
	size_t map_size;
	const uint8_t *tree;
	struct mmdb_section data;
	uint32_t node_count;		/* at least 1 */
	unsigned record_bits;		/* 24, 28, 32 */
	unsigned ip_version;		/* 4 or 6 */
	uint64_t build_epoch;		/* seconds since 1970 */
	char type[64];			/* metadata.database_type */
};

enum mmdb_type {
	MMDB_EXTENDED, MMDB_POINTER, MMDB_STRING, MMDB_DOUBLE, MMDB_BYTES, MMDB_UINT16,
	MMDB_UINT32, MMDB_MAP, MMDB_INT32, MMDB_UINT64, MMDB_UINT128, MMDB_ARRAY,
	MMDB_CONTAINER, MMDB_END, MMDB_BOOLEAN, MMDB_FLOAT
};

/* A value that is neither map nor array.  The octets are the file's, big-endian. */
struct mmdb_scalar {
	enum mmdb_type type;
	uint32_t size;
	const uint8_t *octets;
};

/* Which values are wanted: a row leads from one place in a record to the next by a
 * map's key, or "0" for an array's first element.  Place 0 is "nothing wanted here",
 * place 1 the record itself. */
struct mmdb_path {
	uint8_t from;
	const char *key;
	uint8_t to;
};

#define MMDB_NOWHERE 0
#define MMDB_RECORD 1

struct mmdb_wanted {
	const struct mmdb_path *paths;
	size_t n_paths;
	void (*found)(void *arg, uint8_t place, const struct mmdb_scalar *value);
};

/* 0, or -1 with a reason (without the path). */
int mmdb_open(struct mmdb *db, const char *path, struct err *err);
void mmdb_close(struct mmdb *db);

/* Says that little of the file will be read from now on: its pages leave the process's
 * memory until they are touched again (they stay in the sealed copy). */
void mmdb_rest(const struct mmdb *db);

/* The left (0) or right (1) record of node < node_count: a node if < node_count, nothing
 * if equal to it, else node_count + 16 + an offset into the data section. */
uint32_t mmdb_child(const struct mmdb *db, uint32_t node, unsigned bit);

/* Proves the value at `offset` and all below it, calling `found` for what is wanted.  Each
 * value visited is taken off *budget, a record being allowed 65536 at most.  -1 with a
 * reason if it is broken or the budget is spent. */
int mmdb_read(const struct mmdb_section *section, uint32_t offset,
    const struct mmdb_wanted *wanted, void *arg, uint64_t *budget, struct err *err);

/* Unsigned integers, integers that are not negative: 0 and *n.  Others: -1. */
int mmdb_unsigned(const struct mmdb_scalar *value, uint64_t *n);
/* Doubles, floats, integers, and numbers written as a string: 0 and *x, finite.  Others: -1. */
int mmdb_number(const struct mmdb_scalar *value, double *x);

#endif
