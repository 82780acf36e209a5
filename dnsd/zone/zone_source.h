/*
 * zone_source: the records of a zone before they are compiled, from wherever they came.
 *
 * The seam of this room.  zone_read fills a source from master files; what else brings records (a
 * transfer, a catalog, a signer) fills one in the same way or changes one, and everything behind
 * it, zone_tree, zone_check and zone_compile, is the same for all (zone_load.h).
 *
 * A list of records in their order, each knowing its file and line, if it has them; owners and
 * rdata lie in an arena that is freed whole once the zone is compiled.  Also the two ways to
 * complain: zone_refuse (the zone is not served) and zone_warn (it is), both naming file and line.
 * All mistakes of a zone are kept, in the order of its records; `lost` is what is missing because
 * of them, which is no mistake of its own.
 * Does not know what records mean, alone or together.  One thread.
 */
#ifndef NEARCAST_ZONE_SOURCE_H
#define NEARCAST_ZONE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mistakes.h"
#include "common/dns/name.h"

#define ZONE_WARNINGS 100		/* lines a load says at most; the rest is counted */

/* One record: owner and rdata uncompressed and well-formed for its type. */
struct zone_record {
	const uint8_t *owner;
	const uint8_t *rdata;
	uint16_t type, rdlength;
	uint32_t ttl_s;
	uint32_t line;			/* from 1; 0 = it stood in no file */
	uint32_t file;			/* index into zone_source.files; 0 when there are none */
};

/* Which pools there are, for who can tell. */
struct zone_pools {
	bool (*known)(const void *arg, const char *pool);
	const void *arg;
	const char *where;		/* the file that has them, for messages */
};

struct zone_source {
	uint8_t apex[NAME_MAX_WIRE];
	uint8_t apex_len, apex_labels;
	struct zone_record *records;
	uint32_t n_records, room;
	char **files;			/* owned; [0] is the zone's own, includes follow */
	uint32_t n_files;
	uint64_t stamp;			/* of all files as they were when read (file_stamp_add) */
	struct zone_block *arena;	/* newest first */
	size_t arena_left;
	const struct zone_pools *pools;	/* borrowed; NULL = any is known */
	const struct warn *warn;
	unsigned warnings;
	struct zone_warned {		/* the last ones, of records: once is enough for a line */
		const char *fmt;
		const uint8_t *rdata;
		uint32_t file, line;
	} warned[8];
	unsigned n_warned;
	struct mistakes mistakes;
	uint64_t place;			/* of a mistake that is found now; grows along the zone */
	bool lost_soa, lost_ns;
	struct err *err;		/* the first mistake */
};

/* An empty source.  `apex` is copied; `warn` and `err` are the caller's until zone_source_close and
 * may be NULL. */
void zone_source_open(struct zone_source *src, const uint8_t *apex,
    const struct warn *warn, struct err *err);
void zone_source_close(struct zone_source *src);

/* A copy that lives until zone_source_close; NULL when there is no memory. */
uint8_t *zone_source_keep(struct zone_source *src, const void *octets, size_t len);

/* Appends a record.  Its owner, which lies in the zone, and its rdata must live as long as the
 * source: zone_source_keep sees to that.  0, or -1 when there is no memory. */
int zone_source_add(struct zone_source *src, const struct zone_record *rec);

/* Takes back all records but the first n. */
void zone_source_cut(struct zone_source *src, uint32_t n);

/* Index of a file's name, which is copied; UINT32_MAX when there is no memory. */
uint32_t zone_source_file(struct zone_source *src, const char *name);

/* "FILE:LINE: reason" to the mistakes, and into the source's err; line 0 is left out.  zone_refuse
 * places it behind the records that there are, zone_refuse_at at the record, unless something is
 * wrong with its line already, as with all that one $GENERATE made.  Returns -1. */
int zone_refuse(struct zone_source *src, uint32_t file, uint32_t line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int zone_refuse_at(struct zone_source *src, const struct zone_record *rec, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Where a record stands, for a message about `here`: "line N", or "line N of FILE" if that is not
 * the same file.  Returns `out`. */
#define ZONE_SOURCE_LINE 160
char *zone_source_line(const struct zone_source *src, const struct zone_record *rec,
    const struct zone_record *here, char out[ZONE_SOURCE_LINE]);

/* The same to who hears warnings; those after the first ZONE_WARNINGS are only counted.  Of the
 * same warning of records of one line, which $GENERATE made, zone_warn_at says the first. */
void zone_warn(struct zone_source *src, uint32_t file, uint32_t line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void zone_warn_at(struct zone_source *src, const struct zone_record *rec, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Says how many warnings were only counted, if any were: once, when the zone has been compiled. */
void zone_warn_rest(struct zone_source *src);

#endif
