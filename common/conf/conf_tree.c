#include "common/conf/conf_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/conf/conf_schema.h"
#include "common/conf/conf_values.h"

#define NAMES_MAX 64

/* ---- what the schema does not have is refused ---- */

/* The names of a block's options, or of the blocks in it; how many. */
static size_t
known_names(const struct conf_block *block, bool blocks, const char *names[NAMES_MAX])
{
	size_t n = 0;

	if (blocks) {
		for (; block->blocks != NULL && block->blocks[n] != NULL; n++)
			names[n] = block->blocks[n]->name;
	} else {
		for (const struct conf_row *row = block->rows; row->name != NULL; row++)
			if (!row->old)
				names[n++] = row->name;
	}
	assert(n <= NAMES_MAX);
	return n;
}

/* An option that old files have. */
static bool
is_old(const struct conf_block *block, const struct conf_item *item)
{
	for (const struct conf_row *row = block->rows; row->name != NULL; row++)
		if (row->old && !item->block && strcmp(row->name, item->name) == 0)
			return true;
	return false;
}

static int
unknown_name(struct conf_reader *r, const struct conf_block *block, const struct conf_item *item)
{
	const char *kind = item->block ? "block" : "option", *near, *names[NAMES_MAX];
	size_t used = 0, n = known_names(block, !item->block, names);
	char list[400] = "";

	for (const struct conf_row *row = block->rows; row->name != NULL; row++)
		if (row->former != NULL && !item->block && strcmp(row->former, item->name) == 0)
			return conf_fail(r, item->line,
			    "unknown option \"%s\", did you mean \"%s\"?", item->name, row->name);
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], item->name) == 0)
			return conf_fail(r, item->line, item->block ?
			    "`%s` is an option, `%s = ...` was expected" :
			    "`%s` is a block, `%s { ... }` was expected", item->name, item->name);
	near = conf_nearest(item->name, names, n);
	n = known_names(block, item->block, names);
	if (conf_nearest(item->name, names, n) != NULL)
		near = conf_nearest(item->name, names, n);
	if (near != NULL)
		return conf_fail(r, item->line, "unknown %s \"%s\", did you mean \"%s\"?", kind,
		    item->name, near);
	if (n == 0)
		return conf_fail(r, item->line, "unknown %s \"%s\", no %s was expected here", kind,
		    item->name, kind);
	for (size_t i = 0; i < n && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
		    i != 0 ? ", " : "", names[i]);
	return conf_fail(r, item->line, "unknown %s \"%s\", one of %s was expected", kind,
	    item->name, list);
}

/* Refuses a title that is missing, or one where none belongs. */
static int
check_title(struct conf_reader *r, const struct conf_block *block, const struct conf_item *item)
{
	const struct conf_given *title = &item->given;

	if (block->title == NULL && title->n != 0)
		return conf_fail(r, title->line, "%s \"%.60s\": this block has no name, "
		    "`%s { ... }` was expected", block->name, title->v[0].text, block->name);
	if (block->title != NULL && title->n == 0)
		return conf_fail(r, title->line, "the block `%s` has no name, "
		    "`%s \"...\" { ... }` was expected", block->name, block->name);
	return 0;
}

/* Refuses the first item in the file that the schema does not have at its place. */
static int
check_items(struct conf_reader *r, const struct conf_block *block, const struct conf_item *in)
{
	const struct conf_item *past = conf_scan_past(in);
	const char *names[NAMES_MAX];

	for (const struct conf_item *i = in + 1; i < past; i = conf_scan_past(i)) {
		size_t n = known_names(block, i->block, names), k = 0;
		while (k < n && strcmp(names[k], i->name) != 0)
			k++;
		if (k == n && is_old(block, i))
			continue;
		if (k == n)
			return unknown_name(r, block, i);
		if (i->block && (check_title(r, block->blocks[k], i) < 0 ||
		    check_items(r, block->blocks[k], i) < 0))
			return -1;
	}
	return 0;
}

/* ---- items become structs ---- */

/* A titled block that was read, to find its title given twice. */
struct titled {
	const struct conf_block *block;
	const void *scope;		/* the list it is in */
	char *key;
	int line;
};

struct titles {
	struct titled *v;
	size_t n, room;			/* as many as there are items */
};

static bool
is_named(const struct conf_item *item, bool block, const char *name)
{
	return item->block == block && strcmp(item->name, name) == 0;
}

/* The first option or block of this name in `in`; NULL if there is none or `in` is NULL. */
static const struct conf_item *
find_item(const struct conf_item *in, bool block, const char *name)
{
	if (in == NULL)
		return NULL;
	for (const struct conf_item *i = in + 1, *past = conf_scan_past(in); i < past;
	    i = conf_scan_past(i))
		if (is_named(i, block, name))
			return i;
	return NULL;
}

/* `item` is the block with the option in it, NULL if the block is not in the file. */
static int
row_read(struct conf_reader *r, const struct conf_block *block, const struct conf_row *row,
    const struct conf_item *item, void *element)
{
	const struct conf_item *option = find_item(item, false, row->name);

	if (option == NULL && row->required && item != NULL)
		return conf_fail(r, item->given.line,
		    "`%s` is missing in the block `%s` that begins here", row->name, block->name);
	if (option == NULL)
		return conf_value_standard(r, row, element);
	if (strncmp(row->name, "here", 4) == 0)
		r->here_line = option->given.line;
	else if (strncmp(row->name, "ttl-", 4) == 0)
		r->ttl_line = option->given.line;
	if (conf_value_read(r, row, element, &option->given) < 0)
		return -1;
	/* A check's `kind` is its first row, so it is known here. */
	if (!conf_row_applies(row, element))
		conf_warn(r, option->given.line, "`%s` means nothing for a check of this kind",
		    row->name);
	return 0;
}

