#include "healthd/check/carrier.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

enum { SHARD_MAX = 128 };		/* transfers of one multi handle */

struct carrier_shard {
	struct carrier *carrier;
	struct carrier_shard *next;
	CURLM *multi;			/* owned */
	unsigned members;
	struct loop_timer timer;
};

struct carrier_sock {
	struct loop_io io;
	struct carrier_shard *shard;	/* whose connection has this descriptor now */
};

struct carrier {
	struct loop *loop;
	void (*ended)(CURL *easy, CURLcode code);
	struct carrier_shard *shards;	/* owned */
	struct carrier_sock **socks;	/* by descriptor; kept for the next use of its number */
	size_t n_socks;
};

static void
tell_ended(struct carrier_shard *s)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(s->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			s->carrier->ended(msg->easy_handle, msg->data.result);
}

static void
on_socket_ready(struct loop_io *io, uint32_t events)
{
	struct carrier_shard *s = LOOP_OWNER(io, struct carrier_sock, io)->shard;
	int flags = (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP) ? CURL_CSELECT_IN : 0) |
	    (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) | (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
	int running;

	curl_multi_socket_action(s->multi, io->fd, flags, &running);
	tell_ended(s);
}

static struct carrier_sock *
sock_of(struct carrier *c, curl_socket_t fd)
{
	if (fd < 0)
		return NULL;
	if ((size_t)fd >= c->n_socks) {
		size_t n = (size_t)fd * 2 + 64;
		struct carrier_sock **grown = realloc(c->socks, n * sizeof(*grown));

		if (grown == NULL)
			return NULL;
		memset(grown + c->n_socks, 0, (n - c->n_socks) * sizeof(*grown));
		c->socks = grown;
		c->n_socks = n;
	}
	if (c->socks[fd] == NULL) {
		struct carrier_sock *s = calloc(1, sizeof(*s));

		if (s == NULL)
			return NULL;
		s->io.fd = fd;
		s->io.ready = on_socket_ready;
		c->socks[fd] = s;
	}
	return c->socks[fd];
}

static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct carrier_shard *shard = arg;
	struct loop *loop = shard->carrier->loop;
	struct carrier_sock *s = sock_of(shard->carrier, fd);

	(void)easy;
	(void)mine;
	if (s == NULL)
		return -1;
	s->shard = shard;
	if (what == CURL_POLL_REMOVE)
		loop_io_set(loop, &s->io, 0);
	else
		loop_io_set(loop, &s->io, (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
		    (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0));
	return 0;
}

static int
on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct carrier_shard *s = arg;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_stop(s->carrier->loop, &s->timer);
	else
		loop_timer_set(s->carrier->loop, &s->timer,
		    clock_mono().ms + (uint64_t)timeout_ms);
	return 0;
}

static void
on_curl_time(struct loop_timer *timer)
{
	struct carrier_shard *s = LOOP_OWNER(timer, struct carrier_shard, timer);
	int running;

	curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	tell_ended(s);
}

static struct carrier_shard *
new_shard(struct carrier *c)
{
	struct carrier_shard *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->multi = curl_multi_init();
	if (s->multi == NULL) {
		free(s);
		return NULL;
	}
	s->carrier = c;
	s->timer.fire = on_curl_time;
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
	/* each member may keep its connection while another is being used once */
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, 2L * SHARD_MAX);
	s->next = c->shards;
	c->shards = s;
	return s;
}

struct carrier_shard *
carrier_join(struct carrier *c)
{
	struct carrier_shard *s = c->shards;

	while (s != NULL && s->members >= SHARD_MAX)
		s = s->next;
	if (s == NULL)
		s = new_shard(c);
	if (s != NULL)
		s->members++;
	return s;
}

void
carrier_leave(struct carrier_shard *s)
{
	assert(s->members > 0);
	s->members--;
}

bool
carrier_start(struct carrier_shard *s, CURL *easy)
{
	int running;

	if (curl_multi_add_handle(s->multi, easy) != CURLM_OK)
		return false;
	curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	tell_ended(s);
	return true;
}

void
carrier_stop(struct carrier_shard *s, CURL *easy)
{
	curl_multi_remove_handle(s->multi, easy);
}

struct carrier *
carrier_open(struct loop *loop, void (*ended)(CURL *, CURLcode), struct err *err)
{
	struct carrier *c = calloc(1, sizeof(*c));

	if (c == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		err_set(err, c == NULL ? "out of memory" : "libcurl cannot be started");
		free(c);
		return NULL;
	}
	c->loop = loop;
	c->ended = ended;
	return c;
}

void
carrier_close(struct carrier *c)
{
	if (c == NULL)
		return;
	while (c->shards != NULL) {
		struct carrier_shard *s = c->shards;

		c->shards = s->next;
		curl_multi_cleanup(s->multi);
		loop_timer_stop(c->loop, &s->timer);
		free(s);
	}
	for (size_t i = 0; i < c->n_socks; i++)
		free(c->socks[i]);
	free(c->socks);
	free(c);
}
