/*
 * conf_schema: nearcast.conf as tables.
 *
 * Every option is one row (name, type, place in its struct, range, default), every block one
 * table of rows.  The same rows are read by conf_tree.c, which fills the structs, by
 * conf_print.c, by conf_free, and by whoever words the message about a wrong value.  How a
 * value of each type is read, printed and freed is not known here but in conf_values.h.
 * Private to this room; constant, so any thread.
 */
#ifndef NEARCAST_CONF_SCHEMA_H
#define NEARCAST_CONF_SCHEMA_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/conf/conf.h"
#include "common/conf/conf_reader.h"

enum conf_type {
	/* char *, NULL where neither given nor defaulted */
	CONF_TEXT, CONF_NAME, CONF_FILE, CONF_DOMAIN, CONF_URL, CONF_REGEX, CONF_HEADER_REGEX,
	CONF_HEADER, CONF_QUESTION, CONF_WORD,
	CONF_FILE_OF_TEXT,		/* what is in it is printed instead */
	CONF_INCLUDE,			/* has no field: the scanner heeds it */
	/* numbers; `min` and `max` in the field's unit */
	CONF_UINT, CONF_UINT16, CONF_SIZE, CONF_MS, CONF_SECONDS, CONF_REAL,
	CONF_BOOL, CONF_ENUM,
	CONF_ADDR, CONF_PREFIX, CONF_CODE, CONF_SHA256,
	CONF_COUNTRY,			/* a code that ISO 3166 has; "" where not given */
	/* names of other blocks, stored as indices */
	CONF_SITE,
	/* lists: { T *v; size_t n; }, `min` and `max` count the values */
	CONF_ADDRS, CONF_PREFIXES, CONF_CODES, CONF_SITES, CONF_CHECKS, CONF_UINTS,
	CONF_PLACES,			/* of struct conf_code */
	CONF_COUNTRIES,			/* the same, of ISO 3166; "*" and "**" are "**" */
	/* char **, NULL at its end; NULL where not given */
	CONF_COMMAND,			/* argv */
	CONF_REQUEST_HEADERS, CONF_LINES,
	CONF_SERVER_ADDRS,		/* the field is the struct conf_server */
	CONF_LOCATION			/* the field is a struct conf_location */
};

/* As sites and mirrors have it: members that follow each other like these. */
struct conf_location {
	bool given;
	double latitude, longitude;
};
#define CONF_LOCATION_IN(type, member) \
	static_assert(offsetof(struct type, latitude) - offsetof(struct type, member) == \
	offsetof(struct conf_location, latitude) && \
	offsetof(struct type, longitude) - offsetof(struct type, member) == \
	offsetof(struct conf_location, longitude), #type)

/* Lists of whatever type are read and freed as a struct conf_list. */
#define CONF_LIST_IN(type, list, count) static_assert(offsetof(struct type, count) == \
	offsetof(struct type, list) + offsetof(struct conf_list, n), #count)

struct conf_row {
	const char *name;
	enum conf_type type;
	size_t offset;
	double min, max;
	const char *standard;		/* the default, blank-separated; NULL = none */
	const char *const *words;	/* types ENUM, WORD, CODE, PLACES, NULL at its end;
					 * of a UINT one word, for 1 */
	bool required;
	unsigned kinds;			/* in a check: bits of the kinds it is for; 0 = all */
	const char *former;		/* an old name, refused with a hint to this one */
	bool old;			/* read and checked, but neither named nor printed */
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
extern const struct conf_block conf_schema_mirror, conf_schema_redirect;

/* The block or the option of this name that may be in `block`; NULL = none. */
static inline const struct conf_block *
conf_schema_inner(const struct conf_block *block, const char *name)
{
	for (size_t i = 0; block->blocks != NULL && block->blocks[i] != NULL; i++)
		if (strcmp(block->blocks[i]->name, name) == 0)
			return block->blocks[i];
	return NULL;
}

static inline const struct conf_row *
conf_schema_row(const struct conf_block *block, const char *name)
{
	for (const struct conf_row *row = block->rows; row->name != NULL; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

/* A list of a schema, of whatever type. */
struct conf_list {
	void *v;
	size_t n;
};

static inline struct conf_list
conf_list_get(const void *field)
{
	struct conf_list list;

	memcpy(&list, field, sizeof(list));
	return list;
}

static inline void
conf_list_set(void *field, struct conf_list list)
{
	memcpy(field, &list, sizeof(list));
}

/* The elements that a block of this kind in `parent` may be: with `belongs`, not all are. */
static inline struct conf_list
conf_block_elements(const struct conf *conf, const struct conf_block *block, const void *parent)
{
	const char *in = block->place == CONF_MANY_IN_ROOT ? (const char *)conf : parent;

	if (block->place == CONF_ONE)
		return (struct conf_list){ (char *)(uintptr_t)in + block->offset, 1 };
	return conf_list_get(in + block->offset);
}

/* False for an option of a check that its kind does not heed. */
static inline bool
conf_row_applies(const struct conf_row *row, const void *element)
{
	return row->kinds == 0 || row->kinds & 1u << ((const struct conf_check *)element)->kind;
}

#endif
