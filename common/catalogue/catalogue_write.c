#include "common/catalogue/catalogue_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/catalogue/catalogue_db.h"
#include "common/catalogue/catalogue_kind.h"
#include "common/catalogue/catalogue_rows.h"
#include "common/catalogue/held.h"
#include "common/catalogue/manifest.h"
#include "common/file.h"

/* Blocks of memory that hold paths and pieces. */
struct catalogue_write_block {
	struct catalogue_write_block *next;
	size_t used, size;
	char octets[];
};

struct catalogue_write {
	struct catalogue_write_row *rows;
	size_t n, room;
	struct catalogue_write_block *blocks;
	bool sorted;			/* by path, so far */
	bool news;			/* of an MD5 or of pieces for a file that is as it was */
};

enum { BLOCK = 1 << 20 };

struct catalogue_write *
catalogue_write_new(void)
{
	struct catalogue_write *list = calloc(1, sizeof(*list));

	if (list != NULL)
		list->sorted = true;
	return list;
}

void
catalogue_write_free(struct catalogue_write *list)
{
	if (list == NULL)
		return;
	for (struct catalogue_write_block *b = list->blocks, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(list->rows);
	free(list);
}

/* A copy that lives as long as the list; NULL = no memory. */
static void *
keep(struct catalogue_write *list, const void *octets, size_t len)
{
	struct catalogue_write_block *b = list->blocks;
	char *copy;

	if (b == NULL || b->size - b->used < len) {
		size_t size = len > BLOCK ? len : BLOCK;

		if ((b = malloc(sizeof(*b) + size)) == NULL)
			return NULL;
		*b = (struct catalogue_write_block){ .next = list->blocks, .size = size };
		list->blocks = b;
	}
	copy = b->octets + b->used;
	memcpy(copy, octets, len);
	b->used += len;
	return copy;
}

const char *
catalogue_write_wrong_path(const char *path, size_t len)
{
	const char *end = path + len;

	if (len == 0)
		return "a path was expected";
	if (len > CATALOGUE_PATH_MAX)
		return "a path of more than 4096 octets";
	if (memchr(path, '\0', len) != NULL)
		return "a path with a NUL";
	for (const char *part = path; part <= end;) {
		const char *slash = memchr(part, '/', (size_t)(end - part));
		size_t n = (size_t)((slash != NULL ? slash : end) - part);

		if (n == 0)
			return part == path ? "a path that begins with a slash" :
			    "a path with nothing between two slashes or behind the last";
		if (n <= 2 && memcmp(part, "..", n) == 0)
			return "a path with a part that is . or ..";
		part += n + 1;
	}
	return NULL;
}

static int
order(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int by = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return by != 0 ? by : (a_len > b_len) - (a_len < b_len);
}

static int
by_path(const void *a, const void *b)
{
	const struct catalogue_write_row *one = a, *other = b;

	return order(one->path, one->len, other->path, other->len);
}

static int
keep_pieces(struct catalogue_write *list, struct catalogue_write_row *row,
    const struct catalogue_pieces *from)
{
	struct catalogue_pieces *to = &row->pieces;

	*to = *from;
	if (from->sha1 != NULL)
		to->sha1 = keep(list, from->sha1, from->n * CATALOGUE_SHA1);
	if (from->sha256 != NULL)
		to->sha256 = keep(list, from->sha256, from->n * CATALOGUE_SHA256);
	return (from->sha1 == NULL) == (to->sha1 == NULL) &&
	    (from->sha256 == NULL) == (to->sha256 == NULL) ? 0 : -1;
}

int
catalogue_write_add(struct catalogue_write *list, const char *path, size_t len,
    const struct catalogue_file *file, const struct catalogue_pieces *pieces, uint64_t line,
    struct err *err)
{
	const char *wrong = catalogue_write_wrong_path(path, len);
	struct catalogue_write_row *row;

	if (wrong != NULL)
		return err_set(err, "%s", wrong);
	if (file->size > INT64_MAX)
		return err_set(err, "a size of 2^63 octets or more");
	if (list->n == list->room) {
		size_t room = list->room != 0 ? list->room * 2 : 1024;

		row = realloc(list->rows, room * sizeof(*row));
		if (row == NULL)
			return err_set(err, "out of memory");
		list->rows = row;
		list->room = room;
	}
	row = &list->rows[list->n];
	*row = (struct catalogue_write_row){ .file = *file, .len = (uint32_t)len,
		.line = line <= UINT32_MAX ? (uint32_t)line : 0 };
	row->file.id = 0;
	if ((row->path = keep(list, path, len)) == NULL ||
	    (pieces != NULL && pieces->n != 0 && keep_pieces(list, row, pieces) < 0))
		return err_set(err, "out of memory");
	list->sorted = list->sorted && (list->n == 0 || by_path(row - 1, row) < 0);
	list->n++;
	return 0;
}

/* ---- comparing ---- */

static int
sort_and_tell_apart(struct catalogue_write *list, struct err *err)
{
	char shown[256];

	if (list->sorted)
		return 0;
	qsort(list->rows, list->n, sizeof(*list->rows), by_path);
	list->sorted = true;
	for (size_t i = 1; i < list->n; i++) {
		const struct catalogue_write_row *a = &list->rows[i - 1], *b = a + 1;

		if (by_path(a, b) == 0)
			return err_set(err, "\"%s\" is there twice (lines %u and %u)",
			    manifest_path(a->path, a->len, shown, sizeof(shown)),
			    a->line < b->line ? a->line : b->line,
			    a->line < b->line ? b->line : a->line);
	}
	return 0;
}

/* Where the walk over the old catalogue stands in the list. */
struct catalogue_write_merge {
	struct catalogue_write *list;
	struct catalogue_write_done *done;
	size_t at;
};

static bool
as_it_was(const struct catalogue_file *a, const struct catalogue_file *b)
{
	return a->size == b->size && a->mtime == b->mtime &&
	    memcmp(a->sha256, b->sha256, sizeof(a->sha256)) == 0 &&
	    (!a->has_md5 || !b->has_md5 || memcmp(a->md5, b->md5, sizeof(a->md5)) == 0);
}

/* Both are the same file of the same content. */
static void
take_from_old(struct catalogue_write *list, struct catalogue_write_row *row,
    const struct catalogue_file *old)
{
	struct catalogue_file *now = &row->file;

	now->id = old->id;
	list->news = list->news || (now->has_md5 && !old->has_md5) ||
	    (row->pieces.n != 0 && !old->has_pieces);
	if (!now->has_md5 && old->has_md5) {
		memcpy(now->md5, old->md5, sizeof(now->md5));
		now->has_md5 = true;
	}
	now->has_pieces = old->has_pieces;
}

static int
merge_old(void *arg, const char *path, size_t len, const struct catalogue_file *old,
    struct err *err)
{
	struct catalogue_write_merge *m = arg;
	struct catalogue_write_row *row;
	int by = 1;

	(void)err;
	for (; m->at < m->list->n; m->at++) {
		row = &m->list->rows[m->at];
		if ((by = order(row->path, row->len, path, len)) >= 0)
			break;
		m->done->added++;
	}
	if (by != 0 || m->at == m->list->n) {
		m->done->removed++;
		return 0;
	}
	row = &m->list->rows[m->at++];
	if (as_it_was(&row->file, old)) {
		take_from_old(m->list, row, old);
		m->done->same++;
	} else
		m->done->changed++;
	return 0;
}

/* Gives every file its id; *last is the largest that was ever given. */
static int
give_ids(struct catalogue_write *list, uint32_t *last, struct err *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->rows[i].file.id == 0) {
			if (*last == UINT32_MAX)
				return err_set(err, "all ids are used up: remove the catalogue and"
				    " what is held, then import and scan anew");
			list->rows[i].file.id = ++*last;
		}
	return 0;
}

