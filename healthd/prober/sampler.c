#include "healthd/prober/sampler.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "healthd/sample/sample.h"

enum { PAUSE_MS = 500, PAUSE_DOUBLINGS = 6, HEALTHY_MS = 60000 };

static void
become_sampler(const struct conf *conf, pid_t parent)
{
	sigset_t none;

	/* the keeper's socket above all: who holds it speaks for the prober */
	close_range(3, ~0u, 0);
	sigemptyset(&none);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, "healthd-samples", 0, 0, 0);
	_exit(sample_run(conf));
}

static void start_sampler(struct sampler_child *c);

static void
plan_sampler(struct sampler_child *c)
{
	uint64_t now = clock_mono().ms;

	c->failures = now - c->started_ms > HEALTHY_MS ? 0 : c->failures + 1;
	loop_timer_set(c->core->loop, &c->again, now + ((uint64_t)PAUSE_MS <<
	    (c->failures < PAUSE_DOUBLINGS ? c->failures : PAUSE_DOUBLINGS)));
}

static void
on_sampler_end(struct loop_io *io, uint32_t events)
{
	struct sampler_child *c = LOOP_OWNER(io, struct sampler_child, io);
	int status = 0;

	(void)events;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return;
	log_warn("samples of mirrors: their process ended (%s %d) and is started again",
	    WIFEXITED(status) ? "exit status" : "signal",
	    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	loop_io_set(c->core->loop, io, 0);
	close(io->fd);
	c->pid = 0;
	plan_sampler(c);
}

static void
on_sampler_again(struct loop_timer *timer)
{
	start_sampler(LOOP_OWNER(timer, struct sampler_child, again));
}

static void
start_sampler(struct sampler_child *c)
{
	pid_t parent = getpid(), pid = fork();

	c->started_ms = clock_mono().ms;
	if (pid == 0)
		become_sampler(c->core->conf, parent);
	if (pid < 0) {
		log_warn("samples of mirrors: fork: %s", strerror(errno));
		plan_sampler(c);
		return;
	}
	c->pid = pid;
	c->io = (struct loop_io){ .ready = on_sampler_end,
		.fd = (int)syscall(SYS_pidfd_open, pid, 0) };
	if (c->io.fd < 0 || loop_io_set(c->core->loop, &c->io, EPOLLIN) < 0)
		log_warn("samples of mirrors: nobody sees when they end: %s", strerror(errno));
}

void
sampler_open(struct sampler_child *c, struct core *core)
{
	*c = (struct sampler_child){ .core = core, .again.fire = on_sampler_again, .io.fd = -1 };
	if (core->conf->n_mirrors != 0)
		start_sampler(c);
}

void
sampler_close(struct sampler_child *c)
{
	if (c->core == NULL)
		return;
	loop_timer_stop(c->core->loop, &c->again);
	if (c->pid == 0)
		return;
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (c->io.fd >= 0) {
		loop_io_set(c->core->loop, &c->io, 0);
		close(c->io.fd);
	}
}
