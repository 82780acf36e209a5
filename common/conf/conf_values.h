/*
 * conf_values: a value of any type is read into its field, printed and freed.
 *
 * Knows for each type of conf_schema.h which function reads it, which prints it and what it
 * owns; the functions themselves stand behind conf_type.h.  A value arrives as words with the
 * lines they stand on.  Pure but for the struct it fills; any thread.
 */
#ifndef NEARCAST_CONF_VALUES_H
#define NEARCAST_CONF_VALUES_H

#include <stdio.h>

#include "common/conf/conf_item.h"
#include "common/conf/conf_schema.h"

/* Reads a value into the field of `row`, which is zero before.  0, or -1 with a message; the
 * field can be freed either way. */
int conf_value_read(struct conf_reader *r, const struct conf_row *row, void *element,
    const struct conf_given *given);

/* The same from the row's default, if it has one. */
int conf_value_standard(struct conf_reader *r, const struct conf_row *row, void *element);

/* True if there is something to print. */
bool conf_value_present(const struct conf_row *row, const void *element);

/* The value as it would be written. */
void conf_value_print(const struct conf *conf, const struct conf_row *row, const void *element,
    FILE *out);

/* True for types whose field is one text (char *). */
bool conf_value_is_text(enum conf_type type);

/* Frees what the field owns, and empties it. */
void conf_value_free(const struct conf_row *row, void *element);

#endif
