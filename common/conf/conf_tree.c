#include <confuse.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/conf/conf_scan.h"
#include "common/conf/conf_schema.h"

/* ---- libconfuse: the scanned text becomes a tree ---- */

/* libconfuse's error function gets no argument of ours; its lexer is one for
 * the whole process anyway. */
static struct conf_reader *parsing;

static int
word_read(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	size_t len = strlen(value);
	struct conf_word *w = malloc(sizeof(*w) + len + 1);

	(void)opt;
	if (w == NULL)
		return -1;
	w->line = cfg->line;
	memcpy(w->text, value, len + 1);
	*(void **)result = w;
	return 0;
}

static bool
is_block(const char *name)
{
	size_t len = strlen(name);

	return len != 0 && name[len - 1] == ':';
}

/* The plain names of a block's options or of its blocks; how many. */
static size_t
known_names(const cfg_t *cfg, bool block, char plain[64][32], const char *names[64])
{
	size_t n = 0;

	for (const cfg_opt_t *o = cfg->opts; o->name != NULL && n < 64; o++)
		if (is_block(o->name) == block && strcmp(o->name, "@") != 0) {
			snprintf(plain[n], 32, "%.*s", (int)strcspn(o->name, ":"), o->name);
			names[n] = plain[n];
			n++;
		}
	return n;
}

/* `block` is how the name was used: NAME { rather than NAME =. */
static void
unknown_name(const cfg_t *cfg, const char *name, bool block)
{
	const char *kind = block ? "block" : "option", *near, *names[64] = { NULL };
	char plain[64][32], list[400] = "";
	size_t used = 0, n = known_names(cfg, !block, plain, names);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0) {
			conf_fail(parsing, cfg->line, block ? "`%s` is an option, `%s = ...` was expected" :
			    "`%s` is a block, `%s { ... }` was expected", name, name);
			return;
		}
	near = conf_nearest(name, names, n);
	n = known_names(cfg, block, plain, names);
	if (conf_nearest(name, names, n) != NULL)
		near = conf_nearest(name, names, n);
	for (size_t i = 0; i < n && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i != 0 ? ", " : "", names[i]);
	if (near != NULL)
		conf_fail(parsing, cfg->line, "unknown %s \"%s\", did you mean \"%s\"?", kind, name, near);
	else if (n != 0)
		conf_fail(parsing, cfg->line, "unknown %s \"%s\", one of %s was expected", kind, name, list);
	else
		conf_fail(parsing, cfg->line, "unknown %s \"%s\", no %s was expected here", kind, name, kind);
}

static void tree_error(cfg_t *cfg, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static void
tree_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[200], *name, *end;

	vsnprintf(text, sizeof(text), fmt, ap);
	name = strchr(text, '\'');
	end = name != NULL ? strrchr(text, '\'') : NULL;
	if (strncmp(text, "no such option", 14) == 0 && end > name) {
		bool block = end[-1] == ':';
		*(block ? end - 1 : end) = '\0';
		unknown_name(cfg, name + 1, block);
		return;
	}
	conf_fail(parsing, cfg->line, "%s", text);
}

static void tree_options_free(cfg_opt_t *opts);

/* The rows and blocks of a table as libconfuse's options; NULL out of memory. */
static cfg_opt_t *
tree_options(const struct conf_block *block)
{
	size_t rows = 0, blocks = 0;
	cfg_opt_t *opts, *at;

	while (block->rows[rows].name != NULL)
		rows++;
	while (block->blocks != NULL && block->blocks[blocks] != NULL)
		blocks++;
	at = opts = calloc(rows + blocks + 2, sizeof(*opts));
	if (opts == NULL)
		return NULL;
	*at++ = (cfg_opt_t)CFG_PTR_LIST_CB(strdup("@"), 0, CFGF_NONE, word_read, free);
	for (size_t i = 0; i < rows; i++)
		*at++ = (cfg_opt_t)CFG_PTR_LIST_CB(strdup(block->rows[i].name), 0, CFGF_NONE, word_read, free);
	for (size_t i = 0; i < blocks; i++) {
		char *name = NULL;
		if (asprintf(&name, "%s:", block->blocks[i]->name) < 0)
			name = NULL;
		*at++ = (cfg_opt_t)CFG_SEC(name, tree_options(block->blocks[i]), CFGF_MULTI);
	}
	*at = (cfg_opt_t)CFG_END();
	for (at = opts; at < opts + rows + blocks + 1; at++)
		if (at->name == NULL || (at->type == CFGT_SEC && at->subopts == NULL)) {
			tree_options_free(opts);
			return NULL;
		}
	return opts;
}

static void
tree_options_free(cfg_opt_t *opts)
{
	if (opts == NULL)
		return;
	for (cfg_opt_t *o = opts; o->name != NULL || o->type != CFGT_NONE; o++) {
		tree_options_free(o->subopts);
		free((char *)(uintptr_t)o->name);
	}
	free(opts);
}

