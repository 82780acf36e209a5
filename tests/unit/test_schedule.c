/* schedule: when checks begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "healthd/prober/schedule.h"

static void
next(void **state)
{
	static const struct {
		const char *sentence;
		uint64_t started, now;
		uint32_t interval;
		unsigned jitter;
		uint32_t random;
		uint64_t expected;
	} rows[] = {
		{ "one interval after the beginning", 1000, 1010, 1000, 0, 12345, 2000 },
		{ "however long the check took", 1000, 1900, 1000, 0, 7, 2000 },
		{ "at once if it took longer than the interval", 1000, 2500, 1000, 0, 7, 2500 },
		{ "no jitter by chance", 1000, 1010, 1000, 10, 0, 2000 },
		{ "the most jitter shortens by a tenth", 1000, 1010, 1000, 10, 100, 1900 },
		{ "one more wraps around", 1000, 1010, 1000, 10, 101, 2000 },
		{ "jitter past 100 percent is 100", 1000, 1010, 1000, 900, 1000, 1010 },
		{ "an interval of nothing", 1000, 1010, 0, 10, 5, 1010 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t at = schedule_next(rows[i].started, rows[i].now, rows[i].interval,
		    rows[i].jitter, rows[i].random);

		if (at != rows[i].expected)
			fail_msg("%s: at %llu", rows[i].sentence, (unsigned long long)at);
	}
}

static void
never_later(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t at;

		x = x * 1664525 + 1013904223;
		at = schedule_next(5000, 5001, 250, 10, x);
		assert_in_range(at, 5225, 5250);
	}
}

static void
first(void **state)
{
	static const struct {
		const char *sentence;
		size_t i, n;
		uint32_t interval;
		uint64_t expected;
	} rows[] = {
		{ "the first at once", 0, 5000, 1000, 100 },
		{ "few are spread a millisecond apart", 3, 10, 1000, 103 },
		{ "thousands over the interval", 2500, 5000, 1000, 600 },
		{ "the last before the interval is over", 4999, 5000, 1000, 1099 },
		{ "no targets", 0, 0, 1000, 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (schedule_first(100, rows[i].i, rows[i].n, rows[i].interval) != rows[i].expected)
			fail_msg("%s", rows[i].sentence);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next), cmocka_unit_test(never_later), cmocka_unit_test(first),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
