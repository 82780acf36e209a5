#include "common/conf/conf_lex.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
conf_lex_fail(struct conf_lex *lex, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (lex->told == line)
		return;
	lex->told = line;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conf_fail(lex->r, line, "%s", text);
}

static bool
begins(const char *at, const char *end, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(end - at) >= len && memcmp(at, what, len) == 0;
}

static const char *
end_of_line(const struct conf_lex *lex, const char *at)
{
	const char *nl = memchr(at, '\n', (size_t)(lex->end - at));

	return nl != NULL ? nl : lex->end;
}

void
conf_lex_blank(struct conf_lex *lex)
{
	while (lex->at < lex->end) {
		if (strchr("\n \t\r", *lex->at) != NULL) {
			lex->line += *lex->at++ == '\n';
		} else if (*lex->at == '#' || begins(lex->at, lex->end, "//")) {
			lex->at = end_of_line(lex, lex->at);
		} else if (begins(lex->at, lex->end, "/*")) {
			int began = lex->line;
			for (lex->at += 2; lex->at < lex->end &&
			    !begins(lex->at, lex->end, "*/"); lex->at++)
				lex->line += *lex->at == '\n';
			if (lex->at < lex->end) {
				lex->at += 2;
				continue;
			}
			conf_lex_fail(lex, began, "the comment that begins here is not closed, "
			    "the file ends on line %d", conf_line_number(lex->line));
			lex->r->lost = lex->cut = true;
		} else {
			break;
		}
	}
}

/* ---- lines as they stand there ---- */

/* The quote that closes the one at `at`, or NULL if there is none before `end`. */
static const char *
closing_quote(const char *at, const char *end)
{
	char quote = *at;

	for (at++; at < end; at++) {
		if (*at == quote)
			return at;
		if (*at == '\\' && quote == '"' && end - at > 1)
			at++;
	}
	return NULL;
}

static bool
comment_begins(const char *from, const char *at, const char *end)
{
	if (*at == '#')
		return true;
	return *at == '/' && end - at > 1 &&
	    (at[1] == '*' || (at[1] == '/' && (at == from || at[-1] != ':')));
}

/* The end of what counts of a line: where a comment begins.  `odd` becomes the quote without a
 * partner, or NULL; with one all counts, for nobody knows what is a comment. */
static const char *
significant_end(const char *at, const char *end, const char **odd)
{
	const char *close;

	*odd = NULL;
	for (const char *c = at; c < end; c++) {
		if (comment_begins(at, c, end))
			return c;
		if (*c != '"' && *c != '\'')
			continue;
		close = closing_quote(c, end);
		if (close == NULL) {
			*odd = c;
			return end;
		}
		c = close;
	}
	return end;
}

const char *
conf_lex_odd(const struct conf_lex *lex)
{
	const char *odd;

	significant_end(lex->at, end_of_line(lex, lex->at), &odd);
	return odd;
}

bool
conf_lex_at_odd(struct conf_lex *lex)
{
	conf_lex_blank(lex);
	if (lex->begun == lex->line)
		return false;
	lex->begun = lex->line;
	return conf_lex_odd(lex) != NULL;
}

void
conf_lex_skip_odd(struct conf_lex *lex)
{
	const char *quote = conf_lex_odd(lex), *c = lex->at;

	while (c < quote && *c != '=' && *c != '{' && *c != ',')
		c++;
	if (c < quote || quote == lex->at || lex->odd != lex->line - 1)
		conf_lex_fail(lex, lex->line, "the string that begins here is not closed on its "
		    "line, %c was expected", *quote);
	lex->odd = lex->line;
	lex->at = end_of_line(lex, lex->at);
}

static int
count_braces(const char *at, const char *end)
{
	int n = 0;

	for (; at < end; at++)
		n += (*at == '{') - (*at == '}');
	return n;
}

int
conf_lex_braces(const struct conf_lex *lex)
{
	return count_braces(lex->at, end_of_line(lex, lex->at));
}

