#include "dnsd/net/tcp_conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/dns/dns.h"

/* Memory of a connection's own, within what a worker may hold.  NULL = too much. */
static uint8_t *
hold(struct tcp_buffers *b, const uint8_t *data, size_t len)
{
	uint8_t *copy;

	if (b->held + len > TCP_HELD_MAX || (copy = malloc(len)) == NULL)
		return NULL;
	memcpy(copy, data, len);
	b->held += len;
	return copy;
}

static void
drop_in(struct tcp_conn *c, struct tcp_buffers *b)
{
	assert(b->held >= c->in_len);
	free(c->in);
	b->held -= c->in_len;
	c->in = NULL;
	c->in_len = 0;
}

static void
drop_out(struct tcp_conn *c, struct tcp_buffers *b)
{
	assert(b->held >= c->out_len);
	free(c->out);
	b->held -= c->out_len;
	c->out = NULL;
	c->out_len = c->out_at = 0;
}

void
tcp_conn_clear(struct tcp_conn *c, struct tcp_buffers *buffers)
{
	drop_in(c, buffers);
	drop_out(c, buffers);
}

/* Octets sent, 0 when the socket is full, -1 when it is over. */
static ssize_t
send_some(struct tcp_conn *c, const uint8_t *data, size_t len)
{
	ssize_t n;

	do
		n = send(c->pool.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	return n;
}

/* Sends the answers of this connection; what is left becomes its backlog.  -1 = over. */
static int
flush(struct tcp_conn *c, struct tcp_buffers *b)
{
	size_t at = 0;

	while (at < b->out_len) {
		ssize_t n = send_some(c, b->out + at, b->out_len - at);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	if (at < b->out_len) {
		c->out = hold(b, b->out + at, b->out_len - at);
		if (c->out == NULL)
			return -1;
		c->out_len = (uint32_t)(b->out_len - at);
		c->out_at = 0;
	}
	b->out_len = 0;
	return 0;
}

/* Answers the whole messages among the first `len` octets of the worker's input buffer, until
 * they end or a backlog forms; the rest becomes the connection's own. */
static enum tcp_result
process(struct tcp_conn *c, struct tcp_batch *batch, size_t len)
{
	struct tcp_buffers *b = batch->buffers;
	bool answered = false;
	size_t at = 0;

	b->out_len = 0;
	batch->client.addr = c->addr;
	while (len - at >= 2 && c->out == NULL) {
		size_t message = dns_get16(b->in + at), n;
		uint8_t *out = b->out + b->out_len;

		if (len - at - 2 < message)
			break;
		assert(b->out_len <= sizeof(b->out) - (2 + ANSWER_MAX_TCP));
		COUNTER_ADD(batch->counters, tcp_queries, 1);
		n = answer_packet(batch->gen, &batch->client, b->in + at + 2, message, out + 2,
		    ANSWER_MAX_TCP, NULL, batch->counters);
		at += 2 + message;
		if (n == 0)
			continue;
		dns_put16(out, (uint16_t)n);
		b->out_len += 2 + n;
		answered = true;
		if (b->out_len > sizeof(b->out) - (2 + ANSWER_MAX_TCP) && flush(c, b) < 0)
			return TCP_OVER;
	}
	if (flush(c, b) < 0)
		return TCP_OVER;
	if (at < len) {
		c->in = hold(b, b->in + at, len - at);
		if (c->in == NULL)
			return TCP_OVER;
		c->in_len = (uint32_t)(len - at);
	}
	return answered ? TCP_ACTIVE : TCP_QUIET;
}

/* What was held back comes first in the worker's buffer; its length. */
static size_t
take_held(struct tcp_conn *c, struct tcp_buffers *b)
{
	size_t len = c->in_len;

	if (len != 0)
		memcpy(b->in, c->in, len);
	drop_in(c, b);
	return len;
}

enum tcp_result
tcp_conn_read(struct tcp_conn *c, struct tcp_batch *batch)
{
	struct tcp_buffers *b = batch->buffers;
	/* without a backlog less than one message is held, so there is room for another */
	ssize_t n = recv(c->pool.fd, b->in + c->in_len, sizeof(b->in) - c->in_len, MSG_DONTWAIT);

	assert(c->out == NULL && c->in_len < 2 + ANSWER_MAX_TCP);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return TCP_QUIET;
	if (n <= 0)
		return TCP_OVER;
	return process(c, batch, take_held(c, b) + (size_t)n);
}

enum tcp_result
tcp_conn_write(struct tcp_conn *c, struct tcp_batch *batch)
{
	struct tcp_buffers *b = batch->buffers;
	ssize_t n = send_some(c, c->out + c->out_at, c->out_len - c->out_at);

	assert(c->out != NULL && c->out_at < c->out_len);
	if (n < 0)
		return TCP_OVER;
	c->out_at += (uint32_t)n;
	if (c->out_at < c->out_len)
		return TCP_QUIET;
	drop_out(c, b);
	/* what came in meanwhile may hold whole messages */
	if (process(c, batch, take_held(c, b)) == TCP_OVER)
		return TCP_OVER;
	return TCP_ACTIVE;
}
