/*
 * conf_scan: nearcast.conf's text made plain for libconfuse.
 *
 * libconfuse reads a brace syntax well, but it takes a file that is cut off,
 * counts lines wrongly after block comments, expands ${VARIABLES}, drops
 * backslashes it does not know, lets the last of two equal options win, and has
 * no `;`.  So the text passes here first.  This module knows blocks, options,
 * lists, strings and comments, and nothing of what they mean; it refuses what
 * is not well formed, saying where it began, and writes the same again as
 *
 *   NAME = {"=", "value"}            an option with one value
 *   NAME = {"[", "a", "b"}           an option with a list
 *   NAME: { @ = {"=", "title"} ... } a block, with its title if it has one
 *
 * every line break in its place, so that line numbers stay right.  The first
 * word says how the option was written (an empty list differs from none), and
 * the colon keeps a block from an option of the same name.  Pure; any thread.
 */
#ifndef NEARCAST_CONF_SCAN_H
#define NEARCAST_CONF_SCAN_H

#include <stddef.h>

#include "common/err.h"

#define CONF_SCAN_DEPTH 8		/* blocks inside blocks */
#define CONF_SCAN_OPTIONS 256		/* options in one block */
#define CONF_SCAN_WORD 4096		/* octets of one value */

/* Returns the plain text (the caller frees it), or NULL with
 * "FILE:LINE: ..." in err; `file` is the name for messages. */
char *conf_scan(const char *file, const char *text, size_t len, struct err *err);

#endif
