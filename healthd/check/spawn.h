/*
 * spawn: operators' programs, a bounded number at once, each in a process group of its
 * own that is killed whole when its time is over and when its leader has ended.
 *
 * Standard input is /dev/null, and so is output, unless its last line is wanted: then output and
 * errors go to a pipe, of which 64 KiB are read every ten milliseconds, so that a program that
 * floods it waits, and nobody else.  Every other descriptor of ours is closed.  The environment
 * is PATH and what the caller gives, nothing else.  Waiting is done on pidfds in the loop: no
 * SIGCHLD.  Knows no checks.  One thread.
 */
#ifndef NEARCAST_SPAWN_H
#define NEARCAST_SPAWN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/loop.h"

struct spawn;

#define SPAWN_ENV 12
/* The PATH that operators' programs get. */
#define SPAWN_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

enum { SPAWN_LINE_MAX = 80, SPAWN_TAIL = 512 };

struct spawn_job {
	char *const *argv;		/* borrowed until done; argv[0] has a path */
	char *env[SPAWN_ENV + 1];	/* "NAME=value", borrowed until done; NULL at the end */
	uint32_t timeout_ms;
	/* `status` as of wait(2), -1 when it was killed because its time was over, -2 when it
	 * could not be started (errno in `error`).  Called once, never from within
	 * spawn_start. */
	void (*done)(struct spawn_job *job, int status, int error);
	bool listen;			/* keep the last line that it prints */
	void (*started)(struct spawn_job *job);	/* its turn has come; may be NULL */
	void (*dropped)(struct spawn_job *job);	/* instead of done, by spawn_close; may be NULL */
	/* spawn's own */
	struct spawn *spawn;
	struct spawn_job *next;
	int pid, error;
	bool running, waiting;
	struct loop_io io;
	struct loop_timer timer;
	struct loop_io out;		/* the pipe's end; fd -1 = none */
	struct loop_timer out_timer;
	char tail[SPAWN_TAIL];		/* of what was printed */
	size_t tail_len;
};

/* NULL when memory is out. */
struct spawn *spawn_open(struct loop *loop, unsigned at_once, unsigned waiting_max);

/* Forgets all jobs; `end` kills what runs, else it may finish on its own.  NULL is fine. */
void spawn_close(struct spawn *spawn, bool end);

/* Starts the job or lets it wait for its turn.  0, or -1 when too many wait already (done
 * is not called). */
int spawn_start(struct spawn *spawn, struct spawn_job *job);

/* Within done of a job with `listen`: the last line that is not empty, or its beginning; any
 * octets but NUL. */
void spawn_last_line(const struct spawn_job *job, char line[SPAWN_LINE_MAX]);

/* Kills or forgets the job; done is not called. */
void spawn_cancel(struct spawn_job *job);

#endif
