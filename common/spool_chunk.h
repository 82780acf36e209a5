/*
 * spool_chunk: lines of a spool in the making, their numbers, and how many of them are written.
 *
 * A line is {"host":HOST,"boot":BOOT,"seq":N,"t":SECONDS,MEMBERS}.  Events get their numbers here,
 * in the order in which they come; so do the spool's own lines, which say what became of events:
 *
 *	"ev":"lost","from":A,"to":B	these numbers were given away and have no lines
 *	"ev":"cut","of":BOOT,"last":N	an earlier process left without "end"; what it wrote last
 *	"ev":"end"			the last line of a process that ended by itself
 *
 * Knows no files.  One thread.
 */
#ifndef NEARCAST_SPOOL_CHUNK_H
#define NEARCAST_SPOOL_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool_chunk {
	char *at;			/* owned; SPOOL_CHUNK octets */
	size_t len, done;		/* made, and of these written */
	uint64_t seq;			/* of the next line */
	uint64_t first;			/* of the first line in it */
	uint64_t own;			/* lines so far that are no events */
	char host[256];			/* with what JSON needs escaped */
	const char *boot;		/* borrowed */
};

/* `host` NULL = the machine's name.  0, or -1 without memory. */
int spool_chunk_init(struct spool_chunk *c, const char *host, const char *boot);
void spool_chunk_free(struct spool_chunk *c);

/* What is in it is written: others follow. */
void spool_chunk_begin(struct spool_chunk *c);

/* Is there room for an event of so many octets, and a line of our own? */
bool spool_chunk_has_room(const struct spool_chunk *c, size_t len);

void spool_chunk_event(struct spool_chunk *c, double t, const char *members, size_t len);
void spool_chunk_lost(struct spool_chunk *c, uint64_t events);
/* `known` = `last` is the number of the last line that there was. */
void spool_chunk_cut(struct spool_chunk *c, const char *of, bool known, uint64_t last);
void spool_chunk_end(struct spool_chunk *c);

/* The first number that is not in a file as a whole line. */
uint64_t spool_chunk_unwritten(const struct spool_chunk *c);

#endif
