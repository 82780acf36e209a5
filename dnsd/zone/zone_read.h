/*
 * zone_read: master files (RFC 1035 section 5) to the records of a zone.
 *
 * Opens regular files only, bounds their size and the depth of $INCLUDE, reads directives and the
 * head of each record (owner, TTL, class, type), and says file and line of what it refuses.  Text
 * is split in zone_text.c, the data of each type is read in zone_rdata.c.
 *
 * Does not know what a zone must hold as a whole (zone_check.c), how it is served, configuration
 * or generations.  One thread; reads files, so never on the packet path.
 *
 * Where RFC 1035 leaves room: a record without TTL takes $TTL, else the last TTL stated, else
 * 3600; an included file starts with the including file's last owner and leaves its origin and
 * owner as they were, while a $TTL in it stays in force (RFC 2308 section 4: for all records that
 * follow).
 */
#ifndef NEARCAST_ZONE_READ_H
#define NEARCAST_ZONE_READ_H

#include <stddef.h>
#include <stdint.h>

#include "dnsd/zone/zone_source.h"

struct zone_read_limits {
	uint64_t max_octets;		/* of all files together; 0 = the most, 4 GiB - 1 */
	unsigned max_depth;		/* of $INCLUDE; 0 = 8 */
};

/* Appends the records of `file`, and of what it includes, to a source that is open and empty.
 * NULL limits are the defaults.  0, or -1 with "FILE:LINE: reason" in the source's err; what has
 * been read until then stays in the source. */
int zone_read_file(struct zone_source *src, const char *file,
    const struct zone_read_limits *limits);

/* The same from memory, which is not needed afterwards; `label` stands for the file in messages
 * and for relative includes. */
int zone_read_text(struct zone_source *src, const char *label, const char *text, size_t len,
    const struct zone_read_limits *limits);

#endif
