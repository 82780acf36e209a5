/* compress: what is pointed to and what is not, against an oracle that looks at everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/dns/compress.h"
#include "common/dns/dns.h"
#include "common/dns/name.h"
#include "tests/lib/random.h"

enum { MESSAGE = 70000 };

static struct compress *c;
static uint8_t *message;
static size_t at, pointer;

static int
set_up(void **state)
{
	(void)state;
	c = malloc(sizeof(*c));
	message = calloc(1, MESSAGE);
	return c != NULL && message != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	free(c);
	free(message);
	return 0;
}

/* A message whose question is this name. */
static void
begin(const char *question)
{
	int len = name_parse(message + DNS_HEADER_LEN, question, NULL);

	assert_true(len > 0);
	at = DNS_HEADER_LEN + (size_t)len + 4;
	compress_begin(c, message, at);
	compress_note(c, DNS_HEADER_LEN);
}

/* Writes a name; where its pointer leads, 0 = it has none. */
static size_t
put(const char *text)
{
	uint8_t name[NAME_MAX_WIRE];
	size_t len, to;

	assert_true(name_parse(name, text, NULL) > 0);
	len = compress_put(c, message + at, MESSAGE - at, name, &pointer);
	assert_true(len > 0 && len <= name_len(name));
	to = pointer == SIZE_MAX ? 0 : dns_get16(message + at + pointer) & 0x3fffu;
	at += len;
	return to;
}

static void
test_the_longest_end_is_pointed_to(void **state)
{
	size_t first, second;

	(void)state;
	begin("www.example.org");
	assert_int_equal(put("www.example.org"), 12);
	assert_int_equal(put("example.org"), 16);
	assert_int_equal(put("org"), 24);
	assert_int_equal(put("."), 0);
	assert_int_equal(put("net"), 0);
	first = at;
	assert_int_equal(put("a.b.www.example.org"), 12);
	assert_int_equal(put("c.b.www.example.org"), first + 2);
	second = at;
	assert_int_equal(put("x.a.b.www.example.org"), first);
	assert_int_equal(put("y.x.a.b.www.example.org"), second);
	assert_int_equal(put("wwww.example.org"), 16);
	assert_int_equal(put("b.www.example.orgg"), 0);
}

static void
test_data_keeps_its_case_and_the_question_gives_its_own(void **state)
{
	size_t upper, lower;

	(void)state;
	begin("wWw.Example.ORG");
	upper = at;
	assert_int_equal(put("HOST.www.example.org"), 12);
	lower = at;
	assert_int_equal(put("host.WWW.example.org"), 12);
	assert_int_equal(put("x.HOST.www.EXAMPLE.org"), upper);
	assert_int_equal(put("x.host.www.example.org"), lower);
	assert_int_equal(put("Host.www.example.org"), 12);
	upper = at;
	assert_int_equal(put("other.TEST"), 0);
	assert_int_equal(put("a.other.test"), 0);
	assert_int_equal(put("b.other.TEST"), upper);
	/* octets that differ by the same bit as letters do are not alike */
	begin("[.example");
	assert_int_equal(put("{.example"), 14);
	assert_int_equal(put("@.EXAMPLE"), 14);
	assert_int_equal(put("`.example"), 14);
}

static void
test_names_past_16383_are_never_pointed_to(void **state)
{
	size_t low;

	(void)state;
	begin("example.org");
	at = 0x3ffb;
	low = at + 2;
	assert_int_equal(put("b.c.d.test"), 0);		/* c at 3ffd, d at 3fff */
	assert_int_equal(put("x.b.c.d.test"), 0x3ffb);
	assert_int_equal(put("x.c.d.test"), low);
	assert_int_equal(put("x.d.test"), 0x3fff);
	assert_int_equal(put("x.test"), 0);
	assert_int_equal(put("y.test"), 0);
	assert_int_equal(put("z.x.b.c.d.test"), 0x3ffb);
	assert_int_equal(put("z.example.org"), 12);
}

