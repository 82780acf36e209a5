#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/control.h"

/* A server in a thread of its own, in a folder of its own. */
struct fixture {
	char dir[32], path[64];
	struct loop *loop;
	struct loop_io stop;		/* readable when the thread is to end */
	int stopper;
	struct control *control;
	pthread_t thread;
	uint64_t later;
	unsigned reports;
};

static void
report(void *arg, FILE *out)
{
	fprintf(out, "report %u\n\n", ++((struct fixture *)arg)->reports);
}

static enum control_result
handle(void *arg, uint64_t request, const char *line, FILE *out, struct err *err)
{
	struct fixture *f = arg;

	if (strcmp(line, "hello") == 0) {
		fputs("world\nof two lines\n", out);
		return CONTROL_OK;
	}
	if (strcmp(line, "big") == 0) {
		for (unsigned i = 0; i < 200000; i++)
			fputs("0123456789\n", out);
		return CONTROL_OK;
	}
	if (strcmp(line, "later") == 0) {
		__atomic_store_n(&f->later, request, __ATOMIC_RELAXED);
		return CONTROL_LATER;
	}
	if (strcmp(line, "now") == 0) {
		control_finish(f->control, f->later, NULL, "patience\n");
		return CONTROL_OK;
	}
	if (strcmp(line, "tell") == 0) {
		control_set_report(f->control, report, f);
		control_tell(f->control);
		return CONTROL_OK;
	}
	if (strcmp(line, "flood") == 0) {		/* more than any socket holds */
		for (unsigned i = 0; i < 200000; i++)
			control_tell(f->control);
		return CONTROL_OK;
	}
	fputs("and why\n", out);
	err_set(err, "no command \"%s\"", line);
	return CONTROL_ERROR;
}

static void
on_stop(struct loop_io *io, uint32_t events)
{
	(void)events;
	loop_stop(LOOP_OWNER(io, struct fixture, stop)->loop);
}

static void *
serve(void *arg)
{
	struct err err;

	loop_run(((struct fixture *)arg)->loop, &err);
	return NULL;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err;
	int ends[2];

	strcpy(f->dir, "/tmp/nc-control-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/test.sock", f->dir);
	f->loop = loop_new(&err);
	assert_non_null(f->loop);
	f->control = control_listen(f->loop, f->path, handle, f, &err);
	assert_non_null(f->control);
	assert_int_equal(pipe(ends), 0);
	f->stop = (struct loop_io){ .fd = ends[0], .ready = on_stop };
	f->stopper = ends[1];
	assert_int_equal(loop_io_set(f->loop, &f->stop, EPOLLIN), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char lock[96];

	close(f->stopper);
	pthread_join(f->thread, NULL);
	loop_io_set(f->loop, &f->stop, 0);
	close(f->stop.fd);
	control_close(f->control);
	loop_free(f->loop);
	assert_int_equal(access(f->path, F_OK), -1);
	snprintf(lock, sizeof(lock), "%s.lock", f->path);
	unlink(lock);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static int
raw_connect(const struct fixture *f)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct timeval limit = { .tv_sec = 10 };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", f->path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* Sends `text` as it is and compares the whole answer. */
static void
raw_ask(const struct fixture *f, const char *text, size_t len, const char *expected)
{
	char got[256] = "";
	size_t n = 0;
	ssize_t r;
	int fd = raw_connect(f);

	(void)!send(fd, text, len, MSG_NOSIGNAL);
	while ((r = recv(fd, got + n, sizeof(got) - 1 - n, 0)) > 0)
		n += (size_t)r;
	got[n] = '\0';
	assert_string_equal(got, expected);
	close(fd);
}

static void
test_lines(void **state)
{
	static char longest[CONTROL_LINE_MAX + 2];
	static const struct {
		const char *sentence, *sent, *expected;
	} rows[] = {
		{ "a command is answered", "hello\n", "ok\nworld\nof two lines\n" },
		{ "what follows the line is thrown away", "hello\nhello\n\n",
		    "ok\nworld\nof two lines\n" },
		{ "an error has a reason and text", "x\n", "error: no command \"x\"\nand why\n" },
		{ "an empty line is a command like any other", "\n",
		    "error: no command \"\"\nand why\n" },
		{ "a tab is refused", "a\tb\n",
		    "error: the line has an octet that is not printable ASCII\n" },
		{ "UTF-8 is refused", "\xc3\xa4\n",
		    "error: the line has an octet that is not printable ASCII\n" },
		{ "a line too long is refused", longest,
		    "error: the line is longer than 1024 octets\n" },
	};

	memset(longest, 'a', sizeof(longest) - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].sentence);
		raw_ask(*state, rows[i].sent, strlen(rows[i].sent), rows[i].expected);
	}
}

