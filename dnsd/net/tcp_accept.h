/*
 * tcp_accept: the listening sockets of one worker, and who is let in.
 *
 * A socket for each address (SO_REUSEPORT), which may come and go.  How many connections
 * there may be, and who goes for a newcomer: tcp_pool.h.  Where descriptors run out,
 * accepting pauses for a moment, and newcomers wait in the kernel's queue.
 * Its worker's only.
 */
#ifndef NEARCAST_TCP_ACCEPT_H
#define NEARCAST_TCP_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "dnsd/net/serving.h"
#include "dnsd/net/tcp_conns.h"

struct tcp_listener;

struct tcp_accept {
	struct tcp_conns *conns;
	const struct serving *serving;
	struct tcp_listener *listeners;
	uint64_t paused_until_ms;	/* 0 = accepting */
};

/* Accepts from a listening socket from now on.  0, or errno: it is the caller's then. */
int tcp_accept_add(struct tcp_accept *accept, int fd);

/* Accepts whoever waits at this socket of tcp_accept_add, and closes it. */
void tcp_accept_remove(struct tcp_accept *accept, int fd, const struct conf *conf, uint64_t now_ms);

/* If `what` of an epoll event is a listening socket, accepts some of those who wait there, and says
 * so. */
bool tcp_accept_event(struct tcp_accept *accept, void *what, const struct conf *conf,
    uint64_t now_ms);

/* Ends a pause that is over.  How long the next wait may be, which would be wait_ms (-1 =
 * forever) otherwise. */
int tcp_accept_resume(struct tcp_accept *accept, int wait_ms, uint64_t now_ms);

/* At the end: accepts some of those who wait, anywhere, and then nobody any more. */
void tcp_accept_last(struct tcp_accept *accept, const struct conf *conf, uint64_t now_ms);

/* Closes all. */
void tcp_accept_free(struct tcp_accept *accept);

/* What limits connections are under. */
struct tcp_pool_limits tcp_accept_limits(const struct serving *serving, const struct conf *conf);

#endif
