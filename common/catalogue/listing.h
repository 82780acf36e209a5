/*
 * listing: one line of what `rsync --list-only --no-h` prints, in UTC.
 *
 *   -rw-r--r--              5 2026/11/27 16:52:03 NAME
 *
 * NAME is octets; control characters and what is no UTF-8 come as \#ooo, and so does a backslash
 * before a # and three digits: these are decoded, nothing else is.  Lines of folders, links and
 * devices are no files.  The other end is a stranger's: whatever it makes rsync print is either a
 * line of this form or none.  Pure; knows neither rsync nor a catalogue.
 */
#ifndef NEARCAST_LISTING_H
#define NEARCAST_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalogue/catalogue.h"

enum { LISTING_LINE_MAX = 5 * CATALOGUE_PATH_MAX + 64 };

enum listing_kind {
	LISTING_FILE,
	LISTING_OTHER,			/* a folder, a link, a device: of no interest */
	LISTING_STRANGE			/* not of this form, or a name that no catalogue holds */
};

struct listing_file {
	char path[CATALOGUE_PATH_MAX + 1];
	size_t len;
	uint64_t size;
	int64_t mtime;			/* seconds since 1970 */
};

/* Reads a line of `len` octets without its end; *file is filled for a LISTING_FILE only. */
enum listing_kind listing_line(const char *line, size_t len, struct listing_file *file);

#endif
