#include "common/conf/conf_reader.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NEAR_MAX 64

const char *
conf_line_name(const struct conf_reader *r, int line)
{
	return r->files != NULL ? r->files[CONF_LINE_FILE(line)] : r->file;
}

void
conf_line_enter(struct conf_reader *r, int line)
{
	assert(r->n_stretches < sizeof(r->stretch) / sizeof(*r->stretch));
	r->stretch[r->n_stretches++] = line;
}

/* A number that grows along what is read, as if included files stood where they are named. */
static uint64_t
line_place(const struct conf_reader *r, int line)
{
	size_t i = r->n_stretches;

	if (line == 0)
		return 0;
	while (i > 0 && (CONF_LINE_FILE(r->stretch[i - 1]) != CONF_LINE_FILE(line) ||
	    r->stretch[i - 1] > line))
		i--;
	return (uint64_t)i << CONF_LINE_BITS | ((uint64_t)line & ((1u << CONF_LINE_BITS) - 1));
}

bool
conf_line_before(const struct conf_reader *r, int a, int b)
{
	return line_place(r, a) < line_place(r, b);
}

int
conf_no_memory(struct conf_reader *r, int line)
{
	conf_fail(r, line, "out of memory");
	r->no_memory = true;
	return -1;
}

int
conf_fail(struct conf_reader *r, int line, const char *fmt, ...)
{
	char text[sizeof(r->mistakes->first->text)];
	struct err whole;
	va_list ap;

	if (r->no_memory)
		return -1;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line == 0)
		err_set(&whole, "%s: %s", r->file, text);
	else
		err_set(&whole, "%s:%d: %s", conf_line_name(r, line),
		    conf_line_number(line), text);
	return mistakes_add(r->mistakes, line_place(r, line), whole.text);
}

void
conf_warn(struct conf_reader *r, int line, const char *fmt, ...)
{
	char text[sizeof(r->mistakes->first->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line == 0)
		err_warn(r->warn, "%s: %s", r->file, text);
	else
		err_warn(r->warn, "%s:%d: %s", conf_line_name(r, line), conf_line_number(line),
		    text);
}

/* Levenshtein distance without case; a swap of neighbours counts one.  Long names are far. */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][NEAR_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la >= NEAR_MAX || lb >= NEAR_MAX)
		return NEAR_MAX;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = rows[i % 3], *up = rows[(i + 2) % 3], *upup = rows[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[j - 1]);
			size_t best = up[j - 1] + (x != y);
			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    upup[j - 2] + 1 < best)
				best = upup[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[la % 3][lb];
}

const char *
conf_nearest(const char *name, const char *const *names, size_t n)
{
	size_t limit = strlen(name) < 4 ? 1 : strlen(name) < 9 ? 2 : 3, best = limit + 1;
	const char *near = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(name, names[i]);
		if (d < best && d < strlen(names[i])) {
			best = d;
			near = names[i];
		}
	}
	return near;
}
