/*
 * spool: events as JSON lines in segment files, which a shipper takes to collectors.
 *
 * A line is {"host":HOST,"boot":BOOT,"seq":N,"t":SECONDS,MEMBERS}.  BOOT is the process: its start
 * in UTC, or, where the clock was set back, a time behind all others of its KIND, and its id. N
 * counts every event of the process from 0, also those that could not be written: where the disk is
 * full, or more octets wait in the folder than the operator allows, events wait in memory, and what
 * does not fit there is lost, counted, and declared by a line
 * {...,"seq":N,"ev":"lost","from":A,"to":B} before the next event that is written.  The last line
 * of a process is {...,"ev":"end"}, for which room is kept, with a `lost` line before it where that
 * is due; whoever is killed writes none, and the next process of this KIND says so by
 * {...,"ev":"cut","of":BOOT,"last":N}.  So whoever reads the lines knows of every hole, and a hole
 * that nobody declared is a fault.
 *
 * Segments are DIR/KIND-BOOT-NNNNNN.log (spool_segment.h).  Whoever says a line never waits for a
 * disk and never fails: one thread for each spool writes, and puts on the disk once a second.
 * Knows nothing of what is in a line but its head; members.h makes the rest.
 *
 * spool_line and spool_state: any thread, not on dnsd's packet path, since they take a lock for the
 * time of a copy.  A spool is one process's: after fork(2) the child opens its own, of another
 * KIND.  Where a `struct spool *` is NULL, nobody wants the lines, and nothing is done.
 */
#ifndef NEARCAST_SPOOL_H
#define NEARCAST_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum {
	SPOOL_LINE = 65536,		/* octets of members, at most; longer ones are lost */
	SPOOL_SEGMENT = 8 << 20,	/* octets of a segment */
	SPOOL_AGE_MS = 60000,		/* of a segment, from its first line to its end */
	SPOOL_BUFFER = 4 << 20		/* octets of events in memory, while none can be written */
};

struct spool;

struct spool_how {
	const char *dir;		/* all three copied */
	const char *kind;		/* lower-case letters; unique among a machine's daemons */
	const char *host;		/* NULL = the machine's name */
	uint64_t max;			/* octets of all segments in dir, whoever wrote them; from
					 * half on there are warnings; 0 = any */
	/* Hears, on the thread that writes, what is wrong with the folder, once each time;
	 * borrowed, valid until spool_close.  NULL = nobody. */
	const struct warn *warn;
	uint32_t segment, age_ms, buffer;	/* 0 = as above; other values are for tests */
};

/* A folder that is not there, or cannot be written, is no failure: it is tried again for as long as
 * the spool is open, and events wait.  NULL with a reason when there is no memory or no thread. */
struct spool *spool_open(const struct spool_how *how, struct err *err);

/* One event, at the time of the call: `members` as in "\"ev\":\"start\",\"pid\":1", which is
 * copied.  A line end in it becomes a blank. */
void spool_line(struct spool *spool, const char *members);

/* The same for `len` octets and a time of the caller's (clock_wall). */
void spool_line_at(struct spool *spool, double t, const char *members, size_t len);

/* So many events were lost before they came here; they get numbers, too. */
void spool_lose(struct spool *spool, uint64_t events);

/* Another `max`, from now on. */
void spool_limit(struct spool *spool, uint64_t max);

struct spool_state {
	uint64_t events, lost;		/* so far; lost ones are among the events */
	uint64_t octets, max;		/* of segments in the folder, a second ago or less while
					 * events are written */
	bool failing;			/* events cannot be written now */
	char boot[64];
};

/* All zero for NULL. */
void spool_state(struct spool *spool, struct spool_state *state);

/* Writes what waits, unless that fails at once, declares what does not get written, says
 * "ev":"end", and frees all.  Waits for the disk for two seconds at most. */
void spool_close(struct spool *spool);

#endif
