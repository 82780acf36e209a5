/*
 * tcp_pool: how many TCP connections there are, over all workers and from each
 * address, and which one goes when there are too many: the one idle for longest.
 *
 * Workers add a connection when they accept it and remove it when they close it,
 * under one lock; a query on an open connection takes no lock, it only writes the
 * time into its own member.  Order is therefore mended when it is needed: whoever
 * looks for the oldest moves those that have been active meanwhile to the end.
 *
 * Any worker may choose any connection to go: it is shut down, and its own worker
 * sees the end and closes it.  No descriptor is closed but under the lock, so the
 * number cannot have been given to somebody else.
 */
#ifndef NEARCAST_TCP_POOL_H
#define NEARCAST_TCP_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/err.h"

struct tcp_pool;
struct tcp_pool_address;

struct tcp_pool_link {
	struct tcp_pool_link *prev, *next;
};

/* Embedded in a connection. */
struct tcp_pool_member {
	struct tcp_pool_link all;	/* in the order of `listed_ms` */
	struct tcp_pool_link same;	/* the same address's, likewise */
	struct tcp_pool_address *address;
	uint64_t listed_ms;
	uint64_t active_ms;		/* atomic; written by the owner */
	int fd;
	bool busy;			/* atomic; written by the owner: an answer is on its way */
	bool leaving;			/* chosen to go, no longer counted */
};

struct tcp_pool *tcp_pool_new(struct err *err);
void tcp_pool_free(struct tcp_pool *pool);

/* Counts a new connection, sending an idle one away where a limit is reached; *evicted is
 * set if so.  false = refused: the limit is reached and nobody is idle, or memory lacks. */
bool tcp_pool_add(struct tcp_pool *pool, struct tcp_pool_member *member, const struct addr *addr,
    unsigned max_all, unsigned max_same, uint64_t now_ms, bool *evicted);

/* The owner's only way to close the descriptor. */
void tcp_pool_close(struct tcp_pool *pool, struct tcp_pool_member *member);

/* Sends the longest idle connection away, whoever's it is (descriptors are short). */
bool tcp_pool_evict(struct tcp_pool *pool);

/* Connections now. */
unsigned tcp_pool_count(struct tcp_pool *pool);

static inline void
tcp_pool_active(struct tcp_pool_member *member, uint64_t now_ms, bool busy)
{
	__atomic_store_n(&member->active_ms, now_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&member->busy, busy, __ATOMIC_RELAXED);
}

#endif
