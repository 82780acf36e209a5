/*
 * zone_source: the records of a zone as they were read, before they are compiled.
 *
 * A list of records in file order, each knowing its file and line; owners and rdata
 * lie in an arena that is freed whole once the zone is compiled.  Also the two ways
 * to complain: zone_refuse (the zone is not loaded) and zone_warn (it is), both
 * naming file and line.  Shared by zone_read, zone_tree, zone_check, zone_compile.
 * One thread.
 */
#ifndef NEARCAST_ZONE_SOURCE_H
#define NEARCAST_ZONE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/dns/name.h"

#define ZONE_WARNINGS 100		/* lines a load says at most; the rest is counted */

/* One record as read: owner and rdata uncompressed. */
struct zone_record {
	const uint8_t *owner;
	const uint8_t *rdata;
	uint16_t type, rdlength;
	uint32_t ttl_s;
	uint32_t line;
	uint32_t file;			/* index into zone_source.files */
};

struct zone_source {
	uint8_t apex[NAME_MAX_WIRE];
	uint8_t apex_len, apex_labels;
	struct zone_record *records;
	uint32_t n_records, room;
	char **files;			/* owned; [0] is the zone's own */
	uint32_t n_files;
	uint64_t stamp;			/* of all files, as they were when opened */
	struct zone_block *arena;	/* newest first */
	size_t arena_left;
	const struct warn *warn;
	unsigned warnings;
	struct err *err;
};

/* `apex` is copied.  `warn` and `err` may be NULL. */
void zone_source_open(struct zone_source *src, const uint8_t *apex,
    const struct warn *warn, struct err *err);
void zone_source_close(struct zone_source *src);

/* Octets that live until zone_source_close; NULL when there is no memory. */
uint8_t *zone_source_keep(struct zone_source *src, const void *octets, size_t len);

/* Appends a record, whose owner and rdata are kept by zone_source_keep.  0, or -1. */
int zone_source_add(struct zone_source *src, const struct zone_record *rec);

/* Index of a file's name, which is copied; UINT32_MAX when there is no memory. */
uint32_t zone_source_file(struct zone_source *src, const char *name);

/* "FILE:LINE: reason" into the source's err; returns -1. */
int zone_refuse(struct zone_source *src, uint32_t file, uint32_t line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int zone_refuse_at(struct zone_source *src, const struct zone_record *rec, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void zone_warn(struct zone_source *src, uint32_t file, uint32_t line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void zone_warn_at(struct zone_source *src, const struct zone_record *rec, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Says how many warnings were left out, if any were. */
void zone_warn_rest(struct zone_source *src);

#endif
