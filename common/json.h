/*
 * json: what commands print for programs, as trees of libjansson (RFC 8259).
 *
 * This file adds to jansson what all callers need: text that somebody else wrote becomes a
 * valid string, numbers have a fixed number of decimals, and one function prints a tree.
 * Members are printed in the order in which they were added.  Whatever makes a value returns
 * NULL when there is no memory, and takes NULL for a value that could not be made, as
 * json_pack() does, so that only json_print at the end need be asked.  Knows nothing of what
 * is printed.  Any thread; never on the packet path.
 */
#ifndef NEARCAST_JSON_H
#define NEARCAST_JSON_H

#include <jansson.h>
#include <stdio.h>

/* A string.  UTF-8 stays as it is; each octet that is no part of valid UTF-8 (overlong
 * forms and surrogates are not valid) becomes U+FFFD.  `text` is copied. */
json_t *json_utf8(const char *text);

/* A number rounded to so many decimals (0 to 9); null if it is not finite. */
json_t *json_decimal(double value, unsigned decimals);

/* `array` with `element` at its end, both taken over; NULL, and both freed, where either is
 * NULL or there is no memory. */
json_t *json_append(json_t *array, json_t *element);

/* Prints the tree in one line, with a line end, and frees it.  0, or -1 when `tree` is NULL
 * or `out` does not take it. */
int json_print(json_t *tree, FILE *out);

/* Writes a text as a JSON string, in quotes, with U+FFFD for what is not UTF-8. */
void json_put(FILE *out, const char *text);

#endif
