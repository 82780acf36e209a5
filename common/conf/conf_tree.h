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

/* Reads all items into r->conf, which is zero before, defaults included.  0, or -1 with a
 * message; r->conf can be freed either way, and keeps nothing of `scan`. */
int conf_tree_read(struct conf_reader *r, const struct conf_scan *scan);

#endif
