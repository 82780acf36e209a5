#include "dnsd/net/tcp_conns.h"

#include <assert.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int
watch_conn(const struct tcp_conns *s, int op, struct tcp_conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	return epoll_ctl(s->epoll, op, c->pool.fd, &ev);
}

/* ---- lists ---- */

static void
list_append(struct tcp_conns *s, struct tcp_conn *c)
{
	c->next = NULL;
	c->prev = s->last;
	*(s->last != NULL ? &s->last->next : &s->first) = c;
	s->last = c;
}

static void
list_remove(struct tcp_conns *s, struct tcp_conn *c)
{
	*(c->prev != NULL ? &c->prev->next : &s->first) = c->next;
	*(c->next != NULL ? &c->next->prev : &s->last) = c->prev;
}

static void
turn_append(struct tcp_conns *s, struct tcp_conn *c)
{
	c->turn_next = NULL;
	c->turn_prev = s->turn_last;
	*(s->turn_last != NULL ? &s->turn_last->turn_next : &s->turn_first) = c;
	s->turn_last = c;
}

static void
turn_remove(struct tcp_conns *s, struct tcp_conn *c)
{
	*(c->turn_prev != NULL ? &c->turn_prev->turn_next : &s->turn_first) = c->turn_next;
	*(c->turn_next != NULL ? &c->turn_next->turn_prev : &s->turn_last) = c->turn_prev;
}

/* ---- coming and going ---- */

void
tcp_conns_drop(struct tcp_conns *s, struct tcp_conn *c, bool reset)
{
	assert(s->first != NULL && s->last != NULL);
	list_remove(s, c);
	if (c->watch == TCP_WATCH_TURN)
		turn_remove(s, c);
	reset |= c->out != NULL;
	tcp_conn_clear(c);
	tcp_pool_close(s->pool, &c->pool, reset);
	free(c);
}

void
tcp_conns_add(struct tcp_conns *s, struct tcp_conn *c)
{
	c->watch = TCP_WATCH_IN;
	list_append(s, c);
	if (watch_conn(s, EPOLL_CTL_ADD, c, EPOLLIN) < 0)
		tcp_conns_drop(s, c, false);
}

/* Tells the pool of memory held, when it is worth it, and when it was. */
static void
tell_held(struct tcp_conns *s, struct tcp_conn *c, bool done, uint64_t now_ms)
{
	size_t kept = tcp_conn_kept(c), held = kept;
	unsigned gone;

	if (c->out != NULL || c->holds || c->sent >= TCP_POOL_LEAST) {
		held += tcp_pool_socket_octets(c->pool.fd);
		c->sent = 0;
	}
	if (held < TCP_POOL_LEAST && !c->holds)
		return;
	c->holds = held >= TCP_POOL_LEAST;
	gone = tcp_pool_hold(s->pool, &c->pool, kept, held - kept, done, now_ms);
	if (gone != 0)
		COUNTER_ADD(s->counters, tcp_overheld, gone);
}

/* True if the other side has not had all that was sent. */
static bool
is_owed(const struct tcp_conn *c)
{
	int octets;

	return ioctl(c->pool.fd, SIOCOUTQ, &octets) == 0 && octets != 0;
}

/* Whoever closed its side without having read its answers: our end goes out behind them, and the
 * connection stays, is counted and expires like all others.  Closed at once, what it did not read
 * would be the kernel's for minutes, of as many connections as it likes to make.  False if that is
 * not worth it. */
static bool
end_behind_answers(struct tcp_conns *s, struct tcp_conn *c, uint64_t now_ms)
{
	uint32_t octets;

	if (c->out != NULL || (!c->holds && c->sent < TCP_POOL_LEAST))
		return false;
	octets = tcp_pool_socket_octets(c->pool.fd);
	if (octets < TCP_POOL_LEAST || shutdown(c->pool.fd, SHUT_WR) < 0)
		return false;
	if (c->watch == TCP_WATCH_TURN)
		turn_remove(s, c);
	tcp_conn_clear(c);
	c->watch = TCP_WATCH_END;
	c->holds = true;
	/* a stream that has ended both ways is told of each time that something happens */
	if (watch_conn(s, EPOLL_CTL_MOD, c, EPOLLET) < 0)
		return false;
	if (tcp_pool_hold(s->pool, &c->pool, 0, octets, false, now_ms) != 0)
		COUNTER_ADD(s->counters, tcp_overheld, 1);
	return true;
}

void
tcp_conns_hung_up(struct tcp_conns *s, struct tcp_conn *c, bool error)
{
	if (error || c->watch != TCP_WATCH_END || !is_owed(c) ||
	    tcp_pool_is_leaving(s->pool, &c->pool))
		tcp_conns_drop(s, c, c->holds);
}

void
tcp_conns_after(struct tcp_conns *s, struct tcp_conn *c, enum tcp_result result, uint64_t now_ms)
{
	enum tcp_watch to = c->out != NULL ? TCP_WATCH_OUT :
	    c->more ? TCP_WATCH_TURN : TCP_WATCH_IN;

	if (result == TCP_OVER) {
		if (!end_behind_answers(s, c, now_ms))
			tcp_conns_drop(s, c, false);
		return;
	}
	if (to != c->watch) {
		if (to == TCP_WATCH_TURN)
			turn_append(s, c);
		else if (c->watch == TCP_WATCH_TURN)
			turn_remove(s, c);
		watch_conn(s, EPOLL_CTL_MOD, c, to == TCP_WATCH_OUT ? EPOLLOUT :
		    to == TCP_WATCH_IN ? EPOLLIN : 0);
		c->watch = to;
	}
	tell_held(s, c, result == TCP_ACTIVE, now_ms);
	if (result == TCP_QUIET)
		return;
	tcp_pool_active(&c->pool, now_ms);
	list_remove(s, c);
	list_append(s, c);
}

struct tcp_conn *
tcp_conns_next(struct tcp_conns *s)
{
	struct tcp_conn *c = s->turn_first;

	if (c == NULL)
		return NULL;
	turn_remove(s, c);
	turn_append(s, c);
	return c;
}

int
tcp_conns_expire(struct tcp_conns *s, uint32_t idle_ms, uint64_t now_ms)
{
	struct tcp_conn *c;

	while ((c = s->first) != NULL) {
		uint64_t end_ms = c->pool.active_ms + idle_ms;
		if (end_ms > now_ms)
			return (int)(end_ms - now_ms);
		tcp_conns_drop(s, c, is_owed(c));
	}
	return -1;
}

void
tcp_conns_keep_backlogs(struct tcp_conns *s)
{
	for (struct tcp_conn *c = s->first, *next; c != NULL; c = next) {
		next = c->next;
		if (c->out == NULL)
			tcp_conns_drop(s, c, false);
		else
			watch_conn(s, EPOLL_CTL_MOD, c, EPOLLOUT);
	}
}

void
tcp_conns_drop_all(struct tcp_conns *s)
{
	while (s->first != NULL)
		tcp_conns_drop(s, s->first, false);
}
