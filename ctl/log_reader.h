/*
 * log_reader: the lines of files, whichever they are, of which one buffer is in memory.
 *
 * A file is open only while its buffer is filled: there may be more of them than a process may have
 * open.  A line without its end is none yet, and its file may be asked again.  Knows no names of
 * files and no JSON.  One thread.
 */
#ifndef NEARCAST_LOG_READER_H
#define NEARCAST_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "common/err.h"

#define LOG_READER_LINE (1u << 17)	/* octets of a line at most; longer ones are no lines */

struct log_reader {
	char *buffer;			/* of LOG_READER_LINE octets */
	size_t from, len;		/* what of it is read and not yet taken */
	off_t at;			/* in the file, behind the buffer */
	bool end;			/* of the file, as it was when it was read last */
};

/* 0, or -1 without memory. */
int log_reader_open(struct log_reader *r);
void log_reader_close(struct log_reader *r);

/* From this octet of another file on. */
void log_reader_begin(struct log_reader *r, off_t at);

/* How many octets of it have been taken as lines. */
off_t log_reader_taken(const struct log_reader *r);

/* The next line of `path`, without its end, valid until the next call.  1; 0 = there is no whole
 * line yet, and *left octets of one; -1 = cannot be read, with a reason. */
int log_reader_line(struct log_reader *r, const char *path, const char **line, size_t *len,
    size_t *left, struct err *err);

#endif