/* ---- the whole ---- */

static int
compare_with_old(struct catalogue_write *list, struct catalogue *old, unsigned max_shrink,
    struct catalogue_write_done *done, struct err *err)
{
	struct catalogue_write_merge merge = { .list = list, .done = done };
	uint64_t before;

	if (old != NULL && catalogue_each(old, merge_old, &merge, err) != 0)
		return -1;
	done->added += list->n - merge.at;
	before = done->same + done->changed + done->removed;
	if (before != 0 && max_shrink < 100 && done->removed * 100 > before * max_shrink)
		return err_set(err, "%llu of %llu files would go, more than %u %% at once"
		    " (max-shrink): if that is meant, --force",
		    (unsigned long long)done->removed, (unsigned long long)before, max_shrink);
	return 0;
}

/* The old one, if it is there.  Damaged it is no reason not to write a sound one, but its ids are
 * lost with it, and that needs to be said by whoever removes it. */
static int
open_old(const char *path, struct catalogue **old, struct err *err)
{
	*old = NULL;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	*old = catalogue_open(path, err);
	return *old != NULL ? 0 : err_prefix(err, "the catalogue that is there cannot be used;"
	    " remove it, and PATH" CATALOGUE_KIND_SUFFIX " with it, to begin anew");
}

/* Without the old catalogue ids begin at 1 again, and what is held speaks of the old ones. */
static int
held_aside(const char *path, struct err *err)
{
	char held[4200], aside[4220];

	snprintf(held, sizeof(held), "%s" CATALOGUE_KIND_SUFFIX, path);
	snprintf(aside, sizeof(aside), "%s.old", held);
	return rename(held, aside) == 0 || errno == ENOENT ? 0 :
	    err_set(err, "%s: cannot be put aside: %s", held, strerror(errno));
}

