/*
 * catalogue: which files there are to be had, as SQLite keeps them: one row a file.
 *
 *   file(id INTEGER PRIMARY KEY, path BLOB UNIQUE, size, mtime, sha256 BLOB, md5 BLOB or NULL)
 *   pieces(file INTEGER PRIMARY KEY, length, sha1 BLOB, sha256 BLOB)     where they were asked for
 *   about(name TEXT PRIMARY KEY, value)
 *
 * A path is octets without a slash at its beginning, whatever the octets.  An id stands for one
 * content at one path, for ever: a file that changes (size, time or hash) gets another, and none
 * is given twice.  So whoever keeps ids (held.h) is never wrong about a file, however old what he
 * knows is and whichever of the two he read first; at worst he does not know it yet.  Only if the
 * catalogue is removed, and then imported again, ids begin anew, which its lineage shows.
 *
 * The file is never changed in place.  An import (catalogue_write.h) writes a whole one beside it
 * and renames it, so readers need no lock, no journal and no right to write, a copy of it is
 * whole, and one killed at any moment leaves the old one.  A reader goes on with what it has
 * open until catalogue_refresh finds a new one that is sound.
 *
 * Knows neither mirrors nor who asks.  A handle is one thread's; any number of handles may be
 * open at a time.
 */
#ifndef NEARCAST_CATALOGUE_H
#define NEARCAST_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum {
	CATALOGUE_PATH_MAX = 4096,	/* octets of a path */
	CATALOGUE_SHA256 = 32, CATALOGUE_SHA1 = 20, CATALOGUE_MD5 = 16
};

struct catalogue;

struct catalogue_file {
	uint32_t id;			/* from 1 */
	uint64_t size;			/* octets, below 2^63 */
	int64_t mtime;			/* seconds since 1970 */
	uint8_t sha256[CATALOGUE_SHA256];
	uint8_t md5[CATALOGUE_MD5];	/* where has_md5 */
	bool has_md5;
	bool has_pieces;		/* catalogue_pieces finds some */
};

/* The hashes of a file's pieces, each of `length` octets but for the last. */
struct catalogue_pieces {
	uint32_t length;
	size_t n;
	const uint8_t *sha1;		/* n x CATALOGUE_SHA1 octets; NULL = not known */
	const uint8_t *sha256;		/* n x CATALOGUE_SHA256 octets; NULL = not known */
};

/* Opens a catalogue and looks whether it is one.  NULL with a reason, which names the file. */
struct catalogue *catalogue_open(const char *path, struct err *err);

/* NULL is fine. */
void catalogue_close(struct catalogue *catalogue);

/* If there is another file at the path now, goes over to it.  1 = it did, 0 = it is the same
 * one; -1 with a reason: there is none, or it cannot be used, and the handle still has the old
 * one.  The same reason is not looked for again until the file changes: then 0, too.  One
 * stat(2) where nothing has changed. */
int catalogue_refresh(struct catalogue *catalogue, struct err *err);

/* The file at this path.  1 and *file filled; 0 = there is none; -1 with a reason: the database
 * cannot be read. */
int catalogue_find(struct catalogue *catalogue, const char *path, size_t len,
    struct catalogue_file *file, struct err *err);

/* What may lie beside a file, under its name and a suffix. */
struct catalogue_beside {
	bool signature;			/* .asc */
	bool torrent;			/* .torrent */
};

/* catalogue_find, and what lies beside the file, in one statement.  *beside is filled where there
 * is the file. */
int catalogue_find_beside(struct catalogue *catalogue, const char *path, size_t len,
    struct catalogue_file *file, struct catalogue_beside *beside, struct err *err);

/* The file with this id, and its path, of *len octets and a NUL that is not counted.  As
 * catalogue_find. */
int catalogue_at(struct catalogue *catalogue, uint32_t id, struct catalogue_file *file,
    char path[CATALOGUE_PATH_MAX + 1], size_t *len, struct err *err);

/* The pieces of a file, valid until the next call with this handle.  As catalogue_find. */
int catalogue_pieces(struct catalogue *catalogue, uint32_t id, struct catalogue_pieces *pieces,
    struct err *err);

/* Calls `each` for every file, in the order of paths as octets, until it returns other than 0,
 * which is then returned; -1 with a reason also when the database cannot be read. */
int catalogue_each(struct catalogue *catalogue, int (*each)(void *arg, const char *path,
    size_t len, const struct catalogue_file *file, struct err *err), void *arg, struct err *err);

/* How much there is. */
struct catalogue_about {
	uint64_t files, octets;		/* rows; sum of sizes */
	uint32_t last_id;		/* the largest that was ever given */
	int64_t newest;			/* the largest mtime; 0 = no file */
	double imported;		/* CLOCK_REALTIME, seconds */
	int64_t lineage;		/* of its ids: one that was begun anew has another */
};

const struct catalogue_about *catalogue_about(const struct catalogue *catalogue);

/* Do the ids that this handle knows mean the same in the file that is at the path now?  True also
 * where that cannot be used, for then none can have been begun anew; false where there is none. */
bool catalogue_is_current(const struct catalogue *catalogue);

/* Reads every row and both trees.  0, or -1 with what is wrong. */
int catalogue_check(struct catalogue *catalogue, struct err *err);

#endif
