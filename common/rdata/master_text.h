/*
 * master_text: master file text (RFC 1035 5.1) to entries of tokens.
 *
 * Splits text into entries (a directive or a record, over several lines inside
 * parentheses) and entries into tokens; removes comments; knows quotes, escapes and
 * line ends (LF, CRLF) and counts lines.  Tokens are slices of the text with their
 * escapes as written; what they say is master_token.h's.  Knows no types, no files and no
 * directives.
 *
 * Strict where a slip would lose records silently: an open quote ends with an error at
 * its line (it may span lines inside parentheses only), so does an open parenthesis at
 * the end of the text, a NUL or another control character.  After a mistake who reads may go on
 * with the next entry, or what is taken for it.  One thread per struct; the text must outlive the
 * tokens.
 */
#ifndef NEARCAST_MASTER_TEXT_H
#define NEARCAST_MASTER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/rdata/master_token.h"

#define MASTER_TOKENS_MAX 70000		/* of one entry: rdata has 65535 octets */

struct master_text {
	const char *at, *end;
	uint32_t line;			/* of `at`, from 1 */
	bool unfinished;		/* the last line had no line end */
	bool utf16;			/* by its byte order mark; it is not read */
	/* the entry last read */
	uint32_t first_line;		/* where it begins; of the mistake after -1 */
	bool blank;			/* it began with white space: no owner */
	struct master_token *tokens;	/* owned */
	uint32_t n_tokens, room;
	/* where a mistake was found, and how deep in parentheses; `rest` NULL = all is lost */
	const char *rest;
	uint32_t rest_line;
	unsigned rest_depth;
	bool open_quote;		/* the mistake: a quote that is not closed on its line; */
	bool closed_later;		/* it looks as if it were on a later one */
};

/* Starts at the first octet (a UTF-8 byte order mark is skipped).  master_text_close when done. */
void master_text_open(struct master_text *t, const char *text, size_t len);
void master_text_close(struct master_text *t);

/* Reads the next entry into t->tokens, which are good until the next call.  1, 0 at the end, or -1
 * with a reason that names neither the file nor the line; that is t->first_line. */
int master_text_next(struct master_text *t, struct err *err);

/* After -1: goes on behind the mistake, with the line after it or, inside parentheses, with the
 * first that ends them or does not begin with white space.  false = there is no going on. */
bool master_text_resume(struct master_text *t);

/* One character at s[*i] (plain, \X or \DDD) to *c; *i moves past it.  false = a bad escape. */
bool master_text_char(const char *s, size_t len, size_t *i, uint8_t *c);

#endif
