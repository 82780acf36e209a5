/*
 * load: a light closed-loop generator of DNS queries over UDP.
 *
 *	load [-b ADDRESS]... [-n PORTS] [-S PREFIX/LEN] [-w WINDOW] [-m MOST] [-t SECONDS] [-r RATE]
 *	     [-P PID]... [-C CPU] [-x] ADDRESS PORT QUERIES
 *
 * QUERIES is a prebuilt ring (tests/lib/ring.h); the packets' ids are overwritten.  Every answer
 * is checked: id, question, rcode, data and the Client Subnet option echoed.  -x checks neither
 * data nor Client Subnet, for servers that do not steer; -xx not even the rcode, for the limit
 * server.
 *
 * A window of queries is kept in flight over every socket (PORTS for each -b ADDRESS): an
 * answer frees its slot and the next query takes it; a socket sends at most MOST (64) of them
 * before the next has its turn.  -S sends each query from the next
 * address of a prefix instead, which must be local to this host ("AnyIP").  -r sends at a
 * fixed rate, to measure latency below saturation.  After a tenth of the time, in which
 * everything warms up, counting starts; the result is one line of JSON, with the processor
 * time that the processes PID used meanwhile and the share of time that core CPU was busy.
 *
 * One thread, spinning: it wants a core of its own; only below 50,000 a second it sleeps
 * between queries.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/dns/name.h"
#include "tests/lib/ring.h"

enum {
	BATCH = 64, MAX_SOCKETS = 256, MAX_WINDOW = 4096, MAX_ANSWER = 4096,
	LATENCIES = 1000000, MAX_PIDS = 16, LOST_AFTER_NS = 500000000, NAP_BELOW = 50000
};

struct flight {
	const struct ring_query *query;	/* NULL = the slot is free */
	uint64_t sent_ns;
	uint16_t id;
};

struct source {
	int fd;
	unsigned in_flight;
	struct flight slots[MAX_WINDOW];
};

static struct {
	struct sockaddr_storage server;
	socklen_t server_len;
	const char *bind[MAX_SOCKETS];
	unsigned n_bind, ports, window, most;
	double seconds, rate;
	uint32_t spread_first, spread_count;	/* -S: IPv4 addresses, host order */
	int pids[MAX_PIDS], cpu;
	unsigned n_pids;
	unsigned unchecked;
} opt = { .ports = 4, .window = 64, .most = BATCH, .seconds = 3, .cpu = -1 };

static struct source *sources;
static unsigned n_sources;
static struct ring ring;
static uint32_t next_spread;

static struct {
	uint64_t sent, answered, lost, late, wrong, octets;
	uint32_t latency[LATENCIES];		/* microseconds */
	char first_wrong[200];
} stat;

static void
die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* ---- the check ---- */

static bool
echoes_ecs(const struct ring_query *q, const uint8_t *rdata, size_t len)
{
	for (size_t at = 0; at + 4 <= len; at += 4 + dns_get16(rdata + at + 2))
		if (dns_get16(rdata + at) == 8)
			return dns_get16(rdata + at + 2) == q->ecs_len &&
			    at + 4 + q->ecs_len <= len &&
			    memcmp(rdata + at + 4, q->packet + q->ecs_at, 3) == 0 &&
			    memcmp(rdata + at + 8, q->packet + q->ecs_at + 4, q->ecs_len - 4u) == 0;
	return false;
}

/* NULL, or what is wrong with the records. */
static const char *
check_records(const struct ring_query *q, const uint8_t *p, size_t len)
{
	unsigned answers = dns_get16(p + 6);
	unsigned records = answers + dns_get16(p + 8) + dns_get16(p + 10);
	size_t at = q->question_end;
	bool addresses = false, ecs = q->ecs_len == 0;

	if ((answers == 0) != (q->expect == '-'))
		return answers == 0 ? "no data" : "data unexpected";
	for (unsigned i = 0; i < records; i++) {
		unsigned type, rdlength;
		at = name_skip(p, len, at);
		if (at == 0 || at + 10 > len)
			return "cut off";
		type = dns_get16(p + at);
		rdlength = dns_get16(p + at + 8);
		at += 10;
		if (at + rdlength > len)
			return "cut off";
		if (type == 41 && q->ecs_len != 0)
			ecs = echoes_ecs(q, p + at, rdlength);
		if (i < answers && q->expect == '=' && (type == 1 || type == 28)) {
			addresses = true;
			if (memcmp(p + at, q->prefix, q->prefix_len) != 0)
				return "another address";
		}
		at += rdlength;
	}
	if (at != len)
		return "octets left over";
	if (q->expect == '=' && !addresses)
		return "no address";
	return ecs ? NULL : "Client Subnet not echoed";
}

