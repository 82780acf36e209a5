/*
 * connect: TCP as the worst clients do it, a new connection for every query.
 *
 *	connect [-b ADDRESS]... [-c CONNECTIONS] [-t SECONDS] ADDRESS PORT QUERIES
 *
 * CONNECTIONS (default 100) are in progress at any time; each connects, asks one query of
 * the ring (tests/lib/ring.h), reads the whole answer, checks id, question and
 * rcode, and is reset, so that no port stays in TIME_WAIT.  Prints one line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/ring.h"

enum { MAX_CONNECTIONS = 4096, MAX_BIND = 64, ANSWER = 4096, EVENTS = 256 };

struct connection {
	int fd;
	bool asked;
	size_t got;
	const struct ring_query *query;
	uint8_t answer[ANSWER];
};

static struct sockaddr_in server, local[MAX_BIND];
static unsigned n_local, n_connections = 100;
static double seconds = 3;
static struct ring ring;
static struct connection connections[MAX_CONNECTIONS];
static uint64_t answered, failed, wrong;
static int poller;

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
die(const char *what)
{
	fprintf(stderr, "connect: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void
begin(struct connection *c)
{
	static unsigned turn;
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = c };

	c->asked = false;
	c->got = 0;
	c->query = ring_next(&ring);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
	if (n_local != 0 &&
	    bind(c->fd, (struct sockaddr *)&local[turn++ % n_local], sizeof(local[0])) < 0)
		die("bind");
	if (connect(c->fd, (struct sockaddr *)&server, sizeof(server)) < 0 && errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event) < 0)
		die("epoll_ctl");
}

static void
end(struct connection *c, uint64_t *counter)
{
	++*counter;
	close(c->fd);
	begin(c);
}

static bool
right(const struct connection *c)
{
	const uint8_t *a = c->answer + 2, *q = c->query->packet;
	size_t end = c->query->question_end;

	return c->got >= 2 + end && a[0] == q[0] && a[1] == q[1] && (a[2] & 0x80) != 0 &&
	    (a[3] & 15u) == c->query->rcode &&
	    memcmp(a + DNS_HEADER_LEN, q + DNS_HEADER_LEN, end - DNS_HEADER_LEN) == 0;
}

/* The query with its length in front; -1 if the socket does not take it whole. */
static int
ask(const struct connection *c)
{
	uint8_t message[2 + RING_QUERY];
	size_t len = c->query->len;

	dns_put16(message, (uint16_t)len);
	memcpy(message + 2, c->query->packet, len);
	return send(c->fd, message, 2 + len, MSG_NOSIGNAL) == (ssize_t)(2 + len) ? 0 : -1;
}

static void
go_on(struct connection *c, uint32_t events)
{
	ssize_t n;

	if (!c->asked && events & EPOLLOUT) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

		if (ask(c) < 0) {
			end(c, &failed);
			return;
		}
		c->asked = true;
		epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
		return;
	}
	n = recv(c->fd, c->answer + c->got, sizeof(c->answer) - c->got, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			end(c, &failed);
		return;
	}
	c->got += (size_t)n;
	if (c->got >= 2 && c->got >= 2u + ((size_t)c->answer[0] << 8 | c->answer[1]))
		end(c, right(c) ? &answered : &wrong);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	double start, now;
	int opt;

	while ((opt = getopt(argc, argv, "b:c:t:")) != -1)
		switch (opt) {
		case 'b':
			if (n_local < MAX_BIND && inet_pton(AF_INET, optarg,
			    &local[n_local].sin_addr) == 1)
				local[n_local++].sin_family = AF_INET;
			break;
		case 'c': n_connections = (unsigned)atoi(optarg); break;
		case 't': seconds = atof(optarg); break;
		default: return 2;
		}
	if (argc - optind != 3 || inet_pton(AF_INET, argv[optind], &server.sin_addr) != 1 ||
	    n_connections == 0 || n_connections > MAX_CONNECTIONS) {
		fputs("usage: connect [-b ADDRESS]... [-c CONNECTIONS] [-t SECONDS] "
		    "ADDRESS PORT QUERIES\n", stderr);
		return 2;
	}
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(argv[optind + 1]));
	ring_read(&ring, argv[optind + 2]);
	poller = epoll_create1(0);
	for (unsigned i = 0; i < n_connections; i++)
		begin(&connections[i]);
	for (start = now = now_s(); now < start + seconds; now = now_s()) {
		int n = epoll_wait(poller, events, EVENTS, 100);
		for (int i = 0; i < n; i++)
			go_on(events[i].data.ptr, events[i].events);
	}
	printf("{\"qps\": %.0f, \"answered\": %llu, \"failed\": %llu, \"wrong\": %llu}\n",
	    (double)answered / (now - start), (unsigned long long)answered,
	    (unsigned long long)failed, (unsigned long long)wrong);
	return wrong != 0;
}
