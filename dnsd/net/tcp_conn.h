/*
 * tcp_conn: one TCP connection: bytes in, messages answered, bytes out (RFC 7766).
 *
 * A message is two octets of length and as many of DNS; they come in any pieces.  A connection
 * is served a turn at a time, so that others have theirs: TCP_TURN_MESSAGES answered at most, fewer
 * when their answers are long.  What of the input was not answered, and what of the output the
 * socket does not take (the backlog), is memory of the connection's own; all else passes
 * through its worker's buffers.  With a backlog nothing more is read.  A message too long for a
 * read grows in memory of its own, in which nothing is moved for each of its pieces.
 *
 * Knows neither epoll nor time nor other connections, which are tcp_conns.c's.  Only
 * the worker that accepted a connection touches it, but for its member of the pool.
 */
#ifndef NEARCAST_TCP_CONN_H
#define NEARCAST_TCP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/answer/answer.h"
#include "dnsd/net/decisions.h"
#include "dnsd/net/tcp_pool.h"

enum {
	TCP_TURN_MESSAGES = 64,
	TCP_TURN_OUT = 32 << 10,	/* octets of answers that end a turn */
	TCP_READ = 4096,		/* octets read in a turn, but for a long message's */
	TCP_IN_SIZE = 2 * TCP_READ,
	TCP_OUT_SIZE = TCP_TURN_OUT + 2 + ANSWER_MAX_TCP
};

enum tcp_watch {
	TCP_WATCH_IN, TCP_WATCH_OUT,
	TCP_WATCH_TURN,			/* not by epoll: it waits for its turn */
	TCP_WATCH_END			/* ended both ways, and waits for its answers to be read */
};

struct tcp_conn {
	struct tcp_pool_member pool;	/* has the descriptor */
	struct cds_list_head by_activity, turn;	/* in tcp_conns.h's lists */
	uint8_t *in;			/* from in_at to in_len not answered yet; NULL mostly */
	uint8_t *out;			/* what the socket did not take, NULL mostly */
	uint32_t in_at, in_len, in_size;
	uint32_t out_at, out_len;
	uint32_t sent;			/* octets since the pool last asked what the socket holds */
	struct addr addr;
	enum tcp_watch watch;		/* what wakes it: epoll, or its turn */
	bool more;			/* there is more to do, without an event */
	bool holds;			/* the pool was told of memory */
};

/* A worker's buffers, shared by its connections: each is empty between two turns. */
struct tcp_buffers {
	size_t out_len;
	uint8_t in[TCP_IN_SIZE];
	uint8_t out[TCP_OUT_SIZE];
};

/* What answering needs, for one batch of turns. */
struct tcp_batch {
	const struct generation *gen;
	struct answer_client client;	/* but its address */
	struct counters *counters;
	struct tcp_buffers *buffers;
	struct decisions_ring *ring;	/* NULL = no decisions are logged */
	double t;			/* of the batch, seconds since 1970 */
};

enum tcp_result {
	TCP_QUIET,			/* nothing that deserves an answer: not a sign of life */
	TCP_ACTIVE,			/* messages answered, or a backlog gone */
	TCP_OVER			/* end of stream or error: close it */
};

/* One turn: sends what is left of the backlog, answers what was read, reads what there is. */
enum tcp_result tcp_conn_serve(struct tcp_conn *c, struct tcp_batch *batch);

/* Octets of the connection's own memory that it may keep for long: a backlog with all that waits
 * behind it, or a message of which some is missing. */
size_t tcp_conn_kept(const struct tcp_conn *c);

/* Frees what the connection holds; the descriptor is the pool's to close. */
void tcp_conn_clear(struct tcp_conn *c);

#endif
