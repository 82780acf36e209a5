#include "common/catalogue/listing.h"

#include <string.h>
#include <time.h>

#include "common/catalogue/catalogue_write.h"
#include "common/text.h"

enum { MODE = 10 };

/* So many digits, and what stands behind them; false = something else does. */
static bool
read_digits(struct text *t, int n, char behind, int *value)
{
	if (t->end - t->at <= n)
		return false;
	*value = 0;
	for (int i = 0; i < n; i++) {
		char c = *t->at++;

		if (c < '0' || c > '9')
			return false;
		*value = *value * 10 + (c - '0');
	}
	return *t->at++ == behind;
}

/* "2026/11/27 16:52:03 " */
static bool
date(struct text *t, int64_t *mtime)
{
	struct tm tm = { 0 };

	if (!read_digits(t, 4, '/', &tm.tm_year) || !read_digits(t, 2, '/', &tm.tm_mon) ||
	    !read_digits(t, 2, ' ', &tm.tm_mday) || !read_digits(t, 2, ':', &tm.tm_hour) ||
	    !read_digits(t, 2, ':', &tm.tm_min) || !read_digits(t, 2, ' ', &tm.tm_sec) ||
	    tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*mtime = timegm(&tm);
	return true;
}

/* \#ooo: the octet, or -1. */
static int
escaped_octet(const char *at, const char *end)
{
	int value = 0;

	if (end - at < 5 || at[0] != '\\' || at[1] != '#')
		return -1;
	for (int i = 2; i < 5; i++) {
		if (at[i] < '0' || at[i] > '7')
			return -1;
		value = value * 8 + at[i] - '0';
	}
	return value <= 255 ? value : -1;
}

static bool
decode_name(const struct text *name, struct listing_file *file)
{
	const char *at = name->at;

	for (file->len = 0; at < name->end; file->len++) {
		int octet = escaped_octet(at, name->end);

		if (file->len == CATALOGUE_PATH_MAX)
			return false;
		file->path[file->len] = octet >= 0 ? (char)octet : *at;
		at += octet >= 0 ? 5 : 1;
	}
	file->path[file->len] = '\0';
	return catalogue_write_wrong_path(file->path, file->len) == NULL;
}

enum listing_kind
listing_line(const char *line, size_t len, struct listing_file *file)
{
	struct text t = { line + MODE, line + len };

	if (len <= MODE || memchr("-dlcbps", line[0], 7) == NULL || line[MODE] != ' ')
		return LISTING_STRANGE;
	if (line[0] != '-')
		return LISTING_OTHER;
	while (t.at < t.end && *t.at == ' ')
		t.at++;
	if (text_number(&t, INT64_MAX, &file->size) != TEXT_FOUND || !text_take(&t, " ") ||
	    !date(&t, &file->mtime) || !decode_name(&t, file))
		return LISTING_STRANGE;
	return LISTING_FILE;
}
