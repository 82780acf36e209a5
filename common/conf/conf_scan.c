/* What is wrong is told, and reading goes on where the next item is likely to begin: at the word
 * that was not expected, if it stands on another line, else behind its line.  An item that was told
 * of stays in the tree, marked, so that nobody finds it missing. */
#include "common/conf/conf_scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf_files.h"
#include "common/conf/conf_lex.h"
#include "common/conf/conf_list.h"
#include "common/conf/conf_nest.h"

#define NAME_OCTETS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

/* A file being read, while one it includes is. */
struct source {
	struct conf_lex lex;
	char *text;			/* of the file, owned; NULL = the caller's */
	int balance;			/* `{` that are still to come without their `}` */
};

/* The text being read, and what has come of it so far. */
struct scan {
	struct conf_reader *r;
	struct conf_lex lex;
	struct conf_nest nest;		/* its `balance` is this file's */
	char *text;			/* as in struct source */
	struct source outer[CONF_FILES_DEPTH];
	struct conf_files_open open[CONF_FILES_DEPTH + 1];
	size_t nested;			/* how many of `outer` there are; one more of `open` */
};

/* A `}`. */
static void
end_block(struct scan *s, int line)
{
	if (!conf_nest_leave(&s->nest, line))
		conf_lex_fail(&s->lex, line, "unexpected `}`, no block is open here");
}

/* ---- what is not as it should be ---- */

/* After something unexpected in an item that began on `line`: on with the next one. */
static void
go_on(struct scan *s, int line, const struct conf_lexeme *t)
{
	struct conf_item *last = conf_nest_last(&s->nest);

	conf_nest_open(&s->nest)->state = CONF_ITEM_WRONG;
	if (!last->block && last->given.line == line)
		last->state = CONF_ITEM_WRONG;	/* what is left over belongs to it */
	if (last->state == CONF_ITEM_WRONG && !last->block && last->given.line == line &&
	    t->line == line && s->nest.balance < 0 && conf_lex_close(&s->lex)) {
		s->nest.balance++;	/* that of a list whose `{` is missing */
		return;
	}
	if (t->line != line || conf_lex_is(t, ';') || conf_lex_is(t, '}'))
		conf_lex_back(&s->lex, t);
	else
		conf_lex_skip(&s->lex);
}

/* The file ends here in a block: that is told by end_file. */
static bool
is_cut(const struct scan *s, const struct conf_lexeme *t)
{
	return t->kind == CONF_END && s->nest.depth != 0;
}

/* The words of an odd line up to the first brace, quote or blank, in the scan's texts. */
static const char *
odd_word(struct scan *s, const char **at, const char *more)
{
	const char *from = *at, *word = s->lex.put;

	while (from < s->lex.end && strchr(" \t\"'", *from) != NULL)
		from++;
	for (*at = from; *at < s->lex.end && strchr(more, **at) == NULL; (*at)++)
		*s->lex.put++ = **at;
	*s->lex.put++ = '\0';
	return word;
}

/* A line with a quote too many or too few: what it says is not known, but which option or block it
 * begins, and what is open behind it.  Sets `list` if that is a list. */
static int
odd_line(struct scan *s, const char **name, bool *list)
{
	int braces = conf_lex_braces(&s->lex), line = s->lex.line, rc = 0;
	const char *at = s->lex.at, *title;

	conf_lex_skip_odd(&s->lex);
	*list = false;
	*name = odd_word(s, &at, "={\"' \t\n");
	while (at < s->lex.end && (*at == ' ' || *at == '\t'))
		at++;
	if (**name == '\0' || (*name)[strspn(*name, NAME_OCTETS)] != '\0') {
		conf_nest_open(&s->nest)->state = CONF_ITEM_WRONG;
	} else if (at < s->lex.end && *at == '=') {
		conf_nest_mend(&s->nest, *name, false, line);
		conf_nest_once(&s->nest, *name, line);
		rc = conf_nest_add(&s->nest, *name, false, line);
		if (rc == 0)
			conf_nest_last(&s->nest)->state = CONF_ITEM_WRONG;
		*list = braces > 0;
	} else if (braces >= 0) {
		title = odd_word(s, &at, "{}\"' \t\n");
		rc = conf_nest_enter(&s->nest, *name, title, line, line, true);
		braces--;
	}
	while (rc == 0 && !*list && braces > 0 && s->nest.depth < CONF_NEST_DEPTH)
		rc = conf_nest_enter(&s->nest, "", NULL, line, line, true), braces--;
	for (; braces < 0; braces++)
		end_block(s, line);
	return rc;
}

