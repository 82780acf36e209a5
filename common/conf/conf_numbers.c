/*
 * Types of values that are numbers: whole ones, sizes, durations, real ones, HTTP codes, SHA-256.
 *
 * Everything with a unit is digits and the unit, read by whole_number and written back by
 * number_text in the largest unit that divides it, so that what is printed reads as itself.
 * Numbers pass through a double: at most 15 digits are taken, and no row's `max` is above 2^53,
 * so a value in range is exact.  Out of range and "no number at all" are one complaint, which
 * names the range in the units in which people write it.
 *
 * A row's `min` and `max` are in the unit of its field: milliseconds for CONF_MS, seconds for
 * CONF_SECONDS, which takes the same text.  Real numbers have no exponent, no "inf" and no "nan".
 * Pure; any thread.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/conf/conf_type.h"
#include "common/text.h"

struct unit {
	const char *name;
	double factor;
};

static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit sizes[] = {
	{ "g", 1073741824 }, { "m", 1048576 }, { "k", 1024 }, { "", 1 }, { NULL, 0 }
};
static const struct unit durations[] = {	/* in milliseconds */
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
	{ "", 1000 }, { NULL, 0 }
};

/* Digits and a unit; -1 if it is not that.  At most 15 digits: exact in a double. */
static double
whole_number(const char *text, const struct unit *units)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 15)
		return -1;
	for (; units->name != NULL; units++)
		if (strcasecmp(text + digits, units->name) == 0)
			return strtod(text, NULL) * units->factor;
	return -1;
}

/* Writes `value` (of the first unit that divides it) as whole_number reads it. */
static char *
number_text(char *out, size_t size, double value, const struct unit *units)
{
	while (value == 0 ? units->factor != 1000 && *units->name != '\0' :
	    fmod(value, units->factor) != 0)
		units++;
	snprintf(out, size, "%.0f%s", value / units->factor, units->name);
	return out;
}

static int
read_number(struct conf_reader *r, const struct conf_row *row, const struct conf_word *w,
    const struct unit *units, double scale, double *value)
{
	char low[32], high[32];
	const char *what = units == durations ? "a duration" : units == sizes ? "a size" :
	    "a number";

	*value = whole_number(w->text, units) / scale;
	if (*value >= row->min && *value <= row->max && *value == floor(*value))
		return 0;
	if (*value > 0 && *value != floor(*value))
		return conf_wrong(r, row, w, "a duration of whole seconds was expected");
	return conf_wrong(r, row, w, "%s from %s to %s was expected%s", what,
	    number_text(low, sizeof(low), row->min * scale, units),
	    number_text(high, sizeof(high), row->max * scale, units),
	    units == durations ? ", like \"300ms\", \"5s\", \"2m\"" : "");
}

static int
read_uint32(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w, const struct unit *units, double scale)
{
	double value;

	if (read_number(r, row, w, units, scale, &value) < 0)
		return -1;
	*(uint32_t *)field = (uint32_t)value;
	return 0;
}

int
conf_read_uint(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	double value = whole_number(w->text, no_units);

	if (row->words != NULL && strcmp(w->text, row->words[0]) == 0) {
		*(uint32_t *)field = 1;
		return 0;
	}
	if (row->words != NULL && (value < row->min || value > row->max))
		return conf_wrong(r, row, w, "a number from %.0f to %.0f or \"%s\" was expected",
		    row->min, row->max, row->words[0]);
	return read_uint32(r, row, field, w, no_units, 1);
}

int
conf_read_uint16(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	double value;

	if (read_number(r, row, w, no_units, 1, &value) < 0)
		return -1;
	*(uint16_t *)field = (uint16_t)value;
	return 0;
}

int
conf_read_size(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	double value;

	if (read_number(r, row, w, sizes, 1, &value) < 0)
		return -1;
	*(uint64_t *)field = (uint64_t)value;
	return 0;
}

int
conf_read_ms(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	return read_uint32(r, row, field, w, durations, 1);
}

int
conf_read_seconds(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	return read_uint32(r, row, field, w, durations, 1000);
}

/* A plain decimal number: no hexadecimal, no exponent, no "nan", no "inf". */
bool
conf_plain_real(const char *text, double min, double max, double *value)
{
	char *end;

	if (*text == '\0' || strlen(text) > 40 || strspn(text, "+-.0123456789") != strlen(text))
		return false;
	*value = strtod(text, &end);
	return *end == '\0' && end > text && *value >= min && *value <= max;
}

