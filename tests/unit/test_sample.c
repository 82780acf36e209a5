/* samples of mirrors: verdicts on answers, states of mirrors, the walk over files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "healthd/sample/sample_answer.h"
#include "healthd/sample/sample_range.h"
#include "healthd/sample/sample_state.h"
#include "healthd/sample/sample_walk.h"

/* ---- answers ---- */

static const struct catalogue_file file = { .id = 1, .size = 100, .mtime = 1000 };

static enum sample_verdict
judge(struct sample_head_answer answer, const char *path)
{
	static char prefix[] = "/trace/", *outdated[] = { prefix, NULL };
	const struct conf_mirror mirror = { .outdated_ok = outdated };
	char why[SAMPLE_WHY];

	answer.answered = true;
	return sample_answer_judge(&answer, &mirror, &file, path, strlen(path), why);
}

static void
answers_are_judged(void **state)
{
	static const struct {
		const char *path;
		struct sample_head_answer answer;
		enum sample_verdict want;
	} row[] = {
		{ "a", { .status = 200, .length = 100, .modified = 1000 }, SAMPLE_GOOD },
		{ "a", { .status = 200, .length = -1, .modified = -1 }, SAMPLE_GOOD },
		{ "a", { .status = 200, .length = 100, .modified = 998 }, SAMPLE_GOOD },
		{ "a", { .status = 200, .length = 100, .modified = 997 }, SAMPLE_BAD },
		{ "a", { .status = 200, .length = 100, .modified = 999999 }, SAMPLE_GOOD },
		{ "a", { .status = 200, .length = 99, .modified = 1000 }, SAMPLE_BAD },
		{ "trace/a", { .status = 200, .length = 99, .modified = 1 }, SAMPLE_GOOD },
		{ "trace/a", { .status = 404, .length = 99, .modified = 1 }, SAMPLE_BAD },
		{ "a", { .status = 200, .length = 100, .modified = -1, .type = "text/html" },
		    SAMPLE_BAD },
		{ "a.HTM", { .status = 200, .length = 100, .modified = -1, .type = "text/html" },
		    SAMPLE_GOOD },
		{ "a", { .status = 206, .length = 100, .modified = 1000 }, SAMPLE_BAD },
		{ "a", { .status = 302, .length = 0, .modified = -1 }, SAMPLE_BAD },
		{ "a", { .status = 404, .length = 100, .modified = 1000 }, SAMPLE_BAD },
		{ "a", { .status = 405, .length = 0, .modified = -1 }, SAMPLE_FAILED },
		{ "a", { .status = 429, .length = 0, .modified = -1 }, SAMPLE_FAILED },
		{ "a", { .status = 503, .length = 0, .modified = -1 }, SAMPLE_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_int_equal(judge(row[i].answer, row[i].path), row[i].want);
}

/* An answer to a request for the first octet, as one to HEAD. */
static void
an_octet_says_how_long_the_file_is(void **state)
{
	static const struct { long status; const char *line; long want; int64_t length; } row[] = {
		{ 206, "Content-Range: bytes 0-0/100\r\n", 200, 100 },
		{ 206, "content-range:bytes 0-0/9223372036854775807", 200, INT64_MAX },
		{ 206, "Content-Range: bytes 0-0/9223372036854775808\r\n", 200, -1 },
		{ 206, "Content-Range: bytes 0-0/*\r\n", 200, -1 },
		{ 206, "Content-Range: bytes 0-0/\r\n", 200, -1 },
		{ 206, "Content-Range: bytes 0-0/1x\r\n", 200, -1 },
		{ 206, "Content-Range:", 200, -1 },
		{ 206, "Content-Length: 1\r\n", 200, -1 },
		{ 416, "Content-Range: bytes */0\r\n", 200, 0 },
		{ 416, "Content-Range: bytes */5\r\n", 416, 7 },
		{ 200, "", 200, 7 },
		{ 404, "Content-Range: bytes 0-0/100\r\n", 404, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct sample_head_answer a = { .status = row[i].status, .length = 7 };
		int64_t total = 55;

		sample_range_line("HTTP/1.1 206 x\r\n", 16, &total);
		sample_range_line(row[i].line, strlen(row[i].line), &total);
		sample_range_answer(&a, total);
		assert_int_equal(a.status, row[i].want);
		assert_int_equal(a.length, row[i].length);
	}
}

/* ---- states ---- */

enum { MIRRORS = 4 };

static struct sample_state mirrors[MIRRORS], *all[MIRRORS];
static size_t held;
static uint64_t now_ms;

static int
new_mirrors(void **state)
{
	(void)state;
	memset(mirrors, 0, sizeof(mirrors));
	now_ms = 1000;
	for (size_t i = 0; i < MIRRORS; i++) {
		all[i] = &mirrors[i];
		mirrors[i].scannable = true;
	}
	return 0;
}

static void
sample(size_t i, enum sample_verdict verdict, size_t times)
{
	for (size_t n = 0; n < times; n++) {
		now_ms += 10;
		sample_state_result(&mirrors[i], verdict, true, "because", now_ms,
		    (double)now_ms / 1000);
		sample_state_decide(all, MIRRORS, (double)now_ms / 1000, &held);
	}
}

static void
everybody(enum sample_verdict verdict)
{
	for (size_t i = 0; i < MIRRORS; i++)
		sample(i, verdict, 1);
}

static void
down_needs_a_witness(void **state)
{
	(void)state;
	assert_int_equal(mirrors[0].state, MIRROR_UNKNOWN);
	everybody(SAMPLE_GOOD);
	assert_int_equal(mirrors[0].state, MIRROR_UP);
	sample(0, SAMPLE_FAILED, 5);		/* nobody else has been asked since */
	assert_int_equal(mirrors[0].state, MIRROR_UP);
	sample(1, SAMPLE_GOOD, 1);
	assert_int_equal(mirrors[0].state, MIRROR_DOWN);
	assert_string_equal(mirrors[0].reason, "because");
	sample(0, SAMPLE_GOOD, 1);
	assert_int_equal(mirrors[0].state, MIRROR_DOWN);
	sample(0, SAMPLE_GOOD, 1);
	assert_int_equal(mirrors[0].state, MIRROR_UP);
	sample(0, SAMPLE_FAILED, 1);		/* one is none */
	sample(1, SAMPLE_GOOD, 1);
	assert_int_equal(mirrors[0].state, MIRROR_UP);
}

static void
all_at_once_is_our_own_network(void **state)
{
	(void)state;
	everybody(SAMPLE_GOOD);
	for (int i = 0; i < 10; i++)
		everybody(SAMPLE_FAILED);
	for (size_t i = 0; i < MIRRORS; i++)
		assert_int_equal(mirrors[i].state, MIRROR_UP);
	sample(2, SAMPLE_GOOD, 1);
	for (size_t i = 0; i < MIRRORS; i++)
		assert_int_equal(mirrors[i].state, i == 2 ? MIRROR_UP : MIRROR_DOWN);
	sample(2, SAMPLE_FAILED, 2);		/* the last one that is left */
	assert_int_equal(mirrors[2].state, MIRROR_DOWN);
}

static void
six_of_a_hundred_are_too_many(void **state)
{
	(void)state;
	everybody(SAMPLE_GOOD);
	sample(0, SAMPLE_GOOD, 100);
	sample(0, SAMPLE_BAD, 5);
	assert_true(mirrors[0].state == MIRROR_INCOMPLETE && !mirrors[0].out);
	sample(0, SAMPLE_BAD, 1);
	assert_true(mirrors[0].state == MIRROR_INCOMPLETE && mirrors[0].out);
	sample(0, SAMPLE_GOOD, 97);		/* three are left in the window: out until a scan */
	assert_true(mirrors[0].bad == 3 && mirrors[0].out);
	sample_state_scanned(&mirrors[0], (double)now_ms / 1000 - 100,
	    (double)now_ms / 1000);		/* began too early */
	sample(0, SAMPLE_GOOD, 1);
	assert_true(mirrors[0].out);
	sample_state_scanned(&mirrors[0], (double)now_ms / 1000, (double)now_ms / 1000);
	sample(0, SAMPLE_GOOD, 1);
	assert_true(mirrors[0].state == MIRROR_UP && !mirrors[0].out && mirrors[0].samples == 1);
}

/* A scan of a time when the clock was ahead neither takes a mirror in nor keeps later ones away. */
static void
a_scan_of_the_future_says_nothing(void **state)
{
	double wall;

	(void)state;
	everybody(SAMPLE_GOOD);
	sample(0, SAMPLE_BAD, 6);
	assert_true(mirrors[0].out);
	wall = (double)now_ms / 1000;
	sample_state_scanned(&mirrors[0], wall + 86400, wall);
	sample(0, SAMPLE_GOOD, 1);
	assert_true(mirrors[0].out);
	sample_state_scanned(&mirrors[0], wall + 0.001, wall + 1);
	sample(0, SAMPLE_GOOD, 1);
	assert_true(mirrors[0].state == MIRROR_UP && !mirrors[0].out);
	/* bad while the clock was ahead, which was then set right */
	sample(0, SAMPLE_BAD, 6);
	mirrors[0].bad_at += 86400;
	wall = (double)now_ms / 1000;
	sample_state_scanned(&mirrors[0], wall, wall);
	sample(0, SAMPLE_GOOD, 1);
	assert_true(mirrors[0].state == MIRROR_UP && !mirrors[0].out);
}

static void
without_scans_the_samples_decide(void **state)
{
	(void)state;
	mirrors[0].scannable = false;
	everybody(SAMPLE_GOOD);
	sample(0, SAMPLE_BAD, 5);
	assert_int_equal(mirrors[0].state, MIRROR_UP);
	sample(0, SAMPLE_BAD, 1);
	assert_true(mirrors[0].state == MIRROR_INCOMPLETE && mirrors[0].out);
	sample(0, SAMPLE_GOOD, 93);
	sample(0, SAMPLE_GOOD, 4);		/* the window's first bad ones leave */
	assert_true(mirrors[0].bad > 2 && mirrors[0].out);
	sample(0, SAMPLE_GOOD, 1);
	assert_true(mirrors[0].bad == 2 && !mirrors[0].out);
	assert_int_equal(mirrors[0].state, MIRROR_UP);
}

static void
the_worst_half_is_out(void **state)
{
	(void)state;
	everybody(SAMPLE_GOOD);
	for (size_t i = 0; i < MIRRORS; i++)
		sample(i, SAMPLE_BAD, 6 + i);
	assert_false(mirrors[0].out || mirrors[1].out);
	assert_true(mirrors[2].out && mirrors[3].out);
	assert_int_equal(held, 2);
	sample(0, SAMPLE_BAD, 20);		/* the worst now */
	assert_true(mirrors[0].out && mirrors[3].out && !mirrors[2].out);
}

/* ---- the walk ---- */

static void
a_walk_meets_each_once(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 3, 7, 100, 101, 618, 1000, 65536 };
	static uint8_t met[65536];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sample_walk walk = { .seed = 0xfedcba9876543210u * (i + 1), .at = i * 7 };

		memset(met, 0, sizeof(met));
		for (uint32_t n = 0; n < sizes[i]; n++) {
			uint32_t at = sample_walk_next(&walk, sizes[i]);

			assert_true(at < sizes[i]);
			assert_int_equal(met[at]++, 0);
		}
	}
	assert_true(sample_walk_next(&(struct sample_walk){ UINT64_MAX, UINT64_MAX },
	    UINT64_C(1) << 32) <= UINT32_MAX);
}

#define TEST(name) cmocka_unit_test_setup(name, new_mirrors)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_judged),
		TEST(an_octet_says_how_long_the_file_is),
		TEST(down_needs_a_witness),
		TEST(all_at_once_is_our_own_network),
		TEST(six_of_a_hundred_are_too_many),
		TEST(a_scan_of_the_future_says_nothing),
		TEST(without_scans_the_samples_decide),
		TEST(the_worst_half_is_out),
		TEST(a_walk_meets_each_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
