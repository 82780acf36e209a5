#include "ctl/rsync_list.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/utf8.h"

enum { AT_A_TIME = 64 };

static void
become_rsync(const char *url)
{
	const char *const argv[] = { "rsync", "-r", "--list-only", "--no-motd", "--no-h",
		"--contimeout=10", "--timeout=60", "--exclude=.~tmp~/", "--", url, NULL };

	/* a group of its own: what rsync starts is killed with it */
	setpgid(0, 0);
	setenv("TZ", "UTC", 1);
	setenv("LC_ALL", "C", 1);
	unsetenv("RSYNC_PASSWORD");
	execvp(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "rsync: %s\n", strerror(errno));
	_exit(127);
}

int
rsync_list_start(struct rsync_list *l, struct err *err)
{
	int out[2], log[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	l->out = l->log = -1;
	if (null < 0 || pipe2(out, O_CLOEXEC) < 0)
		return err_set(err, "pipe: %s", strerror(errno));
	if (pipe2(log, O_CLOEXEC) < 0 || (l->pid = fork()) < 0)
		return err_set(err, "fork: %s", strerror(errno));
	if (l->pid == 0) {
		if (dup2(null, STDIN_FILENO) >= 0 && dup2(out[1], STDOUT_FILENO) >= 0 &&
		    dup2(log[1], STDERR_FILENO) >= 0)
			become_rsync(l->url);
		_exit(127);
	}
	setpgid(l->pid, l->pid);		/* whoever of the two is first */
	close(null);
	close(out[1]);
	close(log[1]);
	l->out = out[0];
	l->log = log[0];
	fcntl(l->out, F_SETFL, O_NONBLOCK);
	fcntl(l->log, F_SETFL, O_NONBLOCK);
	l->running = true;
	l->end_ms = clock_mono().ms + l->limit_ms;
	return 0;
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The last line that it had to say, for people: what a daemon far away says may be anything. */
static char *
last_words(struct rsync_list *l)
{
	char *at = l->words, *last = l->words, *end;

	l->words[l->said] = '\0';
	while ((end = strchr(at, '\n')) != NULL) {
		*end = '\0';
		/* its last line only says that it ends, and where in its source */
		if (*at != '\0' && strncmp(at, "rsync error: ", 13) != 0)
			last = at;
		at = end + 1;
	}
	utf8_clean(last);
	return last;
}

static void
ended(struct rsync_list *l, int status)
{
	l->running = false;
	shut(&l->out);
	shut(&l->log);
	if (l->why[0] != '\0') {
		l->status = -1;
		return;
	}
	l->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (l->status == 0 && l->have != 0)
		l->status = -1;			/* a line without its end */
	if (l->status == -1)
		snprintf(l->why, sizeof(l->why), "rsync was killed, or its last line cut off");
	else if (l->status != 0)
		snprintf(l->why, sizeof(l->why), "rsync ended with %d: %.150s", l->status,
		    last_words(l));
}

void
rsync_list_stop(struct rsync_list *l, const char *why)
{
	int status = 0;

	if (!l->running)
		return;
	if (l->why[0] == '\0')
		snprintf(l->why, sizeof(l->why), "%s", why);
	kill(-l->pid, SIGKILL);
	while (waitpid(l->pid, &status, 0) < 0 && errno == EINTR)
		;
	ended(l, status);
}

/* Whole lines go to the caller; what is left waits for the rest. */
static void
take_lines(struct rsync_list *l)
{
	char *at = l->buffer, *end = l->buffer + l->have, *line_end;

	while ((line_end = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		l->lines++;
		l->line(l->arg, at, (size_t)(line_end - at));
		at = line_end + 1;
	}
	l->have = (size_t)(end - at);
	memmove(l->buffer, at, l->have);
}

static void
read_listing(struct rsync_list *l)
{
	ssize_t n = read(l->out, l->buffer + l->have, sizeof(l->buffer) - l->have);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		shut(&l->out);
		return;
	}
	if (n < 0)
		return;
	l->have += (size_t)n;
	take_lines(l);
	if (l->lines > l->lines_max)
		rsync_list_stop(l, "a listing without end: more lines than any mirror has files");
	else if (l->have > LISTING_LINE_MAX)
		rsync_list_stop(l, "a line longer than any name");
}

static void
read_words(struct rsync_list *l)
{
	char drop[512];
	size_t room = sizeof(l->words) - 1 - l->said;
	ssize_t n = read(l->log, room != 0 ? l->words + l->said : drop,
	    room != 0 ? room : sizeof(drop));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		shut(&l->log);
	else if (n > 0 && room != 0)
		l->said += (size_t)n;
}

/* Ended it has when it has said all and is gone. */
static void
look_after(struct rsync_list *l)
{
	int status;

	if (l->running && clock_mono().ms >= l->end_ms)
		rsync_list_stop(l, "its time is over, and it lists yet");
	if (!l->running || l->out >= 0 || l->log >= 0)
		return;
	if (waitpid(l->pid, &status, WNOHANG) == l->pid)
		ended(l, status);
}

void
rsync_list_turn(struct rsync_list *const *lists, size_t n, int wait_ms)
{
	struct pollfd fds[2 * AT_A_TIME];
	bool closing = false;

	n = n < AT_A_TIME ? n : AT_A_TIME;
	for (size_t i = 0; i < n; i++) {
		fds[2 * i] = (struct pollfd){ .fd = lists[i]->out, .events = POLLIN };
		fds[2 * i + 1] = (struct pollfd){ .fd = lists[i]->log, .events = POLLIN };
		closing = closing || (lists[i]->out < 0 && lists[i]->log < 0);
	}
	poll(fds, (nfds_t)(2 * n), closing ? 1 : wait_ms);
	for (size_t i = 0; i < n; i++) {
		if (lists[i]->running && fds[2 * i].revents != 0)
			read_listing(lists[i]);
		if (lists[i]->running && fds[2 * i + 1].revents != 0)
			read_words(lists[i]);
		look_after(lists[i]);
	}
}
