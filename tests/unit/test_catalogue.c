/* catalogue, held: ids that stand for one content for ever, files replaced whole, snapshots. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "common/catalogue/catalogue.h"
#include "common/catalogue/catalogue_write.h"
#include "common/catalogue/held.h"
#include "common/catalogue/held_write.h"
#include "tests/lib/folder.h"

static char path[64], held_path[64];
static struct catalogue_write_done done;
static struct err err;

static int
make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/nearcast-test-XXXXXX");
	if (folder_make(state) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/c.db", folder);
	snprintf(held_path, sizeof(held_path), "%s/c.db.held", folder);
	return 0;
}

/* A file of a list: its hash begins with the octet `hash`. */
struct given {
	const char *path;
	uint64_t size;
	int64_t mtime;
	uint8_t hash;
};

static void
add(struct catalogue_write *list, const struct given *g)
{
	struct catalogue_file file = { .size = g->size, .mtime = g->mtime };

	file.sha256[0] = g->hash;
	assert_int_equal(catalogue_write_add(list, g->path, strlen(g->path), &file, NULL, 0, &err),
	    0);
}

static int
import(const struct given *given, size_t n, unsigned max_shrink)
{
	struct catalogue_write *list = catalogue_write_new();
	int rc;

	assert_non_null(list);
	for (size_t i = 0; i < n; i++)
		add(list, &given[i]);
	rc = catalogue_write_commit(list, path, max_shrink, &done, &err);
	if (rc < 0)
		print_message("%s\n", err.text);
	catalogue_write_free(list);
	return rc;
}

static struct catalogue_file
look(struct catalogue *c, const char *name)
{
	struct catalogue_file file = { 0 };

	assert_int_not_equal(catalogue_find(c, name, strlen(name), &file, &err), -1);
	return file;
}

static const struct given three[] = {
	{ "a/one", 1, 100, 1 }, { "a/two", 2, 200, 2 }, { "b", 0, 300, 3 },
};

static void
what_lies_beside_a_file_is_found_with_it(void **state)
{
	static char most[CATALOGUE_PATH_MAX - 3];
	const struct given given[] = {
		{ "a", 1, 1, 1 }, { "a.asc", 1, 1, 1 }, { "b", 1, 1, 1 }, { "b.torrent", 1, 1, 1 },
		{ "c", 1, 1, 1 }, { "c.asc.torrent", 1, 1, 1 }, { most, 1, 1, 1 },
	};
	const struct { const char *path; int found; bool signature, torrent; } rows[] = {
		{ "a", 1, true, false }, { "b", 1, false, true }, { "c", 1, false, false },
		{ "a.asc", 1, false, false }, { "c.asc", 0, false, false },
		{ most, 1, false, false },	/* no room for a suffix */
	};
	struct catalogue_beside beside;
	struct catalogue_file file;
	struct catalogue *c;

	(void)state;
	memset(most, 'm', sizeof(most) - 1);
	assert_int_equal(import(given, 7, 50), 0);
	assert_non_null(c = catalogue_open(path, &err));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		beside = (struct catalogue_beside){ false, false };
		assert_int_equal(catalogue_find_beside(c, rows[i].path, strlen(rows[i].path), &file,
		    &beside, &err), rows[i].found);
		assert_int_equal(beside.signature, rows[i].signature);
		assert_int_equal(beside.torrent, rows[i].torrent);
		if (rows[i].found)
			assert_int_equal(file.id, look(c, rows[i].path).id);
	}
	catalogue_close(c);
}

