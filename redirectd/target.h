/*
 * target: the request line's path and query, as a client sent them, become octets of a name.
 *
 * nginx hands on what the client wrote, so it is read here as untrusted: percent-encoding is taken
 * off once, folders "." and ".." are resolved and slashes in a row become one, as nginx does it
 * before it looks for a file.  Refused are encodings that are none, names with NUL, CR or LF, and
 * what climbs above the root.  Any other octets are fine.  RFC 3986.  Pure; any thread.
 */
#ifndef NEARCAST_TARGET_H
#define NEARCAST_TARGET_H

#include <stdbool.h>
#include <stddef.h>

enum { TARGET_PATH_MAX = 4096, TARGET_QUERY_MAX = 2048 };

struct target_path {
	char path[TARGET_PATH_MAX + 1];	/* decoded; begins with "/"; a NUL behind it */
	size_t len;
	const char *query;		/* behind the "?", as it was sent; "" for none */
};

enum target_fault { TARGET_FINE, TARGET_BAD, TARGET_LONG };

/* `raw` is the target as it was sent: a path, or a whole URL of which the path counts; it is
 * borrowed for the query. */
enum target_fault target_read(struct target_path *target, const char *raw);

/* True if the query has this parameter; its value without a "=" is "".  At most `size` - 1
 * octets of the value, as they were sent. */
bool target_has(const struct target_path *target, const char *name, char *value, size_t size);

#endif
