/*
 * conf_schema: nearcast.conf as tables.
 *
 * Every option is one row (name, type, place in its struct, range, default),
 * every block one table of rows; conf.c reads, conf_print.c prints and the
 * message for a wrong value is worded from the same rows.  How a
 * value of each type is read, printed and freed stands behind conf_type.h.  Private to conf*.c.
 *
 * A value arrives as words with the lines they stand on (conf_given).  Readers
 * write the field and say what was expected; on failure the field stays such
 * that it can be freed.
 */
#ifndef NEARCAST_CONF_SCHEMA_H
#define NEARCAST_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/conf/conf.h"
#include "common/conf/conf_scan.h"

struct conf_reader {
	const char *file;		/* for messages */
	const char *folder;		/* absolute; where relative file names start */
	struct conf *conf;
	const struct warn *warn;
	struct err *err;
	int here_line, ttl_line;	/* of `here`, of the last `ttl-...`; 0 = not given */
};

enum conf_type {
	/* char *, NULL where neither given nor defaulted */
	CONF_TEXT, CONF_NAME, CONF_FILE, CONF_DOMAIN, CONF_URL, CONF_REGEX, CONF_HEADER_REGEX,
	CONF_HEADER, CONF_QUESTION, CONF_WORD,
	/* numbers; `min` and `max` in the field's unit */
	CONF_UINT, CONF_UINT16, CONF_SIZE, CONF_MS, CONF_SECONDS, CONF_REAL,
	CONF_BOOL, CONF_ENUM,
	CONF_ADDR, CONF_PREFIX, CONF_CODE, CONF_SHA256,
	/* names of other blocks, stored as indices */
	CONF_SITE, CONF_CHECK,
	/* lists: { T *v; size_t n; }, `min` and `max` count the values */
	CONF_ADDRS, CONF_PREFIXES, CONF_CODES, CONF_SITES,
	CONF_COMMAND,			/* argv, NULL at its end */
	CONF_SERVER_ADDRS,		/* the field is the struct conf_server */
	CONF_LOCATION			/* the field is the struct conf_site */
};

struct conf_row {
	const char *name;
	enum conf_type type;
	size_t offset;
	double min, max;
	const char *standard;		/* the default, blank-separated; NULL = none */
	const char *const *words;	/* types ENUM, WORD and CODE, NULL at its end */
	bool required;
	unsigned kinds;			/* in a check: bits of the kinds it is for; 0 = all */
};

enum conf_place {
	CONF_ONE,			/* a struct inside the parent */
	CONF_MANY,			/* { T *v; size_t n; } in the parent */
	CONF_MANY_IN_ROOT		/* the same, in struct conf */
};

struct conf_block {
	const char *name;
	enum conf_place place;
	size_t offset;			/* of the struct or the list */
	size_t size;			/* of one element */
	size_t line_offset;		/* of `int line` in the element; 0 = none */
	size_t max;			/* elements at most; 0 = any */
	const struct conf_row *title;	/* NULL = no title */
	const struct conf_row *rows;	/* up to the one without a name */
	const struct conf_block *const *blocks;	/* NULL at its end, or NULL */
	/* Before anything of a block is read, and after everything; either may be NULL. */
	void (*begin)(struct conf_reader *r, const struct conf_block *block, void *parent,
	    void *element);
	int (*finish)(struct conf_reader *r, void *element, int line);
	/* True if the element is one of this block in this parent; NULL = all are. */
	bool (*belongs)(const struct conf *conf, const struct conf_block *block,
	    const void *parent, const void *element);
};

extern const struct conf_block conf_schema;	/* the file itself */

/* Reads a value into the field of `row`.  0, or -1 with a full message. */
int conf_value_read(struct conf_reader *r, const struct conf_row *row, void *element,
    const struct conf_given *given);

/* The same from the row's default. */
int conf_value_standard(struct conf_reader *r, const struct conf_row *row, void *element);

/* True if there is something to print. */
bool conf_value_present(const struct conf_row *row, const void *element);

/* The value as it would be written. */
void conf_value_print(const struct conf *conf, const struct conf_row *row, const void *element, FILE *out);

void conf_value_free(const struct conf_row *row, void *element);

/* A list of a schema, of whatever type. */
struct conf_list {
	void *v;
	size_t n;
};

struct conf_list conf_list_get(const void *field);
void conf_list_set(void *field, struct conf_list list);

/* "FILE:LINE: ..." into r->err; returns -1. */
int conf_fail(struct conf_reader *r, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void conf_warn(struct conf_reader *r, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Of `n` names the one most like `name`, NULL if none is like it. */
const char *conf_nearest(const char *name, const char *const *names, size_t n);

/* Reads the text into r->conf through the tables (conf_tree.c).  0, or -1 with a
 * message; r->conf can be freed either way. */
int conf_tree_read(struct conf_reader *r, const char *text, size_t len);

/* What can be seen only when everything is read (conf_checks.c). */
int conf_check(struct conf_reader *r);

#endif
