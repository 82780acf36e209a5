/*
 * tcp_conn: one TCP connection: bytes in, messages answered, bytes out (RFC 7766).
 *
 * A message is two octets of length and as many of DNS; they come in any pieces.  What of
 * the input is no whole message yet, and what of the output the socket does not take (the
 * backlog), is memory of the connection's own; all else passes through its worker's
 * buffers.  Knows neither epoll nor time nor other connections, which are tcp.c's.  Only
 * the worker that accepted a connection touches it, but for its member of the pool.
 */
#ifndef NEARCAST_TCP_CONN_H
#define NEARCAST_TCP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/answer/answer.h"
#include "dnsd/net/tcp_pool.h"

enum {
	TCP_IN_SIZE = 2 * (2 + ANSWER_MAX_TCP),
	TCP_OUT_SIZE = 4 * (2 + ANSWER_MAX_TCP),
	TCP_HELD_MAX = 64 << 20		/* octets that a worker's connections hold, at most */
};

struct tcp_conn {
	struct tcp_pool_member pool;	/* has the descriptor */
	struct tcp_conn *prev, *next;	/* the worker's, longest idle first */
	uint8_t *in;			/* what is not answered yet, NULL mostly */
	uint8_t *out;			/* what the socket did not take, NULL mostly */
	uint32_t in_len, out_len, out_at;
	struct addr addr;
	bool polls_out;			/* what epoll watches */
};

/* A worker's buffers, shared by its connections: each is empty between two events. */
struct tcp_buffers {
	size_t held;			/* octets its connections hold */
	size_t out_len;
	uint8_t in[TCP_IN_SIZE];
	uint8_t out[TCP_OUT_SIZE];
};

/* What answering needs, for one batch of events. */
struct tcp_batch {
	const struct generation *gen;
	struct answer_client client;	/* but its address */
	struct counters *counters;
	struct tcp_buffers *buffers;
};

enum tcp_result {
	TCP_QUIET,			/* nothing that deserves an answer: not a sign of life */
	TCP_ACTIVE,			/* messages answered, or a backlog gone */
	TCP_OVER			/* end of stream or error: close it */
};

/* The socket has something to read, or may have.  Never called while there is a backlog. */
enum tcp_result tcp_conn_read(struct tcp_conn *c, struct tcp_batch *batch);

/* The socket takes more of the backlog, which there is.  When all of it is gone, what came in
 * meanwhile is answered. */
enum tcp_result tcp_conn_write(struct tcp_conn *c, struct tcp_batch *batch);

/* Frees what the connection holds; the descriptor is the pool's to close. */
void tcp_conn_clear(struct tcp_conn *c, struct tcp_buffers *buffers);

#endif