static const char *
check_answer(const struct ring_query *q, const uint8_t *p, size_t len)
{
	if (len < q->question_end || !(p[2] & 0x80))
		return "no answer";
	if (memcmp(p + DNS_HEADER_LEN, q->packet + DNS_HEADER_LEN,
	    q->question_end - DNS_HEADER_LEN) != 0)
		return "another question";
	if ((p[3] & 15) != q->rcode && opt.unchecked < 2)
		return "rcode";
	if (p[2] & 2)
		return "truncated";
	return opt.unchecked != 0 ? NULL : check_records(q, p, len);
}

static void
note_wrong(const char *why, const struct ring_query *q, const uint8_t *p, size_t len)
{
	size_t n;

	if (stat.wrong++ != 0)
		return;
	n = (size_t)snprintf(stat.first_wrong, 64, "%s: query %zu answer ", why,
	    (size_t)(q - ring.queries));
	for (size_t i = 0; i < len && n + 3 < sizeof(stat.first_wrong); i++)
		n += (size_t)snprintf(stat.first_wrong + n, 3, "%02x", p[i]);
}

/* ---- sending and receiving ---- */

static void
take_answer(struct source *s, const uint8_t *p, size_t len, uint64_t now)
{
	struct flight *flight;
	const char *why;
	uint64_t us;

	if (len < DNS_HEADER_LEN)
		return;
	flight = &s->slots[dns_get16(p) % opt.window];
	if (flight->query == NULL || flight->id != dns_get16(p)) {
		stat.late++;
		return;
	}
	why = check_answer(flight->query, p, len);
	if (why != NULL)
		note_wrong(why, flight->query, p, len);
	us = (now - flight->sent_ns) / 1000;
	stat.latency[us < LATENCIES ? us : LATENCIES - 1]++;
	stat.answered++;
	stat.octets += len;
	flight->query = NULL;
	s->in_flight--;
}

