#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnsd/message/cookie.h"

static size_t
unhex(uint8_t *out, const char *hex)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned v;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &v), 1);
		out[i] = (uint8_t)v;
	}
	return n;
}

#define SECRET_A "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define SECRET_OLD "dd3bdf9344b678b185a6f5cb60fca715"
#define SECRET_NEW "445536bcd2513298075a5d379663c962"

/* RFC 9018, appendix A: what the client sent, when, and what it gets. */
static void
test_rfc9018(void **state)
{
	static const struct {
		const char *sentence, *secrets[2], *address, *query;
		uint32_t now_s;
		enum cookie_state expected;
		const char *answer;
	} rows[] = {
		{ "A.1: learning a new server cookie", { SECRET_A }, "198.51.100.100",
		  "2464c4abcf10c957", 1559731985, COOKIE_CLIENT_ONLY,
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480" },
		{ "A.2: the same client learns a renewed one", { SECRET_A }, "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385, COOKIE_VALID,
		  "2464c4abcf10c957010000005cf7a871d4a564a1442aca77" },
		{ "A.3: another client, reserved bits set", { SECRET_A }, "203.0.113.203",
		  "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700, COOKIE_BAD,
		  "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e" },
		{ "A.3 half an hour after it was made: reserved bits are hashed as they are",
		  { SECRET_A },
		  "203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559730000,
		  COOKIE_VALID, NULL },
		{ "A.4: IPv6, rollover: the old secret is accepted, the new one makes",
		  { SECRET_NEW, SECRET_OLD },
		  "2001:db8:220:1:59de:d0f4:8769:82b8",
		  "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, COOKIE_VALID,
		  "22681ab97d52c298010000005cf7c609a6bb79d16625507a" },
		{ "after the rollover the old secret is not", { SECRET_NEW },
		  "2001:db8:220:1:59de:d0f4:8769:82b8",
		  "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
		  1559741961, COOKIE_BAD, NULL },
		{ "another address than the cookie was made for", { SECRET_A }, "198.51.100.101",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
		  1559731985, COOKIE_BAD, NULL },
		{ "an hour old", { SECRET_A }, "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
		  1559731985 + 3600, COOKIE_VALID, NULL },
		{ "older than an hour", { SECRET_A }, "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
		  1559731985 + 3601, COOKIE_BAD, NULL },
		{ "five minutes ahead", { SECRET_A }, "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
		  1559731985 - 300, COOKIE_VALID, NULL },
		{ "further ahead", { SECRET_A }, "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
		  1559731985 - 301, COOKIE_BAD, NULL },
		{ "version 2", { SECRET_A }, "198.51.100.100",
		  "2464c4abcf10c957020000005cf79f111f8130c3eee29480",
		  1559731985, COOKIE_BAD, NULL },
		{ "a server cookie of 8 octets", { SECRET_A }, "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f11", 1559731985, COOKIE_BAD, NULL },
		{ "a server cookie of 32 octets", { SECRET_A }, "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480"
		  "00000000000000000000000000000000",
		  1559731985, COOKIE_BAD, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cookie_secrets secrets = { .n = 0 };
		uint8_t query[40], made[24], expected[24];
		struct addr client;
		size_t len = unhex(query, rows[i].query);

		print_message("%s\n", rows[i].sentence);
		assert_int_equal(addr_parse(&client, rows[i].address, NULL), 0);
		for (; secrets.n < 2 && rows[i].secrets[secrets.n] != NULL; secrets.n++)
			unhex(secrets.secret[secrets.n], rows[i].secrets[secrets.n]);
		assert_int_equal(cookie_check(&secrets, query, len, &client, rows[i].now_s),
		    rows[i].expected);
		if (rows[i].answer == NULL)
			continue;
		unhex(expected, rows[i].answer);
		cookie_make(&secrets, made, query, &client, rows[i].now_s);
		assert_memory_equal(made, expected, 24);
	}
}

static void
test_secret_file(void **state)
{
	static const struct {
		const char *sentence, *text;
		unsigned n;
		const char *error;
	} rows[] = {
		{ "one line", SECRET_A "\n", 1, NULL },
		{ "one line without its end", SECRET_A, 1, NULL },
		{ "two lines", SECRET_NEW "\n" SECRET_OLD "\n", 2, NULL },
		{ "two lines ending with CR LF", SECRET_NEW "\r\n" SECRET_OLD "\r\n", 2, NULL },
		{ "upper case", "E5E973E5A6B2A43F48E7DC849E37BFCF\n", 1, NULL },
		{ "empty", "", 0, ":1: the file is empty" },
		{ "three lines",
		  SECRET_A "\n" SECRET_NEW "\n" SECRET_OLD "\n", 0, ":3: a third line" },
		{ "too short", "e5e973\n", 0, ":1: a line of 6 characters, 32 hexadecimal" },
		{ "not hexadecimal",
		  SECRET_A "\nx5e973e5a6b2a43f48e7dc849e37bfcf\n", 0, ":2: a line of 32" },
		{ "a blank line", "\n" SECRET_A "\n", 0, ":1: a line of 0" },
	};
	char path[] = "/tmp/nc-cookie-XXXXXX";
	struct cookie_secrets secrets = { .n = 7 };
	struct err err;

	(void)state;
	close(mkstemp(path));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FILE *f = fopen(path, "w");

		print_message("%s\n", rows[i].sentence);
		fputs(rows[i].text, f);
		fclose(f);
		secrets.n = 7;
		if (rows[i].error == NULL) {
			assert_int_equal(cookie_read_secrets(&secrets, path, &err), 0);
			assert_int_equal(secrets.n, rows[i].n);
			assert_true((secrets.secret[0][0] & 0xff) == 0xe5 ||
			    secrets.secret[0][0] == 0x44);
		} else {
			assert_int_equal(cookie_read_secrets(&secrets, path, &err), -1);
			assert_non_null(strstr(err.text, rows[i].error));
			assert_int_equal(secrets.n, 7);		/* untouched */
		}
	}
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(cookie_read_secrets(&secrets, path, &err), -1);
	assert_non_null(strstr(err.text, "not a regular file"));
	unlink(path);
	assert_int_equal(cookie_read_secrets(&secrets, path, &err), -1);
	assert_int_equal(cookie_read_secrets(&secrets, "/dev/zero", &err), -1);
	assert_int_equal(cookie_read_secrets(&secrets, NULL, &err), 0);
	assert_int_equal(secrets.n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc9018),
		cmocka_unit_test(test_secret_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
