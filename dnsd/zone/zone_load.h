/*
 * zone_load: master files (RFC 1035 section 5) to a compiled struct zone.
 *
 * Opens regular files only, bounds their size and the depth of $INCLUDE, reads
 * directives and the head of each record (owner, TTL, class, type), and says file and
 * line of what it refuses.  What a zone must hold as a whole is checked in zone_check.c,
 * the data of each type is read in zone_rdata.c (with ldns), text is split in zone_text.c.
 * Knows no configuration and no generations.  Runs on the main thread (or nearctl); not
 * on the packet path.
 *
 * Where RFC 1035 leaves room: a record without TTL takes $TTL, else the last TTL stated, else
 * 3600; an included file starts with the including file's last owner and leaves its origin
 * and owner as they were, while a $TTL in it stays in force (RFC 2308 section 4: for all
 * records that follow).
 */
#ifndef NEARCAST_ZONE_LOAD_H
#define NEARCAST_ZONE_LOAD_H

#include "common/err.h"
#include "dnsd/zone/zone.h"

struct zone_load_limits {
	uint64_t max_octets;		/* of all files together; 0 = default 4 GiB - 1, which is also the most */
	unsigned max_depth;		/* of $INCLUDE; 0 = default 8 */
};

/* Loads zone `name` (text) from `file`.  Warnings go to `warn`, one line each,
 * when it is not NULL.  NULL with "FILE:LINE: ..." in err when refused. */
struct zone *zone_load(const char *name, const char *file, const struct zone_load_limits *limits,
    const struct warn *warn, struct err *err);

/* The same from memory; `label` stands for the file in messages and for relative
 * includes.  Such a zone has no stamp worth comparing. */
struct zone *zone_load_text(const char *name, const char *label, const char *text, size_t len,
    const struct zone_load_limits *limits, const struct warn *warn, struct err *err);

/* A number that differs if any file the zone was read from has changed (device,
 * inode, size, mtime to the nanosecond, of every include). */
uint64_t zone_load_stamp(const struct zone *zone);

#endif
