#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu-qsbr.h>

#include "dnsd/net/udp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dnsd/answer/answer.h"
#include "dnsd/net/outbox.h"
#include "dnsd/net/own.h"
#include "dnsd/net/socket.h"

enum {
	BATCH = OUTBOX_BATCH,
	LAST_BATCHES = 64,		/* when we end: questions may never stop coming */
	/* Octets; a cache line more than a power of two.  Most packets touch only the first
	 * lines of a buffer, and those of all buffers would share the same few places in the
	 * cache otherwise.  What is longer exceeds the payload size that we announce (RFC 6891
	 * 6.2.3) by far, and is a FORMERR. */
	IN_SIZE = 2048 + 64
};

union udp_peer {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

union udp_control {
	struct cmsghdr align;
	uint8_t octets[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp_worker {
	struct counters counters;
	struct serving *serving;
	int fd;
	bool stop;			/* atomic */
	struct addr addr;		/* listened on */
	bool wildcard;			/* replies must say where they leave from */
	pthread_t thread;
	struct decisions_ring *ring;	/* NULL = no decisions are logged */
	struct mmsghdr in[BATCH];
	struct iovec in_iov[BATCH];
	union udp_peer peer[BATCH];
	union udp_control control[BATCH];
	uint8_t in_data[BATCH][IN_SIZE];
	struct answer_ask ask[BATCH];
	struct outbox out;
} __attribute__((aligned(64)));

/* ---- the packet path ---- */

static void
peer_addr(const union udp_peer *peer, struct addr *addr)
{
	if (peer->sa.sa_family == AF_INET) {
		addr->family = 4;
		addr->port = ntohs(peer->in.sin_port);
		memcpy(addr->ip, &peer->in.sin_addr, 4);
		memset(addr->ip + 4, 0, 12);
	} else {
		addr->family = 6;
		addr->port = ntohs(peer->in6.sin6_port);
		memcpy(addr->ip, &peer->in6.sin6_addr, 16);
	}
}

static size_t
limit(struct udp_worker *w, const struct generation *gen, const struct answer_client *client,
    const struct answer_note *note, uint64_t now_ms, uint8_t *out, size_t len)
{
	switch (rrl_check(w->serving->rrl, gen->conf, client, note, now_ms)) {
	case RRL_DROP:
		COUNTER_ADD(&w->counters, drop_rrl, 1);
		return 0;
	case RRL_SLIP:
		COUNTER_ADD(&w->counters, slip_rrl, 1);
		return answer_slip(out, note);
	case RRL_OVER:
		COUNTER_ADD(&w->counters, answers_over_budget, 1);
		return answer_slip(out, note);
	default:
		return len;
	}
}

/* Makes a reply leave from the address the query came to, by whatever route leads back. */
static void
reply_from(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (c == NULL)
		return;
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(c);
		info->ipi_ifindex = 0;
		info->ipi_spec_dst = info->ipi_addr;
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo *info = (struct in6_pktinfo *)(void *)CMSG_DATA(c);
		if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
			info->ipi6_ifindex = 0;
	}
}

/* The address that datagram i came to: that of the socket, or what the kernel says. */
static const uint8_t *
came_to(const struct udp_worker *w, unsigned i, uint8_t ip[16])
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(&w->in[i].msg_hdr);

