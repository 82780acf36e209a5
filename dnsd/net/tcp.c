#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#include "dnsd/net/tcp.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dnsd/net/own.h"
#include "dnsd/net/tcp_conn.h"

enum {
	EVENTS = 256,
	ACCEPTS = 64,			/* connections taken before others have their turn */
	LAST_READS = 16,		/* of a connection when we end: it may never stop asking */
	PAUSE_MS = 20,			/* without accepting, when descriptors have run out */
	KEPT = 16			/* connections past all limits, for this machine itself */
};

struct listener {
	struct listener *next;
	int fd;
};

/* What the main thread asks of a worker, which answers when its turn is over. */
struct order {
	int listen, leave;		/* descriptors; -1 = none */
	int error;			/* errno of listening; 0 = it does */
	bool given, done;
};

struct tcp_worker {
	struct counters counters;
	struct serving *serving;
	struct tcp_pool *pool;
	pthread_t thread;
	int epoll, wake;
	bool stop;			/* atomic */
	struct listener *listeners;	/* the thread's */
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t obeyed;
	struct order order;
	uint64_t paused_until_ms;	/* 0 = accepting */
	uint32_t idle_ms;		/* of the generation in use */
	struct tcp_conn *first, *last;	/* by activity, longest idle first */
	struct tcp_buffers buffers;
} __attribute__((aligned(64)));

static int
watch(struct tcp_worker *w, int op, int fd, uint32_t events, void *what)
{
	struct epoll_event ev = { .events = events, .data.ptr = what };

	return epoll_ctl(w->epoll, op, fd, &ev);
}

/* ---- connections, by activity ---- */

static void
list_append(struct tcp_worker *w, struct tcp_conn *c)
{
	c->next = NULL;
	c->prev = w->last;
	*(w->last != NULL ? &w->last->next : &w->first) = c;
	w->last = c;
}

static void
list_remove(struct tcp_worker *w, struct tcp_conn *c)
{
	*(c->prev != NULL ? &c->prev->next : &w->first) = c->next;
	*(c->next != NULL ? &c->next->prev : &w->last) = c->prev;
}

static void
drop_conn(struct tcp_worker *w, struct tcp_conn *c)
{
	assert(w->first != NULL && w->last != NULL);
	list_remove(w, c);
	tcp_conn_clear(c, &w->buffers);
	tcp_pool_close(w->pool, &c->pool);
	free(c);
}

/* What follows from what an event led to: the connection goes, waits for the other direction, or
 * counts as active again. */
static void
after_event(struct tcp_worker *w, struct tcp_conn *c, enum tcp_result result, uint64_t now_ms)
{
	bool backlog = c->out != NULL;

	if (result == TCP_OVER) {
		drop_conn(w, c);
		return;
	}
	if (backlog != c->polls_out) {
		c->polls_out = backlog;
		watch(w, EPOLL_CTL_MOD, c->pool.fd, backlog ? EPOLLOUT : EPOLLIN, c);
	}
	if (result == TCP_QUIET)
		return;
	tcp_pool_active(&c->pool, now_ms, backlog);
	list_remove(w, c);
	list_append(w, c);
}

/* Closes those idle for too long; milliseconds until the next may be, -1 = nobody is there. */
static int
expire(struct tcp_worker *w, uint64_t now_ms)
{
	struct tcp_conn *c;

	while ((c = w->first) != NULL) {
		uint64_t end_ms = c->pool.active_ms + w->idle_ms;
		if (end_ms > now_ms)
			return (int)(end_ms - now_ms);
		drop_conn(w, c);
	}
	return -1;
}

/* ---- accepting ---- */

static void
set_accepting(struct tcp_worker *w, bool on)
{
	for (struct listener *l = w->listeners; l != NULL; l = l->next)
		watch(w, EPOLL_CTL_MOD, l->fd, on ? EPOLLIN : 0, l);
}

/* No descriptor is left: the longest idle connection gives its own back, and the
 * newcomers wait a moment in the kernel's queue. */
static void
accept_pause(struct tcp_worker *w, uint64_t now_ms)
{
	if (tcp_pool_evict(w->pool))
		COUNTER_ADD(&w->counters, tcp_evicted, 1);
	w->paused_until_ms = now_ms + PAUSE_MS;
	set_accepting(w, false);
}

/* True if the connection is from one of the addresses listened on. */
static bool
conn_is_own(const struct tcp_conn *c, const struct conf *conf)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr to;

	return getsockname(c->pool.fd, (struct sockaddr *)&ss, &len) == 0 &&
	    addr_from_sockaddr(&to, (const struct sockaddr *)&ss) == 0 &&
	    own_is(conf->listen, conf->n_listen, &c->addr, to.ip);
}

