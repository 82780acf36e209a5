/*
 * text: reading lines that we wrote ourselves, and numbers that people wrote.
 *
 * Files and commands of the house are lines of words, key=value, quoted phrases and decimal
 * numbers.  They are read by a cursor that moves past what was expected, and stays where it
 * was otherwise, so that the caller can say what stands there instead.  Any octets are fine.
 * No number has a sign, an exponent or a blank before it, and none is larger than it may be.
 * Knows no file and no format.  Pure; any thread.
 */
#ifndef NEARCAST_TEXT_H
#define NEARCAST_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	const char *at, *end;
};

static inline struct text
text_of(const char *string)
{
	return (struct text){ string, string + strlen(string) };
}

enum text_found {
	TEXT_NONE,			/* something else stands there, or nothing */
	TEXT_FOUND,
	TEXT_LARGE			/* it is there, but larger than allowed */
};

/* The next line, without its \n; false at the end.  A last line without \n is one, too: it
 * ends where `rest` does. */
bool text_line(struct text *rest, struct text *line);

/* Moves past `literal`, if that is what comes. */
bool text_take(struct text *t, const char *literal);

/* What octets may be: a name (printable ASCII but blanks, quotes and backslashes), a word
 * (which may have ' in it), a phrase (and blanks). */
bool text_in_name(char c);
bool text_in_word(char c);
bool text_in_phrase(char c);

/* Copies the octets that come and are `allowed`, with a NUL behind them.  TEXT_NONE = there
 * is none; TEXT_LARGE = more than size - 1 of them, which have been copied and passed. */
enum text_found text_copy(struct text *t, char *out, size_t size, bool (*allowed)(char c));

/* Digits. */
enum text_found text_number(struct text *t, uint64_t max, uint64_t *value);

/* Adds what a point and up to nine digits behind it are worth; without a point, nothing.
 * False for a point without a digit. */
bool text_fraction(struct text *t, double *value);

/* A number with or without fraction, whose whole part is at most `max` (up to 2^53).  The
 * cursor is anywhere after TEXT_NONE. */
enum text_found text_decimal(struct text *t, uint64_t max, double *value);

/* True if the string is a number and nothing else. */
bool text_is_number(const char *string, uint64_t max, uint64_t *value);

/* -1 = it is none. */
int text_hex_digit(char c);

/* True if the `len` characters are the 2n hexadecimal digits of n octets. */
bool text_hex(uint8_t *octets, size_t n, const char *digits, size_t len);

/* What makes a plural: "" behind one thing, "s" behind any other number of them. */
static inline const char *
text_s(uint64_t n)
{
	return n == 1 ? "" : "s";
}

#define TEXT_DURATION 32

/* A time for people, below zero as zero.  Both return `out`. */
char *text_age(double seconds, char out[TEXT_DURATION]);	/* for tables: "90s", "2h", "5d" */
char *text_duration(double seconds, char out[TEXT_DURATION]);	/* "90 s", "2 h 5 min", "5 days" */

#endif
