#include "healthd/check/ask.h"

#include <errno.h>
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
ask_question(struct ask *a, const uint8_t *name, uint16_t type, uint16_t class_, bool rd)
{
	static const uint8_t opt[] = { 0, 0, DNS_OPT, ASK_UDP_SIZE >> 8, ASK_UDP_SIZE & 255, 0, 0, 0, 0, 0, 0 };
	uint8_t *q = a->question + 2;
	size_t len = name_len(name), n = DNS_HEADER_LEN;

	memset(q, 0, DNS_HEADER_LEN);
	dns_put16(q + 2, rd ? DNS_RD : 0);
	dns_put16(q + 4, 1);
	dns_put16(q + 10, 1);
	memcpy(q + n, name, len);
	n += len;
	dns_put16(q + n, type);
	dns_put16(q + n + 2, class_);
	n += 4;
	memcpy(q + n, opt, sizeof(opt));
	n += sizeof(opt);
	a->question_len = n;
	dns_put16(a->question, (uint16_t)n);
}

void
ask_cancel(struct ask *a)
{
	loop_timer_stop(a->loop, &a->timer);
	if (a->io.events != 0)
		loop_io_set(a->loop, &a->io, 0);
	if (a->io.ready != NULL && a->io.fd >= 0)
		close(a->io.fd);
	a->io.fd = -1;
	free(a->in);
	a->in = NULL;
}

static void
finish(struct ask *a, enum ask_end end, int error)
{
	ask_cancel(a);
	a->done(a, end, NULL, 0, error);
}

static void
answered(struct ask *a, const uint8_t *message, size_t len)
{
	uint8_t *in = a->in;

	a->in = NULL;
	ask_cancel(a);
	a->done(a, ASK_ANSWERED, message, len, 0);
	free(in);
}

/* Ours: our id, an answer, and our question (or none, as with FORMERR). */
static bool
is_ours(const struct ask *a, const uint8_t *m, size_t len)
{
	const uint8_t *q = a->question + 2;
	size_t name;

	if (len < DNS_HEADER_LEN || memcmp(m, q, 2) != 0 || (m[2] & 0x80) == 0 || (m[2] & 0x78) != 0)
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

static void open_socket(struct ask *a, bool tcp);

static void
read_udp(struct ask *a)
{
	uint8_t m[4096];

	for (;;) {
		ssize_t n = recv(a->io.fd, m, sizeof(m), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			finish(a, ASK_ERRNO, errno);
			return;
		}
		if (!is_ours(a, m, (size_t)n))
			continue;
		if (dns_get16(m + 2) & DNS_TC) {
			loop_io_set(a->loop, &a->io, 0);
			close(a->io.fd);
			open_socket(a, true);
			return;
		}
		answered(a, m, (size_t)n);
		return;
	}
}

static void
write_tcp(struct ask *a)
{
	while (a->sent < a->question_len + 2) {
		ssize_t n = send(a->io.fd, a->question + a->sent, a->question_len + 2 - a->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
			return;
		if (n < 0) {
			finish(a, ASK_ERRNO, errno);
			return;
		}
		a->sent += (size_t)n;
	}
	loop_io_set(a->loop, &a->io, EPOLLIN);
}

static void
read_tcp(struct ask *a)
{
	for (;;) {
		size_t want = a->got < 2 ? 2 : 2u + dns_get16(a->in);
		ssize_t n = 0;

		if (a->got >= 2 && a->got == want) {
			if (is_ours(a, a->in + 2, want - 2))
				answered(a, a->in + 2, want - 2);
			else
				finish(a, ASK_GARBAGE, 0);
			return;
		}
		n = recv(a->io.fd, a->in + a->got, want - a->got, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			finish(a, ASK_ERRNO, n == 0 ? ECONNRESET : errno);
			return;
		}
		a->got += (size_t)n;
	}
}

static void
on_ready(struct loop_io *io, uint32_t events)
{
	struct ask *a = LOOP_OWNER(io, struct ask, io);
	int error = 0;
	socklen_t len = sizeof(error);

	if ((events & EPOLLERR) && getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0)
		finish(a, ASK_ERRNO, error);
	else if (!a->over_tcp)
		read_udp(a);
	else if (a->sent < a->question_len + 2)
		write_tcp(a);
	else
		read_tcp(a);
}

static void
on_time(struct loop_timer *timer)
{
	finish(LOOP_OWNER(timer, struct ask, timer), ASK_TIMEOUT, 0);
}

static void
open_socket(struct ask *a, bool tcp)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a->to, &ss);
	int error = 0;

	a->over_tcp = tcp;
	a->sent = a->got = 0;
	a->io = (struct loop_io){ .ready = on_ready };
	a->io.fd = socket(ss.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->io.fd < 0)
		error = errno;
	else if (connect(a->io.fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		error = errno;
	else if (tcp && (a->in = malloc(2 + TCP_MAX)) == NULL)
		error = ENOMEM;
	else if (!tcp && send(a->io.fd, a->question + 2, a->question_len, 0) < 0)
		error = errno;
	else if (loop_io_set(a->loop, &a->io, tcp ? EPOLLOUT : EPOLLIN) < 0)
		error = errno;
	if (error != 0)
		finish(a, ASK_ERRNO, error);
}

void
ask_start(struct ask *a)
{
	uint16_t id = 0;

	/* without randomness the id is guessable: then the answer is not worth having */
	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id)) {
		a->done(a, ASK_ERRNO, NULL, 0, EAGAIN);
		return;
	}
	dns_put16(a->question + 2, id);
	a->timer.fire = on_time;
	a->until_ms = clock_mono().ms + a->timeout_ms;
	a->io.fd = -1;
	a->in = NULL;
	if (loop_timer_set(a->loop, &a->timer, a->until_ms) < 0)
		a->done(a, ASK_ERRNO, NULL, 0, ENOMEM);
	else
		open_socket(a, a->tcp);
}
