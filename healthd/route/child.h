/*
 * child: the prober's process, started, heard, killed and started again.
 *
 * A child gets one end of a socketpair and nothing else: no descriptor past it,
 * no privilege, signals as by default, SIGKILL when its parent dies.  The prober must say
 * something every CHILD_SILENCE_MS (the first word may take longer); one that does
 * not, ends, or talks nonsense is killed and replaced after a pause that doubles with
 * each failure.  Knows processes and privilege.h; knows nothing of what is said: our end of
 * the socketpair is watched by the owner's event loop, and the owner reads it.
 *
 * The loop's thread only, and no other thread may exist: fork(2).
 */
#ifndef NEARCAST_CHILD_H
#define NEARCAST_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/privilege.h"

#define CHILD_SILENCE_MS 3000
#define CHILD_FIRST_WORD_MS 15000
#define CHILD_PAUSE_MS 100		/* before the first restart */
#define CHILD_PAUSE_MAX_MS 10000
#define CHILD_HEALTHY_MS 30000		/* of life, after which failures are forgotten */

/* A child's main: talks through `fd`, returns an exit status.  `conf` is the child's copy. */
typedef int child_main(const struct conf *conf, int fd);

/* Starts a process that runs `main` as described above; `name` is what ps and the log call it.
 * Its pid, and in *fd our end (SOCK_SEQPACKET, non-blocking; the caller's to close), or -1 with a
 * reason.  The caller waits for the process. */
pid_t child_fork(child_main *main, const char *name, const struct conf *conf,
    const struct privilege_user *user, int *fd, struct err *err);

struct child {
	struct loop *loop;
	child_main *main;
	const struct privilege_user *user;
	pid_t pid;			/* 0 = none */
	struct loop_io io;		/* our end; fd -1 = none */
	uint64_t started_ms, heard_ms;
	bool spoke;
	uint64_t restart_ms;		/* without a child: when to start one */
	unsigned failures;		/* in a row */
	unsigned restarts;		/* ever */
	char why[128];			/* of the last end; "" = none yet */
};

/* `loop`, `user` and `main` are borrowed for the life of *c.  `ready` is called as the loop's
 * callback for c->io when there is something to read. */
void child_init(struct child *c, struct loop *loop, child_main *main,
    const struct privilege_user *user, void (*ready)(struct loop_io *io, uint32_t events));

/* Starts it.  0, or -1 with a reason (and a restart planned). */
int child_start(struct child *c, const struct conf *conf, uint64_t now_ms, struct err *err);

/* Its end has been closed: ours follows.  It is ending, or will be killed for its silence. */
void child_hang_up(struct child *c);

/* It said something that makes sense. */
void child_heard(struct child *c, uint64_t now_ms);

/* Looks whether it has ended or is silent for too long; kills it then.  True if it has
 * just been lost: c->why says how.  Buries every other child that has ended, too. */
bool child_watch(struct child *c, uint64_t now_ms);

/* Kills it at once; the next child_due starts another. */
void child_kill(struct child *c, const char *why, uint64_t now_ms);

/* Our own process stood still: its silence meanwhile does not count. */
void child_pardon(struct child *c, uint64_t now_ms);

/* True if there is none and it is time for one. */
bool child_due(const struct child *c, uint64_t now_ms);

/* Asks it to end, waits up to `wait_ms`, then kills it.  Not a failure. */
void child_stop(struct child *c, unsigned wait_ms);

#endif
