#include "healthd/route/dnsd_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/control.h"
#include "common/dns/dns.h"
#include "common/dns/name.h"

/* One question outstanding */
struct watch_ask {
	int fd;				/* connected; -1 = none */
	uint16_t id;
};

struct watch_address {
	struct addr addr;
	struct watch_ask asks[DNSD_WATCH_AGAIN];
	unsigned outstanding;
	uint64_t asked_ms;
	uint64_t missed_ms;		/* when the first of the misses in a row was asked */
	uint64_t due_ms;		/* of the next question */
	unsigned misses, answers;	/* in a row */
	enum posture_dnsd state;
	const char *why;		/* of the last miss; static text */
};

struct dnsd_watch {
	struct watch_address *addresses;
	size_t n;
	uint8_t question[512];
	size_t question_len;
	int control;			/* dnsd's control socket; -1 = not connected */
	uint64_t control_due_ms;	/* of the next try to connect */
	char control_path[108];		/* as long as a socket's path may be */
};

static int
watch_type(const char *text)
{
	static const struct { const char *name; int type; } types[] = {
		{ "A", DNS_A }, { "NS", DNS_NS }, { "CNAME", DNS_CNAME }, { "SOA", DNS_SOA },
		{ "PTR", DNS_PTR }, { "MX", DNS_MX }, { "TXT", DNS_TXT }, { "AAAA", DNS_AAAA },
		{ "SRV", DNS_SRV }, { "NAPTR", DNS_NAPTR }, { "DS", DNS_DS }, { "DNSKEY", DNS_DNSKEY },
		{ "SVCB", DNS_SVCB }, { "HTTPS", DNS_HTTPS }, { "CAA", 257 },
	};
	char *end;
	long number;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(text, types[i].name) == 0)
			return types[i].type;
	if (strncasecmp(text, "TYPE", 4) != 0)
		return -1;
	number = strtol(text + 4, &end, 10);
	return *end == '\0' && end != text + 4 && number > 0 && number < 65536 ? (int)number : -1;
}

size_t
dnsd_watch_question(uint8_t out[512], const uint8_t *qname, uint16_t qtype, uint16_t id)
{
	size_t len = name_len(qname);

	memset(out, 0, DNS_HEADER_LEN);
	dns_put16(out, id);
	dns_put16(out + 4, 1);
	memcpy(out + DNS_HEADER_LEN, qname, len);
	dns_put16(out + DNS_HEADER_LEN + len, qtype);
	dns_put16(out + DNS_HEADER_LEN + len + 2, DNS_IN);
	return DNS_HEADER_LEN + len + 4;
}

const char *
dnsd_watch_check(const uint8_t *question, size_t question_len, const uint8_t *answer, size_t answer_len)
{
	uint16_t flags;

	if (answer_len < DNS_HEADER_LEN)
		return "answer shorter than a header";
	if (memcmp(answer, question, 2) != 0)
		return "answer with another id";
	flags = dns_get16(answer + 2);
	if (!(flags & DNS_QR))
		return "not an answer (QR is 0)";
	if (DNS_FLAGS_OPCODE(flags) != DNS_OP_QUERY)
		return "answer with another opcode";
	if ((flags & 15) == DNS_SERVFAIL)
		return "SERVFAIL";
	if ((flags & 15) == DNS_REFUSED)
		return "REFUSED";
	if ((flags & 15) == DNS_NXDOMAIN)
		return "NXDOMAIN";
	if ((flags & 15) != DNS_NOERROR)
		return "answer with an error code";
	if (dns_get16(answer + 4) != 1 || answer_len < question_len ||
	    memcmp(answer + DNS_HEADER_LEN, question + DNS_HEADER_LEN, question_len - DNS_HEADER_LEN) != 0)
		return "answer to another question";
	if (!(flags & DNS_AA))
		return "answer is not authoritative";
	if (dns_get16(answer + 6) == 0)
		return "answer without a record";
	if (answer_len < question_len + 11 && !(flags & DNS_TC))
		return "answer cut off";
	return NULL;
}

/* A question that dnsd must refuse would withdraw every site that reads this file. */
static bool
watch_in_zones(const struct conf *conf, const uint8_t *qname)
{
	uint8_t apex[NAME_MAX_WIRE];
	struct err err;

	for (size_t i = 0; i < conf->n_zones; i++)
		if (name_parse(apex, conf->zones[i].name, &err) > 0 && name_below(qname, apex))
			return true;
	return conf->n_zones == 0;
}

