/*
 * held: which mirror has which of the catalogue's files: one bitmap of ids a mirror (roaring).
 *
 *   held(mirror TEXT PRIMARY KEY, version, scanned, complete, tried, why, n, newest,
 *        ids BLOB, ids_sum, bad BLOB, bad_sum)
 *   of(lineage): whose ids these are
 *
 * It lies beside the catalogue, in PATH.held, for it changes while the catalogue does not: healthd
 * takes a file out as soon as a mirror fails to deliver it, scans replace a whole row.  Each is
 * one transaction with SQLite's rollback journal; unlike a write-ahead log it needs no writable
 * file for readers.  A reader takes the lock for as long as it copies what has changed, and then
 * asks its own memory.  What it cannot read (a writer was killed and the next one has not put it
 * right, the file is damaged or gone) leaves it with the snapshot that it has.
 *
 * A snapshot is never changed once it is there: any number of threads ask it, the last one that
 * needs it frees it.  Bitmaps that have not changed are shared with the snapshot before.  An id
 * that the catalogue no longer has does no harm (catalogue.h).  Ids of another lineage than the
 * catalogue's mean other files, for instance beside a catalogue that was copied from another
 * machine: who asks compares.  Knows mirrors by name alone.
 */
#ifndef NEARCAST_HELD_H
#define NEARCAST_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { HELD_NAME_MAX = 64, HELD_WHY_MAX = 256 };	/* octets with NUL */

struct held;
struct held_ids;			/* a bitmap of held_ids.h, shared */

struct held_mirror {
	char name[HELD_NAME_MAX];
	int64_t version;		/* grows with each change of the row */
	double scanned;			/* the last scan taken; 0 = none.  CLOCK_REALTIME, s */
	bool complete;			/* it saw the whole tree */
	double tried;			/* the last scan that was begun */
	char why[HELD_WHY_MAX];		/* what is wrong with that one; "" = nothing */
	uint64_t n;			/* files it holds */
	int64_t newest;			/* mtime of the newest of them; 0 = not known */
	const struct held_ids *ids;	/* what it holds */
	const struct held_ids *bad;	/* what it was seen not to deliver, since it was scanned */
};

/* The file's state as a number, for held_read only when it changes; 0 = there is none.
 * `catalogue` is the catalogue's path, here and below. */
uint64_t held_stamp(const char *catalogue);

/* What the file says now.  `before`, which may be NULL, is a snapshot to share with; both are
 * then freed in any order.  No file = a snapshot without mirrors.  NULL with a reason. */
struct held *held_read(const char *catalogue, const struct held *before, struct err *err);

/* NULL is fine. */
void held_free(struct held *held);

/* Do its ids mean files of a catalogue of this lineage?  A file that does not say is believed. */
bool held_is_of(const struct held *held, int64_t lineage);

/* Forgets what it says where it is of another lineage; only while nobody else has the snapshot. */
void held_keep_of(struct held *held, int64_t lineage);

/* The largest id that any mirror has or had; 0 = none. */
uint32_t held_highest(const struct held *held);

size_t held_count(const struct held *held);			/* mirrors that have a row */
const struct held_mirror *held_at(const struct held *held, size_t i);	/* sorted by name */

/* The mirror's place for held_at and held_has, or -1: nothing is known of it.  It holds for this
 * snapshot alone. */
int held_find(const struct held *held, const char *mirror);

/* Does the mirror at this place (-1: no) hold the file?  Some ten nanoseconds; no lock. */
bool held_has(const struct held *held, int place, uint32_t id);

#endif
