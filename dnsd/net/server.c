#include <urcu-qsbr.h>

#include "dnsd/net/server.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dnsd/net/own.h"
#include "dnsd/net/serving.h"
#include "dnsd/net/socket.h"
#include "dnsd/net/tcp.h"
#include "dnsd/net/tcp_pool.h"
#include "dnsd/net/udp.h"

enum { WORKERS_MAX = 512 };

/* An address that is listened on, by all workers.  Arrays have an element for each of them. */
struct place {
	struct addr addr;
	int *udp_fds;			/* -1 = not bound, or its thread's */
	int *tcp_fds;			/* bound, or, listening, the worker's; -1 = neither */
	struct udp_worker **udp;	/* NULL = not started */
	bool *listening;		/* over TCP */
};

struct server {
	struct serving serving;
	struct tcp_pool *pool;
	struct place **places;		/* in the order in which they came */
	size_t n_places;
	unsigned n_workers;
	struct tcp_worker **tcp;	/* n_workers; NULL = not started */
	struct counters left;		/* what places that were left had counted */
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

static void
add_counters(struct counters *sum, const struct counters *c)
{
#define ADD(name, help) sum->name += __atomic_load_n(&c->name, __ATOMIC_RELAXED);
	COUNTERS(ADD)
#undef ADD
}

/* ---- places ---- */

/* Ends what has been started at a place, and closes it. */
static void
place_free(struct server *s, struct place *p)
{
	for (unsigned i = 0; p->udp != NULL && i < s->n_workers; i++)
		if (p->udp[i] != NULL)
			udp_wake(p->udp[i]);
	for (unsigned i = 0; p->listening != NULL && i < s->n_workers; i++) {
		if (p->udp[i] != NULL) {
			udp_join(p->udp[i]);
			add_counters(&s->left, udp_counters(p->udp[i]));
			udp_free(p->udp[i]);
		}
		if (p->udp_fds[i] >= 0)
			close(p->udp_fds[i]);
		if (p->listening[i])
			tcp_unlisten(s->tcp[i], p->tcp_fds[i]);
		else if (p->tcp_fds[i] >= 0)
			close(p->tcp_fds[i]);
	}
	free(p->udp_fds);
	free(p->tcp_fds);
	free(p->udp);
	free(p->listening);
	free(p);
}

static int
place_bind(struct server *s, struct place *p, struct err *err)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		p->udp_fds[i] = socket_bind(&p->addr, SOCK_DGRAM, true, err);
		p->tcp_fds[i] = socket_bind(&p->addr, SOCK_STREAM, true, err);
		if (p->udp_fds[i] < 0 || p->tcp_fds[i] < 0)
			return -1;
	}
	return 0;
}

/* A place that is bound; threads come later.  NULL with a reason. */
static struct place *
place_new(struct server *s, const struct addr *addr, struct err *err)
{
	struct place *p = calloc(1, sizeof(*p));
	unsigned n = s->n_workers;

	if (p != NULL) {
		p->addr = *addr;
		p->udp_fds = calloc(n, sizeof(*p->udp_fds));
		p->tcp_fds = calloc(n, sizeof(*p->tcp_fds));
		p->udp = calloc(n, sizeof(struct udp_worker *));
		p->listening = calloc(n, sizeof(*p->listening));
	}
	if (p == NULL || p->udp_fds == NULL || p->tcp_fds == NULL || p->udp == NULL ||
	    p->listening == NULL) {
		err_set(err, "out of memory for workers");
		if (p != NULL) {
			free(p->listening);
			p->listening = NULL;	/* nothing is open */
			place_free(s, p);
		}
		return NULL;
	}
	for (unsigned i = 0; i < n; i++)
		p->udp_fds[i] = p->tcp_fds[i] = -1;
	if (place_bind(s, p, err) == 0)
		return p;
	place_free(s, p);
	return NULL;
}

/* All workers begin to serve it; the TCP workers run already. */
static int
place_start(struct server *s, struct place *p, struct err *err)
{
	for (unsigned i = 0; i < s->n_workers; i++) {
		int fd = p->udp_fds[i];

		p->udp_fds[i] = -1;
		p->udp[i] = udp_start(fd, &p->addr, &s->serving, err);
		if (p->udp[i] == NULL)
			return -1;
		fd = p->tcp_fds[i];
		p->listening[i] = tcp_listen(s->tcp[i], fd, err) == 0;
		if (!p->listening[i]) {
			p->tcp_fds[i] = -1;
			return -1;
		}
	}
	return 0;
}

