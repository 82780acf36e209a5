/*
 * zone_token: one token of master file text (RFC 1035 5.1), and what is written alike everywhere in
 * a zone file: names, numbers, times.
 *
 * A token is a slice of the text with its escapes as written (zone_text.h cuts them).  Knows no
 * types, no files and no directives.  Reads only; any thread.
 */
#ifndef NEARCAST_ZONE_TOKEN_H
#define NEARCAST_ZONE_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/dns/name.h"

#define ZONE_MAX_TTL 0x7fffffffu	/* RFC 2181 section 8 */

struct zone_token {
	const char *s;			/* without the quotes around it */
	uint32_t len;
	uint32_t line;
	bool quoted;			/* "..." as a whole */
	bool mixed;			/* has quotes inside: key="value" */
};

/* A token in quotes for a message, cut short and made printable; returns `out`. */
#define ZONE_TOKEN_SHOWN 80
char *zone_token_show(char out[ZONE_TOKEN_SHOWN], const struct zone_token *tok);

/* True when the token, unquoted, is this word in any case. */
bool zone_token_is(const struct zone_token *tok, const char *word);

/* Is it a class?  *ours says whether the one we serve. */
bool zone_token_is_class(const struct zone_token *tok, bool *ours);

/* A domain name, relative ones completed with origin (wire form).  Its length, or -1 with a
 * reason. */
int zone_token_name(const struct zone_token *tok, const uint8_t *origin, uint8_t out[NAME_MAX_WIRE],
    struct err *err);

/* A decimal number up to `max`, which is less than 2^59.  0, or -1 with a reason. */
int zone_token_number(const struct zone_token *tok, uint64_t max, uint64_t *out, struct err *err);

/* Seconds, plain or as 1w2d3h4m5s, up to `max`.  0, or -1 with a reason. */
int zone_token_seconds(const struct zone_token *tok, uint32_t max, uint32_t *out, struct err *err);

#endif