/* ---- options ---- */

/* After `NAME =`. */
static int
scan_option(struct scan *s, const char *name, int line, struct conf_lexeme *t)
{
	struct conf_item *item;
	int equal = t->line;
	bool once;

	conf_nest_mend(&s->nest, name, false, line);
	once = conf_nest_once(&s->nest, name, line);
	if (conf_nest_add(&s->nest, name, false, line) < 0)
		return -1;
	conf_lex_next(&s->lex, t);
	item = conf_nest_last(&s->nest);
	item->given.line = t->line;
	item->given.list = conf_lex_is(t, '{');
	if (item->given.list && !conf_nest_fits(&s->nest, name, false) &&
	    conf_nest_fits(&s->nest, name, true)) {
		conf_lex_fail(&s->lex, line, "`%s` is a block, `%s { ... }` was expected", name,
		    name);
		s->nest.out->n_items--;
		return conf_nest_enter(&s->nest, name, NULL, line, t->line, true);
	}
	item->state = once && !t->wrong ? CONF_ITEM_FINE : CONF_ITEM_WRONG;
	if (item->given.list)
		return conf_list_scan(&s->lex, &s->nest, name, t->line);
	if (conf_lex_is_value(t) &&
	    (t->kind == CONF_STRING || conf_lex_peek(&s->lex) != '='))
		return conf_nest_word(&s->nest, t->text, t->line);
	item->state = CONF_ITEM_WRONG;
	if (t->kind == CONF_WORD_TOKEN) {
		conf_lex_fail(&s->lex, equal, "`%s =` is followed by `%s =`, a value was expected",
		    name, t->text);
		conf_lex_back(&s->lex, t);
		return 0;
	}
	if (!is_cut(s, t))
		conf_lex_fail(&s->lex, t->line,
		    "`%s =` is followed by \"%s\", a value was expected", name, t->text);
	go_on(s, equal, t);
	return 0;
}

/* ---- other files ---- */

/* Goes over to the text of another file, or to the first one's. */
static int
enter(struct scan *s, const char *text, size_t len, int line)
{
	const char *nul = memchr(text, '\0', len);

	conf_files_digest(s->r, text, len);
	s->lex = (struct conf_lex){ .r = s->r, .at = text, .end = text + len, .line = line,
	    .odd = -1, .put = malloc(len + 1) };
	conf_line_enter(s->r, line);
	if (s->lex.put == NULL)
		return conf_no_memory(s->r, line);
	s->nest.out->texts[s->nest.out->n_texts++] = s->lex.put;
	if (nul != NULL) {
		for (const char *p = text; p < nul; p++)
			line += *p == '\n';
		conf_fail(s->r, line, "a NUL octet, text was expected");
		s->lex.at = s->lex.end;
		s->r->lost = true;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)	/* a byte order mark */
		s->lex.at += s->lex.at == text ? 3 : 0;
	s->nest.balance = conf_lex_balance(&s->lex);
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
	s->lex = to->lex;
	s->text = to->text;
	s->nest.balance = to->balance;
	s->lex.begun = s->lex.line;
	conf_line_enter(s->r, s->lex.line);
	return true;
}

