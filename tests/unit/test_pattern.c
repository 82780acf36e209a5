/* pattern: what is found, what POSIX patterns keep meaning, and what no text can cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/pattern.h"

static enum pattern_end
find(const char *pattern, bool lines, const char *text, size_t len)
{
	struct err err;
	struct pattern *p = pattern_compile(pattern, lines, &err);
	uint32_t budget_us = PATTERN_BUDGET_US;
	enum pattern_end end;

	if (p == NULL)
		fail_msg("%s: %s", pattern, err.text);
	end = pattern_find(p, text, len, &budget_us);
	pattern_free(p);
	return end;
}

static void
posix_patterns_keep_their_meaning(void **state)
{
	static const struct {
		const char *sentence, *pattern, *text;
		bool lines, found;
	} rows[] = {
		{ "somewhere", "ready", "all ready now", true, true },
		{ "nowhere", "ready", "all read now", true, false },
		{ "a line of its own", "^all is (well|good)$", "so\nall is good\n", true, true },
		{ "not a part of a line", "^all is (well|good)$", "all is good too", true, false },
		{ "the end without a newline", "well$", "all is well", true, true },
		{ "an empty line at the end", "^$", "well\n", true, true },
		{ "a dot is no newline", "a.b", "a\nb", true, false },
		{ "nor what a list excludes", "a[^x]b", "a\nb", true, false },
		{ "but what it does not name", "a[^x]b", "ayb", true, true },
		{ "a list that excludes ]", "a[^]]b", "a\nb", true, false },
		{ "a list that excludes ] still does", "a[^]]b", "a]b", true, false },
		{ "a list that excludes ] to a", "x[^]-a]y", "x`y", true, false },
		{ "a list that excludes -", "a[^-]b", "a-b", true, false },
		{ "a list that excludes - and x", "a[^-x]b", "arb", true, true },
		{ "a list that excludes - to /", "a[^--/]b", "a.b", true, false },
		{ "a list that excludes digits", "a[^[:digit:]]b", "a7b", true, false },
		{ "a list with a class", "^[[:alpha:]_]+$", "abc_d", true, true },
		{ "a ] first in a list", "[]x]", "]", true, true },
		{ "a list as lists are", "[a-c[]", "[", true, true },
		{ "a word's beginning", "\\<ready", "not ready", true, true },
		{ "not within a word", "\\<ready", "already", true, false },
		{ "a word's end", "ready\\>", "ready.", true, true },
		{ "not within a word, too", "ready\\>", "readyness", true, false },
		{ "the text's beginning", "\\`b", "a\nb", true, false },
		{ "the text's end", "a\\'", "a\nb", true, false },
		{ "at most two", "^a{,2}$", "aaa", true, false },
		{ "at most two, two", "^a{,2}$", "aa", true, true },
		{ "at most two, none", "^a{,2}$", "b\n\n", true, true },
		{ "two to three", "^(ab){2,3}$", "ababab", true, true },
		{ "what came before", "(a+)b\\1c", "xaabaac", true, true },
		{ "a header's dot", "^a.b$", "a\tb", false, true },
		{ "a header's end is the end", "^fine$", "fine\n", false, false },
		{ "nothing in nothing", "^$", "", false, true },
		{ "PCRE2's own", "\\d{3}(?!\\d)", "1234", true, true },
		{ "a quotation", "\\Q[a-z]\\E", "x[a-z]", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (find(rows[i].pattern, rows[i].lines, rows[i].text, strlen(rows[i].text)) !=
		    (rows[i].found ? PATTERN_FOUND : PATTERN_ABSENT))
			fail_msg("%s: %s", rows[i].sentence, rows[i].pattern);
	assert_int_equal(find("a.b", true, "x\0a\0b", 5), PATTERN_FOUND);
}

static void
mistakes_name_their_place(void **state)
{
	static const struct {
		const char *pattern, *why;
	} rows[] = {
		{ "(a", "missing closing parenthesis at offset 2" },
		{ "a[b", "missing terminating ] for character class at offset 3" },
		{ "x*?+*", "quantifier does not follow a repeatable item at offset" },
		{ "[[.x.]]", "collating elements are not supported at offset" },
		{ "(*UTF)a", "at offset" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(pattern_compile(rows[i].pattern, true, &err));
		if (strstr(err.text, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].pattern, err.text);
	}
}

static uint64_t
cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* The first one is what glibc's regexec needed 4.7 s for. */
static const char *const costly[] = {
	"[a-z]+ready", "(a+)+$", "(a|aa)+$", "(a|a)*b", "(a*)*b", "[a-z]+1", "a+b", "(.*)(.*)(.*)b",
	"(a+)\\1+b", "(a*)\\1\\1$b", "(?:a?){30}a{30}b", "((a{1,10}){1,10}){1,10}b", ".*.*.*=",
	"(?=(a+))a*b\\1", "([a-z]+.)+ready", "[^b]+[^c]+[^d]+x", "^(([a-z])+.)+[A-Z]([a-z])+$",
	"(a(?1)?a)b", "(?<=a{200})b", "a{400}b", "(a|b|ab)*c", "\\w*\\w*\\w*\\d", "(a+|b+)*c",
};