/* The largest id that has a meaning somewhere.  What is held may know larger ones than the
 * catalogue, if that is a copy of an older one: given again they would mean another file. */
static uint32_t
last_given(struct catalogue *old, const char *path)
{
	const struct catalogue_about *about = catalogue_about(old);
	struct err err;
	struct held *held = held_read(path, NULL, &err);
	uint32_t highest;

	if (held != NULL)
		held_keep_of(held, about->lineage);
	highest = held != NULL ? held_highest(held) : 0;
	held_free(held);
	return highest > about->last_id ? highest : about->last_id;
}

static int
replace(const struct catalogue_write *list, const char *path, const char *fresh,
    struct catalogue *old, uint32_t last, struct err *err)
{
	return catalogue_rows_write(fresh, list->rows, list->n, old, last, err) < 0 ? -1 :
	    file_adopt(fresh, path, err);
}

static int
commit(struct catalogue_write *list, const char *path, const char *fresh, unsigned max_shrink,
    struct catalogue_write_done *done, struct err *err)
{
	struct catalogue *old;
	uint32_t last = 0;
	int rc = -1;

	if (open_old(path, &old, err) < 0)
		return -1;
	if (old != NULL)
		last = last_given(old, path);
	unlink(fresh);				/* a leftover of a killed import */
	if (old == NULL && held_aside(path, err) < 0)
		return -1;
	if (compare_with_old(list, old, max_shrink, done, err) == 0 &&
	    give_ids(list, &last, err) == 0) {
		done->replaced = old == NULL || done->added != 0 || done->changed != 0 ||
		    done->removed != 0 || list->news;
		rc = done->replaced ? replace(list, path, fresh, old, last, err) : 0;
		if (rc < 0)
			unlink(fresh);
	}
	catalogue_close(old);
	return rc;
}

int
catalogue_write_commit(struct catalogue_write *list, const char *path, unsigned max_shrink,
    struct catalogue_write_done *done, struct err *err)
{
	char fresh[4200];
	int fd, rc;

	memset(done, 0, sizeof(*done));
	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return err_set(err, "%s: the name is too long", path);
	if (sort_and_tell_apart(list, err) < 0)
		return -1;
	if ((fd = catalogue_db_lock_file(path, ".lock", err)) < 0)
		return -1;
	rc = flock(fd, LOCK_EX | LOCK_NB) < 0 ?
	    err_set(err, "%s: another import is under way", path) :
	    commit(list, path, fresh, max_shrink, done, err);
	close(fd);
	return rc;
}