/* "name TYPE" into w->question */
static int
watch_set_question(struct dnsd_watch *w, const struct conf *conf, const char *text, struct err *err)
{
	uint8_t qname[NAME_MAX_WIRE];
	char name[NAME_TEXT];
	const char *blank = strrchr(text, ' ');
	int type = DNS_SOA;

	snprintf(name, sizeof(name), "%.*s", blank == NULL ? (int)strlen(text) : (int)(blank - text), text);
	if (blank != NULL && (type = watch_type(blank + 1)) < 0)
		return err_set(err, "announce: question \"%s\": unknown type \"%s\"", text, blank + 1);
	if (name_parse(qname, name, err) < 0)
		return err_prefix(err, "announce: question \"%s\"", text);
	if (!watch_in_zones(conf, qname))
		return err_set(err, "announce: question \"%s\": not in a zone that dnsd serves", text);
	w->question_len = dnsd_watch_question(w->question, qname, (uint16_t)type, 0);
	return 0;
}

static bool
watch_announced(const struct conf *conf, const struct addr *a)
{
	for (size_t i = 0; i < conf->announce.prefixes.n; i++)
		if (prefix_contains(&conf->announce.prefixes.v[i], a->family, a->ip))
			return true;
	return false;
}

/* An address to ask for an address to listen on: a wildcard is asked on loopback */
static struct addr
watch_target(const struct addr *listen)
{
	static const uint8_t any[16];
	struct addr a = *listen;

	if (a.port == 0)
		a.port = 53;
	if (memcmp(a.ip, any, sizeof(any)) != 0)
		return a;
	if (a.family == 4)
		a.ip[0] = 127, a.ip[3] = 1;
	else
		a.ip[15] = 1;
	return a;
}

static void
watch_set_addresses(struct dnsd_watch *w, const struct conf *conf)
{
	bool any = false;

	for (size_t i = 0; i < conf->n_listen; i++)
		any = any || watch_announced(conf, &conf->listen[i]);
	for (size_t i = 0; i < conf->n_listen; i++) {
		struct watch_address *a = &w->addresses[w->n];

		if (any && !watch_announced(conf, &conf->listen[i]))
			continue;
		*a = (struct watch_address){ .addr = watch_target(&conf->listen[i]), .why = "not asked yet" };
		for (size_t k = 0; k < DNSD_WATCH_AGAIN; k++)
			a->asks[k].fd = -1;
		w->n++;
	}
}

struct dnsd_watch *
dnsd_watch_new(const struct conf *conf, struct err *err)
{
	const char *question = conf->announce.question;
	struct dnsd_watch *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->addresses = calloc(conf->n_listen + 1, sizeof(*w->addresses))) == NULL) {
		free(w);
		err_set(err, "out of memory");
		return NULL;
	}
	w->control = -1;
	if (snprintf(w->control_path, sizeof(w->control_path), "%s/dnsd.sock", conf->run_dir) >=
	    (int)sizeof(w->control_path)) {
		err_set(err, "run-dir \"%s\": too long for a socket in it", conf->run_dir);
		dnsd_watch_free(w);
		return NULL;
	}
	if (question == NULL || question[0] == '\0')
		question = conf->n_zones > 0 ? conf->zones[0].name : NULL;
	if (question != NULL) {
		if (watch_set_question(w, conf, question, err) < 0) {
			dnsd_watch_free(w);
			return NULL;
		}
		watch_set_addresses(w, conf);
	}
	return w;
}

static void
watch_give_up(struct watch_address *a)
{
	for (size_t i = 0; i < DNSD_WATCH_AGAIN; i++)
		if (a->asks[i].fd >= 0) {
			close(a->asks[i].fd);
			a->asks[i].fd = -1;
		}
	a->outstanding = 0;
}

void
dnsd_watch_free(struct dnsd_watch *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->n; i++)
		watch_give_up(&w->addresses[i]);
	if (w->control >= 0)
		close(w->control);
	free(w->addresses);
	free(w);
}

/* How a round of questions can miss */
enum watch_miss { MISS_SILENT, MISS_CLOSED, MISS_WRONG };