/* Ten milliseconds; where tools make everything slower, a hundred. */
#if defined(__SANITIZE_ADDRESS__)
enum { MOST_US = 100000 };
#else
enum { MOST_US = 10000 };
#endif

static void
no_text_costs_more_than_ten_ms(void **state)
{
	static const size_t sizes[] = { 1, 100, 4096, 65536, 1 << 20, 3 << 20 };
	char *text = malloc(3 << 20);
	uint64_t worst = 0;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', 3 << 20);
	for (size_t i = 0; i < sizeof(costly) / sizeof(costly[0]); i++)
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			struct err err;
			struct pattern *p = pattern_compile(costly[i], true, &err);
			uint32_t budget_us = PATTERN_BUDGET_US;
			uint64_t took, began;

			if (p == NULL)
				fail_msg("%s: %s", costly[i], err.text);
			began = cpu_us();
			pattern_find(p, text, sizes[k], &budget_us);
			took = cpu_us() - began;
			worst = took > worst ? took : worst;
			if (took > MOST_US)
				fail_msg("%s on %zu octets took %llu us", costly[i], sizes[k],
				    (unsigned long long)took);
			pattern_free(p);
		}
	free(text);
	print_message("worst search: %llu us\n", (unsigned long long)worst);
}

static void
what_is_there_is_found_in_large_texts(void **state)
{
	size_t size = 65536;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', size);
	memcpy(text + size - 6, "aready", 6);
	assert_int_equal(find("[a-z]+ready", true, text, size), PATTERN_FOUND);
	/* words: of such a text not all that was looked at once is looked at again */
	size = 16384;
	for (size_t i = 5; i < size; i += 6)
		text[i] = i % 78 == 5 ? '\n' : ' ';
	memcpy(text + size - 6, "aready", 6);
	assert_int_equal(find("[a-z]+ready", true, text, size), PATTERN_FOUND);
	assert_int_equal(find("^.*[a-z]+ready$", true, text, size), PATTERN_FOUND);
	assert_int_equal(find("ready$", true, text, size), PATTERN_FOUND);
	text[size - 1] = 'x';
	assert_int_equal(find("ready", true, text, size), PATTERN_ABSENT);
	free(text);
}

static void
a_text_that_is_cut_off_has_no_end(void **state)
{
	char *text = malloc(PATTERN_TEXT_MAX + 2);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', PATTERN_TEXT_MAX + 2);
	assert_int_equal(find("^.*a$", true, text, PATTERN_TEXT_MAX), PATTERN_FOUND);
	assert_int_equal(find("^.*+$", true, text, PATTERN_TEXT_MAX + 1), PATTERN_ABSENT);
	free(text);
}

static void
no_budget_is_costly(void **state)
{
	struct err err;
	struct pattern *p = pattern_compile("a", true, &err);
	uint32_t budget_us = 0;

	(void)state;
	assert_non_null(p);
	assert_int_equal(pattern_find(p, "a", 1, &budget_us), PATTERN_COSTLY);
	pattern_free(p);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(posix_patterns_keep_their_meaning),
		cmocka_unit_test(mistakes_name_their_place),
		cmocka_unit_test(no_text_costs_more_than_ten_ms),
		cmocka_unit_test(what_is_there_is_found_in_large_texts),
		cmocka_unit_test(a_text_that_is_cut_off_has_no_end),
		cmocka_unit_test(no_budget_is_costly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
