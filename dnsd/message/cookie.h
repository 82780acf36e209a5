/*
 * cookie: DNS cookies that every anycast site understands (RFC 7873, 9018).
 *
 * Server cookie = version 1, reserved, timestamp, SipHash-2-4 of client cookie,
 * these and the client's address.  The secret file is shared by all sites: one
 * or two lines of 32 hex digits, the first makes new cookies, both are accepted.
 * Pure but for reading the file; any thread.
 */
#ifndef NEARCAST_COOKIE_H
#define NEARCAST_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/err.h"

struct cookie_secrets {
	uint8_t secret[2][16];
	unsigned n;			/* 0 = cookies are off */
};

enum cookie_state { COOKIE_NONE, COOKIE_CLIENT_ONLY, COOKIE_VALID, COOKIE_BAD };

/* path NULL: one random secret.  0, or -1 with "FILE:LINE: ...". */
int cookie_read_secrets(struct cookie_secrets *secrets, const char *path, struct err *err);

/* Judges option data of 8 to 40 octets at time now_s (seconds since 1970): valid
 * are cookies made with either secret, at most 1 hour old or 5 minutes ahead. */
enum cookie_state cookie_check(const struct cookie_secrets *secrets, const uint8_t *data,
    size_t len, const struct addr *client, uint32_t now_s);

/* Writes the 24 octets of option data: the client's 8, then ours of 16, made with the first
 * secret, of which there is one. */
void cookie_make(const struct cookie_secrets *secrets, uint8_t out[24],
    const uint8_t client_cookie[8], const struct addr *client, uint32_t now_s);

#endif
