/*
 * control_client: the end of a control socket that asks (control.h).
 *
 * control_ask serves nearctl and `dnsd -t`: it connects, sends one line and waits for the
 * whole answer, with poll(2) and one time limit for all of it.  It blocks, and so it has no place
 * on an event loop.  control_watch serves the keeper, which must never block: it connects and
 * sends without waiting and leaves the rest to its caller's loop.
 *
 * A daemon that is not there, one that hangs and one that answers nonsense are told apart in
 * the reason: it is what an operator reads first.
 *
 * Nothing is kept between calls; any thread.  What the daemon answers is passed on as it
 * comes, but for the first line, of which at most as much as a reason holds is kept.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control.h"

/* A Unix socket connects at once, unless others are queueing for the daemon's ear. */
static int
connect_path(const char *path, uint64_t until_ms, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		return err_set(err, "%s: too long for a socket's path", path);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, "socket: %s", strerror(errno));
	while (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		if (errno == EAGAIN && clock_mono().ms < until_ms) {
			poll(NULL, 0, 5);
			continue;
		}
		const char *why =
		    errno == ENOENT || errno == ECONNREFUSED ? "nobody listens there" :
		    errno == EAGAIN ? "does not accept connections, it may hang" : strerror(errno);
		err_set(err, "%s: %s", path, why);
		close(fd);
		return -1;
	}
	return fd;
}

/* A line is far smaller than any socket buffer: it is taken whole or not at all. */
static int
send_line(int fd, const char *path, const char *line, struct err *err)
{
	char text[CONTROL_LINE_MAX + 1];
	size_t len = strlen(line);

	if (len >= sizeof(text))
		return err_set(err, "the command is longer than %d octets", CONTROL_LINE_MAX);
	memcpy(text, line, len);
	text[len++] = '\n';
	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		return err_set(err, "%s: %s", path, strerror(errno));
	return 0;
}

/* Octets read, 0 at the end, -1 with a reason. */
static ssize_t
read_some(int fd, const char *path, char *buffer, size_t size, uint64_t until_ms, struct err *err)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	for (;;) {
		uint64_t now = clock_mono().ms;
		ssize_t n = recv(fd, buffer, size, 0);
		if (n >= 0)
			return n;
		if (errno != EAGAIN && errno != EINTR)
			return err_set(err, "%s: %s", path, strerror(errno));
		if (now >= until_ms)
			return err_set(err, "%s: no answer in time", path);
		poll(&pfd, 1, (int)(until_ms - now));
	}
}

/* Judges the first line: 0 for ok, -2 with the daemon's reason, -1 for nonsense. */
static int
judge_first_line(const char *path, const char *first, struct err *err)
{
	if (strcmp(first, "ok") == 0)
		return 0;
	if (strncmp(first, "error: ", 7) == 0) {
		err_set(err, "%s", first + 7);
		return -2;
	}
	return err_set(err, "%s: answers \"%.60s\", `ok` or `error: ...` was expected", path,
	    first);
}

static int
read_reply(int fd, const char *path, uint64_t until_ms, FILE *out, struct err *err)
{
	char first[sizeof(err->text)], buffer[16384];
	size_t first_len = 0;
	bool in_first = true;
	ssize_t n;

	while ((n = read_some(fd, path, buffer, sizeof(buffer), until_ms, err)) > 0) {
		size_t at = 0;

		while (in_first && at < (size_t)n) {
			char c = buffer[at++];
			if (c == '\n')
				in_first = false;
			else if (first_len < sizeof(first) - 1)
				first[first_len++] = c;
		}
		if (out != NULL)
			fwrite(buffer + at, 1, (size_t)n - at, out);
	}
	if (n < 0)
		return -1;
	if (in_first)
		return err_set(err, "%s: closed the connection without an answer", path);
	first[first_len] = '\0';
	return judge_first_line(path, first, err);
}

int
control_ask(const char *path, const char *line, unsigned timeout_ms, FILE *out, struct err *err)
{
	uint64_t until_ms = clock_mono().ms + timeout_ms;
	int fd = connect_path(path, until_ms, err), rc = -1;

	if (fd < 0)
		return -1;
	if (send_line(fd, path, line, err) == 0)
		rc = read_reply(fd, path, until_ms, out, err);
	close(fd);
	return rc;
}

int
control_watch(const char *path, struct err *err)
{
	int fd = connect_path(path, 0, err);

	if (fd >= 0 && send_line(fd, path, "watch", err) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}
