/*
 * conf_scan: nearcast.conf's text as a tree of blocks, options and values.
 *
 * This module knows blocks, options, lists, strings and comments, and nothing
 * of what they mean, but for one option outside blocks, `include = "FILE"`, for
 * which it takes that file's items (conf_files.h).  It refuses what is not well
 * formed, saying where it began: text that is cut off, strings over several lines,
 * escapes that are none, an option given twice, NUL octets.  The environment is not
 * read.
 *
 * The items of the file lie in one array in the file's order, those of a block
 * behind the block itself:
 *
 *   NAME = value             an option with one value
 *   NAME = { a, b }          an option with a list
 *   NAME "title" { ... }     a block, with or without a title
 *
 * Pure; any thread.
 */
#ifndef NEARCAST_CONF_SCAN_H
#define NEARCAST_CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conf/conf_reader.h"

#define CONF_SCAN_DEPTH 8		/* blocks inside blocks */
#define CONF_SCAN_OPTIONS 256		/* options in one block */
#define CONF_SCAN_WORD 4096		/* octets of one value */

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

struct conf_item {
	const char *name;
	bool block;
	int line;			/* of the name */
	struct conf_given given;
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
 *   for (i = block + 1; i < conf_scan_past(block); i = conf_scan_past(i)) */
static inline const struct conf_item *
conf_scan_past(const struct conf_item *item)
{
	return item + 1 + item->inside;
}

/* The line of an option's value in the block whose `{` is on `block_line` (0 = outside of
 * blocks); 0 if it is not given, or the block has no line. */
int conf_scan_option(const struct conf_scan *scan, int block_line, const char *name);

/* The same, or the line of the block. */
static inline int
conf_scan_line(const struct conf_scan *scan, int block_line, const char *name)
{
	int line = conf_scan_option(scan, block_line, name);

	return line != 0 ? line : block_line;
}

/* Fills `scan`, which is zero before and good until conf_scan_free.  0, or -1 with a mistake kept
 * and nothing to free. */
int conf_scan(struct conf_scan *scan, struct conf_reader *r, const char *text, size_t len);
void conf_scan_free(struct conf_scan *scan);

#endif
