/*
 * trial: can the prober run with this configuration?  Asked of a child that may die of it.
 *
 * To answer that, the prober's libraries read the operators' text, which the keeper must not do:
 * it holds CAP_NET_ADMIN.  So a child without privileges (child.h) does it and says one message:
 * the reason against the configuration with its NUL, "" if there is none.  A child that says
 * nothing within TRIAL_PATIENCE_MS, dies or talks nonsense refuses the configuration.
 *
 * Knows processes; knows nothing of what is looked at.  The loop's thread only, and no other
 * thread may exist.
 */
#ifndef NEARCAST_TRIAL_H
#define NEARCAST_TRIAL_H

#include "healthd/route/child.h"

#define TRIAL_PATIENCE_MS 10000

/* Zero it, set the upper half, then trial_start as often as wanted. */
struct trial {
	struct loop *loop;
	child_main *main;
	const struct privilege_user *user;
	/* Called once for each trial_start that returned 0, in a turn of the loop, unless it is
	 * cancelled before.  `reason` has no control characters and is valid until done returns;
	 * NULL = accepted. */
	void (*done)(struct trial *trial, const char *reason);

	/* the trial's own */
	pid_t pid;			/* 0 = none under way */
	struct loop_io io;
	struct loop_timer timer;
};

/* Starts a child with `conf`, which is the caller's and may be freed at once.  0, or -1 with a
 * reason.  Must not be under way already.  The owner of the process waits for its children. */
int trial_start(struct trial *t, const struct conf *conf, struct err *err);

/* Ends what is under way; done is not called.  Without a trial under way nothing happens. */
void trial_cancel(struct trial *t);

/* The same for start-up: waits for the end on a loop of its own.  0 if the configuration is
 * accepted, -1 with the reason. */
int trial_run(child_main *main, const struct conf *conf, const struct privilege_user *user,
    struct err *err);

#endif
