/*
 * rdata_template: is it a URI template (RFC 6570)?
 *
 * Expressions are looked at letter by letter, what stands between them as far as a client's
 * expansion could fail: a percent sign without two hex digits, octets that are no UTF-8 (RFC 3629),
 * NUL.  Expands nothing.  Pure; any thread.
 */
#ifndef NEARCAST_RDATA_TEMPLATE_H
#define NEARCAST_RDATA_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

/* True when the octets from `p` to `end` are a template that has this variable. */
bool rdata_template_has(const uint8_t *p, const uint8_t *end, const char *variable);

#endif