static int
receive(struct source *s)
{
	static uint8_t buffer[BATCH][MAX_ANSWER];
	static struct iovec iov[BATCH];
	static struct mmsghdr m[BATCH];
	uint64_t now;
	int n;

	for (unsigned i = 0; m[0].msg_hdr.msg_iov == NULL && i < BATCH; i++)
		iov[i] = (struct iovec){ buffer[i], sizeof(buffer[i]) };
	for (unsigned i = 0; i < BATCH; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	n = recvmmsg(s->fd, m, BATCH, MSG_DONTWAIT, NULL);
	if (n <= 0) {
		if (n < 0 && errno != EAGAIN && errno != ECONNREFUSED && errno != EINTR)
			die("recvmmsg");
		return 0;
	}
	now = now_ns();
	for (int i = 0; i < n; i++)
		take_answer(s, buffer[i], m[i].msg_len, now);
	return n;
}

static void
put_control(struct msghdr *h, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = h->msg_control;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	h->msg_controllen = CMSG_SPACE(len);
}

/* A batch being made.  Queries of one length travel as one message that the kernel cuts
 * apart (UDP_SEGMENT), so that the generator's core is not what is measured. */
static struct {
	unsigned n, messages;
	struct flight *taken[BATCH];
	unsigned until[BATCH];			/* by message: how many of `taken` with it */
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	_Alignas(struct cmsghdr) uint8_t control[BATCH][64];
	uint8_t data[BATCH * RING_QUERY];
	size_t at;
} batch;

static void
begin_message(const uint8_t *packet)
{
	unsigned i = batch.messages++;
	struct msghdr *h = &batch.m[i].msg_hdr;

	batch.iov[i] = (struct iovec){ (void *)(uintptr_t)packet, 0 };
	*h = (struct msghdr){ .msg_iov = &batch.iov[i], .msg_iovlen = 1,
	    .msg_control = batch.control[i] };
	if (opt.spread_count != 0) {
		struct in_pktinfo info = { 0 };
		next_spread = (next_spread + 1) % opt.spread_count;
		info.ipi_spec_dst.s_addr = htonl(opt.spread_first + next_spread);
		put_control(h, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
		h->msg_name = &opt.server;
		h->msg_namelen = opt.server_len;
	}
}

static void
add_query(struct flight *flight)
{
	const struct ring_query *q = flight->query;
	uint8_t *packet = batch.data + batch.at;
	size_t alike = batch.messages != 0 && opt.spread_count == 0 ?
	    batch.iov[batch.messages - 1].iov_len : 0;
	uint16_t len = q->len;

	memcpy(packet, q->packet, q->len);
	packet[0] = (uint8_t)(flight->id >> 8);
	packet[1] = (uint8_t)flight->id;
	if (alike == 0 || batch.taken[batch.n - 1]->query->len != len)
		begin_message(packet);
	else if (alike == len)
		put_control(&batch.m[batch.messages - 1].msg_hdr, IPPROTO_UDP, UDP_SEGMENT, &len,
		    sizeof(len));
	batch.iov[batch.messages - 1].iov_len += len;
	batch.at += len;
	batch.taken[batch.n++] = flight;
	batch.until[batch.messages - 1] = batch.n;
}

/* Fills up to `most` free slots and sends their queries. */
static unsigned
send_some(struct source *s, unsigned most)
{
	uint64_t now = now_ns();
	unsigned sent;
	int messages;

	batch.n = batch.messages = 0;
	batch.at = 0;
	for (unsigned i = 0; i < opt.window && batch.n < most && batch.n < BATCH; i++) {
		struct flight *flight = &s->slots[i];
		if (flight->query != NULL)
			continue;
		flight->query = ring_next(&ring);
		flight->sent_ns = now;
		flight->id = (uint16_t)(flight->id + opt.window);
		add_query(flight);
	}
	if (batch.n == 0)
		return 0;
	messages = sendmmsg(s->fd, batch.m, batch.messages, 0);
	if (messages < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED &&
	    errno != EINTR)
		die("sendmmsg");
	sent = messages > 0 ? batch.until[messages - 1] : 0;
	for (unsigned i = sent; i < batch.n; i++)
		batch.taken[i]->query = NULL;
	s->in_flight += sent;
	stat.sent += sent;
	return sent;
}

static void
give_up_old(uint64_t now)
{
	for (unsigned i = 0; i < n_sources; i++)
		for (unsigned k = 0; k < opt.window; k++) {
			struct flight *flight = &sources[i].slots[k];
			if (flight->query == NULL || now < flight->sent_ns + LOST_AFTER_NS)
				continue;
			flight->query = NULL;
			sources[i].in_flight--;
			stat.lost++;
		}
}

/* ---- the server's processor time ---- */

struct usage {
	double user_s, system_s, busy_s, total_s;
};

static void
add_process(struct usage *u, int pid, double tick)
{
	unsigned long user = 0, system = 0;
	char text[1024], *p;
	FILE *f;

	snprintf(text, sizeof(text), "/proc/%d/stat", pid);
	f = fopen(text, "r");
	if (f == NULL)
		return;
	if (fgets(text, sizeof(text), f) != NULL && (p = strrchr(text, ')')) != NULL)
		sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		    &user, &system);
	fclose(f);
	u->user_s += (double)user * tick;
	u->system_s += (double)system * tick;
}

static void
add_core(struct usage *u, int cpu, double tick)
{
	char text[1024], name[16];
	unsigned long long v[8] = { 0 };
	FILE *f = fopen("/proc/stat", "r");

	if (f == NULL)
		return;
	snprintf(name, sizeof(name), "cpu%d ", cpu);
	while (fgets(text, sizeof(text), f) != NULL)
		if (strncmp(text, name, strlen(name)) == 0)
			sscanf(text, "%*s %llu %llu %llu %llu %llu %llu %llu %llu",
			    &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]);
	fclose(f);
	for (unsigned i = 0; i < 8; i++) {
		u->total_s += (double)v[i] * tick;
		if (i != 3 && i != 4)		/* idle, iowait */
			u->busy_s += (double)v[i] * tick;
	}
}

