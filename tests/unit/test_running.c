/* A check that stops the prober twice is put aside; whatever else happens, none is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "healthd/check/running.h"

static struct conf_check a = { .name = (char *)"a" }, b = { .name = (char *)"b" };
static struct addr one = { .family = 4, .port = 80 }, two = { .family = 4, .port = 81 };

/* What happens to one prober after another: "1" dies in check a of `one`, "2" of `two`, "b" in
 * check b of `one`, "-" while it sleeps, "w" a minute passes, "." it ends by itself. */
static void
happens(const char *what)
{
	uint64_t now_ms = 1000;

	running_forgive();
	for (; *what != '\0'; what++) {
		now_ms += 4000;
		if (*what == 'w')
			now_ms += RUNNING_BLAME_MS;
		running_note(*what == 'b' ? &b : &a, *what == '2' ? &two : &one);
		if (*what == '-' || *what == 'w')
			running_wipe();
		if (*what == '.')
			running_forgive();
		running_blame(now_ms);
	}
}

static void
rows(void **state)
{
	static const struct { const char *sentence, *what; bool one, two, b; } rows[] = {
		{ "nothing", "", false, false, false },
		{ "once", "1", false, false, false },
		{ "twice: it is put aside", "11", true, false, false },
		{ "the others are not", "11-", true, false, false },
		{ "twice, but not in a minute", "1w1", false, false, false },
		{ "killed while it sleeps, nobody is blamed", "----", false, false, false },
		{ "killed while it sleeps in between", "1-1", true, false, false },
		{ "one after the other", "1122", true, true, false },
		{ "another check of the same address", "1b1b", false, false, false },
		{ "that one, too", "11bb", true, false, true },
		{ "a reload forgives", "11.", false, false, false },
	};
	struct err err;

	(void)state;
	running_note(&a, &one);		/* without a page nothing is noted */
	assert_false(running_blame(1000));
	assert_false(running_is_aside(&a, &one));
	assert_int_equal(running_open(&err), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		happens(rows[i].what);
		if (running_is_aside(&a, &one) != rows[i].one ||
		    running_is_aside(&a, &two) != rows[i].two ||
		    running_is_aside(&b, &one) != rows[i].b)
			fail_msg("%s", rows[i].sentence);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rows) };

	return cmocka_run_group_tests_name("running", tests, NULL, NULL);
}
