/*
 * conf_mirrors: what `mirror` and `redirect` blocks mean for each other, once all is read.
 *
 * Finds the `one-file` that a mirror names, refuses what would send nobody anywhere or to the
 * wrong place, and tells what is odd.  Opens no file.  Any thread.
 */
#ifndef NEARCAST_CONF_MIRRORS_H
#define NEARCAST_CONF_MIRRORS_H

#include "common/conf/conf_reader.h"

void conf_mirrors_check(struct conf_reader *r);

/* What is odd but usable, to r->warn. */
void conf_mirrors_doubt(struct conf_reader *r);

#endif
