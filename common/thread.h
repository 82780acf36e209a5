/*
 * thread: a thread beside the main one that takes no signals, and how it waits: by the clock that
 * only moves forward (clock.h).
 *
 * Knows nothing of what threads do.  dnsd's workers are started by dnsd/net, which gives them
 * signals and names of their own kind.  Any thread.
 */
#ifndef NEARCAST_THREAD_H
#define NEARCAST_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "common/clock.h"
#include "common/err.h"

/* Starts run(arg) with all signals blocked; `name`, at most 15 octets, is seen in ps and in the
 * reason.  0, or -1 with a reason. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *arg,
    struct err *err);

/* For thread_cond_until. */
void thread_cond_init(pthread_cond_t *cond);

/* Waits, `lock` being held, until woken (perhaps for nothing) or the time is over: false then. */
bool thread_cond_until(pthread_cond_t *cond, pthread_mutex_t *lock, struct mono_ms until);

#endif
