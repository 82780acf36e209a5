/*
 * holdings: how long the catalogue takes to import, a mirror to scan, a file to look up.
 *
 *	holdings FILES MIRRORS [FOLDER]
 *
 * Writes a manifest of FILES lines and a listing of them as rsync prints it, into a folder of its
 * own in FOLDER (/tmp), and removes it at the end.  Two fifths of the MIRRORS have everything, two
 * fifths a quarter of it, the others all but 2 % at random.
 *
 *   import	nearctl catalogue import of the manifest; the peer is SQLite alone, which puts the
 *		same rows into the same table and makes the index, checks nothing and knows no old
 *   scan	nearctl scan of a mirror that has everything; the peer is what it cannot do without,
 *		a look into the index for each line
 *   lookup	a random path, its row and which of all mirrors hold it, in processor time; the peer
 *		is the id alone
 *   held	all bitmaps, read from their file; the peer is one bit for each file and mirror
 *
 * Prints a line for each: ours, the peer's, the ratio of the two.  B names the build folder.
 */
#include <malloc.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/catalogue/catalogue.h"
#include "common/catalogue/held.h"
#include "common/catalogue/held_ids.h"
#include "common/catalogue/held_write.h"
#include "tests/lib/random.h"

enum { LOOKUPS = 200000, NAME = 80, QUARTER_TENTHS = 4, FULL_TENTHS = 4 };

static uint32_t n_files, n_mirrors;
static char folder[200], db_path[256];
static uint64_t seed = 20260101;
static struct err err;

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Of the processor: lookups wait for nothing, and machines do other things. */
static double
spent_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
fail(const char *what)
{
	fprintf(stderr, "holdings: %s: %s\n", what, err.text);
	exit(1);
}

/* The name of file i; sorted as they count. */
static int
name_of(uint32_t i, char name[NAME])
{
	return snprintf(name, NAME, "pool/main/%03u/package-%08u/package-%08u_%u_amd64.deb",
	    i / 100000, i / 10, i, i % 97);
}

static FILE *
create_file(const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if ((f = fopen(path, "w")) == NULL) {
		err_set(&err, "cannot be written");
		fail(path);
	}
	return f;
}

static void
write_inputs(void)
{
	FILE *manifest = create_file("manifest"), *listing = create_file("listing");
	FILE *conf = create_file("nearcast.conf"), *rsync = create_file("rsync");
	char name[NAME];

	for (uint32_t i = 0; i < n_files; i++) {
		name_of(i, name);
		fprintf(manifest, "%s\t%u\t1700000000\t%064x\n", name, i, i);
		fprintf(listing, "-rw-r--r-- %14u 2023/11/14 22:13:20 %s\n", i, name);
	}
	fprintf(conf, "run-dir = \"%s\"\nstate-dir = \"%s\"\nmirror \"m0\" {\n country = \"NO\"\n"
	    " url = \"http://127.0.0.1/\"\n rsync = \"rsync://127.0.0.1/x/\"\n}\n"
	    "redirect {\n listen = \"127.0.0.1@9555\"\n catalogue = \"%s\"\n}\n", folder, folder,
	    db_path);
	fprintf(rsync, "#!/bin/sh\nexec cat '%s/listing'\n", folder);
	fchmod(fileno(rsync), 0755);
	fclose(manifest);
	fclose(listing);
	fclose(conf);
	fclose(rsync);
}

static double
size_mb(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (double)st.st_size / 1e6 : 0;
}

/* A command in the folder, and how long it took; its largest size goes to *rss_mb. */
static double
run(const char *what, const char *command, double *rss_mb)
{
	const char *build = getenv("B");
	double began = now_s();
	struct rusage used;
	char line[1200], *here = realpath(build != NULL ? build : "build", NULL);
	int status = -1;
	pid_t pid;

	snprintf(line, sizeof(line), "cd '%s' && PATH=\"$PWD:$PATH\" exec '%s/nearctl' %s",
	    folder, here != NULL ? here : "", command);
	free(here);
	fflush(NULL);
	if ((pid = fork()) == 0) {
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &used) != pid || status != 0) {
		err_set(&err, "failed");
		fail(what);
	}
	*rss_mb = (double)used.ru_maxrss / 1024;
	return now_s() - began;
}

