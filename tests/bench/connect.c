/*
 * connect: TCP as the worst clients do it, a new connection for every query.
 *
 *	connect [-b ADDRESS]... [-c CONNECTIONS] [-t SECONDS] ADDRESS PORT QUERIES
 *
 * CONNECTIONS (default 100) are in progress at any time; each connects, asks one query of
 * the ring (the format is load.c's), reads the whole answer, checks id, question and
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

enum { MAX_CONNECTIONS = 4096, MAX_BIND = 64, MAX_QUERY = 300, ANSWER = 4096, EVENTS = 256, HEADER = 12 };

struct query {
	uint8_t packet[2 + MAX_QUERY];	/* with the length in front */
	size_t len;
	unsigned rcode;
};

struct connection {
	int fd;
	bool asked;
	size_t got;
	const struct query *query;
	uint8_t answer[ANSWER];
};

static struct sockaddr_in server, local[MAX_BIND];
static unsigned n_local, n_connections = 100;
static double seconds = 3;
static struct query *queries;
static size_t n_queries, next_query;
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
read_queries(const char *path)
{
	char line[2 * MAX_QUERY + 64], *end;
	FILE *f = fopen(path, "r");
	size_t size = 0;

	if (f == NULL)
		die(path);
	while (fgets(line, sizeof(line), f) != NULL) {
		struct query *q;
		unsigned octet;
		if (n_queries == size) {
			size = size * 2 + 1024;
			queries = realloc(queries, size * sizeof(*queries));
			if (queries == NULL)
				die("memory");
		}
		q = &queries[n_queries++];
		q->len = 2;
		for (end = line; *end != ' ' && q->len < sizeof(q->packet) && sscanf(end, "%2x", &octet) == 1; end += 2)
			q->packet[q->len++] = (uint8_t)octet;
		q->packet[0] = (uint8_t)((q->len - 2) >> 8);
		q->packet[1] = (uint8_t)(q->len - 2);
		q->rcode = (unsigned)strtoul(end, NULL, 10);
	}
	fclose(f);
	if (n_queries == 0)
		die("no queries");
}

static void
begin(struct connection *c)
{
	static unsigned turn;
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = c };

	c->asked = false;
	c->got = 0;
	c->query = &queries[next_query];
	next_query = (next_query + 1) % n_queries;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket");
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
	if (n_local != 0 && bind(c->fd, (struct sockaddr *)&local[turn++ % n_local], sizeof(local[0])) < 0)
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
	const uint8_t *a = c->answer + 2, *q = c->query->packet + 2;
	size_t at = HEADER;

	while (q[at] != 0)
		at += q[at] + 1u;
	at += 5;
	return c->got >= 2 + at && a[0] == q[0] && a[1] == q[1] && (a[2] & 0x80) != 0 &&
	    (a[3] & 15u) == c->query->rcode && memcmp(a + HEADER, q + HEADER, at - HEADER) == 0;
}

static void
go_on(struct connection *c, uint32_t events)
{
	ssize_t n;

	if (!c->asked && events & EPOLLOUT) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
		if (send(c->fd, c->query->packet, c->query->len, MSG_NOSIGNAL) != (ssize_t)c->query->len) {
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
			if (n_local < MAX_BIND && inet_pton(AF_INET, optarg, &local[n_local].sin_addr) == 1)
				local[n_local++].sin_family = AF_INET;
			break;
		case 'c': n_connections = (unsigned)atoi(optarg); break;
		case 't': seconds = atof(optarg); break;
		default: return 2;
		}
	if (argc - optind != 3 || inet_pton(AF_INET, argv[optind], &server.sin_addr) != 1 ||
	    n_connections == 0 || n_connections > MAX_CONNECTIONS) {
		fprintf(stderr, "usage: connect [-b ADDRESS]... [-c CONNECTIONS] [-t SECONDS] ADDRESS PORT QUERIES\n");
		return 2;
	}
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(argv[optind + 1]));
	read_queries(argv[optind + 2]);
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
