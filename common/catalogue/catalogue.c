#include "common/catalogue/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/catalogue/catalogue_db.h"
#include "common/catalogue/catalogue_kind.h"
#include "common/file.h"

/* One database that is open, and what is asked of it. */
struct catalogue_view {
	sqlite3 *db;
	sqlite3_stmt *by_path, *with_beside, *by_id, *pieces;
	struct catalogue_about about;
	bool with_pieces;		/* somebody's are there */
	bool says_beside;		/* rows do; a catalogue of before has to be asked */
};

struct catalogue {
	char *path;
	struct catalogue_view view;
	uint64_t stamp;			/* of the file that is open */
	uint64_t refused;		/* of the one that could not be used */
};

/* Columns that a row of a file has, in this order. */
#define COLUMNS "id, size, mtime, sha256, md5"
#define BESIDE ", beside & 1, beside & 2"
#define ASK_BESIDE ", EXISTS (SELECT 1 FROM file WHERE path = ?2)" \
	", EXISTS (SELECT 1 FROM file WHERE path = ?3)"
#define PIECES ", EXISTS (SELECT 1 FROM pieces WHERE pieces.file = file.id)"

static void
view_close(struct catalogue_view *view)
{
	sqlite3_finalize(view->by_path);
	sqlite3_finalize(view->with_beside);
	sqlite3_finalize(view->by_id);
	sqlite3_finalize(view->pieces);
	sqlite3_close(view->db);
	memset(view, 0, sizeof(*view));
}

static int
view_about(struct catalogue_view *view, struct err *err)
{
	struct catalogue_about *about = &view->about;
	int64_t files, octets, last, newest, pieces, imported_ms, lineage, beside;
	char sql[80];
	const struct { const char *name; int64_t *value; } row[] = {
		{ "files", &files }, { "octets", &octets }, { "last_id", &last },
		{ "newest", &newest }, { "pieces", &pieces }, { "imported_ms", &imported_ms },
		{ "lineage", &lineage },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		snprintf(sql, sizeof(sql), "SELECT value FROM about WHERE name = '%s'",
		    row[i].name);
		if (catalogue_db_number(view->db, sql, row[i].value, err) < 0)
			return -1;
	}
	if (catalogue_db_number(view->db, "SELECT count(*) FROM about WHERE name = 'beside'",
	    &beside, err) < 0)
		return -1;
	if (files < 0 || octets < 0 || last < 0 || last > UINT32_MAX)
		return err_set(err, "a number about it is out of range");
	*about = (struct catalogue_about){ .files = (uint64_t)files, .octets = (uint64_t)octets,
		.last_id = (uint32_t)last, .newest = newest,
		.imported = (double)imported_ms / 1000, .lineage = lineage };
	view->with_pieces = pieces > 0;
	view->says_beside = beside > 0;
	return 0;
}

static int
view_prepare(struct catalogue_view *view, struct err *err)
{
	char sql[320];
	const char *pieces = view->with_pieces ? PIECES : ", 0";

	snprintf(sql, sizeof(sql), "SELECT " COLUMNS "%s FROM file WHERE path = ?", pieces);
	view->by_path = catalogue_db_prepare(view->db, sql, err);
	snprintf(sql, sizeof(sql), "SELECT " COLUMNS "%s%s FROM file WHERE path = ?1", pieces,
	    view->says_beside ? BESIDE : ASK_BESIDE);
	view->with_beside = view->by_path != NULL ? catalogue_db_prepare(view->db, sql, err) :
	    NULL;
	snprintf(sql, sizeof(sql), "SELECT " COLUMNS "%s, path FROM file WHERE id = ?", pieces);
	view->by_id = view->with_beside != NULL ? catalogue_db_prepare(view->db, sql, err) :
	    NULL;
	view->pieces = view->by_id != NULL ? catalogue_db_prepare(view->db,
	    "SELECT length, pieces.sha1, pieces.sha256, size FROM pieces, file"
	    " WHERE pieces.file = ? AND file.id = pieces.file", err) : NULL;
	return view->pieces != NULL ? 0 : -1;
}

