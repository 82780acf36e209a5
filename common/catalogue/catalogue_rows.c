#include "common/catalogue/catalogue_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/catalogue/catalogue_db.h"
#include "common/catalogue/catalogue_kind.h"
#include "common/clock.h"

/* One search of one tree finds a file by its path with all that is said of it; whoever has an id
 * goes by an index to its path first, and is in no hurry. */
static const char schema[] =
    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA cache_size=-65536; BEGIN;"
    "CREATE TABLE file (id INTEGER NOT NULL, path BLOB PRIMARY KEY, size INTEGER NOT NULL,"
    " mtime INTEGER NOT NULL, sha256 BLOB NOT NULL, md5 BLOB, beside INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE pieces (file INTEGER PRIMARY KEY, length INTEGER NOT NULL, sha1 BLOB,"
    " sha256 BLOB);"
    "CREATE TABLE about (name TEXT PRIMARY KEY, value INTEGER NOT NULL)";

static void
bind_octets(sqlite3_stmt *stmt, int column, const void *octets, size_t len)
{
	if (octets != NULL)
		sqlite3_bind_blob64(stmt, column, octets, len, SQLITE_STATIC);
	else
		sqlite3_bind_null(stmt, column);
}

static int
put_file(sqlite3_stmt *stmt, const struct catalogue_write_row *row, uint8_t beside,
    struct err *err)
{
	int rc;

	sqlite3_bind_int64(stmt, 1, row->file.id);
	bind_octets(stmt, 2, row->path, row->len);
	sqlite3_bind_int64(stmt, 3, (int64_t)row->file.size);
	sqlite3_bind_int64(stmt, 4, row->file.mtime);
	bind_octets(stmt, 5, row->file.sha256, CATALOGUE_SHA256);
	bind_octets(stmt, 6, row->file.has_md5 ? row->file.md5 : NULL, CATALOGUE_MD5);
	sqlite3_bind_int(stmt, 7, beside);
	rc = catalogue_db_step(stmt, err);
	sqlite3_reset(stmt);
	return rc;
}

static int
put_pieces(sqlite3_stmt *stmt, const struct catalogue_write_row *row, struct err *err)
{
	const struct catalogue_pieces *p = &row->pieces;
	int rc;

	sqlite3_bind_int64(stmt, 1, row->file.id);
	sqlite3_bind_int64(stmt, 2, p->length);
	bind_octets(stmt, 3, p->sha1, p->n * CATALOGUE_SHA1);
	bind_octets(stmt, 4, p->sha256, p->n * CATALOGUE_SHA256);
	rc = catalogue_db_step(stmt, err);
	sqlite3_reset(stmt);
	return rc;
}

static int
path_and_row(const void *a, const void *b)
{
	const struct catalogue_write_row *one = a, *other = b;
	int by = memcmp(one->path, other->path, one->len < other->len ? one->len : other->len);

	return by != 0 ? by : (one->len > other->len) - (one->len < other->len);
}

/* Of each row, which CATALOGUE_KIND_BESIDE are among them; the caller frees it. */
static uint8_t *
find_beside(const struct catalogue_write_row *rows, size_t n)
{
	static const char *const suffixes[] = CATALOGUE_KIND_BESIDE;
	uint8_t *beside = calloc(n + 1, sizeof(*beside));

	for (size_t i = 0; beside != NULL && i < n; i++)
		for (size_t k = 0; k < sizeof(suffixes) / sizeof(suffixes[0]); k++) {
			size_t len = strlen(suffixes[k]);
			struct catalogue_write_row of = rows[i];
			const struct catalogue_write_row *found;

			if (of.len <= len || memcmp(of.path + of.len - len, suffixes[k], len) != 0)
				continue;
			of.len -= (uint32_t)len;
			found = bsearch(&of, rows, n, sizeof(of), path_and_row);
			if (found != NULL)
				beside[found - rows] |= (uint8_t)(1u << k);
		}
	return beside;
}

