#include "dnsd/net/tcp_accept.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dnsd/net/own.h"

enum {
	ACCEPTS = 64,			/* connections taken before others have their turn */
	PAUSE_MS = 20			/* without accepting, when descriptors have run out */
};

struct tcp_listener {
	struct tcp_listener *next;
	int fd;
};

static int
watch_listener(const struct tcp_accept *a, int op, struct tcp_listener *l, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = l };

	return epoll_ctl(a->conns->epoll, op, l->fd, &ev);
}

static void
set_accepting(struct tcp_accept *a, bool on)
{
	for (struct tcp_listener *l = a->listeners; l != NULL; l = l->next)
		watch_listener(a, EPOLL_CTL_MOD, l, on ? EPOLLIN : 0);
}

/* No descriptor is left: the connection that is worth least gives its own back, and the newcomers
 * wait a moment in the kernel's queue. */
static void
pause_accepting(struct tcp_accept *a, uint64_t now_ms)
{
	if (tcp_pool_evict(a->conns->pool, now_ms))
		COUNTER_ADD(a->conns->counters, tcp_evicted, 1);
	a->paused_until_ms = now_ms + PAUSE_MS;
	set_accepting(a, false);
}

int
tcp_accept_resume(struct tcp_accept *a, int wait_ms, uint64_t now_ms)
{
	if (a->paused_until_ms == 0)
		return wait_ms;
	if (now_ms < a->paused_until_ms)
		return wait_ms < 0 || wait_ms > PAUSE_MS ? PAUSE_MS : wait_ms;
	a->paused_until_ms = 0;
	set_accepting(a, true);
	return wait_ms;
}

struct tcp_pool_limits
tcp_accept_limits(const struct serving *serving, const struct conf *conf)
{
	unsigned most = __atomic_load_n(&serving->tcp_most, __ATOMIC_RELAXED);

	return (struct tcp_pool_limits){
		.all = most < conf->tcp.max_connections ? most : conf->tcp.max_connections,
		.same = conf->tcp.max_per_address,
		.prefix4 = conf->tcp.prefix4,
		.prefix6 = conf->tcp.prefix6
	};
}

/* True if the connection is from one of the addresses listened on.  Where that is any address, the
 * kernel is asked for the one that it came to. */
static bool
is_own_conn(const struct tcp_conn *c, const struct conf *conf)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr to;

	return own_is(conf->listen, conf->n_listen, &c->addr, c->addr.ip) &&
	    getsockname(c->pool.fd, (struct sockaddr *)&ss, &len) == 0 &&
	    addr_from_sockaddr(&to, (const struct sockaddr *)&ss) == 0 &&
	    own_is(conf->listen, conf->n_listen, &c->addr, to.ip);
}

static void
accept_conn(struct tcp_accept *a, int fd, const struct sockaddr *sa, const struct conf *conf,
    uint64_t now_ms)
{
	struct tcp_pool_limits limits = tcp_accept_limits(a->serving, conf);
	struct counters *counters = a->conns->counters;
	struct tcp_conn *c = calloc(1, sizeof(*c));
	unsigned evicted;

	if (c == NULL || addr_from_sockaddr(&c->addr, sa) < 0) {
		free(c);
		close(fd);
		return;
	}
	c->pool.fd = fd;
	c->pool.own = is_own_conn(c, conf);
	if (!tcp_pool_add(a->conns->pool, &c->pool, &c->addr, &limits, now_ms, &evicted)) {
		COUNTER_ADD(counters, tcp_refused, 1);
		free(c);
		close(fd);
		return;
	}
	if (evicted != 0)
		COUNTER_ADD(counters, tcp_evicted, evicted);
	COUNTER_ADD(counters, tcp_connections, 1);
	tcp_conns_add(a->conns, c);
}

static void
accept_some(struct tcp_accept *a, int listener, const struct conf *conf, uint64_t now_ms)
{
	for (unsigned i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		int fd = accept4(listener, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			accept_conn(a, fd, (struct sockaddr *)&ss, conf, now_ms);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(a, now_ms);
		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

int
tcp_accept_add(struct tcp_accept *a, int fd)
{
	struct tcp_listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return ENOMEM;
	l->fd = fd;
	if (watch_listener(a, EPOLL_CTL_ADD, l, a->paused_until_ms == 0 ? EPOLLIN : 0) < 0) {
		int error = errno;
		free(l);
		return error;
	}
	l->next = a->listeners;
	a->listeners = l;
	return 0;
}

void
tcp_accept_remove(struct tcp_accept *a, int fd, const struct conf *conf, uint64_t now_ms)
{
	for (struct tcp_listener **at = &a->listeners, *l; (l = *at) != NULL; at = &l->next) {
		if (l->fd != fd)
			continue;
		accept_some(a, fd, conf, now_ms);
		*at = l->next;
		close(fd);
		free(l);
		return;
	}
}

bool
tcp_accept_event(struct tcp_accept *a, void *what, const struct conf *conf, uint64_t now_ms)
{
	for (struct tcp_listener *l = a->listeners; l != NULL; l = l->next) {
		if (l != what)
			continue;
		accept_some(a, l->fd, conf, now_ms);
		return true;
	}
	return false;
}

void
tcp_accept_last(struct tcp_accept *a, const struct conf *conf, uint64_t now_ms)
{
	for (struct tcp_listener *l = a->listeners; l != NULL; l = l->next) {
		accept_some(a, l->fd, conf, now_ms);
		watch_listener(a, EPOLL_CTL_DEL, l, 0);
	}
}

void
tcp_accept_free(struct tcp_accept *a)
{
	for (struct tcp_listener *l = a->listeners, *next; l != NULL; l = next) {
		next = l->next;
		close(l->fd);
		free(l);
	}
	a->listeners = NULL;
}
