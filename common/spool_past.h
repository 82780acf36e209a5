/*
 * spool_past: processes of this kind that were killed, as their segments in the folder tell.
 *
 * A process that ends by itself writes "ev":"end" last (spool_chunk.h), however full the disk is.
 * Segments without it that nobody has open were left by one that was killed, or by a machine that
 * lost its power: what it had not written yet is lost, and only the next process can say so.  The
 * newest segment of a kind stays in the folder for that (deploy/logs/ship).  Any thread.
 */
#ifndef NEARCAST_SPOOL_PAST_H
#define NEARCAST_SPOOL_PAST_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { SPOOL_PAST = 64 };		/* processes at most, the newest of them */

struct spool_past {
	char boot[64];
	bool known;			/* there is a line, and `last` is its number */
	uint64_t last;
};

/* All such processes but `boot`, oldest first.  How many; 0 also if the folder cannot be read. */
unsigned spool_past_find(const char *dir, const char *kind, const char *boot,
    struct spool_past past[SPOOL_PAST]);

/* When the process of this kind that began last says that it began, of all that have segments in
 * the folder; 0 = there is none, or the folder cannot be read. */
time_t spool_past_newest(const char *dir, const char *kind);

#endif
