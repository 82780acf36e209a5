#include "healthd/check/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

enum {
	ORPHANS = 256,
	READ_OCTETS = 64 * 1024,	/* of what a program prints, at once */
	READ_EVERY_MS = 10
};

struct spawn {
	struct loop *loop;
	int orphans[ORPHANS];		/* killed, but not gone yet (a disk that hangs) */
	unsigned n_orphans;
	unsigned running, at_once, waiting, waiting_max;
	struct spawn_job *running_list;
	struct spawn_job *first, *last;	/* those that wait */
};

struct spawn *
spawn_open(struct loop *loop, unsigned at_once, unsigned waiting_max)
{
	struct spawn *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->at_once = at_once;
	s->waiting_max = waiting_max;
	return s;
}

/* --- what a program prints --- */

static void
keep_tail(struct spawn_job *job, const char *data, size_t len)
{
	size_t keep;

	if (len > SPAWN_TAIL) {
		data += len - SPAWN_TAIL;
		len = SPAWN_TAIL;
	}
	keep = job->tail_len < SPAWN_TAIL - len ? job->tail_len : SPAWN_TAIL - len;
	memmove(job->tail, job->tail + job->tail_len - keep, keep);
	memcpy(job->tail + keep, data, len);
	job->tail_len = keep + len;
}

static void
close_out(struct spawn_job *job)
{
	loop_timer_stop(job->spawn->loop, &job->out_timer);
	if (job->out.fd < 0)
		return;
	loop_io_set(job->spawn->loop, &job->out, 0);
	close(job->out.fd);
	job->out.fd = -1;
}

/* Reads what is there, up to READ_OCTETS. */
static void
read_out(struct spawn_job *job)
{
	char data[4096];
	ssize_t n = 0;

	for (size_t got = 0; job->out.fd >= 0 && got < READ_OCTETS; got += (size_t)n) {
		n = read(job->out.fd, data, sizeof(data));
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_out(job);
			return;
		}
		keep_tail(job, data, (size_t)n);
	}
}

static void
on_out(struct loop_io *io, uint32_t events)
{
	struct spawn_job *job = LOOP_OWNER(io, struct spawn_job, out);

	(void)events;
	read_out(job);
	if (job->out.fd < 0)
		return;
	loop_io_set(job->spawn->loop, io, 0);
	loop_timer_set(job->spawn->loop, &job->out_timer, clock_mono().ms + READ_EVERY_MS);
}

static void
on_out_again(struct loop_timer *timer)
{
	struct spawn_job *job = LOOP_OWNER(timer, struct spawn_job, out_timer);

	loop_io_set(job->spawn->loop, &job->out, EPOLLIN);
}

/* The end for the program; -1 = it has to do without. */
static int
open_out(struct spawn_job *job)
{
	int ends[2];

	job->tail_len = 0;
	job->out = (struct loop_io){ .fd = -1, .ready = on_out };
	job->out_timer.fire = on_out_again;
	if (!job->listen || pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	job->out.fd = ends[0];
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 &&
	    loop_io_set(job->spawn->loop, &job->out, EPOLLIN) == 0)
		return ends[1];
	close(ends[1]);
	close_out(job);
	return -1;
}

void
spawn_last_line(const struct spawn_job *job, char line[SPAWN_LINE_MAX])
{
	size_t end = job->tail_len, begin, n = 0;

	while (end > 0 && (unsigned char)job->tail[end - 1] <= ' ')
		end--;
	begin = end;
	while (begin > 0 && job->tail[begin - 1] != '\n')
		begin--;
	for (; begin < end && n < SPAWN_LINE_MAX - 1; begin++)
		line[n++] = job->tail[begin] != '\0' ? job->tail[begin] : ' ';
	line[n] = '\0';
}

/* --- processes --- */

