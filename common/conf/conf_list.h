/*
 * conf_list: the values of a list, `NAME = { a, b }`, while nearcast.conf is scanned.
 *
 * Knows what separates them, and where a list ends that is not closed: before the next item, or
 * with the file.  What is wrong is told once for each list, which is marked.  Pure; any thread.
 */
#ifndef NEARCAST_CONF_LIST_H
#define NEARCAST_CONF_LIST_H

#include "common/conf/conf_lex.h"
#include "common/conf/conf_nest.h"

/* After `NAME = {` on line `began`: the values become the last item's, up to the `}`, or to the
 * item behind the list where that is missing.  0, or -1 without memory. */
int conf_list_scan(struct conf_lex *lex, struct conf_nest *nest, const char *name, int began);

#endif