/* ---- all places ---- */

static bool
same_place(const struct addr *a, const struct addr *b)
{
	return addr_equal(a, b) && a->port == b->port;
}

static bool
is_listed(const struct addr *addr, const struct addr *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (same_place(addr, &list[i]))
			return true;
	return false;
}

static bool
is_served(const struct server *s, const struct addr *addr)
{
	for (size_t i = 0; i < s->n_places; i++)
		if (same_place(addr, &s->places[i]->addr))
			return true;
	return false;
}

static int
add_place(struct server *s, const struct addr *addr, struct err *err)
{
	struct place *p = place_new(s, addr, err), **places;

	if (p == NULL)
		return -1;
	places = realloc(s->places, (s->n_places + 1) * sizeof(struct place *));
	if (places == NULL) {
		place_free(s, p);
		return err_set(err, "out of memory for workers");
	}
	s->places = places;
	s->places[s->n_places++] = p;
	return 0;
}

/* Puts the filter of own.h onto all sockets, for the addresses that are served now. */
static void
guard(struct server *s)
{
	struct addr *listen = calloc(s->n_places + 1, sizeof(*listen));
	bool guarded = listen != NULL;

	for (size_t i = 0; listen != NULL && i < s->n_places; i++)
		listen[i] = s->places[i]->addr;
	for (size_t i = 0; guarded && i < s->n_places; i++)
		for (unsigned w = 0; guarded && w < s->n_workers; w++)
			guarded = udp_guard(s->places[i]->udp[w], listen, s->n_places);
	__atomic_store_n(&s->serving.guarded, guarded, __ATOMIC_RELAXED);
	free(listen);
}

struct server *
server_bind(const struct conf *conf, struct err *err)
{
	struct server *s = aligned_alloc(64, sizeof(*s));
	int rc = 0;

	if (s == NULL) {
		err_set(err, "out of memory for workers");
		return NULL;
	}
	memset(s, 0, sizeof(*s));
	s->n_workers = count_workers(conf);
	s->tcp = calloc(s->n_workers, sizeof(struct tcp_worker *));
	if (s->tcp == NULL)
		err_set(err, "out of memory for workers");
	if (s->tcp == NULL || (s->pool = tcp_pool_new(err)) == NULL ||
	    (s->serving.rrl = rrl_new(err)) == NULL) {
		server_stop(s);
		return NULL;
	}
	/* all are looked at before the first is taken, which may stand for others (0.0.0.0) */
	for (size_t i = 0; i < conf->n_listen && rc == 0; i++)
		rc = check_unused(&conf->listen[i], err);
	for (size_t i = 0; i < conf->n_listen && rc == 0; i++)
		rc = add_place(s, &conf->listen[i], err);
	if (rc == 0)
		return s;
	server_stop(s);
	return NULL;
}

int
server_log(struct server *s, struct spool *spool, struct err *err)
{
	s->serving.decisions = decisions_new(spool, err);
	return s->serving.decisions != NULL || spool == NULL ? 0 : -1;
}

int
server_start(struct server *s, struct generation *gen, struct err *err)
{
	rcu_set_pointer(&s->serving.gen, gen);
	decisions_follow(s->serving.decisions, gen);
	for (unsigned i = 0; i < s->n_workers; i++)
		if ((s->tcp[i] = tcp_start(&s->serving, s->pool, err)) == NULL)
			return -1;
	for (size_t i = 0; i < s->n_places; i++)
		if (place_start(s, s->places[i], err) < 0)
			return -1;
	guard(s);
	return 0;
}

/* ---- another configuration ---- */

/* 0.0.0.0 and the addresses that it stands for cannot be taken one after the other. */
static int
check_overlap(const struct server *s, const struct addr *addr, struct err *err)
{
	char text[ADDR_TEXT], other[ADDR_TEXT];

	for (size_t i = 0; i < s->n_places; i++) {
		const struct addr *served = &s->places[i]->addr;

		if (served->family == addr->family && served->port == addr->port &&
		    (addr_is_zero(served->ip) || addr_is_zero(addr->ip)))
			return err_set(err, "listen %s: is served as %s now, a restart is needed",
			    addr_text(addr, text), addr_text(served, other));
	}
	return 0;
}

static int
check_new(const struct server *s, const struct addr *addr, bool anywhere, struct err *err)
{
	if (check_overlap(s, addr, err) < 0 || (!anywhere && socket_here(addr, err) < 0))
		return -1;
	return check_unused(addr, err);
}

