/*
 * tcp: DNS over TCP (RFC 7766, 9210).
 *
 * One thread and one epoll set a worker.  It works in rounds: what epoll has, a turn for each
 * connection, then some of those who had more to do than one turn, then what the main thread
 * asks for.  A turn is short (tcp_conn.h), and between two turns another generation may be
 * published, so that neither the main thread nor another client waits for those who ask without
 * pause.  A half-closed connection gets what it asked for before it is closed.
 *
 * Who is let in: tcp_accept.h.  Who is served when: tcp_conns.h.  How many there may be, and which
 * goes when there are too many: tcp_pool.h.
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
