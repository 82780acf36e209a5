/*
 * check_tcp: the kind "tcp": is a connection accepted?  Not an octet is sent, and the connection
 * is reset at once, so that thousands of checks leave no TIME-WAIT behind.
 *
 * A probe owns its struct tcp, from prepare to release; its descriptor is open only while a
 * check is under way.  Whatever the kernel says of the connection, refused, unreachable or
 * nothing within the timeout, becomes the reason.  Name resolution has no part in it: the
 * address is the server's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "healthd/check/kinds.h"

enum { DEFAULT_PORT = 80 };

struct tcp {
	struct probe *probe;
	struct loop_io io;
	struct loop_timer timer;
};

static void
tcp_close(struct tcp *tcp)
{
	struct loop *loop = tcp->probe->checks->loop;
	/* a reset, not TIME-WAIT: nothing was said that could be lost */
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	loop_timer_stop(loop, &tcp->timer);
	if (tcp->io.fd < 0)
		return;
	loop_io_set(loop, &tcp->io, 0);
	setsockopt(tcp->io.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(tcp->io.fd);
	tcp->io.fd = -1;
}

static void
tcp_done(struct tcp *tcp, struct result r)
{
	tcp_close(tcp);
	probe_done(tcp->probe, &r);
}

static void
on_connected(struct loop_io *io, uint32_t events)
{
	struct tcp *tcp = LOOP_OWNER(io, struct tcp, io);
	int error = 0;
	socklen_t len = sizeof(error);

	(void)events;
	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	tcp_done(tcp, error == 0 ? probe_result(tcp->probe, REASON_OK) :
	    probe_result_errno(tcp->probe, error));
}

static void
on_no_answer(struct loop_timer *timer)
{
	struct tcp *tcp = LOOP_OWNER(timer, struct tcp, timer);
	struct result r = probe_result(tcp->probe, REASON_TIMEOUT);

	snprintf(r.detail, sizeof(r.detail), "no connection within %u ms",
	    tcp->probe->check->timeout_ms);
	tcp_done(tcp, r);
}

int
check_tcp_prepare(struct probe *p, struct err *err)
{
	struct tcp *tcp = calloc(1, sizeof(*tcp));

	if (tcp == NULL)
		return err_set(err, "out of memory");
	tcp->probe = p;
	tcp->io.fd = -1;
	tcp->io.ready = on_connected;
	tcp->timer.fire = on_no_answer;
	p->own = tcp;
	return 0;
}

void
check_tcp_release(struct probe *p)
{
	free(p->own);
}

void
check_tcp_cancel(struct probe *p)
{
	tcp_close(p->own);
}

void
check_tcp_start(struct probe *p)
{
	struct tcp *tcp = p->own;
	struct sockaddr_storage ss;
	struct addr to = p->addr;
	socklen_t len;

	if (to.port == 0)
		to.port = p->check->port != 0 ? p->check->port : DEFAULT_PORT;
	len = addr_to_sockaddr(&to, &ss);
	tcp->io.fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (tcp->io.fd < 0 ||
	    (connect(tcp->io.fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS) ||
	    loop_io_set(p->checks->loop, &tcp->io, EPOLLOUT) < 0 ||
	    loop_timer_set(p->checks->loop, &tcp->timer,
	    p->started_ms + p->check->timeout_ms) < 0)
		tcp_done(tcp, probe_result_errno(p, errno));
}
