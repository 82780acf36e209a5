/*
 * encode: octets that others chose, written into formats where some of them mean something.
 *
 * A file's name is any octets but NUL and `/`; a mirror's operator writes what he likes.  Each
 * function here writes them so that nothing in them can end what they stand in:
 *
 * - in a URL every octet but letters, digits and `-._~/:@=!$*` is percent-encoded, once, so
 *   that the name's octets arrive exactly, whether they are UTF-8 or not (RFC 3986).  `+` `&`
 *   `,` `;` `(` `)` and `'` may stand in a path, but some storage takes `+` for a blank, and
 *   simple readers of Link fields and of XML split at the others;
 * - in XML and HTML `&<>"'` and TAB, LF, CR become references; what XML 1.0 has no character
 *   for (other control characters, U+FFFE, U+FFFF, octets that are not UTF-8) becomes U+FFFD:
 *   the text stays well-formed, and shows where the name is not shown whole;
 * - in a field of HTTP (RFC 6266, RFC 8187) the name is given twice where it needs to be.
 *
 * Knows no document.  Pure but for the draft; any thread.
 */
#ifndef NEARCAST_ENCODE_H
#define NEARCAST_ENCODE_H

#include "redirectd/draft.h"

void encode_url(struct draft *draft, const char *octets, size_t len);

/* For texts and for values of attributes. */
void encode_xml(struct draft *draft, const char *octets, size_t len);

/* `attachment; filename="NAME SUFFIX"`, with `filename*` where NAME is more than plain ASCII. */
void encode_attachment(struct draft *draft, const char *name, size_t len, const char *suffix);

/* Lower-case digits. */
void encode_hex(struct draft *draft, const uint8_t *octets, size_t n);

/* n <= 64 */
void encode_base64(struct draft *draft, const uint8_t *octets, size_t n);

/* `2026-11-28T03:15:00Z` (RFC 3339), of seconds since 1970; a year beyond 9999 is left out. */
void encode_time(struct draft *draft, int64_t when);

#endif
