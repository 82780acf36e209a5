#include <urcu-qsbr.h>

#include "dnsd/net/server.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dnsd/net/own.h"
#include "dnsd/net/serving.h"
#include "dnsd/net/socket.h"
#include "dnsd/net/tcp.h"
#include "dnsd/net/tcp_pool.h"
#include "dnsd/net/udp.h"

enum { WORKERS_MAX = 512 };

struct server {
	struct serving serving;
	struct tcp_pool *pool;
	struct addr *listen;		/* owned copy */
	size_t n_listen;
	unsigned n_workers;
	int *udp_fds, *tcp_fds;		/* n_workers x n_listen; -1 once a thread has it */
	struct udp_worker **udp;	/* likewise; NULL = not started */
	struct tcp_worker **tcp;	/* n_workers */
};

static unsigned
count_workers(const struct conf *conf)
{
	cpu_set_t set;
	int n = 1;

	if (conf->threads != 0)
		return conf->threads < WORKERS_MAX ? conf->threads : WORKERS_MAX;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	return n < 1 ? 1 : (unsigned)n;
}

/* Sockets with SO_REUSEPORT share an address with those of every other process of our user.
 * Binding without it first shows whether another process has the address already. */
static int
check_unused(const struct addr *addr, struct err *err)
{
	int udp = socket_bind(addr, SOCK_DGRAM, false, err), tcp;

	if (udp < 0)
		return -1;
	tcp = socket_bind(addr, SOCK_STREAM, false, err);
	close(udp);
	if (tcp < 0)
		return -1;
	close(tcp);
	return 0;
}

static int
bind_all(struct server *s, struct err *err)
{
	for (size_t i = 0; i < s->n_listen; i++)
		if (check_unused(&s->listen[i], err) < 0)
			return -1;
	s->serving.guarded = true;
	for (size_t i = 0; i < s->n_workers * s->n_listen; i++) {
		const struct addr *addr = &s->listen[i % s->n_listen];
		s->udp_fds[i] = socket_bind(addr, SOCK_DGRAM, true, err);
		s->tcp_fds[i] = socket_bind(addr, SOCK_STREAM, true, err);
		if (s->udp_fds[i] < 0 || s->tcp_fds[i] < 0)
			return -1;
		s->serving.guarded &= own_guard(s->udp_fds[i], addr, s->listen, s->n_listen);
	}
	return 0;
}

static int
allocate(struct server *s, const struct conf *conf, struct err *err)
{
	size_t n = (size_t)s->n_workers * s->n_listen;

	s->udp_fds = calloc(n + 1, sizeof(*s->udp_fds));
	s->tcp_fds = calloc(n + 1, sizeof(*s->tcp_fds));
	s->udp = calloc(n + 1, sizeof(struct udp_worker *));
	s->tcp = calloc(s->n_workers, sizeof(struct tcp_worker *));
	s->listen = calloc(s->n_listen + 1, sizeof(*s->listen));
	if (s->udp_fds == NULL || s->tcp_fds == NULL || s->udp == NULL || s->tcp == NULL ||
	    s->listen == NULL)
		return err_set(err, "out of memory for workers");
	for (size_t i = 0; i < n; i++)
		s->udp_fds[i] = s->tcp_fds[i] = -1;
	for (size_t i = 0; i < s->n_listen; i++)
		s->listen[i] = conf->listen[i];
	s->pool = tcp_pool_new(err);
	s->serving.rrl = rrl_new(err);
	return s->pool != NULL && s->serving.rrl != NULL ? 0 : -1;
}

struct server *
server_bind(const struct conf *conf, struct err *err)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, "out of memory for workers");
		return NULL;
	}
	s->n_listen = conf->n_listen;
	s->n_workers = count_workers(conf);
	if (allocate(s, conf, err) < 0 || bind_all(s, err) < 0) {
		server_stop(s);
		return NULL;
	}
	return s;
}

