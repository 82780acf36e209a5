#include "dnsd/zone/zone_generate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

enum { NUMBER_MAX = INT32_MAX, DIGITS_MAX = 127 };

/* How a number is written. */
struct format {
	int64_t offset;
	uint32_t width;
	char base;
};

/* A decimal number at *at, perhaps with a sign, which moves behind it. */
static bool
take_number(const char **at, const char *end, int64_t min, int64_t max, int64_t *out)
{
	bool minus = *at < end && **at == '-' && min < 0;
	int64_t v = 0;

	if (*at < end && (minus || **at == '+'))
		++*at;
	if (*at == end || **at < '0' || **at > '9')
		return false;
	for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
		v = v * 10 + (**at - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*out = minus ? -v : v;
	return *out >= min && *out <= max;
}

static bool
take_char(const char **at, const char *end, char c)
{
	if (*at == end || **at != c)
		return false;
	++*at;
	return true;
}

/* START-STOP[/STEP] */
static int
read_range(struct zone_generate *g, const struct master_token *tok, struct err *err)
{
	const char *at = tok->s, *end = tok->s + tok->len;
	int64_t start = 0, stop = 0, step = 1;
	char shown[MASTER_TOKEN_SHOWN];

	if (tok->quoted || !take_number(&at, end, 0, NUMBER_MAX, &start) ||
	    !take_char(&at, end, '-') || !take_number(&at, end, 0, NUMBER_MAX, &stop) ||
	    (take_char(&at, end, '/') && !take_number(&at, end, 1, NUMBER_MAX, &step)) ||
	    at != end)
		return err_set(err, "range \"%s\": expected START-STOP or START-STOP/STEP, from 0 "
		    "to %d, STEP from 1", master_token_show(shown, tok), NUMBER_MAX);
	if (start > stop)
		return err_set(err, "range \"%s\": it ends before it starts",
		    master_token_show(shown, tok));
	if ((stop - start) / step >= ZONE_GENERATE_MAX)
		return err_set(err, "range \"%s\": %" PRId64 " records: expected at most %u",
		    master_token_show(shown, tok), (stop - start) / step + 1, ZONE_GENERATE_MAX);
	g->next = (uint32_t)start;
	g->stop = (uint32_t)stop;
	g->step = (uint32_t)step;
	return 0;
}

/* TTL and class stand before the type, and one field of data behind it, as in BIND: what is not in
 * quotes would be taken for them. */
static int
check_head(const struct zone_generate *g, struct err *err)
{
	struct master_token rest = *g->head;
	char shown[MASTER_TOKEN_SHOWN];
	bool ours;

	rest.len = (uint32_t)(g->data->s + g->data->len - rest.s);
	for (const struct master_token *t = g->head; t + 1 < g->data; t++)
		if ((t->s[0] < '0' || t->s[0] > '9') && !master_token_is_class(t, &ours))
			return err_set(err, "\"%s\": data of several fields stands in quotes",
			    master_token_show(shown, &rest));
	return 0;
}

int
zone_generate_open(struct zone_generate *g, const struct master_token *tok, uint32_t n,
    struct err *err)
{
	char shown[MASTER_TOKEN_SHOWN];

	*g = (struct zone_generate){ .owner = tok + 2, .head = tok + 3, .data = tok + n - 1 };
	if (n < 5)
		return err_set(err, "expected START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA");
	if (read_range(g, &tok[1], err) != 0)
		return -1;
	if (check_head(g, err) != 0)
		return -1;
	for (const struct master_token *t = g->owner; t < g->data; t++)
		if (t->quoted || t->mixed)
			return err_set(err, "\"%s\": quotes are for the data alone",
			    master_token_show(shown, t));
	if (g->data->mixed)
		return err_set(err, "\"%s\": quotes around the data, not inside it",
		    master_token_show(shown, g->data));
	g->size = 8;
	for (const struct master_token *t = g->owner; t <= g->data; t++) {
		g->size += t->len + 1u;
		for (uint32_t i = 0; i < t->len; i++)
			if (t->s[i] == '$')
				g->size += DIGITS_MAX;
	}
	g->line = malloc(g->size);
	return g->line == NULL ? err_set(err, "out of memory") : 0;
}

void
zone_generate_close(struct zone_generate *g)
{
	free(g->line);
	g->line = NULL;
}

/* {OFFSET[,WIDTH[,BASE]]} behind a dollar sign; *at moves behind it. */
static bool
take_format(const char **at, const char *end, struct format *f)
{
	int64_t width = 0;

	if (!take_char(at, end, '{') ||
	    !take_number(at, end, INT32_MIN, NUMBER_MAX, &f->offset))
		return false;
	if (take_char(at, end, ',')) {
		if (!take_number(at, end, 0, DIGITS_MAX, &width))
			return false;
		if (take_char(at, end, ',')) {
			if (*at == end || **at == '\0' || strchr("doxXnN", **at) == NULL)
				return false;
			f->base = *(*at)++;
		}
	}
	f->width = (uint32_t)width;
	return take_char(at, end, '}');
}

/* The nibbles of a number, the last one first, filled up to `width` characters; their number. */
static size_t
put_nibbles(char *out, uint32_t v, uint32_t width, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	size_t n = 0;

	do {
		out[n++] = digits[v & 15];
		v >>= 4;
		if (v != 0 || n < width)
			out[n++] = '.';
	} while (v != 0 || n < width);
	return n;
}

/* A number as its format has it; how many characters. */
static size_t
write_number(char out[DIGITS_MAX + 1], int64_t v, const struct format *f)
{
	int width = (int)f->width;
	uint32_t bits = (uint32_t)(int32_t)v;

	switch (f->base) {
	case 'n':
	case 'N':
		return put_nibbles(out, bits, f->width, f->base == 'N');
	case 'o':
		return (size_t)snprintf(out, DIGITS_MAX + 1, "%0*" PRIo32, width, bits);
	case 'x':
		return (size_t)snprintf(out, DIGITS_MAX + 1, "%0*" PRIx32, width, bits);
	case 'X':
		return (size_t)snprintf(out, DIGITS_MAX + 1, "%0*" PRIX32, width, bits);
	}
	return (size_t)snprintf(out, DIGITS_MAX + 1, "%0*" PRId32, width, (int32_t)v);
}

/* One field with its numbers in place, behind g->line[*n]. */
static int
put_field(struct zone_generate *g, const struct master_token *tok, size_t *n, struct err *err)
{
	const char *at = tok->s, *end = tok->s + tok->len;
	struct format f = { .offset = 0 };
	char shown[MASTER_TOKEN_SHOWN];

	while (at < end) {
		if (*at == '\\' && at + 1 < end) {
			/* quotes in quotes lose their backslash: the data is read once more */
			if (!tok->quoted || at[1] != '"')
				g->line[(*n)++] = *at;
			g->line[(*n)++] = at[1];
			at += 2;
			continue;
		}
		if (*at != '$') {
			g->line[(*n)++] = *at++;
			continue;
		}
		if (++at < end && *at == '$') {
			g->line[(*n)++] = '\\';	/* never the start of a directive, ever a dollar */
			g->line[(*n)++] = *at++;
			continue;
		}
		f.width = 0;		/* the offset stays: so it is in BIND */
		f.base = 'd';
		if (at < end && *at == '{' && !take_format(&at, end, &f))
			return err_set(err, "\"%s\": expected ${OFFSET,WIDTH,BASE}: numbers up to "
			    "%d, WIDTH up to %d, BASE d, o, x, X, n or N",
			    master_token_show(shown, tok), NUMBER_MAX, DIGITS_MAX);
		if ((int64_t)g->next + f.offset > NUMBER_MAX)
			return err_set(err, "\"%s\": %u and the offset are more than %d",
			    master_token_show(shown, tok), g->next, NUMBER_MAX);
		*n += write_number(g->line + *n, (int64_t)g->next + f.offset, &f);
	}
	return 0;
}

int
zone_generate_next(struct zone_generate *g, size_t *len, uint32_t *number, struct err *err)
{
	size_t n = 0;

	if (g->next > g->stop)
		return 0;
	*number = g->next;
	if (put_field(g, g->owner, &n, err) != 0)
		return -1;
	for (const struct master_token *t = g->head; t < g->data; t++) {
		g->line[n++] = ' ';
		memcpy(g->line + n, t->s, t->len);
		n += t->len;
	}
	g->line[n++] = ' ';
	if (put_field(g, g->data, &n, err) != 0)
		return -1;
	assert(n < g->size);
	*len = n;
	g->next += g->step;
	return 1;
}
