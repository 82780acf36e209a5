/*
 * catalogue_write: a new catalogue from a whole list of files, and the old one for its ids.
 *
 * The list is gathered in memory (some 120 octets and its path a file), compared with the
 * catalogue that is there, and written beside it, put on the disk, and renamed: whoever reads has
 * the old one or the new one, whenever this process is killed.  A file that is as it was keeps
 * its id, its MD5 and its pieces, if the list knows none; any other gets an id that no file
 * had before.  Nothing is written if nothing has changed.  Knows no format of lists and no mirror.
 * One thread a struct; of two that write one catalogue at a time the second is refused.
 */
#ifndef NEARCAST_CATALOGUE_WRITE_H
#define NEARCAST_CATALOGUE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalogue/catalogue.h"
#include "common/err.h"

struct catalogue_write;

struct catalogue_write *catalogue_write_new(void);	/* NULL = no memory */
void catalogue_write_free(struct catalogue_write *list);

/* Adds a file; its id and has_pieces do not matter.  `line`, which may be 0, is where it was
 * found, for messages.  `pieces` may be NULL.  All is copied.  0, or -1 with a reason: what no
 * catalogue may hold (a path that is empty, too long, begins with a slash, or has a NUL, "." or
 * ".." or nothing between slashes; a size of 2^63 or more), or no memory. */
int catalogue_write_add(struct catalogue_write *list, const char *path, size_t len,
    const struct catalogue_file *file, const struct catalogue_pieces *pieces, uint64_t line,
    struct err *err);

/* May a path be in a catalogue?  NULL, or what is wrong with it. */
const char *catalogue_write_wrong_path(const char *path, size_t len);

/* What an import did. */
struct catalogue_write_done {
	uint64_t same, added, changed, removed;
	bool replaced;			/* false = the catalogue is as it was before */
};

/* Makes the catalogue at `path` be the list.  `max_shrink` is how many percent of the files may
 * go at once; 100 = all.  0, or -1 with a reason and the old one as it was. */
int catalogue_write_commit(struct catalogue_write *list, const char *path, unsigned max_shrink,
    struct catalogue_write_done *done, struct err *err);

#endif
