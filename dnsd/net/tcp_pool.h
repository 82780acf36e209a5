/*
 * tcp_pool: how many TCP connections there are, over all workers and from each
 * address, and which one goes when there are too many: the one idle for longest
 * (RFC 7766 6.2.3).
 *
 * Workers add a connection when they accept it and remove it when they close it,
 * under one lock.  A query on an open connection takes no lock: its worker only writes
 * the time into the connection's member.  So the lists are not always in the order of
 * activity; whoever looks for the connection idle for longest moves those that have
 * been active meanwhile to where they belong.
 *
 * Any worker may choose any connection to go: it is shut down, and its own worker
 * sees the end of the stream and closes it.  No descriptor is closed but under the
 * lock, so that its number cannot have been given to another connection by then.
 *
 * Knows neither messages nor epoll.  Any thread, but a member's owner for what says so.
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
	struct tcp_pool_link all;	/* all members, by listed_ms */
	struct tcp_pool_link same;	/* those of the same address, likewise */
	struct tcp_pool_address *address;
	uint64_t listed_ms;		/* active_ms when it was put into the lists */
	uint64_t active_ms;		/* atomic; written by the owner */
	int fd;
	bool busy;			/* atomic; written by the owner: an answer is on its way */
	bool leaving;			/* chosen to go, no longer counted */
};

/* The caller frees it.  NULL with a reason. */
struct tcp_pool *tcp_pool_new(struct err *err);

/* When all members are closed.  NULL is fine. */
void tcp_pool_free(struct tcp_pool *pool);

/* Counts a new connection from `addr`, whose descriptor is in *member, which lives until
 * tcp_pool_close.  Where a limit is reached (max_all connections, max_same of one address), an
 * idle one is sent away, and *evicted is true.  now_ms: monotonic clock.  false = refused, not
 * counted: nobody is idle, or memory lacks. */
bool tcp_pool_add(struct tcp_pool *pool, struct tcp_pool_member *member, const struct addr *addr,
    unsigned max_all, unsigned max_same, uint64_t now_ms, bool *evicted);

/* The owner's only way to close the descriptor; the member is its own again. */
void tcp_pool_close(struct tcp_pool *pool, struct tcp_pool_member *member);

/* Sends the connection idle for longest away, whoever owns it, because descriptors are short;
 * false = none is idle. */
bool tcp_pool_evict(struct tcp_pool *pool);

/* Connections now. */
unsigned tcp_pool_count(struct tcp_pool *pool);

/* The owner says: active at now_ms, and `busy` while an answer is on its way. */
static inline void
tcp_pool_active(struct tcp_pool_member *member, uint64_t now_ms, bool busy)
{
	__atomic_store_n(&member->active_ms, now_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&member->busy, busy, __ATOMIC_RELAXED);
}

#endif
