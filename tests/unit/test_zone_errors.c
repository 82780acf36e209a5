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

/* The only pool is called p. */
static bool
known(const void *arg, const char *pool)
{
	(void)arg;
	return strcmp(pool, "p") == 0;
}

/* What is said of a zone; the caller frees it. */
static char *
say_all(const char *file)
{
	static const struct warn warn = { say, (void *)"warning" };
	static const struct warn error = { say, (void *)"error" };
	static const struct zone_pools pools = { known, NULL, "nearcast.conf" };
	static const struct zone_load_how how = {
		.pools = &pools, .warn = &warn, .error = &error
	};
	struct err err = { .told = 0 };
	char *text = NULL;
	size_t len = 0;
	struct zone *z;

	said = open_memstream(&text, &len);
	assert_non_null(said);
	z = zone_load("example.org", file, &how, &err);
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

/* ---- one slip, many slips ---- */

static const char sound[] =
    "$TTL 1h\n"
    "$ORIGIN example.org.\n"
    "@\tIN SOA\tns1 hostmaster (\n"
    "\t\t2026112701 ; serial\n"
    "\t\t7200       ; refresh\n"
    "\t\t15m        ; retry (quick)\n"
    "\t\t2w         ; expire\n"
    "\t\t300 )      ; minimum\n"
    "\tNS\tns1\n"
    "\tNS\tns2.example.org.\n"
    "\tMX\t10 mail\n"
    "\tTXT\t\"v=spf1 mx ip4:192.0.2.0/24 -all\"\n"
    "ns1\tA\t192.0.2.1\n"
    "\tAAAA\t2001:db8::1\n"
    "ns2\t300 IN A 192.0.2.2\n"
    "mail\tA\t192.0.2.25\n"
    "k._domainkey TXT ( \"v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQ\"\n"
    "\t\"EFAAOCAQ8AMIIBCgKCAQEA2t7b4g4vsa5smi47k6\"\n"
    "\t\"1mv5bv1a22bojr\" )\n"
    "_sip._tcp SRV 0 5 5060 mail\n"
    "www\tCNAME\tweb\n"
    "web\tHTTPS\t1 . alpn=\"h2,h3\" ipv4hint=192.0.2.80\n"
    "web\tA\t192.0.2.80\n"
    "$ORIGIN sub.example.org.\n"
    "a\tA\t192.0.2.90\n"
    "b\tTXT\t\"one\" \"two\" ; three \"four\n"
    "c\tCAA\t0 issue \"ca.example\"\n"
    "d\tDS\t12345 13 2 (\n"
    "\t1111111111111111111111111111111111111111\n"
    "\t111111111111111111111111 )\n"
    "d\tNS\tns.d\n"
    "ns.d\tA\t192.0.2.91\n";

/* How many mistakes a text has. */
static unsigned
count(const char *text, size_t len)
{
	struct err err = { .told = 0 };
	struct zone *z = zone_load_text("example.org", "z", text, len, NULL, NULL, &err);
	const char *more = z == NULL ? strstr(err.text, " (and ") : NULL;
	bool bad = z == NULL;

	zone_free(z);
	return more != NULL ? 1 + (unsigned)strtoul(more + strlen(" (and "), NULL, 10) : bad;
}

/* Whatever character is lost, or quote or parenthesis too many, is not told as many mistakes. */
static void
one_slip_is_hardly_more_than_one_mistake(void **state)
{
	static const char slips[] = { '\0', '"', '(', ')' };
	unsigned told[8] = { 0 };
	size_t len = sizeof(sound) - 1;
	char text[sizeof(sound) + 1];

	(void)state;
	assert_int_equal(count(sound, len), 0);
	for (size_t k = 0; k < sizeof(slips); k++)
		for (size_t i = 0; i < len; i++) {
			bool lost = slips[k] == '\0';
			unsigned n;
			memcpy(text, sound, i);
			text[i] = slips[k];
			memcpy(text + i + !lost, sound + i + lost, len - i - lost);
			n = count(text, len + 1 - 2 * lost);
			told[n < 7 ? n : 7]++;
		}
	assert_true(told[1] > 2000);
	assert_true(told[2] < 10);
	assert_int_equal(told[3] + told[4] + told[5] + told[6] + told[7], 0);
}

/* Mistaken lines between sound ones: each is one mistake. */
static void
many_slips_are_as_many_mistakes(void **state)
{
	static const char *const slips[] = {
		"x A 192.0.2.x", "x AAA 1.2.3.4", "x TXT \"open", "x MX mail", "x TXT \"a\"b",
		"x..x A 1.2.3.4", "x.example.com. A 1.2.3.4", "x A 1.2.3.4 )", "x CH A 1.2.3.4",
		"$FOO x", "x", "x 5z A 1.2.3.4", "$TTL q", "$INCLUDE /nowhere/x", " A 1.2.3.x",
		" MX mail", "x TXT \\", "x A 1.2.3.4 \001", "$GENERATE 1-2 a$ A x$",
	};
	enum { N = sizeof(slips) / sizeof(slips[0]) };
	char text[8 * sizeof(sound)];
	unsigned dice = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		unsigned want = 0;
		size_t n = 0, line_no = 0;
		for (const char *at = sound, *end; *at != '\0'; at = end) {
			end = strchr(at, '\n') + 1;
			dice = dice * 1103515245 + 12345;
			/* behind the first record, and not inside of another */
			if (++line_no > 9 && *at != '\t' && dice >> 16 & 1) {
				n += (size_t)sprintf(text + n, "%s\n", slips[(dice >> 20) % N]);
				want++;
			}
			memcpy(text + n, at, (size_t)(end - at));
			n += (size_t)(end - at);
		}
		if (count(text, n) != want)
			fail_msg("expected %u mistakes, got %u in\n%.*s", want, count(text, n),
			    (int)n, text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(one_slip_is_hardly_more_than_one_mistake),
		cmocka_unit_test(many_slips_are_as_many_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
