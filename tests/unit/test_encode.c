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
expect(const char *sentence, const char *wanted, struct page *page)
{
	assert_false(page_failed(page));
	if (strcmp(page_string(page), wanted) != 0)
		fail_msg("%s: %s instead of %s", sentence, page_string(page), wanted);
	page_begin(page, 4096);
}

static void
every_name(void **state)
{
	struct page page = { 0 };

	(void)state;
	page_begin(&page, 4096);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].name);

		encode_url(&page, names[i].name, len);
		expect(names[i].sentence, names[i].url, &page);
		encode_xml(&page, names[i].name, len);
		expect(names[i].sentence, names[i].xml, &page);
		encode_attachment(&page, names[i].name, len, ".x");
		expect(names[i].sentence, names[i].attachment, &page);
	}
	page_free(&page);
}

/* Every pair of octets goes into a URL and comes back. */
static void
urls_come_back(void **state)
{
	struct page page = { 0 };

	(void)state;
	for (unsigned i = 0; i < 0x10000; i++) {
		char name[] = { (char)(i >> 8), (char)i }, back[2];
		size_t n = 0;

		page_begin(&page, 64);
		encode_url(&page, name, sizeof(name));
		for (size_t at = 0; at < page.len; at++) {
			char c = page.data[at];

			assert_true(c > ' ' && c < 0x7f && strchr("<>\"'&\\", c) == NULL);
			if (c == '%') {
				c = (char)(text_hex_digit(page.data[at + 1]) << 4 |
				    text_hex_digit(page.data[at + 2]));
				at += 2;
			}
			assert_true(n < sizeof(back));
			back[n++] = c;
		}
		assert_int_equal(n, sizeof(back));
		assert_memory_equal(back, name, sizeof(name));
	}
	page_free(&page);
}

static void
octets_as_digits(void **state)
{
	struct page page = { 0 };
	uint8_t octets[64];

	(void)state;
	page_begin(&page, 4096);
	encode_hex(&page, (const uint8_t *)"\x00\x9f\xf0", 3);
	expect("hexadecimal", "009ff0", &page);
	encode_base64(&page, (const uint8_t *)"foob", 4);
	expect("base64", "Zm9vYg==", &page);
	memset(octets, 0xff, sizeof(octets));
	encode_base64(&page, octets, 64);
	assert_int_equal(page.len, 88);
	page_free(&page);
}

/* A page that may not grow says so, and holds nothing cut off in the middle of an octet. */
static void
pages_end(void **state)
{
	struct page page = { 0 };

	(void)state;
	page_begin(&page, 5);
	page_text(&page, "abc");
	page_number(&page, 42);
	assert_false(page_failed(&page));
	page_text(&page, "x");
	assert_true(page_failed(&page));
	page_text(&page, "");
	assert_true(page_failed(&page));
	assert_string_equal(page_string(&page), "abc42");
	page_begin(&page, 100000);
	assert_false(page_failed(&page));
	assert_string_equal(page_string(&page), "");
	for (unsigned i = 0; i < 5000; i++)
		page_number(&page, UINT64_MAX);
	assert_false(page_failed(&page));
	assert_int_equal(page.len, 100000);
	assert_memory_equal(page.data + 99980, "18446744073709551615", 21);
	page_free(&page);
	assert_string_equal(page_string(&page), "");
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
