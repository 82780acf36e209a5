/*
 * conf_nest: nearcast.conf's items become a tree, while it is scanned.
 *
 * Knows which blocks are open, that an option is given once in each, and how many braces the file
 * has too many or too few.  Where it has, the first item that the schema does not have at its place
 * but at another shows which brace that is: blocks around it were not closed, or the one before was
 * closed too early.  That is told, and the tree is what was meant.
 *
 * Does not know the text and where its words end (conf_scan.h).  One scan's; any thread.
 */
#ifndef NEARCAST_CONF_NEST_H
#define NEARCAST_CONF_NEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conf/conf_item.h"
#include "common/conf/conf_schema.h"

#define CONF_NEST_DEPTH 8		/* blocks inside blocks */
#define CONF_NEST_OPTIONS 256		/* options in one block */

struct conf_level {
	size_t item;
	const struct conf_block *block;	/* NULL = not in the schema */
	size_t options;			/* in it so far, untitled blocks too */
};

/* All zero but for the first three = before the first item. */
struct conf_nest {
	struct conf_reader *r;
	struct conf_scan *out;
	struct conf_level stack[CONF_NEST_DEPTH + 1];	/* open blocks; [0] is the file */
	size_t depth;
	size_t too_deep;		/* open blocks that are not on the stack */
	struct conf_level closed;	/* the block closed last, if nothing came behind it */
	int closed_line;		/* where that was; 0 = none */
	int balance;			/* `{` of this file that are to come without their `}` */
};

struct conf_item *conf_nest_open(struct conf_nest *nest);	/* the open block */
struct conf_item *conf_nest_last(struct conf_nest *nest);	/* the last item */

/* True if the open block may have a block, or an option, of this name. */
bool conf_nest_fits(const struct conf_nest *nest, const char *name, bool block);

/* Closes or opens blocks for an item of this name on `line`, as far as braces are missing. */
void conf_nest_mend(struct conf_nest *nest, const char *name, bool block, int line);

/* Refuses a second option or untitled block of this name in the open block: false. */
bool conf_nest_once(struct conf_nest *nest, const char *name, int line);

/* The item that is read now, and a value of it.  0, or -1 without memory, when all ends. */
int conf_nest_add(struct conf_nest *nest, const char *name, bool block, int line);
int conf_nest_word(struct conf_nest *nest, const char *text, int line);

/* A block, whose `{` is on `brace_line`, is open from now on; `title` NULL = none.  `wrong`: that
 * has been told.  Too many are counted and not kept.  As conf_nest_add. */
int conf_nest_enter(struct conf_nest *nest, const char *name, const char *title, int line,
    int brace_line, bool wrong);

/* A `}` on `line`, 0 = none; false if no block is open, and that is to be told. */
bool conf_nest_leave(struct conf_nest *nest, int line);

/* The file that was named ends. */
void conf_nest_end(struct conf_nest *nest);

#endif
