/*
 * master_token: one token of master file text (RFC 1035 5.1), and what is written alike everywhere
 * in a zone file: names, numbers, times.
 *
 * A token is a slice of the text with its escapes as written (master_text.h cuts them).  Knows no
 * types, no files and no directives.  Reads only; any thread.
 */
#ifndef NEARCAST_MASTER_TOKEN_H
#define NEARCAST_MASTER_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/dns/name.h"

#define MASTER_TTL_MAX 0x7fffffffu	/* RFC 2181 section 8 */

struct master_token {
	const char *s;			/* without the quotes around it */
	uint32_t len;
	uint32_t line;
	bool quoted;			/* "..." as a whole */
	bool mixed;			/* has quotes inside: key="value" */
};

/* A token in quotes for a message, cut short and made printable; returns `out`. */
#define MASTER_TOKEN_SHOWN 80
char *master_token_show(char out[MASTER_TOKEN_SHOWN], const struct master_token *tok);

/* True when the token, unquoted, is this word in any case. */
bool master_token_is(const struct master_token *tok, const char *word);

/* Is it a class?  *ours says whether the one we serve. */
bool master_token_is_class(const struct master_token *tok, bool *ours);

/* A domain name, relative ones completed with origin (wire form).  Its length, or -1 with a
 * reason. */
int master_token_name(const struct master_token *tok, const uint8_t *origin,
    uint8_t out[NAME_MAX_WIRE], struct err *err);

/* A decimal number up to `max`, which is less than 2^59.  0, or -1 with a reason. */
int master_token_number(const struct master_token *tok, uint64_t max, uint64_t *out,
    struct err *err);

/* Seconds, plain or as 1w2d3h4m5s, up to `max`.  0, or -1 with a reason. */
int master_token_seconds(const struct master_token *tok, uint32_t max, uint32_t *out,
    struct err *err);

#endif
