/*
 * catalogue_db: SQLite as the catalogue's files use it: opened, asked, closed, with reasons.
 *
 * What is opened for reading may be somebody's damaged file: nothing of its schema is trusted, no
 * memory is mapped (a file cut short under a map ends the process), and its cells are checked.
 * Names of files are octets: what a URI would take for its own is escaped.  Knows no table.  A
 * connection is one thread's.
 */
#ifndef NEARCAST_CATALOGUE_DB_H
#define NEARCAST_CATALOGUE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* How a file is opened. */
enum catalogue_db_use {
	CATALOGUE_DB_FROZEN,	/* reads what is never changed in place: no lock, no journal */
	CATALOGUE_DB_READ,	/* reads what others change */
	CATALOGUE_DB_WRITE,	/* changes it; it is made where there is none */
	CATALOGUE_DB_WRITE_SOON	/* the same, for who may not wait long for another writer */
};

/* Looks whether its first page says that it is ours: application_id and user_version are
 * `kind` and 1 (a file that was just made has neither yet, and both are set).  What is made gets
 * the owner of its folder.  NULL with a reason, which names the file. */
sqlite3 *catalogue_db_open(const char *path, enum catalogue_db_use use, int32_t kind,
    struct err *err);

/* -1 with "PATH: WHAT: what SQLite says". */
int catalogue_db_wrong(sqlite3 *db, const char *what, struct err *err);

/* Statements that give no rows.  0, or -1 with a reason. */
int catalogue_db_run(sqlite3 *db, const char *sql, struct err *err);

/* A statement for sqlite3_finalize; NULL with a reason. */
sqlite3_stmt *catalogue_db_prepare(sqlite3 *db, const char *sql, struct err *err);

/* The next row: 1 = there is one, 0 = none, -1 with a reason. */
int catalogue_db_step(sqlite3_stmt *stmt, struct err *err);

/* One number.  0, or -1 with a reason, also when there is no row. */
int catalogue_db_number(sqlite3 *db, const char *sql, int64_t *value, struct err *err);

/* What PRAGMA integrity_check says: 0, or -1 with its first line. */
int catalogue_db_check(sqlite3 *db, struct err *err);

/* Opens the lock file PATH SUFFIX, made where there is none, for the owner of its folder: what a
 * person does as root shall not lock the daemons' user out.  That user owns the folder, so that a
 * symbolic link in its place is refused.  A descriptor to lock and to close, -1 with a reason. */
int catalogue_db_lock_file(const char *path, const char *suffix, struct err *err);

/* The file goes to the owner and group of its folder, if this process may give it away; where it
 * is a symbolic link, the link alone. */
void catalogue_db_give(const char *path);

#endif
