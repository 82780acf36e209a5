/*
 * conf_url: what a URL in nearcast.conf has to look like (RFC 3986).
 *
 * Whatever stands there goes to a library or a program, or to clients and mirrors that nobody here
 * can correct, so what cannot work is refused when the file is read: a host that is none, a port
 * out of range, a user and password, which everybody would be told.  What is more, a URL that is
 * handed to clients (a link) stands in Location and Link fields and in documents, so it has none
 * of the characters that end it there, and only whole escapes.
 *
 * Pure; any thread.
 */
#ifndef NEARCAST_CONF_URL_H
#define NEARCAST_CONF_URL_H

#include "common/err.h"

enum { CONF_URL_LINK_MAX = 2000 };	/* octets of a link: a file's name follows */

/* Reads "HOST", "HOST:PORT", "[V6]" or "[V6]:PORT" at the beginning of `text`.  Where it ends, at
 * NUL or one of "/?#"; or NULL with what is wrong.  `form` is what was expected, for that. */
const char *conf_url_authority(const char *text, const char *form, struct err *err);

/* 0 for a URL of http or https; -1 with what is wrong with it. */
int conf_url_check(const char *url, struct err *err);

/* The same for one that clients are told, after conf_url_check.  Fragments are for browsers. */
int conf_url_check_link(const char *url, struct err *err);

#endif
