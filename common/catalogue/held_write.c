#include "common/catalogue/held_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/catalogue/catalogue_db.h"
#include "common/catalogue/catalogue_kind.h"
#include "common/catalogue/held.h"
#include "common/clock.h"

struct held_write {
	sqlite3 *db;
	sqlite3_stmt *get, *put, *failed, *forget;
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS held (mirror TEXT PRIMARY KEY, version INTEGER NOT NULL,"
    " scanned REAL NOT NULL, complete INTEGER NOT NULL, tried REAL NOT NULL, why TEXT NOT NULL,"
    " n INTEGER NOT NULL, newest INTEGER NOT NULL, ids BLOB NOT NULL, ids_sum INTEGER NOT NULL,"
    " bad BLOB NOT NULL, bad_sum INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS of (lineage INTEGER NOT NULL)";

static const char sql_get[] =
    "SELECT version, scanned, complete, tried, why, newest, ids, ids_sum, bad, bad_sum"
    " FROM held WHERE mirror = ?";
static const char sql_put[] =
    "INSERT OR REPLACE INTO held (mirror, version, scanned, complete, tried, why, n, newest,"
    " ids, ids_sum, bad, bad_sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
static const char sql_failed[] =
    "INSERT INTO held (mirror, version, scanned, complete, tried, why, n, newest, ids, ids_sum,"
    " bad, bad_sum) VALUES (?1, ?2, 0, 0, ?3, ?4, 0, 0, x'', 0, x'', 0)"
    " ON CONFLICT (mirror) DO UPDATE SET tried = ?3, why = ?4";

static int
prepare(struct held_write *w, struct err *err)
{
	if ((w->get = catalogue_db_prepare(w->db, sql_get, err)) == NULL ||
	    (w->put = catalogue_db_prepare(w->db, sql_put, err)) == NULL ||
	    (w->failed = catalogue_db_prepare(w->db, sql_failed, err)) == NULL)
		return -1;
	w->forget = catalogue_db_prepare(w->db, "DELETE FROM held WHERE mirror = ?", err);
	return w->forget != NULL ? 0 : -1;
}

static struct held_write *
open_for(const char *catalogue, enum catalogue_db_use use, struct err *err)
{
	struct held_write *w = calloc(1, sizeof(*w));
	char path[4200];

	if (w == NULL || snprintf(path, sizeof(path), "%s" CATALOGUE_KIND_SUFFIX, catalogue) >=
	    (int)sizeof(path)) {
		err_set(err, "out of memory, or a name too long");
		free(w);
		return NULL;
	}
	w->db = catalogue_db_open(path, use, CATALOGUE_KIND_HELD, err);
	if (w->db == NULL || catalogue_db_run(w->db, schema, err) < 0 || prepare(w, err) < 0) {
		held_write_close(w);
		return NULL;
	}
	return w;
}

struct held_write *
held_write_open(const char *catalogue, struct err *err)
{
	return open_for(catalogue, CATALOGUE_DB_WRITE, err);
}

struct held_write *
held_write_open_soon(const char *catalogue, struct err *err)
{
	return open_for(catalogue, CATALOGUE_DB_WRITE_SOON, err);
}

void
held_write_close(struct held_write *w)
{
	if (w == NULL)
		return;
	sqlite3_finalize(w->get);
	sqlite3_finalize(w->put);
	sqlite3_finalize(w->failed);
	sqlite3_finalize(w->forget);
	sqlite3_close(w->db);
	free(w);
}

/* In a transaction: whose ids are they from now on?  Those of others are forgotten. */
static int
become_of(struct held_write *w, int64_t lineage, struct err *err)
{
	char sql[160];
	int64_t now, said;

	if (catalogue_db_number(w->db, "SELECT coalesce(max(lineage), 0) FROM of", &now, err) < 0 ||
	    catalogue_db_number(w->db, "SELECT count(*) FROM of", &said, err) < 0)
		return -1;
	if (now == lineage)
		return 0;
	snprintf(sql, sizeof(sql), "%sDELETE FROM of; INSERT INTO of VALUES (%lld)",
	    said != 0 ? "DELETE FROM held; " : "", (long long)lineage);
	return catalogue_db_run(w->db, sql, err);
}

int
held_write_of(struct held_write *w, int64_t lineage, struct err *err)
{
	int rc;

	if (catalogue_db_run(w->db, "BEGIN IMMEDIATE", err) < 0)
		return -1;
	rc = become_of(w, lineage, err) == 0 ? catalogue_db_run(w->db, "COMMIT", err) : -1;
	if (rc < 0)
		sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* Can all of it be read? */
static int
sound(const char *catalogue, const char *path, struct err *err)
{
	sqlite3 *db = catalogue_db_open(path, CATALOGUE_DB_READ, CATALOGUE_KIND_HELD, err);
	int rc = db != NULL ? catalogue_db_check(db, err) : -1;
	struct held *held;

	sqlite3_close(db);
	if (rc < 0)
		return -1;
	held = held_read(catalogue, NULL, err);
	held_free(held);
	return held != NULL ? 0 : -1;
}

int
held_write_aside(const char *catalogue, struct err *err)
{
	char path[4200], aside[4220], journal[4220];
	struct err why;

	snprintf(path, sizeof(path), "%s" CATALOGUE_KIND_SUFFIX, catalogue);
	snprintf(aside, sizeof(aside), "%s.broken", path);
	snprintf(journal, sizeof(journal), "%s-journal", path);
	if (access(path, F_OK) < 0 || sound(catalogue, path, &why) == 0)
		return 0;
	/* a journal left behind would be rolled into the next file of that name */
	if ((unlink(journal) < 0 && errno != ENOENT) || rename(path, aside) < 0)
		return err_set(err, "%s: cannot be put aside: %s", path, strerror(errno));
	err_set(err, "%s; put aside as %s", why.text, aside);
	return 1;
}

/* ---- a row, between two statements of one transaction ---- */

struct held_write_row {
	int64_t version, newest;
	double scanned, tried;
	bool complete;
	char why[HELD_WHY_MAX];
	struct held_ids *ids, *bad;
};

static void
row_clear(struct held_write_row *row)
{
	held_ids_free(row->ids);
	held_ids_free(row->bad);
}

/* As it is there, or as that of a mirror of which nothing is known. */
static int
row_get(struct held_write *w, const char *mirror, struct held_write_row *row, struct err *err)
{
	sqlite3_stmt *s = w->get;
	int found;

	memset(row, 0, sizeof(*row));
	sqlite3_bind_text(s, 1, mirror, -1, SQLITE_STATIC);
	if ((found = catalogue_db_step(s, err)) < 0) {
		sqlite3_reset(s);
		return -1;
	}
	if (found == 1) {
		row->version = sqlite3_column_int64(s, 0);
		row->scanned = sqlite3_column_double(s, 1);
		row->complete = sqlite3_column_int(s, 2) != 0;
		row->tried = sqlite3_column_double(s, 3);
		snprintf(row->why, sizeof(row->why), "%s",
		    sqlite3_column_type(s, 4) == SQLITE_TEXT ?
		    (const char *)sqlite3_column_text(s, 4) : "");
		row->newest = sqlite3_column_int64(s, 5);
		row->ids = held_ids_parse(sqlite3_column_blob(s, 6),
		    (size_t)sqlite3_column_bytes(s, 6), (uint64_t)sqlite3_column_int64(s, 7), err);
		row->bad = row->ids == NULL ? NULL : held_ids_parse(sqlite3_column_blob(s, 8),
		    (size_t)sqlite3_column_bytes(s, 8), (uint64_t)sqlite3_column_int64(s, 9), err);
	} else if ((row->ids = held_ids_new()) != NULL && (row->bad = held_ids_new()) == NULL)
		err_set(err, "out of memory");
	sqlite3_reset(s);
	if (row->bad != NULL)
		return 0;
	row_clear(row);
	return -1;
}

/* Versions grow also where a file was begun anew: a reader may still have the old one's. */
static int64_t
next_version(int64_t version)
{
	int64_t now = (int64_t)(clock_wall() * 1e6);

	return now > version ? now : version + 1;
}

static int
bind_ids(sqlite3_stmt *s, int column, const struct held_ids *ids, struct err *err)
{
	size_t len;
	uint64_t sum;
	void *bytes = held_ids_bytes(ids, &len, &sum);

	if (bytes == NULL)
		return err_set(err, "out of memory");
	sqlite3_bind_int64(s, column + 1, (int64_t)sum);
	if (sqlite3_bind_blob64(s, column, bytes, len, free) != SQLITE_OK)
		return err_set(err, "out of memory");
	return 0;
}

static int
row_put(struct held_write *w, const char *mirror, struct held_write_row *row, struct err *err)
{
	sqlite3_stmt *s = w->put;
	int rc;

	held_ids_pack(row->ids);
	held_ids_pack(row->bad);
	sqlite3_bind_text(s, 1, mirror, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, next_version(row->version));
	sqlite3_bind_double(s, 3, row->scanned);
	sqlite3_bind_int(s, 4, row->complete);
	sqlite3_bind_double(s, 5, row->tried);
	sqlite3_bind_text(s, 6, row->why, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 7, (int64_t)held_ids_count(row->ids));
	sqlite3_bind_int64(s, 8, row->newest);
	rc = bind_ids(s, 9, row->ids, err) < 0 || bind_ids(s, 11, row->bad, err) < 0 ? -1 :
	    catalogue_db_step(s, err);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return rc;
}

/* ---- transactions ---- */

static int
begin_row(struct held_write *w, const char *mirror, struct held_write_row *row, struct err *err)
{
	if (catalogue_db_run(w->db, "BEGIN IMMEDIATE", err) < 0)
		return -1;
	if (row_get(w, mirror, row, err) == 0)
		return 0;
	sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

static int
finish_row(struct held_write *w, const char *mirror, struct held_write_row *row, struct err *err)
{
	int rc = row_put(w, mirror, row, err) == 0 ? catalogue_db_run(w->db, "COMMIT", err) : -1;

	if (rc < 0)
		sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
	row_clear(row);
	return rc;
}

int
held_write_scanned(struct held_write *w, const char *mirror, const struct held_ids *ids,
    const struct held_write_scan *scan, struct err *err)
{
	struct held_write_row row;
	struct held_ids *now = held_ids_copy(ids);

	if (now == NULL)
		return err_set(err, "out of memory");
	if (begin_row(w, mirror, &row, err) < 0) {
		held_ids_free(now);
		return -1;
	}
	held_ids_subtract(now, row.bad);
	held_ids_free(row.ids);
	row.ids = now;
	row.scanned = row.tried = scan->began;
	row.complete = scan->complete;
	row.newest = scan->newest;
	snprintf(row.why, sizeof(row.why), "%s", scan->why);
	return finish_row(w, mirror, &row, err);
}

int
held_write_seen(struct held_write *w, const char *mirror, const struct held_write_seen *seen,
    size_t n, struct err *err)
{
	struct held_write_row row;

	if (begin_row(w, mirror, &row, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		(seen[i].good ? held_ids_add : held_ids_remove)(row.ids, seen[i].id);
		(seen[i].good ? held_ids_remove : held_ids_add)(row.bad, seen[i].id);
	}
	return finish_row(w, mirror, &row, err);
}

int
held_write_failed(struct held_write *w, const char *mirror, double began, const char *why,
    struct err *err)
{
	int rc;

	sqlite3_bind_text(w->failed, 1, mirror, -1, SQLITE_STATIC);
	sqlite3_bind_int64(w->failed, 2, next_version(0));
	sqlite3_bind_double(w->failed, 3, began);
	sqlite3_bind_text(w->failed, 4, why, -1, SQLITE_STATIC);
	rc = catalogue_db_step(w->failed, err);
	sqlite3_reset(w->failed);
	return rc;
}

int
held_write_forget(struct held_write *w, const char *mirror, struct err *err)
{
	int rc;

	sqlite3_bind_text(w->forget, 1, mirror, -1, SQLITE_STATIC);
	rc = catalogue_db_step(w->forget, err);
	sqlite3_reset(w->forget);
	return rc;
}
