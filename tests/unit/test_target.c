/* target: what clients write as a path and query; exclude: globs; types: endings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "redirectd/exclude.h"
#include "redirectd/target.h"
#include "redirectd/types.h"

static struct target_path t;

static void
paths(void **state)
{
	static const struct {
		const char *raw, *path;		/* NULL = refused */
	} rows[] = {
		{ "/a/b", "/a/b" }, { "/", "/" }, { "", "/" }, { "/a/", "/a/" },
		{ "//a///b", "/a/b" }, { "/./a/./b/.", "/a/b/" }, { "/a/../b", "/b" },
		{ "/a/b/..", "/a/" }, { "/..", NULL }, { "/a/../../b", NULL },
		{ "/%2e%2E/b", NULL }, { "/a%2f%2e.%2fb", "/b" }, { "/...", "/..." },
		{ "/..a/.b", "/..a/.b" }, { "/%41%7e%20", "/A~ " }, { "/%", NULL },
		{ "/%4", NULL }, { "/%zz", NULL }, { "/%00", NULL }, { "/a%0d", NULL },
		{ "/a%0A", NULL }, { "/a%09", "/a\t" }, { "/%ff", "/\xff" },
		{ "/a+b", "/a+b" }, { "/a%3fb?c", "/a?b" }, { "/a#b", "/a#b" },
		{ "http://h/a", "/a" }, { "http://h:1", "/" }, { "*", NULL }, { "a", NULL },
		{ "/a://b", "/a:/b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		enum target_fault fault = target_read(&t, rows[i].raw);

		if ((fault == TARGET_FINE) != (rows[i].path != NULL) ||
		    (fault == TARGET_FINE && strcmp(t.path, rows[i].path) != 0))
			fail_msg("%s: %s", rows[i].raw, fault == TARGET_FINE ? t.path : "refused");
		if (fault == TARGET_FINE)
			assert_int_equal(t.len, strlen(t.path));
	}
}

static void
long_ones(void **state)
{
	char raw[3 * TARGET_PATH_MAX + 100];

	(void)state;
	memset(raw, 'a', sizeof(raw));
	raw[0] = '/';
	raw[TARGET_PATH_MAX] = '\0';
	assert_int_equal(target_read(&t, raw), TARGET_FINE);
	assert_int_equal(t.len, TARGET_PATH_MAX);
	raw[TARGET_PATH_MAX] = 'a';
	raw[TARGET_PATH_MAX + 1] = '\0';
	assert_int_equal(target_read(&t, raw), TARGET_LONG);
	raw[1] = '?';
	raw[TARGET_QUERY_MAX + 2] = '\0';
	assert_int_equal(target_read(&t, raw), TARGET_FINE);
	raw[TARGET_QUERY_MAX + 2] = 'a';
	assert_int_equal(target_read(&t, raw), TARGET_LONG);
}

static void
queries(void **state)
{
	char value[8];

	(void)state;
	target_read(&t, "/a?here&country=de;as=64500000000&=x&&k=");
	assert_true(target_has(&t, "here", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_true(target_has(&t, "country", value, sizeof(value)));
	assert_string_equal(value, "de");
	assert_true(target_has(&t, "as", value, sizeof(value)));
	assert_string_equal(value, "6450000");
	assert_true(target_has(&t, "k", value, sizeof(value)));
	assert_false(target_has(&t, "her", value, sizeof(value)));
	assert_false(target_has(&t, "heres", value, sizeof(value)));
	target_read(&t, "/a");
	assert_false(target_has(&t, "here", value, sizeof(value)));
}

static void
globs(void **state)
{
	char text[20000];

	(void)state;
	assert_true(exclude_glob("w3m/*", "W3M/0.5"));
	assert_true(exclude_glob("*", ""));
	assert_true(exclude_glob("a?c*e", "abcdde"));
	assert_true(exclude_glob("*x*x*", "axbxc"));
	assert_false(exclude_glob("a", "ab"));
	assert_false(exclude_glob("?", ""));
	assert_false(exclude_glob("", "a"));
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_false(exclude_glob("*a*a*a*a*a*a*a*a*a*a*b", text));
}

static void
mime_types(void **state)
{
	struct err err;
	struct types *types = types_read("/dev/null", &err);

	(void)state;
	assert_non_null(types);
	assert_string_equal(types_find(types, "/a/b.DEB", 8),
	    "application/vnd.debian.binary-package");
	assert_string_equal(types_find(types, "/a.txt/b", 8), "application/octet-stream");
	assert_string_equal(types_find(types, "/a.", 3), "application/octet-stream");
	assert_string_equal(types_find(types, "/a.tar.gz", 9), "application/gzip");
	types_free(types);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths), cmocka_unit_test(long_ones), cmocka_unit_test(queries),
		cmocka_unit_test(globs), cmocka_unit_test(mime_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
