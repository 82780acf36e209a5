/*
 * json: text of our own and of others as JSON strings (RFC 8259 section 7), for the commands that
 * programs read.  It knows nothing of objects or commas: callers print those themselves.
 * What is not printable ASCII is escaped octet by octet, so that the result is JSON whatever a
 * file or a peer made us say.  Any thread.
 */
#ifndef NEARCAST_JSON_H
#define NEARCAST_JSON_H

#include <stdio.h>

/* "key":"text".  The key is printed as it stands. */
void json_text(FILE *out, const char *key, const char *text);

#endif
