/*
 * conf without memory: every allocation made while a large configuration is read fails once, in
 * one run alone, in another with all that come after it.  What must come of it is a reason, and
 * nothing left behind.
 *
 * malloc and its sisters are defined here, so that what the C library allocates (strdup, asprintf,
 * open_memstream, getcwd) fails as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf.h"

#ifdef __SANITIZE_ADDRESS__
#define REAL(name) __interceptor_##name
#define COUNTED false			/* the sanitizer counts itself, and has its own strdup */
#else
#define REAL(name) __libc_##name
#define COUNTED true
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *old, size_t size);
void REAL(free)(void *old);

static long left = -1;			/* allocations until one fails; below 0 = none does */
static bool for_good;			/* and all after it */
static long failed;			/* how many did */
static long living;			/* allocated and not freed */

static bool
fails(void)
{
	if (left < 0 || left-- > 0)
		return false;
	failed++;
	left = for_good ? 0 : -1;
	errno = ENOMEM;
	return true;
}

static void *
counted(void *made)
{
	living += made != NULL;
	return made;
}

void *
malloc(size_t size)
{
	return fails() ? NULL : counted(REAL(malloc)(size));
}

void *
calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(REAL(calloc)(n, size));
}

void *
realloc(void *old, size_t size)
{
	void *made = fails() ? NULL : REAL(realloc)(old, size);

	return old == NULL ? counted(made) : made;
}

void
free(void *old)
{
	living -= old != NULL;
	REAL(free)(old);
}

static const char head[] =
    "include = more; here-file = here; listen = { \"192.0.2.53\", \"2001:db8:53::53\" }\n"
    "user = nearcast\n"
    "hook = hook; alarm-hook = tell; health-file = health; nsid = \"one\"\n"
    "cookies { secret-file = \"cookie.secret\" } rrl { exempt = { \"10.0.0.0/8\", \"::1\" } }\n"
    "explain { allow = \"192.0.2.0/24\" } chaos { version = \"none\" }\n"
    "zone \"example.org.\" { file = \"zones/example.org.zone\" } zone b { file = /b }\n"
    "site \"fra\" { location = { 50.11, 8.68 }; home = yes; sibling = \"192.0.2.209\" }\n"
    "site \"nyc\" { location = { 40.71, -74.01 } }\n"
    "announce { prefix = { \"192.0.2.0/25\", \"2001:db8:53::/48\" }; cover = \"192.0.2.0/24\"\n"
    " question = \"example.org SOA\"; router-id = \"192.0.2.1\"\n"
    " neighbor \"upstream\" { address = \"192.0.2.2\"; as = 64500; password-file = p\n"
    "  interface = e; bird = { \"a;\", \"b;\" } } }\n"
    "geo { city = \"geo.mmdb\"; asn = \"asn.mmdb\"; prefix \"10.0.0.0/8\" { sites = fra }\n"
    " asn \"64500\" { sites = { nyc, fra } } country \"DE\" { sites = { fra, nyc } }\n"
    " country \"US\" { sites = { nyc, fra } } continent \"SA\" { sites = { nyc } } }\n"
    "check h { kind = http; url = \"http://example.org/\"; ca-file = ca\n"
    " match-body = \"^a(b|c)+$\"; match-header = \"X: y\"; codes = { 200, 301-303 }\n"
    " request-header = { \"A: b\", \"C: d\" }\n"
    " basic-auth-file = auth; client-cert = c; client-key = k }\n"
    "check d { kind = dns; question = \"example.org SOA\"; answer = \"192.0.2.1\" }\n"
    "check s { kind = content; url = \"http://example.org/\"; origin = \"http://o.example/id\"\n"
    " digest \"http://example.org/iso\" { size = 700m\n"
    "  sha256 = \"00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\" } }\n"
    "check x { kind = command; command = { \"/usr/bin/true\", \"-a\", \"b c\" } }\n"
    "pool one { check = { h, x }\n";
static char text[32768];

static char *whole;			/* the configuration as it prints */

static char *
printed(const struct conf *conf)
{
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	assert_non_null(f);
	conf_print(conf, f);
	assert_int_equal(fclose(f), 0);
	return out;
}

/* What is included, and the file that says which site this is. */
static char *
read_other(const char *path, size_t max, size_t *len, struct err *err)
{
	char *other = strdup(strstr(path, "here") != NULL ? "fra\n" : "\nthreads = 3\n");

	(void)max;
	if (other == NULL)
		err_set(err, "out of memory");
	else
		*len = strlen(other);
	return other;
}

static struct conf *
read_text(struct err *err)
{
	static const struct conf_how how = { NULL, read_other };

	return conf_parse("dir/nearcast.conf", text, strlen(text), &how, NULL, NULL, err);
}

/* Servers enough that even the C library's sort needs memory. */
static int
make_text(void **state)
{
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", head);
	struct conf *conf;
	struct err err;

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%sserver s%u { site = fra\n"
		    " address = { \"198.51.%u.1\", \"2001:db8::%x\" } }\n",
		    i == 200 ? "} pool two { check = d\n" : "", i, i % 256, i + 1);
	snprintf(text + n, sizeof(text) - n, "}\n");
	conf = read_text(&err);
	if (conf == NULL)
		fail_msg("%s", err.text);
	whole = printed(conf);
	conf_free(conf);
	return 0;
}

static int
free_text(void **state)
{
	(void)state;
	free(whole);
	return 0;
}

/* Reads with the allocation after the first `n` failing; true if there was one.  The C library
 * does without some (to sort, to make a block smaller): then all has to be there. */
static bool
without_allocation(long n)
{
	struct err err = { .text = "" };
	long before = living;
	struct conf *conf;

	failed = 0;
	left = n;
	conf = read_text(&err);
	left = -1;
	if (conf != NULL) {
		char *now = printed(conf);
		assert_string_equal(now, whole);
		free(now);
	} else if ((strncmp(err.text, "dir/nearcast.conf:", 18) != 0 &&
	    strncmp(err.text, "dir/more:", 9) != 0) ||
	    strstr(err.text, ": out of memory") == NULL) {
		fail_msg("after %ld allocations: \"%s\"", n, err.text);
	}
	conf_free(conf);
	if (COUNTED && living != before)
		fail_msg("after %ld allocations: %ld more are not freed", n, living - before);
	return failed != 0;
}

static void
without_each(bool good)
{
	long n = 0;

	for_good = good;
	while (without_allocation(n))
		n++;
	assert_true(n > 1000);
}

static void
test_one_allocation_fails(void **state)
{
	(void)state;
	without_each(false);
}

static void
test_memory_is_used_up(void **state)
{
	(void)state;
	without_each(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_allocation_fails),
		cmocka_unit_test(test_memory_is_used_up),
	};

	return cmocka_run_group_tests(tests, make_text, free_text);
}
