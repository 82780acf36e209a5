/*
 * bird_reply: what BIRD says on its control socket, read line by line.
 *
 * A reply is lines of `CODE-text` (more follow) and one `CODE text` (the last);
 * a line that begins with a blank continues the code before it, one that begins
 * with `+` is a running commentary and is skipped.  A line longer than the reader's
 * memory is cut.  The interpreters below know the replies of `show status`, `show
 * protocols` and `show route P export N all` as BIRD 2.0 to 3.3 write them.
 *
 * Pure: octets in, structs out; never fails on any input, for BIRD's text carries names
 * that others chose.  One reader per connection.
 */
#ifndef NEARCAST_BIRD_REPLY_H
#define NEARCAST_BIRD_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#define BIRD_LINE_MAX 512
#define BIRD_NAME_MAX 64		/* BIRD's own SYM_MAX_LEN */

struct bird_reader {
	char line[BIRD_LINE_MAX];
	size_t len;
	int code;			/* of the line before; -1 = none yet */
};

struct bird_line {
	int code;			/* 0-9999 */
	bool last;			/* of this reply */
	const char *text;		/* NUL-terminated, in the reader until the next call */
};

void bird_reader_init(struct bird_reader *r);

/* Takes octets from (*data, *len) up to the end of a line.  True and *line filled if
 * there is one; false if all has been eaten. */
bool bird_reader_next(struct bird_reader *r, const char **data, size_t *len,
    struct bird_line *line);

/* One line of `show status`: fills what it tells of, leaves the others. */
struct bird_status {
	char version[32];
	char reboot[40], reconfigured[40];
};
void bird_read_status(struct bird_status *status, const char *text);

/* One line of `show protocols`.  False if it is a heading or nothing known. */
struct bird_protocol {
	char name[BIRD_NAME_MAX];
	bool bgp, up, established;
};
bool bird_read_protocol(struct bird_protocol *protocol, const char *text);

/* One line of `show route ... all`. */
struct bird_route {
	bool found;
	bool shutdown;			/* carries 65535:0 (RFC 8326) */
};
void bird_read_route(struct bird_route *route, const char *text);

/* A protocol's name as BIRD's parser takes it: quoted where it must be.  False if no
 * quoting can express it (then it is not asked about). */
bool bird_quote(char out[BIRD_NAME_MAX + 2], const char *name);

#endif
