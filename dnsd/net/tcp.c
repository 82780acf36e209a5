#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#include "dnsd/net/tcp.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dnsd/net/tcp_accept.h"
#include "dnsd/net/tcp_conns.h"

enum {
	EVENTS = 64,			/* of a round */
	WAITING = 16,			/* who wait for another turn: served in a round */
	LAST_TURNS = 256,		/* of a connection when we end: it may never stop asking */
	LAST_MS = 1000			/* for all of these, at most */
};

/* What the main thread asks of a worker, which answers when its round is over. */
struct order {
	int listen, leave;		/* descriptors; -1 = none */
	int error;			/* errno of listening; 0 = it does */
	bool given, done;
};

struct tcp_worker {
	struct counters counters;
	struct serving *serving;
	pthread_t thread;
	struct decisions_ring *ring;	/* NULL = no decisions are logged */
	int wake;
	bool stop;			/* atomic */
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t obeyed;
	struct order order;
	struct tcp_accept accept;	/* the thread's, like what follows */
	struct tcp_conns conns;
} __attribute__((aligned(64)));

/* A round: events, then some of those who wait for a turn. */
struct round {
	struct tcp_batch batch;
	uint64_t now_ms;
};

/* ---- the worker's loop ---- */

/* Where places run short clients are asked to close what they do not need (RFC 7828 3.3.2). */
static uint16_t
keepalive_100ms(const struct tcp_worker *w, const struct conf *conf)
{
	struct tcp_pool_limits limits = tcp_accept_limits(w->serving, conf);
	uint32_t idle = conf->tcp.idle_timeout_ms / 100;

	if (tcp_pool_count(w->conns.pool) >= limits.all - limits.all / 8)
		return 0;
	return (uint16_t)(idle < UINT16_MAX ? idle : UINT16_MAX);
}

static struct round
round_begin(struct tcp_worker *w)
{
	const struct generation *gen = rcu_dereference(w->serving->gen);
	struct serving_now now = serving_now();

	decisions_batch(w->ring, gen);
	return (struct round){
		.batch = {
			.gen = gen,
			.client = { .tcp = true, .now_s = now.wall_s,
			    .mono_s = (uint32_t)(now.mono_ms / 1000),
			    .tcp_idle_100ms = keepalive_100ms(w, gen->conf) },
			.counters = &w->counters,
			.buffers = &w->conns.buffers,
			.ring = w->ring,
			.t = now.wall
		},
		.now_ms = now.mono_ms
	};
}

/* Between two turns nothing of the generation is in use: another takes its place here, and need
 * not wait for all the others. */
static void
round_pass(struct tcp_worker *w, struct round *r)
{
	rcu_quiescent_state();
	if (rcu_dereference(w->serving->gen) != r->batch.gen)
		*r = round_begin(w);
}

/* Does what the main thread has asked for.  Only between two rounds: events of a round may be of
 * a listener that goes. */
static void
obey(struct tcp_worker *w, const struct round *r)
{
	uint64_t n;

	(void)!read(w->wake, &n, sizeof(n));
	pthread_mutex_lock(&w->lock);
	if (w->order.given && !w->order.done) {
		if (w->order.listen >= 0)
			w->order.error = tcp_accept_add(&w->accept, w->order.listen);
		if (w->order.leave >= 0)
			tcp_accept_remove(&w->accept, w->order.leave, r->batch.gen->conf,
			    r->now_ms);
		w->order.done = true;
		pthread_cond_signal(&w->obeyed);
	}
	pthread_mutex_unlock(&w->lock);
}

/* One round; returns how long the next may wait for an event. */
static int
serve_round(struct tcp_worker *w, int wait_ms)
{
	struct epoll_event events[EVENTS];
	struct tcp_conn *c;
	bool woken = false;
	struct round r;
	int n;

	rcu_thread_offline();
	n = epoll_wait(w->conns.epoll, events, EVENTS, wait_ms);
	rcu_thread_online();
	r = round_begin(w);
	for (int i = 0; i < n; i++) {
		void *what = events[i].data.ptr;

		if (what == &w->wake)
			woken = true;
		else if (!tcp_accept_event(&w->accept, what, r.batch.gen->conf, r.now_ms)) {
			c = what;
			if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0)
				/* reset, sent away, or closed in both directions */
				tcp_conns_hung_up(&w->conns, c, (events[i].events & EPOLLERR) != 0);
			else
				tcp_conns_after(&w->conns, c, tcp_conn_serve(c, &r.batch),
				    r.now_ms);
		}
		round_pass(w, &r);
	}
	for (unsigned i = 0; i < WAITING && (c = tcp_conns_next(&w->conns)) != NULL; i++) {
		tcp_conns_after(&w->conns, c, tcp_conn_serve(c, &r.batch), r.now_ms);
		round_pass(w, &r);
	}
	if (woken)
		obey(w, &r);
	wait_ms = tcp_conns_expire(&w->conns, r.batch.gen->conf->tcp.idle_timeout_ms, r.now_ms);
	wait_ms = tcp_accept_resume(&w->accept, wait_ms, r.now_ms);
	return cds_list_empty(&w->conns.turns) ? wait_ms : 0;
}

/* One turn for everybody without a backlog; who had nothing to ask is closed.  True if there may be
 * more to answer. */
static bool
serve_all(struct tcp_worker *w)
{
	struct round r = round_begin(w);
	struct tcp_conn *c, *next;
	bool more = false;

	cds_list_for_each_entry_safe(c, next, &w->conns.by_activity, by_activity) {
		enum tcp_result result;

		if (c->out != NULL)
			continue;
		result = tcp_conn_serve(c, &r.batch);
		if (result == TCP_OVER || (result == TCP_QUIET && !c->more))
			tcp_conns_drop(&w->conns, c, false);
		else
			more |= c->out == NULL;
		round_pass(w, &r);
	}
	return more;
}

