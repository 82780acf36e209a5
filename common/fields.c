#include "common/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 64 };

int
fields_wrong(struct fields *f, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(f->err, "%s:%d: %s", f->name, f->number, text);
}

/* Length of what stands at the cursor up to a blank, as much as a message shows. */
static int
shown_field(const struct fields *f)
{
	const char *at = f->line.at;

	while (at < f->line.end && at < f->line.at + 40 && *at > ' ' && *at < 0x7f)
		at++;
	return (int)(at - f->line.at);
}

int
fields_expect(struct fields *f, const char *text)
{
	return text_take(&f->line, text) ? 0 :
	    fields_wrong(f, "\"%.*s\", `%s` was expected", shown_field(f), f->line.at, text);
}

int
fields_number(struct fields *f, const char *before, uint64_t max, uint64_t *value)
{
	if (fields_expect(f, before) < 0)
		return -1;
	switch (text_number(&f->line, max, value)) {
	case TEXT_FOUND:
		return 0;
	case TEXT_LARGE:
		return fields_wrong(f, "%s\"%.*s\": a number of at most %llu was expected", before,
		    shown_field(f), f->line.at, (unsigned long long)max);
	default:
		return fields_wrong(f, "%s\"%.*s\": a number was expected", before,
		    shown_field(f), f->line.at);
	}
}

int
fields_seconds(struct fields *f, const char *before, double *value)
{
	uint64_t whole;

	if (fields_number(f, before, 99999999999, &whole) < 0)
		return -1;
	*value = (double)whole;
	return text_fraction(&f->line, value) ? 0 :
	    fields_wrong(f, "%s: digits were expected after the point", before);
}

int
fields_word(struct fields *f, const char *before, char *out, size_t size)
{
	if (fields_expect(f, before) < 0)
		return -1;
	switch (text_copy(&f->line, out, size, text_in_name)) {
	case TEXT_FOUND:
		return 0;
	case TEXT_LARGE:
		return fields_wrong(f, "%sa name of more than %zu octets", before, size - 1);
	default:
		return fields_wrong(f, "a name was expected after \"%s\"", before);
	}
}

int
fields_one_of(struct fields *f, const char *before, const char *const *names, unsigned n,
    unsigned *value)
{
	char text[WORD_MAX];

	if (fields_word(f, before, text, sizeof(text)) < 0)
		return -1;
	for (*value = 0; *value < n; ++*value)
		if (strcmp(text, names[*value]) == 0)
			return 0;
	return fields_wrong(f, "\"%s\" is no state; %s, %s or %s ... was expected", text,
	    names[0], names[1], names[2]);
}

int
fields_reason(struct fields *f, char *out, size_t size)
{
	if (fields_expect(f, " reason=\"") < 0)
		return -1;
	if (text_copy(&f->line, out, size, text_in_phrase) == TEXT_LARGE)
		return fields_wrong(f, "a reason of more than %zu octets", size - 1);
	return fields_expect(f, "\"");
}

int
fields_line_end(struct fields *f)
{
	return f->line.at == f->line.end ? 0 : fields_wrong(f,
	    "\"%.*s\": the end of the line was expected", shown_field(f), f->line.at);
}

int
fields_next_line(struct fields *f)
{
	f->number++;
	if (!text_line(&f->rest, &f->line) || f->line.end == f->rest.end)
		return fields_wrong(f, "the file is cut off, `end` was expected as its last line");
	return 0;
}

int
fields_end(struct fields *f, size_t count, const char *what)
{
	uint64_t n;

	if (fields_number(f, "end ", UINT32_MAX, &n) < 0 || fields_line_end(f) < 0)
		return -1;
	if (n != count)
		return fields_wrong(f, "end %llu: the file has %zu lines of %s",
		    (unsigned long long)n, count, what);
	if (f->rest.at != f->rest.end)
		return fields_wrong(f, "the end of the file was expected after `end`");
	return 0;
}