/* True if the misses so far are a failure */
static bool
watch_is_failure(const struct watch_address *a, enum watch_miss miss)
{
	switch (miss) {
	case MISS_SILENT:
		return a->misses >= DNSD_WATCH_FALL_SILENT;
	case MISS_CLOSED:
		return a->misses >= DNSD_WATCH_FALL && a->asked_ms >= a->missed_ms + DNSD_WATCH_RESTART_MS;
	default:
		return a->misses >= DNSD_WATCH_FALL;
	}
}

static void
watch_missed(struct watch_address *a, enum watch_miss miss, const char *why, uint64_t now_ms)
{
	watch_give_up(a);
	a->why = why;
	a->answers = 0;
	if (a->misses++ == 0)
		a->missed_ms = a->asked_ms;
	if (a->state == POSTURE_DNSD_FAILED || watch_is_failure(a, miss)) {
		a->state = POSTURE_DNSD_FAILED;
		a->due_ms = a->asked_ms + DNSD_WATCH_INTERVAL_MS;
	} else if (miss == MISS_SILENT) {
		a->due_ms = now_ms;
	} else {
		a->due_ms = miss == MISS_WRONG ? a->asked_ms + DNSD_WATCH_PAUSE_MS :
		    a->missed_ms + DNSD_WATCH_RESTART_MS;
	}
}

static void
watch_answered(struct watch_address *a)
{
	watch_give_up(a);
	a->misses = 0;
	if (a->answers < DNSD_WATCH_RISE)
		a->answers++;
	if (a->answers >= DNSD_WATCH_RISE)
		a->state = POSTURE_DNSD_ANSWERING;
	a->due_ms = a->asked_ms + DNSD_WATCH_INTERVAL_MS;
}

/* A question to an address of this machine comes from that address.  One that is not here
 * any more would be answered all the same: by the next site. */
static bool
watch_is_local(int fd, const struct addr *to)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr from;

	return getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
	    addr_from_sockaddr(&from, (struct sockaddr *)&ss) == 0 && addr_equal(&from, to);
}

/* One question from a port of its own.  NULL = sent. */
static const char *
watch_ask_once(const struct dnsd_watch *w, const struct watch_address *a, struct watch_ask *ask)
{
	uint8_t question[sizeof(w->question)];
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&a->addr, &ss);

	ask->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ask->fd < 0)
		return "no socket";
	if (getrandom(&ask->id, sizeof(ask->id), GRND_NONBLOCK) < 0)
		ask->id = (uint16_t)(a->asked_ms * 40503);
	memcpy(question, w->question, w->question_len);
	dns_put16(question, ask->id);
	if (connect(ask->fd, (struct sockaddr *)&ss, len) < 0 || !watch_is_local(ask->fd, &a->addr)) {
		close(ask->fd);
		ask->fd = -1;
		return "the address is not on this machine";
	}
	if (send(ask->fd, question, w->question_len, 0) == (ssize_t)w->question_len)
		return NULL;
	close(ask->fd);
	ask->fd = -1;
	return "question could not be sent";
}

static void
watch_ask_address(const struct dnsd_watch *w, struct watch_address *a, uint64_t now_ms)
{
	size_t times = a->misses > 0 ? DNSD_WATCH_AGAIN : 1;
	const char *why = NULL;

	a->asked_ms = now_ms;
	for (size_t i = 0; i < times; i++) {
		const char *failed = watch_ask_once(w, a, &a->asks[i]);

		if (failed == NULL)
			a->outstanding++;
		else
			why = failed;
	}
	if (a->outstanding == 0)
		watch_missed(a, MISS_WRONG, why, now_ms);
}

static const char watch_closed[] = "nobody listens (port unreachable)";

/* What came in for one question.  Returns false while nothing has. */
static bool
watch_receive(const struct dnsd_watch *w, struct watch_ask *ask, const char **why)
{
	uint8_t question[sizeof(w->question)], answer[4096];
	ssize_t got = recv(ask->fd, answer, sizeof(answer), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got < 0) {
		*why = errno == ECONNREFUSED ? watch_closed : "network error";
		return true;
	}
	memcpy(question, w->question, w->question_len);
	dns_put16(question, ask->id);
	*why = dnsd_watch_check(question, w->question_len, answer, (size_t)got);
	return true;
}