/* ---- peers ---- */

static sqlite3 *plain;

static double
plain_import(void)
{
	char path[256], name[NAME];
	double began = now_s();
	sqlite3_stmt *put;
	uint8_t sha256[32] = { 0 };

	snprintf(path, sizeof(path), "%s/plain.db", folder);
	if (sqlite3_open(path, &plain) != SQLITE_OK || sqlite3_exec(plain,
	    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
	    "PRAGMA cache_size=-65536; BEGIN;"
	    "CREATE TABLE file (id INTEGER PRIMARY KEY, path BLOB NOT NULL, size INTEGER NOT NULL,"
	    " mtime INTEGER NOT NULL, sha256 BLOB NOT NULL, md5 BLOB)", NULL, NULL, NULL) !=
	    SQLITE_OK || sqlite3_prepare_v2(plain, "INSERT INTO file VALUES (?, ?, ?, 1700000000,"
	    " ?, NULL)", -1, &put, NULL) != SQLITE_OK)
		fail("SQLite");
	for (uint32_t i = 0; i < n_files; i++) {
		int len = name_of(i, name);

		memcpy(sha256, &i, sizeof(i));
		sqlite3_bind_int64(put, 1, i + 1);
		sqlite3_bind_blob(put, 2, name, len, SQLITE_STATIC);
		sqlite3_bind_int64(put, 3, i);
		sqlite3_bind_blob(put, 4, sha256, sizeof(sha256), SQLITE_STATIC);
		sqlite3_step(put);
		sqlite3_reset(put);
	}
	sqlite3_finalize(put);
	if (sqlite3_exec(plain, "CREATE UNIQUE INDEX p ON file (path); COMMIT;"
	    "PRAGMA cache_size=-8192", NULL, NULL, NULL) != SQLITE_OK)
		fail("SQLite");
	return now_s() - began;
}

/* Seconds for n looks at ids: every `step`th file, or a random one if that is 0. */
static double
plain_lookups(uint32_t n, uint32_t step)
{
	char name[NAME];
	sqlite3_stmt *get;
	double began;

	sqlite3_prepare_v2(plain, "SELECT id FROM file WHERE path = ?", -1, &get, NULL);
	began = spent_s();
	for (uint32_t i = 0; i < n; i++) {
		int len = name_of(step != 0 ? i * step : (uint32_t)(random_next(&seed) % n_files),
		    name);

		sqlite3_bind_blob(get, 1, name, len, SQLITE_STATIC);
		if (sqlite3_step(get) != SQLITE_ROW)
			fail("a file is missing");
		sqlite3_reset(get);
	}
	began = spent_s() - began;
	sqlite3_finalize(get);
	return began;
}

/* ---- ours ---- */

static void
fill_mirrors(void)
{
	struct held_write *w = held_write_open(db_path, &err);
	const struct held_write_scan scan = { .began = 1, .complete = true, .why = "" };

	for (uint32_t m = 0; w != NULL && m < n_mirrors; m++) {
		struct held_ids *ids = held_ids_new();
		uint32_t tenths = m * 10 / n_mirrors;
		char name[16];

		snprintf(name, sizeof(name), "m%u", m);
		for (uint32_t i = 1; i <= n_files; i++)
			if (tenths < FULL_TENTHS || (tenths < FULL_TENTHS + QUARTER_TENTHS ?
			    i / (n_files / 4 + 1) == m % 4 : random_next(&seed) % 50 != 0))
				held_ids_add(ids, i);
		if (held_write_scanned(w, name, ids, &scan, &err) < 0)
			fail(name);
		held_ids_free(ids);
	}
	held_write_close(w);
	if (w == NULL)
		fail("held");
}

/* Nanoseconds a lookup: of files that are there, and which of the first n mirrors hold them, or of
 * others. */
