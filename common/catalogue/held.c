#include "common/catalogue/held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/catalogue/catalogue_db.h"
#include "common/catalogue/catalogue_kind.h"
#include "common/catalogue/held_ids.h"
#include "common/file.h"

/* Sorted by name. */
struct held {
	struct held_mirror *mirrors;
	size_t n;
	int64_t lineage;		/* 0 = it does not say */
};

/* NULL where the name is too long. */
static const char *
path_of(const char *catalogue, char *out, size_t size)
{
	int n = snprintf(out, size, "%s" CATALOGUE_KIND_SUFFIX, catalogue);

	return n >= 0 && (size_t)n < size ? out : NULL;
}

uint64_t
held_stamp(const char *catalogue)
{
	char path[4200];

	return file_stamp(path_of(catalogue, path, sizeof(path)));
}

static int
by_mirror(const void *a, const void *b)
{
	return strcmp(((const struct held_mirror *)a)->name, ((const struct held_mirror *)b)->name);
}

static void
mirror_clear(struct held_mirror *mirror)
{
	held_ids_free(mirror->ids);
	held_ids_free(mirror->bad);
}

void
held_keep_of(struct held *held, int64_t lineage)
{
	if (held_is_of(held, lineage))
		return;
	for (size_t i = 0; i < held->n; i++)
		mirror_clear(&held->mirrors[i]);
	held->n = 0;
}

void
held_free(struct held *held)
{
	if (held == NULL)
		return;
	for (size_t i = 0; i < held->n; i++)
		mirror_clear(&held->mirrors[i]);
	free(held->mirrors);
	free(held);
}

static struct held_mirror *
held_add(struct held *held)
{
	struct held_mirror *v = held->mirrors;

	if ((held->n & (held->n - 1)) == 0) {
		v = realloc(v, (held->n != 0 ? 2 * held->n : 1) * sizeof(*v));
		if (v == NULL)
			return NULL;
		held->mirrors = v;
	}
	memset(&v[held->n], 0, sizeof(*v));
	return &v[held->n++];
}

static struct held_ids *
column_ids(sqlite3_stmt *row, int column, int sum, struct err *err)
{
	const void *bytes = sqlite3_column_blob(row, column);

	return held_ids_parse(bytes, (size_t)sqlite3_column_bytes(row, column),
	    (uint64_t)sqlite3_column_int64(row, sum), err);
}

static int
read_bitmaps(struct held_mirror *mirror, sqlite3_stmt *stmt, struct err *err)
{
	int found;

	sqlite3_bind_text(stmt, 1, mirror->name, -1, SQLITE_STATIC);
	found = catalogue_db_step(stmt, err);
	if (found == 1) {
		mirror->ids = column_ids(stmt, 0, 1, err);
		mirror->bad = mirror->ids != NULL ? column_ids(stmt, 2, 3, err) : NULL;
		if (mirror->bad == NULL)
			found = err_prefix(err, "mirror \"%s\"", mirror->name);
	} else if (found == 0)
		found = err_set(err, "mirror \"%s\": its row is gone", mirror->name);
	sqlite3_reset(stmt);
	return found < 0 ? -1 : 0;
}

/* A row, its bitmaps from the snapshot before if they are the same. */
static int
read_mirror(struct held *held, sqlite3_stmt *row, sqlite3_stmt *bitmaps,
    const struct held *before, struct err *err)
{
	const char *name = (const char *)sqlite3_column_text(row, 0);
	const char *why = (const char *)sqlite3_column_text(row, 5);
	struct held_mirror *mirror;
	int old;

	if (name == NULL || name[0] == '\0' || strlen(name) >= HELD_NAME_MAX)
		return 0;			/* no mirror that is configured has such a name */
	if ((mirror = held_add(held)) == NULL)
		return err_set(err, "out of memory");
	snprintf(mirror->name, sizeof(mirror->name), "%s", name);
	snprintf(mirror->why, sizeof(mirror->why), "%s", why != NULL ? why : "");
	mirror->version = sqlite3_column_int64(row, 1);
	mirror->scanned = sqlite3_column_double(row, 2);
	mirror->complete = sqlite3_column_int(row, 3) != 0;
	mirror->tried = sqlite3_column_double(row, 4);
	mirror->n = (uint64_t)sqlite3_column_int64(row, 6);
	mirror->newest = sqlite3_column_int64(row, 7);
	old = before != NULL ? held_find(before, name) : -1;
	if (old < 0 || before->mirrors[old].version != mirror->version)
		return read_bitmaps(mirror, bitmaps, err);
	mirror->ids = held_ids_share(before->mirrors[old].ids);
	mirror->bad = held_ids_share(before->mirrors[old].bad);
	return 0;
}

