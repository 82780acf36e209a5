/* log_line, spans, log_sources: which numbers there are, whatever the octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/log_line.h"
#include "ctl/log_sources.h"
#include "ctl/spans.h"

static void
lines_are_whole_objects_or_none(void **state)
{
	static const struct {
		const char *why, *text;
		bool good;
	} rows[] = {
		{ "the least", "{\"a\":1}", true },
		{ "blanks", " { \"a\" : 1 , \"b\" : \"c\" } ", true },
		{ "nested", "{\"a\":{\"b\":[1,{\"c\":\"}\"}]},\"d\":null}", true },
		{ "escapes", "{\"a\":\"\\\"\\\\\\u0001\"}", true },
		{ "any octets", "{\"a\":\"\xff\xc3\"}", true },
		{ "nothing", "", false },
		{ "no member", "{}", false },
		{ "cut in a string", "{\"a\":\"b", false },
		{ "cut behind a backslash", "{\"a\":\"b\\", false },
		{ "cut behind a value", "{\"a\":1", false },
		{ "cut behind a comma", "{\"a\":1,", false },
		{ "cut in a list", "{\"a\":[1,2", false },
		{ "brackets crossed", "{\"a\":[1}]}", false },
		{ "two objects", "{\"a\":1}{\"a\":2}", false },
		{ "something behind", "{\"a\":1}x", false },
		{ "no value", "{\"a\":}", false },
		{ "a list", "[1]", false },
		{ "a control character", "{\"a\":\"\x01\"}", false },
	};
	struct log_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (log_line_read(&line, rows[i].text, strlen(rows[i].text)) != rows[i].good)
			fail_msg("%s", rows[i].why);
}

static void
members_are_found(void **state)
{
	static const char text[] = "{\"host\":\"fra1\",\"boot\":\"B\",\"seq\":12,\"t\":1.5,"
	    "\"x\":{\"seq\":9},\"ev\":\"lost\",\"from\":3,\"to\":11}";
	static const char odd[] = "{\"seq\":-1,\"n\":1.5,\"w\":99999999999999999999,\"c\":\"1\"}";
	struct log_line line;

	(void)state;
	assert_true(log_line_read(&line, text, strlen(text)));
	assert_true(line.host.len == 4 && memcmp(line.host.at, "fra1", 4) == 0);
	assert_true(line.has_seq && line.seq == 12 && line.has_t && line.t == 1.5);
	assert_true(line.has_from && line.from == 3 && line.has_to && line.to == 11);
	assert_true(log_line_read(&line, odd, strlen(odd)));
	assert_false(line.has_seq || line.has_n || line.has_w || line.has_c);
}

/* Against a plain array of what is in it. */
static void
spans_hold_what_was_added(void **state)
{
	bool in[200];
	struct spans s;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		memset(in, 0, sizeof(in));
		s = (struct spans){ .v = NULL };
		srand(round);
		for (unsigned i = 0; i < 60; i++) {
			unsigned first = (unsigned)rand() % 200;
			unsigned last = first + (unsigned)rand() % (i % 10 == 0 ? 30 : 3);
			uint64_t before = 0;

			last = last < 199 ? last : 199;
			for (unsigned k = first; k <= last; k++) {
				before += in[k];
				in[k] = true;
			}
			assert_int_equal(spans_add(&s, first, last), before);
		}
		for (unsigned k = 0; k < 200; k++)
			assert_int_equal(spans_has(&s, k), in[k]);
		for (size_t i = 1; i < s.n; i++)
			assert_true(s.v[i].first > s.v[i - 1].last + 1);
		spans_free(&s);
	}
}

/* Holes of a source against a plain array. */
static void
holes_are_what_neither_is_there_nor_declared(void **state)
{
	bool in[100], hole[100];

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct log_source s = { .first_segment = 0 };
		struct span h;
		unsigned last = 0;

		memset(in, 0, sizeof(in));
		memset(hole, 0, sizeof(hole));
		srand(round);
		for (unsigned i = 0; i < 50; i++) {
			unsigned k = (unsigned)rand() % 100;

			spans_add(i % 5 == 4 ? &s.lost : &s.seen, k, k);
			last = i % 5 != 4 && k > last ? k : last;
			in[k] = true;
		}
		for (uint64_t at = 0; log_sources_hole(&s, at, &h); at = h.last + 1) {
			assert_true(h.first <= h.last && h.last < last);
			for (uint64_t k = h.first; k <= h.last; k++)
				hole[k] = true;
		}
		for (unsigned k = 0; k <= last; k++)
			assert_int_equal(hole[k], !in[k]);
		spans_free(&s.seen);
		spans_free(&s.lost);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_whole_objects_or_none),
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(spans_hold_what_was_added),
		cmocka_unit_test(holes_are_what_neither_is_there_nor_declared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
