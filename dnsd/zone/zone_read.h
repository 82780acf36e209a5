/*
 * zone_read: master files (RFC 1035 section 5.1) to the records of a zone.
 *
 * Opens regular files only, bounds their size and the depth of $INCLUDE, follows the directives,
 * and says file and line of what it refuses.  After a mistake it goes on with the next entry, so
 * that all of them are found at once, and keeps silent about what is only their consequence: lines
 * that take their owner from the mistaken one, names below an origin that is not known, what may be
 * the rest of a record that was never closed.  Text is split in master_text.c, $GENERATE expanded
 * in zone_generate.c, a record read in zone_record.c.
 *
 * $INCLUDE looks in the folder of the zone's own file, then in that of the including file.  An
 * included file starts with the including file's last owner and leaves its origin and owner as they
 * were, while a $TTL in it stays in force (RFC 2308 section 4: for all records that follow).
 *
 * Does not know what a zone must hold as a whole (zone_check.c), how it is served, configuration
 * or generations.  One thread; reads files, so never on the packet path.
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
 * NULL limits are the defaults.  0, or -1 with each mistake in the source and the first one's
 * "FILE:LINE: reason" in its err; the records without mistakes are in the source all the same. */
int zone_read_file(struct zone_source *src, const char *file,
    const struct zone_read_limits *limits);

/* The same from memory, which is not needed afterwards; `label` stands for the file in messages
 * and for relative includes. */
int zone_read_text(struct zone_source *src, const char *label, const char *text, size_t len,
    const struct zone_read_limits *limits);

#endif