int
conf_lex_balance(const struct conf_lex *lex)
{
	const char *at = lex->at, *line = at;
	int n = 0;

	while (at < lex->end) {
		const char *end = end_of_line(lex, at), *close;
		const char *odd;

		if (at == line) {
			significant_end(at, end, &odd);
			if (odd != NULL) {
				n += count_braces(at, end);
				at = line = end < lex->end ? end + 1 : end;
				continue;
			}
		}
		if (*at == '\n') {
			line = ++at;
		} else if (begins(at, lex->end, "/*")) {
			close = memmem(at + 2, (size_t)(lex->end - at - 2), "*/", 2);
			at = close != NULL ? close + 2 : lex->end;
			line = at;
		} else if (comment_begins(line, at, end)) {
			at = end;
		} else if (*at == '"' || *at == '\'') {
			close = closing_quote(at, end);
			at = close != NULL ? close + 1 : end;
		} else {
			n += (*at == '{') - (*at == '}');
			at++;
		}
	}
	return n;
}

void
conf_lex_skip(struct conf_lex *lex)
{
	const char *odd, *end = significant_end(lex->at, end_of_line(lex, lex->at), &odd);

	while (end > lex->at && end[-1] != '\0' && strchr("{},; \t\r", end[-1]) != NULL)
		end--;
	lex->at = end;
}

bool
conf_lex_close(struct conf_lex *lex)
{
	const char *end = end_of_line(lex, lex->at);
	int depth = 0;

	for (const char *c = lex->at; c < end; c++) {
		depth += (*c == '{') - (*c == '}');
		if (depth >= 0)
			continue;
		lex->at = c + 1;
		return true;
	}
	return false;
}

char
conf_lex_peek(const struct conf_lex *lex)
{
	const char *c = lex->at;

	while (c < lex->end && (*c == ' ' || *c == '\t'))
		c++;
	return c < lex->end ? *c : '\n';
}

bool
conf_lex_names_item(const struct conf_lex *lex)
{
	struct conf_lex ahead = *lex;
	char next = conf_lex_peek(lex);

	if (next == '=' || next == '{')
		return true;
	while (ahead.at < ahead.end && (*ahead.at == ' ' || *ahead.at == '\t'))
		ahead.at++;
	if (next == '"' || next == '\'') {
		const char *close = closing_quote(ahead.at, end_of_line(lex, ahead.at));
		if (close == NULL)
			return false;
		ahead.at = close + 1;
	} else {
		while (ahead.at < ahead.end && strchr("{}=,;\"' \t\r\n", *ahead.at) == NULL)
			ahead.at++;
	}
	return conf_lex_peek(&ahead) == '{';
}

/* ---- words ---- */

/* The octet that an escape stands for, or -1. */
static int
escaped(char c)
{
	switch (c) {
	case '"':
	case '\\':
		return c;
	case 'n':
		return '\n';
	case 't':
		return '\t';
	default:
		return -1;
	}
}

/* The octet of a string that comes next; an escape that is none is told of as `fault`. */
static unsigned char
string_octet(struct conf_lex *lex, char quote, bool *fault)
{
	int c = (unsigned char)*lex->at;

	*fault = false;
	if (c != '\\' || quote != '"' || lex->end - lex->at < 2 || lex->at[1] == '\n')
		return (unsigned char)c;
	c = escaped(*++lex->at);
	*fault = c < 0;
	return c >= 0 ? (unsigned char)c : (unsigned char)*lex->at;
}

