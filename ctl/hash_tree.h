/*
 * hash_tree: the regular files below a folder, and the hashes of what is in them.
 *
 * Links are not followed and, like devices and sockets, are no files; what rsync leaves behind
 * while it works (`.~tmp~`) is left out, as a scan does.  A file that changes while it is read,
 * or one that cannot be read, ends the whole: half a tree is not a set.  Knows no catalogue.
 * One thread.
 */
#ifndef NEARCAST_HASH_TREE_H
#define NEARCAST_HASH_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/catalogue/catalogue.h"
#include "common/err.h"

/* Calls `each` for every file below `folder` with its path from there, its size and its time;
 * its content has not been read.  `at` is a descriptor of the folder it is in, `name` its name
 * there.  0, what `each` returned, or -1 with a reason. */
int hash_tree_walk(const char *folder, int (*each)(void *arg, int at, const char *name,
    const char *path, size_t len, const struct catalogue_file *file, struct err *err),
    void *arg, struct err *err);

/* What to find out beside the SHA-256. */
struct hash_tree_want {
	bool md5, pieces;
};

/* Reads a file and fills its hashes, and `pieces` if they are wanted (n 0 where the file is
 * empty), which are valid until the next call.  The file must have the size and the time that it
 * had.  0, or -1 with a reason. */
int hash_tree_file(int at, const char *name, const struct hash_tree_want *want,
    struct catalogue_file *file, struct catalogue_pieces *pieces, struct err *err);

#endif