/* The title of a block into its element, and to the others. */
static int
title_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    const struct conf_item *item, const void *scope, void *element)
{
	struct titled t = { block, scope, NULL, item->given.line };
	size_t len;
	FILE *out;

	if (conf_value_read(r, block->title, element, &item->given) < 0)
		return -1;
	out = open_memstream(&t.key, &len);
	if (out == NULL)
		return conf_fail(r, t.line, "out of memory");
	conf_value_print(r->conf, block->title, element, out);
	if (fclose(out) != 0 || t.key == NULL) {
		free(t.key);
		return conf_fail(r, t.line, "out of memory");
	}
	assert(titles->n < titles->room);
	titles->v[titles->n++] = t;
	return 0;
}

static int block_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    const struct conf_item *item, void *parent, void *scope, void *element);

/* All blocks of one kind in `in` into the list they belong to, which grows at once. */
static int
many_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    const struct conf_item *in, void *parent)
{
	void *field = (char *)(block->place == CONF_MANY ? parent : r->conf) + block->offset;
	struct conf_list list = conf_list_get(field);
	const struct conf_item *past = conf_scan_past(in);
	size_t n = 0;
	void *v;

	for (const struct conf_item *i = in + 1; i < past; i = conf_scan_past(i))
		n += is_named(i, true, block->name);
	if (n == 0)
		return 0;
	v = realloc(list.v, (list.n + n) * block->size);
	if (v == NULL)
		return conf_fail(r, 0, "out of memory");
	list.v = v;
	conf_list_set(field, list);
	for (const struct conf_item *i = in + 1; i < past; i = conf_scan_past(i)) {
		char *element = (char *)list.v + list.n * block->size;
		if (!is_named(i, true, block->name))
			continue;
		memset(element, 0, block->size);
		list.n++;
		conf_list_set(field, list);
		if (block->max != 0 && list.n > block->max)
			return conf_fail(r, i->given.line, "more than %zu blocks `%s`", block->max,
			    block->name);
		if (block_read(r, titles, block, i, parent, field, element) < 0)
			return -1;
	}
	return 0;
}

/* One block into its element.  `item` NULL: it is not in the file, defaults only. */
static int
block_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    const struct conf_item *item, void *parent, void *scope, void *element)
{
	if (item != NULL) {
		if (block->line_offset != 0)
			*(int *)((char *)element + block->line_offset) = item->given.line;
		if (block->begin != NULL)
			block->begin(r, block, parent, element);
		if (block->title != NULL && title_read(r, titles, block, item, scope, element) < 0)
			return -1;
	}
	for (const struct conf_row *row = block->rows; row->name != NULL; row++)
		if (row_read(r, block, row, item, element) < 0)
			return -1;
	for (size_t i = 0; block->blocks != NULL && block->blocks[i] != NULL; i++) {
		const struct conf_block *inner = block->blocks[i];
		int done = 0;
		if (inner->place == CONF_ONE)
			done = block_read(r, titles, inner, find_item(item, true, inner->name),
			    element, NULL, (char *)element + inner->offset);
		else if (item != NULL)
			done = many_read(r, titles, inner, item, element);
		if (done < 0)
			return -1;
	}
	if (item == NULL || block->finish == NULL)
		return 0;
	return block->finish(r, element, item->given.line);
}

/* 0 for blocks of one kind with one title in one list. */
static int
title_order(const struct titled *a, const struct titled *b)
{
	if (a->block != b->block)
		return a->block > b->block ? 1 : -1;
	if (a->scope != b->scope)
		return a->scope > b->scope ? 1 : -1;
	if (a->block->title->type == CONF_DOMAIN)
		return strcasecmp(a->key, b->key);
	return strcmp(a->key, b->key);
}

static int
titled_compare(const void *a, const void *b)
{
	const struct titled *x = a, *y = b;
	int order = title_order(x, y);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Refuses two blocks of one kind with one title: the first repetition in the file. */
static int
titles_check(struct conf_reader *r, struct titles *titles)
{
	const struct titled *first = NULL, *again = NULL;

	qsort(titles->v, titles->n, sizeof(*titles->v), titled_compare);
	for (size_t i = 1; i < titles->n; i++) {
		const struct titled *a = &titles->v[i - 1], *b = &titles->v[i];
		if (title_order(a, b) == 0 && (again == NULL || b->line < again->line))
			first = a, again = b;
	}
	if (again == NULL)
		return 0;
	return conf_fail(r, again->line, "%s %s is given twice, first at %s:%d", again->block->name,
	    again->key, conf_line_name(r, first->line), conf_line_number(first->line));
}

int
conf_tree_read(struct conf_reader *r, const struct conf_scan *scan)
{
	struct titles titles = { NULL, 0, scan->n_items };
	int done = -1;

	if (check_items(r, &conf_schema, scan->items) < 0)
		return -1;
	titles.v = calloc(titles.room, sizeof(*titles.v));
	if (titles.v == NULL)
		return conf_fail(r, 0, "out of memory");
	if (block_read(r, &titles, &conf_schema, scan->items, NULL, NULL, r->conf) == 0)
		done = titles_check(r, &titles);
	for (size_t i = 0; i < titles.n; i++)
		free(titles.v[i].key);
	free(titles.v);
	return done;
}
