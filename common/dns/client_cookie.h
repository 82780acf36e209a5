/*
 * client_cookie: the asking end of DNS cookies (RFC 7873 5.3, 5.4).
 *
 * A jar holds what one server is told: a client cookie of ours, random, and the server cookie
 * that it last gave for it.  client_cookie_put writes both into a question's OPT record,
 * client_cookie_take learns from an answer.  Knows no sockets, and not what the server's
 * part means.  Pure but for the random octets; a jar is used by one thread.
 */
#ifndef NEARCAST_CLIENT_COOKIE_H
#define NEARCAST_CLIENT_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIENT_COOKIE_OPTION = 4 + 8 + 32 };	/* octets of the longest option */

/* Zero it: a cookie is made for the first question. */
struct client_cookie {
	uint8_t len;			/* 0, or 8 + that of the server's part */
	uint8_t octets[8 + 32];
};

/* Writes the option to `out`, which holds CLIENT_COOKIE_OPTION octets; returns its length,
 * 0 when the machine has no random octets yet. */
size_t client_cookie_put(struct client_cookie *jar, uint8_t *out);

/* Keeps the server cookie that an answer gives to our client cookie, if it gives one.  True if
 * the answer is BADCOOKIE and gave one: worth asking again at once. */
bool client_cookie_take(struct client_cookie *jar, const uint8_t *answer, size_t len);

#endif
