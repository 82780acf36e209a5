/* json: whatever octets a text has, what is printed is JSON in UTF-8. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"

#define UNKNOWN "\xef\xbf\xbd"		/* U+FFFD */

static const struct {
	const char *sentence, *text, *printed;
} texts[] = {
	{ "nothing", "", "[\"\"]\n" },
	{ "ASCII", "up: ok ~", "[\"up: ok ~\"]\n" },
	{ "a quote and a backslash", "\"\\", "[\"\\\"\\\\\"]\n" },
	{ "control characters", "a\nb\tc\001", "[\"a\\nb\\tc\\u0001\"]\n" },
	{ "two octets", "K\xc3\xb6ln", "[\"K\xc3\xb6ln\"]\n" },
	{ "three octets", "\xe2\x82\xac", "[\"\xe2\x82\xac\"]\n" },
	{ "four octets", "\xf0\x9f\x8c\x8d", "[\"\xf0\x9f\x8c\x8d\"]\n" },
	{ "the largest point", "\xf4\x8f\xbf\xbf", "[\"\xf4\x8f\xbf\xbf\"]\n" },
	{ "Latin-1", "K\xf6ln", "[\"K" UNKNOWN "ln\"]\n" },
	{ "good beside bad", "\xc3\xb6\xff\xc3\xb6", "[\"\xc3\xb6" UNKNOWN "\xc3\xb6\"]\n" },
	{ "cut off after one of two", "a\xc3", "[\"a" UNKNOWN "\"]\n" },
	{ "cut off after three of four", "\xf0\x9f\x8c", "[\"" UNKNOWN UNKNOWN UNKNOWN "\"]\n" },
	{ "a sequence begins in another", "\xe2\xc3\xb6", "[\"" UNKNOWN "\xc3\xb6\"]\n" },
	{ "the rest of none", "\x80\xbf", "[\"" UNKNOWN UNKNOWN "\"]\n" },
	{ "an overlong slash", "\xc0\xaf", "[\"" UNKNOWN UNKNOWN "\"]\n" },
	{ "overlong with three", "\xe0\x9f\xbf", "[\"" UNKNOWN UNKNOWN UNKNOWN "\"]\n" },
	{ "half of a surrogate pair", "\xed\xa0\x80", "[\"" UNKNOWN UNKNOWN UNKNOWN "\"]\n" },
	{ "beyond the largest point", "\xf4\x90\x80\x80",
	    "[\"" UNKNOWN UNKNOWN UNKNOWN UNKNOWN "\"]\n" },
	{ "octets of no sequence", "\xfe\xff", "[\"" UNKNOWN UNKNOWN "\"]\n" },
};

/* What json_print makes of it; the caller frees. */
static char *
print(json_t *tree)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(json_print(tree, out), 0);
	fclose(out);
	return text;
}

static void
any_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *got = print(json_append(json_array(), json_utf8(texts[i].text)));

		if (strcmp(got, texts[i].printed) != 0)
			fail_msg("%s: %s", texts[i].sentence, got);
		free(got);
	}
}

static void
every_pair_of_octets(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		char text[] = { 'a', (char)(i >> 8), (char)i, 'b', '\0' };
		char *printed = print(json_append(json_array(), json_utf8(text)));
		json_t *again = json_loads(printed, 0, NULL);

		if (again == NULL)
			fail_msg("%04x: %s", i, printed);
		json_decref(again);
		free(printed);
	}
}

static void
numbers(void **state)
{
	static const struct {
		double value;
		unsigned decimals;
		const char *printed;
	} rows[] = {
		{ 0, 3, "[0.0]\n" }, { 1764270000.1234567, 3, "[1764270000.123]\n" },
		{ 0.1 + 0.2, 3, "[0.3]\n" }, { -0.0005, 3, "[-0.001]\n" }, { 7.949, 1, "[7.9]\n" },
		{ 1e9, 0, "[1000000000.0]\n" }, { NAN, 3, "[null]\n" }, { INFINITY, 3, "[null]\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = print(json_append(json_array(),
		    json_decimal(rows[i].value, rows[i].decimals)));

		assert_string_equal(got, rows[i].printed);
		free(got);
	}
}

static void
members_stay_in_order(void **state)
{
	char *got;

	(void)state;
	got = print(json_pack("{s:i, s:o, s:b, s:[i,i]}", "z", 1, "a", json_utf8("x"), "m", 1,
	    "b", 1, 2));
	assert_string_equal(got, "{\"z\":1,\"a\":\"x\",\"m\":true,\"b\":[1,2]}\n");
	free(got);
}

static void
a_value_that_is_missing_is_told_at_the_end(void **state)
{
	FILE *out = fopen("/dev/null", "w"), *full = fopen("/dev/full", "w");

	(void)state;
	assert_null(json_append(json_array(), NULL));
	assert_null(json_append(NULL, json_utf8("x")));
	assert_int_equal(json_print(json_pack("{s:o, s:o}", "a", json_utf8("x"), "b", NULL), out),
	    -1);
	setvbuf(full, NULL, _IONBF, 0);
	assert_int_equal(json_print(json_array(), full), -1);
	fclose(full);
	fclose(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_text),
		cmocka_unit_test(every_pair_of_octets),
		cmocka_unit_test(numbers),
		cmocka_unit_test(members_stay_in_order),
		cmocka_unit_test(a_value_that_is_missing_is_told_at_the_end),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
