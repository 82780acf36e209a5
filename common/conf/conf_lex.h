/*
 * conf_lex: nearcast.conf's text as words, strings and marks.
 *
 * Knows blanks, comments, strings and what may stand outside of them; not what the words are for.
 * What is wrong is told (conf_reader.h), once a line, and reading goes on: with the same word where
 * its end is known, else behind the line.  A line with a quote that has no partner is found before
 * it is read (conf_lex_odd), because its words are then not where they seem to be.
 * Pure; any thread.
 */
#ifndef NEARCAST_CONF_LEX_H
#define NEARCAST_CONF_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conf/conf_reader.h"

#define CONF_LEX_WORD 4096		/* octets of one word or string */

/* A text being read.  The words go where `put` points, each with a NUL behind it: as much room as
 * the text has octets, and one, since a string had two quotes, and behind any other word stands an
 * octet that is no word's, or the end. */
struct conf_lex {
	struct conf_reader *r;
	const char *at, *end;
	char *put;
	int line;
	int told;			/* the line of which something was told last */
	int begun;			/* the line that conf_lex_at_odd has looked at */
	int odd;			/* the last line that was skipped as an odd one */
	bool cut;			/* the file ends in a comment or list: it is told */
};

enum conf_token { CONF_END, CONF_WORD_TOKEN, CONF_STRING, CONF_MARK };

struct conf_lexeme {
	enum conf_token kind;
	int line;
	size_t len;
	const char *text;		/* for messages; words and strings: as long as `put` is */
	char mark[2];			/* kind MARK: the text, one of {}=,; */
	bool wrong;			/* and told */
	const char *from;		/* where it begins, for conf_lex_back */
	char *put;
};

void conf_lex_next(struct conf_lex *lex, struct conf_lexeme *t);

/* Forgets the lexeme read last: it is read again. */
void conf_lex_back(struct conf_lex *lex, const struct conf_lexeme *t);

/* To the marks that end this line, or to the end of the line. */
void conf_lex_skip(struct conf_lex *lex);

/* Past the `}` on this line that closes what is open here; false if there is none. */
bool conf_lex_close(struct conf_lex *lex);

/* Past blanks and comments. */
void conf_lex_blank(struct conf_lex *lex);

/* One complaint for each line, for the others are most often what comes of the first. */
void conf_lex_fail(struct conf_lex *lex, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The character that comes next on this line; '\n' at its end and at that of the text. */
char conf_lex_peek(const struct conf_lex *lex);

/* True if what follows a word makes it the name of an option, or that of a block. */
bool conf_lex_names_item(const struct conf_lex *lex);

/* The quote of a string between here and the end of the line that is not closed there; NULL if
 * there is none. */
const char *conf_lex_odd(const struct conf_lex *lex);

/* True before the first word of a line that has one: once for each line. */
bool conf_lex_at_odd(struct conf_lex *lex);

/* To the end of a line with such a string, which is told unless what stands before the quote says
 * that it is the end of a string that began on the line before, of which the same was told. */
void conf_lex_skip_odd(struct conf_lex *lex);

/* How many more `{` than `}` the rest of the line has, whatever its quotes are. */
int conf_lex_braces(const struct conf_lex *lex);

/* The same for the whole text, but for what is in strings and comments. */
int conf_lex_balance(const struct conf_lex *lex);

static inline bool
conf_lex_is(const struct conf_lexeme *t, char mark)
{
	return t->kind == CONF_MARK && *t->text == mark;
}

static inline bool
conf_lex_is_value(const struct conf_lexeme *t)
{
	return t->kind == CONF_WORD_TOKEN || t->kind == CONF_STRING;
}

#endif