static int
view_open(struct catalogue_view *view, const char *path, struct err *err)
{
	struct catalogue_view fresh = { 0 };

	/* SQLite would say no more than that it cannot */
	if (access(path, R_OK) < 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	fresh.db = catalogue_db_open(path, CATALOGUE_DB_FROZEN, CATALOGUE_KIND, err);
	if (fresh.db == NULL)
		return -1;
	if (view_about(&fresh, err) < 0 || view_prepare(&fresh, err) < 0) {
		view_close(&fresh);
		return strncmp(err->text, path, strlen(path)) == 0 ? -1 :
		    err_prefix(err, "%s", path);
	}
	view_close(view);
	*view = fresh;
	return 0;
}

struct catalogue *
catalogue_open(const char *path, struct err *err)
{
	struct catalogue *catalogue = calloc(1, sizeof(*catalogue));

	if (catalogue == NULL || (catalogue->path = strdup(path)) == NULL)
		err_set(err, "out of memory");
	else {
		catalogue->stamp = file_stamp(path);
		if (view_open(&catalogue->view, path, err) == 0)
			return catalogue;
	}
	catalogue_close(catalogue);
	return NULL;
}

void
catalogue_close(struct catalogue *catalogue)
{
	if (catalogue == NULL)
		return;
	view_close(&catalogue->view);
	free(catalogue->path);
	free(catalogue);
}

int
catalogue_refresh(struct catalogue *catalogue, struct err *err)
{
	uint64_t stamp = file_stamp(catalogue->path);

	if (stamp == catalogue->stamp) {
		catalogue->refused = 0;
		return 0;
	}
	/* one is never 0, a file that is missing is */
	if (catalogue->refused == (stamp != 0 ? stamp : 2))
		return 0;
	if (view_open(&catalogue->view, catalogue->path, err) < 0) {
		catalogue->refused = stamp != 0 ? stamp : 2;
		return -1;
	}
	catalogue->stamp = stamp;
	catalogue->refused = 0;
	return 1;
}

const struct catalogue_about *
catalogue_about(const struct catalogue *catalogue)
{
	return &catalogue->view.about;
}

bool
catalogue_is_current(const struct catalogue *catalogue)
{
	uint64_t stamp = file_stamp(catalogue->path);
	struct catalogue *now;
	struct err err;
	bool same;

	if (stamp == catalogue->stamp || stamp == 0)
		return stamp != 0;
	if ((now = catalogue_open(catalogue->path, &err)) == NULL)
		return true;
	same = now->view.about.lineage == catalogue->view.about.lineage;
	catalogue_close(now);
	return same;
}

/* A blob of exactly this length, or NULL. */
static const void *
blob(sqlite3_stmt *row, int column, int len)
{
	const void *p = sqlite3_column_blob(row, column);

	return sqlite3_column_bytes(row, column) == len ? p : NULL;
}

/* COLUMNS and whether there are pieces. */
static int
row_file(sqlite3_stmt *row, struct catalogue_file *file, struct err *err)
{
	int64_t id = sqlite3_column_int64(row, 0), size = sqlite3_column_int64(row, 1);
	const void *sha256 = blob(row, 3, CATALOGUE_SHA256), *md5 = blob(row, 4, CATALOGUE_MD5);

	if (id <= 0 || id > UINT32_MAX || size < 0 || sha256 == NULL)
		return err_set(err, "%s: the row of file %lld is not what a catalogue holds",
		    sqlite3_db_filename(sqlite3_db_handle(row), "main"), (long long)id);
	*file = (struct catalogue_file){ .id = (uint32_t)id, .size = (uint64_t)size,
		.mtime = sqlite3_column_int64(row, 2), .has_md5 = md5 != NULL,
		.has_pieces = sqlite3_column_int(row, 5) != 0 };
	memcpy(file->sha256, sha256, sizeof(file->sha256));
	if (md5 != NULL)
		memcpy(file->md5, md5, sizeof(file->md5));
	return 0;
}

int
catalogue_find(struct catalogue *catalogue, const char *path, size_t len,
    struct catalogue_file *file, struct err *err)
{
	sqlite3_stmt *stmt = catalogue->view.by_path;
	int found;

	if (len == 0 || len > CATALOGUE_PATH_MAX)
		return 0;
	sqlite3_bind_blob(stmt, 1, path, (int)len, SQLITE_STATIC);
	found = catalogue_db_step(stmt, err);
	if (found == 1 && row_file(stmt, file, err) < 0)
		found = -1;
	sqlite3_reset(stmt);
	return found;
}

/* The path and a suffix as a parameter; with more octets than a path has there is no such file. */
static void
bind_beside(sqlite3_stmt *stmt, int parameter, const char *path, size_t len, const char *suffix,
    char room[CATALOGUE_PATH_MAX])
{
	size_t more = strlen(suffix);

	if (len + more > CATALOGUE_PATH_MAX) {
		sqlite3_bind_null(stmt, parameter);
		return;
	}
	memcpy(room, path, len);
	memcpy(room + len, suffix, more);
	sqlite3_bind_blob(stmt, parameter, room, (int)(len + more), SQLITE_STATIC);
}

int
catalogue_find_beside(struct catalogue *catalogue, const char *path, size_t len,
    struct catalogue_file *file, struct catalogue_beside *beside, struct err *err)
{
	sqlite3_stmt *stmt = catalogue->view.with_beside;
	static const char *const suffixes[] = CATALOGUE_KIND_BESIDE;
	char signature[CATALOGUE_PATH_MAX], torrent[CATALOGUE_PATH_MAX];
	int found;

	if (len == 0 || len > CATALOGUE_PATH_MAX)
		return 0;
	sqlite3_bind_blob(stmt, 1, path, (int)len, SQLITE_STATIC);
	if (!catalogue->view.says_beside) {
		bind_beside(stmt, 2, path, len, suffixes[0], signature);
		bind_beside(stmt, 3, path, len, suffixes[1], torrent);
	}
	found = catalogue_db_step(stmt, err);
	if (found == 1 && row_file(stmt, file, err) < 0)
		found = -1;
	if (found == 1)
		*beside = (struct catalogue_beside){
			.signature = sqlite3_column_int(stmt, 6) != 0,
			.torrent = sqlite3_column_int(stmt, 7) != 0,
		};
	sqlite3_reset(stmt);
	return found;
}

int
catalogue_at(struct catalogue *catalogue, uint32_t id, struct catalogue_file *file,
    char path[CATALOGUE_PATH_MAX + 1], size_t *len, struct err *err)
{
	sqlite3_stmt *stmt = catalogue->view.by_id;
	int found;

	sqlite3_bind_int64(stmt, 1, id);
	found = catalogue_db_step(stmt, err);
	if (found == 1) {
		const void *octets = sqlite3_column_blob(stmt, 6);
		int n = sqlite3_column_bytes(stmt, 6);

		if (row_file(stmt, file, err) < 0)
			found = -1;
		else if (octets == NULL || n > CATALOGUE_PATH_MAX)
			found = err_set(err, "%s: the path of file %u is not what one holds",
			    catalogue->path, id);
		else {
			memcpy(path, octets, (size_t)n);
			path[n] = '\0';
			*len = (size_t)n;
		}
	}
	sqlite3_reset(stmt);
	return found;
}

int
catalogue_pieces(struct catalogue *catalogue, uint32_t id, struct catalogue_pieces *pieces,
    struct err *err)
{
	sqlite3_stmt *stmt = catalogue->view.pieces;
	int64_t length, size;
	size_t n;
	int found;

	sqlite3_reset(stmt);			/* what the last call has shown ends here */
	sqlite3_bind_int64(stmt, 1, id);
	found = catalogue_db_step(stmt, err);
	if (found != 1)
		return found;
	length = sqlite3_column_int64(stmt, 0);
	size = sqlite3_column_int64(stmt, 3);
	if (length <= 0 || length > UINT32_MAX || size <= 0)
		return err_set(err, "%s: the pieces of file %u are not what a catalogue holds",
		    catalogue->path, id);
	n = (size_t)((size - 1) / length) + 1;
	*pieces = (struct catalogue_pieces){ .length = (uint32_t)length, .n = n,
		.sha1 = n < INT32_MAX / CATALOGUE_SHA256 ?
		    blob(stmt, 1, (int)n * CATALOGUE_SHA1) : NULL,
		.sha256 = n < INT32_MAX / CATALOGUE_SHA256 ?
		    blob(stmt, 2, (int)n * CATALOGUE_SHA256) : NULL };
	return pieces->sha1 != NULL || pieces->sha256 != NULL;
}

int
catalogue_each(struct catalogue *catalogue, int (*each)(void *arg, const char *path,
    size_t len, const struct catalogue_file *file, struct err *err), void *arg, struct err *err)
{
	char sql[256];
	sqlite3_stmt *stmt;
	int rc = -1;

	snprintf(sql, sizeof(sql), "SELECT " COLUMNS "%s, path FROM file ORDER BY path",
	    catalogue->view.with_pieces ? PIECES : ", 0");
	stmt = catalogue_db_prepare(catalogue->view.db, sql, err);
	while (stmt != NULL && (rc = catalogue_db_step(stmt, err)) == 1) {
		struct catalogue_file file;
		const void *path = sqlite3_column_blob(stmt, 6);

		if (path == NULL || row_file(stmt, &file, err) < 0) {
			rc = -1;
			break;
		}
		rc = each(arg, path, (size_t)sqlite3_column_bytes(stmt, 6), &file, err);
		if (rc != 0)
			break;
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int
count_row(void *arg, const char *path, size_t len, const struct catalogue_file *file,
    struct err *err)
{
	struct catalogue_about *seen = arg;

	(void)path;
	if (len == 0 || len > CATALOGUE_PATH_MAX)
		return err_set(err, "the path of file %u has %zu octets", file->id, len);
	seen->files++;
	seen->octets += file->size;
	if (file->id > seen->last_id)
		seen->last_id = file->id;
	return 0;
}

int
catalogue_check(struct catalogue *catalogue, struct err *err)
{
	const struct catalogue_about *about = &catalogue->view.about;
	struct catalogue_about seen = { 0 };

	if (catalogue_db_check(catalogue->view.db, err) < 0 ||
	    catalogue_each(catalogue, count_row, &seen, err) < 0)
		return -1;
	if (seen.files != about->files || seen.octets != about->octets ||
	    seen.last_id > about->last_id)
		return err_set(err, "%s: %llu files of %llu octets, but it says %llu of %llu",
		    catalogue->path, (unsigned long long)seen.files,
		    (unsigned long long)seen.octets, (unsigned long long)about->files,
		    (unsigned long long)about->octets);
	return 0;
}
