/*
 * manifest: one line of a list of files, as an origin publishes it.
 *
 *   PATH<TAB>SIZE<TAB>MTIME<TAB>SHA256[<TAB>MD5]
 *   PATH<TAB>SHA256
 *
 * The second is publish-set's: size and time are then found in a tree.  A path is octets; those
 * that would break the line (below 0x20, 0x7f, the backslash), and any others, may be written as
 * a backslash and three octal digits.  SIZE is octets, MTIME seconds since 1970, both decimal;
 * hashes are hexadecimal.  Knows no file; what a path may be is catalogue_write's to say.  Pure.
 */
#ifndef NEARCAST_MANIFEST_H
#define NEARCAST_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/catalogue/catalogue.h"
#include "common/err.h"

struct manifest_entry {
	char path[CATALOGUE_PATH_MAX + 1];	/* decoded; no NUL counts as its end */
	size_t len;
	bool bare;			/* size and time are not given: 0 */
	struct catalogue_file file;	/* id 0 */
};

/* Reads a line of `len` octets without its end.  0, or -1 with a reason that shows what it is
 * about, but neither file nor line. */
int manifest_line(const char *line, size_t len, struct manifest_entry *entry, struct err *err);

/* A path as a manifest may have it, and as it may go to a terminal or a log: what is no character
 * that is shown (utf8.h) is escaped.  As much as there is room for; returns `out`. */
char *manifest_path(const char *path, size_t len, char *out, size_t size);

#endif