/* One whose rows have ids as their keys and say nothing of what lies beside them. */
static void
as_it_was_before(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN; CREATE TABLE old (id INTEGER PRIMARY KEY,"
	    " path BLOB NOT NULL, size INTEGER NOT NULL, mtime INTEGER NOT NULL,"
	    " sha256 BLOB NOT NULL, md5 BLOB);"
	    "INSERT INTO old SELECT id, path, size, mtime, sha256, md5 FROM file;"
	    "DROP TABLE file; ALTER TABLE old RENAME TO file;"
	    "CREATE UNIQUE INDEX file_path ON file (path);"
	    "DELETE FROM about WHERE name = 'beside'; COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
a_catalogue_of_before_is_read_and_goes_on(void **state)
{
	const struct given given[] = { { "a", 1, 1, 1 }, { "a.asc", 1, 1, 1 }, { "b", 1, 1, 1 } };
	struct catalogue_beside beside = { false, true };
	struct catalogue_file file;
	struct catalogue *c;
	uint32_t id;

	(void)state;
	assert_int_equal(import(given, 3, 50), 0);
	as_it_was_before();
	assert_non_null(c = catalogue_open(path, &err));
	assert_int_equal(catalogue_check(c, &err), 0);
	assert_int_equal(catalogue_find_beside(c, "a", 1, &file, &beside, &err), 1);
	assert_true(beside.signature && !beside.torrent);
	id = file.id;
	assert_int_equal(import(given, 2, 50), 0);
	assert_int_equal(catalogue_refresh(c, &err), 1);
	assert_int_equal(catalogue_find_beside(c, "a", 1, &file, &beside, &err), 1);
	assert_true(beside.signature && !beside.torrent);
	assert_int_equal(file.id, id);
	assert_int_equal(look(c, "b").id, 0);
	catalogue_close(c);
}

static void
an_id_stands_for_one_content_for_ever(void **state)
{
	const struct given next[] = {
		{ "a/one", 1, 100, 1 },		/* as it was */
		{ "a/two", 2, 201, 2 },		/* touched */
		{ "c", 5, 300, 3 },		/* instead of b */
	};
	struct catalogue *c;
	uint32_t one, two;

	(void)state;
	assert_int_equal(import(three, 3, 50), 0);
	assert_true(done.replaced && done.added == 3);
	c = catalogue_open(path, &err);
	assert_non_null(c);
	one = look(c, "a/one").id;
	two = look(c, "a/two").id;
	assert_true(one != 0 && two != 0 && one != two);
	assert_int_equal(import(next, 3, 50), 0);
	assert_true(done.same == 1 && done.changed == 1 && done.added == 1 && done.removed == 1);
	assert_int_equal(look(c, "a/two").id, two);	/* the old one is open yet */
	assert_int_equal(catalogue_refresh(c, &err), 1);
	assert_int_equal(look(c, "a/one").id, one);
	assert_int_equal(look(c, "a/two").mtime, 201);
	assert_true(look(c, "a/two").id > 3 && look(c, "c").id > 3);
	assert_int_equal(look(c, "b").id, 0);
	assert_int_equal(catalogue_about(c)->files, 3);
	assert_int_equal(catalogue_about(c)->octets, 8);
	/* b comes back as it was, and is new nevertheless */
	assert_int_equal(import(three, 3, 50), 0);
	assert_int_equal(catalogue_refresh(c, &err), 1);
	assert_true(look(c, "b").id > 5);
	assert_int_equal(catalogue_check(c, &err), 0);
	catalogue_close(c);
}

static void
what_has_not_changed_is_not_written(void **state)
{
	struct stat before, after;

	(void)state;
	assert_int_equal(import(three, 3, 50), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(import(three, 3, 50), 0);
	assert_false(done.replaced);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void
a_sudden_loss_is_refused(void **state)
{
	struct catalogue *c;

	(void)state;
	assert_int_equal(import(three, 3, 50), 0);
	assert_int_equal(import(three, 1, 50), -1);
	assert_non_null(strstr(err.text, "2 of 3 files would go"));
	c = catalogue_open(path, &err);
	assert_int_equal(catalogue_about(c)->files, 3);
	assert_int_equal(import(three, 1, 100), 0);
	assert_int_equal(catalogue_refresh(c, &err), 1);
	assert_int_equal(catalogue_about(c)->files, 1);
	catalogue_close(c);
	assert_int_equal(import(three, 0, 100), 0);
}

static void
names_are_octets(void **state)
{
	static const char *const names[] = {
		"-rw-r--r--              5 2026/11/27 16:52:03 x", "a\nb", "t\tab", "\xff\xfe",
		"-v",
		" ", "%41", "a?b", "'", "\"", "\\", "\\#012", "\xc3\xa9", "...", ".a",
	};
	struct given given[sizeof(names) / sizeof(names[0])] = { { 0 } };
	size_t n = sizeof(names) / sizeof(names[0]);
	struct catalogue *c;

	(void)state;
	for (size_t i = 0; i < n; i++)
		given[i] = (struct given){ names[i], i, 1, (uint8_t)i };
	assert_int_equal(import(given, n, 50), 0);
	c = catalogue_open(path, &err);
	for (size_t i = 0; i < n; i++) {
		char back[CATALOGUE_PATH_MAX + 1];
		struct catalogue_file file = look(c, names[i]);
		size_t len;

		assert_int_equal(file.size, i);
		assert_int_equal(catalogue_at(c, file.id, &file, back, &len, &err), 1);
		assert_int_equal(len, strlen(names[i]));
		assert_string_equal(back, names[i]);
	}
	catalogue_close(c);
}

static void
paths_that_no_catalogue_holds(void **state)
{
	static const struct { const char *path; size_t len; } wrong[] = {
		{ "", 0 }, { "/a", 2 }, { "a//b", 4 }, { "a/", 2 }, { "..", 2 }, { ".", 1 },
		{ "a/../b", 6 }, { "a/.", 3 }, { "a\0b", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_non_null(catalogue_write_wrong_path(wrong[i].path, wrong[i].len));
	assert_null(catalogue_write_wrong_path("..a/b..", 7));
}

static void
a_name_twice_is_refused(void **state)
{
	const struct given twice[] = { { "x", 1, 1, 1 }, { "a", 1, 1, 1 }, { "x", 1, 1, 1 } };

	(void)state;
	assert_int_equal(import(twice, 3, 50), -1);
	assert_non_null(strstr(err.text, "\"x\" is there twice"));
	assert_int_equal(access(path, F_OK), -1);
}

static void
md5_and_pieces_stay_with_their_content(void **state)
{
	struct catalogue_write *list = catalogue_write_new();
	struct catalogue_file file = { .size = 5, .mtime = 1, .has_md5 = true, .md5 = { 7 } };
	uint8_t sha1[2 * CATALOGUE_SHA1] = { 9 }, sha256[2 * CATALOGUE_SHA256] = { 8 };
	struct catalogue_pieces pieces = { .length = 3, .n = 2, .sha1 = sha1, .sha256 = sha256 };
	const struct given plain[] = { { "p", 5, 1, 0 }, { "q", 1, 1, 0 } };
	struct catalogue *c;

	(void)state;
	assert_int_equal(catalogue_write_add(list, "p", 1, &file, &pieces, 1, &err), 0);
	assert_int_equal(catalogue_write_commit(list, path, 50, &done, &err), 0);
	catalogue_write_free(list);
	assert_int_equal(import(plain, 2, 50), 0);	/* knows neither, and a file more */
	assert_int_equal(done.same, 1);
	c = catalogue_open(path, &err);
	file = look(c, "p");
	assert_true(file.has_md5 && file.md5[0] == 7 && file.has_pieces);
	assert_false(look(c, "q").has_pieces);
	memset(&pieces, 0, sizeof(pieces));
	assert_int_equal(catalogue_pieces(c, file.id, &pieces, &err), 1);
	assert_true(pieces.length == 3 && pieces.n == 2);
	assert_memory_equal(pieces.sha1, sha1, sizeof(sha1));
	assert_memory_equal(pieces.sha256, sha256, sizeof(sha256));
	assert_int_equal(catalogue_pieces(c, look(c, "q").id, &pieces, &err), 0);
	catalogue_close(c);
}

/* A size so large that a sum with it is none must not make one piece into as many as it says. */
static void
damaged_sizes_have_no_pieces(void **state)
{
	struct catalogue_write *list = catalogue_write_new();
	struct catalogue_file file = { .size = 3, .mtime = 1 };
	uint8_t sha1[CATALOGUE_SHA1] = { 9 }, sha256[CATALOGUE_SHA256] = { 8 };
	struct catalogue_pieces pieces = { .length = 3, .n = 1, .sha1 = sha1, .sha256 = sha256 };
	struct catalogue *c;
	sqlite3 *db;

	(void)state;
	assert_int_equal(catalogue_write_add(list, "p", 1, &file, &pieces, 1, &err), 0);
	assert_int_equal(catalogue_write_commit(list, path, 50, &done, &err), 0);
	catalogue_write_free(list);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE file SET size = 9223372036854775807;"
	    "UPDATE pieces SET length = 1048576", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	c = catalogue_open(path, &err);
	file = look(c, "p");
	assert_true(file.size == INT64_MAX);
	assert_int_equal(catalogue_pieces(c, file.id, &pieces, &err), 0);
	catalogue_close(c);
}

static void
put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* Damaged, missing, another's: a reader goes on with what it has open, and says so once. */
static void
a_reader_keeps_the_old_one(void **state)
{
	char aside[80];
	struct catalogue *c;

	(void)state;
	assert_int_equal(import(three, 3, 50), 0);
	c = catalogue_open(path, &err);
	snprintf(aside, sizeof(aside), "%s.x", path);
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(catalogue_refresh(c, &err), -1);
	assert_non_null(strstr(err.text, "No such file"));
	assert_int_equal(catalogue_refresh(c, &err), 0);
	assert_int_not_equal(look(c, "b").id, 0);
	put(path, "this is no database, but it has a length that one might have had");
	assert_int_equal(catalogue_refresh(c, &err), -1);
	assert_int_equal(catalogue_refresh(c, &err), 0);
	assert_int_not_equal(look(c, "b").id, 0);
	assert_int_equal(unlink(path), 0);
	put(path, "");
	assert_int_equal(catalogue_refresh(c, &err), -1);
	assert_int_not_equal(look(c, "b").id, 0);
	assert_int_equal(rename(aside, path), 0);
	/* the time of change is another by the rename, so it is opened once more */
	assert_int_equal(catalogue_refresh(c, &err), 1);
	assert_int_equal(catalogue_refresh(c, &err), 0);
	catalogue_close(c);
	assert_int_equal(unlink(path), 0);
	assert_null(catalogue_open(path, &err));
}

/* An octet here and there: read wrong or refused, never a crash. */
static void
damage_is_survived(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(import(three, 3, 50), 0);
	assert_int_equal(stat(path, &st), 0);
	for (off_t at = 0; at < st.st_size; at += at < 200 ? 1 : 37) {
		int fd = open(path, O_RDWR);
		uint8_t octet, other;
		struct catalogue *c;

		assert_int_equal(pread(fd, &octet, 1, at), 1);
		other = (uint8_t)~octet;
		assert_int_equal(pwrite(fd, &other, 1, at), 1);
		if ((c = catalogue_open(path, &err)) != NULL) {
			struct catalogue_file file;

			catalogue_find(c, "a/two", 5, &file, &err);
			catalogue_check(c, &err);
			catalogue_close(c);
		}
		assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		close(fd);
	}
}

/* ---- held ---- */

static struct held_ids *
ids_of(uint32_t from, uint32_t to)
{
	struct held_ids *ids = held_ids_new();

	for (uint32_t id = from; id < to; id++)
		held_ids_add(ids, id);
	return ids;
}

static void
scanned(const char *mirror, uint32_t from, uint32_t to)
{
	struct held_write *w = held_write_open(path, &err);
	struct held_ids *ids = ids_of(from, to);
	const struct held_write_scan scan = { .began = 1000, .complete = true, .why = "" };

	assert_non_null(w);
	assert_int_equal(held_write_scanned(w, mirror, ids, &scan, &err), 0);
	held_ids_free(ids);
	held_write_close(w);
}

static void
seen(const char *mirror, uint32_t id, bool good)
{
	struct held_write *w = held_write_open(path, &err);
	const struct held_write_seen one = { id, good };

	assert_int_equal(held_write_seen(w, mirror, &one, 1, &err), 0);
	held_write_close(w);
}

static bool
has(const struct held *held, const char *mirror, uint32_t id)
{
	return held_has(held, held_find(held, mirror), id);
}

static void
a_snapshot_shares_what_is_the_same(void **state)
{
	struct held *before, *after;

	(void)state;
	assert_int_equal(held_stamp(path), 0);
	before = held_read(path, NULL, &err);
	assert_int_equal(held_count(before), 0);
	held_free(before);
	scanned("b", 1, 100);
	scanned("a", 50, 60);
	before = held_read(path, NULL, &err);
	assert_int_equal(held_count(before), 2);
	assert_true(has(before, "b", 1) && has(before, "b", 99) && !has(before, "b", 100));
	assert_true(has(before, "a", 50) && !has(before, "a", 1) && !has(before, "c", 1));
	assert_true(held_at(before, 0)->n == 10 && held_at(before, 0)->complete);
	scanned("a", 1, 2);
	after = held_read(path, before, &err);
	assert_ptr_equal(held_at(before, 1)->ids, held_at(after, 1)->ids);
	assert_ptr_not_equal(held_at(before, 0)->ids, held_at(after, 0)->ids);
	assert_true(has(after, "a", 1) && !has(after, "a", 50));
	held_free(before);
	assert_true(has(after, "b", 99));
	held_free(after);
}

static void
a_bad_file_stays_out_until_it_is_seen_good(void **state)
{
	struct held *held;

	(void)state;
	scanned("m", 1, 10);
	seen("m", 5, false);
	held = held_read(path, NULL, &err);
	assert_true(has(held, "m", 4) && !has(held, "m", 5));
	held_free(held);
	scanned("m", 1, 10);			/* lists it yet */
	held = held_read(path, NULL, &err);
	assert_false(has(held, "m", 5));
	assert_true(held_ids_has(held_at(held, 0)->bad, 5));
	held_free(held);
	seen("m", 5, true);
	seen("m", 77, true);
	held = held_read(path, NULL, &err);
	assert_true(has(held, "m", 5) && has(held, "m", 77));
	assert_int_equal(held_at(held, 0)->n, 10);
	held_free(held);
}

static void
a_failed_scan_changes_nothing_but_why(void **state)
{
	struct held_write *w;
	struct held *held;

	(void)state;
	scanned("m", 1, 10);
	w = held_write_open(path, &err);
	assert_int_equal(held_write_failed(w, "m", 2000, "rsync ended with 12", &err), 0);
	assert_int_equal(held_write_failed(w, "new", 2000, "rsync ended with 10", &err), 0);
	held = held_read(path, NULL, &err);
	assert_true(has(held, "m", 9) && held_at(held, 0)->scanned == 1000);
	assert_string_equal(held_at(held, 0)->why, "rsync ended with 12");
	assert_true(held_at(held, 1)->scanned == 0 && held_at(held, 1)->n == 0);
	held_free(held);
	assert_int_equal(held_write_forget(w, "m", &err), 0);
	held_write_close(w);
	held = held_read(path, NULL, &err);
	assert_int_equal(held_count(held), 1);
	held_free(held);
}

static void
damaged_it_is_put_aside(void **state)
{
	char aside[80];

	(void)state;
	scanned("m", 1, 10);
	assert_int_equal(held_write_aside(path, &err), 0);
	assert_int_equal(truncate(held_path, 4096 + 100), 0);
	assert_null(held_read(path, NULL, &err));
	assert_int_equal(held_write_aside(path, &err), 1);
	snprintf(aside, sizeof(aside), "%s.broken", held_path);
	assert_int_equal(access(aside, F_OK), 0);
	scanned("m", 1, 3);
}

/* Ids begin at 1 again without the old catalogue; what is held spoke of other files. */
static void
a_catalogue_begun_anew_forgets_what_is_held(void **state)
{
	struct held *held;
	struct catalogue *c;

	(void)state;
	assert_int_equal(import(three, 3, 50), 0);
	c = catalogue_open(path, &err);
	scanned("m", 1, 10);
	assert_int_equal(import(three, 2, 50), 0);
	assert_true(catalogue_is_current(c));	/* changed, with ids that mean the same */
	put(path, "damaged, but no other");
	assert_true(catalogue_is_current(c));
	assert_int_equal(unlink(path), 0);
	assert_false(catalogue_is_current(c));
	assert_int_equal(import(three + 1, 2, 50), 0);
	assert_false(catalogue_is_current(c));
	catalogue_close(c);
	held = held_read(path, NULL, &err);
	assert_int_equal(held_count(held), 0);
	held_free(held);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, folder_clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_id_stands_for_one_content_for_ever),
		TEST(what_lies_beside_a_file_is_found_with_it),
		TEST(a_catalogue_of_before_is_read_and_goes_on),
		TEST(what_has_not_changed_is_not_written),
		TEST(a_sudden_loss_is_refused),
		TEST(names_are_octets),
		TEST(paths_that_no_catalogue_holds),
		TEST(a_name_twice_is_refused),
		TEST(md5_and_pieces_stay_with_their_content),
		TEST(damaged_sizes_have_no_pieces),
		TEST(a_reader_keeps_the_old_one),
		TEST(damage_is_survived),
		TEST(a_snapshot_shares_what_is_the_same),
		TEST(a_bad_file_stays_out_until_it_is_seen_good),
		TEST(a_failed_scan_changes_nothing_but_why),
		TEST(damaged_it_is_put_aside),
		TEST(a_catalogue_begun_anew_forgets_what_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
