#include "dnsd/net/tcp_conns.h"

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

/* ---- coming and going ---- */

void
tcp_conns_drop(struct tcp_conns *s, struct tcp_conn *c, bool reset)
{
	cds_list_del(&c->by_activity);
	if (c->watch == TCP_WATCH_TURN)
		cds_list_del(&c->turn);
	reset |= c->out != NULL;
	tcp_conn_clear(c);
	tcp_pool_close(s->pool, &c->pool, reset);
	free(c);
}

void
tcp_conns_add(struct tcp_conns *s, struct tcp_conn *c)
{
	c->watch = TCP_WATCH_IN;
	cds_list_add_tail(&c->by_activity, &s->by_activity);
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
		cds_list_del(&c->turn);
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
			cds_list_add_tail(&c->turn, &s->turns);
		else if (c->watch == TCP_WATCH_TURN)
			cds_list_del(&c->turn);
		watch_conn(s, EPOLL_CTL_MOD, c, to == TCP_WATCH_OUT ? EPOLLOUT :
		    to == TCP_WATCH_IN ? EPOLLIN : 0);
		c->watch = to;
	}
	tell_held(s, c, result == TCP_ACTIVE, now_ms);
	if (result == TCP_QUIET)
		return;
	tcp_pool_active(&c->pool, now_ms);
	cds_list_del(&c->by_activity);
	cds_list_add_tail(&c->by_activity, &s->by_activity);
}

struct tcp_conn *
tcp_conns_next(struct tcp_conns *s)
{
	struct tcp_conn *c;

	if (cds_list_empty(&s->turns))
		return NULL;
	c = cds_list_first_entry(&s->turns, struct tcp_conn, turn);
	cds_list_del(&c->turn);
	cds_list_add_tail(&c->turn, &s->turns);
	return c;
}

int
tcp_conns_expire(struct tcp_conns *s, uint32_t idle_ms, uint64_t now_ms)
{
	struct tcp_conn *c, *next;

	cds_list_for_each_entry_safe(c, next, &s->by_activity, by_activity) {
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
	struct tcp_conn *c, *next;

	cds_list_for_each_entry_safe(c, next, &s->by_activity, by_activity) {
		if (c->out == NULL)
			tcp_conns_drop(s, c, false);
		else
			watch_conn(s, EPOLL_CTL_MOD, c, EPOLLOUT);
	}
}

void
tcp_conns_drop_all(struct tcp_conns *s)
{
	struct tcp_conn *c, *next;

	cds_list_for_each_entry_safe(c, next, &s->by_activity, by_activity) {
		tcp_conns_drop(s, c, false);
	}
}
