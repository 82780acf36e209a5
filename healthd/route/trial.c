#include "healthd/route/trial.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void
trial_cancel(struct trial *t)
{
	if (t->pid == 0)
		return;
	kill(t->pid, SIGKILL);		/* not waited for: it may be stuck in the kernel */
	t->pid = 0;
	loop_timer_stop(t->loop, &t->timer);
	loop_io_set(t->loop, &t->io, 0);
	close(t->io.fd);
}

static void
end_trial(struct trial *t, const char *reason)
{
	trial_cancel(t);
	t->done(t, reason);
}

static void
on_verdict(struct loop_io *io, uint32_t events)
{
	struct trial *t = LOOP_OWNER(io, struct trial, io);
	char text[sizeof(((struct err *)0)->text)];
	ssize_t got = recv(io->fd, text, sizeof(text), MSG_DONTWAIT);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		end_trial(t, "the process that checks the configuration died of it");
		return;
	}
	if (text[got - 1] != '\0') {
		end_trial(t, "the process that checks the configuration talks nonsense");
		return;
	}
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	end_trial(t, text[0] == '\0' ? NULL : text);
}

static void
on_patience_end(struct loop_timer *timer)
{
	end_trial(LOOP_OWNER(timer, struct trial, timer),
	    "the process that checks the configuration does not come to an end");
}

int
trial_start(struct trial *t, const struct conf *conf, struct err *err)
{
	pid_t pid;

	assert(t->pid == 0 && t->main != NULL && t->done != NULL);
	t->io = (struct loop_io){ .fd = -1, .ready = on_verdict };
	t->timer.fire = on_patience_end;
	pid = child_fork(t->main, "check", conf, t->user, &t->io.fd, err);
	if (pid < 0)
		return -1;
	t->pid = pid;
	if (loop_io_set(t->loop, &t->io, EPOLLIN) == 0 &&
	    loop_timer_set(t->loop, &t->timer, loop_now(t->loop) + TRIAL_PATIENCE_MS) == 0)
		return 0;
	err_set(err, "epoll_ctl: %s", strerror(errno));
	trial_cancel(t);
	return -1;
}

/* ---- at start-up ---- */

struct trial_run {
	struct trial trial;
	struct err *err;
	int result;
};

static void
on_run_end(struct trial *t, const char *reason)
{
	struct trial_run *run = LOOP_OWNER(t, struct trial_run, trial);

	run->result = reason == NULL ? 0 : err_set(run->err, "%s", reason);
	loop_stop(t->loop);
}

int
trial_run(child_main *main, const struct conf *conf, const struct privilege_user *user,
    struct err *err)
{
	struct trial_run run = { .err = err, .result = -1,
		.trial = { .main = main, .user = user, .done = on_run_end } };
	struct loop *loop = loop_new(err);

	if (loop == NULL)
		return -1;
	run.trial.loop = loop;
	if (trial_start(&run.trial, conf, err) == 0 && loop_run(loop, err) < 0)
		trial_cancel(&run.trial);
	loop_free(loop);
	return run.result;
}