/* Within the limits, or, where nobody is idle, on a place kept for this machine itself: that
 * strangers take up all others says nothing of dnsd's health. */
static bool
admit(struct tcp_worker *w, struct tcp_conn *c, const struct conf *conf, uint64_t now_ms,
    bool *evicted)
{
	unsigned most = __atomic_load_n(&w->serving->tcp_most, __ATOMIC_RELAXED);
	unsigned same = conf->tcp.max_per_address;

	if (most > conf->tcp.max_connections)
		most = conf->tcp.max_connections;
	return tcp_pool_add(w->pool, &c->pool, &c->addr, most, same, now_ms, evicted) ||
	    (conn_is_own(c, conf) && tcp_pool_add(w->pool, &c->pool, &c->addr, most + KEPT,
	    same + KEPT, now_ms, evicted));
}

static void
accept_conn(struct tcp_worker *w, int fd, const struct sockaddr *sa, const struct conf *conf,
    uint64_t now_ms)
{
	struct tcp_conn *c = calloc(1, sizeof(*c));
	bool evicted = false;

	if (c == NULL || addr_from_sockaddr(&c->addr, sa) < 0) {
		free(c);
		close(fd);
		return;
	}
	c->pool.fd = fd;
	if (!admit(w, c, conf, now_ms, &evicted)) {
		COUNTER_ADD(&w->counters, tcp_refused, 1);
		free(c);
		close(fd);
		return;
	}
	if (evicted)
		COUNTER_ADD(&w->counters, tcp_evicted, 1);
	COUNTER_ADD(&w->counters, tcp_connections, 1);
	list_append(w, c);
	if (watch(w, EPOLL_CTL_ADD, fd, EPOLLIN, c) < 0)
		drop_conn(w, c);
}