/* The new process: its own group, default signals, /dev/null and what it may print to. */
static int
launch(struct spawn_job *job, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	pid_t pid;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	/* the keeper's socket above all: who holds it speaks for the prober */
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	error = posix_spawn(&pid, job->argv[0], &files, &attr, job->argv, job->env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (error == 0)
		job->pid = pid;
	return error;
}

static void
unlink_running(struct spawn *s, struct spawn_job *job)
{
	struct spawn_job **at = &s->running_list;

	assert(job->running && s->running > 0);
	while (*at != NULL && *at != job)
		at = &(*at)->next;
	if (*at == job)
		*at = job->next;
	job->next = NULL;
	job->running = false;
	s->running--;
}

/* Reaps without waiting. */
static bool
reap(int pid, int *status)
{
	int got;

	do
		got = waitpid(pid, status, WNOHANG);
	while (got < 0 && errno == EINTR);
	return got != 0;
}

static void
reap_orphans(struct spawn *s)
{
	unsigned n = 0;
	int status;

	for (unsigned i = 0; i < s->n_orphans; i++)
		if (!reap(s->orphans[i], &status))
			s->orphans[n++] = s->orphans[i];
	s->n_orphans = n;
}

/* Kills the group, while its leader's number is still taken, and reaps the leader. */
static int
end_process(struct spawn_job *job)
{
	struct spawn *s = job->spawn;
	int status = 0;

	loop_timer_stop(s->loop, &job->timer);
	read_out(job);
	close_out(job);
	if (job->pid > 0) {
		kill(-job->pid, SIGKILL);
		kill(job->pid, SIGKILL);
		if (!reap(job->pid, &status) && s->n_orphans < ORPHANS)
			s->orphans[s->n_orphans++] = job->pid;
		job->pid = 0;
	}
	if (job->io.fd >= 0) {
		loop_io_set(s->loop, &job->io, 0);
		close(job->io.fd);
		job->io.fd = -1;
	}
	return status;
}

static void run_next(struct spawn *s);

static void
job_over(struct spawn_job *job, int status, int error)
{
	struct spawn *s = job->spawn;

	unlink_running(s, job);
	reap_orphans(s);
	job->done(job, status, error);
	run_next(s);
}

static void
on_exit_seen(struct loop_io *io, uint32_t events)
{
	struct spawn_job *job = LOOP_OWNER(io, struct spawn_job, io);
	siginfo_t info;

	(void)events;
	/* the status, before end_process's kill could be taken for it */
	memset(&info, 0, sizeof(info));
	if (waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid == 0)
		return;
	job_over(job, end_process(job), 0);
}

static void
on_job_time(struct loop_timer *timer)
{
	struct spawn_job *job = LOOP_OWNER(timer, struct spawn_job, timer);
	int error = job->error;

	end_process(job);
	job_over(job, error != 0 ? -2 : -1, error);
}

static void
run(struct spawn *s, struct spawn_job *job)
{
	int out;

	job->waiting = false;
	job->running = true;
	job->next = s->running_list;
	s->running_list = job;
	s->running++;
	job->pid = 0;
	job->io = (struct loop_io){ .fd = -1, .ready = on_exit_seen };
	job->timer.fire = on_job_time;
	if (job->started != NULL)
		job->started(job);
	out = open_out(job);
	job->error = launch(job, out);
	if (out >= 0)
		close(out);
	if (job->error == 0) {
		job->io.fd = (int)syscall(SYS_pidfd_open, job->pid, 0);
		if (job->io.fd < 0 || loop_io_set(s->loop, &job->io, EPOLLIN) < 0)
			job->error = errno;
	}
	/* what failed is told from the loop, like everything else */
	loop_timer_set(s->loop, &job->timer,
	    clock_mono().ms + (job->error != 0 ? 0 : job->timeout_ms));
}

static void
run_next(struct spawn *s)
{
	while (s->first != NULL && s->running < s->at_once) {
		struct spawn_job *job = s->first;

		s->first = job->next;
		if (s->first == NULL)
			s->last = NULL;
		s->waiting--;
		run(s, job);
	}
}

int
spawn_start(struct spawn *s, struct spawn_job *job)
{
	assert(!job->running && !job->waiting);
	job->spawn = s;
	job->next = NULL;
	if (s->running < s->at_once) {
		run(s, job);
		return 0;
	}
	if (s->waiting >= s->waiting_max)
		return -1;
	job->waiting = true;
	if (s->last != NULL)
		s->last->next = job;
	else
		s->first = job;
	s->last = job;
	s->waiting++;
	return 0;
}

static void
unlink_waiting(struct spawn *s, struct spawn_job *job)
{
	struct spawn_job *before = NULL;

	for (struct spawn_job *at = s->first; at != NULL; before = at, at = at->next) {
		if (at != job)
			continue;
		if (before != NULL)
			before->next = job->next;
		else
			s->first = job->next;
		if (s->last == job)
			s->last = before;
		s->waiting--;
		break;
	}
	job->next = NULL;
	job->waiting = false;
}

void
spawn_cancel(struct spawn_job *job)
{
	struct spawn *s = job->spawn;

	if (job->waiting) {
		unlink_waiting(s, job);
	} else if (job->running) {
		end_process(job);
		unlink_running(s, job);
		run_next(s);
	}
}

void
spawn_close(struct spawn *s, bool end)
{
	if (s == NULL)
		return;
	while (s->first != NULL) {
		struct spawn_job *job = s->first;

		unlink_waiting(s, job);
		if (job->dropped != NULL)
			job->dropped(job);
	}
	while (s->running_list != NULL) {
		struct spawn_job *job = s->running_list;

		if (!end)
			job->pid = 0;
		end_process(job);
		unlink_running(s, job);
		if (job->dropped != NULL)
			job->dropped(job);
	}
	free(s);
}
