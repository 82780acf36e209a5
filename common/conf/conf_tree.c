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

/* What a name that the schema does not have was meant to be; NULL = no idea. */
static const char *
meant(const struct conf_block *block, const struct conf_item *item)
{
	const char *names[NAMES_MAX], *near;
	size_t n;

	for (const struct conf_row *row = block->rows; row->name != NULL; row++)
		if (row->former != NULL && !item->block && strcmp(row->former, item->name) == 0)
			return row->name;
	n = known_names(block, item->block, names);
	near = conf_nearest(item->name, names, n);
	if (near != NULL)
		return near;
	n = known_names(block, !item->block, names);
	return conf_nearest(item->name, names, n);
}

static void
unknown_name(struct conf_reader *r, const struct conf_block *block, struct conf_item *item)
{
	const char *kind = item->block ? "block" : "option", *names[NAMES_MAX];
	size_t used = 0, n = known_names(block, !item->block, names);
	char list[400] = "";

	item->meant = meant(block, item);
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], item->name) == 0) {
			conf_fail(r, item->line, item->block ?
			    "`%s` is an option, `%s = ...` was expected" :
			    "`%s` is a block, `%s { ... }` was expected", item->name, item->name);
			return;
		}
	n = known_names(block, item->block, names);
	for (size_t i = 0; i < n && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
		    i != 0 ? ", " : "", names[i]);
	if (item->meant != NULL)
		conf_fail(r, item->line, "unknown %s \"%s\", did you mean \"%s\"?", kind,
		    item->name, item->meant);
	else if (n == 0)
		conf_fail(r, item->line, "unknown %s \"%s\", no %s was expected here", kind,
		    item->name, kind);
	else
		conf_fail(r, item->line, "unknown %s \"%s\", one of %s was expected", kind,
		    item->name, list);
}

/* Refuses a title that is missing, or one where none belongs. */
static void
check_title(struct conf_reader *r, const struct conf_block *block, struct conf_item *item)
{
	const struct conf_given *title = &item->given;

	if (item->state != CONF_ITEM_FINE || (block->title == NULL) == (title->n == 0))
		return;
	item->state = CONF_ITEM_WRONG;
	if (block->title == NULL)
		conf_fail(r, title->line, "%s \"%.60s\": this block has no name, "
		    "`%s { ... }` was expected", block->name, title->v[0].text, block->name);
	else
		conf_fail(r, title->line, "the block `%s` has no name, "
		    "`%s \"...\" { ... }` was expected", block->name, block->name);
}

