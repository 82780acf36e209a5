#include "common/conf/conf_scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf_files.h"

/* A file being read, while one it includes is. */
struct source {
	const char *at, *end;
	char *text;			/* of the file, owned; NULL = the caller's */
	char *put;			/* where the next word goes in its out->texts */
	int line;
};

/* The text being read, and what has come of it so far. */
struct scan {
	struct conf_reader *r;
	const char *at, *end;
	char *text, *put;		/* as in struct source */
	int line;
	struct source outer[CONF_FILES_DEPTH];
	struct conf_files_open open[CONF_FILES_DEPTH + 1];
	size_t nested;			/* how many of `outer` there are; one more of `open` */
	size_t stack[CONF_SCAN_DEPTH + 1];	/* open blocks, as items; [0] is the file */
	size_t depth;
	struct conf_scan *out;
};

/* What next_token found. */
enum token { TOK_END, TOK_WORD, TOK_STRING, TOK_MARK };

struct lexeme {
	enum token kind;
	int line;
	size_t len;
	const char *text;		/* for messages; kinds WORD and STRING: in out->texts */
	char mark[2];			/* kind MARK: the text, one of {}=,; */
};

static bool
starts(const struct scan *s, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(s->end - s->at) >= len && memcmp(s->at, what, len) == 0;
}