static void
test_what_does_not_fit_is_not_written(void **state)
{
	static const uint8_t name[] = "\3abc\7example\3org";

	(void)state;
	begin("www.example.org");
	for (size_t room = 0; room < 6; room++)
		assert_int_equal(compress_put(c, message + at, room, name, &pointer), 0);
	assert_int_equal(compress_put(c, message + at, 6, name, &pointer), 6);
	assert_int_equal(pointer, 4);
	at += 6;
	assert_int_equal(compress_put(c, message + at, 1, name, &pointer), 0);
	assert_int_equal(compress_put(c, message + at, 2, name, &pointer), 2);
	assert_int_equal(compress_put(c, message + at, 0, (const uint8_t *)"", &pointer), 0);
	assert_int_equal(compress_put(c, message + at, 1, (const uint8_t *)"", &pointer), 1);
}

/* More names than the table takes: they are written, and those noted go on being found. */
static void
test_a_full_table(void **state)
{
	char text[64];
	size_t first;

	(void)state;
	begin("q");
	first = at;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "n%u.e", i);
		put(text);
	}
	assert_true(at < COMPRESS_REACH);
	assert_int_equal(c->n, COMPRESS_SLOTS / 4 * 3);
	assert_int_equal(put("x.n0.e"), first);
	assert_int_not_equal(put("x.n1000.e"), 0);
	assert_int_equal(put("z.n1999.e"), first + 3);
}

/* The name at `where`, read from the message. */
static void
read_back(size_t where, uint8_t name[NAME_MAX_WIRE])
{
	size_t n = 0;

	for (;;) {
		if (message[where] >= 0xc0) {
			size_t to = dns_get16(message + where) & 0x3fffu;
			assert_true(to < where && to >= DNS_HEADER_LEN);
			where = to;
			continue;
		}
		assert_true(n + message[where] < NAME_MAX_WIRE);
		memcpy(name + n, message + where, message[where] + 1u);
		n += message[where] + 1u;
		if (message[where] == 0)
			return;
		where += message[where] + 1u;
	}
}

/* Random names of few labels: each reads as what was written, and its pointer leads as far up as
 * any name that was written before allows. */
static void
test_random_names_against_all(void **state)
{
	static uint8_t before[400][NAME_MAX_WIRE];
	static const char *const labels[] = { "a", "b", "A", "bb", "c", "www", "WWW", "x-y" };
	uint64_t seed = 20251128;

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		unsigned n = 0;

		begin("question");
		while (n < 400) {
			uint8_t *name = before[n], again[NAME_MAX_WIRE];
			char text[200] = "";
			size_t start = at, best = 0;

			for (uint64_t k = random_next(&seed) % 6 + 1; k > 0; k--) {
				strcat(text, labels[random_next(&seed) % 8]);
				strcat(text, k > 1 ? "." : "");
			}
			name_parse(name, text, NULL);
			for (unsigned i = 0; i < n; i++)
				for (const uint8_t *e = before[i]; *e != 0; e += *e + 1)
					for (const uint8_t *o = name; *o != 0; o += *o + 1)
						if (name_len(o) == name_len(e) &&
						    memcmp(o, e, name_len(o)) == 0 &&
						    name_len(o) > best)
							best = name_len(o);
			put(text);
			assert_int_equal(at - start, name_len(name) - (best != 0 ? best - 2 : 0));
			read_back(start, again);
			assert_memory_equal(again, name, name_len(name));
			n++;
		}
	}
}

static void
test_only_types_of_rfc_1035_are_shortened(void **state)
{
	size_t first;

	(void)state;
	for (unsigned type = 0; type < 65536; type++) {
		unsigned n = compress_names((uint16_t)type, &first);
		if (type == DNS_SOA || type == 14)
			assert_true(n == 2 && first == 0);
		else if (type == DNS_MX)
			assert_true(n == 1 && first == 2);
		else
			assert_int_equal(n, type == 2 || type == 3 || type == 4 || type == 5 ||
			    (type >= 7 && type <= 9) || type == 12);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_longest_end_is_pointed_to),
		cmocka_unit_test(test_data_keeps_its_case_and_the_question_gives_its_own),
		cmocka_unit_test(test_names_past_16383_are_never_pointed_to),
		cmocka_unit_test(test_what_does_not_fit_is_not_written),
		cmocka_unit_test(test_a_full_table),
		cmocka_unit_test(test_random_names_against_all),
		cmocka_unit_test(test_only_types_of_rfc_1035_are_shortened),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
