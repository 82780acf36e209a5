#include "common/catalogue/catalogue_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a writer waits for another; a reader tries again by itself. */
enum { WRITER_WAIT_MS = 10000, SOON_WAIT_MS = 100, READER_WAIT_MS = 50, CACHE_KIB = 8192 };

static bool
writes(enum catalogue_db_use use)
{
	return use == CATALOGUE_DB_WRITE || use == CATALOGUE_DB_WRITE_SOON;
}

static int
patience_ms(enum catalogue_db_use use)
{
	return use == CATALOGUE_DB_WRITE ? WRITER_WAIT_MS :
	    use == CATALOGUE_DB_WRITE_SOON ? SOON_WAIT_MS : READER_WAIT_MS;
}

/* "file:PATH?immutable=1"; the caller frees it. */
static char *
uri_of(const char *path, enum catalogue_db_use use)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789/._-";
	char *uri = malloc(strlen(path) * 3 + 32), *at = uri;

	if (uri == NULL)
		return NULL;
	at += sprintf(at, "file:");
	for (; *path != '\0'; path++)
		at += sprintf(at, strchr(plain, *path) != NULL ? "%c" : "%%%02X",
		    (unsigned char)*path);
	sprintf(at, use == CATALOGUE_DB_FROZEN ? "?immutable=1" : "");
	return uri;
}

void
catalogue_db_give(const char *path)
{
	char *folder = strdup(path), *slash = folder != NULL ? strrchr(folder, '/') : NULL;
	struct stat st;

	if (slash != NULL)
		slash[slash == folder] = '\0';
	/* who is not root gives nothing away, and need not */
	if (folder != NULL && geteuid() == 0 && stat(slash != NULL ? folder : ".", &st) == 0 &&
	    lchown(path, st.st_uid, st.st_gid) < 0) {
		/* then it stays root's, and whoever may not read it says so */
	}
	free(folder);
}

int
catalogue_db_lock_file(const char *path, const char *suffix, struct err *err)
{
	char name[4200];
	int fd;

	if (snprintf(name, sizeof(name), "%s%s", path, suffix) >= (int)sizeof(name))
		return err_set(err, "%s: the name is too long", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_set(err, "%s: %s", name, strerror(errno));
	catalogue_db_give(name);
	return fd;
}

int
catalogue_db_wrong(sqlite3 *db, const char *what, struct err *err)
{
	const char *name = sqlite3_db_filename(db, "main");

	return err_set(err, "%s: %s%s%s", name != NULL ? name : "catalogue",
	    what != NULL ? what : "", what != NULL ? ": " : "", sqlite3_errmsg(db));
}

int
catalogue_db_run(sqlite3 *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 :
	    catalogue_db_wrong(db, NULL, err);
}

sqlite3_stmt *
catalogue_db_prepare(sqlite3 *db, const char *sql, struct err *err)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
		catalogue_db_wrong(db, NULL, err);
	return stmt;
}

int
catalogue_db_step(sqlite3_stmt *stmt, struct err *err)
{
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return catalogue_db_wrong(sqlite3_db_handle(stmt), NULL, err);
	}
}

int
catalogue_db_number(sqlite3 *db, const char *sql, int64_t *value, struct err *err)
{
	sqlite3_stmt *stmt = catalogue_db_prepare(db, sql, err);
	int rc = stmt != NULL ? catalogue_db_step(stmt, err) : -1;

	if (rc == 1)
		*value = sqlite3_column_int64(stmt, 0);
	else if (rc == 0)
		err_set(err, "%s: no row", sql);
	sqlite3_finalize(stmt);
	return rc == 1 ? 0 : -1;
}

int
catalogue_db_check(sqlite3 *db, struct err *err)
{
	sqlite3_stmt *stmt = catalogue_db_prepare(db, "PRAGMA integrity_check(1)", err);
	int rc = stmt != NULL ? catalogue_db_step(stmt, err) : -1;
	const char *said = rc == 1 ? (const char *)sqlite3_column_text(stmt, 0) : NULL;

	if (rc == 1 && (said == NULL || strcmp(said, "ok") != 0))
		rc = err_set(err, "%s: damaged: %.200s", sqlite3_db_filename(db, "main"),
		    said != NULL ? said : "no memory");
	sqlite3_finalize(stmt);
	return rc == 1 ? 0 : -1;
}

/* Is it ours?  A file without a page is made ours by a writer. */
static int
know_kind(sqlite3 *db, const char *path, enum catalogue_db_use use, int32_t kind, struct err *err)
{
	int64_t id, version, pages;
	char sql[96];

	if (catalogue_db_number(db, "PRAGMA page_count", &pages, err) < 0 ||
	    catalogue_db_number(db, "PRAGMA application_id", &id, err) < 0 ||
	    catalogue_db_number(db, "PRAGMA user_version", &version, err) < 0)
		return -1;
	if (writes(use) && pages == 0) {
		catalogue_db_give(path);
		/* both or none: killed between the two it would be of no version */
		snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; PRAGMA application_id=%d;"
		    " PRAGMA user_version=1; COMMIT", (int)kind);
		if (catalogue_db_run(db, sql, err) == 0)
			return 0;
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	if (id != kind)
		return err_set(err, "%s: not a file of this kind (application_id %lld)", path,
		    (long long)id);
	if (version != 1)
		return err_set(err, "%s: version %lld, 1 was expected", path, (long long)version);
	return 0;
}

static int
open_flags(enum catalogue_db_use use)
{
	return SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI | (writes(use) ?
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
}

sqlite3 *
catalogue_db_open(const char *path, enum catalogue_db_use use, int32_t kind, struct err *err)
{
	char *uri = uri_of(path, use), sql[96];
	sqlite3 *db = NULL;
	int rc;

	if (uri == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	rc = sqlite3_open_v2(uri, &db, open_flags(use), NULL);
	free(uri);
	if (rc != SQLITE_OK) {
		err_set(err, "%s: %s", path, db != NULL ? sqlite3_errmsg(db) : "out of memory");
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_busy_timeout(db, patience_ms(use));
	snprintf(sql, sizeof(sql), "PRAGMA cell_size_check=1; PRAGMA mmap_size=0;"
	    "PRAGMA cache_size=-%d", CACHE_KIB);
	if (catalogue_db_run(db, sql, err) < 0 || know_kind(db, path, use, kind, err) < 0) {
		sqlite3_close(db);
		return NULL;
	}
	return db;
}
