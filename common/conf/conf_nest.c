#include "common/conf/conf_nest.h"

#include <stdlib.h>
#include <string.h>

struct conf_item *
conf_nest_open(struct conf_nest *nest)
{
	return &nest->out->items[nest->stack[nest->depth].item];
}

struct conf_item *
conf_nest_last(struct conf_nest *nest)
{
	return &nest->out->items[nest->out->n_items - 1];
}

/* `v`, an array of `n` elements, or a larger copy of it where it is full: its room
 * is the power of two that is `n` or above.  NULL if there is no memory. */
static void *
room_for_one(void *v, size_t n, size_t size)
{
	return (n & (n - 1)) != 0 ? v : realloc(v, (n != 0 ? 2 * n : 1) * size);
}

int
conf_nest_add(struct conf_nest *nest, const char *name, bool block, int line)
{
	struct conf_scan *out = nest->out;
	struct conf_item *items = room_for_one(out->items, out->n_items, sizeof(*items));

	if (items == NULL)
		return conf_no_memory(nest->r, line);
	out->items = items;
	items[out->n_items++] = (struct conf_item){ .name = name, .block = block, .line = line };
	nest->closed_line = 0;
	return 0;
}

int
conf_nest_word(struct conf_nest *nest, const char *text, int line)
{
	struct conf_scan *out = nest->out;
	struct conf_word *words = room_for_one(out->words, out->n_words, sizeof(*words));

	if (words == NULL)
		return conf_no_memory(nest->r, line);
	out->words = words;
	words[out->n_words++] = (struct conf_word){ text, line };
	conf_nest_last(nest)->given.n++;
	return 0;
}

static bool
fits(const struct conf_block *block, const char *name, bool is_block)
{
	return block != NULL && (is_block ? conf_schema_inner(block, name) != NULL :
	    conf_schema_row(block, name) != NULL);
}

bool
conf_nest_fits(const struct conf_nest *nest, const char *name, bool block)
{
	return fits(nest->stack[nest->depth].block, name, block);
}

void
conf_nest_end(struct conf_nest *nest)
{
	conf_nest_open(nest)->inside = nest->out->n_items - nest->stack[nest->depth].item - 1;
}

/* With a brace too many, items that do not belong where they stand, right before a `}`, are in a
 * block whose beginning is missing: the brace is that block's.  True if so, which is told. */
static bool
lacks_beginning(struct conf_nest *nest, int line)
{
	struct conf_item *block = conf_nest_open(nest), *first = NULL;
	struct conf_item *end = nest->out->items + nest->out->n_items;

	if (nest->balance >= 0 || nest->stack[nest->depth].block == NULL || line == 0)
		return false;
	for (struct conf_item *i = block + 1; i < end; i += 1 + i->inside)
		if (i->state != CONF_ITEM_FINE ||
		    fits(nest->stack[nest->depth].block, i->name, i->block))
			first = NULL;
		else if (first == NULL)
			first = i;
	if (first == NULL)
		return false;
	conf_fail(nest->r, first->line, "`%s` is in no block: the beginning of the one that ends "
	    "on line %d is missing", first->name, conf_line_number(line));
	for (; first < end; first++)
		first->state = CONF_ITEM_WRONG;
	nest->r->lost = true;
	nest->balance++;
	return true;
}

bool
conf_nest_leave(struct conf_nest *nest, int line)
{
	if (lacks_beginning(nest, line))
		return true;
	if (nest->too_deep != 0) {
		nest->too_deep--;
	} else if (nest->depth != 0) {
		conf_nest_end(nest);
		nest->closed = nest->stack[nest->depth--];
		nest->closed_line = line;
	} else {
		nest->balance++;
		return false;
	}
	return true;
}

static bool
has_option(const struct conf_item *block, const char *name)
{
	for (const struct conf_item *i = block + 1, *past = conf_item_past(block); i < past;
	    i = conf_item_past(i))
		if (!i->block && strcmp(i->name, name) == 0)
			return true;
	return false;
}

