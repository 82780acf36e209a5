/*
 * members: the members of a JSON object (RFC 8259), written into memory of the caller's.
 *
 * For lines that are made in great number: no heap and no tree, unlike json.h.  Any octets are
 * fine: quotes, backslashes and control characters are escaped, and each octet that is no part of
 * valid UTF-8 becomes U+FFFD.  A member that does not fit is left out whole, so that what is there
 * can always be read.  Pure; any thread.
 */
#ifndef NEARCAST_MEMBERS_H
#define NEARCAST_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct members {
	char *start, *at, *end;		/* `end` is where the NUL would be at the latest */
	bool cut;			/* something did not fit */
};

/* `size` is 1 or more. */
void members_begin(struct members *m, char *out, size_t size);

/* Puts the NUL behind it all and returns the octets before that. */
size_t members_end(struct members *m);

/* "NAME":VALUE, with a comma before it where it is not the first.  Names need no escaping. */
void members_text(struct members *m, const char *name, const char *octets, size_t len);
/* NULL = no member. */
void members_string(struct members *m, const char *name, const char *text);
void members_number(struct members *m, const char *name, uint64_t value);
void members_decimal(struct members *m, const char *name, double value, unsigned decimals);
void members_bool(struct members *m, const char *name, bool value);
/* Without its port. */
void members_address(struct members *m, const char *name, const struct addr *a);
/* A value that is JSON already. */
void members_json(struct members *m, const char *name, const char *json);

/* One string more of a list, whose brackets are the caller's. */
void members_item(struct members *m, const char *text);

/* What a string holds between its quotes; where it does not fit, its beginning. */
void members_octets(struct members *m, const char *octets, size_t len);

#endif