static void
read_usage(struct usage *u)
{
	double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);

	*u = (struct usage){ 0 };
	for (unsigned i = 0; i < opt.n_pids; i++)
		add_process(u, opt.pids[i], tick);
	if (opt.cpu >= 0)
		add_core(u, opt.cpu, tick);
}

/* ---- the run ---- */

static void
open_sources(void)
{
	struct sockaddr_storage local;
	int size = 4 << 20;

	n_sources = opt.ports * (opt.n_bind != 0 ? opt.n_bind : 1);
	if (n_sources > MAX_SOCKETS)
		n_sources = MAX_SOCKETS;
	sources = calloc(n_sources, sizeof(*sources));
	if (sources == NULL)
		die("memory");
	for (unsigned i = 0; i < n_sources; i++) {
		struct source *s = &sources[i];
		s->fd = socket(opt.server.ss_family, SOCK_DGRAM, 0);
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		memset(&local, 0, sizeof(local));
		local.ss_family = opt.server.ss_family;
		if (opt.n_bind != 0)
			inet_pton(local.ss_family, opt.bind[i % opt.n_bind],
			    local.ss_family == AF_INET ?
			    (void *)&((struct sockaddr_in *)&local)->sin_addr :
			    (void *)&((struct sockaddr_in6 *)&local)->sin6_addr);
		if (bind(s->fd, (struct sockaddr *)&local, opt.server_len) < 0)
			die("bind");
		if (opt.spread_count == 0 &&
		    connect(s->fd, (struct sockaddr *)&opt.server, opt.server_len) < 0)
			die("connect");
		for (unsigned k = 0; k < opt.window; k++)
			s->slots[k].id = (uint16_t)k;
	}
}

/* Sends what is due: every free slot, or with -r what the clock asks for. */
static void
refill(uint64_t start, uint64_t now, uint64_t *begun)
{
	static unsigned turn;
	uint64_t due = (uint64_t)((double)(now - start) * opt.rate / 1e9);

	if (opt.rate == 0)
		return;
	while (*begun < due) {
		struct source *s = &sources[turn++ % n_sources];
		unsigned n = due - *begun < BATCH ? (unsigned)(due - *begun) : BATCH;
		n = send_some(s, n < 8 ? n : 8);
		if (n == 0) {		/* this source's window is full: what is due is skipped */
			*begun = due;
			return;
		}
		*begun += n;
	}
}

/* At low rates: until an answer comes or the next query is due. */
static void
nap(uint64_t start, uint64_t begun)
{
	static struct pollfd polled[MAX_SOCKETS];
	uint64_t due = start + (uint64_t)((double)(begun + 1) * 1e9 / opt.rate), now = now_ns();
	uint64_t ns = due <= now ? 0 : due - now < 1000000 ? due - now : 1000000;
	struct timespec wait = { 0, (long)ns };

	for (unsigned i = 0; i < n_sources; i++)
		polled[i] = (struct pollfd){ .fd = sources[i].fd, .events = POLLIN };
	ppoll(polled, n_sources, &wait, NULL);
}

static double
quantile(double q)
{
	uint64_t want = (uint64_t)(q * (double)stat.answered), seen = 0;

	for (unsigned us = 0; us < LATENCIES; us++) {
		seen += stat.latency[us];
		if (seen > want)
			return us;
	}
	return 0;
}

static double
slowest(void)
{
	for (unsigned us = LATENCIES; us-- > 0;)
		if (stat.latency[us] != 0)
			return us;
	return 0;
}

static void
report(double seconds, const struct usage *a, const struct usage *b)
{
	double per_answer = stat.answered != 0 ? 1e6 / (double)stat.answered : 0;
	uint64_t asked = stat.answered + stat.lost;

	printf("{\"qps\": %.0f, \"answered\": %llu, \"lost\": %llu, \"loss\": %.6f, "
	    "\"late\": %llu, \"wrong\": %llu, \"p50_us\": %.0f, \"p99_us\": %.0f, "
	    "\"p999_us\": %.0f, \"max_us\": %.0f, "
	    "\"user_us\": %.3f, \"system_us\": %.3f, \"busy\": %.3f, \"octets\": %.1f, "
	    "\"first_wrong\": \"%s\"}\n",
	    (double)stat.answered / seconds, (unsigned long long)stat.answered,
	    (unsigned long long)stat.lost, asked != 0 ? (double)stat.lost / (double)asked : 1,
	    (unsigned long long)stat.late, (unsigned long long)stat.wrong,
	    quantile(0.5), quantile(0.99), quantile(0.999), slowest(),
	    (b->user_s - a->user_s) * per_answer, (b->system_s - a->system_s) * per_answer,
	    b->total_s > a->total_s ? (b->busy_s - a->busy_s) / (b->total_s - a->total_s) : 0,
	    stat.answered != 0 ? (double)stat.octets / (double)stat.answered : 0, stat.first_wrong);
}

