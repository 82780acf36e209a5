/* text: what a cursor moves past, and where it stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/text.h"

static void
numbers(void **state)
{
	static const struct {
		const char *sentence, *text;
		uint64_t max, value;
		enum text_found found;
		size_t passed;
	} rows[] = {
		{ "nothing", "", 9, 0, TEXT_NONE, 0 },
		{ "zero", "0", 0, 0, TEXT_FOUND, 1 },
		{ "more than nothing allowed", "1", 0, 0, TEXT_LARGE, 0 },
		{ "leading zeros", "007", 9, 7, TEXT_FOUND, 3 },
		{ "what follows stays", "12 s", 99, 12, TEXT_FOUND, 2 },
		{ "as large as allowed", "255", 255, 255, TEXT_FOUND, 3 },
		{ "one more", "256", 255, 0, TEXT_LARGE, 0 },
		{ "the largest of all", "18446744073709551615", UINT64_MAX, UINT64_MAX, TEXT_FOUND,
		    20 },
		{ "past 64 bits", "18446744073709551616", UINT64_MAX, 0, TEXT_LARGE, 0 },
		{ "far past 64 bits", "99999999999999999999999", UINT64_MAX, 0, TEXT_LARGE, 0 },
		{ "a sign", "-1", 9, 0, TEXT_NONE, 0 },
		{ "another sign", "+1", 9, 0, TEXT_NONE, 0 },
		{ "a blank before it", " 1", 9, 0, TEXT_NONE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text t = text_of(rows[i].text);
		uint64_t value;
		enum text_found found = text_number(&t, rows[i].max, &value);

		if (found != rows[i].found || (found == TEXT_FOUND && value != rows[i].value) ||
		    t.at != rows[i].text + rows[i].passed)
			fail_msg("%s: %d, %llu, %td passed", rows[i].sentence, found,
			    (unsigned long long)value,
			    t.at - rows[i].text);
		assert_int_equal(text_is_number(rows[i].text, rows[i].max, &value),
		    rows[i].found == TEXT_FOUND && rows[i].text[rows[i].passed] == '\0');
	}
}

static void
decimals(void **state)
{
	static const struct {
		const char *text;
		double value;
		enum text_found found;
		size_t passed;
	} rows[] = {
		{ "1763690000.123", 1763690000.123, TEXT_FOUND, 14 }, { "0.5", 0.5, TEXT_FOUND, 3 },
		{ "12", 12, TEXT_FOUND, 2 }, { "1.0000000019", 1.000000001, TEXT_FOUND, 11 },
		{ "1.", 1, TEXT_NONE, 2 }, { ".5", 0, TEXT_NONE, 0 }, { "1e9", 1, TEXT_FOUND, 1 },
		{ "nan", 0, TEXT_NONE, 0 }, { "99999999999.9", 0, TEXT_LARGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text t = text_of(rows[i].text);
		double value;
		enum text_found found = text_decimal(&t, 9999999999, &value);

		if (found != rows[i].found || (found == TEXT_FOUND && value != rows[i].value) ||
		    t.at != rows[i].text + rows[i].passed)
			fail_msg("%s: %d, %.10f, %td passed", rows[i].text, found, value,
			    t.at - rows[i].text);
	}
}

static void
words(void **state)
{
	struct text t = text_of("fra1 o'brien it's \"quoted\"");
	char out[8];

	(void)state;
	assert_true(text_take(&t, "fra"));
	assert_false(text_take(&t, "2"));
	assert_true(text_take(&t, "1 "));
	assert_int_equal(text_copy(&t, out, sizeof(out), text_in_name), TEXT_FOUND);
	assert_string_equal(out, "o");
	assert_int_equal(text_copy(&t, out, sizeof(out), text_in_word), TEXT_FOUND);
	assert_string_equal(out, "'brien");
	assert_int_equal(text_copy(&t, out, sizeof(out), text_in_word), TEXT_NONE);
	assert_int_equal(text_copy(&t, out, sizeof(out), text_in_phrase), TEXT_FOUND);
	assert_string_equal(out, " it's ");
	assert_int_equal(text_copy(&t, out, sizeof(out), text_in_phrase), TEXT_NONE);
	assert_true(text_take(&t, "\""));
	assert_int_equal(text_copy(&t, out, 4, text_in_word), TEXT_LARGE);
	assert_string_equal(out, "quo");
	assert_true(text_take(&t, "ted\""));
	assert_true(t.at == t.end);
	assert_false(text_take(&t, "x"));
	for (int c = 0; c < 256; c++)
		assert_int_equal(text_in_name((char)c), c > ' ' && c < 0x7f && c != '"' &&
		    c != '\'' && c != '\\');
}

static void
lines(void **state)
{
	struct text rest = text_of("one\n\nlast"), line;

	(void)state;
	assert_true(text_line(&rest, &line));
	assert_true(text_take(&line, "one") && line.at == line.end);
	assert_true(text_line(&rest, &line));
	assert_true(line.at == line.end && line.end != rest.end);
	assert_true(text_line(&rest, &line));
	assert_true(text_take(&line, "last") && line.end == rest.end);
	assert_false(text_line(&rest, &line));
}

static void
hexadecimal(void **state)
{
	uint8_t octets[2];

	(void)state;
	assert_true(text_hex(octets, 2, "fE09", 4));
	assert_int_equal(octets[0] << 8 | octets[1], 0xfe09);
	assert_false(text_hex(octets, 2, "fE0", 3));
	assert_false(text_hex(octets, 2, "fE091", 5));
	assert_false(text_hex(octets, 2, "fE0g", 4));
	assert_false(text_hex(octets, 2, "0x12", 4));
	for (int c = 0; c < 256; c++) {
		unsigned v;
		char s[2] = { (char)c, '\0' };

		assert_int_equal(text_hex_digit((char)c), c != 0 &&
		    strchr("0123456789abcdefABCDEF", c) != NULL &&
		    sscanf(s, "%x", &v) == 1 ? (int)v : -1);
	}
}

static void
durations(void **state)
{
	static const struct {
		double seconds;
		const char *age, *duration;
	} rows[] = {
		{ -5, "0s", "0 s" }, { 0.4, "0s", "0 s" }, { 119, "119s", "119 s" },
		{ 120, "2m", "2 min" },
		{ 7199, "120m", "119 min" }, { 7500, "2h", "2 h 5 min" },
		{ 172799, "48h", "47 h 59 min" },
		{ 172800, "2d", "2 days" }, { 864000, "10d", "10 days" },
	};
	char out[TEXT_DURATION];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(text_age(rows[i].seconds, out), rows[i].age);
		assert_string_equal(text_duration(rows[i].seconds, out), rows[i].duration);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(decimals), cmocka_unit_test(words),
		cmocka_unit_test(lines), cmocka_unit_test(hexadecimal), cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