int
conf_read_real(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	double value;

	if (!conf_plain_real(w->text, row->min, row->max, &value))
		return conf_wrong(r, row, w,
		    "a number from %g to %g was expected", row->min, row->max);
	*(double *)field = value;
	return 0;
}

int
conf_read_sha256(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_word *w)
{
	return text_hex(field, 32, w->text, strlen(w->text)) ? 0 :
	    conf_wrong(r, row, w, "64 hexadecimal digits were expected");
}

/* "200" or "200-299"; false if it is neither. */
static bool
code_range(const char *text, unsigned *first, unsigned *last)
{
	size_t len = strlen(text);

	if ((len != 3 && len != 7) || strspn(text, "0123456789") != 3 ||
	    (len == 7 && (text[3] != '-' || strspn(text + 4, "0123456789") != 3)))
		return false;
	*first = (unsigned)atoi(text);
	*last = len == 7 ? (unsigned)atoi(text + 4) : *first;
	return *first >= 100 && *last <= 599 && *first <= *last;
}

int
conf_read_codes(struct conf_reader *r, const struct conf_row *row, void *field,
    const struct conf_given *g)
{
	bool wanted[600] = { false };
	struct conf_list list = { calloc(500, sizeof(unsigned)), 0 };
	unsigned *codes = list.v, first, last;
	int done = 0;

	if (codes == NULL)
		return conf_no_memory(r, g->line);
	conf_list_set(field, list);
	for (size_t i = 0; i < g->n; i++) {
		if (!code_range(g->v[i].text, &first, &last)) {
			done = conf_wrong(r, row, &g->v[i],
			    "an HTTP code from 100 to 599 "
			    "or a range like \"200-299\" was expected");
			continue;
		}
		for (unsigned c = first; c <= last; c++)
			wanted[c] = true;
	}
	for (unsigned c = 100; c < 600; c++)
		if (wanted[c])
			codes[list.n++] = c;
	conf_list_set(field, list);
	return done;
}

/* The shortest decimal text that reads back as the same number. */
void
conf_put_real(double value, FILE *out)
{
	char text[400];
	int digits = 0;

	do
		snprintf(text, sizeof(text), "%.*f", digits, value);
	while (strtod(text, NULL) != value && ++digits < 38);
	fputs(text, out);
}

PRINT(conf_print_uint)
{
	UNUSED;
	fprintf(out, "%u", *(const uint32_t *)field);
}

PRINT(conf_print_uint16)
{
	UNUSED;
	fprintf(out, "%u", *(const uint16_t *)field);
}

PRINT(conf_print_size)
{
	char text[32];

	UNUSED;
	number_text(text, sizeof(text), (double)*(const uint64_t *)field, sizes);
	fprintf(out, "\"%s\"", text);
}

PRINT(conf_print_ms)
{
	char text[32];

	UNUSED;
	number_text(text, sizeof(text), *(const uint32_t *)field, durations);
	fprintf(out, "\"%s\"", text);
}

PRINT(conf_print_seconds)
{
	char text[32];

	UNUSED;
	number_text(text, sizeof(text), *(const uint32_t *)field * 1000.0, durations);
	fprintf(out, "\"%s\"", text);
}

PRINT(conf_print_real)
{
	UNUSED;
	conf_put_real(*(const double *)field, out);
}

PRINT(conf_print_sha256)
{
	const uint8_t *sum = field;

	UNUSED;
	fputc('"', out);
	for (size_t i = 0; i < 32; i++)
		fprintf(out, "%02x", sum[i]);
	fputc('"', out);
}

PRINT(conf_print_codes)
{
	struct conf_list list = conf_list_get(field);
	const unsigned *codes = list.v;
	size_t end;

	UNUSED;
	fputc('{', out);
	for (size_t i = 0; i < list.n; i = end) {
		for (end = i + 1; end < list.n && codes[end] == codes[end - 1] + 1; end++)
			;
		fputs(i != 0 ? ", " : " ", out);
		fprintf(out, end == i + 1 ? "%u" : "%u-%u", codes[i], codes[end - 1]);
	}
	fputs(" }", out);
}
