/*
 * held_write: changes what is known of mirrors, a row and a transaction at a time (held.h).
 *
 * Writers wait for each other, up to ten seconds, or a tenth of one where somebody waits for them.
 * Any of them may be killed at any moment: the next one to open the file takes back what was not
 * finished.  A file that is not there is made.  What is in it can always be learnt again, by
 * scanning; so one that is damaged is put aside, as PATH.held.broken, where the caller says so,
 * and begun anew.  Knows no scan and no HEAD, only what they found.  A writer is one thread's.
 */
#ifndef NEARCAST_HELD_WRITE_H
#define NEARCAST_HELD_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalogue/held_ids.h"
#include "common/err.h"

struct held_write;

/* Opens the file beside this catalogue.  NULL with a reason. */
struct held_write *held_write_open(const char *catalogue, struct err *err);

/* For who has other things to do: neither this nor what is then asked of it waits longer than a
 * tenth of a second for another writer. */
struct held_write *held_write_open_soon(const char *catalogue, struct err *err);
void held_write_close(struct held_write *writer);	/* NULL is fine */

/* Renames a file that cannot be used to PATH.held.broken; 1 = that was done, 0 = the file can be
 * used, or there is none; -1 with a reason.  Reads all of it. */
int held_write_aside(const char *catalogue, struct err *err);

/* What a scan has found. */
struct held_write_scan {
	double began;			/* CLOCK_REALTIME, seconds */
	bool complete;			/* it saw the whole tree */
	int64_t newest;			/* mtime of the newest file that it holds; 0 = none */
	const char *why;		/* what is not complete about it; "" = nothing */
};

/* Says whose ids those are that are written next: of a catalogue of this lineage.  What is there of
 * another lineage means other files and is forgotten.  0, or -1 with a reason. */
int held_write_of(struct held_write *writer, int64_t lineage, struct err *err);

/* Replaces what a mirror holds by `ids`, but for the files that it was seen not to deliver
 * (held_write_seen) and has not been seen to deliver since.  0, or -1 with a reason. */
int held_write_scanned(struct held_write *writer, const char *mirror,
    const struct held_ids *ids, const struct held_write_scan *scan, struct err *err);

/* A scan that was thrown away, and why; what the mirror holds stays. */
int held_write_failed(struct held_write *writer, const char *mirror, double began,
    const char *why, struct err *err);

/* Files that a mirror was seen to deliver (`good`), which it then holds, or not to deliver. */
struct held_write_seen {
	uint32_t id;
	bool good;
};

int held_write_seen(struct held_write *writer, const char *mirror,
    const struct held_write_seen *seen, size_t n, struct err *err);

/* Forgets a mirror. */
int held_write_forget(struct held_write *writer, const char *mirror, struct err *err);

#endif