static void
test_ask(void **state)
{
	struct fixture *f = *state;
	struct err err;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(control_ask(f->path, "hello", 5000, out, &err), 0);
	assert_int_equal(control_ask(f->path, "nonsense", 5000, out, &err), -2);
	assert_string_equal(err.text, "no command \"nonsense\"");
	fclose(out);
	assert_string_equal(text, "world\nof two lines\nand why\n");
	free(text);

	out = open_memstream(&text, &len);
	assert_int_equal(control_ask(f->path, "big", 10000, out, &err), 0);
	fclose(out);
	assert_int_equal(len, 200000 * 11);
	free(text);

	assert_int_equal(control_ask(f->path, "later", 50, NULL, &err), -1);
	assert_non_null(strstr(err.text, "no answer in time"));
	assert_int_equal(control_ask("/nonexistent/x.sock", "hello", 50, NULL, &err), -1);
	assert_non_null(strstr(err.text, "nobody listens there"));
}

static void
test_later(void **state)
{
	struct fixture *f = *state;
	char got[64] = "";
	int fd = raw_connect(f);

	assert_int_equal(send(fd, "later\n", 6, 0), 6);
	shutdown(fd, SHUT_WR);
	/* the server reads connections in order: once `now` is answered, `later` was seen */
	while (__atomic_load_n(&f->later, __ATOMIC_RELAXED) == 0)
		raw_ask(f, "hello\n", 6, "ok\nworld\nof two lines\n");
	raw_ask(f, "now\n", 4, "ok\n");
	assert_int_equal(recv(fd, got, sizeof(got) - 1, MSG_WAITALL), 12);
	assert_string_equal(got, "ok\npatience\n");
	close(fd);
}

static void
test_watch(void **state)
{
	struct fixture *f = *state;
	struct err err;
	struct pollfd pfd = { .events = POLLIN };
	char got[16];
	int fd = control_watch(f->path, &err);

	assert_true(fd >= 0);
	pfd.fd = fd;
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 3);
	assert_memory_equal(got, "ok\n", 3);
	assert_int_equal(poll(&pfd, 1, 50), 0);		/* it stays open */
	close(fd);
}

/* Reads until the text is there, for at most ten seconds. */
static void
expect_text(int fd, const char *text)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char got[64];
	size_t len = 0;

	while (len < strlen(text)) {
		assert_int_equal(poll(&pfd, 1, 10000), 1);
		ssize_t n = recv(fd, got + len, strlen(text) - len, 0);
		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_memory_equal(got, text, len);
}

/* At once, and whenever the daemon says so; every watcher the same. */
static void
test_watchers_are_told(void **state)
{
	struct fixture *f = *state;
	struct err err;
	int first = control_watch(f->path, &err), second;

	expect_text(first, "ok\n");
	assert_int_equal(control_ask(f->path, "tell", 5000, NULL, &err), 0);
	expect_text(first, "report 1\n\n");
	second = control_watch(f->path, &err);
	expect_text(second, "ok\nreport 2\n\n");
	assert_int_equal(control_ask(f->path, "tell", 5000, NULL, &err), 0);
	expect_text(first, "report 3\n\n");
	expect_text(second, "report 4\n\n");
	close(first);
	close(second);
}

/* Who does not read costs a socket's buffer, no memory and no time, and is let go. */
static void
test_watcher_that_does_not_read_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct err err;
	int deaf = control_watch(f->path, &err);
	char waste[65536];
	ssize_t n;

	expect_text(deaf, "ok\n");
	assert_int_equal(control_ask(f->path, "tell", 5000, NULL, &err), 0);
	assert_int_equal(control_ask(f->path, "flood", 20000, NULL, &err), 0);
	assert_int_equal(control_ask(f->path, "hello", 5000, NULL, &err), 0);
	while ((n = recv(deaf, waste, sizeof(waste), MSG_DONTWAIT)) > 0)
		;
	assert_int_equal(n, 0);				/* end-of-file, not "nothing yet" */
	close(deaf);
}

/* Silent connections, more than there are places, keep nobody out. */
static void
test_crowd(void **state)
{
	struct fixture *f = *state;
	int fd[3 * CONTROL_MAX_CONNECTIONS];
	size_t n = sizeof(fd) / sizeof(fd[0]);
	struct err err;

	for (size_t i = 0; i < n; i++)
		fd[i] = raw_connect(f);
	if (control_ask(f->path, "hello", 5000, NULL, &err) != 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < n; i++)
		close(fd[i]);
}

static void
test_live_and_stale(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct err err;
	struct stat st;
	struct loop *loop = loop_new(&err);
	struct control *other;
	char path[64], lock[96];
	int fd;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);

	/* somebody listens: refused */
	snprintf(path, sizeof(path), "%s/other.sock", f->dir);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_null(control_listen(loop, path, handle, f, &err));
	assert_non_null(strstr(err.text, "already running"));

	/* nobody listens any more: replaced */
	close(fd);
	other = control_listen(loop, path, handle, f, &err);
	assert_non_null(other);
	control_close(other);

	/* a file that is no socket: refused and left alone */
	assert_int_equal(close(creat(path, 0600)), 0);
	assert_null(control_listen(loop, path, handle, f, &err));
	assert_non_null(strstr(err.text, "not a socket"));
	assert_int_equal(unlink(path), 0);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	unlink(lock);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watchers_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watcher_that_does_not_read_is_dropped, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_live_and_stale, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
