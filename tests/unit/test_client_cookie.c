/* client_cookie: what is put into questions, and what is believed of answers */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/client_cookie.h"

#define QUESTION "\7example\3org\0" "\0\6\0\1"
#define OURS "12345678"
#define THEIRS "abcdefghijklmnop"
#define OPT(rcode, len) "\0\0\x29\4\xd0" rcode "\0\0\0\0" len

static const struct take_row {
	const char *sentence, *rest;	/* the message behind its header */
	size_t len;
	uint8_t rcode, questions, answers, others;
	bool again;
	uint8_t kept;			/* octets in the jar afterwards */
} take_rows[] = {
#define ROW(rest) rest, sizeof(rest) - 1
	{ "a server cookie", ROW(QUESTION OPT("\0", "\x1c") "\0\x0a\0\x18" OURS THEIRS),
	    0, 1, 0, 1, false, 24 },
	{ "BADCOOKIE with one", ROW(QUESTION OPT("\1", "\x1c") "\0\x0a\0\x18" OURS THEIRS),
	    7, 1, 0, 1, true, 24 },
	{ "BADCOOKIE without", ROW(QUESTION OPT("\1", "\0")), 7, 1, 0, 1, false, 8 },
	{ "YXRRSET is not BADCOOKIE",
	    ROW(QUESTION OPT("\0", "\x1c") "\0\x0a\0\x18" OURS THEIRS), 7, 1, 0, 1, false, 24 },
	{ "behind an answer with a pointer", ROW(QUESTION "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4"
	    OPT("\0", "\x1c") "\0\x0a\0\x18" OURS THEIRS), 0, 1, 1, 1, false, 24 },
	{ "behind another option", ROW(QUESTION OPT("\0", "\x22") "\0\3\0\2ab"
	    "\0\x0a\0\x18" OURS THEIRS), 0, 1, 0, 1, false, 24 },
	{ "without a question", ROW(OPT("\0", "\x1c") "\0\x0a\0\x18" OURS THEIRS),
	    0, 0, 0, 1, false, 24 },
	{ "no OPT", ROW(QUESTION), 0, 1, 0, 0, false, 8 },
	{ "somebody else's client cookie",
	    ROW(QUESTION OPT("\1", "\x1c") "\0\x0a\0\x18" THEIRS OURS), 7, 1, 0, 1, false, 8 },
	{ "a server cookie of 7 octets",
	    ROW(QUESTION OPT("\1", "\x13") "\0\x0a\0\x0f" OURS "abcdefg"), 7, 1, 0, 1, false, 8 },
	{ "one of 33", ROW(QUESTION OPT("\1", "\x2d") "\0\x0a\0\x29" OURS THEIRS THEIRS "!"),
	    7, 1, 0, 1, false, 8 },
	{ "an option longer than OPT", ROW(QUESTION OPT("\1", "\x1c") "\0\x0a\0\x19" OURS THEIRS),
	    7, 1, 0, 1, false, 8 },
	{ "OPT longer than the message",
	    ROW(QUESTION OPT("\1", "\x1d") "\0\x0a\0\x18" OURS THEIRS), 7, 1, 0, 1, false, 8 },
	{ "half an option's header", ROW(QUESTION OPT("\1", "\2") "\0\x0a"), 7, 1, 0, 1, false, 8 },
	{ "more questions counted than there are",
	    ROW(QUESTION OPT("\1", "\x1c") "\0\x0a\0\x18" OURS THEIRS), 7, 2, 0, 1, false, 8 },
	{ "more records counted than there are", ROW(QUESTION), 7, 1, 9, 9, false, 8 },
	{ "nothing but a header", "", 0, 7, 0, 0, 1, false, 8 },
};

static void
test_take(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(take_rows) / sizeof(take_rows[0]); i++) {
		const struct take_row *r = &take_rows[i];
		struct client_cookie jar = { .len = 8, .octets = OURS };
		uint8_t message[512] = { 0 };
		bool again;

		message[3] = r->rcode;
		message[5] = r->questions;
		message[7] = r->answers;
		message[11] = r->others;
		memcpy(message + 12, r->rest, r->len);
		again = client_cookie_take(&jar, message, 12 + r->len);
		if (again != r->again || jar.len != r->kept || memcmp(jar.octets, OURS, 8) != 0)
			fail_msg("%s: again %d, %u octets kept", r->sentence, again, jar.len);
		/* cut off anywhere it is never more than that */
		for (size_t len = 0; len < 12 + r->len; len++) {
			jar = (struct client_cookie){ .len = 8, .octets = OURS };
			client_cookie_take(&jar, message, len);
			assert_true(jar.len == 8 || jar.len == r->kept);
		}
	}
}

static void
test_put(void **unused)
{
	struct client_cookie jar = { .len = 0 }, other = { .len = 0 };
	uint8_t out[CLIENT_COOKIE_OPTION], again[CLIENT_COOKIE_OPTION];

	(void)unused;
	assert_int_equal(client_cookie_put(&jar, out), 12);
	assert_memory_equal(out, "\0\x0a\0\x08", 4);
	assert_int_equal(client_cookie_put(&jar, again), 12);
	assert_memory_equal(out, again, 12);
	assert_int_equal(client_cookie_put(&other, again), 12);
	assert_memory_not_equal(out, again, 12);	/* each server gets another one */
	jar.len = 40;
	assert_int_equal(client_cookie_put(&jar, out), CLIENT_COOKIE_OPTION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