/* When the worker is to end: everybody who waits to be accepted or has asked already is answered.
 * Then only backlogs are left, and what was asked behind them. */
static void
stop_accepting(struct tcp_worker *w)
{
	struct round r = round_begin(w);

	tcp_accept_last(&w->accept, r.batch.gen->conf, r.now_ms);
	epoll_ctl(w->conns.epoll, EPOLL_CTL_DEL, w->wake, NULL);
}

/* That has until end_ms to go out. */
static void
serve_backlogs(struct tcp_worker *w, uint64_t end_ms)
{
	struct round r = round_begin(w);

	tcp_conns_keep_backlogs(&w->conns);
	while (!cds_list_empty(&w->conns.by_activity) && r.now_ms < end_ms) {
		struct epoll_event event;
		struct tcp_conn *c = NULL;

		rcu_thread_offline();
		if (epoll_wait(w->conns.epoll, &event, 1, (int)(end_ms - r.now_ms)) == 1)
			c = event.data.ptr;
		rcu_thread_online();
		r = round_begin(w);
		if (c != NULL && (event.events & (EPOLLERR | EPOLLHUP)) == 0) {
			enum tcp_result result = tcp_conn_serve(c, &r.batch);
			if (result == TCP_ACTIVE ||
			    (result == TCP_QUIET && (c->out != NULL || c->more)))
				continue;
		}
		if (c != NULL)
			tcp_conns_drop(&w->conns, c, false);
	}
}

static void *
serve_tcp(void *arg)
{
	struct tcp_worker *w = arg;
	uint64_t stop_ms;
	int wait_ms = -1;

	rcu_register_thread();
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
		wait_ms = serve_round(w, wait_ms);
	stop_accepting(w);
	stop_ms = serving_now().mono_ms;
	for (unsigned i = 0; i < LAST_TURNS && serving_now().mono_ms < stop_ms + LAST_MS; i++)
		if (!serve_all(w))
			break;
	serve_backlogs(w, stop_ms + TCP_GRACE_MS);
	tcp_conns_drop_all(&w->conns);
	rcu_unregister_thread();
	return NULL;
}

/* ---- the thread ---- */

static void
worker_free(struct tcp_worker *w)
{
	decisions_ring_free(w->serving->decisions, w->ring);
	tcp_accept_free(&w->accept);
	if (w->conns.epoll >= 0)
		close(w->conns.epoll);
	if (w->wake >= 0)
		close(w->wake);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->obeyed);
	free(w);
}

static int
worker_prepare(struct tcp_worker *w, struct err *err)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &w->wake };

	w->conns.epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->conns.epoll < 0 || w->wake < 0 ||
	    epoll_ctl(w->conns.epoll, EPOLL_CTL_ADD, w->wake, &ev) < 0)
		return err_set(err, "starting a TCP worker: %s", strerror(errno));
	return 0;
}

struct tcp_worker *
tcp_start(struct serving *serving, struct tcp_pool *pool, struct err *err)
{
	struct tcp_worker *w = aligned_alloc(64, sizeof(*w));
	int rc;

	if (w == NULL) {
		err_set(err, "out of memory for a TCP worker");
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->obeyed, NULL);
	w->serving = serving;
	w->ring = decisions_ring_new(serving->decisions);
	w->conns.pool = pool;
	CDS_INIT_LIST_HEAD(&w->conns.by_activity);
	CDS_INIT_LIST_HEAD(&w->conns.turns);
	w->conns.counters = &w->counters;
	w->accept = (struct tcp_accept){ .conns = &w->conns, .serving = serving };
	if (worker_prepare(w, err) < 0) {
		worker_free(w);
		return NULL;
	}
	rc = pthread_create(&w->thread, NULL, serve_tcp, w);
	if (rc != 0) {
		err_set(err, "starting a TCP worker: %s", strerror(rc));
		worker_free(w);
		return NULL;
	}
	pthread_setname_np(w->thread, "dnsd tcp");
	return w;
}

static void
wake(const struct tcp_worker *w)
{
	uint64_t one = 1;

	(void)!write(w->wake, &one, sizeof(one));
}

/* Gives an order and waits until the worker has obeyed, for which it needs no more than a round.
 * Returns the order's errno. */
static int
give_order(struct tcp_worker *w, int to_listen, int to_leave)
{
	int error;

	pthread_mutex_lock(&w->lock);
	w->order = (struct order){ .listen = to_listen, .leave = to_leave, .given = true };
	wake(w);
	while (!w->order.done)
		pthread_cond_wait(&w->obeyed, &w->lock);
	error = w->order.error;
	pthread_mutex_unlock(&w->lock);
	return error;
}

int
tcp_listen(struct tcp_worker *w, int fd, struct err *err)
{
	int error = give_order(w, fd, -1);

	if (error == 0)
		return 0;
	close(fd);
	return err_set(err, "listening over TCP: %s", strerror(error));
}

void
tcp_unlisten(struct tcp_worker *w, int fd)
{
	give_order(w, -1, fd);
}

void
tcp_wake(struct tcp_worker *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	wake(w);
}

void
tcp_free(struct tcp_worker *w)
{
	pthread_join(w->thread, NULL);
	worker_free(w);
}

const struct counters *
tcp_counters(const struct tcp_worker *w)
{
	return &w->counters;
}
