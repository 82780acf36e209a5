/*
 * spawn: operators' programs, a bounded number at once, each in a process group of its
 * own that is killed whole when its time is over and when its leader has ended.
 *
 * Standard input and output are /dev/null; every other descriptor of ours is
 * closed.  The environment is PATH and what the caller gives, nothing else.  Waiting
 * is done on pidfds in the loop: no SIGCHLD.  Knows no checks.  One thread.
 */
#ifndef NEARCAST_SPAWN_H
#define NEARCAST_SPAWN_H

#include "common/loop.h"

struct spawn;

#define SPAWN_ENV 12
/* The PATH that operators' programs get. */
#define SPAWN_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct spawn_job {
	char *const *argv;		/* borrowed until done; argv[0] has a path */
	char *env[SPAWN_ENV + 1];	/* "NAME=value", borrowed until done; NULL at the end */
	uint32_t timeout_ms;
	/* `status` as of wait(2), -1 when it was killed because its time was over, -2 when it
	 * could not be started (errno in `error`).  Called once, never from within
	 * spawn_start. */
	void (*done)(struct spawn_job *job, int status, int error);
	void (*started)(struct spawn_job *job);	/* its turn has come; may be NULL */
	void (*dropped)(struct spawn_job *job);	/* instead of done, by spawn_close; may be NULL */
	/* spawn's own */
	struct spawn *spawn;
	struct spawn_job *next;
	int pid, error;
	bool running, waiting;
	struct loop_io io;
	struct loop_timer timer;
};

/* NULL when memory is out. */
struct spawn *spawn_open(struct loop *loop, unsigned at_once, unsigned waiting_max);

/* Forgets all jobs; `end` kills what runs, else it may finish on its own.  NULL is fine. */
void spawn_close(struct spawn *spawn, bool end);

/* Starts the job or lets it wait for its turn.  0, or -1 when too many wait already (done
 * is not called). */
int spawn_start(struct spawn *spawn, struct spawn_job *job);

/* Kills or forgets the job; done is not called. */
void spawn_cancel(struct spawn_job *job);

#endif
