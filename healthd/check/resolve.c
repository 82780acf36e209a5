#include "healthd/check/resolve.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"

enum {
	ADDRESSES_MAX = 8,
	TRY_MS = 1000,			/* for one server to answer */
	TRIES = 3,			/* of each server */
	AGAIN_MS = 1000,		/* after a failure */
	TTL_MIN_S = 1,
	TTL_MAX_S = 300,
	SOCKETS = 16			/* those of c-ares, one a server and kind */
};

struct resolve {
	struct loop *loop;		/* borrowed */
	char *name;			/* owned */
	void (*heard)(void *arg);
	void *arg;
	ares_channel channel;		/* owned; NULL = nothing is asked */
	bool ended;			/* the channel's question, not yet told */
	uint64_t again_ms;		/* not to be asked before */
	struct loop_timer timer;
	struct resolve_socket {
		struct loop_io io;
		struct resolve *resolve;
		bool used;
	} sockets[SOCKETS];
	char text[ADDRESSES_MAX * (INET6_ADDRSTRLEN + 1)];
	char fault[80];
};

/* --- c-ares on our loop --- */

/* When c-ares, or what it said, wants to be looked at again. */
static void
set_ares_timer(struct resolve *r)
{
	struct timeval most = { .tv_sec = 1 }, room, *in = &most;
	uint64_t ms = 0;

	if (!r->ended) {
		in = ares_timeout(r->channel, &most, &room);
		ms = (uint64_t)in->tv_sec * 1000 + (uint64_t)(in->tv_usec + 999) / 1000;
	}
	loop_timer_set(r->loop, &r->timer, clock_mono().ms + ms);
}

static void
on_ares_socket(struct loop_io *io, uint32_t events)
{
	struct resolve *r = LOOP_OWNER(io, struct resolve_socket, io)->resolve;

	ares_process_fd(r->channel, events & ~(uint32_t)EPOLLOUT ? io->fd : ARES_SOCKET_BAD,
	    events & EPOLLOUT ? io->fd : ARES_SOCKET_BAD);
	set_ares_timer(r);
}

/* A socket that finds no slot is only looked at when its time is over. */
static void
on_ares_state(void *arg, ares_socket_t fd, int in, int out)
{
	struct resolve *r = arg;
	struct resolve_socket *slot = NULL;

	for (size_t i = 0; i < SOCKETS && (slot == NULL || !slot->used); i++)
		if (r->sockets[i].used ? r->sockets[i].io.fd == fd : slot == NULL)
			slot = &r->sockets[i];
	if (slot == NULL)
		return;
	if (!slot->used)
		*slot = (struct resolve_socket){ .resolve = r, .used = true,
		    .io = { .fd = fd, .ready = on_ares_socket } };
	loop_io_set(r->loop, &slot->io, (in ? (uint32_t)EPOLLIN : 0) |
	    (out ? (uint32_t)EPOLLOUT : 0));
	slot->used = in || out;
}

/* --- one question --- */

static void
keep_addresses(struct resolve *r, const struct ares_addrinfo *found)
{
	char *out = r->text;
	int ttl = TTL_MAX_S;
	unsigned n = 0;

	for (const struct ares_addrinfo_node *at = found->nodes; at != NULL && n < ADDRESSES_MAX;
	    at = at->ai_next) {
		const struct sockaddr *sa = at->ai_addr;
		const void *octets = sa->sa_family == AF_INET ?
		    (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr :
		    (const void *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

		if (n++ > 0)
			*out++ = ',';
		inet_ntop(sa->sa_family, octets, out, INET6_ADDRSTRLEN);
		out += strlen(out);
		ttl = at->ai_ttl < ttl ? at->ai_ttl : ttl;
	}
	ttl = ttl > TTL_MIN_S ? ttl : TTL_MIN_S;
	r->again_ms = clock_mono().ms + (uint64_t)ttl * 1000;
}

static void
on_resolved(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	struct resolve *r = arg;

	(void)timeouts;
	if (status == ARES_EDESTRUCTION)
		return;
	r->ended = true;
	r->fault[0] = '\0';
	if (status == ARES_SUCCESS && found->nodes != NULL) {
		keep_addresses(r, found);
	} else {
		snprintf(r->fault, sizeof(r->fault), "%s", ares_strerror(status));
		r->again_ms = clock_mono().ms + AGAIN_MS;
	}
	ares_freeaddrinfo(found);
}

static void
end_question(struct resolve *r)
{
	if (r->channel != NULL)
		ares_destroy(r->channel);
	r->channel = NULL;
	r->ended = false;
	loop_timer_stop(r->loop, &r->timer);
}

/* c-ares's time, or the end of a question: told from here, where its channel may go. */
static void
on_ares_time(struct loop_timer *timer)
{
	struct resolve *r = LOOP_OWNER(timer, struct resolve, timer);

	if (!r->ended && r->channel != NULL)
		ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (r->channel != NULL && !r->ended) {
		set_ares_timer(r);
		return;
	}
	end_question(r);
	r->heard(r->arg);
}

static void
ask_ares(struct resolve *r)
{
	struct ares_options options = { .timeout = TRY_MS, .tries = TRIES,
	    .sock_state_cb = on_ares_state, .sock_state_cb_data = r };
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC };
	int status = ares_init_options(&r->channel, &options,
	    ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);

	r->ended = false;
	if (status == ARES_SUCCESS) {
		ares_getaddrinfo(r->channel, r->name, NULL, &hints, on_resolved, r);
		set_ares_timer(r);
		return;
	}
	r->channel = NULL;
	snprintf(r->fault, sizeof(r->fault), "%s", ares_strerror(status));
	r->again_ms = clock_mono().ms + AGAIN_MS;
	loop_timer_set(r->loop, &r->timer, clock_mono().ms);
}

/* --- as the others see it --- */

const char *
resolve_addresses(struct resolve *r)
{
	if (r->channel == NULL && clock_mono().ms >= r->again_ms)
		ask_ares(r);
	return r->text[0] != '\0' ? r->text : NULL;
}

const char *
resolve_fault(const struct resolve *r)
{
	return r->fault;
}

struct resolve *
resolve_open(struct loop *loop, const char *name, void (*heard)(void *), void *arg,
    struct err *err)
{
	struct resolve *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->name = strdup(name)) == NULL ||
	    ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		err_set(err, "out of memory");
		if (r != NULL)
			free(r->name);
		free(r);
		return NULL;
	}
	r->loop = loop;
	r->heard = heard;
	r->arg = arg;
	r->timer.fire = on_ares_time;
	ask_ares(r);
	return r;
}

void
resolve_close(struct resolve *r)
{
	if (r == NULL)
		return;
	end_question(r);
	ares_library_cleanup();
	free(r->name);
	free(r);
}