/* A file that is being made, or that was made before there were lineages, has no such table. */
static int
read_lineage(struct held *held, sqlite3 *db, struct err *err)
{
	int64_t tables = 0;

	if (catalogue_db_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'of'",
	    &tables, err) < 0)
		return -1;
	return tables == 0 ? 0 : catalogue_db_number(db,
	    "SELECT coalesce(max(lineage), 0) FROM of", &held->lineage, err);
}

static int
read_all(struct held *held, sqlite3 *db, const struct held *before, struct err *err)
{
	sqlite3_stmt *row, *bitmaps;
	int rc = -1;

	/* both statements see one state */
	if (catalogue_db_run(db, "BEGIN", err) < 0 || read_lineage(held, db, err) < 0)
		return -1;
	if (before != NULL && before->lineage != held->lineage)
		before = NULL;
	row = catalogue_db_prepare(db, "SELECT mirror, version, scanned, complete, tried, why,"
	    " n, newest FROM held", err);
	bitmaps = row != NULL ? catalogue_db_prepare(db,
	    "SELECT ids, ids_sum, bad, bad_sum FROM held WHERE mirror = ?", err) : NULL;
	while (bitmaps != NULL && (rc = catalogue_db_step(row, err)) == 1)
		if ((rc = read_mirror(held, row, bitmaps, before, err)) < 0)
			break;
	sqlite3_finalize(bitmaps);
	sqlite3_finalize(row);
	return rc;
}

struct held *
held_read(const char *catalogue, const struct held *before, struct err *err)
{
	char path[4200];
	struct held *held = calloc(1, sizeof(*held));
	sqlite3 *db = NULL;
	int rc = 0;

	if (held == NULL || path_of(catalogue, path, sizeof(path)) == NULL) {
		err_set(err, "out of memory, or a name too long");
		free(held);
		return NULL;
	}
	if (access(path, R_OK) < 0 && errno != ENOENT)
		rc = err_set(err, "%s: %s", path, strerror(errno));
	else if (access(path, F_OK) == 0) {
		db = catalogue_db_open(path, CATALOGUE_DB_READ, CATALOGUE_KIND_HELD, err);
		rc = db != NULL ? read_all(held, db, before, err) : -1;
		sqlite3_close(db);
		if (rc < 0 && strncmp(err->text, path, strlen(path)) != 0)
			err_prefix(err, "%s", path);
	}
	if (rc < 0) {
		held_free(held);
		return NULL;
	}
	if (held->n != 0)
		qsort(held->mirrors, held->n, sizeof(*held->mirrors), by_mirror);
	return held;
}

bool
held_is_of(const struct held *held, int64_t lineage)
{
	return held->lineage == 0 || held->lineage == lineage;
}

uint32_t
held_highest(const struct held *held)
{
	uint32_t highest = 0, id;

	for (size_t i = 0; i < held->n; i++) {
		if ((id = held_ids_highest(held->mirrors[i].ids)) > highest)
			highest = id;
		if ((id = held_ids_highest(held->mirrors[i].bad)) > highest)
			highest = id;
	}
	return highest;
}

size_t
held_count(const struct held *held)
{
	return held->n;
}

const struct held_mirror *
held_at(const struct held *held, size_t i)
{
	return &held->mirrors[i];
}

int
held_find(const struct held *held, const char *mirror)
{
	size_t from = 0, to = held->n;

	while (from < to) {
		size_t mid = (from + to) / 2;
		int order = strcmp(held->mirrors[mid].name, mirror);

		if (order == 0)
			return (int)mid;
		if (order < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return -1;
}

bool
held_has(const struct held *held, int place, uint32_t id)
{
	return place >= 0 && held_ids_has(held->mirrors[place].ids, id);
}
