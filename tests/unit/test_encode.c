/* encode: whatever octets a name has, the URL, the XML and the field around it stay what they
 * are, and the URL's octets come back exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"
#include "redirectd/encode.h"

#define UNKNOWN "\xef\xbf\xbd"		/* U+FFFD */

static const struct {
	const char *sentence, *name, *url, *xml, *attachment;
} names[] = {
	{ "plain", "a-b_c.d~1/X:9@=!$*", "a-b_c.d~1/X:9@=!$*", "a-b_c.d~1/X:9@=!$*",
	    "attachment; filename=\"a-b_c.d~1/X:9@=!$*.x\"" },
	{ "a blank, a plus, a percent", "a b+c%20", "a%20b%2Bc%2520", "a b+c%20",
	    "attachment; filename=\"a b+c_20.x\"; filename*=UTF-8''a%20b+c%2520.x" },
	{ "what means something in XML", "<a&b>\"'", "%3Ca%26b%3E%22%27",
	    "&lt;a&amp;b&gt;&quot;&#39;",
	    "attachment; filename=\"<a&b>_'.x\"; filename*=UTF-8''%3Ca&b%3E%22%27.x" },
	{ "what means something in URLs", "a?b#c;d,e(f)[g]\\h",
	    "a%3Fb%23c%3Bd%2Ce%28f%29%5Bg%5D%5Ch",
	    "a?b#c;d,e(f)[g]\\h",
	    "attachment; filename=\"a?b#c;d,e(f)[g]_h.x\"; "
	    "filename*=UTF-8''a%3Fb#c%3Bd%2Ce%28f%29%5Bg%5D%5Ch.x" },
	{ "UTF-8", "K\xc3\xb6ln", "K%C3%B6ln", "K\xc3\xb6ln",
	    "attachment; filename=\"K__ln.x\"; filename*=UTF-8''K%C3%B6ln.x" },
	{ "Latin-1", "K\xf6ln", "K%F6ln", "K" UNKNOWN "ln",
	    "attachment; filename=\"K_ln.x\"; filename*=UTF-8''K%EF%BF%BDln.x" },
	{ "cut off", "\xe2\x82", "%E2%82", UNKNOWN UNKNOWN,
	    "attachment; filename=\"__.x\"; filename*=UTF-8''%EF%BF%BD%EF%BF%BD.x" },
	{ "line ends and tabs", "a\r\n\tb", "a%0D%0A%09b", "a&#13;&#10;&#9;b",
	    "attachment; filename=\"a___b.x\"; filename*=UTF-8''a%0D%0A%09b.x" },
	{ "control characters", "\x01\x1b\x7f", "%01%1B%7F", UNKNOWN UNKNOWN "\x7f",
	    "attachment; filename=\"___.x\"; filename*=UTF-8''%01%1B%7F.x" },
	{ "no characters of XML", "\xef\xbf\xbe\xef\xbf\xbf", "%EF%BF%BE%EF%BF%BF",
	    UNKNOWN UNKNOWN,
	    "attachment; filename=\"______.x\"; filename*=UTF-8''%EF%BF%BE%EF%BF%BF.x" },
	{ "nothing", "", "", "", "attachment; filename=\".x\"" },
};

static void
expect(const char *sentence, const char *wanted, struct draft *draft)
{
	assert_false(draft_failed(draft));
	if (strcmp(draft_string(draft), wanted) != 0)
		fail_msg("%s: %s instead of %s", sentence, draft_string(draft), wanted);
	draft_begin(draft, 4096);
}

static void
every_name(void **state)
{
	struct draft draft = { 0 };

	(void)state;
	draft_begin(&draft, 4096);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].name);

		encode_url(&draft, names[i].name, len);
		expect(names[i].sentence, names[i].url, &draft);
		encode_xml(&draft, names[i].name, len);
		expect(names[i].sentence, names[i].xml, &draft);
		encode_attachment(&draft, names[i].name, len, ".x");
		expect(names[i].sentence, names[i].attachment, &draft);
	}
	draft_free(&draft);
}

/* Every pair of octets goes into a URL and comes back. */
static void
urls_come_back(void **state)
{
	struct draft draft = { 0 };

	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		char name[] = { (char)(i >> 8), (char)i }, back[2];
		size_t n = 0;

		draft_begin(&draft, 64);
		encode_url(&draft, name, sizeof(name));
		for (size_t at = 0; at < draft.len; at++) {
			char c = draft.data[at];

			assert_true(c > ' ' && c < 0x7f && strchr("<>\"'&\\", c) == NULL);
			if (c == '%') {
				c = (char)(text_hex_digit(draft.data[at + 1]) << 4 |
				    text_hex_digit(draft.data[at + 2]));
				at += 2;
			}
			assert_true(n < sizeof(back));
			back[n++] = c;
		}
		assert_int_equal(n, sizeof(back));
		assert_memory_equal(back, name, sizeof(name));
	}
	draft_free(&draft);
}

static void
octets_as_digits(void **state)
{
	struct draft draft = { 0 };
	uint8_t octets[64];

	(void)state;
	draft_begin(&draft, 4096);
	encode_hex(&draft, (const uint8_t *)"\x00\x9f\xf0", 3);
	expect("hexadecimal", "009ff0", &draft);
	encode_base64(&draft, (const uint8_t *)"foob", 4);
	expect("base64", "Zm9vYg==", &draft);
	memset(octets, 0xff, sizeof(octets));
	encode_base64(&draft, octets, 64);
	assert_int_equal(draft.len, 88);
	draft_free(&draft);
}

/* A draft that may not grow says so, and holds nothing cut off in the middle of an octet. */
static void
pages_end(void **state)
{
	struct draft draft = { 0 };

	(void)state;
	draft_begin(&draft, 5);
	draft_text(&draft, "abc");
	draft_number(&draft, 42);
	assert_false(draft_failed(&draft));
	draft_text(&draft, "x");
	assert_true(draft_failed(&draft));
	draft_text(&draft, "");
	assert_true(draft_failed(&draft));
	assert_string_equal(draft_string(&draft), "abc42");
	draft_begin(&draft, 100000);
	assert_false(draft_failed(&draft));
	assert_string_equal(draft_string(&draft), "");
	for (unsigned i = 0; i < 5000; i++)
		draft_number(&draft, UINT64_MAX);
	assert_false(draft_failed(&draft));
	assert_int_equal(draft.len, 100000);
	assert_memory_equal(draft.data + 99980, "18446744073709551615", 21);
	draft_free(&draft);
	assert_string_equal(draft_string(&draft), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name),
		cmocka_unit_test(urls_come_back),
		cmocka_unit_test(octets_as_digits),
		cmocka_unit_test(pages_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