static int
start_worker(struct server *s, unsigned worker, struct err *err)
{
	size_t first = (size_t)worker * s->n_listen;

	for (size_t i = 0; i < s->n_listen; i++) {
		int fd = s->udp_fds[first + i];
		s->udp_fds[first + i] = -1;
		s->udp[first + i] = udp_start(fd, &s->listen[i], &s->serving, err);
		if (s->udp[first + i] == NULL)
			return -1;
	}
	s->tcp[worker] = tcp_start(s->tcp_fds + first, s->n_listen, &s->serving, s->pool, err);
	for (size_t i = 0; i < s->n_listen; i++)
		s->tcp_fds[first + i] = -1;
	return s->tcp[worker] != NULL ? 0 : -1;
}

int
server_start(struct server *s, struct generation *gen, struct err *err)
{
	rcu_set_pointer(&s->serving.gen, gen);
	for (unsigned i = 0; i < s->n_workers; i++)
		if (start_worker(s, i, err) < 0)
			return -1;
	return 0;
}

void
server_publish(struct server *s, struct generation *gen)
{
	struct generation *old = rcu_xchg_pointer(&s->serving.gen, gen);

	synchronize_rcu();
	generation_free(old);
}

const struct generation *
server_generation(const struct server *s)
{
	return s->serving.gen;
}

static void
stop_threads(struct server *s)
{
	size_t n = (size_t)s->n_workers * s->n_listen;

	__atomic_store_n(&s->serving.stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; s->udp != NULL && i < n; i++)
		if (s->udp[i] != NULL)
			udp_wake(s->udp[i]);
	for (unsigned i = 0; s->tcp != NULL && i < s->n_workers; i++)
		if (s->tcp[i] != NULL)
			tcp_wake(s->tcp[i]);
	for (size_t i = 0; s->udp != NULL && i < n; i++)
		if (s->udp[i] != NULL)
			udp_free(s->udp[i]);
	for (unsigned i = 0; s->tcp != NULL && i < s->n_workers; i++)
		if (s->tcp[i] != NULL)
			tcp_free(s->tcp[i]);
}

static void
close_unused(const int *fds, size_t n)
{
	for (size_t i = 0; fds != NULL && i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void
server_stop(struct server *s)
{
	size_t n;

	if (s == NULL)
		return;
	n = (size_t)s->n_workers * s->n_listen;
	stop_threads(s);
	close_unused(s->udp_fds, n);
	close_unused(s->tcp_fds, n);
	generation_free(s->serving.gen);
	rrl_free(s->serving.rrl);
	tcp_pool_free(s->pool);
	free(s->udp_fds);
	free(s->tcp_fds);
	free(s->udp);
	free(s->tcp);
	free(s->listen);
	free(s);
}

unsigned
server_workers(const struct server *s)
{
	return s->n_workers;
}

unsigned
server_tcp_connections(const struct server *s)
{
	return tcp_pool_count(s->pool);
}

static void
add_counters(struct counters *sum, const struct counters *c)
{
#define ADD(name, help) sum->name += __atomic_load_n(&c->name, __ATOMIC_RELAXED);
	COUNTERS(ADD)
#undef ADD
}

void
server_counters(const struct server *s, struct counters *sum)
{
	*sum = (struct counters){ 0 };
	for (size_t i = 0; i < s->n_workers * s->n_listen; i++)
		if (s->udp[i] != NULL)
			add_counters(sum, udp_counters(s->udp[i]));
	for (unsigned i = 0; i < s->n_workers; i++)
		if (s->tcp[i] != NULL)
			add_counters(sum, tcp_counters(s->tcp[i]));
}

bool
server_address(const struct server *s, size_t i, struct server_address *a)
{
	if (i >= s->n_listen)
		return false;
	*a = (struct server_address){ .addr = s->listen[i] };
	for (unsigned w = 0; w < s->n_workers; w++) {
		const struct counters *c = udp_counters(s->udp[w * s->n_listen + i]);

		a->received += __atomic_load_n(&c->udp_queries, __ATOMIC_RELAXED);
		a->answered += __atomic_load_n(&c->udp_answers, __ATOMIC_RELAXED);
	}
	return true;
}