static void
accept_some(struct tcp_worker *w, int listener, const struct conf *conf, uint64_t now_ms)
{
	for (unsigned i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		int fd = accept4(listener, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			accept_conn(w, fd, (struct sockaddr *)&ss, conf, now_ms);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			accept_pause(w, now_ms);
		if (fd < 0 && errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

/* ---- listening ---- */

/* Returns 0, or errno. */
static int
listener_add(struct tcp_worker *w, int fd)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return ENOMEM;
	l->fd = fd;
	if (watch(w, EPOLL_CTL_ADD, fd, w->paused_until_ms == 0 ? EPOLLIN : 0, l) < 0) {
		int error = errno;
		free(l);
		return error;
	}
	l->next = w->listeners;
	w->listeners = l;
	return 0;
}

static void
listener_remove(struct tcp_worker *w, int fd, const struct conf *conf, uint64_t now_ms)
{
	for (struct listener **at = &w->listeners, *l; (l = *at) != NULL; at = &l->next) {
		if (l->fd != fd)
			continue;
		accept_some(w, fd, conf, now_ms);
		*at = l->next;
		close(fd);
		free(l);
		return;
	}
}

/* Does what the main thread has asked for.  Only between two turns: events of a turn may be of a
 * listener that goes. */
static void
obey(struct tcp_worker *w, const struct conf *conf, uint64_t now_ms)
{
	uint64_t n;

	(void)!read(w->wake, &n, sizeof(n));
	pthread_mutex_lock(&w->lock);
	if (w->order.given && !w->order.done) {
		if (w->order.listen >= 0)
			w->order.error = listener_add(w, w->order.listen);
		if (w->order.leave >= 0)
			listener_remove(w, w->order.leave, conf, now_ms);
		w->order.done = true;
		pthread_cond_signal(&w->obeyed);
	}
	pthread_mutex_unlock(&w->lock);
}

/* ---- the worker's loop ---- */

static struct tcp_batch
batch_begin(struct tcp_worker *w, struct serving_now now)
{
	const struct generation *gen = rcu_dereference(w->serving->gen);
	uint32_t idle = gen->conf->tcp.idle_timeout_ms / 100;

	w->idle_ms = gen->conf->tcp.idle_timeout_ms;
	return (struct tcp_batch){
		.gen = gen,
		.client = { .tcp = true, .now_s = now.wall_s,
		    .mono_s = (uint32_t)(now.mono_ms / 1000),
		    .tcp_idle_100ms = (uint16_t)(idle < UINT16_MAX ? idle : UINT16_MAX) },
		.counters = &w->counters,
		.buffers = &w->buffers
	};
}

static bool
is_listener(const struct tcp_worker *w, const void *what)
{
	for (const struct listener *l = w->listeners; l != NULL; l = l->next)
		if (l == what)
			return true;
	return false;
}

/* One turn; returns how long the next may wait. */
static int
serve_turn(struct tcp_worker *w, int wait_ms)
{
	struct epoll_event events[EVENTS];
	struct serving_now now;
	struct tcp_batch batch;
	bool woken = false;
	int n;

	rcu_thread_offline();
	n = epoll_wait(w->epoll, events, EVENTS, wait_ms);
	rcu_thread_online();
	now = serving_now();
	batch = batch_begin(w, now);
	for (int i = 0; i < n; i++) {
		void *what = events[i].data.ptr;
		struct tcp_conn *c = what;

		if (is_listener(w, what))
			accept_some(w, ((struct listener *)what)->fd, batch.gen->conf,
			    now.mono_ms);
		else if (what == &w->wake)
			woken = true;
		else if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0)
			drop_conn(w, c);	/* reset, or closed in both directions */
		else
			after_event(w, c, c->out != NULL ? tcp_conn_write(c, &batch) :
			    tcp_conn_read(c, &batch), now.mono_ms);
	}
	if (woken)
		obey(w, batch.gen->conf, now.mono_ms);
	wait_ms = expire(w, now.mono_ms);
	if (w->paused_until_ms != 0) {
		if (now.mono_ms >= w->paused_until_ms) {
			w->paused_until_ms = 0;
			set_accepting(w, true);
		} else if (wait_ms < 0 || wait_ms > PAUSE_MS) {
			wait_ms = PAUSE_MS;
		}
	}
	return wait_ms;
}

/* When the worker is to end: everybody who waits to be accepted or has asked already is answered.
 * Then only backlogs are left, and they have TCP_GRACE_MS to go out. */
static void
serve_last(struct tcp_worker *w)
{
	struct serving_now now = serving_now();
	struct tcp_batch batch = batch_begin(w, now);
	uint64_t end_ms = now.mono_ms + TCP_GRACE_MS;
	struct tcp_conn *c, *next;

	for (struct listener *l = w->listeners; l != NULL; l = l->next) {
		accept_some(w, l->fd, batch.gen->conf, now.mono_ms);
		watch(w, EPOLL_CTL_DEL, l->fd, 0, NULL);
	}
	watch(w, EPOLL_CTL_DEL, w->wake, 0, NULL);
	for (c = w->first; c != NULL; c = next) {
		enum tcp_result result = TCP_ACTIVE;

		next = c->next;
		for (unsigned i = 0; i < LAST_READS && c->out == NULL && result == TCP_ACTIVE; i++)
			result = tcp_conn_read(c, &batch);
		if (c->out == NULL || result == TCP_OVER)
			drop_conn(w, c);
		else
			watch(w, EPOLL_CTL_MOD, c->pool.fd, EPOLLOUT, c);
	}
	while (w->first != NULL && now.mono_ms < end_ms) {
		struct epoll_event event;

		rcu_thread_offline();
		int n = epoll_wait(w->epoll, &event, 1, (int)(end_ms - now.mono_ms));
		rcu_thread_online();
		now = serving_now();
		batch = batch_begin(w, now);
		c = n == 1 ? event.data.ptr : NULL;
		if (c != NULL && (tcp_conn_write(c, &batch) == TCP_OVER || c->out == NULL))
			drop_conn(w, c);
	}
}

static void *
serve_tcp(void *arg)
{
	struct tcp_worker *w = arg;
	int wait_ms = -1;

	rcu_register_thread();
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED))
		wait_ms = serve_turn(w, wait_ms);
	serve_last(w);
	while (w->first != NULL)
		drop_conn(w, w->first);
	rcu_unregister_thread();
	return NULL;
}

/* ---- the thread ---- */

static void
worker_free(struct tcp_worker *w)
{
	struct listener *next;

	for (struct listener *l = w->listeners; l != NULL; l = next) {
		next = l->next;
		close(l->fd);
		free(l);
	}
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->wake >= 0)
		close(w->wake);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->obeyed);
	free(w);
}

static int
worker_prepare(struct tcp_worker *w, struct err *err)
{
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->epoll < 0 || w->wake < 0 || watch(w, EPOLL_CTL_ADD, w->wake, EPOLLIN, &w->wake) < 0)
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
	w->pool = pool;
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

/* Gives an order and waits until the worker has obeyed, for which it needs no more than a turn.
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
