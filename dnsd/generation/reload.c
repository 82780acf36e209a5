#include "dnsd/generation/reload.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/log.h"

enum { NICE = 19, SLICE_NS = 20000000 };

struct reload {
	int event;
	bool busy;
	pthread_t thread;
	enum reload_kind kind;
	char path[4096];
	const struct inputs *old;
	struct inputs *result;
	struct err err;
	char said[8192];		/* lines, for whoever asked for the reload */
};

struct reload *
reload_new(struct err *err)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
		err_set(err, "reload: %s", strerror(errno));
		free(r);
		return NULL;
	}
	return r;
}

/* A large zone takes seconds to read, and reading does not look up: the thread is left to its
 * work, with all that it uses, until the end of the process. */
bool
reload_free(struct reload *r)
{
	struct pollfd done = { .events = POLLIN };

	if (r == NULL)
		return true;
	if (r->busy) {
		done.fd = r->event;
		if (poll(&done, 1, RELOAD_LAST_MS) <= 0) {
			pthread_detach(r->thread);
			return false;
		}
		inputs_unref(reload_take(r, NULL));
	}
	close(r->event);
	free(r);
	return true;
}

int
reload_fd(const struct reload *r)
{
	return r->event;
}

bool
reload_busy(const struct reload *r)
{
	return r->busy;
}

static void
keep(struct reload *r, const char *line)
{
	size_t used = strlen(r->said);

	snprintf(r->said + used, sizeof(r->said) - used, "%s\n", line);
}

static void
say_warn(void *arg, const char *line)
{
	log_warn("%s", line);
	keep(arg, line);
}

static void
say_error(void *arg, const char *line)
{
	log_error("%s", line);
	keep(arg, line);
}

/* The least share of a busy processor.  The long slice is a late deadline (EEVDF): a worker that
 * wakes up has an earlier one and runs at once, where a short slice would first be served to its
 * end, or to the next tick.  Where the kernel knows no slices (before 6.12) the share remains. */
static void
be_nice(void)
{
	/* sched_setattr(2): Debian's libc has neither the call nor its struct */
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { .size = sizeof(attr), .policy = SCHED_BATCH, .nice = NICE, .runtime = SLICE_NS };

	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}

static void *
reload_run(void *arg)
{
	struct reload *r = arg;
	const struct warn warn = { say_warn, r }, error = { say_error, r };
	const struct inputs_say say = { &warn, &error };
	uint64_t one = 1;

	be_nice();
	if (r->kind == RELOAD_GEO)
		r->result = inputs_read_geo(r->old, &say, &r->err);
	else
		r->result = inputs_read(r->path, r->old->conf->said_here, r->old,
		    r->kind == RELOAD_FORCED, &say, &r->err);
	(void)!write(r->event, &one, sizeof(one));
	return NULL;
}

int
reload_begin(struct reload *r, enum reload_kind kind, const char *path, const struct inputs *old,
    struct err *err)
{
	int rc;

	if (r->busy)
		return err_set(err, "a reload is under way");
	if (strlen(path) >= sizeof(r->path))
		return err_set(err, "%.200s...: too long a path", path);
	assert(old->refs != 0);
	strcpy(r->path, path);
	r->kind = kind;
	r->old = old;
	r->result = NULL;
	r->said[0] = '\0';
	rc = pthread_create(&r->thread, NULL, reload_run, r);
	if (rc != 0)
		return err_set(err, "reload: %s", strerror(rc));
	pthread_setname_np(r->thread, "dnsd reload");
	r->busy = true;
	return 0;
}

struct inputs *
reload_take(struct reload *r, struct err *err)
{
	uint64_t n;

	assert(r->busy);
	pthread_join(r->thread, NULL);
	(void)!read(r->event, &n, sizeof(n));
	r->busy = false;
	if (r->result != NULL)
		inputs_adopt(r->result);
	else if (err != NULL)
		*err = r->err;
	return r->result;
}

const char *
reload_said(const struct reload *r)
{
	return r->said;
}
