#include "dnsd/zone/zone_input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

enum { FILES_MAX = 10000 };

/* May this file be read, which is open below those in `above`? */
static int
check_file(const struct zone_source *src, const struct zone_input *above, const struct stat *st,
    const struct zone_input_limits *limits, struct err *err)
{
	if ((uint64_t)st->st_size > limits->octets_left)
		return err_set(err,
		    "%" PRIu64 " octets: more than the zone may still have (%" PRIu64 ")",
		    (uint64_t)st->st_size, limits->octets_left);
	if (src->n_files > FILES_MAX)
		return err_set(err, "more than %d included files", FILES_MAX);
	for (; above != NULL; above = above->above)
		if (above->dev == st->st_dev && above->ino == st->st_ino)
			return err_set(err, "an include loop: the file is already being read");
	return 0;
}

int
zone_input_open(struct zone_source *src, struct zone_input *in, const char *name,
    struct zone_input_limits *limits, char **text, size_t *len, struct err *err)
{
	struct file file;

	*text = NULL;
	if (file_open(&file, name, 0, err) != 0) {
		int error = errno;
		if (error != 0)
			err_prefix(err, "cannot open");
		errno = error == ENOTDIR ? ENOENT : error;
		return -1;
	}
	*len = (size_t)file.st.st_size;
	if (check_file(src, in->above, &file.st, limits, err) == 0) {
		in->file = zone_source_file(src, name);
		*text = in->file == UINT32_MAX ? NULL : malloc(*len + 1);
		if (*text == NULL)
			err_set(err, "out of memory for a file of %zu octets", *len);
		else if (file_fill(&file, *text, err) != 0) {
			free(*text);
			*text = NULL;
		}
	}
	file_close(&file);
	errno = 0;
	if (*text == NULL)
		return -1;
	in->dev = file.st.st_dev;
	in->ino = file.st.st_ino;
	limits->octets_left -= *len;
	src->stamp = file_stamp_add(src->stamp, file_stamp_of(&file.st));
	return 0;
}

/* The path of $INCLUDE's file in the folder of the file `from`; absolute ones are as they are. */
static int
include_path(const char *from, const struct master_token *tok, char *path, size_t size)
{
	const char *slash = strrchr(from, '/');
	size_t at = 0;
	uint8_t c = 0;

	if (tok->len == 0)
		return -1;
	if (tok->s[0] != '/' && slash != NULL) {
		at = (size_t)(slash - from) + 1;
		if (at >= size)
			return -1;
		memcpy(path, from, at);
	}
	for (size_t i = 0; i < tok->len;) {
		if (!master_text_char(tok->s, tok->len, &i, &c) || c == 0 || at + 1 >= size)
			return -1;
		path[at++] = (char)c;
	}
	path[at] = '\0';
	return 0;
}

/* A file that is looked for and absent is one of the zone's: with it the zone would be another. */
static int
note_absent(struct zone_source *src, const char *path, struct err *err)
{
	if (zone_source_file(src, path) == UINT32_MAX)
		return err_set(err, "out of memory");
	src->stamp = file_stamp_add(src->stamp, 0);
	return 0;
}

int
zone_input_include(struct zone_source *src, const struct zone_input *in,
    const struct master_token *tok, struct zone_input_limits *limits, struct zone_input *sub,
    char **text, size_t *len, struct err *err)
{
	char first[4096], second[4096], shown[MASTER_TOKEN_SHOWN];
	const char *path = first;
	unsigned depth = 0;

	for (const struct zone_input *up = in; up->above != NULL; up = up->above)
		depth++;
	if (include_path(src->files[0], tok, first, sizeof(first)) != 0 ||
	    include_path(src->files[in->file], tok, second, sizeof(second)) != 0)
		return err_set(err, "$INCLUDE \"%s\": not the name of a file",
		    master_token_show(shown, tok));
	if (depth == limits->max_depth)
		return err_set(err, "$INCLUDE %s: more than %u files deep", second,
		    limits->max_depth);
	if (zone_input_open(src, sub, first, limits, text, len, err) == 0)
		return 0;
	if (errno == ENOENT && strcmp(first, second) != 0) {
		if (note_absent(src, first, err) != 0)
			return -1;
		path = second;
		if (zone_input_open(src, sub, second, limits, text, len, err) == 0)
			return 0;
		if (errno == ENOENT)
			return err_set(err, "$INCLUDE: neither %.200s nor %.200s is there",
			    first, second);
	}
	return err_prefix(err, "$INCLUDE %s", path);
}
