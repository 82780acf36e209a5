/*
 * zone_input: the files a zone is read from.
 *
 * Opens regular files only, within bounds of size, number and depth, finds the one that $INCLUDE
 * names, and keeps what is known while one is read.  Each file that is read or looked for goes to
 * the source with its stamp, so that a change of any of them is seen.  Knows nothing of what is
 * in them.  One thread.
 */
#ifndef NEARCAST_ZONE_INPUT_H
#define NEARCAST_ZONE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dnsd/zone/zone_source.h"
#include "common/rdata/master_text.h"

struct zone_input_limits {
	uint64_t octets_left;		/* of all files together */
	unsigned max_depth;		/* of $INCLUDE */
};

/* One file while it is read; includes stand on each other. */
struct zone_input {
	const struct zone_input *above;	/* the file with the $INCLUDE, NULL for the zone's own */
	uint32_t file;			/* index of its name */
	dev_t dev;
	ino_t ino;
	struct master_text text;
	uint8_t origin[NAME_MAX_WIRE];
	const uint8_t *owner;		/* of the last record; NULL = none yet */
	/* after mistakes: what is not known, and was said */
	bool no_origin, no_owner, outside, guessing, broken, in_quote;
};

/* Opens and reads a file for `in`, whose `above` is set; *text is the caller's, NULL after -1.
 * Takes its size off the limits.  0, or -1 with a reason that does not name the file, and errno
 * ENOENT when there is none. */
int zone_input_open(struct zone_source *src, struct zone_input *in, const char *name,
    struct zone_input_limits *limits, char **text, size_t *len, struct err *err);

/* The same for the file that $INCLUDE in `in` names by this token: in the folder of the zone's own
 * file, else in that of the including one.  `sub` is the input below.  Reasons name the files. */
int zone_input_include(struct zone_source *src, const struct zone_input *in,
    const struct master_token *tok, struct zone_input_limits *limits, struct zone_input *sub,
    char **text, size_t *len, struct err *err);

#endif