/* The file's text as libconfuse's tree, NULL with a reason. */
static cfg_t *
tree_read(struct conf_reader *r, const char *text, size_t len)
{
	char *plain = conf_scan(r->file, text, len, r->err);
	cfg_opt_t *opts = plain != NULL ? tree_options(&conf_schema) : NULL;
	cfg_t *cfg = NULL;

	if (opts != NULL)
		cfg = cfg_init(opts, CFGF_NONE);
	if (cfg != NULL) {
		parsing = r;
		cfg_set_error_function(cfg, tree_error);
		err_set(r->err, "%s: out of memory", r->file);
		if (*plain != '\0' && cfg_parse_buf(cfg, plain) != CFG_SUCCESS) {
			cfg_free(cfg);
			cfg = NULL;
		}
		parsing = NULL;
	} else if (plain != NULL) {
		err_set(r->err, "%s: out of memory", r->file);
	}
	tree_options_free(opts);
	free(plain);
	return cfg;
}

/* ---- the tree becomes structs ---- */

/* A titled block that was read, to find it given twice. */
struct titled {
	const struct conf_block *block;
	const void *scope;		/* the list it is in */
	char *key;
	int line;
};

struct titles {
	struct titled *v;
	size_t n, room;
};

/* The words of an option without the mark before them; the caller frees the
 * array of given->v.  1, 0 = not given, -1 out of memory. */
static int
option_words(cfg_t *cfg, const char *name, struct conf_given *given)
{
	cfg_opt_t *opt = cfg_getopt(cfg, name);
	unsigned n = opt != NULL ? cfg_opt_size(opt) : 0;
	const struct conf_word **words, *mark;

	if (n == 0)
		return 0;
	words = calloc(n, sizeof(*words));
	if (words == NULL)
		return -1;
	for (unsigned i = 1; i < n; i++)
		words[i - 1] = cfg_opt_getnptr(opt, i);
	mark = cfg_opt_getnptr(opt, 0);
	*given = (struct conf_given){ words, n - 1, *mark->text == '[', mark->line };
	return 1;
}

static int
row_read(struct conf_reader *r, const struct conf_block *block, const struct conf_row *row,
    cfg_t *cfg, void *element, int line)
{
	struct conf_given given;
	int found = cfg != NULL ? option_words(cfg, row->name, &given) : 0;
	int done;

	if (found < 0)
		return conf_fail(r, line, "out of memory");
	if (found == 0 && row->required && cfg != NULL)
		return conf_fail(r, line, "`%s` is missing in the block `%s` that begins here", row->name, block->name);
	if (found == 0)
		return conf_value_standard(r, row, element);
	done = conf_value_read(r, row, element, &given);
	if (strcmp(row->name, "here") == 0)
		r->here_line = given.line;
	else if (strncmp(row->name, "ttl-", 4) == 0)
		r->ttl_line = given.line;
	/* a check's `kind` is its first row, so it is known here */
	if (done == 0 && row->kinds != 0 && !(row->kinds & 1u << ((struct conf_check *)element)->kind))
		conf_warn(r, given.line, "`%s` means nothing for a check of this kind", row->name);
	free((void *)(uintptr_t)given.v);
	return done;
}

static int
title_note(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    const void *scope, const void *element, int line)
{
	struct titled t = { block, scope, NULL, line };
	size_t len;
	FILE *out;

	if (titles->n == titles->room) {
		size_t room = titles->room != 0 ? 2 * titles->room : 64;
		struct titled *v = realloc(titles->v, room * sizeof(*v));
		if (v == NULL)
			return conf_fail(r, line, "out of memory");
		titles->v = v;
		titles->room = room;
	}
	out = open_memstream(&t.key, &len);
	if (out == NULL)
		return conf_fail(r, line, "out of memory");
	conf_value_print(r->conf, block->title, element, out);
	if (fclose(out) != 0) {
		free(t.key);
		return conf_fail(r, line, "out of memory");
	}
	titles->v[titles->n++] = t;
	return 0;
}

/* The title, and the line where the block begins. */
static int
head_read(struct conf_reader *r, const struct conf_block *block, cfg_t *cfg, void *element, int *line)
{
	struct conf_given given;
	int done = 0;

	if (option_words(cfg, "@", &given) <= 0)
		return conf_fail(r, 0, "out of memory");
	*line = given.line;
	if (block->title == NULL && given.n != 0)
		done = conf_fail(r, *line, "%s \"%.60s\": this block has no name, `%s { ... }` was expected",
		    block->name, given.v[0]->text, block->name);
	else if (block->title != NULL && given.n == 0)
		done = conf_fail(r, *line, "the block `%s` has no name, `%s \"...\" { ... }` was expected",
		    block->name, block->name);
	else if (block->title != NULL)
		done = conf_value_read(r, block->title, element, &given);
	free((void *)(uintptr_t)given.v);
	if (done == 0 && block->line_offset != 0)
		*(int *)((char *)element + block->line_offset) = *line;
	return done;
}

