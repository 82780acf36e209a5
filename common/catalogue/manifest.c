#include "common/catalogue/manifest.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "common/utf8.h"

enum { FIELDS = 5, SHOWN = 60 };

/* The octet behind a backslash; -1 = no three octal digits stand there, or too large a number. */
static int
octal(const char *at, const char *end)
{
	int value = 0;

	if (end - at < 3)
		return -1;
	for (int i = 0; i < 3; i++) {
		if (at[i] < '0' || at[i] > '7')
			return -1;
		value = value * 8 + at[i] - '0';
	}
	return value <= 255 ? value : -1;
}

static int
decode_path(const struct text *field, struct manifest_entry *e, struct err *err)
{
	const char *at = field->at;

	for (e->len = 0; at < field->end; e->len++) {
		int octet = (unsigned char)*at++;

		if (e->len == CATALOGUE_PATH_MAX)
			return err_set(err, "a path of more than %d octets", CATALOGUE_PATH_MAX);
		if (octet == '\\') {
			if ((octet = octal(at, field->end)) < 0)
				return err_set(err, "\"\\%.*s\": three octal digits were expected "
				    "behind a backslash", (int)(field->end - at < 3 ?
				    field->end - at : 3), at);
			at += 3;
		}
		e->path[e->len] = (char)octet;
	}
	e->path[e->len] = '\0';
	return 0;
}

char *
manifest_path(const char *path, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (const char *end = path + len; path < end && n + 5 < size;) {
		size_t shown = *path != '\\' ? utf8_shown(path, (size_t)(end - path)) : 0;

		if (shown == 0)
			n += (size_t)snprintf(out + n, size - n, "\\%03o",
			    (unsigned char)*path++);
		else {
			memcpy(out + n, path, shown);
			n += shown;
			path += shown;
		}
	}
	out[n] = '\0';
	return out;
}

/* What is between tabs.  How many there are, FIELDS + 1 for more than any line has. */
static size_t
split_tabs(struct text line, struct text fields[FIELDS])
{
	size_t n = 0;

	for (;;) {
		const char *tab = memchr(line.at, '\t', (size_t)(line.end - line.at));

		if (n == FIELDS)
			return FIELDS + 1;
		fields[n++] = (struct text){ line.at, tab != NULL ? tab : line.end };
		if (tab == NULL)
			return n;
		line.at = tab + 1;
	}
}

static int
number_field(const struct text *field, const char *what, uint64_t max, uint64_t *value,
    struct err *err)
{
	struct text t = *field;

	if (text_number(&t, max, value) == TEXT_FOUND && t.at == t.end)
		return 0;
	return err_set(err, "%s \"%.*s\": a number of at most %llu was expected", what,
	    (int)(field->end - field->at < SHOWN ? field->end - field->at : SHOWN), field->at,
	    (unsigned long long)max);
}

static int
hash(const struct text *field, const char *what, uint8_t *octets, size_t n, struct err *err)
{
	size_t len = (size_t)(field->end - field->at);

	return text_hex(octets, n, field->at, len) ? 0 :
	    err_set(err, "%s \"%.*s\": %zu hexadecimal digits were expected", what,
	    (int)(len < SHOWN ? len : SHOWN), field->at, 2 * n);
}

int
manifest_line(const char *line, size_t len, struct manifest_entry *e, struct err *err)
{
	struct text fields[FIELDS], *sha256 = &fields[3];
	size_t n = split_tabs((struct text){ line, line + len }, fields);
	uint64_t size = 0, mtime = 0;

	memset(&e->file, 0, sizeof(e->file));
	if (n != 2 && n != 4 && n != 5)
		return err_set(err, "\"%.*s\": path, size, time, SHA-256 and perhaps MD5, or path "
		    "and SHA-256, were expected with tabs between them",
		    (int)(len < SHOWN ? len : SHOWN), line);
	e->bare = n == 2;
	if (decode_path(&fields[0], e, err) < 0)
		return -1;
	if (e->bare)
		sha256 = &fields[1];
	else if (number_field(&fields[1], "size", INT64_MAX, &size, err) < 0 ||
	    number_field(&fields[2], "time", 99999999999, &mtime, err) < 0)
		return -1;
	e->file.size = size;
	e->file.mtime = (int64_t)mtime;
	e->file.has_md5 = n == 5;
	if (hash(sha256, "SHA-256", e->file.sha256, CATALOGUE_SHA256, err) < 0)
		return -1;
	return n == 5 ? hash(&fields[4], "MD5", e->file.md5, CATALOGUE_MD5, err) : 0;
}
