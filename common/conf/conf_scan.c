#include "common/conf/conf_scan.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An option seen in an open block, to find it given twice. */
struct seen {
	const char *name;
	size_t len;
	int line;
};

struct open_block {
	const char *name;
	size_t len;
	int line;
	size_t first_seen;
};

struct scan {
	const char *file;
	const char *at, *end;
	int line;
	struct err *err;
	struct open_block stack[CONF_SCAN_DEPTH];
	size_t depth;
	struct seen seen[CONF_SCAN_DEPTH * CONF_SCAN_OPTIONS + CONF_SCAN_OPTIONS];
	size_t n_seen;
	FILE *out;
};

/* What next_token found. */
enum token { TOK_END, TOK_WORD, TOK_STRING, TOK_MARK, TOK_BAD };

struct lexeme {
	enum token kind;
	char mark;			/* kind MARK: one of {}=,; */
	int line;
	size_t len;
	const char *start;		/* kind WORD: in the text */
	char text[CONF_SCAN_WORD + 1];	/* kinds WORD and STRING: decoded */
};

static int fail(struct scan *s, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int
fail(struct scan *s, int line, const char *fmt, ...)
{
	char text[sizeof(s->err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(s->err, "%s:%d: %s", s->file, line, text);
}

static bool
starts(const struct scan *s, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(s->end - s->at) >= len && memcmp(s->at, what, len) == 0;
}

static void
line_break(struct scan *s)
{
	s->line++;
	s->at++;
	fputc('\n', s->out);
}

static int
skip_block_comment(struct scan *s)
{
	int began = s->line;

	s->at += 2;
	while (s->at < s->end) {
		if (starts(s, "*/")) {
			s->at += 2;
			return 0;
		}
		if (*s->at == '\n')
			line_break(s);
		else
			s->at++;
	}
	return fail(s, began, "the comment that begins here is not closed, the file ends on line %d", s->line);
}

/* Blanks and comments. */
static int
skip_blank(struct scan *s)
{
	while (s->at < s->end) {
		if (*s->at == '\n') {
			line_break(s);
		} else if (*s->at == ' ' || *s->at == '\t' || *s->at == '\r') {
			s->at++;
		} else if (*s->at == '#' || starts(s, "//")) {
			while (s->at < s->end && *s->at != '\n')
				s->at++;
		} else if (starts(s, "/*")) {
			if (skip_block_comment(s) < 0)
				return -1;
		} else {
			break;
		}
	}
	return 0;
}

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

static int
string_token(struct scan *s, struct lexeme *t)
{
	char quote = *s->at++;

	t->kind = TOK_STRING;
	for (t->len = 0; s->at < s->end && *s->at != '\n'; s->at++) {
		int c = (unsigned char)*s->at;
		if (c == quote) {
			s->at++;
			t->text[t->len] = '\0';
			return 0;
		}
		if (t->len >= CONF_SCAN_WORD)
			return fail(s, t->line, "a string of more than %d octets", CONF_SCAN_WORD);
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return fail(s, s->line, "a control character (0x%02x) in a string, text was expected", c);
		if (c == '\\' && quote == '"' && s->end - s->at > 1 && s->at[1] != '\n') {
			c = escaped(*++s->at);
			if (c < 0)
				return fail(s, s->line, "\"\\%c\" in a string is no escape, \\\\ \\\" \\n \\t were expected "
				    "(\\\\ stands for one backslash)", *s->at);
		}
		t->text[t->len++] = (char)c;
	}
	return fail(s, t->line, "the string that begins here is not closed on its line, %c was expected", quote);
}

static int
word_token(struct scan *s, struct lexeme *t)
{
	t->kind = TOK_WORD;
	t->start = s->at;
	for (t->len = 0; s->at < s->end; s->at++) {
		unsigned char c = (unsigned char)*s->at;
		if (c <= ' ' || strchr("{}=,;()#\"'", c) != NULL || starts(s, "/*") ||
		    (starts(s, "//") && t->len != 0 && t->text[t->len - 1] != ':'))
			break;
		if (c >= 0x7f)
			return fail(s, s->line, "unexpected octet 0x%02x outside a string", c);
		if (t->len >= CONF_SCAN_WORD)
			return fail(s, t->line, "a word of more than %d octets", CONF_SCAN_WORD);
		t->text[t->len++] = (char)c;
	}
	t->text[t->len] = '\0';
	if (t->len == 0)
		return fail(s, s->line, *s->at < ' ' ? "unexpected control character" : "unexpected '%c'", *s->at);
	if (t->text[t->len - 1] == '$' && s->at < s->end && *s->at == '{')
		return fail(s, t->line, "\"${\": the environment is not read here, a value was expected");
	return 0;
}

static int
next_token(struct scan *s, struct lexeme *t)
{
	if (skip_blank(s) < 0)
		return -1;
	t->line = s->line;
	t->len = 0;
	t->text[0] = '\0';
	t->kind = TOK_END;
	if (s->at == s->end)
		return 0;
	if (*s->at == '"' || *s->at == '\'')
		return string_token(s, t);
	if (strchr("{}=,;", *s->at) == NULL)
		return word_token(s, t);
	t->kind = TOK_MARK;
	t->mark = *s->at++;
	t->text[0] = t->mark;
	t->text[1] = '\0';
	return 0;
}

static bool
is_mark(const struct lexeme *t, char mark)
{
	return t->kind == TOK_MARK && t->mark == mark;
}

static const char *
shown(const struct lexeme *t)
{
	return t->kind == TOK_END ? "the end of the file" : t->text;
}

/* A value, quoted so that libconfuse gives back the same octets. */
static void
put_value(struct scan *s, const char *text)
{
	fputc('"', s->out);
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			fputs("\\n", s->out);
			continue;
		}
		if (*text == '"' || *text == '\\' || *text == '$')
			fputc('\\', s->out);
		fputc(*text, s->out);
	}
	fputc('"', s->out);
}

static int
unclosed_list(struct scan *s, const char *name, int began, const struct lexeme *t)
{
	if (t->kind == TOK_END)
		return fail(s, began, "the list of `%s` that begins here is not closed, the file ends on line %d",
		    name, s->line);
	return fail(s, t->line, "unexpected \"%.60s\" in the list of `%s` that begins on line %d, "
	    "`,` or `}` was expected", shown(t), name, began);
}

/* After `NAME = {`. */
static int
scan_list(struct scan *s, const char *name, int began, struct lexeme *t)
{
	fputs("{\"[\"", s->out);
	for (;;) {
		if (next_token(s, t) < 0)
			return -1;
		if (is_mark(t, '}'))
			break;
		if (t->kind != TOK_WORD && t->kind != TOK_STRING)
			return unclosed_list(s, name, began, t);
		fputc(',', s->out);
		put_value(s, t->text);
		if (next_token(s, t) < 0)
			return -1;
		if (is_mark(t, '}'))
			break;
		if (!is_mark(t, ','))
			return unclosed_list(s, name, began, t);
	}
	fputs("} ", s->out);
	return 0;
}

/* True if the word just read is the name of the next option. */
static bool
equal_follows(const struct scan *s)
{
	const char *c = s->at;

	while (c < s->end && (*c == ' ' || *c == '\t'))
		c++;
	return c < s->end && *c == '=';
}

/* After `NAME =`. */
static int
scan_option(struct scan *s, const char *name, struct lexeme *t)
{
	int line = t->line;

	fprintf(s->out, "%s=", name);
	if (next_token(s, t) < 0)
		return -1;
	if (t->kind == TOK_WORD && equal_follows(s))
		return fail(s, line, "`%s =` is followed by `%s =`, a value was expected", name, t->text);
	if (is_mark(t, '{'))
		return scan_list(s, name, t->line, t);
	if (t->kind != TOK_WORD && t->kind != TOK_STRING)
		return fail(s, t->line, "`%s =` is followed by \"%s\", a value was expected", name, shown(t));
	fputs("{\"=\",", s->out);
	put_value(s, t->text);
	fputs("} ", s->out);
	return 0;
}

/* Remembers an option or untitled block of the open block; refuses the second. */
static int
once(struct scan *s, const char *start, const char *name, int line)
{
	size_t first = s->depth != 0 ? s->stack[s->depth - 1].first_seen : 0;
	size_t len = strlen(name);

	for (size_t i = first; i < s->n_seen; i++)
		if (s->seen[i].len == len && memcmp(s->seen[i].name, start, len) == 0)
			return fail(s, line, "`%s` is given twice, first on line %d", name, s->seen[i].line);
	if (s->n_seen - first >= CONF_SCAN_OPTIONS)
		return fail(s, line, "more than %d options in one block", CONF_SCAN_OPTIONS);
	s->seen[s->n_seen++] = (struct seen){ start, len, line };
	return 0;
}

/* At the token after NAME, which is a title or `{`. */
static int
open_block(struct scan *s, const char *start, const char *name, int line, struct lexeme *t)
{
	char title[CONF_SCAN_WORD + 1];
	bool titled = t->kind != TOK_MARK;

	fprintf(s->out, "%s:", name);
	if (titled) {
		memcpy(title, t->text, t->len + 1);
		if (next_token(s, t) < 0)
			return -1;
		if (!is_mark(t, '{'))
			return fail(s, line, "`%s` is followed by \"%.60s\" and \"%.60s\", `%s = ...` or `%s \"...\" {` was expected",
			    name, title, shown(t), name, name);
	}
	if (s->depth == CONF_SCAN_DEPTH)
		return fail(s, line, "blocks are nested more than %d deep", CONF_SCAN_DEPTH);
	if (!titled && once(s, start, name, line) < 0)
		return -1;
	s->stack[s->depth++] = (struct open_block){ start, strlen(name), line, s->n_seen };
	fputs("{@={\"=\"", s->out);
	if (titled) {
		fputc(',', s->out);
		put_value(s, title);
	}
	fputs("} ", s->out);
	return 0;
}

/* An option or the head of a block, whose name is in `t`. */
static int
scan_item(struct scan *s, struct lexeme *t)
{
	char name[64];
	const char *start = t->start;
	int line = t->line;

	if (t->len >= sizeof(name) || strspn(t->text, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != t->len)
		return fail(s, line, "unexpected \"%.60s\", the name of an option or a block was expected", t->text);
	memcpy(name, t->text, t->len + 1);
	if (next_token(s, t) < 0)
		return -1;
	if (is_mark(t, '='))
		return once(s, start, name, line) < 0 ? -1 : scan_option(s, name, t);
	if (is_mark(t, '{') || t->kind == TOK_WORD || t->kind == TOK_STRING)
		return open_block(s, start, name, line, t);
	return fail(s, line, "`%s` is followed by \"%s\", `=` or `{` was expected", name, shown(t));
}

static int
close_block(struct scan *s, int line)
{
	if (s->depth == 0)
		return fail(s, line, "unexpected `}`, no block is open here");
	s->n_seen = s->stack[--s->depth].first_seen;
	fputs("} ", s->out);
	return 0;
}

static int
scan_items(struct scan *s, struct lexeme *t)
{
	for (;;) {
		int done = 0;
		if (next_token(s, t) < 0)
			return -1;
		if (t->kind == TOK_END)
			break;
		if (t->kind == TOK_WORD)
			done = scan_item(s, t);
		else if (is_mark(t, '}'))
			done = close_block(s, t->line);
		else if (!is_mark(t, ';') && !is_mark(t, ','))
			done = fail(s, t->line, "unexpected \"%.60s\", the name of an option or a block was expected", t->text);
		if (done < 0)
			return -1;
	}
	if (s->depth != 0) {
		const struct open_block *b = &s->stack[s->depth - 1];
		return fail(s, b->line, "the block `%.*s` that begins here is not closed, the file ends on line %d",
		    (int)b->len, b->name, s->line);
	}
	return 0;
}

static int
refuse_nul(struct scan *s)
{
	const char *nul = memchr(s->at, '\0', (size_t)(s->end - s->at));
	int line = 1;

	if (nul == NULL)
		return 0;
	for (const char *p = s->at; p < nul; p++)
		line += *p == '\n';
	return fail(s, line, "a NUL octet, text was expected");
}

char *
conf_scan(const char *file, const char *text, size_t len, struct err *err)
{
	struct scan *s = malloc(sizeof(*s));
	struct lexeme *t = malloc(sizeof(*t));
	char *plain = NULL;
	size_t plain_len;
	int done = -1;

	if (s != NULL && t != NULL) {
		s->file = file;
		s->at = text;
		s->end = text + len;
		s->line = 1;
		s->err = err;
		s->depth = s->n_seen = 0;
		s->out = open_memstream(&plain, &plain_len);
		if (s->out != NULL) {
			if (starts(s, "\xef\xbb\xbf"))	/* a byte order mark */
				s->at += 3;
			done = refuse_nul(s) < 0 ? -1 : scan_items(s, t);
			if (fclose(s->out) != 0)
				done = fail(s, s->line, "out of memory");
		}
	} else {
		err_set(err, "%s: out of memory", file);
	}
	free(s);
	free(t);
	if (done == 0)
		return plain;
	free(plain);
	return NULL;
}
