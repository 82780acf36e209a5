/* mirror_file: what is written is read back; anything else is refused and nothing of it used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mirror_file.h"
#include "tests/lib/folder.h"

#define HEAD "nearcast-mirrors 1 generation=1 stamp=100.5 lease=10000\n"
#define LINE "mirror a up since=1 weight=100 samples=10 bad=1 scanned=0 reason=\"ok\"\n"

static struct mirror_file file;
static struct err err;

static int
parse(const char *text)
{
	mirror_file_clear(&file);
	return mirror_file_parse(&file, "mirrors", text, strlen(text), &err);
}

static void
what_is_written_is_read(void **state)
{
	struct mirror_line lines[] = {
		{ .name = "b", .state = MIRROR_INCOMPLETE, .since = 12.25, .weight = 0,
		    .samples = 100, .bad = 6, .scanned = 7.5, .reason = "6 of \"100\"" },
		{ .name = "a", .state = MIRROR_DOWN, .since = 3 },
	};
	const struct mirror_file out = { .generation = 42, .stamp = 1000.125, .lease_ms = 5000,
		.lines = lines, .n = 2 };
	const struct mirror_line *b;

	(void)state;
	assert_int_equal(mirror_file_write(&out, folder_path("mirrors"), &err), 0);
	assert_int_equal(mirror_file_read(&file, folder_path("mirrors"), &err), 0);
	assert_true(file.generation == 42 && file.n == 2 && file.lease_ms == 5000);
	assert_string_equal(file.lines[0].name, "a");
	b = mirror_file_find(&file, "b");
	assert_true(b->state == MIRROR_INCOMPLETE && b->weight == 0 && b->samples == 100);
	assert_true(b->bad == 6 && b->since == 12.25 && b->scanned == 7.5);
	assert_string_equal(b->reason, "6 of '100'");
	assert_null(mirror_file_find(&file, "c"));
	assert_true(mirror_file_current(&file, 1005) && mirror_file_current(&file, 996));
	assert_false(mirror_file_current(&file, 1006) || mirror_file_current(&file, 990));
	mirror_file_clear(&file);
	unlink(folder_path("mirrors"));
}

static void
anything_else_is_refused(void **state)
{
	static const struct { const char *text, *why; } wrong[] = {
		{ "", "cut off" },
		{ HEAD, "cut off" },
		{ HEAD LINE, "cut off" },
		{ HEAD LINE "end 1", "cut off" },
		{ HEAD LINE "end 2\n", "mirrors:3: end 2: the file has 1 lines" },
		{ HEAD LINE "end 1\n\n", "the end of the file was expected" },
		{ HEAD LINE LINE "end 2\n", "mirror \"a\" has two lines" },
		{ "nearcast-health 1 generation=1 stamp=1 lease=1\nend 0\n", "nearcast-mirrors 1" },
		{ HEAD "mirror a ill since=1 weight=100 samples=10 bad=1 scanned=0 reason=\"\"\n"
		    "end 1\n", "\"ill\" is no state" },
		{ HEAD "mirror a up since=1 weight=101 samples=10 bad=1 scanned=0 reason=\"\"\n"
		    "end 1\n", "at most 100" },
		{ HEAD "mirror a up since=1 weight=100 samples=10 bad=11 scanned=0 reason=\"\"\n"
		    "end 1\n", "at most 10" },
		{ HEAD "mirror a up since=-1 weight=100 samples=10 bad=1 scanned=0 reason=\"\"\n"
		    "end 1\n", "a number was expected" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(wrong[i].text), -1);
		assert_non_null(strstr(err.text, wrong[i].why));
		assert_int_equal(file.n, 0);
	}
	assert_int_equal(parse(HEAD LINE "end 1\n"), 0);
	assert_int_equal(parse(HEAD "end 0\n"), 0);
	assert_null(mirror_file_find(&file, "a"));
	mirror_file_clear(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
