/*
 * serving: what every worker thread, UDP or TCP, is given.
 *
 * The generation is published by one pointer.  A worker takes it once per batch between
 * rcu_thread_online and rcu_thread_offline (liburcu QSBR) and is offline while it
 * waits, so that the main thread's synchronize_rcu never waits for traffic.
 */
#ifndef NEARCAST_SERVING_H
#define NEARCAST_SERVING_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "dnsd/answer/rrl.h"
#include "dnsd/generation/generation.h"
#include "dnsd/net/decisions.h"

struct serving {
	struct generation *gen;		/* rcu_dereference, rcu_xchg_pointer */
	struct rrl *rrl;
	struct decisions *decisions;	/* NULL = none are logged */
	unsigned tcp_most;		/* atomic: connections, for which there are descriptors */
	bool guarded;			/* atomic: every UDP socket has its own_guard */
};

/* Both clocks of a batch.  Read through the vDSO: no system call. */
struct serving_now {
	uint32_t wall_s;
	double wall;			/* the same with its fraction */
	uint64_t mono_ms;
};

static inline struct serving_now
serving_now(void)
{
	struct timespec wall, mono;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	return (struct serving_now){ (uint32_t)wall.tv_sec,
	    (double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
	    (uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000 };
}

#endif
