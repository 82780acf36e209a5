/* health_file: rows of { a sentence, the file's text, the reason for refusing it }. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/health_file.h"
#include "tests/lib/folder.h"

#define HEAD "nearcast-health 1 generation=42 stamp=1763690000.123 lease=5000\n"
#define SITE "site fra serving since=1763680000.000 reason=\"ok\"\n"
#define SERVER "server fra1 up v4=up v6=down since=1763680000.000 weight=100 ttl=12 " \
    "set=2026-11-20 reason=\"ok\"\n"
#define LONG64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *sentence, *text, *refused;
} rows[] = {
	{ "a head and an end", HEAD "end 0\n", NULL },
	{ "a site and a server", HEAD SITE SERVER "end 2\n", NULL },
	{ "an empty file is cut off", "",
	    "f:1: the file is cut off, `end` was expected as its last line" },
	{ "no end", HEAD SITE, "f:3: the file is cut off, `end` was expected as its last line" },
	{ "an end without its line break", HEAD "end 0",
	    "f:2: the file is cut off, `end` was expected as its last line" },
	{ "another program's file", "hello world\n",
	    "f:1: \"hello\", `nearcast-health 1` was expected" },
	{ "a version of the future", "nearcast-health 2 generation=1 stamp=1 lease=1\nend 0\n",
	    "f:1: \"nearcast-health\", `nearcast-health 1` was expected" },
	{ "a version that begins with 1", "nearcast-health 12 generation=1 stamp=1 lease=1\n"
	    "end 0\n",
	    "f:1: \"2\", ` generation=` was expected" },
	{ "a miscounted end", HEAD SITE "end 2\n",
	    "f:3: end 2: the file has 1 lines of sites and servers" },
	{ "text after the end", HEAD "end 0\nend 0\n",
	    "f:2: the end of the file was expected after `end`" },
	{ "an unknown line", HEAD "pool x\nend 0\n", "f:2: \"pool\", `end ` was expected" },
	{ "a site that says that it is drained", HEAD
	    "site fra down drain=1 since=1 reason=\"\"\nend 1\n", NULL },
	{ "a site that says that it is not drained", HEAD
	    "site fra down drain=0 since=1 reason=\"\"\nend 1\n", NULL },
	{ "a drain that is neither", HEAD "site fra down drain=2 since=1 reason=\"\"\nend 1\n",
	    "f:2:  drain=\"2\": a number of at most 1 was expected" },
	{ "a drain without a figure", HEAD "site fra down drain= since=1 reason=\"\"\nend 1\n",
	    "f:2:  drain=\"\": a number was expected" },
	{ "a posture that is none", HEAD "site fra up since=1 reason=\"\"\nend 1\n",
	    "f:2: \"up\" is no state; down, draining or serving ... was expected" },
	{ "a state that is none", HEAD "server a ok v4=up v6=up since=1 weight=1 ttl=0 set=- "
	    "reason=\"\"\nend 1\n",
	    "f:2: \"ok\" is no state; unknown, up or stale ... was expected" },
	{ "a state in capitals", HEAD "server a UP v4=up v6=up since=1 weight=1 ttl=0 set=- "
	    "reason=\"\"\nend 1\n",
	    "f:2: \"UP\" is no state; unknown, up or stale ... was expected" },
	{ "fields in another order", HEAD "server a up v6=up v4=up since=1 weight=1 ttl=0 set=- "
	    "reason=\"\"\nend 1\n",
	    "f:2: \"\", ` v4=` was expected" },
	{ "two blanks", HEAD "site  fra serving since=1 reason=\"\"\nend 1\n",
	    "f:2: a name was expected after \" \"" },
	{ "a weight of more than 100", HEAD "server a up v4=up v6=up since=1 weight=101 ttl=0 "
	    "set=- reason=\"\"\nend 1\n",
	    "f:2:  weight=\"101\": a number of at most 100 was expected" },
	{ "a negative weight", HEAD "server a up v4=up v6=up since=1 weight=-1 ttl=0 set=- "
	    "reason=\"\"\nend 1\n",
	    "f:2:  weight=\"-1\": a number was expected" },
	{ "a ttl past 32 bits", HEAD "server a up v4=up v6=up since=1 weight=1 ttl=4294967296 "
	    "set=- reason=\"\"\nend 1\n",
	    "f:2:  ttl=\"4294967296\": a number of at most 4294967295 was expected" },
	{ "a generation past 64 bits", "nearcast-health 1 generation=18446744073709551616 stamp=1 "
	    "lease=1\nend 0\n",
	    "f:1:  generation=\"18446744073709551616\": a number of at most 18446744073709551615 "
	    "was expected" },
	{ "the last generation", "nearcast-health 1 generation=18446744073709551615 stamp=1 "
	    "lease=1\nend 0\n", NULL },
	{ "a stamp that is no number", "nearcast-health 1 generation=1 stamp=nan lease=1\nend 0\n",
	    "f:1:  stamp=\"nan\": a number was expected" },
	{ "a stamp with a point and nothing", "nearcast-health 1 generation=1 stamp=1. "
	    "lease=1\nend 0\n",
	    "f:1:  stamp=: digits were expected after the point" },
	{ "a stamp with an exponent", "nearcast-health 1 generation=1 stamp=1e9 lease=1\nend 0\n",
	    "f:1: \"e9\", ` lease=` was expected" },
	{ "a lease of years", "nearcast-health 1 generation=1 stamp=1 lease=86400001\nend 0\n",
	    "f:1:  lease=\"86400001\": a number of at most 86400000 was expected" },
	{ "a reason that is not closed", HEAD "site fra serving since=1 reason=\"ok\nend 1\n",
	    "f:2: \"\", `\"` was expected" },
	{ "a reason with a backslash", HEAD "site fra serving since=1 reason=\"a\\b\"\nend 1\n",
	    "f:2: \"\\b\"\", `\"` was expected" },
	{ "a field after the reason", HEAD "site fra serving since=1 reason=\"ok\" x=1\nend 1\n",
	    "f:2: \"\": the end of the line was expected" },
	{ "a carriage return", HEAD "site fra serving since=1 reason=\"ok\"\r\nend 1\n",
	    "f:2: \"\": the end of the line was expected" },
	{ "a name too long", HEAD "site " LONG64 " serving since=1 reason=\"ok\"\nend 1\n",
	    "f:2:  a name of more than 63 octets" },
	{ "a server with two lines", HEAD SERVER SERVER "end 2\n",
	    "f: server \"fra1\" has two lines, one was expected" },
	{ "a site and a server of one name", HEAD "site fra1 down since=0 reason=\"\"\n" SERVER
	    "end 2\n", NULL },
};

static void
test_rows(void **state)
{
	struct health_file file;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int done = health_file_parse(&file, "f", rows[i].text, strlen(rows[i].text), &err);
		if ((done == 0) != (rows[i].refused == NULL))
			fail_msg("%s: %s", rows[i].sentence, done == 0 ? "was accepted" : err.text);
		if (done < 0 && strcmp(err.text, rows[i].refused) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", rows[i].sentence, err.text,
			    rows[i].refused);
		health_file_clear(&file);
	}
}

/* Wherever the writer died: no beginning of a good file is a good file. */
static void
test_every_cut_is_refused(void **state)
{
	static const char text[] = HEAD SITE SERVER "end 2\n";
	struct health_file file;
	struct err err;

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		assert_int_equal(health_file_parse(&file, "f", text, len, &err), -1);
		assert_null(file.servers);
	}
}

