#include "common/conf/conf_item.h"

#include <string.h>

static bool
all_fine(const struct conf_item *block)
{
	for (const struct conf_item *i = block + 1, *past = conf_item_past(block); i < past;
	    i = conf_item_past(i))
		if (i->state != CONF_ITEM_FINE)
			return false;
	return true;
}

bool
conf_item_given(const struct conf_item *block, const char *name)
{
	for (const struct conf_item *i = block + 1, *past = conf_item_past(block); i < past;
	    i = conf_item_past(i))
		if (!i->block && i->state == CONF_ITEM_FINE && strcmp(i->name, name) == 0)
			return true;
	return false;
}

bool
conf_item_sure(const struct conf_reader *r, const struct conf_item *block, const char *name)
{
	if (r->lost || block->state != CONF_ITEM_FINE)
		return false;
	if (name == NULL)
		return all_fine(block);
	for (const struct conf_item *i = block + 1, *past = conf_item_past(block); i < past;
	    i = conf_item_past(i))
		if (i->state == CONF_ITEM_UNKNOWN ?
		    i->meant == NULL || strcmp(i->meant, name) == 0 || strcmp(i->name, name) == 0 :
		    i->state == CONF_ITEM_WRONG && strcmp(i->name, name) == 0)
			return false;
	return true;
}

const struct conf_item *
conf_item_block(const struct conf_scan *scan, int block_line)
{
	for (size_t b = 0; b < scan->n_items; b++)
		if (scan->items[b].block && scan->items[b].given.line == block_line)
			return &scan->items[b];
	return NULL;
}

int
conf_item_option(const struct conf_scan *scan, int block_line, const char *name)
{
	for (size_t b = 0; b < scan->n_items; b++) {
		const struct conf_item *block = &scan->items[b];

		if (!block->block || block->given.line != block_line)
			continue;
		for (const struct conf_item *i = block + 1, *past = conf_item_past(block); i < past;
		    i = conf_item_past(i))
			if (!i->block && strcmp(i->name, name) == 0)
				return i->given.line;
	}
	return 0;
}
