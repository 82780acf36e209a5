#include "redirectd/types.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/file.h"

#define FILE_MOST (1 << 20)
#define ENDING_MAX 31

struct ending {
	char text[ENDING_MAX + 1];	/* lower case */
	const char *type;
	size_t order;			/* in which it was added: the first counts */
};

struct types {
	char *text;			/* of the file; types and endings point into it */
	struct ending *endings;		/* sorted */
	size_t n, room;
};

static const struct {
	const char *type, *endings;
} builtin[] = {
	{ "text/plain", "txt asc sig md5 sha1 sha256 sha512 log readme diff patch conf list" },
	{ "text/html", "html htm" }, { "text/css", "css" }, { "text/csv", "csv" },
	{ "text/x-diff", "debdiff" }, { "text/markdown", "md" },
	{ "application/xml", "xml" }, { "application/json", "json" },
	{ "application/javascript", "js" }, { "application/pdf", "pdf" },
	{ "application/metalink4+xml", "meta4" }, { "application/metalink+xml", "metalink" },
	{ "application/x-bittorrent", "torrent" }, { "application/pgp-signature", "gpg pgp" },
	{ "application/gzip", "gz tgz" }, { "application/x-bzip2", "bz2 tbz" },
	{ "application/x-xz", "xz txz" }, { "application/zstd", "zst" },
	{ "application/x-lzma", "lzma" }, { "application/zip", "zip" },
	{ "application/x-7z-compressed", "7z" }, { "application/x-tar", "tar" },
	{ "application/x-rpm", "rpm" }, { "application/x-redhat-package-manager", "drpm" },
	{ "application/vnd.debian.binary-package", "deb udeb ddeb" },
	{ "application/x-iso9660-image", "iso" }, { "application/java-archive", "jar" },
	{ "application/x-msdownload", "exe dll" }, { "application/x-msi", "msi" },
	{ "application/vnd.android.package-archive", "apk" },
	{ "application/x-apple-diskimage", "dmg" }, { "application/x-raw-disk-image", "img raw" },
	{ "application/x-qemu-disk", "qcow2" }, { "application/octet-stream", "bin" },
	{ "image/png", "png" }, { "image/jpeg", "jpg jpeg" }, { "image/gif", "gif" },
	{ "image/svg+xml", "svg" }, { "image/webp", "webp" }, { "image/x-icon", "ico" },
	{ "video/mp4", "mp4" }, { "video/webm", "webm" }, { "audio/ogg", "ogg" },
	{ "audio/mpeg", "mp3" },
};

static int
add_ending(struct types *types, const char *word, size_t len, const char *type)
{
	struct ending *e;

	if (len == 0 || len > ENDING_MAX)
		return 0;
	if (types->n == types->room) {
		size_t room = types->room == 0 ? 256 : 2 * types->room;
		struct ending *v = realloc(types->endings, room * sizeof(*v));

		if (v == NULL)
			return -1;
		types->endings = v;
		types->room = room;
	}
	e = &types->endings[types->n];
	e->order = types->n++;
	for (size_t i = 0; i < len; i++)
		e->text[i] = (char)tolower((unsigned char)word[i]);
	e->text[len] = '\0';
	e->type = type;
	return 0;
}

/* Blank-separated endings. */
static int
add_all(struct types *types, const char *words, const char *type)
{
	for (size_t len; *words != '\0'; words += len) {
		words += strspn(words, " \t\r");
		len = strcspn(words, " \t\r");
		if (add_ending(types, words, len, type) < 0)
			return -1;
	}
	return 0;
}

/* Lines "TYPE ENDING...", with comments behind #. */
static int
add_types(struct types *types, const char *path)
{
	struct err err;
	size_t len;
	char *rest, *line;

	types->text = file_read(path, 0, FILE_MOST, &len, &err);
	rest = types->text;
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		char *words;

		line[strcspn(line, "#")] = '\0';
		line += strspn(line, " \t");
		words = line + strcspn(line, " \t\r");
		if (*words == '\0')
			continue;
		*words++ = '\0';
		if (add_all(types, words, line) < 0)
			return -1;
	}
	return 0;
}

static int
compare_endings(const void *a, const void *b)
{
	return strcmp(((const struct ending *)a)->text, ((const struct ending *)b)->text);
}

static int
compare_orders(const void *a, const void *b)
{
	const struct ending *x = a, *y = b;
	int texts = strcmp(x->text, y->text);

	return texts != 0 ? texts : (x->order > y->order) - (x->order < y->order);
}

/* Sorted, and of those with one text the one that was added first. */
static void
settle(struct types *types)
{
	size_t n = 0;

	qsort(types->endings, types->n, sizeof(*types->endings), compare_orders);
	for (size_t i = 0; i < types->n; i++)
		if (n == 0 || strcmp(types->endings[n - 1].text, types->endings[i].text) != 0)
			types->endings[n++] = types->endings[i];
	types->n = n;
}

struct types *
types_read(const char *path, struct err *err)
{
	struct types *types = calloc(1, sizeof(*types));
	int rc = types != NULL ? add_types(types, path) : -1;

	for (size_t i = 0; rc == 0 && i < sizeof(builtin) / sizeof(*builtin); i++)
		rc = add_all(types, builtin[i].endings, builtin[i].type);
	if (rc < 0) {
		types_free(types);
		err_set(err, "out of memory");
		return NULL;
	}
	settle(types);
	return types;
}

void
types_free(struct types *types)
{
	if (types == NULL)
		return;
	free(types->text);
	free(types->endings);
	free(types);
}

const char *
types_find(const struct types *types, const char *path, size_t len)
{
	const char *dot = memrchr(path, '.', len), *slash = memrchr(path, '/', len);
	struct ending key = { .text = "" };
	const struct ending *found = NULL;
	size_t n;

	if (dot != NULL && (slash == NULL || dot > slash)) {
		n = len - (size_t)(dot + 1 - path);
		if (n <= ENDING_MAX) {
			for (size_t i = 0; i < n; i++)
				key.text[i] = (char)tolower((unsigned char)dot[1 + i]);
			found = bsearch(&key, types->endings, types->n, sizeof(key),
			    compare_endings);
		}
	}
	return found != NULL ? found->type : "application/octet-stream";
}
