/*
 * conf_reader: what goes along while nearcast.conf is read, and how what reads it complains.
 *
 * Knows the form of a complaint ("FILE:LINE: what, which value, what was expected") and which
 * of some names a mistyped one is most like.  Knows no option and no value: every other file
 * of this room calls this one, which calls none of them.  One reader for one reading; any
 * thread.
 */
#ifndef NEARCAST_CONF_READER_H
#define NEARCAST_CONF_READER_H

#include <stddef.h>

#include "common/err.h"

struct conf;

struct conf_reader {
	const char *file;		/* for messages */
	const char *folder;		/* absolute; where relative file names start */
	struct conf *conf;		/* what is read so far; can be freed at any time */
	const struct warn *warn;	/* NULL = nobody listens */
	struct err *err;
	int here_line, ttl_line;	/* of `here`, of the last `ttl-...`; 0 = not given */
};

/* "FILE:LINE: ..." into r->err, without the line if it is 0; returns -1. */
int conf_fail(struct conf_reader *r, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same to r->warn. */
void conf_warn(struct conf_reader *r, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Of `n` names the one most like `name`, NULL if none is like it. */
const char *conf_nearest(const char *name, const char *const *names, size_t n);

#endif
