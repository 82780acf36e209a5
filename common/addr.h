/*
 * addr: IP addresses, prefixes and service addresses, and their text forms.
 *
 * An address is 4 or 16 octets in network order, left aligned in ip[].  Knows
 * sockaddr_in and sockaddr_in6; knows no DNS names.  Pure; any thread.
 * Text follows RFC 5952; a port is written "ADDRESS@PORT".
 */
#ifndef NEARCAST_ADDR_H
#define NEARCAST_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/err.h"

struct addr {
	uint8_t family;		/* 4 or 6 */
	uint8_t ip[16];		/* octets past the family's length are 0 */
	uint16_t port;		/* host order; 0 = none given */
};

struct prefix {
	uint8_t family;		/* 4 or 6 */
	uint8_t len;		/* bits: 0-32 or 0-128 */
	uint8_t ip[16];		/* bits past len are 0 */
};

#define ADDR_TEXT 56		/* fits any address@port or prefix, with NUL */

/* "192.0.2.53", "2001:db8::53", "127.0.0.1@5300".  0, or -1 with a reason. */
int addr_parse(struct addr *a, const char *text, struct err *err);

/* "10.0.0.0/8", or an address for a full-length prefix.  Bits past the length
 * are an error (a typing mistake, most often).  0, or -1 with a reason. */
int prefix_parse(struct prefix *p, const char *text, struct err *err);

/* Both return `text`, which holds ADDR_TEXT octets.  Port 0 is not printed. */
char *addr_text(const struct addr *a, char *text);
char *prefix_text(const struct prefix *p, char *text);

/* Octets of an address of this family: 4 or 16. */
static inline size_t
addr_len(uint8_t family)
{
	return family == 4 ? 4 : 16;
}

/* True if the address lies within the prefix (same family). */
bool prefix_contains(const struct prefix *p, uint8_t family, const uint8_t *ip);

/* The first of n prefixes that contains the address (its port does not matter), or NULL. */
const struct prefix *prefix_find(const struct prefix *v, size_t n, const struct addr *a);

/* True for 0.0.0.0 and ::, as which a wildcard is given. */
bool addr_is_zero(const uint8_t ip[16]);

/* Clears the bits of ip[16] past `len`. */
void addr_mask(uint8_t *ip, unsigned len);

/* Conversions; addr_from_sockaddr returns -1 for a family other than
 * AF_INET and AF_INET6. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss);
int addr_from_sockaddr(struct addr *a, const struct sockaddr *sa);

/* Equality of family and octets; addr_equal ignores the port. */
bool addr_equal(const struct addr *a, const struct addr *b);

#endif
