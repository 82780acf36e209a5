#include "common/dns/client.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/dns/dns.h"
#include "common/dns/name.h"

enum { TCP_MAX = 65535 };

void
client_question(struct client *c, const uint8_t *name, uint16_t type, uint16_t class,
    unsigned flags)
{
	static const uint8_t opt[] = { 0, 0, DNS_OPT, CLIENT_UDP_SIZE >> 8, CLIENT_UDP_SIZE & 255 };
	uint8_t *q = c->question + 2;
	size_t len = name_len(name), n = DNS_HEADER_LEN;

	assert(!c->busy && len <= NAME_MAX_WIRE);
	memset(q, 0, CLIENT_QUESTION_MAX);
	dns_put16(q + 2, flags & CLIENT_RD ? DNS_RD : 0);
	dns_put16(q + 4, 1);
	memcpy(q + n, name, len);
	n += len;
	dns_put16(q + n, type);
	dns_put16(q + n + 2, class);
	n += 4;
	if (flags & CLIENT_EDNS) {
		dns_put16(q + 10, 1);
		memcpy(q + n, opt, sizeof(opt));
		n += 11;		/* version, flags and options are 0 */
	}
	c->question_len = c->bare_len = n;
	dns_put16(c->question, (uint16_t)n);
}

/* What the jar holds now becomes the only option of the OPT record, which ends the question. */
static void
put_cookie(struct client *c)
{
	uint8_t *end = c->question + 2 + c->bare_len;
	size_t len;

	if (c->cookie == NULL || dns_get16(c->question + 2 + 10) == 0)
		return;
	len = client_cookie_put(c->cookie, end);
	dns_put16(end - 2, (uint16_t)len);
	c->question_len = c->bare_len + len;
	dns_put16(c->question, (uint16_t)c->question_len);
}

const uint8_t *
client_sent(const struct client *c, size_t *len)
{
	*len = c->question_len;
	return c->question + 2;
}

static void
close_socket(struct client *c)
{
	if (c->io.events != 0)
		loop_io_set(c->loop, &c->io, 0);
	if (c->io.fd >= 0)
		close(c->io.fd);
	c->io.fd = -1;
}

void
client_cancel(struct client *c)
{
	if (!c->busy)
		return;
	loop_timer_stop(c->loop, &c->timer);
	close_socket(c);
	free(c->in);
	c->in = NULL;
	c->busy = false;
}

static void
end_with(struct client *c, enum client_end end, int error)
{
	client_cancel(c);
	c->done(c, end, NULL, 0, error);
}

static void
hand_over(struct client *c, const uint8_t *message, size_t len)
{
	uint8_t *in = c->in;	/* the message may lie in it, and c may be gone after done */

	c->in = NULL;
	client_cancel(c);
	c->done(c, CLIENT_ANSWERED, message, len, 0);
	free(in);
}

/* Ours: our id, an answer, and our question (or none, as with FORMERR). */
static bool
is_ours(const struct client *c, const uint8_t *m, size_t len)
{
	const uint8_t *q = c->question + 2;
	size_t name;

	if (len < DNS_HEADER_LEN || memcmp(m, q, 2) != 0 || (m[2] & 0x80) == 0 ||
	    (m[2] & 0x78) != 0)
		return false;
	if (dns_get16(m + 4) == 0)
		return true;
	if (dns_get16(m + 4) != 1)
		return false;
	name = name_check(m + DNS_HEADER_LEN, len - DNS_HEADER_LEN);
	return name != 0 && len >= DNS_HEADER_LEN + name + 4 &&
	    name_equal(m + DNS_HEADER_LEN, q + DNS_HEADER_LEN) &&
	    memcmp(m + DNS_HEADER_LEN + name, q + DNS_HEADER_LEN + name, 4) == 0;
}

static int open_socket(struct client *c, bool tcp);

/* Learns the server's cookie from an answer.  True if it was asked for nothing but that, and
 * the question is on its way again. */
static bool
took_cookie(struct client *c, const uint8_t *m, size_t len)
{
	if (c->cookie == NULL || !is_ours(c, m, len) ||
	    !client_cookie_take(c->cookie, m, len) || c->again)
		return false;
	c->again = true;
	put_cookie(c);
	return send(c->io.fd, c->question + 2, c->question_len, 0) >= 0;
}

