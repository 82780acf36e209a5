#include "healthd/route/dnsd_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Everything after the first word of `line` has been read when `used` is its length. */
static bool
is_whole(const char *line, int used)
{
	return used > 0 && line[used] == '\0';
}

static bool
read_serving(struct dnsd_report *r, const char *line)
{
	int used = 0;

	return sscanf(line, "serving generation=%" SCNu64 " digest=%16[0-9a-f-] zones=%u/%u%n",
	    &r->generation, r->digest, &r->loaded, &r->zones, &used) == 4 && is_whole(line, used);
}

static bool
read_address(struct dnsd_report *r, const char *line)
{
	struct dnsd_report_address *a = &r->addresses[r->n];
	char text[ADDR_TEXT];
	struct err err;
	int used = 0;

	if (r->n == DNSD_REPORT_ADDRESSES || sscanf(line,
	    "address %55s received=%" SCNu64 " answered=%" SCNu64 "%n", text, &a->received,
	    &a->answered, &used) != 3 || !is_whole(line, used) ||
	    addr_parse(&a->addr, text, &err) < 0)
		return false;
	r->n++;
	return true;
}

static bool
begins_with(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* True at the end of a report that is good. */
static bool
end_line(struct dnsd_report_reader *reader)
{
	struct dnsd_report *r = &reader->report;
	const char *line = reader->line;

	if (reader->ended) {
		r->n = 0;
		reader->ended = reader->spoilt = reader->serving = false;
	}
	reader->spoilt = reader->spoilt || reader->overlong;
	reader->overlong = false;
	if (line[0] == '\0') {
		reader->ended = true;
		return reader->serving && !reader->spoilt;
	}
	if (begins_with(line, "serving ")) {
		reader->spoilt = reader->spoilt || reader->serving || !read_serving(r, line);
		reader->serving = true;
	} else if (begins_with(line, "address ")) {
		reader->spoilt = reader->spoilt || !read_address(r, line);
	}
	return false;
}

bool
dnsd_report_read(struct dnsd_report_reader *reader, const char **text, size_t *len)
{
	while (*len > 0) {
		char c = *(*text)++;

		--*len;
		if (c == '\n') {
			reader->line[reader->len] = '\0';
			reader->len = 0;
			if (end_line(reader))
				return true;
		} else if (reader->len < sizeof(reader->line) - 1 && c != '\0') {
			reader->line[reader->len++] = c;
		} else {
			reader->overlong = true;
		}
	}
	return false;
}
