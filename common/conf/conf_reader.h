/*
 * conf_reader: what goes along while nearcast.conf is read, and how what reads it complains.
 *
 * Knows the files that are read, that a line is a number for file and line in one, the form
 * of a complaint ("FILE:LINE: what, which value, what was expected") and which of some names a
 * mistyped one is most like.  Knows no option and no value: every other file
 * of this room calls this one, which calls none of them.  One reader for one reading; any
 * thread.
 */
#ifndef NEARCAST_CONF_READER_H
#define NEARCAST_CONF_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mistakes.h"

struct conf;
struct conf_item;
struct conf_scan;

/* A line as an int: the file's number in the upper bits, so that all lines of the file that
 * was named are plain numbers, and all of an included one are larger. */
enum { CONF_LINE_BITS = 25, CONF_FILES_MAX = 64 };

#define CONF_LINE_FILE(line) ((unsigned)(line) >> CONF_LINE_BITS)

static inline int
conf_line_number(int line)
{
	return line & ((1 << CONF_LINE_BITS) - 1);
}

struct conf_reader {
	const char *file;		/* for messages */
	char *const *files;		/* all files, by number; NULL = only `file` */
	char *folders[CONF_FILES_MAX];	/* absolute; where relative file names start; owned */
	/* How included files are read (conf.h); NULL = they are refused. */
	char *(*read)(const char *path, size_t max, size_t *len, struct err *err);
	uint64_t digest;		/* of what was read so far */
	const struct conf_scan *scan;	/* what was read, while it is checked */
	const char *said_here;		/* the site of the command line; NULL = none */
	struct conf *conf;		/* what is read so far; can be freed at any time */
	const struct warn *warn;	/* NULL = nobody listens */
	struct mistakes *mistakes;	/* so far */
	const struct conf_item *finished;	/* the block whose `finish` is called */
	bool no_memory;			/* it is told, and nothing that comes of it is */
	/* Something was not understood that may be what others name, or what they lack: what is
	 * not there is not told any more. */
	bool lost;
	struct conf_names *names;	/* that are of nothing (conf_names.h) */
	/* The stretches of files in the order in which they are read, by their first lines. */
	int stretch[2 * CONF_FILES_MAX];
	size_t n_stretches;
	int ttl_min_line;		/* 0 = not given */
	int here_line, ttl_line;	/* of the last `here...`, `ttl-...`; 0 = not given */
};

/* The file that a line is of. */
const char *conf_line_name(const struct conf_reader *r, int line);

/* "FILE:LINE: ..." into r->mistakes, without the line if it is 0; returns -1. */
int conf_fail(struct conf_reader *r, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same to r->warn. */
void conf_warn(struct conf_reader *r, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* True if line `a` is read before line `b`. */
bool conf_line_before(const struct conf_reader *r, int a, int b);

/* "out of memory"; what is told after it is not kept.  Returns -1. */
int conf_no_memory(struct conf_reader *r, int line);

/* From here on lines are read from this one on, of this or another file. */
void conf_line_enter(struct conf_reader *r, int line);

/* Of `n` names the one most like `name`, NULL if none is like it. */
const char *conf_nearest(const char *name, const char *const *names, size_t n);

#endif
