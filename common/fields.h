/*
 * fields: lines that we wrote ourselves, read strictly, field by field.
 *
 * A file of the house is lines of words, key=value and quoted phrases in one order (health_file.h,
 * mirror_file.h).  Each function takes what must come next, or leaves "FILE:LINE: what stands
 * there, what was expected" as the reason and returns -1.  Knows no file's order.  Pure; one
 * thread a struct.
 */
#ifndef NEARCAST_FIELDS_H
#define NEARCAST_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/text.h"

struct fields {
	const char *name;		/* the file's, for messages */
	struct text line;		/* what is left of the one being read */
	struct text rest;		/* what follows it */
	int number;
	struct err *err;
};

/* A reason of the caller's. */
int fields_wrong(struct fields *fields, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The next line; a last one without \n is cut off. */
int fields_next_line(struct fields *fields);

int fields_expect(struct fields *fields, const char *text);

/* `before`, then digits up to `max`. */
int fields_number(struct fields *fields, const char *before, uint64_t max, uint64_t *value);

/* `before`, then seconds with up to nine decimals. */
int fields_seconds(struct fields *fields, const char *before, double *value);

/* `before`, then a name or a set id (text_in_name) of at most size - 1 octets. */
int fields_word(struct fields *fields, const char *before, char *out, size_t size);

/* `before`, then one of n names, of which *value is the index. */
int fields_one_of(struct fields *fields, const char *before, const char *const *names,
    unsigned n, unsigned *value);

/* ` reason="..."` of at most size - 1 octets. */
int fields_reason(struct fields *fields, char *out, size_t size);

int fields_line_end(struct fields *fields);

/* `end N`, where N is `count`, and nothing behind it. */
int fields_end(struct fields *fields, size_t count, const char *what);

#endif