/* Blanks and comments. */
static int
skip_blank(struct scan *s)
{
	while (s->at < s->end) {
		if (*s->at == '\n' || *s->at == ' ' || *s->at == '\t' || *s->at == '\r') {
			s->line += *s->at++ == '\n';
		} else if (*s->at == '#' || starts(s, "//")) {
			while (s->at < s->end && *s->at != '\n')
				s->at++;
		} else if (starts(s, "/*")) {
			int began = s->line;
			for (s->at += 2; s->at < s->end && !starts(s, "*/"); s->at++)
				s->line += *s->at == '\n';
			if (s->at == s->end)
				return conf_fail(s->r, began,
				    "the comment that begins here is not closed, "
				    "the file ends on line %d", conf_line_number(s->line));
			s->at += 2;
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
	t->text = s->put;
	for (; s->at < s->end && *s->at != '\n'; s->at++) {
		int c = (unsigned char)*s->at;
		if (c == quote) {
			s->at++;
			*s->put++ = '\0';
			return 0;
		}
		if (t->len >= CONF_SCAN_WORD)
			return conf_fail(s->r, t->line,
			    "a string of more than %d octets", CONF_SCAN_WORD);
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return conf_fail(s->r, s->line, "a control character (0x%02x) in a string, "
			    "text was expected", c);
		if (c == '\\' && quote == '"' && s->end - s->at > 1 && s->at[1] != '\n') {
			c = escaped(*++s->at);
			if (c < 0)
				return conf_fail(s->r, s->line,
				    "\"\\%c\" in a string is no escape, "
				    "\\\\ \\\" \\n \\t were expected "
				    "(\\\\ stands for one backslash)", *s->at);
		}
		*s->put++ = (char)c;
		t->len++;
	}
	return conf_fail(s->r, t->line, "the string that begins here is not closed on its line, "
	    "%c was expected", quote);
}

static int
word_token(struct scan *s, struct lexeme *t)
{
	t->kind = TOK_WORD;
	t->text = s->put;
	for (; s->at < s->end; s->at++) {
		unsigned char c = (unsigned char)*s->at;
		if (c <= ' ' || strchr("{}=,;()#\"'", c) != NULL || starts(s, "/*") ||
		    (starts(s, "//") && t->len != 0 && s->at[-1] != ':'))
			break;
		if (c >= 0x7f)
			return conf_fail(s->r, s->line,
			    "unexpected octet 0x%02x outside a string", c);
		if (t->len >= CONF_SCAN_WORD)
			return conf_fail(s->r, t->line,
			    "a word of more than %d octets", CONF_SCAN_WORD);
		*s->put++ = (char)c;
		t->len++;
	}
	*s->put++ = '\0';
	if (t->len == 0)
		return conf_fail(s->r, s->line, *s->at < ' ' ? "unexpected control character" :
		    "unexpected '%c'", *s->at);
	if (t->text[t->len - 1] == '$' && s->at < s->end && *s->at == '{')
		return conf_fail(s->r, t->line, "\"${\": the environment is not read here, "
		    "a value was expected");
	return 0;
}

static int
next_token(struct scan *s, struct lexeme *t)
{
	if (skip_blank(s) < 0)
		return -1;
	*t = (struct lexeme){ .kind = TOK_END, .line = s->line, .text = "the end of the file" };
	if (s->at == s->end)
		return 0;
	if (*s->at == '"' || *s->at == '\'')
		return string_token(s, t);
	if (strchr("{}=,;", *s->at) == NULL)
		return word_token(s, t);
	t->kind = TOK_MARK;
	t->mark[0] = *s->at++;
	t->text = t->mark;
	return 0;
}

static bool
is_mark(const struct lexeme *t, char mark)
{
	return t->kind == TOK_MARK && *t->text == mark;
}

/* `v`, an array of `n` elements, or a larger copy of it where it is full: its room
 * is the power of two that is `n` or above.  NULL if there is no memory. */
static void *
room_for_one(void *v, size_t n, size_t size)
{
	return (n & (n - 1)) != 0 ? v : realloc(v, (n != 0 ? 2 * n : 1) * size);
}

/* The item with this name that is read now. */
static int
add_item(struct scan *s, const char *name, bool block, int line)
{
	struct conf_scan *out = s->out;
	struct conf_item *items = room_for_one(out->items, out->n_items, sizeof(*items));

	if (items == NULL)
		return conf_fail(s->r, s->line, "out of memory");
	out->items = items;
	items[out->n_items++] = (struct conf_item){ .name = name, .block = block, .line = line };
	return 0;
}

/* A value of the last item. */
static int
add_word(struct scan *s, const char *text, int line)
{
	struct conf_scan *out = s->out;
	struct conf_word *words = room_for_one(out->words, out->n_words, sizeof(*words));

	if (words == NULL)
		return conf_fail(s->r, s->line, "out of memory");
	out->words = words;
	words[out->n_words++] = (struct conf_word){ text, line };
	out->items[out->n_items - 1].given.n++;
	return 0;
}

/* After `NAME = {`. */
static int
scan_list(struct scan *s, const char *name, int began, struct lexeme *t)
{
	for (;;) {
		if (next_token(s, t) < 0)
			return -1;
		if (t->kind == TOK_WORD || t->kind == TOK_STRING) {
			if (add_word(s, t->text, t->line) < 0 || next_token(s, t) < 0)
				return -1;
			if (is_mark(t, ','))
				continue;
		}
		if (is_mark(t, '}'))
			return 0;
		if (t->kind == TOK_END)
			return conf_fail(s->r, began,
			    "the list of `%s` that begins here is not closed, "
			    "the file ends on line %d", name, conf_line_number(s->line));
		return conf_fail(s->r, t->line,
		    "unexpected \"%.60s\" in the list of `%s` that begins on line %d, "
		    "`,` or `}` was expected", t->text, name, conf_line_number(began));
	}
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

/* Refuses a second option or untitled block of this name in the open block. */
static int
once(struct scan *s, const char *name, int line)
{
	const struct conf_item *block = &s->out->items[s->stack[s->depth]];
	const struct conf_item *end = s->out->items + s->out->n_items;
	size_t n = 0;

	for (const struct conf_item *i = block + 1; i < end; i = conf_scan_past(i)) {
		if (i->block && i->given.n != 0)
			continue;
		if (strcmp(i->name, name) == 0 && CONF_LINE_FILE(i->line) != CONF_LINE_FILE(line))
			return conf_fail(s->r, line, "`%s` is given twice, first at %s:%d", name,
			    conf_line_name(s->r, i->line), conf_line_number(i->line));
		if (strcmp(i->name, name) == 0)
			return conf_fail(s->r, line, "`%s` is given twice, first on line %d", name,
			    conf_line_number(i->line));
		n++;
	}
	if (n >= CONF_SCAN_OPTIONS)
		return conf_fail(s->r, line,
		    "more than %d options in one block", CONF_SCAN_OPTIONS);
	return 0;
}

/* Goes over to the text of another file, or to the first one's. */
static int
enter(struct scan *s, const char *text, size_t len, int line)
{
	const char *nul = memchr(text, '\0', len);

	conf_files_digest(s->r, text, len);
	s->at = text;
	s->end = text + len;
	s->line = line;
	for (const char *p = text; nul != NULL && p < nul; p++)
		line += *p == '\n';
	if (nul != NULL)
		return conf_fail(s->r, line, "a NUL octet, text was expected");
	/* Every word with its NUL fits where it stood: a string had two quotes, and behind any
	 * other word stands an octet that is no word's, or the end, for which is the one more. */
	s->put = malloc(len + 1);
	if (s->put == NULL)
		return conf_fail(s->r, line, "out of memory");
	s->out->texts[s->out->n_texts++] = s->put;
	if (starts(s, "\xef\xbb\xbf"))	/* a byte order mark */
		s->at += 3;
	return 0;
}

/* Back to the file around, or false: this was the one that was named. */
static bool
leave(struct scan *s)
{
	const struct source *to;

	free(s->text);
	s->text = NULL;
	if (s->nested == 0)
		return false;
	to = &s->outer[--s->nested];
	s->at = to->at;
	s->end = to->end;
	s->text = to->text;
	s->put = to->put;
	s->line = to->line;
	return true;
}

/* After `include =`. */
static int
scan_include(struct scan *s, struct lexeme *t)
{
	unsigned number;
	size_t len;
	char *text;

	if (s->depth != 0)
		return conf_fail(s->r, t->line, "`include` in a block, it was expected "
		    "outside of all blocks");
	if (next_token(s, t) < 0)
		return -1;
	if (t->kind != TOK_WORD && t->kind != TOK_STRING)
		return conf_fail(s->r, t->line,
		    "`include =` is followed by \"%s\", a file name was expected", t->text);
	text = conf_files_include(s->r, t->text, t->line, s->open, s->nested + 1, &len, &number);
	if (text == NULL)
		return -1;
	s->outer[s->nested++] = (struct source){ s->at, s->end, s->text, s->put, s->line };
	s->open[s->nested] = (struct conf_files_open){ number, t->line };
	s->text = text;
	return enter(s, text, len, (int)(number << CONF_LINE_BITS | 1));
}

/* After `NAME =`. */
static int
scan_option(struct scan *s, const char *name, int line, struct lexeme *t)
{
	struct conf_given *given;
	int equal = t->line;

	if (once(s, name, line) < 0 || add_item(s, name, false, line) < 0 || next_token(s, t) < 0)
		return -1;
	given = &s->out->items[s->out->n_items - 1].given;
	given->line = t->line;
	given->list = is_mark(t, '{');
	if (given->list)
		return scan_list(s, name, t->line, t);
	if (t->kind == TOK_WORD && equal_follows(s))
		return conf_fail(s->r, equal, "`%s =` is followed by `%s =`, a value was expected",
		    name, t->text);
	if (t->kind != TOK_WORD && t->kind != TOK_STRING)
		return conf_fail(s->r, t->line,
		    "`%s =` is followed by \"%s\", a value was expected",
		    name, t->text);
	return add_word(s, t->text, t->line);
}

/* At the token after NAME, which is a title or `{`. */
static int
scan_head(struct scan *s, const char *name, int line, struct lexeme *t)
{
	const char *title = t->kind != TOK_MARK ? t->text : NULL;

	if (title != NULL && next_token(s, t) < 0)
		return -1;
	if (!is_mark(t, '{'))
		return conf_fail(s->r, line, "`%s` is followed by \"%.60s\" and \"%.60s\", "
		    "`%s = ...` or `%s \"...\" {` was expected", name, title, t->text, name, name);
	if (s->depth == CONF_SCAN_DEPTH)
		return conf_fail(s->r, line,
		    "blocks are nested more than %d deep", CONF_SCAN_DEPTH);
	if (title == NULL && once(s, name, line) < 0)
		return -1;
	if (add_item(s, name, true, line) < 0)
		return -1;
	s->stack[++s->depth] = s->out->n_items - 1;
	s->out->items[s->out->n_items - 1].given.line = t->line;
	return title != NULL ? add_word(s, title, t->line) : 0;
}

/* An option or the head of a block, whose name is in `t`. */
static int
scan_item(struct scan *s, struct lexeme *t)
{
	const char *name = t->text;
	int line = t->line;

	if (t->len > 63 || strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != t->len)
		return conf_fail(s->r, line, "unexpected \"%.60s\", "
		    "the name of an option or a block was expected", name);
	if (next_token(s, t) < 0)
		return -1;
	if (is_mark(t, '=') && strcmp(name, "include") == 0)
		return scan_include(s, t);
	if (is_mark(t, '='))
		return scan_option(s, name, line, t);
	if (is_mark(t, '{') || t->kind == TOK_WORD || t->kind == TOK_STRING)
		return scan_head(s, name, line, t);
	return conf_fail(s->r, line,
	    "`%s` is followed by \"%s\", `=` or `{` was expected", name, t->text);
}

/* The open block, or the file when it ends, has all its items. */
static void
close_block(struct scan *s)
{
	size_t block = s->stack[s->depth];

	s->out->items[block].inside = s->out->n_items - block - 1;
}

static int
scan_items(struct scan *s)
{
	struct lexeme t;

	for (;;) {
		if (next_token(s, &t) < 0)
			return -1;
		if (t.kind == TOK_END && s->depth == 0 && leave(s)) {
			continue;
		} else if (t.kind == TOK_END) {
			break;
		} else if (t.kind == TOK_WORD) {
			if (scan_item(s, &t) < 0)
				return -1;
		} else if (is_mark(&t, '}')) {
			if (s->depth == 0)
				return conf_fail(s->r, t.line,
				    "unexpected `}`, no block is open here");
			close_block(s);
			s->depth--;
		} else if (!is_mark(&t, ';') && !is_mark(&t, ',')) {
			return conf_fail(s->r, t.line, "unexpected \"%.60s\", "
			    "the name of an option or a block was expected", t.text);
		}
	}
	if (s->depth != 0) {
		const struct conf_item *open = &s->out->items[s->stack[s->depth]];
		return conf_fail(s->r, open->line, "the block `%s` that begins here is not closed, "
		    "the file ends on line %d", open->name, conf_line_number(s->line));
	}
	close_block(s);
	return 0;
}

int
conf_scan(struct conf_scan *scan, struct conf_reader *r, const char *text, size_t len)
{
	struct scan s = { .r = r, .out = scan };
	size_t n = 0;

	if (enter(&s, text, len, 1) < 0 || add_item(&s, "", true, 1) < 0 || scan_items(&s) < 0) {
		while (leave(&s))
			;
		conf_scan_free(scan);
		return -1;
	}
	for (size_t i = 0; i < scan->n_items; i++) {
		struct conf_given *given = &scan->items[i].given;
		if (given->n != 0)
			given->v = &scan->words[n];
		n += given->n;
	}
	assert(n == scan->n_words);
	return 0;
}

int
conf_scan_option(const struct conf_scan *scan, int block_line, const char *name)
{
	for (size_t b = 0; b < scan->n_items; b++) {
		const struct conf_item *block = &scan->items[b];

		if (!block->block || block->given.line != block_line)
			continue;
		for (const struct conf_item *i = block + 1, *past = conf_scan_past(block); i < past;
		    i = conf_scan_past(i))
			if (!i->block && strcmp(i->name, name) == 0)
				return i->given.line;
	}
	return 0;
}

void
conf_scan_free(struct conf_scan *scan)
{
	free(scan->items);
	free(scan->words);
	for (size_t i = 0; i < scan->n_texts; i++)
		free(scan->texts[i]);
}