static int
put_rows(sqlite3 *db, const struct catalogue_write_row *rows, size_t n, struct err *err)
{
	uint8_t *beside = find_beside(rows, n);
	sqlite3_stmt *file, *pieces;
	int rc = 0;

	if (beside == NULL)
		return err_set(err, "out of memory");
	file = catalogue_db_prepare(db, "INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?)", err);
	pieces = file == NULL ? NULL : catalogue_db_prepare(db,
	    "INSERT INTO pieces VALUES (?, ?, ?, ?)", err);
	if (pieces == NULL)
		rc = -1;
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = put_file(file, &rows[i], beside[i], err);
		if (rc == 0 && rows[i].pieces.n != 0)
			rc = put_pieces(pieces, &rows[i], err);
	}
	sqlite3_finalize(file);
	sqlite3_finalize(pieces);
	free(beside);
	return rc;
}

/* Pieces that the old catalogue knows, of files that are as they were. */
static int
put_old_pieces(sqlite3 *db, struct catalogue *old, const struct catalogue_write_row *rows,
    size_t n, struct err *err)
{
	sqlite3_stmt *stmt = catalogue_db_prepare(db, "INSERT INTO pieces VALUES (?, ?, ?, ?)",
	    err);
	int rc = stmt != NULL ? 0 : -1;

	for (size_t i = 0; i < n && rc == 0; i++) {
		struct catalogue_write_row row = rows[i];

		if (!row.file.has_pieces || row.pieces.n != 0)
			continue;
		rc = catalogue_pieces(old, row.file.id, &row.pieces, err);
		if (rc == 1)
			rc = put_pieces(stmt, &row, err);
	}
	sqlite3_finalize(stmt);
	return rc;
}

/* The old one's, or one that nobody had. */
static int
lineage_of(struct catalogue *old, int64_t *lineage, struct err *err)
{
	if (old != NULL)
		*lineage = catalogue_about(old)->lineage;
	else if (getrandom(lineage, sizeof(*lineage), 0) != sizeof(*lineage))
		return err_set(err, "getrandom: %s", strerror(errno));
	return 0;
}

static int
put_about(sqlite3 *db, const struct catalogue_write_row *rows, size_t n,
    struct catalogue *old, uint32_t last, struct err *err)
{
	uint64_t octets = 0;
	int64_t newest = 0, lineage;
	char sql[512];

	for (size_t i = 0; i < n; i++) {
		octets += rows[i].file.size;
		if (rows[i].file.mtime > newest)
			newest = rows[i].file.mtime;
	}
	if (octets > INT64_MAX)
		return err_set(err, "all files together have 2^63 octets or more");
	if (lineage_of(old, &lineage, err) < 0)
		return -1;
	snprintf(sql, sizeof(sql), "INSERT INTO about VALUES ('files', %zu), ('octets', %llu),"
	    " ('last_id', %u), ('newest', %lld), ('imported_ms', %lld),"
	    " ('lineage', %lld), ('beside', 1), ('pieces', (SELECT count(*) FROM pieces));"
	    "CREATE UNIQUE INDEX file_id ON file (id); COMMIT", n,
	    (unsigned long long)octets, last, (long long)newest,
	    (long long)(clock_wall() * 1000), (long long)lineage);
	return catalogue_db_run(db, sql, err);
}

int
catalogue_rows_write(const char *path, const struct catalogue_write_row *rows, size_t n,
    struct catalogue *old, uint32_t last, struct err *err)
{
	sqlite3 *db = catalogue_db_open(path, CATALOGUE_DB_WRITE, CATALOGUE_KIND, err);
	int rc = -1;

	if (db == NULL)
		return -1;
	if (catalogue_db_run(db, schema, err) == 0 && put_rows(db, rows, n, err) == 0 &&
	    (old == NULL || put_old_pieces(db, old, rows, n, err) == 0))
		rc = put_about(db, rows, n, old, last, err);
	if (sqlite3_close(db) != SQLITE_OK && rc == 0)
		rc = err_set(err, "%s: cannot be closed", path);
	return rc;
}
