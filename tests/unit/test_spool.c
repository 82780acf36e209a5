/* spool: every event has a number, and every number a line or a line that declares it lost. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "common/members.h"
#include "common/spool.h"
#include "tests/lib/folder.h"

static char said[4096];

static void
hear(void *arg, const char *line)
{
	(void)arg;
	strncat(said, line, sizeof(said) - strlen(said) - 2);
	strcat(said, "\n");
}

static const struct warn listener = { hear, NULL };

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All lines of all segments in the order of their names; *segments = how many. */
static char *
all_lines(const char *dir, unsigned *segments)
{
	char *names[256], path[512], *text = calloc(1, 1), *one;
	struct dirent *d;
	size_t n = 0, len, used = 0;
	DIR *open = opendir(dir);
	struct err err;

	assert_non_null(open);
	while ((d = readdir(open)) != NULL)
		if (d->d_name[0] != '.')
			names[n++] = strdup(d->d_name);
	closedir(open);
	qsort(names, n, sizeof(names[0]), by_name);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		one = file_read(path, 0, 16 << 20, &len, &err);
		assert_non_null(one);
		text = realloc(text, used + len + 1);
		memcpy(text + used, one, len + 1);
		used += len;
		free(one);
		free(names[i]);
		unlink(path);
	}
	*segments = (unsigned)n;
	return text;
}

/* Reads on past one line, which is number `seq` and ends with `end`. */
static char *
line_is(char *at, const char *boot, unsigned seq, const char *end)
{
	char head[256], *stop = strchr(at, '\n');

	assert_non_null(stop);
	*stop = '\0';
	snprintf(head, sizeof(head), "{\"host\":\"h\\\"1\",\"boot\":\"%s\",\"seq\":%u,\"t\":", boot,
	    seq);
	if (strncmp(at, head, strlen(head)) != 0)
		fail_msg("%s does not begin with %s", at, head);
	assert_string_equal(stop - strlen(end), end);
	return stop + 1;
}

static void
wait_until(bool (*done)(struct spool *), struct spool *s)
{
	for (int i = 0; i < 500 && !done(s); i++)
		usleep(10000);
	assert_true(done(s));
}

static bool
is_failing(struct spool *s)
{
	struct spool_state st;

	spool_state(s, &st);
	return st.failing;
}

static bool
is_well(struct spool *s)
{
	return !is_failing(s);
}

static struct spool *
open_in(const char *dir, uint64_t max, uint32_t segment, uint32_t buffer)
{
	struct err err;
	struct spool *s = spool_open(&(struct spool_how){ .dir = dir, .kind = "unit",
	    .host = "h\"1",
	    .max = max, .segment = segment, .buffer = buffer, .warn = &listener }, &err);

	said[0] = '\0';
	assert_non_null(s);
	return s;
}

static void
lines_have_a_head_and_go_to_segments(void **state)
{
	struct spool *s = open_in(folder, 0, 500, 0);
	struct spool_state st;
	unsigned segments;
	char *text, *at;

	(void)state;
	spool_line(s, "\"ev\":\"start\"");
	spool_line(s, "\"two\":\"li\nnes\"");
	spool_line_at(s, 12.5, "\"n\":1,", 5);
	for (int i = 0; i < 20; i++)
		spool_line(s, "\"again\":true");
	usleep(200000);
	spool_line(s, "\"late\":true");
	spool_state(s, &st);
	assert_int_equal(st.events, 24);
	spool_close(s);
	at = text = all_lines(folder, &segments);
	at = line_is(at, st.boot, 0, ",\"ev\":\"start\"}");
	at = line_is(at, st.boot, 1, ",\"two\":\"li nes\"}");
	at = line_is(at, st.boot, 2, "\"t\":12.500,\"n\":1}");
	for (unsigned i = 3; i < 23; i++)
		at = line_is(at, st.boot, i, ",\"again\":true}");
	at = line_is(at, st.boot, 23, ",\"late\":true}");
	at = line_is(at, st.boot, 24, ",\"ev\":\"end\"}");
	assert_int_equal(*at, '\0');
	assert_int_equal(segments, 2);
	assert_string_equal(said, "");
	free(text);
}

