/*
 * log_sources: which numbers there are of every process, and of every connection to nginx.
 *
 * A process's events are numbered from 0 ("seq"), a connection's requests from 1 ("n", of "w" and
 * "c"); each has a set of the numbers seen (spans.h) and of those declared lost.
 *
 * Memory is that of processes and holes, and of 65536 connections: where there are more, those that
 * are whole are forgotten, the silent ones first.  nginx counts connections, and so one that comes
 * again after that is known as such; what it had before is taken as whole.  Knows no files.  One
 * thread.
 */
#ifndef NEARCAST_LOG_SOURCES_H
#define NEARCAST_LOG_SOURCES_H

#include "ctl/log_line.h"
#include "ctl/log_process.h"
#include "ctl/spans.h"

struct log_source {
	struct log_source *next;	/* of the same hash */
	char *key;			/* "HOST KIND BOOT", "HOST nginx" or "HOST nginx w W c C" */
	struct spans seen, lost;
	uint64_t lines, repeated, torn, connections;
	uint64_t first_segment;		/* the lowest that there is */
	uint64_t slot, c;		/* connections: when a line was seen last, its number */
	uint64_t forgotten;		/* "HOST nginx": the highest `c` of those */
	struct log_source *host;	/* connections: the one of their machine */
	struct log_process *process;	/* owned; NULL = nginx's, or without a line so far */
	bool connection;
	bool whole;			/* a connection that may have begun before the log did */
};

struct log_sources {
	struct log_source **buckets;
	size_t n_buckets, n;
	uint64_t slot;			/* files of nginx begun so far */
	size_t connections;
	size_t sweep_at;		/* how many of them there are before some are forgotten;
					 * 0 = as said above */
};

/* The source of a line of a file of `kind`, which is made if it is new; NULL = the line has no
 * number, or there is no memory. */
struct log_source *log_sources_of(struct log_sources *all, const char *kind,
    const struct log_line *line);

/* The source of the key; NULL = no memory. */
struct log_source *log_sources_get(struct log_sources *all, const char *key);

/* Another file of nginx begins. */
void log_sources_turn(struct log_sources *all);

/* Takes a line in, whose octets are these.  0, or -1 = there is no memory.  `aside`: repeating is
 * what its file is for. */
int log_sources_add(struct log_source *s, const struct log_line *line, const char *octets,
    size_t len, bool aside);

/* The line says of another process of its kind that it was killed: that one is told.  0, or -1 =
 * there is no memory. */
int log_sources_cut(struct log_sources *all, const char *kind, const struct log_line *line);

/* True if this line's number was taken in already. */
bool log_sources_has(const struct log_source *s, const struct log_line *line);

/* Numbers that are neither there nor declared: the next hole that begins at `from` or behind it.
 * False = there is none.  What was before the first number counts where the first segment is there,
 * or, of connections, where the log had begun; what is behind the last one counts up to the one
 * that another process has seen. */
bool log_sources_hole(const struct log_source *s, uint64_t from, struct span *hole);

/* Numbers that are there though they are declared lost: the first run of them.  False = none. */
bool log_sources_both(const struct log_source *s, struct span *both);

/* All of them, sorted by key, in an array that the caller frees; NULL = no memory. */
struct log_source **log_sources_list(const struct log_sources *all);

void log_sources_free(struct log_sources *all);

#endif
