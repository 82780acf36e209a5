/*
 * log_line: what the readers of logs need of a line: who wrote it, its number, its time.
 *
 * A line is one JSON object (RFC 8259), of a daemon ("host", "boot", "seq", "t", with "ev", "from"
 * and "to" where numbers were lost, "of" and "last" where a process was killed) or of nginx
 * ("host", "w", "c", "n", "t").  Any octets may come: what is no whole object is not a line.
 * Members of other names and what is inside values are passed over.  Pure; any thread.
 */
#ifndef NEARCAST_LOG_LINE_H
#define NEARCAST_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of the line, as they stand between quotes; at NULL = no such member. */
struct log_text {
	const char *at;
	size_t len;
};

struct log_line {
	struct log_text host, boot, ev, of;
	bool has_seq, has_from, has_to, has_last, has_t, has_w, has_c, has_n;
	uint64_t seq, from, to, last, w, c, n;
	double t;
};

/* False = these octets are no whole JSON object. */
bool log_line_read(struct log_line *line, const char *octets, size_t len);

/* Is this what stands there? */
bool log_line_is(const struct log_text *text, const char *word);

#endif