/* Refuses the items that the schema does not have at their places, and marks them. */
static void
check_items(struct conf_reader *r, const struct conf_block *block, struct conf_item *in)
{
	const struct conf_item *past = conf_item_past(in), *told = NULL;

	for (struct conf_item *i = in + 1; i < past; i += 1 + i->inside) {
		const struct conf_block *inner = i->block ? conf_schema_inner(block, i->name) :
		    NULL;

		if (i->block ? inner == NULL : conf_schema_row(block, i->name) == NULL) {
			/* blocks that belong elsewhere come in numbers, for one reason */
			if (i->state == CONF_ITEM_FINE && (!i->block || told == NULL ||
			    told->meant != NULL || strcmp(told->name, i->name) != 0))
				unknown_name(r, block, i);
			if (i->block)
				told = i;
			i->state = CONF_ITEM_UNKNOWN;
		} else if (i->block) {
			check_title(r, inner, i);
			check_items(r, inner, i);
		}
	}
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
static struct conf_item *
find_item(struct conf_item *in, bool block, const char *name)
{
	if (in == NULL)
		return NULL;
	for (struct conf_item *i = in + 1, *past = i + in->inside; i < past; i += 1 + i->inside)
		if (is_named(i, block, name))
			return i;
	return NULL;
}

/* `item` is the block with the option in it, NULL if the block is not in the file. */
static void
row_read(struct conf_reader *r, const struct conf_block *block, const struct conf_row *row,
    struct conf_item *item, void *element)
{
	struct conf_item *option = find_item(item, false, row->name);

	if (option == NULL && row->required && item != NULL && conf_item_sure(r, item, row->name))
		conf_fail(r, item->given.line,
		    "`%s` is missing in the block `%s` that begins here", row->name, block->name);
	if (option != NULL && strncmp(row->name, "here", 4) == 0)
		r->here_line = option->given.line;
	else if (option != NULL && strncmp(row->name, "ttl-", 4) == 0)
		r->ttl_line = option->given.line;
	if (option == NULL || option->state != CONF_ITEM_FINE) {
		conf_value_standard(r, row, element);
		return;
	}
	if (conf_value_read(r, row, element, &option->given) < 0) {
		option->state = CONF_ITEM_WRONG;
		if (row->standard != NULL) {
			conf_value_free(row, element);
			conf_value_standard(r, row, element);
		}
	} else if (!conf_row_applies(row, element) && conf_item_given(item, "kind")) {
		/* A check's `kind` is its first row, so it is known here. */
		conf_warn(r, option->given.line, "`%s` means nothing for a check of this kind",
		    row->name);
	}
}

/* The title of a block into its element.  One that is wrong stays as it was written, so that those
 * who refer to it find it. */
static void
title_read(struct conf_reader *r, const struct conf_block *block, struct conf_item *item,
    void *element)
{
	const struct conf_row *row = block->title;
	char **text = (char **)((char *)element + row->offset);

	if (item->given.n != 0 && item->state == CONF_ITEM_FINE &&
	    conf_value_read(r, row, element, &item->given) == 0)
		return;
	item->state = CONF_ITEM_WRONG;
	if (!conf_value_is_text(row->type) || r->no_memory)
		return;
	*text = strdup(item->given.n != 0 ? item->given.v[0].text : "");
	if (*text == NULL)
		conf_no_memory(r, item->given.line);
}

/* Keeps a title, to find it given twice. */
static void
title_keep(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    const struct conf_item *item, const void *scope, const void *element)
{
	struct titled t = { block, scope, NULL, item->given.line };
	size_t len;
	FILE *out;

	if (r->no_memory || item->given.n == 0 ||
	    (item->state != CONF_ITEM_FINE && item->inside == 0) ||
	    (item->state != CONF_ITEM_FINE && !conf_value_is_text(block->title->type)))
		return;
	out = open_memstream(&t.key, &len);
	if (out == NULL) {
		conf_no_memory(r, t.line);
		return;
	}
	conf_value_print(r->conf, block->title, element, out);
	if (fclose(out) != 0 || t.key == NULL) {
		free(t.key);
		conf_no_memory(r, t.line);
		return;
	}
	assert(titles->n < titles->room);
	titles->v[titles->n++] = t;
}

static void block_read(struct conf_reader *r, struct titles *titles,
    const struct conf_block *block, struct conf_item *item, void *parent, void *scope,
    void *element);

/* All blocks of one kind in `in` into the list they belong to, which grows at once. */
static void
many_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    struct conf_item *in, void *parent)
{
	void *field = (char *)(block->place == CONF_MANY ? parent : r->conf) + block->offset;
	struct conf_list list = conf_list_get(field);
	const struct conf_item *past = conf_item_past(in);
	size_t n = 0;
	void *v;

	for (const struct conf_item *i = in + 1; i < past; i = conf_item_past(i))
		n += is_named(i, true, block->name);
	if (n == 0)
		return;
	v = realloc(list.v, (list.n + n) * block->size);
	if (v == NULL) {
		conf_no_memory(r, 0);
		return;
	}
	list.v = v;
	conf_list_set(field, list);
	for (struct conf_item *i = in + 1; i < past && !r->no_memory; i += 1 + i->inside) {
		char *element = (char *)list.v + list.n * block->size;
		if (!is_named(i, true, block->name))
			continue;
		if (block->max != 0 && list.n == block->max) {
			if (!r->lost)
				conf_fail(r, i->given.line, "more than %zu blocks `%s`",
				    block->max, block->name);
			r->lost = true;
			return;
		}
		memset(element, 0, block->size);
		list.n++;
		conf_list_set(field, list);
		block_read(r, titles, block, i, parent, field, element);
	}
}

/* One block into its element.  `item` NULL: it is not in the file, defaults only. */
static void
block_read(struct conf_reader *r, struct titles *titles, const struct conf_block *block,
    struct conf_item *item, void *parent, void *scope, void *element)
{
	if (item != NULL) {
		if (block->line_offset != 0)
			*(int *)((char *)element + block->line_offset) = item->given.line;
		if (block->begin != NULL)
			block->begin(r, block, parent, element);
		if (block->title != NULL) {
			title_read(r, block, item, element);
			title_keep(r, titles, block, item, scope, element);
		}
	}
	for (const struct conf_row *row = block->rows; row->name != NULL && !r->no_memory; row++)
		row_read(r, block, row, item, element);
	for (size_t i = 0; block->blocks != NULL && block->blocks[i] != NULL && !r->no_memory;
	    i++) {
		const struct conf_block *inner = block->blocks[i];
		if (inner->place == CONF_ONE)
			block_read(r, titles, inner, find_item(item, true, inner->name),
			    element, NULL, (char *)element + inner->offset);
		else if (item != NULL)
			many_read(r, titles, inner, item, element);
	}
	if (item != NULL && block->finish != NULL && !r->no_memory) {
		r->finished = item;
		block->finish(r, element, item->given.line);
	}
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

/* Refuses two blocks of one kind with one title. */
static void
titles_check(struct conf_reader *r, struct titles *titles)
{
	const struct titled *first = titles->v;

	qsort(titles->v, titles->n, sizeof(*titles->v), titled_compare);
	for (const struct titled *t = titles->v + 1; t < titles->v + titles->n; t++) {
		if (title_order(first, t) != 0)
			first = t;
		else
			conf_fail(r, t->line, "%s %s is given twice, first at %s:%d",
			    t->block->name, t->key, conf_line_name(r, first->line),
			    conf_line_number(first->line));
	}
}

void
conf_tree_read(struct conf_reader *r, struct conf_scan *scan)
{
	struct titles titles = { NULL, 0, scan->n_items };

	check_items(r, &conf_schema, scan->items);
	titles.v = calloc(titles.room, sizeof(*titles.v));
	if (titles.v == NULL) {
		conf_no_memory(r, 0);
		return;
	}
	block_read(r, &titles, &conf_schema, scan->items, NULL, NULL, r->conf);
	if (!r->no_memory)
		titles_check(r, &titles);
	for (size_t i = 0; i < titles.n; i++)
		free(titles.v[i].key);
	free(titles.v);
}