static void
run(void)
{
	struct usage before = { 0 }, after;
	uint64_t start = now_ns(), now = start, swept = start, counted_from = 0, begun = 0;
	uint64_t warm = start + (uint64_t)(opt.seconds * 1e8),
	    end = start + (uint64_t)(opt.seconds * 1.1e9);

	while (now < end) {
		for (unsigned i = 0; i < n_sources; i++) {
			receive(&sources[i]);
			if (opt.rate == 0 && opt.window - sources[i].in_flight >=
			    (opt.window < 16 || opt.most < 8 ? 1 : 8))
				send_some(&sources[i], opt.most);
		}
		now = now_ns();
		refill(start, now, &begun);
		if (opt.rate != 0 && opt.rate < NAP_BELOW)
			nap(start, begun);
		if (now - swept > LOST_AFTER_NS / 2) {
			give_up_old(now);
			swept = now;
		}
		if (counted_from == 0 && now >= warm) {
			memset(&stat, 0, sizeof(stat));
			read_usage(&before);
			counted_from = now_ns();
		}
	}
	read_usage(&after);
	report((double)(now - counted_from) / 1e9, &before, &after);
}

static void
set_spread(char *text)
{
	struct in_addr first;
	char *slash = strchr(text, '/');

	if (slash != NULL)
		*slash = '\0';
	if (slash == NULL || inet_pton(AF_INET, text, &first) != 1 || atoi(slash + 1) < 8 ||
	    atoi(slash + 1) > 30) {
		fprintf(stderr, "load: -S wants an IPv4 prefix\n");
		exit(2);
	}
	opt.spread_first = ntohl(first.s_addr) + 1;
	opt.spread_count = (1u << (32 - atoi(slash + 1))) - 2;
}

static void
set_server(const char *address, const char *port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&opt.server;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&opt.server;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)atoi(port));
		opt.server_len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)atoi(port));
		opt.server_len = sizeof(*v6);
	} else {
		fprintf(stderr, "load: %s: not an address\n", address);
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "b:n:S:w:m:t:r:P:C:x")) != -1)
		switch (c) {
		case 'b': if (opt.n_bind < MAX_SOCKETS) opt.bind[opt.n_bind++] = optarg; break;
		case 'n': opt.ports = (unsigned)atoi(optarg); break;
		case 'S': set_spread(optarg); break;
		case 'w': opt.window = (unsigned)atoi(optarg); break;
		case 'm': opt.most = (unsigned)atoi(optarg); break;
		case 't': opt.seconds = atof(optarg); break;
		case 'r': opt.rate = atof(optarg); break;
		case 'P': if (opt.n_pids < MAX_PIDS) opt.pids[opt.n_pids++] = atoi(optarg); break;
		case 'C': opt.cpu = atoi(optarg); break;
		case 'x': opt.unchecked++; break;
		default: return 2;
		}
	if (argc - optind != 3 || opt.window == 0 || opt.window > MAX_WINDOW ||
	    (opt.window & (opt.window - 1)) != 0 || opt.ports == 0) {
		fputs("usage: load [-b ADDRESS]... [-n PORTS] [-S PREFIX] "
		    "[-w WINDOW, a power of two] [-m MOST] [-t SECONDS] [-r RATE] "
		    "[-P PID] [-C CPU] [-x] ADDRESS PORT QUERIES\n", stderr);
		return 2;
	}
	set_server(argv[optind], argv[optind + 1]);
	ring_read(&ring, argv[optind + 2]);
	open_sources();
	run();
	return stat.wrong != 0;
}
