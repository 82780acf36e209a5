#include "common/rdata/master_text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { QUOTE_MAX = 4096 };		/* octets of a text over lines */

/* What an octet is to the splitter. */
enum { PLAIN, BLANK, NEWLINE, OPEN, CLOSE, COMMENT, QUOTE, ESCAPE, CONTROL };

static const uint8_t octet_class[256] = {
	[0 ... 8] = CONTROL, ['\r'] = CONTROL, [14 ... 31] = CONTROL, [127] = CONTROL,
	[' '] = BLANK, ['\t'] = BLANK, ['\f'] = BLANK, ['\v'] = BLANK, ['\n'] = NEWLINE,
	['('] = OPEN, [')'] = CLOSE, [';'] = COMMENT, ['"'] = QUOTE, ['\\'] = ESCAPE
};

/* Can a line that begins so be no more of a record in parentheses? */
static bool
starts_entry(char c)
{
	return octet_class[(uint8_t)c] == PLAIN || octet_class[(uint8_t)c] == ESCAPE;
}

void
master_text_open(struct master_text *t, const char *text, size_t len)
{
	*t = (struct master_text){ .at = text, .end = text + len, .line = 1 };
	t->utf16 = len >= 2 &&
	    (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		t->at += 3;
}

void
master_text_close(struct master_text *t)
{
	free(t->tokens);
	t->tokens = NULL;
}

/* A mistake here, or in the line where what is wrong began. */
static int
fail(struct master_text *t, uint32_t line, struct err *err, const char *what)
{
	t->first_line = line;
	t->rest = t->at;
	t->rest_line = t->line;
	return err_set(err, "%s", what);
}

/* The text is over, and what began at `from` is not: that is where to go on. */
static int
fail_open(struct master_text *t, const char *from, uint32_t line, struct err *err, const char *what)
{
	fail(t, line, err, what);
	t->rest = from;
	t->rest_line = line;
	return -1;
}

/* There is nothing to be found behind what no text file has, or without memory. */
static int
fail_for_good(struct master_text *t, struct err *err, const char *what)
{
	fail(t, t->line, err, what);
	t->rest = NULL;
	return -1;
}

static int
fail_nul(struct master_text *t, struct err *err)
{
	if (t->utf16)
		return fail_for_good(t, err, "the text is UTF-16: expected ASCII or UTF-8");
	return fail_for_good(t, err, "a NUL octet: this is not a text file");
}

static struct master_token *
add_token(struct master_text *t)
{
	if (t->n_tokens == t->room) {
		uint32_t room = t->room == 0 ? 64 : t->room * 2;
		struct master_token *grown = realloc(t->tokens, room * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		t->tokens = grown;
		t->room = room;
	}
	return &t->tokens[t->n_tokens++];
}

/* Does the text of a quote go on over lines?  Then the next quote has nothing behind it.  Who
 * pastes a long key does not look far. */
static bool
is_closed_later(const struct master_text *t)
{
	size_t left = (size_t)(t->end - t->at);
	const char *quote = memchr(t->at, '"', left < QUOTE_MAX ? left : QUOTE_MAX);
	uint8_t next = quote == NULL || quote + 1 == t->end ? NEWLINE :
	    octet_class[(uint8_t)quote[1]];

	return quote != NULL && next != PLAIN && next != ESCAPE && next != QUOTE;
}

/* Moves past what is between quotes; t->at is behind the first one. */
static int
skip_quoted(struct master_text *t, bool multiline, struct err *err)
{
	const char *from = t->at;
	uint32_t line = t->line;

	for (; t->at < t->end; t->at++) {
		switch (octet_class[(uint8_t)*t->at]) {
		case QUOTE:
			return 0;
		case ESCAPE:
			if (t->end - t->at < 2 || t->at[1] == '\n')
				return fail(t, line, err, "a backslash at the end of a line");
			t->at++;
			if (*t->at == '\0')
				return fail_nul(t, err);
			break;
		case NEWLINE:
			if (!multiline) {
				t->open_quote = true;
				t->closed_later = is_closed_later(t);
				return fail(t, line, err, "a quote that is not closed on its line");
			}
			t->line++;
			break;
		case CONTROL:
			if (*t->at == '\0')
				return fail_nul(t, err);
			break;
		}
	}
	return fail_open(t, from, line, err, "a quote that is never closed: is the file cut off?");
}

/* A token that starts with a quote. */
static int
read_quoted(struct master_text *t, bool multiline, struct err *err)
{
	struct master_token *tok = add_token(t);
	const char *start = ++t->at;
	uint8_t next;

	if (tok == NULL)
		return fail_for_good(t, err, "out of memory");
	*tok = (struct master_token){ .s = start, .line = t->line, .quoted = true };
	if (skip_quoted(t, multiline, err) != 0)
		return -1;
	tok->len = (uint32_t)(t->at - start);
	t->at++;
	next = t->at < t->end ? octet_class[(uint8_t)*t->at] : NEWLINE;
	if ((next == PLAIN || next == ESCAPE) && tok->line != t->line)
		return fail(t, tok->line, err,
		    "a quote that is not closed on its line, with text right behind the next one");
	if (next == PLAIN || next == ESCAPE)
		return fail(t, t->line, err, "text right behind a closing quote: expected a blank");
	return 0;
}

/* A token that starts otherwise; quotes inside it belong to it. */
static int
read_plain(struct master_text *t, bool multiline, struct err *err)
{
	struct master_token *tok = add_token(t);
	const char *start = t->at;

	if (tok == NULL)
		return fail_for_good(t, err, "out of memory");
	*tok = (struct master_token){ .s = start, .line = t->line };
	for (; t->at < t->end; t->at++) {
		uint8_t class = octet_class[(uint8_t)*t->at];
		if (class == PLAIN)
			continue;
		if (class == ESCAPE) {
			if (t->end - t->at < 2 || t->at[1] == '\n' || t->at[1] == '\r')
				return fail(t, t->line, err, "a backslash at the end of a line");
			t->at++;
			if (*t->at == '\0')
				return fail_nul(t, err);
		} else if (class == QUOTE) {
			t->at++;
			tok->mixed = true;
			if (skip_quoted(t, multiline, err) != 0)
				return -1;
		} else {
			break;
		}
	}
	tok->len = (uint32_t)(t->at - start);
	return 0;
}

/* Stops at the line end. */
static int
skip_comment(struct master_text *t, struct err *err)
{
	const char *eol = memchr(t->at, '\n', (size_t)(t->end - t->at));

	if (eol == NULL)
		eol = t->end;
	if (memchr(t->at, '\0', (size_t)(eol - t->at)) != NULL)
		return fail_nul(t, err);
	t->at = eol;
	return 0;
}

/* A control character that is no white space: a carriage return before the line end is fine. */
static int
skip_control(struct master_text *t, struct err *err)
{
	if (*t->at == '\0')
		return fail_nul(t, err);
	if (*t->at == '\r' && t->end - t->at > 1 && t->at[1] != '\n')
		return fail(t, t->line, err, "a control character outside quotes: a carriage "
		    "return without a line feed behind it");
	if (*t->at != '\r') {
		char what[80];
		snprintf(what, sizeof(what), "a control character outside quotes: \\%03d",
		    *t->at);
		return fail(t, t->line, err, what);
	}
	t->at++;
	return 0;
}

/* Notes where an entry begins: at its first token. */
static void
begin_entry(struct master_text *t, const char *line_start)
{
	if (t->n_tokens != 0)
		return;
	t->first_line = t->line;
	t->blank = t->at != line_start;
}

static int
read_token(struct master_text *t, const char *line_start, bool multiline, struct err *err)
{
	begin_entry(t, line_start);
	if (t->n_tokens == MASTER_TOKENS_MAX)
		return fail(t, t->first_line, err, "an entry of more than 70000 fields");
	return *t->at == '"' ? read_quoted(t, multiline, err) : read_plain(t, multiline, err);
}

int
master_text_next(struct master_text *t, struct err *err)
{
	const char *line_start = t->at, *open = NULL;
	uint32_t open_line = 0;
	unsigned depth = 0;
	int rc = 0;

	t->n_tokens = 0;
	t->open_quote = false;
	while (t->at < t->end && rc == 0) {
		switch (octet_class[(uint8_t)*t->at]) {
		case BLANK:
			t->at++;
			break;
		case NEWLINE:
			t->at++;
			t->line++;
			if (depth == 0 && t->n_tokens != 0)
				return 1;
			if (depth == 0)
				line_start = t->at;
			break;
		case OPEN:
			begin_entry(t, line_start);
			t->at++;
			if (depth++ == 0) {
				open_line = t->line;
				open = t->at;
			}
			break;
		case CLOSE:
			if (depth == 0) {
				t->rest_depth = 0;
				return fail(t, t->line, err,
				    "a closing parenthesis without an opening one");
			}
			depth--;
			t->at++;
			break;
		case COMMENT:
			rc = skip_comment(t, err);
			break;
		case CONTROL:
			rc = skip_control(t, err);
			break;
		default:
			rc = read_token(t, line_start, depth != 0, err);
		}
	}
	t->rest_depth = depth;
	if (rc != 0)
		return -1;
	if (depth != 0)
		return fail_open(t, open, open_line, err,
		    "a parenthesis that is never closed: is the file cut off?");
	assert(t->at == t->end);
	t->unfinished = t->n_tokens != 0;
	return t->n_tokens != 0;
}

bool
master_text_resume(struct master_text *t)
{
	if (t->rest == NULL)
		return false;
	t->at = t->rest;
	t->line = t->rest_line;
	for (; t->at < t->end; t->at++) {
		switch (octet_class[(uint8_t)*t->at]) {
		case ESCAPE:
			if (t->end - t->at > 1 && t->at[1] != '\n')
				t->at++;
			break;
		case OPEN:
			t->rest_depth++;
			break;
		case CLOSE:
			t->rest_depth -= t->rest_depth != 0;
			break;
		case COMMENT:
			t->at = memchr(t->at, '\n', (size_t)(t->end - t->at));
			if (t->at == NULL)
				t->at = t->end;
			t->at--;
			break;
		case NEWLINE:
			t->line++;
			if (t->rest_depth == 0 || (t->end - t->at > 1 && starts_entry(t->at[1]))) {
				t->at++;
				return true;
			}
			break;
		}
	}
	return true;
}

bool
master_text_char(const char *s, size_t len, size_t *i, uint8_t *c)
{
	unsigned v = 0;

	assert(*i < len);
	if (s[*i] != '\\') {
		*c = (uint8_t)s[(*i)++];
		return true;
	}
	if (*i + 1 >= len)
		return false;
	if (s[*i + 1] < '0' || s[*i + 1] > '9') {
		*c = (uint8_t)s[*i + 1];
		*i += 2;
		return true;
	}
	if (*i + 3 >= len)
		return false;
	for (size_t k = *i + 1; k <= *i + 3; k++) {
		if (s[k] < '0' || s[k] > '9')
			return false;
		v = v * 10 + (unsigned)(s[k] - '0');
	}
	*c = (uint8_t)v;
	*i += 4;
	return v < 256;
}