static void
test_fields(void **state)
{
	static const char text[] = HEAD SITE
	    "server fra1 stale v4=drain v6=unknown since=12.5 weight=37 ttl=12 set=- "
	    "reason=\"slow: 'x' 3 s\"\nend 2\n";
	struct health_file file;
	const struct health_server *s;

	(void)state;
	assert_int_equal(health_file_parse(&file, "f", text, sizeof(text) - 1, NULL), 0);
	assert_int_equal(file.generation, 42);
	assert_true(file.stamp > 1763690000.1229 && file.stamp < 1763690000.1231);
	assert_int_equal(file.lease_ms, 5000);
	assert_int_equal(file.n_sites, 1);
	assert_int_equal(file.sites[0].posture, POSTURE_SERVING);
	assert_int_equal(file.n_servers, 1);
	s = &file.servers[0];
	assert_string_equal(s->name, "fra1");
	assert_int_equal(s->state, HEALTH_STALE);
	assert_int_equal(s->v4, HEALTH_DRAIN);
	assert_int_equal(s->v6, HEALTH_UNKNOWN);
	assert_true(s->since == 12.5);
	assert_int_equal(s->weight, 37);
	assert_int_equal(s->ttl_s, 12);
	assert_string_equal(s->set, "");
	assert_string_equal(s->reason, "slow: 'x' 3 s");
	health_file_clear(&file);
}

