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

/* The same, if a terminal shows the character: 0 also for controls (U+0000 to U+001F, U+007F to
 * U+009F), of which an ESC or a U+009B begins orders to the terminal. */
size_t utf8_shown(const char *s, size_t left);

/* Makes a text one that may go to a terminal or a log: each octet that is none of a character
 * that is shown becomes a question mark, but for tabs. */
void utf8_clean(char *text);

#endif