static void
what_memory_does_not_hold_is_declared(void **state)
{
	const char *dir = folder_path("later");
	struct spool *s = open_in(dir, 0, 0, 320);	/* six records of sixteen and 32 octets */
	struct spool_state st;
	unsigned segments;
	char *text, *at;

	(void)state;
	spool_line(s, "\"e\":\"00000000000000000000000000\"");
	wait_until(is_failing, s);
	for (int i = 1; i < 20; i++)
		spool_line(s, "\"e\":\"00000000000000000000000000\"");
	spool_line(s, "\"e\":1");		/* it would fit, but not where it belongs */
	spool_state(s, &st);
	assert_int_equal(st.lost, 15);
	assert_int_equal(mkdir(dir, 0700), 0);
	wait_until(is_well, s);
	spool_state(s, &st);			/* its name is that of its first file's time */
	usleep(100000);
	spool_line(s, "\"ev\":\"after\"");
	spool_close(s);
	at = text = all_lines(dir, &segments);
	for (unsigned i = 0; i < 6; i++)
		at = line_is(at, st.boot, i, "000\"}");
	at = line_is(at, st.boot, 21, "\"ev\":\"lost\",\"from\":6,\"to\":20}");
	at = line_is(at, st.boot, 22, "\"ev\":\"after\"}");
	at = line_is(at, st.boot, 23, "\"ev\":\"end\"}");
	assert_int_equal(*at, '\0');
	assert_non_null(strstr(said, "/later: No such file or directory; events wait in memory"));
	assert_non_null(strstr(said, "/later: written again, 15 events were lost"));
	free(text);
	rmdir(dir);
}

static void
the_quota_counts_all_segments(void **state)
{
	struct spool *s;
	struct spool_state st;
	unsigned segments;
	char *text;

	(void)state;
	folder_put("nginx-x.log", "0123456789012345678901234567890123456789");
	s = open_in(folder, 100, 0, 0);
	spool_line(s, "\"ev\":\"too much\"");
	wait_until(is_failing, s);
	assert_non_null(strstr(said, "40 octets wait there, and `max` is 100"));
	unlink(folder_path("nginx-x.log"));
	spool_limit(s, 150);
	wait_until(is_well, s);
	assert_non_null(strstr(said, "written again, 0 events were lost"));
	assert_non_null(strstr(said, "octets wait for collectors, more than half of `max`, 150"));
	spool_state(s, &st);
	spool_close(s);
	text = all_lines(folder, &segments);
	line_is(text, st.boot, 0, "\"ev\":\"too much\"}");
	free(text);
}

/* Whoever wants to know whether more is to come asks for the lock. */
static void
open_segments_are_locked_and_names_unique(void **state)
{
	struct spool *a = open_in(folder, 0, 0, 0), *b = open_in(folder, 0, 0, 0);
	struct spool_state sa, sb;
	unsigned segments;
	char path[512], *text;
	int fd;

	(void)state;
	spool_line(a, "\"ev\":\"a\"");
	usleep(150000);
	spool_line(b, "\"ev\":\"b\"");
	usleep(150000);
	spool_state(a, &sa);
	spool_state(b, &sb);
	assert_string_not_equal(sa.boot, sb.boot);
	snprintf(path, sizeof(path), "%s/unit-%s-000000.log", folder, sa.boot);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_SH | LOCK_NB), -1);
	spool_close(a);
	assert_int_equal(flock(fd, LOCK_SH | LOCK_NB), 0);
	close(fd);
	spool_close(b);
	text = all_lines(folder, &segments);
	assert_int_equal(segments, 2);
	free(text);
}

static void
a_removed_segment_is_left(void **state)
{
	struct spool *s = open_in(folder, 0, 0, 0);
	struct spool_state st;
	unsigned segments;
	char *text;

	(void)state;
	spool_line(s, "\"ev\":\"gone\"");
	usleep(150000);
	free(all_lines(folder, &segments));
	assert_int_equal(segments, 1);
	usleep(1200000);		/* until the thread has looked */
	spool_line(s, "\"ev\":\"here\"");
	spool_state(s, &st);
	spool_close(s);
	text = all_lines(folder, &segments);
	line_is(text, st.boot, 1, "\"ev\":\"here\"}");
	free(text);
}

