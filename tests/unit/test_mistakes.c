/* What is wrong with a file: in its order, each once, and not more than can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/mistakes.h"

static char said[40][1024];
static size_t n_said;

static void
keep(void *arg, const char *line)
{
	(void)arg;
	snprintf(said[n_said++], sizeof(said[0]), "%s", line);
}

static const struct warn error = { keep, NULL };

static void
none_is_no_failure(void **state)
{
	struct mistakes m = { .n = 0 };
	struct err err = { .text = "as it was" };

	(void)state;
	n_said = 0;
	assert_int_equal(mistakes_tell(&m, "f", &error, &err), 0);
	assert_string_equal(err.text, "as it was");
	assert_int_equal(n_said, 0);
}

static void
one_alone_is_the_callers_to_say(void **state)
{
	struct mistakes m = { .n = 0 };
	struct err err;

	(void)state;
	n_said = 0;
	assert_int_equal(mistakes_add(&m, 3, "f:3: wrong"), -1);
	assert_int_equal(mistakes_tell(&m, "f", &error, &err), -1);
	assert_string_equal(err.text, "f:3: wrong");
	assert_int_equal(n_said, 0);
	assert_int_equal(err.told, 0);
	assert_int_equal(mistakes_tell(&m, "f", NULL, NULL), -1);	/* nobody listens */
}

static void
they_are_told_in_the_files_order_and_once(void **state)
{
	struct mistakes m = { .n = 0 };
	struct err err;

	(void)state;
	n_said = 0;
	mistakes_add(&m, 7, "f:7: b");
	mistakes_add(&m, 2, "f:2: a");
	mistakes_add(&m, 7, "f:7: c");
	mistakes_add(&m, 7, "f:7: b");		/* again */
	mistakes_add(&m, 5, "f:5: d");
	assert_int_equal(mistakes_tell(&m, "f", &error, &err), -1);
	assert_int_equal(n_said, 4);
	assert_string_equal(said[0], "f:2: a");
	assert_string_equal(said[1], "f:5: d");
	assert_string_equal(said[2], "f:7: b");
	assert_string_equal(said[3], "f:7: c");
	assert_string_equal(err.text, "f:2: a (and 3 more)");
	assert_int_equal(err.told, 4);
	mistakes_tell(&m, "f", NULL, &err);
	assert_int_equal(err.told, 0);			/* nobody has heard them */
	err_set(&err, "something else");
	assert_int_equal(err.told, 0);
}

/* Found from the last to the first, so that each pushes one out. */
static void
twenty_are_told_and_the_rest_is_counted(void **state)
{
	struct mistakes m = { .n = 0 };
	struct err err;
	char line[40];

	(void)state;
	for (unsigned n = 20; n <= 25; n++) {
		memset(&m, 0, sizeof(m));
		n_said = 0;
		for (unsigned i = n; i > 0; i--) {
			snprintf(line, sizeof(line), "f:%u: wrong", i);
			mistakes_add(&m, i, line);
		}
		assert_int_equal(mistakes_tell(&m, "f", &error, &err), -1);
		snprintf(line, sizeof(line), "f:1: wrong (and %u more)", n - 1);
		assert_string_equal(err.text, line);
		assert_int_equal(n_said, n > 20 ? 21 : 20);
		assert_string_equal(said[0], "f:1: wrong");
		assert_string_equal(said[19], "f:20: wrong");
		snprintf(line, sizeof(line), "f: and %u more mistake%s", n - 20,
		    n == 21 ? "" : "s");
		if (n > 20)
			assert_string_equal(said[20], line);
	}
}

static void
a_long_line_leaves_room_for_the_number(void **state)
{
	struct mistakes m = { .n = 0 };
	struct err err;
	char line[1024];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	mistakes_add(&m, 1, line);
	mistakes_add(&m, 1, line);
	assert_int_equal(m.n, 1);
	mistakes_add(&m, 2, "f:2: wrong");
	assert_int_equal(mistakes_tell(&m, "f", NULL, &err), -1);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(strstr(err.text, "x ("), "x (and 1 more)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_no_failure),
		cmocka_unit_test(one_alone_is_the_callers_to_say),
		cmocka_unit_test(they_are_told_in_the_files_order_and_once),
		cmocka_unit_test(twenty_are_told_and_the_rest_is_counted),
		cmocka_unit_test(a_long_line_leaves_room_for_the_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
