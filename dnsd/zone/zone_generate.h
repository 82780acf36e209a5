/*
 * zone_generate: $GENERATE, BIND's directive for many records that differ by a number.
 *
 *   $GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA
 *
 * Makes a line of master file text for each number; whoever reads records reads these lines.  In
 * owner and data `$` is the number, `${OFFSET,WIDTH,BASE}` the number plus OFFSET, filled up with
 * zeros to WIDTH, in base d, o, x or X, or (n, N) as nibbles with dots between them, the last one
 * first; `$$` is a dollar sign and so is `\$`.  Data of several fields stands in quotes, quotes in
 * it as `\"`.  All as BIND does it, which includes that an offset once given holds for the `$`
 * behind it, too.
 *
 * Knows neither records nor zones.  One thread per struct.
 */
#ifndef NEARCAST_ZONE_GENERATE_H
#define NEARCAST_ZONE_GENERATE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/rdata/master_text.h"

#define ZONE_GENERATE_MAX 1048576u	/* records of one directive */

struct zone_generate {
	uint32_t next, stop, step;
	const struct master_token *owner, *head, *data;	/* borrowed; head up to data */
	char *line;			/* owned; the last one */
	size_t size;
};

/* Reads the directive's n tokens, which must live as long as the struct.  0, then
 * zone_generate_close is the caller's; or -1 with a reason. */
int zone_generate_open(struct zone_generate *g, const struct master_token *tok, uint32_t n,
    struct err *err);

/* The next line, without its end, to g->line, good until the next call; its length to *len, its
 * number to *number.  1, 0 when there is none left, or -1 with a reason. */
int zone_generate_next(struct zone_generate *g, size_t *len, uint32_t *number, struct err *err);

void zone_generate_close(struct zone_generate *g);

#endif