/* A brace too many has closed the last block, where the item does not fit but behind it. */
static void
reopen(struct conf_nest *nest, const char *name, bool is_block, int line)
{
	if (nest->closed_line == 0 || !fits(nest->closed.block, name, is_block) ||
	    nest->depth == CONF_NEST_DEPTH ||
	    (!is_block && has_option(&nest->out->items[nest->closed.item], name)))
		return;
	conf_fail(nest->r, nest->closed_line, "unexpected `}`: `%s` on line %d belongs in the "
	    "block `%s` of line %d", name, conf_line_number(line), nest->closed.block->name,
	    conf_line_number(nest->out->items[nest->closed.item].line));
	nest->stack[++nest->depth] = nest->closed;
	nest->balance++;
}

void
conf_nest_mend(struct conf_nest *nest, const char *name, bool is_block, int line)
{
	size_t to = nest->depth;

	if (nest->balance == 0 || conf_nest_fits(nest, name, is_block))
		return;
	if (nest->balance < 0) {
		reopen(nest, name, is_block, line);
		return;
	}
	while (to > 0 && !fits(nest->stack[to].block, name, is_block))
		to--;
	if (!fits(nest->stack[to].block, name, is_block))
		return;
	for (; nest->depth > to && nest->balance > 0; nest->balance--) {
		conf_fail(nest->r, conf_nest_open(nest)->line, "the block `%s` that begins here "
		    "is not closed before `%s` on line %d", conf_nest_open(nest)->name, name,
		    conf_line_number(line));
		conf_nest_open(nest)->state = CONF_ITEM_WRONG;
		conf_nest_leave(nest, 0);
	}
}

/* Too many options: whatever this is, what is wrong with each of them is not the question. */
static void
too_many(struct conf_nest *nest, int line)
{
	struct conf_item *items = nest->out->items;

	conf_fail(nest->r, line, "more than %d options in one block", CONF_NEST_OPTIONS);
	for (size_t i = nest->stack[nest->depth].item + 1; i < nest->out->n_items; i++)
		items[i].state = CONF_ITEM_WRONG;
	nest->r->lost = true;
}

bool
conf_nest_once(struct conf_nest *nest, const char *name, int line)
{
	struct conf_level *level = &nest->stack[nest->depth];
	const struct conf_item *end = nest->out->items + nest->out->n_items;

	if (level->options > CONF_NEST_OPTIONS)
		return false;
	for (const struct conf_item *i = conf_nest_open(nest) + 1; i < end;
	    i = conf_item_past(i)) {
		/* a line that was there twice begins an empty block that is not closed */
		bool empty = i->block && i->inside == 0 && i->state != CONF_ITEM_FINE;
		if (empty || (i->block && i->given.n != 0) || strcmp(i->name, name) != 0)
			continue;
		if (CONF_LINE_FILE(i->line) != CONF_LINE_FILE(line))
			conf_fail(nest->r, line, "`%s` is given twice, first at %s:%d", name,
			    conf_line_name(nest->r, i->line), conf_line_number(i->line));
		else
			conf_fail(nest->r, line, "`%s` is given twice, first on line %d", name,
			    conf_line_number(i->line));
		return false;
	}
	if (level->options++ == CONF_NEST_OPTIONS)
		too_many(nest, line);
	return level->options <= CONF_NEST_OPTIONS;
}

int
conf_nest_enter(struct conf_nest *nest, const char *name, const char *title, int line,
    int brace_line, bool wrong)
{
	const struct conf_block *around;
	bool twice;

	conf_nest_mend(nest, name, true, line);
	if (nest->depth == CONF_NEST_DEPTH) {
		if (nest->too_deep++ == 0)
			conf_fail(nest->r, line, "blocks are nested more than %d deep",
			    CONF_NEST_DEPTH);
		for (size_t i = 1; i <= nest->depth; i++)
			nest->out->items[nest->stack[i].item].state = CONF_ITEM_WRONG;
		nest->r->lost = true;
		return 0;
	}
	around = nest->stack[nest->depth].block;
	twice = title == NULL && !conf_nest_once(nest, name, line);
	if (conf_nest_add(nest, name, true, line) < 0)
		return -1;
	nest->stack[++nest->depth] = (struct conf_level){ nest->out->n_items - 1,
	    around != NULL ? conf_schema_inner(around, name) : NULL, 0 };
	conf_nest_last(nest)->given.line = brace_line;
	conf_nest_last(nest)->state = wrong || twice ? CONF_ITEM_WRONG : CONF_ITEM_FINE;
	return title != NULL ? conf_nest_word(nest, title, brace_line) : 0;
}