static double
lookups(struct catalogue *c, const struct held *held, size_t n, bool there)
{
	uint64_t holders = 0;
	char name[NAME + 1];
	double began = spent_s();

	for (uint32_t i = 0; i < LOOKUPS; i++) {
		struct catalogue_file file;
		int len = name_of((uint32_t)(random_next(&seed) % n_files), name);

		if (!there)
			name[len++] = 'x';
		if (catalogue_find(c, name, (size_t)len, &file, &err) != there)
			fail("a lookup");
		for (size_t m = 0; there && m < n; m++)
			holders += held_has(held, (int)m, file.id);
	}
	if (there && n != 0 && holders == 0)
		fail("nobody holds anything");
	return (spent_s() - began) / LOOKUPS * 1e9;
}

static void
print_row(const char *what, double ours, double peer, const char *unit, const char *more)
{
	printf("%-8s %10.2f %10.2f %-4s %6.2f x  %s\n", what, ours, peer, unit,
	    peer > 0 ? ours / peer : 0, more);
	fflush(stdout);
}

static double
resident_mb(void)
{
	long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL || fscanf(f, "%ld %ld", &pages, &resident) != 2)
		resident = 0;
	if (f != NULL)
		fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void
measure_lookups(void)
{
	struct catalogue *c = catalogue_open(db_path, &err);
	double before, began, took, peer;
	struct held *held;
	char more[160], held_path[300];

	malloc_trim(0);				/* what was written left memory behind */
	before = resident_mb();
	began = now_s();
	held = held_read(db_path, NULL, &err);
	if (c == NULL || held == NULL)
		fail("reading");
	took = now_s() - began;
	snprintf(held_path, sizeof(held_path), "%s.held", db_path);
	snprintf(more, sizeof(more), "file %.2f MB, read in %.0f ms", size_mb(held_path),
	    took * 1e3);
	print_row("held", resident_mb() - before, (double)n_files * n_mirrors / 8e6, "MB", more);
	lookups(c, held, held_count(held), true);	/* what is cached is */
	plain_lookups(LOOKUPS, 0);
	peer = plain_lookups(LOOKUPS, 0) / LOOKUPS * 1e6;
	took = lookups(c, held, held_count(held), true) / 1e3;
	snprintf(more, sizeof(more), "no mirrors %.2f us, absent %.2f us",
	    lookups(c, held, 0, true) / 1e3, lookups(c, held, 0, false) / 1e3);
	print_row("lookup", took, peer, "us", more);
	held_free(held);
	catalogue_close(c);
}

int
main(int argc, char **argv)
{
	double took, peer, rss;
	char more[256];

	n_files = argc > 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	n_mirrors = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	if (n_files < 100 || n_mirrors == 0) {
		fprintf(stderr, "usage: holdings FILES MIRRORS [FOLDER]\n");
		return 2;
	}
	snprintf(folder, sizeof(folder), "%.150s/holdings-XXXXXX", argc > 3 ? argv[3] : "/tmp");
	if (mkdtemp(folder) == NULL)
		fail(folder);
	snprintf(db_path, sizeof(db_path), "%s/catalogue.db", folder);
	write_inputs();
	printf("%u files, %u mirrors      ours       peer\n", n_files, n_mirrors);
	took = run("import", "catalogue import manifest --catalogue catalogue.db >/dev/null", &rss);
	peer = plain_import();
	snprintf(more, sizeof(more), "catalogue %.0f MB, nearctl %.0f MB", size_mb(db_path), rss);
	print_row("import", took, peer, "s", more);
	took = run("scan", "-c nearcast.conf scan m0 >/dev/null", &rss);
	peer = plain_lookups(n_files, 1);
	snprintf(more, sizeof(more), "nearctl %.0f MB", rss);
	print_row("scan", took, peer, "s", more);
	fill_mirrors();
	measure_lookups();
	sqlite3_close(plain);
	snprintf(more, sizeof(more), "rm -rf '%s'", folder);
	return system(more) == 0 ? 0 : 1;
}