	if (!w->wildcard || c == NULL)
		return w->addr.ip;
	memset(ip, 0, 16);
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
		memcpy(ip, &((const struct in_pktinfo *)(const void *)CMSG_DATA(c))->ipi_addr, 4);
	else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
		memcpy(ip, &((const struct in6_pktinfo *)(const void *)CMSG_DATA(c))->ipi6_addr,
		    16);
	return ip;
}

/* True if datagram i is this machine's own question, and that is of interest. */
static bool
ask_is_own(const struct udp_worker *w, const struct conf *conf, const struct addr *from, unsigned i)
{
	uint8_t ip[16];

	if (conf->rrl.responses_per_second == 0 && !conf->cookies.require &&
	    conf->amplification.factor == 0)
		return false;
	return __atomic_load_n(&w->serving->guarded, __ATOMIC_RELAXED) &&
	    own_is(conf->listen, conf->n_listen, from, came_to(w, i, ip));
}

static void
read_batch(struct udp_worker *w, const struct generation *gen, unsigned n, struct serving_now now)
{
	struct answer_client client = { .tcp = false, .now_s = now.wall_s,
	    .mono_s = (uint32_t)(now.mono_ms / 1000) };

	assert(n <= BATCH);
	for (unsigned i = 0; i < n; i++) {
		assert(w->in[i].msg_len <= IN_SIZE);
		peer_addr(&w->peer[i], &client.addr);
		client.own = ask_is_own(w, gen->conf, &client.addr, i);
		answer_read(&w->ask[i], gen, &client, w->in_data[i], w->in[i].msg_len);
		if ((w->in[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
			answer_cut(&w->ask[i]);
			COUNTER_ADD(&w->counters, udp_oversized, 1);
		}
	}
}

/* Logs the answer of datagram i, if it is one in n: `whole` octets before limits, `len` after. */
static void
log_decision(struct udp_worker *w, const struct generation *gen, const struct answer_note *note,
    const uint8_t *out, size_t whole, size_t len, double t, unsigned i)
{
	struct answer_log *d = decisions_slot(w->ring);

	if (d == NULL)
		return;
	d->t = t;
	answer_log_note(d, gen, &w->ask[i].client, note, out, len != 0 ? len : whole,
	    len == 0 ? ANSWER_LOG_DROPPED : len != whole ? ANSWER_LOG_CUT : ANSWER_LOG_SENT);
	decisions_give(w->ring);
}

/* Answers datagram i into the outbox. */
static void
answer_one(struct udp_worker *w, const struct generation *gen, struct serving_now now, unsigned i)
{
	struct msghdr *query = &w->in[i].msg_hdr;
	uint8_t *out = outbox_next(&w->out);
	struct answer_note note;
	size_t whole = answer_write(gen, &w->ask[i], out, OUTBOX_ROOM, &note, &w->counters);
	size_t len = whole;

	if (len != 0 && rrl_counts(gen->conf, &note))
		len = limit(w, gen, &w->ask[i].client, &note, now.mono_ms, out, len);
	if (whole != 0 && w->ring != NULL)
		log_decision(w, gen, &note, out, whole, len, now.wall, i);
	if (len == 0)
		return;
	if (w->wildcard)
		reply_from(query);
	outbox_add(&w->out, len, query);
}

/* recvmmsg has written lengths where the next one reads sizes. */
static void
set_sizes(struct udp_worker *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		w->in[i].msg_hdr.msg_namelen = sizeof(w->peer[i]);
		w->in[i].msg_hdr.msg_controllen = w->wildcard ? sizeof(w->control[i]) : 0;
	}
}

static void
serve_batch(struct udp_worker *w, unsigned n)
{
	const struct generation *gen = rcu_dereference(w->serving->gen);
	struct serving_now now = serving_now();
	unsigned answers, lost;

	COUNTER_ADD(&w->counters, udp_queries, n);
	decisions_batch(w->ring, gen);
	read_batch(w, gen, n, now);
	answer_ahead(w->ask, n);
	for (unsigned i = 0; i < n; i++)
		answer_one(w, gen, now, i);
	answers = w->out.n_replies;
	lost = outbox_send(&w->out, w->fd, now.mono_ms);
	COUNTER_ADD(&w->counters, udp_answers, answers - lost);
	if (lost != 0)
		COUNTER_ADD(&w->counters, drop_send, lost);
	COUNTER_SET(&w->counters, udp_uncut, w->out.uncut);
}

static void *
serve_udp(void *arg)
{
	struct udp_worker *w = arg;
	int n;

	rcu_register_thread();
	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		rcu_thread_offline();
		n = recvmmsg(w->fd, w->in, BATCH, MSG_WAITFORONE, NULL);
		rcu_thread_online();
		/* what ends the wait (udp_wake) looks like a datagram from nobody */
		if (n > 0 && w->in[0].msg_hdr.msg_namelen != 0)
			serve_batch(w, (unsigned)n);
		else if (n < 0 && errno != EINTR)
			usleep(1000);		/* the kernel is out of memory: do not insist */
		if (n > 0)
			set_sizes(w, (unsigned)n);
	}
	for (unsigned i = 0; i < LAST_BATCHES; i++) {
		n = recvmmsg(w->fd, w->in, BATCH, MSG_DONTWAIT, NULL);
		if (n <= 0)
			break;
		serve_batch(w, (unsigned)n);
		set_sizes(w, (unsigned)n);
	}
	rcu_unregister_thread();
	return NULL;
}

/* ---- the thread ---- */

static void
prepare_messages(struct udp_worker *w)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct msghdr *in = &w->in[i].msg_hdr;

		w->in_iov[i] = (struct iovec){ w->in_data[i], IN_SIZE };
		in->msg_iov = &w->in_iov[i];
		in->msg_iovlen = 1;
		in->msg_name = &w->peer[i];
		in->msg_namelen = sizeof(w->peer[i]);
		in->msg_control = w->wildcard ? &w->control[i] : NULL;
		in->msg_controllen = w->wildcard ? sizeof(w->control[i]) : 0;
	}
}

struct udp_worker *
udp_start(int fd, const struct addr *addr, struct serving *serving, struct err *err)
{
	struct udp_worker *w = aligned_alloc(64, sizeof(*w));
	int rc;

	if (w == NULL) {
		err_set(err, "out of memory for a worker");
		close(fd);
		return NULL;
	}
	memset(w, 0, sizeof(*w));
	w->fd = fd;
	w->serving = serving;
	w->ring = decisions_ring_new(serving->decisions);
	w->addr = *addr;
	w->wildcard = addr_is_zero(addr->ip);
	prepare_messages(w);
	outbox_init(&w->out);
	rc = pthread_create(&w->thread, NULL, serve_udp, w);
	if (rc != 0) {
		err_set(err, "starting a worker: %s", strerror(rc));
		decisions_ring_free(serving->decisions, w->ring);
		close(fd);
		free(w);
		return NULL;
	}
	pthread_setname_np(w->thread, "dnsd udp");
	return w;
}

/* On Linux this ends a blocked receive, although a socket without a peer says ENOTCONN. */
void
udp_wake(struct udp_worker *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	shutdown(w->fd, SHUT_RD);
}

void
udp_join(struct udp_worker *w)
{
	pthread_join(w->thread, NULL);
	decisions_ring_free(w->serving->decisions, w->ring);
	close(w->fd);
}

void
udp_free(struct udp_worker *w)
{
	free(w);
}

bool
udp_guard(const struct udp_worker *w, const struct addr *listen, size_t n)
{
	return own_guard(w->fd, &w->addr, listen, n);
}

const struct counters *
udp_counters(const struct udp_worker *w)
{
	return &w->counters;
}
