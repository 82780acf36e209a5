/*
 * utf8: which octets are UTF-8 (RFC 3629).
 *
 * Names of files, hosts' replies and operators' files hold any octets; whoever prints them
 * into JSON, XML or HTML has to know which of them are characters.  Knows no format.  Pure;
 * any thread.
 */
#ifndef NEARCAST_UTF8_H
#define NEARCAST_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_UNKNOWN "\xef\xbf\xbd"	/* U+FFFD, what is printed for octets that are none */

/* Octets of the character that begins at `s`, of which `left` octets may be read (at least
 * one); its number goes to `point` unless that is NULL.  0 = what stands there is not valid:
 * cut off, overlong, a surrogate, or beyond U+10FFFF. */
size_t utf8_len(const char *s, size_t left, uint32_t *point);

#endif
