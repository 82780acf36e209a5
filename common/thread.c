#include "common/thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

int
thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg,
    struct err *err)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return err_set(err, "starting the thread \"%s\": %s", name, strerror(rc));
	pthread_setname_np(*thread, name);
	return 0;
}

void
thread_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

bool
thread_cond_until(pthread_cond_t *cond, pthread_mutex_t *lock, struct mono_ms until)
{
	struct timespec at = {
		.tv_sec = (time_t)(until.ms / 1000), .tv_nsec = (long)(until.ms % 1000) * 1000000,
	};

	return pthread_cond_timedwait(cond, lock, &at) != ETIMEDOUT;
}
