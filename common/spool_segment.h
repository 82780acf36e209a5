/*
 * spool_segment: the files of a spool, DIR/KIND-BOOT-NNNNNN.log, as their one writer sees them.
 *
 * Segments only grow.  A new one begins when the last is large or old, and none is ever opened
 * again, neither by this process nor by the next.  While one is open its writer holds a lock on it
 * (flock(2), exclusive), by which the shipper sees that there is more to come.  What the kernel
 * takes only in part is cut back to the end of a line, so that a full disk leaves no half line.
 *
 * Where the folder's bound is reached, the open one is ended, so that it can go when collectors
 * have it.  One is open all the same from the first line on, without a line in it perhaps, and
 * blocks of the disk are reserved behind its end (fallocate(2)): a process can always write its
 * last words.
 *
 * Knows whole lines as octets, and how many of them all segments of the folder have together; no
 * JSON.  One thread.
 */
#ifndef NEARCAST_SPOOL_SEGMENT_H
#define NEARCAST_SPOOL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define SPOOL_SEGMENT_BOOT 64

struct spool_segment {
	char *dir, *kind;		/* borrowed */
	char boot[SPOOL_SEGMENT_BOOT];
	uint32_t size, age_ms;		/* bounds of one segment */
	int fd;				/* -1 = none is open */
	unsigned next;			/* number of the next one */
	uint64_t octets;		/* in the open one */
	uint64_t reserved;		/* octets of it that the disk has room for */
	uint64_t opened_ms, synced_ms, counted_ms;	/* monotonic clock */
	uint64_t total;			/* octets of all segments in dir, as counted and written
					 * since */
	bool dirty;			/* something is not on the disk yet */
	bool fresh;			/* nor is the file's name */
	bool torn;			/* half a line is written, whose rest comes next */
};

/* Makes the name of this process, from the wall clock and its id. */
void spool_segment_init(struct spool_segment *s, char *dir, char *kind);

/* Opens the first segment, unless that has been done: only then is `boot` settled.  0, or -1 with a
 * reason. */
int spool_segment_settle(struct spool_segment *s, uint64_t now_ms, struct err *err);

/* Appends lines.  Returns how many octets of them are written now: all, or fewer with a reason, and
 * errno, and then the caller comes again with the rest.  `max` as in spool.h; a segment is a
 * sixteenth of it at most. */
size_t spool_segment_write(struct spool_segment *s, const char *lines, size_t len, uint64_t max,
    uint64_t now_ms, struct err *err);

/* The last words, a few lines of 4096 octets at most: whatever the bound, and from what is
 * reserved.  True = they are written. */
bool spool_segment_last(struct spool_segment *s, const char *lines, size_t len, uint64_t now_ms);

/* To be called now and then: puts on the disk what has waited for a second, ends what is old, and
 * leaves a file that somebody has removed.  Returns in how many milliseconds to call again, 0 = not
 * before something is written. */
unsigned spool_segment_tick(struct spool_segment *s, uint64_t now_ms);

/* Counts the folder's segments anew, if that was a second ago or more. */
void spool_segment_count(struct spool_segment *s, uint64_t now_ms);

/* The octets of all segments in the folder `path`.  0, or -1 with errno.  Any thread. */
int spool_segment_total(const char *path, uint64_t *octets);

/* Puts the open one on the disk and closes it. */
void spool_segment_end(struct spool_segment *s);

#endif
