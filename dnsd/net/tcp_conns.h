/*
 * tcp_conns: the connections of one worker: who is served when, and who has been idle for
 * too long.
 *
 * A connection has a turn (tcp_conn.h) when epoll says that there is something to read, or
 * room for its backlog.  One that had more to do than a turn waits in a queue for the next,
 * and epoll does not watch it meanwhile: so whoever asks little is served at once, before
 * those who ask without pause have their turns again, one after the other.
 *
 * A connection is active when a message was answered or a backlog went out; octets that
 * dribble in do not count, so a slow client is closed like an idle one.  What the kernel
 * still keeps for a client that did not read is thrown away when its connection is closed,
 * or it would be kept for minutes; and one that ends its side before it has read is not closed
 * until it has, or has been idle for too long.
 *
 * Knows no listening sockets, no threads.  Its worker's only.
 */
#ifndef NEARCAST_TCP_CONNS_H
#define NEARCAST_TCP_CONNS_H

#include "common/addr.h"
#include "dnsd/answer/counters.h"
#include "dnsd/net/tcp_conn.h"
#include "dnsd/net/tcp_pool.h"

struct tcp_conns {
	int epoll;
	struct tcp_pool *pool;
	struct counters *counters;
	struct cds_list_head by_activity;	/* longest idle first */
	struct cds_list_head turns;	/* of who waits for one, who has waited longest first */
	struct tcp_buffers buffers;
};

/* Takes a connection, of malloc and in the pool, and serves it from now on. */
void tcp_conns_add(struct tcp_conns *conns, struct tcp_conn *c);

/* Who has waited for its turn for longest; it is the last to have another.  NULL = nobody waits. */
struct tcp_conn *tcp_conns_next(struct tcp_conns *conns);

/* What follows from a turn: the connection goes, waits for an event or another turn, counts as
 * active again.  now_ms: monotonic clock. */
void tcp_conns_after(struct tcp_conns *conns, struct tcp_conn *c, enum tcp_result result,
    uint64_t now_ms);

/* epoll says that it has ended both ways, or failed: closes it, unless it is one that ended before
 * it had read its answers, and still has not. */
void tcp_conns_hung_up(struct tcp_conns *conns, struct tcp_conn *c, bool error);

/* Closes it.  `reset`: what it did not read need not be kept for it. */
void tcp_conns_drop(struct tcp_conns *conns, struct tcp_conn *c, bool reset);

/* Closes those idle for idle_ms; milliseconds until the next may be, -1 = nobody is there. */
int tcp_conns_expire(struct tcp_conns *conns, uint32_t idle_ms, uint64_t now_ms);

/* At the end: closes all without a backlog, and watches the others' only. */
void tcp_conns_keep_backlogs(struct tcp_conns *conns);

/* Closes all. */
void tcp_conns_drop_all(struct tcp_conns *conns);

#endif
