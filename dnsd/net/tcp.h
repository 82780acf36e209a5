/*
 * tcp: DNS over TCP (RFC 7766, 9210).
 *
 * One thread and one epoll set a worker, with a listening socket for each address
 * (SO_REUSEPORT), which may come and go.  Messages arrive in any pieces; every whole one
 * is answered at once, in order, and what a connection's socket does not take waits in a
 * backlog, during which nothing more is read from it.  An idle connection holds no buffer:
 * some 200 octets.  A connection is active when a message was answered or a backlog went out;
 * octets that dribble in do not count, so a slow client is closed like an idle one.
 * A half-closed connection gets what it asked for before it is closed.
 *
 * How many there may be, and which goes when there are too many: tcp_pool.h.
 */
#ifndef NEARCAST_TCP_H
#define NEARCAST_TCP_H

#include "common/addr.h"
#include "common/err.h"
#include "dnsd/answer/counters.h"
#include "dnsd/net/serving.h"
#include "dnsd/net/tcp_pool.h"

struct tcp_worker;

/* Starts a thread that listens nowhere yet.  `serving` and `pool` are borrowed until tcp_free.
 * NULL with a reason. */
struct tcp_worker *tcp_start(struct serving *serving, struct tcp_pool *pool, struct err *err);

/* Takes a listening socket (on failure too) and accepts from it.  0, or -1 with a reason.  Like
 * the next, it waits until the thread has done so. */
int tcp_listen(struct tcp_worker *worker, int fd, struct err *err);

/* Accepts whoever waits at this socket of tcp_listen, and closes it; connections stay. */
void tcp_unlisten(struct tcp_worker *worker, int fd);

/* The first tells the thread to end: it accepts no more, finishes what is on its way for at most
 * TCP_GRACE_MS, and ends; the second waits for that. */
#define TCP_GRACE_MS 3000
void tcp_wake(struct tcp_worker *worker);
void tcp_free(struct tcp_worker *worker);

const struct counters *tcp_counters(const struct tcp_worker *worker);

#endif
