#include "dnsd/net/tcp_conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/dns/dns.h"

/* Octets of a message, its length included. */
enum { LONGEST = 2 + 65535 };

static void
drop_in(struct tcp_conn *c)
{
	free(c->in);
	c->in = NULL;
	c->in_at = c->in_len = c->in_size = 0;
}

static void
drop_out(struct tcp_conn *c)
{
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_at = 0;
}

void
tcp_conn_clear(struct tcp_conn *c)
{
	drop_in(c);
	drop_out(c);
}

/* Octets of the first message in `data`, its length included, as far as that is known. */
static size_t
message_len(const uint8_t *data, size_t len)
{
	return len < 2 ? 2 : 2u + dns_get16(data);
}

static size_t
held_len(const struct tcp_conn *c)
{
	return c->in_len - c->in_at;
}

/* True if a whole message is held. */
static bool
held_whole(const struct tcp_conn *c)
{
	return held_len(c) >= 2 && held_len(c) >= message_len(c->in + c->in_at, held_len(c));
}

size_t
tcp_conn_kept(const struct tcp_conn *c)
{
	if (c->out != NULL)
		return c->out_len + c->in_size;
	return c->in != NULL && !held_whole(c) ? c->in_size : 0;
}

/* ---- out ---- */

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
	c->sent += (uint32_t)n;
	return n;
}

/* Sends the answers of a turn; what is left becomes the backlog.  -1 = over. */
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
		c->out = malloc(b->out_len - at);
		if (c->out == NULL)
			return -1;
		memcpy(c->out, b->out + at, b->out_len - at);
		c->out_len = (uint32_t)(b->out_len - at);
	}
	b->out_len = 0;
	return 0;
}

/* More of the backlog.  -1 = over. */
static int
send_backlog(struct tcp_conn *c)
{
	ssize_t n = send_some(c, c->out + c->out_at, c->out_len - c->out_at);

	if (n < 0)
		return -1;
	c->out_at += (uint32_t)n;
	if (c->out_at == c->out_len)
		drop_out(c);
	return 0;
}

/* ---- in ---- */

/* What a turn has to answer from: whole messages first, perhaps part of one behind them. */
struct input {
	const uint8_t *data;
	size_t len;
	bool over;			/* end of stream, an error, or no memory */
};

/* Makes room for more of a message that is held in part; -1 = no memory.  A message is given
 * twice what has come of it, so that who sends a length only does not get 64 KB for it. */
static int
input_room(struct tcp_conn *c, size_t message)
{
	size_t len = held_len(c), size = 2 * len < TCP_READ ? TCP_READ : 2 * len;
	uint8_t *in;

	if (size > message)
		size = message;
	in = malloc(size);
	if (in == NULL)
		return -1;
	memcpy(in, c->in + c->in_at, len);
	free(c->in);
	c->in = in;
	c->in_at = 0;
	c->in_len = (uint32_t)len;
	c->in_size = (uint32_t)size;
	return 0;
}

static struct input
input_held(const struct tcp_conn *c)
{
	return (struct input){ .data = c->in + c->in_at, .len = held_len(c) };
}

/* What recv says when it brings nothing. */
static struct input
input_none(ssize_t n)
{
	return (struct input){ .over = n == 0 || (errno != EAGAIN && errno != EINTR) };
}

/* Reads on where what is held is part of a long message. */
static struct input
input_long(struct tcp_conn *c, size_t message)
{
	size_t room;
	ssize_t n;

	assert(held_len(c) < message && message <= LONGEST);
	if ((c->in_len == c->in_size || c->in_at != 0) && input_room(c, message) < 0)
		return (struct input){ .over = true };
	room = c->in_size - c->in_len;
	n = recv(c->pool.fd, c->in + c->in_len, room, MSG_DONTWAIT);
	if (n <= 0)
		return input_none(n);
	c->in_len += (uint32_t)n;
	c->more = (size_t)n == room;
	return held_whole(c) ? input_held(c) : (struct input){ .len = 0 };
}

/* Reads into the worker's buffer, behind what was held back. */
static struct input
input_read(struct tcp_conn *c, struct tcp_buffers *b)
{
	size_t held = held_len(c);
	ssize_t n;

	assert(held < TCP_READ);
	n = recv(c->pool.fd, b->in + held, TCP_READ, MSG_DONTWAIT);
	if (n <= 0)
		return input_none(n);
	if (held != 0)
		memcpy(b->in, c->in + c->in_at, held);
	drop_in(c);
	c->more = n == TCP_READ;
	return (struct input){ .data = b->in, .len = held + (size_t)n };
}

static struct input
input_next(struct tcp_conn *c, struct tcp_buffers *b)
{
	size_t message = c->in != NULL ? message_len(c->in + c->in_at, held_len(c)) : 0;

	if (held_whole(c))
		return input_held(c);
	return message > TCP_READ ? input_long(c, message) : input_read(c, b);
}

/* Keeps what of the input was not answered; -1 = no memory. */
static int
input_keep(struct tcp_conn *c, const struct input *input, size_t used)
{
	size_t len = input->len - used;

	if (c->in != NULL) {			/* it is there already */
		c->in_at += (uint32_t)used;
		if (c->in_at == c->in_len)
			drop_in(c);
		return 0;
	}
	if (len == 0)
		return 0;
	c->in = malloc(len);
	if (c->in == NULL)
		return -1;
	memcpy(c->in, input->data + used, len);
	c->in_len = c->in_size = (uint32_t)len;
	return 0;
}

/* ---- a turn ---- */

static void
log_over_tcp(const struct tcp_batch *batch, const struct answer_note *note, const uint8_t *out,
    size_t len)
{
	struct answer_log *d = decisions_slot(batch->ring);

	if (d == NULL)
		return;
	d->t = batch->t;
	answer_log_note(d, batch->gen, &batch->client, note, out, len, ANSWER_LOG_SENT);
	decisions_give(batch->ring);
}

enum tcp_result
tcp_conn_serve(struct tcp_conn *c, struct tcp_batch *batch)
{
	struct tcp_buffers *b = batch->buffers;
	bool sent = c->out != NULL, answered;
	struct input input;
	size_t used = 0;

	c->more = false;
	if (sent && send_backlog(c) < 0)
		return TCP_OVER;
	if (c->out != NULL)
		return TCP_QUIET;
	input = input_next(c, b);
	if (input.over)
		return TCP_OVER;
	if (input.len == 0)
		return sent ? TCP_ACTIVE : TCP_QUIET;
	b->out_len = 0;
	batch->client.addr = c->addr;
	for (unsigned i = 0; i < TCP_TURN_MESSAGES && b->out_len < TCP_TURN_OUT; i++) {
		size_t message = message_len(input.data + used, input.len - used), n;
		uint8_t *out = b->out + b->out_len;
		struct answer_note note;
		struct answer_ask ask;

		if (input.len - used < message)
			break;
		COUNTER_ADD(batch->counters, tcp_queries, 1);
		answer_read(&ask, batch->gen, &batch->client, input.data + used + 2, message - 2);
		n = answer_write(batch->gen, &ask, out + 2, ANSWER_MAX_TCP, &note,
		    batch->counters);
		used += message;
		if (n == 0)
			continue;
		log_over_tcp(batch, &note, out + 2, n);
		dns_put16(out, (uint16_t)n);
		b->out_len += 2 + n;
	}
	answered = b->out_len != 0;
	if (flush(c, b) < 0 || input_keep(c, &input, used) < 0)
		return TCP_OVER;
	c->more |= held_whole(c);
	return sent || answered ? TCP_ACTIVE : TCP_QUIET;
}
