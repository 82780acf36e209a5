/*
 * tcp_pool: how many TCP connections there are, over all workers and from each network, what
 * memory they hold, and which one goes when there is too much of either.
 *
 * A network is what one host may have for itself: an IPv4 address, and of IPv6 a /64
 * (`prefix4`, `prefix6`).  A newcomer is always let in, while there is somebody to go for it: of
 * its own network where that has too many, else of all.  First goes who has held memory for
 * longest, because it does not read its answers or does not finish its question, if that was
 * not just now; then who has been idle for longest (RFC 7766 6.2.3).
 *
 * Memory is what the connection's owner keeps of messages and what the kernel keeps in the
 * socket.  Where a network, or all together, hold too much, the largest holder goes,
 * whoever has asked for more.  A connection that holds next to nothing is not accounted for.
 *
 * Connections of this machine itself (own.h) come in the place of strangers, and never go for
 * the sake of one.
 *
 * Workers add a connection when they accept it and remove it when they close it, under one
 * lock.  A query on an open connection takes no lock: its worker only writes the time into the
 * connection's member.  So the lists are not always in the order of activity; whoever looks
 * for the connection idle for longest moves those that have been active meanwhile to where
 * they belong.  Likewise, what a socket held once may have been read since: whoever looks for
 * a holder asks the kernel again.
 *
 * Any worker may choose any connection to go: it is shut down, and its own worker sees the end
 * of the stream and closes it.  No descriptor is closed but under the lock, so that its number
 * cannot have been given to another connection by then.
 *
 * Knows neither messages nor epoll.  Any thread, but a member's owner for what says so.
 */
#ifndef NEARCAST_TCP_POOL_H
#define NEARCAST_TCP_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <urcu/list.h>

#include "common/addr.h"
#include "common/err.h"

enum {
	TCP_POOL_HELD_ALL = 256 << 20,	/* octets, kernel's and ours */
	TCP_POOL_HELD_SAME = 64 << 20,	/* of one network */
	TCP_POOL_LEAST = 8 << 10,	/* of one connection; what is less does not count */
	TCP_POOL_GRACE_MS = 500		/* who holds memory for less than this may be reading it */
};

struct tcp_pool;
struct tcp_pool_network;

struct tcp_pool_limits {
	unsigned all, same;		/* connections, and of one network */
	unsigned prefix4, prefix6;	/* what a network is, bits */
};

/* Embedded in a connection. */
struct tcp_pool_member {
	struct cds_list_head all;	/* all members of its kind, own or not, by listed_ms */
	struct cds_list_head same;	/* those of the same network, likewise */
	struct cds_list_head holding;	/* all that hold memory, by since_ms */
	struct cds_list_head holding_same;
	struct tcp_pool_network *network;
	uint64_t listed_ms;		/* active_ms when it was put into the lists */
	uint64_t active_ms;		/* atomic; written by the owner */
	uint64_t since_ms;		/* holding, without having got anything done */
	uint32_t kept, socket;		/* octets held by the owner and by the kernel; 0, 0 = in no
					 * list of holders */
	int fd;
	bool own;
	bool leaving;			/* chosen to go, no longer counted */
};

/* The caller frees it.  NULL with a reason. */
struct tcp_pool *tcp_pool_new(struct err *err);

/* When all members are closed.  NULL is fine. */
void tcp_pool_free(struct tcp_pool *pool);

/* Counts a new connection from `addr`, whose descriptor and `own` are in *member, which lives until
 * tcp_pool_close.  Where a limit is reached, *evicted is the number of connections sent away, 0 to
 * 2.  now_ms: monotonic clock.  false = refused, not counted: nobody can go, or memory lacks. */
bool tcp_pool_add(struct tcp_pool *pool, struct tcp_pool_member *member, const struct addr *addr,
    const struct tcp_pool_limits *limits, uint64_t now_ms, unsigned *evicted);

/* The owner's only way to close the descriptor; the member is its own again.  `reset`: what the
 * kernel still holds of answers is thrown away, and the other side told so. */
void tcp_pool_close(struct tcp_pool *pool, struct tcp_pool_member *member, bool reset);

/* Sends the connection that is worth least away, whoever owns it, because descriptors are short;
 * false = there is none. */
bool tcp_pool_evict(struct tcp_pool *pool, uint64_t now_ms);

/* True if it was chosen to go: what it has not read is not waited for. */
bool tcp_pool_is_leaving(struct tcp_pool *pool, const struct tcp_pool_member *member);

/* The owner says how many octets it keeps for the connection, and how many the kernel.  `done`:
 * something was got done since it last said so, a message answered or a backlog gone.  Returns
 * the number of connections sent away because of it, 0 or 1: perhaps this one. */
unsigned tcp_pool_hold(struct tcp_pool *pool, struct tcp_pool_member *member, size_t kept,
    size_t socket, bool done, uint64_t now_ms);

/* Octets of memory that the kernel holds for a socket, both ways; 0 where it does not say. */
uint32_t tcp_pool_socket_octets(int fd);

/* Connections now; octets that they hold, those who hold next to nothing apart. */
unsigned tcp_pool_count(const struct tcp_pool *pool);
size_t tcp_pool_held(const struct tcp_pool *pool);

/* The owner says: active at now_ms. */
static inline void
tcp_pool_active(struct tcp_pool_member *member, uint64_t now_ms)
{
	__atomic_store_n(&member->active_ms, now_ms, __ATOMIC_RELAXED);
}

#endif
