/*
 * mmdb: a MaxMind DB file (format 2.0), copied to where nobody can change it, and proven.
 *
 * A file is copied into a sealed memfd and mapped from there, so nobody can truncate
 * or change what is being read.  Then it is only octets: a search tree of records
 * (24, 28 or 32 bits), 16 zero octets, a data section of typed values, metadata.
 * Each access is bounded; a value is refused if it leaves its section, nests too deep,
 * points to a pointer, or has a size that its type does not allow.
 *
 * This proves and walks, and takes nothing out of a value: that is libmaxminddb's part
 * (geo_record.h), which is shown no octet before it is proven here.  Debian's 1.7.1 lacks
 * later fixes for crafted files: a node count that wraps 32 bits, endless recursion,
 * metadata past the end of the file, gigabytes of copies of one string.
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
	int fd;				/* the sealed copy */
	void *map;
	size_t map_size;
	const uint8_t *tree;
	struct mmdb_section data;
	uint32_t node_count;		/* at least 1 */
	unsigned record_bits;		/* 24, 28, 32 */
	unsigned ip_version;		/* 4 or 6 */
};

/* Copies the file, proves the metadata and that the tree lies within it.  0, or -1 with a
 * reason (without the path). */
int mmdb_open(struct mmdb *db, const char *path, struct err *err);
void mmdb_close(struct mmdb *db);

/* Says that little of the file will be read from now on: its pages leave the process's
 * memory until they are touched again (they stay in the sealed copy). */
void mmdb_rest(const struct mmdb *db);

/* The left (0) or right (1) record of node < node_count: a node if < node_count, nothing
 * if equal to it, else node_count + 16 + an offset into the data section. */
uint32_t mmdb_child(const struct mmdb *db, uint32_t node, unsigned bit);

/* Proves the value at `offset` of the data section and all below it.  Each value visited is
 * taken off *budget, a record being allowed 65536 at most.  -1 with a reason if it is
 * broken or the budget is spent. */
int mmdb_prove(const struct mmdb *db, uint32_t offset, uint64_t *budget, struct err *err);

#endif
