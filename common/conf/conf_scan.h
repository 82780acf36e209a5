/*
 * conf_scan: nearcast.conf's text as a tree of blocks, options and values.
 *
 * This module knows blocks, options and lists, and nothing of what they mean, but
 * for one option outside blocks, `include = "FILE"`, for which it takes that file's
 * items (conf_files.h), and for what conf_nest.h knows.  It refuses what is not well
 * formed, saying where it began: text that is cut off, an option given twice, NUL
 * octets, and what conf_lex.h refuses.  Pure; any thread.
 */
#ifndef NEARCAST_CONF_SCAN_H
#define NEARCAST_CONF_SCAN_H

#include <stddef.h>

#include "common/conf/conf_item.h"

/* Fills `scan`, which is zero before and good until conf_scan_free, whatever was wrong with the
 * text.  0, or -1 without memory and with nothing to free. */
int conf_scan(struct conf_scan *scan, struct conf_reader *r, const char *text, size_t len);
void conf_scan_free(struct conf_scan *scan);

#endif