static void
read_udp(struct client *c)
{
	uint8_t m[4096];

	for (;;) {
		ssize_t n = recv(c->io.fd, m, sizeof(m), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			end_with(c, CLIENT_ERRNO, errno);
			return;
		}
		if (!c->local && !is_ours(c, m, (size_t)n))
			continue;
		if (took_cookie(c, m, (size_t)n))
			continue;
		if (c->way == CLIENT_UDP || n < DNS_HEADER_LEN ||
		    (dns_get16(m + 2) & DNS_TC) == 0) {
			hand_over(c, m, (size_t)n);
			return;
		}
		close_socket(c);
		if (open_socket(c, true) < 0)
			end_with(c, CLIENT_ERRNO, errno);
		return;
	}
}

static void
write_tcp(struct client *c)
{
	while (c->sent < c->question_len + 2) {
		ssize_t n = send(c->io.fd, c->question + c->sent, c->question_len + 2 - c->sent,
		    MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
			return;
		if (n < 0) {
			end_with(c, CLIENT_ERRNO, errno);
			return;
		}
		c->sent += (size_t)n;
	}
	loop_io_set(c->loop, &c->io, EPOLLIN);
}

static void
read_tcp(struct client *c)
{
	for (;;) {
		size_t want = c->got < 2 ? 2 : 2u + dns_get16(c->in);
		ssize_t n = 0;

		if (c->got >= 2 && c->got == want) {
			if (is_ours(c, c->in + 2, want - 2))
				hand_over(c, c->in + 2, want - 2);
			else
				end_with(c, CLIENT_GARBAGE, 0);
			return;
		}
		n = recv(c->io.fd, c->in + c->got, want - c->got, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			end_with(c, CLIENT_ERRNO, n == 0 ? ECONNRESET : errno);
			return;
		}
		c->got += (size_t)n;
	}
}

static void
on_socket(struct loop_io *io, uint32_t events)
{
	struct client *c = LOOP_OWNER(io, struct client, io);
	int error = 0;
	socklen_t len = sizeof(error);

	if ((events & EPOLLERR) && getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    error != 0)
		end_with(c, CLIENT_ERRNO, error);
	else if (!c->over_tcp)
		read_udp(c);
	else if (c->sent < c->question_len + 2)
		write_tcp(c);
	else
		read_tcp(c);
}

static void
on_timeout(struct loop_timer *timer)
{
	end_with(LOOP_OWNER(timer, struct client, timer), CLIENT_TIMEOUT, 0);
}

/* A question to an address of this machine is sent from that address.  One to an address that is
 * not here any more would leave, and be answered by another site: bind knows.  What the kernel
 * would choose by itself says nothing, for of an interface's addresses it prefers the first. */
static int
bind_to(int fd, const struct addr *to)
{
	struct addr from = *to;
	struct sockaddr_storage ss;
	socklen_t len;
	int one = 1;

	from.port = 0;
	len = addr_to_sockaddr(&from, &ss);
	/* TCP: a port is chosen when it connects, and may be one that waits for the end of a
	 * connection to somebody else */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&ss, len);
}

/* 0, or -1 with errno; c->io.fd is open in either case, or -1. */
static int
connect_socket(struct client *c, bool tcp)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&c->to, &ss);

	c->io = (struct loop_io){ .ready = on_socket };
	c->io.fd = socket(ss.ss_family,
	    (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->io.fd < 0 || (c->local && bind_to(c->io.fd, &c->to) < 0))
		return -1;
	if (connect(c->io.fd, (struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS)
		return 0;
	return -1;
}

static int
open_socket(struct client *c, bool tcp)
{
	c->over_tcp = tcp;
	c->sent = c->got = 0;
	if (connect_socket(c, tcp) < 0)
		return -1;
	if (tcp && (c->in = malloc(2 + TCP_MAX)) == NULL)
		return -1;
	if (!tcp && send(c->io.fd, c->question + 2, c->question_len, 0) < 0)
		return -1;
	return loop_io_set(c->loop, &c->io, tcp ? EPOLLOUT : EPOLLIN);
}

int
client_start(struct client *c)
{
	uint16_t id = 0;
	int error;

	assert(!c->busy && c->question_len != 0 && c->done != NULL);
	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id)) {
		/* a guessable id would make the answer of somebody far away worthless */
		errno = EAGAIN;
		if (!c->local)
			return -1;
		id = (uint16_t)(clock_mono().ms * 40503);
	}
	dns_put16(c->question + 2, id);
	put_cookie(c);
	c->again = false;
	c->timer.fire = on_timeout;
	c->io = (struct loop_io){ .fd = -1 };
	c->busy = true;
	if (loop_timer_set(c->loop, &c->timer, clock_mono().ms + c->timeout_ms) < 0)
		errno = ENOMEM;
	else if (open_socket(c, c->way == CLIENT_TCP) == 0)
		return 0;
	error = errno;
	client_cancel(c);
	errno = error;
	return -1;
}
