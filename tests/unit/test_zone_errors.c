/* tests/zone-errors: what is said of NAME.zone, loaded as example.org, is NAME.ok.  Warnings come
 * first, as they are found; then each mistake, if there are several; then the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "dnsd/zone/zone_load.h"
#include "dnsd/zone/zone_verify.h"

#define FOLDER "tests/zone-errors"

static FILE *said;

static void
say(void *arg, const char *line)
{
	fprintf(said, "%s: %s\n", (const char *)arg, line);
}

/* What is said of a zone; the caller frees it. */
static char *
say_all(const char *file)
{
	static const struct warn warn = { say, (void *)"warning" };
	static const struct warn error = { say, (void *)"error" };
	struct err err = { .told = 0 };
	char *text = NULL;
	size_t len = 0;
	struct zone *z;

	said = open_memstream(&text, &len);
	assert_non_null(said);
	z = zone_load("example.org", file, NULL, &warn, &error, &err);
	if (z == NULL)
		fprintf(said, "refused: %s\n", err.text);
	else
		fprintf(said, "serial %u, %u names\n", z->serial, z->names);
	assert_true(z == NULL || zone_verify(z) == NULL);
	zone_free(z);
	fclose(said);
	return text;
}

/* The first difference is shown, and all that is said, for it may be what should be. */
static int
check(const char *file)
{
	char ok[300], *got = say_all(file), *want;
	struct err err;
	size_t len = 0;
	int bad;

	snprintf(ok, sizeof(ok), "%.*s.ok", (int)(strlen(file) - strlen(".zone")), file);
	want = file_read(ok, 0, 1 << 20, &len, &err);
	bad = want == NULL || strcmp(want, got) != 0;
	if (bad)
		print_error("%s: expected\n%sbut it is\n%s", file, want == NULL ? err.text : want,
		    got);
	free(want);
	free(got);
	return bad;
}

static void
says_what_is_wrong(void **state)
{
	glob_t found;
	int failed = 0;

	(void)state;
	assert_int_equal(glob(FOLDER "/*.zone", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 25);
	for (size_t i = 0; i < found.gl_pathc; i++)
		failed += check(found.gl_pathv[i]);
	globfree(&found);
	assert_int_equal(failed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
