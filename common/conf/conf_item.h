/*
 * conf_item: what stands in nearcast.conf, as a tree of blocks, options and values, and what is
 * known to be wrong with it.
 *
 * The items of the file lie in one array in the file's order, those of a block
 * behind the block itself:
 *
 *   NAME = value             an option with one value
 *   NAME = { a, b }          an option with a list
 *   NAME "title" { ... }     a block, with or without a title
 *
 * Knows how to find an item, and whether what the file says of it can be relied on: what is
 * wrong has been told, and what comes of it must not be.  Does not know how the tree is made
 * (conf_scan.h) and what the names mean.  Pure; any thread.
 */
#ifndef NEARCAST_CONF_ITEM_H
#define NEARCAST_CONF_ITEM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conf/conf_reader.h"

struct conf_word {
	const char *text;		/* decoded, without its quotes */
	int line;
};

/* What was given for an option, or as the title of a block. */
struct conf_given {
	const struct conf_word *v;
	size_t n;			/* a title: 0 or 1 */
	bool list;			/* written { ... } */
	int line;			/* of the value, or of the `{` of a list or block */
};

/* Whether something is wrong with an item that has been told already. */
enum conf_item_state {
	CONF_ITEM_FINE,
	CONF_ITEM_WRONG,		/* with it, or with something that may be in it */
	CONF_ITEM_UNKNOWN		/* the schema does not have it where it is */
};

struct conf_item {
	const char *name;
	bool block;
	int line;			/* of the name */
	struct conf_given given;
	enum conf_item_state state;
	const char *meant;		/* state UNKNOWN: the name of what it was meant to be;
					 * NULL = that is not known */
	size_t inside;			/* how many of the items behind it lie in this block */
};

struct conf_scan {
	struct conf_item *items;	/* the first one is the file itself, as a block */
	size_t n_items;
	struct conf_word *words;	/* of all items, in their order */
	size_t n_words;
	/* For each file a text of names and values, each with a NUL at its end. */
	char *texts[CONF_FILES_MAX];
	size_t n_texts;
};

/* The item behind `item` and all that lies in it: the items of a block are
 *   for (i = block + 1; i < conf_item_past(block); i = conf_item_past(i)) */
static inline const struct conf_item *
conf_item_past(const struct conf_item *item)
{
	return item + 1 + item->inside;
}

/* The block whose `{` is on this line, 0 = the file itself; NULL = none. */
const struct conf_item *conf_item_block(const struct conf_scan *scan, int block_line);

/* The line of an option's value in that block; 0 if it is not given, or there is no such block. */
int conf_item_option(const struct conf_scan *scan, int block_line, const char *name);

/* The same, or the line of the block. */
static inline int
conf_item_line(const struct conf_scan *scan, int block_line, const char *name)
{
	int line = conf_item_option(scan, block_line, name);

	return line != 0 ? line : block_line;
}

/* True if nothing is wrong with the option (or blocks) `name` of `block`, and nothing else was
 * meant to be it: then what it says, or that it is not there, is worth telling.  `name`
 * NULL: nothing at all is wrong in the block. */
bool conf_item_sure(const struct conf_reader *r, const struct conf_item *block, const char *name);

/* True if the block has this option, and nothing is wrong with it so far. */
bool conf_item_given(const struct conf_item *block, const char *name);

#endif