static void
string_token(struct conf_lex *lex, struct conf_lexeme *t)
{
	char quote = *lex->at++;
	bool fault;

	t->kind = CONF_STRING;
	t->text = lex->put;
	for (; lex->at < lex->end && *lex->at != '\n' && *lex->at != quote; lex->at++, t->len++) {
		unsigned char raw = (unsigned char)*lex->at;

		*lex->put++ = (char)string_octet(lex, quote, &fault);
		if (t->len == CONF_LEX_WORD)
			conf_lex_fail(lex, t->line, "a string of more than %d octets",
			    CONF_LEX_WORD);
		if ((raw < 0x20 && raw != '\t') || raw == 0x7f)
			conf_lex_fail(lex, lex->line, "a control character (0x%02x) in a string, "
			    "text was expected", raw);
		if (fault)
			conf_lex_fail(lex, lex->line, "\"\\%c\" in a string is no escape, "
			    "\\\\ \\\" \\n \\t were expected (\\\\ stands for one backslash)",
			    *lex->at);
	}
	*lex->put++ = '\0';
	if (lex->at == lex->end || *lex->at != quote)
		conf_lex_fail(lex, t->line, "the string that begins here is not closed on its "
		    "line, %c was expected", quote);
	else
		lex->at++;
	t->wrong = lex->told == t->line;
}

static bool
in_word(const struct conf_lex *lex, const struct conf_lexeme *t)
{
	unsigned char c = (unsigned char)*lex->at;

	return c > ' ' && strchr("{}=,;()#\"'", c) == NULL && !begins(lex->at, lex->end, "/*") &&
	    !(begins(lex->at, lex->end, "//") && t->len != 0 && lex->at[-1] != ':');
}

/* Behind "...$" stands "{NAME}", whose brace would close the block. */
static void
skip_variable(struct conf_lex *lex, const struct conf_lexeme *t)
{
	const char *end = end_of_line(lex, lex->at);
	const char *close = memchr(lex->at, '}', (size_t)(end - lex->at));

	for (lex->at = close != NULL ? close + 1 : end; lex->at < end && in_word(lex, t); lex->at++)
		;
}

static void
word_token(struct conf_lex *lex, struct conf_lexeme *t)
{
	t->kind = CONF_WORD_TOKEN;
	t->text = lex->put;
	for (; lex->at < lex->end && in_word(lex, t); lex->at++) {
		unsigned char c = (unsigned char)*lex->at;
		if (c >= 0x7f && !t->wrong) {
			conf_lex_fail(lex, lex->line, "unexpected octet 0x%02x outside a string",
			    c);
			t->wrong = true;
		}
		if (t->len == CONF_LEX_WORD) {
			conf_lex_fail(lex, t->line, "a word of more than %d octets",
			    CONF_LEX_WORD);
			t->wrong = true;
		}
		*lex->put++ = (char)c;
		t->len++;
	}
	*lex->put++ = '\0';
	if (t->len == 0) {
		conf_lex_fail(lex, lex->line, *lex->at < ' ' ? "unexpected control character" :
		    "unexpected '%c'", *lex->at);
		t->wrong = true;
		lex->at++;
		conf_lex_skip(lex);
	} else if (t->text[t->len - 1] == '$' && lex->at < lex->end && *lex->at == '{') {
		conf_lex_fail(lex, t->line, "\"${\": the environment is not read here, "
		    "a value was expected");
		t->wrong = true;
		skip_variable(lex, t);
	}
}

void
conf_lex_next(struct conf_lex *lex, struct conf_lexeme *t)
{
	conf_lex_blank(lex);
	*t = (struct conf_lexeme){ .kind = CONF_END, .line = lex->line,
	    .text = "the end of the file", .from = lex->at, .put = lex->put };
	if (lex->at == lex->end)
		return;
	if (*lex->at == '"' || *lex->at == '\'') {
		string_token(lex, t);
	} else if (strchr("{}=,;", *lex->at) == NULL) {
		word_token(lex, t);
	} else {
		t->kind = CONF_MARK;
		t->mark[0] = *lex->at++;
		t->text = t->mark;
	}
}

void
conf_lex_back(struct conf_lex *lex, const struct conf_lexeme *t)
{
	lex->at = t->from;
	lex->put = t->put;
	lex->line = t->line;
}
