#include "healthd/route/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define FILE_MAX (64u << 20)	/* octets: a runaway file fills no disk */

/* Between fork and the child's main: everything inherited goes. */
static int
become_child(const char *name, const struct privilege_user *user, int theirs, pid_t parent,
    struct err *err)
{
	struct rlimit no_core = { 0, 0 }, file = { FILE_MAX, FILE_MAX };
	char title[16];
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return err_set(err, "/dev/null: %s", strerror(errno));
	if (theirs != 3 && dup2(theirs, 3) < 0)
		return err_set(err, "socketpair: %s", strerror(errno));
	if (close_range(4, ~0u, 0) < 0)
		return err_set(err, "close_range: %s", strerror(errno));
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || setrlimit(RLIMIT_FSIZE, &file) < 0)
		return err_set(err, "setrlimit: %s", strerror(errno));
	unsetenv("NOTIFY_SOCKET");
	if (privilege_drop(user, err) < 0)
		return -1;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		return err_set(err, "the keeper is gone");
	snprintf(title, sizeof(title), "healthd-%s", name);
	prctl(PR_SET_NAME, title, 0, 0, 0);
	return 0;
}

pid_t
child_fork(child_main *main, const char *name, const struct conf *conf,
    const struct privilege_user *user, int *fd, struct err *err)
{
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid < 0) {
		err_set(err, "fork: %s", strerror(errno));
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (pid == 0) {
		if (become_child(name, user, pair[1], parent, err) < 0) {
			log_error("%s: %s", name, err->text);
			_exit(1);
		}
		_exit(main(conf, 3));
	}
	close(pair[1]);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	*fd = pair[0];
	return pid;
}

void
child_init(struct child *c, struct loop *loop, child_main *main,
    const struct privilege_user *user, void (*ready)(struct loop_io *io, uint32_t events))
{
	*c = (struct child){ .loop = loop, .main = main, .user = user,
		.io = { .fd = -1, .ready = ready } };
}

static void
plan_restart(struct child *c, const char *why, uint64_t now_ms)
{
	uint64_t pause = CHILD_PAUSE_MS;

	if (c->started_ms != 0 && now_ms - c->started_ms > CHILD_HEALTHY_MS)
		c->failures = 0;
	for (unsigned i = 0; i < c->failures && pause < CHILD_PAUSE_MAX_MS; i++)
		pause *= 2;
	c->failures++;
	c->restart_ms = now_ms + (pause < CHILD_PAUSE_MAX_MS ? pause : CHILD_PAUSE_MAX_MS);
	snprintf(c->why, sizeof(c->why), "%s", why);
}

void
child_hang_up(struct child *c)
{
	loop_io_set(c->loop, &c->io, 0);
	if (c->io.fd >= 0)
		close(c->io.fd);
	c->io.fd = -1;
}

/* The process is gone, or as good as that. */
static void
bury(struct child *c)
{
	child_hang_up(c);
	c->pid = 0;
	c->restarts++;
}

int
child_start(struct child *c, const struct conf *conf, uint64_t now_ms, struct err *err)
{
	pid_t pid;

	assert(c->pid == 0 && c->io.fd < 0);
	pid = child_fork(c->main, "prober", conf, c->user, &c->io.fd, err);
	if (pid < 0) {
		plan_restart(c, "fork failed", now_ms);
		return -1;
	}
	c->pid = pid;
	c->started_ms = c->heard_ms = now_ms;
	c->spoke = false;
	if (loop_io_set(c->loop, &c->io, EPOLLIN) < 0) {
		err_set(err, "epoll_ctl: %s", strerror(errno));
		child_kill(c, "could not be heard", now_ms);
		return -1;
	}
	return 0;
}

void
child_heard(struct child *c, uint64_t now_ms)
{
	c->heard_ms = now_ms;
	c->spoke = true;
}

void
child_kill(struct child *c, const char *why, uint64_t now_ms)
{
	if (c->pid == 0)
		return;
	kill(c->pid, SIGKILL);	/* not waited for: it may be stuck in the kernel */
	bury(c);
	plan_restart(c, why, now_ms);
}

bool
child_watch(struct child *c, uint64_t now_ms)
{
	uint64_t patience = c->spoke ? CHILD_SILENCE_MS : CHILD_FIRST_WORD_MS;
	char why[64];
	int status;
	pid_t ended;

	while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
		if (ended != c->pid)
			continue;
		if (WIFSIGNALED(status))
			snprintf(why, sizeof(why), "killed by signal %d", WTERMSIG(status));
		else
			snprintf(why, sizeof(why), "ended with status %d", WEXITSTATUS(status));
		bury(c);
		plan_restart(c, why, now_ms);
		return true;
	}
	if (c->pid == 0)
		return false;
	if (now_ms < c->heard_ms + patience)
		return false;
	snprintf(why, sizeof(why), "silent for %u s", (unsigned)(patience / 1000));
	child_kill(c, why, now_ms);
	return true;
}

void
child_pardon(struct child *c, uint64_t now_ms)
{
	c->heard_ms = now_ms;
}

bool
child_due(const struct child *c, uint64_t now_ms)
{
	return c->pid == 0 && now_ms >= c->restart_ms;
}

void
child_stop(struct child *c, unsigned wait_ms)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	if (c->pid == 0)
		return;
	kill(c->pid, SIGTERM);
	for (unsigned waited = 0; waited < wait_ms; waited += 5) {
		if (waitpid(c->pid, NULL, WNOHANG) == c->pid) {
			bury(c);
			return;
		}
		nanosleep(&pause, NULL);
	}
	kill(c->pid, SIGKILL);
	bury(c);
}