static int blocks_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    cfg_t *cfg, void *element);

/* One block into its element.  cfg NULL: it is not in the file, defaults only. */
static int
block_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    cfg_t *cfg, void *parent, void *scope, void *element)
{
	int line = 0;

	if (cfg != NULL && block != &conf_schema && head_read(r, block, cfg, element, &line) < 0)
		return -1;
	if (cfg != NULL && block->begin != NULL && block->begin(r, block, parent, element) < 0)
		return -1;
	if (block->title != NULL && title_note(r, titles, block, scope, element, line) < 0)
		return -1;
	for (const struct conf_row *row = block->rows; row->name != NULL; row++)
		if (row_read(r, block, row, cfg, element, line) < 0)
			return -1;
	if (blocks_read(r, titles, block, cfg, element) < 0)
		return -1;
	if (cfg != NULL && block->finish != NULL)
		return block->finish(r, element, line);
	return 0;
}

/* All blocks of one kind into the list they belong to, which grows at once. */
static int
many_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    cfg_opt_t *opt, void *parent)
{
	void *field = (char *)(block->place == CONF_MANY ? parent : r->conf) + block->offset;
	struct conf_list list = conf_list_get(field);
	unsigned n = cfg_opt_size(opt);
	void *v;

	if (n == 0)
		return 0;
	v = realloc(list.v, (list.n + n) * block->size);
	if (v == NULL)
		return conf_fail(r, 0, "out of memory");
	list.v = v;
	conf_list_set(field, list);
	for (unsigned i = 0; i < n; i++) {
		char *element = (char *)list.v + list.n * block->size;
		cfg_t *cfg = cfg_opt_getnsec(opt, i);
		memset(element, 0, block->size);
		list.n++;
		conf_list_set(field, list);
		if (block->max != 0 && list.n > block->max) {
			const struct conf_word *head = cfg_getnptr(cfg, "@", 0);
			return conf_fail(r, head->line, "more than %zu blocks `%s`", block->max, block->name);
		}
		if (block_read(r, titles, block, cfg, parent, field, element) < 0)
			return -1;
	}
	return 0;
}

static int
blocks_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    cfg_t *cfg, void *element)
{
	char name[64];

	for (size_t i = 0; block->blocks != NULL && block->blocks[i] != NULL; i++) {
		const struct conf_block *inner = block->blocks[i];
		cfg_opt_t *opt;
		snprintf(name, sizeof(name), "%s:", inner->name);
		opt = cfg != NULL ? cfg_getopt(cfg, name) : NULL;
		if (inner->place != CONF_ONE) {
			if (opt != NULL && many_read(r, titles, inner, opt, element) < 0)
				return -1;
		} else if (block_read(r, titles, inner, opt != NULL && cfg_opt_size(opt) != 0 ?
		    cfg_opt_getnsec(opt, 0) : NULL, element, NULL, (char *)element + inner->offset) < 0) {
			return -1;
		}
	}
	return 0;
}

static int
titled_compare(const void *a, const void *b)
{
	const struct titled *x = a, *y = b;
	int order = (x->block > y->block) - (x->block < y->block);

	if (order == 0)
		order = (x->scope > y->scope) - (x->scope < y->scope);
	if (order == 0)
		order = x->block->title->type == CONF_DOMAIN ? strcasecmp(x->key, y->key) : strcmp(x->key, y->key);
	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Refuses two blocks with one name, the first repetition in the file. */
static int
titles_check(struct conf_reader *r, struct titles *titles)
{
	const struct titled *first = NULL, *again = NULL;

	if (titles->n != 0)
		qsort(titles->v, titles->n, sizeof(*titles->v), titled_compare);
	for (size_t i = 1; i < titles->n; i++) {
		const struct titled *a = &titles->v[i - 1], *b = &titles->v[i];
		struct titled same_line = *b;
		same_line.line = a->line;
		if (titled_compare(a, &same_line) == 0 && (again == NULL || b->line < again->line))
			first = a, again = b;
	}
	if (again == NULL)
		return 0;
	return conf_fail(r, again->line, "%s %s is given twice, first at %s:%d", again->block->name, again->key,
	    r->file, first->line);
}

int
conf_tree_read(struct conf_reader *r, const char *text, size_t len)
{
	struct titles titles = { NULL, 0, 0 };
	cfg_t *cfg = tree_read(r, text, len);
	int done = -1;

	if (cfg != NULL && block_read(r, &titles, &conf_schema, cfg, NULL, NULL, r->conf) == 0)
		done = titles_check(r, &titles);
	for (size_t i = 0; i < titles.n; i++)
		free(titles.v[i].key);
	free(titles.v);
	if (cfg != NULL)
		cfg_free(cfg);
	return done;
}