/* ---- files ---- */

#define PATH folder_path("health")

static void
refused(const char *reason)
{
	struct health_file file;
	struct err err;

	assert_int_equal(health_file_read(&file, PATH, &err), -1);
	if (strstr(err.text, reason) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, reason);
	assert_null(file.sites);
}

static void
test_what_is_no_file(void **state)
{
	int fd;

	(void)state;
	refused("cannot be opened: No such file");
	assert_int_equal(mkdir(PATH, 0700), 0);
	refused("not a regular file");
	assert_int_equal(rmdir(PATH), 0);
	assert_int_equal(mkfifo(PATH, 0600), 0);
	refused("not a regular file");		/* and does not wait for a writer */
	assert_int_equal(unlink(PATH), 0);
	fd = open(PATH, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, (off_t)HEALTH_FILE_MAX + 1), 0);
	refused("a file of at most");
	assert_int_equal(ftruncate(fd, 4096), 0);
	refused(":1: the file is cut off");	/* zeros */
	close(fd);
	assert_int_equal(unlink(PATH), 0);
}

static void
test_written_is_read(void **state)
{
	struct health_site site = { "fra", POSTURE_DRAINING, true, true, 17.25,
	    "operator: \"upgrade\" \\ \n" };
	struct health_server servers[1000] = { 0 };
	struct health_file file = { 7, 1763690000.5, 4000, &site, 1, servers, 1000 }, got;
	struct err err;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(servers[i].name, sizeof(servers[i].name), "s%u", i);
		servers[i].state = (enum health_state)(i % 5);
		servers[i].weight = (uint8_t)(i % 101);
	}
	snprintf(servers[1].set, sizeof(servers[1].set), "a b\"c\xff");
	for (int round = 0; round < 2; round++) {	/* the second replaces the first */
		file.generation++;
		if (health_file_write(&file, PATH, &err) < 0)
			fail_msg("%s", err.text);
		if (health_file_read(&got, PATH, &err) < 0)
			fail_msg("%s", err.text);
		assert_int_equal(got.generation, file.generation);
		assert_string_equal(got.sites[0].reason, "operator: 'upgrade' . .");
		assert_true(got.sites[0].drain_said && got.sites[0].drain);
		assert_int_equal(got.n_servers, 1000);
		for (unsigned i = 0; i < 1000; i++) {
			assert_string_equal(got.servers[i].name, servers[i].name);
			assert_int_equal(got.servers[i].state, i % 5);
			assert_int_equal(got.servers[i].weight, i % 101);
		}
		assert_string_equal(got.servers[0].set, "");
		assert_string_equal(got.servers[1].set, "a_b_c_");
		health_file_clear(&got);
	}
	snprintf(servers[3].name, sizeof(servers[3].name), "a b");
	assert_int_equal(health_file_write(&file, PATH, &err), -1);
	assert_int_equal(health_file_read(&got, PATH, &err), 0);	/* the old file stands */
	health_file_clear(&got);
	assert_int_equal(unlink(PATH), 0);
}

static void
test_where_nothing_can_be_written(void **state)
{
	struct health_file file = { .lease_ms = 1000 };
	struct err err;

	(void)state;
	assert_int_equal(health_file_write(&file, "/nonexistent/health", &err), -1);
	assert_non_null(strstr(err.text, "cannot be created: No such file"));
	assert_int_equal(mkdir(PATH, 0700), 0);
	assert_int_equal(health_file_write(&file, PATH, &err), -1);
	assert_non_null(strstr(err.text, "cannot be written"));
	assert_int_equal(rmdir(PATH), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_cut_is_refused),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_written_is_read),
		cmocka_unit_test(test_where_nothing_can_be_written),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
