/*
 * loop: file descriptors and timers on one epoll set, for one thread.
 *
 * The owner embeds a struct loop_io or struct loop_timer in its own struct and
 * gets back to it with LOOP_OWNER.  Nothing is allocated per event.  A callback
 * may stop, set or free any io or timer, its own included: events still waiting
 * in the current batch for something that was stopped are dropped.
 *
 * Order within one turn: late (when the clock has run away from the timers),
 * descriptors (thousands, if so many are ready), timers, turn.  Answers that arrived
 * while the process slept are thus read before the timeouts that would call them
 * missing.  Knows nothing of what it drives.  Time is CLOCK_MONOTONIC in milliseconds.
 */
#ifndef NEARCAST_LOOP_H
#define NEARCAST_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "common/err.h"

#define LOOP_OWNER(member_ptr, type, member) \
	((type *)(void *)((char *)(member_ptr) - offsetof(type, member)))

struct loop;

/* Zero it, set `fd` and `ready`, then loop_io_set. */
struct loop_io {
	int fd;
	uint32_t events;		/* the loop's: what is watched now; 0 = nothing */
	void (*ready)(struct loop_io *io, uint32_t events);
};

/* Zero it, set `fire`, then loop_timer_set.  Fires once. */
struct loop_timer {
	uint64_t at_ms;
	size_t slot;			/* the loop's: place in the heap; 0 = not set */
	void (*fire)(struct loop_timer *timer);
};

/* NULL with a reason. */
struct loop *loop_new(struct err *err);
void loop_free(struct loop *loop);

/* Watches io->fd for `events` (EPOLLIN, EPOLLOUT, ...); 0 stops watching, which must
 * happen before the descriptor is closed.  0, or -1 with errno. */
int loop_io_set(struct loop *loop, struct loop_io *io, uint32_t events);

/* Arms or moves the timer.  0, or -1 when memory is out (then it is not set). */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t at_ms);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* The time at which this turn began. */
uint64_t loop_now(const struct loop *loop);

/* Called first in a turn that begins at least `min_ms` after a timer was due. */
void loop_on_late(struct loop *loop, uint64_t min_ms, void (*late)(void *arg, uint64_t late_ms),
    void *arg);

/* Called last in every turn. */
void loop_on_turn(struct loop *loop, void (*turn)(void *arg), void *arg);

/* Blocks the signals listed (0 ends the list), ignores SIGPIPE, and opens a descriptor that
 * is readable while one of them waits; the caller's to watch and to close.  Before any thread
 * is started, so that none of them takes a signal away.  -1 with errno. */
int loop_signals(const int *signals);

/* Takes the next signal that waits from such a descriptor; 0 = none does. */
int loop_signal_next(int fd);

/* Runs until loop_stop.  0, or -1 with a reason (epoll failed). */
int loop_run(struct loop *loop, struct err *err);
void loop_stop(struct loop *loop);

/* One turn that does not wait, as if the time were now_ms: for tests, whose time is their own. */
void loop_turn(struct loop *loop, uint64_t now_ms);

#endif