static void
what_was_lost_before_has_numbers(void **state)
{
	struct spool *s = open_in(folder, 0, 0, 0);
	struct spool_state st;
	unsigned segments;
	char *text, *at;

	(void)state;
	spool_lose(NULL, 1);
	spool_line(NULL, "");
	spool_close(NULL);
	spool_lose(s, 5);
	usleep(150000);
	spool_line(s, "\"ev\":\"x\"");
	spool_state(s, &st);
	spool_close(s);
	at = text = all_lines(folder, &segments);
	at = line_is(at, st.boot, 5, "\"ev\":\"lost\",\"from\":0,\"to\":4}");
	line_is(at, st.boot, 6, "\"ev\":\"x\"}");
	free(text);
}

/* The folder's bound is reached, and stays so: whoever ends says what it had to leave out. */
static void
the_end_of_a_full_spool_is_declared(void **state)
{
	struct spool *s;
	struct spool_state st;
	unsigned segments;
	char *text, *at;

	(void)state;
	folder_put("nginx-x.log", "0123456789012345678901234567890123456789");
	s = open_in(folder, 200, 0, 300);
	spool_line(s, "\"ev\":\"first\"");
	usleep(150000);
	for (int i = 0; i < 20; i++)
		spool_line(s, "\"e\":\"00000000000000000000000000\"");
	wait_until(is_failing, s);
	for (int i = 0; i < 20; i++)
		spool_line(s, "\"e\":\"00000000000000000000000000\"");
	spool_state(s, &st);
	assert_int_equal(st.events, 41);
	spool_close(s);
	unlink(folder_path("nginx-x.log"));
	at = text = all_lines(folder, &segments);
	at = line_is(at, st.boot, 0, "\"ev\":\"first\"}");
	/* a `lost` line had its number, too, and no place */
	at = line_is(at, st.boot, 42, "\"ev\":\"lost\",\"from\":1,\"to\":41}");
	at = line_is(at, st.boot, 43, "\"ev\":\"end\"}");
	assert_int_equal(*at, '\0');
	/* what was full was ended, and so can be shipped and removed */
	assert_int_equal(segments, 2);
	assert_non_null(strstr(said, "the last 41 events are lost"));
	free(text);
}

static void
put_past(const char *boot, unsigned number, const char *lines)
{
	char name[128];

	snprintf(name, sizeof(name), "unit-%s-%06u.log", boot, number);
	folder_put(name, lines);
}

#define PAST(seq, members) \
	"{\"host\":\"h\",\"boot\":\"b\",\"seq\":" #seq ",\"t\":1.5," members "}\n"

static void
who_was_killed_is_said_by_the_next(void **state)
{
	struct spool *s;
	struct spool_state st;
	unsigned segments;
	char *text, *at;

	(void)state;
	put_past("20250101T000000Z.1", 0, PAST(0, "\"ev\":\"start\""));
	put_past("20250101T000000Z.1", 9, PAST(7, "\"ev\":\"test\"") PAST(8, "\"e\":1") "torn");
	put_past("20250101T000000Z.1", 10, "");
	put_past("20250102T000000Z.1", 3, PAST(9, "\"ev\":\"x\"") PAST(10, "\"ev\":\"end\""));
	put_past("20250103T000000Z.1", 0, "");
	folder_put("other-20250103T000000Z.1-000000.log", PAST(3, "\"ev\":\"x\""));
	s = open_in(folder, 0, 0, 0);
	spool_line(s, "\"ev\":\"start\"");
	usleep(150000);
	spool_state(s, &st);
	spool_close(s);
	text = all_lines(folder, &segments);
	at = strstr(text, "{\"host\":\"h\\\"1\"");
	at = line_is(at, st.boot, 0, "\"ev\":\"cut\",\"of\":\"20250101T000000Z.1\",\"last\":8}");
	at = line_is(at, st.boot, 1, "\"ev\":\"cut\",\"of\":\"20250103T000000Z.1\"}");
	at = line_is(at, st.boot, 2, "\"ev\":\"start\"}");
	line_is(at, st.boot, 3, "\"ev\":\"end\"}");
	free(text);
}

