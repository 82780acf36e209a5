/* damping: RFC 2439's figure of merit, by rows */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "healthd/route/damping.h"

/* the old default, and the half-life of most routers */
static const struct damping_rules rules = { 2000, 1000, 500, 15 * 60 * 1000 };

#define MIN_MS (60u * 1000)
#define START_MS 1000u

/* withdrawals at these minutes, then looked at */
static const struct row {
	const char *sentence;
	int withdrawn[6];		/* minutes; -1 ends */
	int at;				/* minutes */
	double penalty;			/* within 1 */
	double wait_s;			/* within 1 */
} rows[] = {
	{ "a prefix that never flapped owes nothing", { -1 }, 100, 0, 0 },
	{ "one withdrawal is 1000", { 0, -1 }, 0, 1000, 0 },
	{ "halved after 15 minutes", { 0, -1 }, 15, 500, 0 },
	{ "halved twice after 30 minutes", { 0, -1 }, 30, 250, 0 },
	{ "two at once are 2000: as long as one half-life to wait", { 0, 0, -1 }, 0, 2000, 900 },
	{ "two at once, 15 minutes later: free again", { 0, 0, -1 }, 16, 955, 0 },
	{ "a second after 15 minutes is 1500: wait until 1000", { 0, 15, -1 }, 15, 1500, 526 },
	{ "a second after an hour hardly sees the first", { 0, 60, -1 }, 60, 1062.5, 79 },
	{ "four at once wait for two half-lives", { 0, 0, 0, 0, -1 }, 0, 4000, 1800 },
	{ "time that goes back counts as no time", { 10, -1 }, 0, 1000, 0 },
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct damping d = { 0 };
		uint64_t at = START_MS + (uint64_t)r->at * MIN_MS;
		double penalty, wait_s;

		for (int k = 0; r->withdrawn[k] >= 0; k++)
			damping_add(&d, &rules, 1000,
			    START_MS + (uint64_t)r->withdrawn[k] * MIN_MS);
		penalty = damping_penalty(&d, &rules, at);
		wait_s = (double)damping_wait_ms(&d, &rules, 1000, at) / 1000;
		if (penalty < r->penalty - 1 || penalty > r->penalty + 1 ||
		    wait_s < r->wait_s - 1 || wait_s > r->wait_s + 1)
			fail_msg("%s: merit %.1f wait %.1f s, expected %.1f and %.1f",
			    r->sentence, penalty, wait_s, r->penalty, r->wait_s);
	}
}

/* Whoever withdraws as soon as announcing is allowed never reaches suppression. */
static void
test_budget_holds(void **state)
{
	struct damping d = { 0 };
	uint64_t now = START_MS;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		damping_add(&d, &rules, 1000, now);
		assert_true(damping_penalty(&d, &rules, now) < 2000);
		now += damping_wait_ms(&d, &rules, 1000, now) + 1;
		assert_int_equal(damping_wait_ms(&d, &rules, 1000, now), 0);
	}
}

static void
test_ceiling(void **state)
{
	struct damping d = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		damping_add(&d, &rules, 1000, START_MS);
	assert_true(damping_penalty(&d, &rules, START_MS) <= 4000);
	assert_true(damping_wait_ms(&d, &rules, 1000, START_MS) < 60u * MIN_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_budget_holds),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
