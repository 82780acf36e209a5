/*
 * decisions: every n-th answer of every worker, on its way to the log spool.
 *
 * Each worker has a ring of records (answer_log.h) which it alone fills, without a lock, and one
 * thread empties them all, into the spool.  A worker never waits: a record for which there is no
 * place is counted, and the spool declares it lost.  Records hold indices into the configuration
 * of their generation, so the thread keeps the newest two generations' and the main thread tells
 * it when the older one goes (decisions_follow, decisions_settle).
 *
 * Knows no DNS.  decisions_slot and decisions_give: the ring's worker; all else: the main thread.
 */
#ifndef NEARCAST_DECISIONS_H
#define NEARCAST_DECISIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/spool.h"
#include "dnsd/answer/answer_log.h"
#include "dnsd/generation/generation.h"

enum { DECISIONS_RING = 2048 };		/* records, a power of two */

struct decisions;

struct decisions_ring {
	struct answer_log *slots;
	uint32_t every, since;		/* the worker's: one in so many, 0 = none; how
					 * many since */
	uint64_t lost;			/* atomic, the worker's */
	uint64_t lost_said;		/* the thread's */
	uint32_t filled __attribute__((aligned(64)));	/* atomic, the worker's */
	uint32_t emptied __attribute__((aligned(64)));	/* atomic, the thread's */
};

/* `spool` is borrowed; NULL = there are no decisions, and the result is NULL without a reason (text
 * ""), which all functions take. */
struct decisions *decisions_new(struct spool *spool, struct err *err);
/* What is in the rings has been said.  They must have been given back. */
void decisions_free(struct decisions *d);

/* A ring for a worker that is about to start; NULL = none is needed, or there is no memory. */
struct decisions_ring *decisions_ring_new(struct decisions *d);
/* Of a worker that has ended. */
void decisions_ring_free(struct decisions *d, struct decisions_ring *ring);

/* `gen` is about to be published; and: no worker reads the one before any more, it may be freed. */
void decisions_follow(struct decisions *d, const struct generation *gen);
void decisions_settle(struct decisions *d);

/* Before a batch. */
static inline void
decisions_batch(struct decisions_ring *ring, const struct generation *gen)
{
	if (ring != NULL)
		ring->every = gen->conf->log.decisions;
}

/* Where to write the decision on an answer, if it is one in n; NULL = it is not, or there is no
 * place. */
static inline struct answer_log *
decisions_slot(struct decisions_ring *ring)
{
	uint32_t filled;

	if (ring == NULL || ring->every == 0 || ++ring->since < ring->every)
		return NULL;
	ring->since = 0;
	filled = __atomic_load_n(&ring->filled, __ATOMIC_RELAXED);
	if (filled - __atomic_load_n(&ring->emptied, __ATOMIC_ACQUIRE) < DECISIONS_RING)
		return &ring->slots[filled % DECISIONS_RING];
	__atomic_store_n(&ring->lost, ring->lost + 1, __ATOMIC_RELAXED);
	return NULL;
}

/* It has been written. */
static inline void
decisions_give(struct decisions_ring *ring)
{
	__atomic_store_n(&ring->filled, ring->filled + 1, __ATOMIC_RELEASE);
}

#endif