/* The folder is full, and this process may be killed before it is not. */
static void
who_was_killed_is_said_in_a_full_folder(void **state)
{
	struct spool *s;
	struct spool_state st;
	unsigned segments;
	char *text, *at;

	(void)state;
	put_past("20250101T000000Z.1", 0, PAST(0, "\"ev\":\"test\""));
	s = open_in(folder, 20, 0, 0);
	spool_line(s, "\"ev\":\"start\"");
	wait_until(is_failing, s);
	spool_state(s, &st);
	text = all_lines(folder, &segments);
	at = strstr(text, "{\"host\":\"h\\\"1\"");
	assert_non_null(at);
	at = line_is(at, st.boot, 0, "\"ev\":\"cut\",\"of\":\"20250101T000000Z.1\",\"last\":0}");
	assert_int_equal(*at, '\0');
	free(text);
	spool_close(s);
	free(all_lines(folder, &segments));
}

/* A process follows those whose segments are there, whatever the clock says. */
static void
the_clock_was_set_back(void **state)
{
	struct spool *s;
	struct spool_state st;
	unsigned segments;
	char *text, *at;

	(void)state;
	put_past("20981231T235959Z.7", 0, PAST(0, "\"ev\":\"end\""));
	put_past("nonsense", 0, PAST(0, "\"ev\":\"end\""));
	s = open_in(folder, 0, 0, 0);
	spool_line(s, "\"ev\":\"start\"");
	usleep(150000);
	spool_state(s, &st);
	spool_close(s);
	assert_memory_equal(st.boot, "20990101T000000Z.", 17);
	text = all_lines(folder, &segments);
	at = strstr(text, "{\"host\":\"h\\\"1\"");
	assert_non_null(at);
	at = line_is(at, st.boot, 0, "\"ev\":\"start\"}");
	line_is(at, st.boot, 1, "\"ev\":\"end\"}");
	free(text);
}

/* ---- members ---- */

static void
members_are_valid_whatever_the_octets(void **state)
{
	struct addr a = { 0 };
	struct members m;
	char out[512];
	size_t len;

	(void)state;
	members_begin(&m, out, sizeof(out));
	members_text(&m, "t", "a\"b\\c\n\x00\x7f\xff\xc3\xa4\xed\xa0\x80", 14);
	members_string(&m, "none", NULL);
	members_number(&m, "n", 18446744073709551615u);
	members_decimal(&m, "d", 1.005, 2);
	members_bool(&m, "b", true);
	assert_int_equal(addr_parse(&a, "2001:db8::1@53", NULL), 0);
	members_address(&m, "a", &a);
	members_json(&m, "j", "[1,2]");
	len = members_end(&m);
	assert_int_equal(len, strlen(out));
	assert_false(m.cut);
	assert_string_equal(out, "\"t\":\"a\\\"b\\\\c\\u000a\\u0000\\u007f\xef\xbf\xbd\xc3\xa4"
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"n\":18446744073709551615,\"d\":1.00,"
	    "\"b\":true,\"a\":\"2001:db8::1\",\"j\":[1,2]");
}

static void
members_that_do_not_fit_are_left_out(void **state)
{
	struct members m;
	char out[16];

	(void)state;
	members_begin(&m, out, sizeof(out));
	members_number(&m, "a", 1);
	members_string(&m, "long", "0123456789");
	assert_true(m.cut);
	members_number(&m, "b", 2);
	assert_true(m.cut);
	members_end(&m);
	assert_string_equal(out, "\"a\":1,\"b\":2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_a_head_and_go_to_segments),
		cmocka_unit_test(what_memory_does_not_hold_is_declared),
		cmocka_unit_test(the_quota_counts_all_segments),
		cmocka_unit_test(open_segments_are_locked_and_names_unique),
		cmocka_unit_test(a_removed_segment_is_left),
		cmocka_unit_test(what_was_lost_before_has_numbers),
		cmocka_unit_test(the_end_of_a_full_spool_is_declared),
		cmocka_unit_test(who_was_killed_is_said_by_the_next),
		cmocka_unit_test(who_was_killed_is_said_in_a_full_folder),
		cmocka_unit_test(the_clock_was_set_back),
		cmocka_unit_test(members_are_valid_whatever_the_octets),
		cmocka_unit_test(members_that_do_not_fit_are_left_out),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_clear);
}