int
server_join(struct server *s, const struct conf *conf, bool anywhere, struct err *err)
{
	size_t before = s->n_places;
	int rc = 0;

	for (size_t i = 0; i < conf->n_listen && rc == 0; i++)
		if (!is_served(s, &conf->listen[i]))
			rc = check_new(s, &conf->listen[i], anywhere, err);
	for (size_t i = 0; i < conf->n_listen && rc == 0; i++)
		if (!is_served(s, &conf->listen[i]))
			rc = add_place(s, &conf->listen[i], err);
	for (size_t i = before; i < s->n_places && rc == 0; i++)
		rc = place_start(s, s->places[i], err);
	while (rc < 0 && s->n_places > before)
		place_free(s, s->places[--s->n_places]);
	if (s->n_places != before)
		guard(s);
	return rc;
}

void
server_leave(struct server *s, const struct conf *conf)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_places; i++) {
		struct place *p = s->places[i];

		if (is_listed(&p->addr, conf->listen, conf->n_listen))
			s->places[kept++] = p;
		else
			place_free(s, p);
	}
	if (kept == s->n_places)
		return;
	s->n_places = kept;
	guard(s);
}

void
server_publish(struct server *s, struct generation *gen)
{
	struct generation *old;

	decisions_follow(s->serving.decisions, gen);
	old = rcu_xchg_pointer(&s->serving.gen, gen);
	synchronize_rcu();
	decisions_settle(s->serving.decisions);
	generation_free(old);
}

const struct generation *
server_generation(const struct server *s)
{
	return s->serving.gen;
}

/* All are woken before the first is waited for: they end at the same time. */
static void
stop_threads(struct server *s)
{
	for (size_t i = 0; i < s->n_places; i++)
		for (unsigned w = 0; w < s->n_workers; w++)
			if (s->places[i]->udp[w] != NULL)
				udp_wake(s->places[i]->udp[w]);
	for (unsigned w = 0; s->tcp != NULL && w < s->n_workers; w++)
		if (s->tcp[w] != NULL)
			tcp_wake(s->tcp[w]);
	for (unsigned w = 0; s->tcp != NULL && w < s->n_workers; w++) {
		if (s->tcp[w] != NULL)
			tcp_free(s->tcp[w]);
		/* with the sockets that it listened on */
		for (size_t i = 0; i < s->n_places; i++) {
			if (s->places[i]->listening[w])
				s->places[i]->tcp_fds[w] = -1;
			s->places[i]->listening[w] = false;
		}
	}
}

void
server_stop(struct server *s)
{
	if (s == NULL)
		return;
	stop_threads(s);
	for (size_t i = 0; i < s->n_places; i++)
		place_free(s, s->places[i]);
	decisions_free(s->serving.decisions);
	generation_free(s->serving.gen);
	rrl_free(s->serving.rrl);
	tcp_pool_free(s->pool);
	free(s->places);
	free(s->tcp);
	free(s);
}

bool
server_knows_own(const struct server *s)
{
	return s->serving.guarded;
}

void
server_limit_tcp(struct server *s, unsigned most)
{
	__atomic_store_n(&s->serving.tcp_most, most, __ATOMIC_RELAXED);
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

size_t
server_tcp_held(const struct server *s)
{
	return tcp_pool_held(s->pool);
}

void
server_counters(const struct server *s, struct counters *sum)
{
	*sum = s->left;
	for (size_t i = 0; i < s->n_places; i++)
		for (unsigned w = 0; w < s->n_workers; w++)
			if (s->places[i]->udp[w] != NULL)
				add_counters(sum, udp_counters(s->places[i]->udp[w]));
	for (unsigned w = 0; w < s->n_workers; w++)
		if (s->tcp[w] != NULL)
			add_counters(sum, tcp_counters(s->tcp[w]));
}

bool
server_address(const struct server *s, size_t i, struct server_address *a)
{
	if (i >= s->n_places)
		return false;
	*a = (struct server_address){ .addr = s->places[i]->addr };
	for (unsigned w = 0; w < s->n_workers; w++) {
		const struct counters *c = udp_counters(s->places[i]->udp[w]);

		a->received += __atomic_load_n(&c->udp_queries, __ATOMIC_RELAXED);
		a->answered += __atomic_load_n(&c->udp_answers, __ATOMIC_RELAXED);
	}
	return true;
}