static void
watch_collect(const struct dnsd_watch *w, struct watch_address *a, uint64_t now_ms)
{
	const char *why = NULL, *last = "no answer";

	for (size_t i = 0; i < DNSD_WATCH_AGAIN; i++) {
		if (a->asks[i].fd < 0 || !watch_receive(w, &a->asks[i], &why))
			continue;
		if (why == NULL) {
			watch_answered(a);
			return;
		}
		last = why;
		close(a->asks[i].fd);
		a->asks[i].fd = -1;
		if (--a->outstanding == 0)
			watch_missed(a, last == watch_closed ? MISS_CLOSED : MISS_WRONG, last, now_ms);
	}
	if (a->outstanding > 0 && now_ms >= a->asked_ms + DNSD_WATCH_TIMEOUT_MS)
		watch_missed(a, MISS_SILENT, "no answer within 150 ms", now_ms);
}

static void
watch_control_lost(struct dnsd_watch *w, uint64_t now_ms)
{
	close(w->control);
	w->control = -1;
	w->control_due_ms = now_ms + DNSD_WATCH_INTERVAL_MS;
	for (size_t i = 0; i < w->n; i++)
		if (w->addresses[i].outstanding == 0)
			w->addresses[i].due_ms = now_ms;
}

static void
watch_control(struct dnsd_watch *w, uint64_t now_ms)
{
	char drain[512];
	ssize_t got;

	if (w->control < 0 && now_ms >= w->control_due_ms) {
		w->control_due_ms = now_ms + DNSD_WATCH_INTERVAL_MS;
		w->control = control_watch(w->control_path, NULL);
	}
	if (w->control < 0)
		return;
	got = recv(w->control, drain, sizeof(drain), MSG_DONTWAIT);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		watch_control_lost(w, now_ms);
}

size_t
dnsd_watch_max_fds(const struct dnsd_watch *w)
{
	return w->n * DNSD_WATCH_AGAIN + 1;
}

size_t
dnsd_watch_fds(const struct dnsd_watch *w, struct pollfd *fds, size_t max)
{
	size_t n = 0;

	if (w->control >= 0 && n < max)
		fds[n++] = (struct pollfd){ .fd = w->control, .events = POLLIN };
	for (size_t i = 0; i < w->n; i++)
		for (size_t k = 0; k < DNSD_WATCH_AGAIN; k++)
			if (w->addresses[i].asks[k].fd >= 0 && n < max)
				fds[n++] = (struct pollfd){ .fd = w->addresses[i].asks[k].fd, .events = POLLIN };
	return n;
}

uint64_t
dnsd_watch_run(struct dnsd_watch *w, uint64_t now_ms)
{
	uint64_t next = now_ms + DNSD_WATCH_INTERVAL_MS;

	watch_control(w, now_ms);
	for (size_t i = 0; i < w->n; i++) {
		struct watch_address *a = &w->addresses[i];
		uint64_t wake;

		if (a->outstanding > 0)
			watch_collect(w, a, now_ms);
		if (a->outstanding == 0 && now_ms >= a->due_ms)
			watch_ask_address(w, a, now_ms);
		wake = a->outstanding > 0 ? a->asked_ms + DNSD_WATCH_TIMEOUT_MS : a->due_ms;
		if (wake < next)
			next = wake;
	}
	return next > now_ms ? next : now_ms + 1;
}

void
dnsd_watch_late(struct dnsd_watch *w)
{
	for (size_t i = 0; i < w->n; i++) {
		watch_give_up(&w->addresses[i]);
		w->addresses[i].due_ms = 0;
	}
}

enum posture_dnsd
dnsd_watch_state(const struct dnsd_watch *w, char reason[HEALTH_REASON_MAX])
{
	enum posture_dnsd state = POSTURE_DNSD_ANSWERING;

	reason[0] = '\0';
	for (size_t i = 0; i < w->n; i++) {
		const struct watch_address *a = &w->addresses[i];
		char text[ADDR_TEXT];

		if (a->state == POSTURE_DNSD_ANSWERING || state == POSTURE_DNSD_FAILED)
			continue;
		state = a->state;
		snprintf(reason, HEALTH_REASON_MAX, "%s: %s", addr_text(&a->addr, text), a->why);
	}
	return state;
}

void
dnsd_watch_counts(const struct dnsd_watch *w, uint32_t *asked, uint32_t *answering)
{
	*asked = (uint32_t)w->n;
	*answering = 0;
	for (size_t i = 0; i < w->n; i++)
		if (w->addresses[i].state == POSTURE_DNSD_ANSWERING)
			(*answering)++;
}