/* After `include =`. */
static int
scan_include(struct scan *s, int line, struct conf_lexeme *t)
{
	int equal = t->line;
	unsigned number;
	size_t len;
	char *text;

	conf_lex_next(&s->lex, t);
	conf_nest_mend(&s->nest, "include", false, line);
	if (!conf_lex_is_value(t)) {
		conf_lex_fail(&s->lex, t->line,
		    "`include =` is followed by \"%s\", a file name was expected", t->text);
		go_on(s, equal, t);
	} else if (s->nest.depth != 0) {
		conf_lex_fail(&s->lex, equal, "`include` in a block, it was expected "
		    "outside of all blocks");
	}
	text = !conf_lex_is_value(t) || t->wrong || s->nest.depth != 0 ? NULL :
	    conf_files_include(s->r, t->text, t->line, s->open, s->nested + 1, &len, &number);
	if (text == NULL) {
		s->r->lost = true;
		return s->r->no_memory ? -1 : 0;
	}
	s->outer[s->nested++] = (struct source){ s->lex, s->text, s->nest.balance };
	s->open[s->nested] = (struct conf_files_open){ number, t->line };
	s->text = text;
	return enter(s, text, len, (int)(number << CONF_LINE_BITS | 1));
}

/* ---- items ---- */

/* At the token after NAME, which is a title or `{`. */
static int
scan_head(struct scan *s, const char *name, int line, struct conf_lexeme *t)
{
	const char *title = t->kind != CONF_MARK ? t->text : NULL;
	bool wrong = t->wrong, known = conf_nest_fits(&s->nest, name, true);

	if (known && title != NULL && t->line != line) {
		conf_lex_fail(&s->lex, line, "`%s` is followed by \"%.60s\", `=` or `{` was "
		    "expected", name, title);
		conf_lex_back(&s->lex, t);
		s->nest.balance++;
		return conf_nest_enter(&s->nest, name, NULL, line, line, true);
	}
	if (title != NULL)
		conf_lex_next(&s->lex, t);
	if (conf_lex_is(t, '{')) {
		if (!known && conf_nest_fits(&s->nest, name, false)) {
			conf_lex_fail(&s->lex, line, "`%s` is an option, `%s = ...` was expected",
			    name, name);
			wrong = true;
		}
		return conf_nest_enter(&s->nest, name, title, line, t->line, wrong);
	}
	if (!is_cut(s, t))
		conf_lex_fail(&s->lex, line, "`%s` is followed by \"%.60s\" and \"%.60s\", "
	    "`%s = ...` or `%s \"...\" {` was expected", name, title, t->text, name, name);
	if (known && t->line == line && !conf_lex_is(t, '}') && conf_lex_braces(&s->lex) < 0 &&
	    s->nest.balance < 0 && conf_lex_close(&s->lex)) {
		s->nest.balance++;	/* a block on one line without its `{` */
		if (conf_nest_enter(&s->nest, name, title, line, line, true) < 0)
			return -1;
		conf_nest_leave(&s->nest, 0);
		return 0;
	}
	while (t->line == line && t->kind != CONF_END && !conf_lex_is(t, '{') &&
	    !conf_lex_is(t, '}') && !conf_lex_is(t, ';'))
		conf_lex_next(&s->lex, t);
	if (conf_lex_is(t, '{') && t->line == line)
		return conf_nest_enter(&s->nest, name, title, line, t->line, true);
	if (t->line != line && known && t->kind == CONF_WORD_TOKEN) {
		/* the `{` itself is missing: what follows is in the block */
		conf_lex_back(&s->lex, t);
		s->nest.balance++;
		return conf_nest_enter(&s->nest, name, title, line, line, true);
	}
	s->r->lost = s->r->lost || known;
	if (!known && conf_nest_add(&s->nest, name, false, line) == 0)
		conf_nest_last(&s->nest)->state = CONF_ITEM_WRONG;
	if (t->line != line || t->kind == CONF_END || conf_lex_is(t, '}'))
		conf_lex_back(&s->lex, t);
	return s->r->no_memory ? -1 : 0;
}

enum what { NOTHING, INCLUDE, OPTION, HEAD };

