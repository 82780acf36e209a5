#include "ctl/log_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/text.h"

enum { DEPTH = 8 };			/* of folders */

static bool
is_kind(char c)
{
	return c >= 'a' && c <= 'z';
}

/* Splits a file's name; false = it is no segment. */
static bool
split_name(struct log_file *f, const char *folder, const char *name)
{
	const char *log = strstr(name, ".log"), *dash;
	struct text t = text_of(name), number;
	int n;

	if (log == NULL || (log[4] != '\0' && log[4] != '.') ||
	    text_copy(&t, f->kind, sizeof(f->kind), is_kind) != TEXT_FOUND || !text_take(&t, "-"))
		return false;
	f->aside = log[4] == '.';
	f->number = 0;
	dash = memrchr(t.at, '-', log > t.at ? (size_t)(log - t.at) : 0);
	if (strcmp(f->kind, "nginx") == 0) {
		n = snprintf(f->source, sizeof(f->source), "%s/%s", folder, f->kind);
		return n < (int)sizeof(f->source);
	}
	if (dash == NULL)
		return false;
	number = (struct text){ dash + 1, log };
	if (text_number(&number, 1u << 30, &f->number) != TEXT_FOUND || number.at != number.end)
		return false;
	n = snprintf(f->source, sizeof(f->source), "%s/%.*s", folder, (int)(dash - name), name);
	return n < (int)sizeof(f->source);
}

static int
add_segment(struct log_files *files, const char *folder, const char *name, off_t size,
    struct err *err)
{
	struct log_file f, *v;

	if (!split_name(&f, folder, name))
		return 0;
	if ((files->n & (files->n - 1)) == 0) {
		v = realloc(files->v, (files->n != 0 ? 2 * files->n : 1) * sizeof(*v));
		if (v == NULL)
			return err_set(err, "out of memory");
		files->v = v;
	}
	if (asprintf(&f.path, "%s/%s", folder, name) < 0)
		return err_set(err, "out of memory");
	f.size = size;
	f.taken = 0;
	files->v[files->n++] = f;
	return 0;
}

static int
walk(struct log_files *files, const char *folder, unsigned depth, struct err *err)
{
	DIR *dir = opendir(folder);
	struct dirent *d;
	struct stat st;
	int rc = 0;

	if (dir == NULL)
		return err_set(err, "%s: %s", folder, strerror(errno));
	while (rc == 0 && (d = readdir(dir)) != NULL) {
		char path[4096];

		if (d->d_name[0] == '.' ||
		    fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			rc = add_segment(files, folder, d->d_name, st.st_size, err);
		else if (S_ISDIR(st.st_mode) && depth < DEPTH &&
		    snprintf(path, sizeof(path), "%s/%s", folder, d->d_name) < (int)sizeof(path))
			rc = walk(files, path, depth + 1, err);
	}
	closedir(dir);
	return rc;
}

static int
in_order(const void *a, const void *b)
{
	const struct log_file *x = a, *y = b;
	int by = strcmp(x->source, y->source);

	if (by == 0 && x->number != y->number)
		by = x->number < y->number ? -1 : 1;
	return by != 0 ? by : strcmp(x->path, y->path);
}

int
log_files_find(struct log_files *files, const char *folder, struct err *err)
{
	*files = (struct log_files){ .v = NULL };
	if (walk(files, folder, 0, err) < 0)
		return -1;
	if (files->n != 0)
		qsort(files->v, files->n, sizeof(files->v[0]), in_order);
	return 0;
}

void
log_files_free(struct log_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->v[i].path);
	free(files->v);
	*files = (struct log_files){ .v = NULL };
}

void
log_files_put(FILE *to, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text >= ' ' && *text <= '~' && *text != '\\')
			fputc(*text, to);
		else
			fprintf(to, "\\%03o", (unsigned)(unsigned char)*text);
}

void
log_files_warn(const char *why)
{
	fputs("nearctl: ", stderr);
	log_files_put(stderr, why);
	fputc('\n', stderr);
}
