/*
 * conf_tree: what was scanned of nearcast.conf becomes the structs that the schema names.
 *
 * Knows that the schema's tables say where everything goes, and refuses what they do not
 * have.  Knows no single option but where a message needs one's line.  Any thread.
 */
#ifndef NEARCAST_CONF_TREE_H
#define NEARCAST_CONF_TREE_H

#include "common/conf/conf_reader.h"
#include "common/conf/conf_scan.h"

/* Reads all items into r->conf, which is zero before, defaults included, and marks those with
 * which something is wrong.  Then r->conf is as good as it can be: it has all blocks, every number
 * and index is in its range, texts without a default may be NULL, and an index of a name that is of
 * nothing is 0.  It can be freed, and keeps nothing of `scan`. */
void conf_tree_read(struct conf_reader *r, struct conf_scan *scan);

#endif