/* What begins with the name in `t`, which becomes the token behind it; NOTHING is told. */
static enum what
begin_item(struct scan *s, const char *name, int line, struct conf_lexeme *t)
{
	if (t->wrong || t->len > 63 || strspn(name, NAME_OCTETS) != t->len) {
		conf_lex_fail(&s->lex, line, "unexpected \"%.60s\", "
		    "the name of an option or a block was expected", name);
		go_on(s, line, t);
		return NOTHING;
	}
	conf_lex_next(&s->lex, t);
	if (conf_lex_is(t, '='))
		return strcmp(name, "include") == 0 ? INCLUDE : OPTION;
	if (conf_lex_is(t, '{') || conf_lex_is_value(t))
		return HEAD;
	if (!is_cut(s, t))
		conf_lex_fail(&s->lex, line,
		    "`%s` is followed by \"%s\", `=` or `{` was expected", name, t->text);
	go_on(s, line, t);
	return NOTHING;
}

/* The file being read ends. */
static void
end_file(struct scan *s)
{
	const struct conf_item *open = conf_nest_open(&s->nest);

	if (s->nest.depth == 0)
		return;
	if (!s->lex.cut && s->nest.too_deep == 0)
		conf_lex_fail(&s->lex, open->line, "the block `%s` that begins here is not "
		    "closed, the file ends on line %d", open->name,
		    conf_line_number(s->lex.line));
	s->r->lost = true;
	while (s->nest.depth != 0)
		conf_nest_leave(&s->nest, 0);
	s->nest.too_deep = 0;
}

/* Up to the end of the file being read. */
static int
scan_items(struct scan *s)
{
	struct conf_lexeme t;
	int line, rc = 0;
	const char *name;
	bool list;

	while (rc == 0) {
		bool odd = conf_lex_at_odd(&s->lex);

		line = s->lex.line;
		if (odd) {
			rc = odd_line(s, &name, &list);
			if (rc == 0 && list)
				rc = conf_list_scan(&s->lex, &s->nest, name, line);
			continue;
		}
		conf_lex_next(&s->lex, &t);
		name = t.text;
		if (t.kind == CONF_END)
			return 0;
		if (t.kind == CONF_WORD_TOKEN) {
			switch (begin_item(s, name, line, &t)) {
			case NOTHING: break;
			case INCLUDE: rc = scan_include(s, line, &t); break;
			case OPTION: rc = scan_option(s, name, line, &t); break;
			case HEAD: rc = scan_head(s, name, line, &t); break;
			}
		} else if (conf_lex_is(&t, '}')) {
			end_block(s, line);
		} else if (!conf_lex_is(&t, ';') && !conf_lex_is(&t, ',')) {
			conf_lex_fail(&s->lex, line, "unexpected \"%.60s\", "
			    "the name of an option or a block was expected", t.text);
			go_on(s, line, &t);
		}
	}
	return rc;
}

int
conf_scan(struct conf_scan *scan, struct conf_reader *r, const char *text, size_t len)
{
	struct scan s = { .r = r, .nest = { r, scan, .stack[0].block = &conf_schema } };
	size_t n = 0;

	if (enter(&s, text, len, 1) < 0 || conf_nest_add(&s.nest, "", true, 1) < 0)
		goto fail;
	do {			/* an included file is over before the one around goes on */
		if (scan_items(&s) < 0)
			goto fail;
		end_file(&s);
	} while (leave(&s));
	conf_nest_end(&s.nest);
	for (size_t i = 0; i < scan->n_items; i++) {
		struct conf_given *given = &scan->items[i].given;
		if (given->n != 0)
			given->v = &scan->words[n];
		n += given->n;
	}
	assert(n == scan->n_words);
	return 0;
fail:
	while (leave(&s))
		;
	conf_scan_free(scan);
	return -1;
}

void
conf_scan_free(struct conf_scan *scan)
{
	free(scan->items);
	free(scan->words);
	for (size_t i = 0; i < scan->n_texts; i++)
		free(scan->texts[i]);
}
