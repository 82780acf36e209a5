/* file: what is read whole or not at all, and what is told apart. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/lib/folder.h"

static char path[64], old[64], fresh[64];

static int
make_folder(void **state)
{
	if (folder_make(state) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/f", folder);
	snprintf(old, sizeof(old), "%s/f.old", folder);
	snprintf(fresh, sizeof(fresh), "%s/f.new", folder);
	return 0;
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
holds(const char *name, const char *text)
{
	struct err err;
	size_t len;
	char *got = file_read(name, 0, 100, &len, &err);

	if (got == NULL)
		fail_msg("%s: %s", name, err.text);
	assert_int_equal(len, strlen(text));
	assert_string_equal(got, text);		/* the NUL is there, too */
	free(got);
}

static void
refused(const char *name, int flags, int error, const char *reason)
{
	struct err err;
	size_t len;

	errno = 42;
	assert_null(file_read(name, flags, 3, &len, &err));
	assert_int_equal(errno, error);
	if (strstr(err.text, reason) == NULL)
		fail_msg("%s: \"%s\" instead of \"%s\"", name, err.text, reason);
}

static void
reading(void **state)
{
	(void)state;
	refused(path, 0, ENOENT, "No such file");
	put(path, "");
	holds(path, "");
	put(path, "abc\n");
	holds(path, "abc\n");
	refused(path, 0, 0, "4 octets, a file of at most 3 was expected");
	assert_int_equal(symlink(path, fresh), 0);
	holds(fresh, "abc\n");
	refused(fresh, O_NOFOLLOW, ELOOP, "");
	unlink(fresh);
	unlink(path);
	refused(folder, 0, 0, "not a regular file");
	refused("/dev/zero", 0, 0, "not a regular file");
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(path, 0, 0, "not a regular file");	/* and does not wait for a writer */
	unlink(path);
}

static void
write_over(void)
{
	int fd = open(path, O_WRONLY);

	usleep(20000);				/* another tick of the file system's clock */
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	close(fd);
}

static void
grow(void)
{
	put(path, "longer than before");
}

static void
shrink(void)
{
	put(path, "s");
}

static void
write_and_hide(void)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	write_over();
	assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){ st.st_atim, st.st_mtim },
	    0), 0);
}

static void
replace(void)
{
	put(fresh, "another file");
	assert_int_equal(rename(fresh, path), 0);
}

static void
give_second_name(void)
{
	assert_int_equal(link(path, old), 0);
}

static void
changing_while_read(void **state)
{
	static const struct {
		const char *sentence;
		void (*change)(void);
		bool fine;
	} rows[] = {
		{ "written over", write_over, false },
		{ "longer", grow, false }, { "shorter", shrink, false },
		{ "written over, and its time put back", write_and_hide, false },
		{ "replaced by another", replace, true },
		{ "known by two names", give_second_name, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct file file;
		struct err err = { .text = "" };
		char text[7];

		put(path, "before\n");
		assert_int_equal(file_open(&file, path, 0, &err), 0);
		rows[i].change();
		if ((file_fill(&file, text, &err) == 0) != rows[i].fine)
			fail_msg("%s: %s", rows[i].sentence, err.text);
		if (rows[i].fine)
			assert_memory_equal(text, "before\n", 7);
		else
			assert_string_equal(err.text, "the file changed while it was read");
		file_close(&file);
		unlink(path);
		unlink(old);
	}
}

static void
stamps(void **state)
{
	uint64_t stamp;

	(void)state;
	assert_int_equal(file_stamp(NULL), 0);
	assert_int_equal(file_stamp(path), 0);
	put(path, "abc");
	stamp = file_stamp(path);
	assert_true(stamp != 0);
	assert_true(file_stamp(path) == stamp);
	write_and_hide();			/* in place, of the same size and time */
	assert_true(file_stamp(path) != stamp);
	stamp = file_stamp(path);
	put(fresh, "abc");
	assert_int_equal(rename(fresh, path), 0);
	assert_true(file_stamp(path) != stamp);
	unlink(path);
	assert_true(file_stamp_add(file_stamp_add(0, 1), 2) !=
	    file_stamp_add(file_stamp_add(0, 2), 1));
}

static int
print(void *arg, FILE *out)
{
	const char *text = arg;

	if (text == NULL) {
		errno = EDQUOT;
		return -1;
	}
	fputs(text, out);
	return 0;
}

static int
replace_by(const char *text, bool keep_old, struct err *err)
{
	const struct file_new how = { .mode = 0640, .sync = keep_old, .keep_old = keep_old,
		.print = print, .arg = (void *)text };

	return file_replace(path, &how, err);
}

static void
replacing(void **state)
{
	struct err err;
	struct stat st;

	(void)state;
	assert_int_equal(replace_by("one", true, &err), 0);
	assert_int_equal(access(old, F_OK), -1);
	put(fresh, "left behind by one who was killed");
	assert_int_equal(replace_by("two", true, &err), 0);
	holds(path, "two");
	holds(old, "one");
	assert_int_equal(replace_by("three", false, &err), 0);
	holds(path, "three");
	holds(old, "one");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0137, 0);
	/* what cannot be written leaves the old ones as they are, and nothing beside them */
	assert_int_equal(replace_by(NULL, true, &err), -1);
	assert_non_null(strstr(err.text, "/f: cannot be written: Disk quota"));
	assert_int_equal(access(fresh, F_OK), -1);
	holds(path, "three");
	holds(old, "one");
	assert_int_equal(mkdir(fresh, 0700), 0);
	assert_int_equal(replace_by("four", true, &err), -1);
	assert_non_null(strstr(err.text, "/f.new: cannot be created: File exists"));
	holds(path, "three");
	rmdir(fresh);
	unlink(path);
	unlink(old);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(replace_by("five", false, &err), -1);
	assert_int_equal(access(fresh, F_OK), -1);
	rmdir(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(changing_while_read),
		cmocka_unit_test(stamps),
		cmocka_unit_test(replacing),
	};

	return cmocka_run_group_tests_name("file", tests, make_folder, folder_remove);
}
