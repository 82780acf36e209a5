#include "healthd/route/dnsd_watch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/control.h"
#include "common/dns/client.h"
#include "common/dns/dns.h"
#include "common/dns/name.h"

struct watch_ask {
	struct client client;
	struct watch_address *address;
};

struct watch_address {
	struct dnsd_watch *watch;
	struct addr addr;
	size_t prefix;			/* of announce.prefixes; SIZE_MAX = in none */
	struct watch_ask asks[DNSD_WATCH_AGAIN]; /* the questions of a round; most often one */
	unsigned outstanding;		/* of these */
	uint64_t asked_ms;		/* when this round began */
	uint64_t missed_ms;		/* when the first of the misses in a row was asked */
	uint64_t due_ms;		/* of the next round */
	struct loop_timer timer;	/* always set: the end of this round, or the next one */
	unsigned misses, answers;	/* rounds, in a row */
	enum posture_dnsd state;
	const char *why;		/* of the last miss; static text */
};

struct dnsd_watch {
	struct loop *loop;
	struct watch_address *addresses;
	size_t n;
	struct loop_io control;		/* dnsd's control socket; fd -1 = not connected */
	struct loop_timer control_timer; /* set while it is not: the next try */
	char control_path[108];		/* as long as a socket's path may be */
};

/* How a round of questions can miss. */
enum watch_miss { MISS_SILENT, MISS_CLOSED, MISS_WRONG };

static const char watch_closed[] = "nobody listens (port unreachable)";

const char *
dnsd_watch_check(const uint8_t *question, size_t question_len, const uint8_t *answer,
    size_t answer_len)
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
	    memcmp(answer + DNS_HEADER_LEN, question + DNS_HEADER_LEN,
	    question_len - DNS_HEADER_LEN) != 0)
		return "answer to another question";
	if (!(flags & DNS_AA))
		return "answer is not authoritative";
	if (dns_get16(answer + 6) == 0)
		return "answer without a record";
	if (answer_len < question_len + 11 && !(flags & DNS_TC))
		return "answer cut off";
	return NULL;
}

/* ---- one address ---- */

/* For the round that is under way, or for the next. */
static void
set_timer(struct watch_address *a)
{
	loop_timer_set(a->watch->loop, &a->timer,
	    a->outstanding > 0 ? a->asked_ms + DNSD_WATCH_TIMEOUT_MS : a->due_ms);
}

static void
give_up(struct watch_address *a)
{
	for (size_t i = 0; i < DNSD_WATCH_AGAIN; i++)
		client_cancel(&a->asks[i].client);
	a->outstanding = 0;
}

/* True if the misses so far are a failure. */
static bool
is_failure(const struct watch_address *a, enum watch_miss miss)
{
	switch (miss) {
	case MISS_SILENT:
		return a->misses >= DNSD_WATCH_FALL_SILENT;
	case MISS_CLOSED:
		return a->misses >= DNSD_WATCH_FALL &&
		    a->asked_ms >= a->missed_ms + DNSD_WATCH_RESTART_MS;
	default:
		return a->misses >= DNSD_WATCH_FALL;
	}
}

static void
round_missed(struct watch_address *a, enum watch_miss miss, const char *why)
{
	give_up(a);
	a->why = why;
	a->answers = 0;
	if (a->misses++ == 0)
		a->missed_ms = a->asked_ms;
	if (a->state == POSTURE_DNSD_FAILED || is_failure(a, miss)) {
		a->state = POSTURE_DNSD_FAILED;
		a->due_ms = a->asked_ms + DNSD_WATCH_INTERVAL_MS;
	} else if (miss == MISS_SILENT) {
		a->due_ms = loop_now(a->watch->loop);
	} else {
		a->due_ms = miss == MISS_WRONG ? a->asked_ms + DNSD_WATCH_PAUSE_MS :
		    a->missed_ms + DNSD_WATCH_RESTART_MS;
	}
}

static void
round_answered(struct watch_address *a)
{
	give_up(a);
	a->misses = 0;
	if (a->answers < DNSD_WATCH_RISE)
		a->answers++;
	if (a->answers >= DNSD_WATCH_RISE)
		a->state = POSTURE_DNSD_ANSWERING;
	a->due_ms = a->asked_ms + DNSD_WATCH_INTERVAL_MS;
}

/* One question of the round has ended: one right answer ends the round, and so does the last
 * of the wrong ones. */
static void
on_ask_end(struct client *client, enum client_end end, const uint8_t *message, size_t len,
    int error)
{
	struct watch_address *a = LOOP_OWNER(client, struct watch_ask, client)->address;
	size_t question_len;
	const uint8_t *question = client_sent(client, &question_len);
	const char *why = end == CLIENT_ANSWERED ?
	    dnsd_watch_check(question, question_len, message, len) :
	    end == CLIENT_ERRNO && error == ECONNREFUSED ? watch_closed : "network error";

	assert(a->outstanding > 0);
	a->outstanding--;
	if (why == NULL)
		round_answered(a);
	else if (a->outstanding == 0)
		round_missed(a, why == watch_closed ? MISS_CLOSED : MISS_WRONG, why);
	set_timer(a);
}

/* Why a question could not be asked. */
static const char *
unasked(int error)
{
	switch (error) {
	case EADDRNOTAVAIL:
		return "the address is not on this machine";
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAFNOSUPPORT:
		return "no socket";
	default:
		return "question could not be sent";
	}
}

static void
ask_address(struct watch_address *a)
{
	size_t times = a->misses > 0 ? DNSD_WATCH_AGAIN : 1;
	const char *why = NULL;

	a->asked_ms = loop_now(a->watch->loop);
	for (size_t i = 0; i < times; i++)
		if (client_start(&a->asks[i].client) == 0)
			a->outstanding++;
		else
			why = unasked(errno);
	if (a->outstanding == 0)
		round_missed(a, MISS_WRONG, why);
}

static void
on_address_time(struct loop_timer *timer)
{
	struct watch_address *a = LOOP_OWNER(timer, struct watch_address, timer);
	uint64_t now_ms = loop_now(a->watch->loop);

	/* first of all, while its old place among the timers is free: without memory for the
	 * questions below, the address is still asked again */
	loop_timer_set(a->watch->loop, timer, now_ms + DNSD_WATCH_INTERVAL_MS);
	if (a->outstanding > 0)
		round_missed(a, MISS_SILENT, "no answer within 150 ms");
	if (now_ms >= a->due_ms)
		ask_address(a);
	set_timer(a);
}

void
dnsd_watch_late(struct dnsd_watch *w)
{
	for (size_t i = 0; i < w->n; i++) {
		give_up(&w->addresses[i]);
		w->addresses[i].due_ms = loop_now(w->loop);
		set_timer(&w->addresses[i]);
	}
}

/* ---- dnsd's control socket ---- */

static void
control_lost(struct dnsd_watch *w)
{
	uint64_t now_ms = loop_now(w->loop);

	loop_io_set(w->loop, &w->control, 0);
	close(w->control.fd);
	w->control.fd = -1;
	loop_timer_set(w->loop, &w->control_timer, now_ms + DNSD_WATCH_INTERVAL_MS);
	for (size_t i = 0; i < w->n; i++)
		if (w->addresses[i].outstanding == 0) {
			w->addresses[i].due_ms = now_ms;
			set_timer(&w->addresses[i]);
		}
}

/* What dnsd says there means nothing; that it ends means a lot. */
static void
on_control(struct loop_io *io, uint32_t events)
{
	char waste[512];
	ssize_t got = recv(io->fd, waste, sizeof(waste), MSG_DONTWAIT);

	(void)events;
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		control_lost(LOOP_OWNER(io, struct dnsd_watch, control));
}

static void
on_control_time(struct loop_timer *timer)
{
	struct dnsd_watch *w = LOOP_OWNER(timer, struct dnsd_watch, control_timer);

	w->control.fd = control_watch(w->control_path, NULL);
	if (w->control.fd >= 0 && loop_io_set(w->loop, &w->control, EPOLLIN) == 0)
		return;
	if (w->control.fd >= 0)
		close(w->control.fd);
	w->control.fd = -1;
	loop_timer_set(w->loop, timer, loop_now(w->loop) + DNSD_WATCH_INTERVAL_MS);
}

/* ---- beginning and end ---- */

/* A question that dnsd must refuse would withdraw every site that reads this file. */
static bool
in_zones(const struct conf *conf, const uint8_t *qname)
{
	uint8_t apex[NAME_MAX_WIRE];
	struct err err;

	for (size_t i = 0; i < conf->n_zones; i++)
		if (name_parse(apex, conf->zones[i].name, &err) > 0 && name_below(qname, apex))
			return true;
	return conf->n_zones == 0;
}

/* Reads "name TYPE", or a name alone: its SOA.  The type, or -1 with a reason. */
static int
question_of(uint8_t qname[NAME_MAX_WIRE], const struct conf *conf, const char *text,
    struct err *err)
{
	const char *blank = strrchr(text, ' ');
	int len = blank == NULL ? (int)strlen(text) : (int)(blank - text);
	char name[NAME_TEXT];
	int type = DNS_SOA;

	snprintf(name, sizeof(name), "%.*s", len, text);
	if (blank != NULL && (type = dns_type_number(blank + 1)) <= 0)
		return err_set(err, "announce: question \"%s\": unknown type \"%s\"", text,
		    blank + 1);
	if (name_parse(qname, name, err) < 0)
		return err_prefix(err, "announce: question \"%s\"", text);
	if (!in_zones(conf, qname))
		return err_set(err, "announce: question \"%s\": not in a zone that dnsd serves",
		    text);
	return type;
}

static bool
is_announced(const struct conf *conf, const struct addr *a)
{
	return prefix_find(conf->announce.prefixes.v, conf->announce.prefixes.n, a) != NULL;
}

/* Index of the announced prefix that holds the address, SIZE_MAX = none. */
static size_t
prefix_of(const struct conf *conf, const struct addr *a)
{
	const struct prefix *found = prefix_find(conf->announce.prefixes.v,
	    conf->announce.prefixes.n, a);

	return found != NULL ? (size_t)(found - conf->announce.prefixes.v) : SIZE_MAX;
}

/* The address to ask for an address to listen on: a wildcard is asked on loopback. */
static struct addr
target_of(const struct addr *listen)
{
	struct addr a = *listen;

	if (a.port == 0)
		a.port = 53;
	if (!addr_is_zero(a.ip))
		return a;
	if (a.family == 4)
		a.ip[0] = 127, a.ip[3] = 1;
	else
		a.ip[15] = 1;
	return a;
}

/* The next of w->addresses, asked in the first turn.  0, or -1 when memory is out. */
static int
add_address(struct dnsd_watch *w, const struct addr *listen, const uint8_t *qname, uint16_t qtype)
{
	struct watch_address *a = &w->addresses[w->n];

	*a = (struct watch_address){ .watch = w, .addr = target_of(listen), .why = "not asked yet",
		.timer.fire = on_address_time };
	for (size_t i = 0; i < DNSD_WATCH_AGAIN; i++) {
		struct client *client = &a->asks[i].client;

		/* the time limit is the round's, not a question's: a->timer */
		*client = (struct client){ .loop = w->loop, .to = a->addr, .way = CLIENT_UDP,
			.local = true, .timeout_ms = UINT32_MAX, .done = on_ask_end };
		client_question(client, qname, qtype, DNS_IN, 0);
		a->asks[i].address = a;
	}
	if (loop_timer_set(w->loop, &a->timer, loop_now(w->loop)) < 0)
		return -1;
	w->n++;
	return 0;
}

static int
add_addresses(struct dnsd_watch *w, const struct conf *conf, struct err *err)
{
	const char *question = conf->announce.question;
	uint8_t qname[NAME_MAX_WIRE];
	bool any = false;
	int type;

	if (question == NULL || question[0] == '\0')
		question = conf->n_zones > 0 ? conf->zones[0].name : NULL;
	if (question == NULL)
		return 0;
	type = question_of(qname, conf, question, err);
	if (type < 0)
		return -1;
	for (size_t i = 0; i < conf->n_listen; i++)
		any = any || is_announced(conf, &conf->listen[i]);
	for (size_t i = 0; i < conf->n_listen; i++)
		if (!any || is_announced(conf, &conf->listen[i])) {
			if (add_address(w, &conf->listen[i], qname, (uint16_t)type) < 0)
				return err_set(err, "out of memory");
			w->addresses[w->n - 1].prefix = prefix_of(conf, &conf->listen[i]);
		}
	return 0;
}

struct dnsd_watch *
dnsd_watch_new(struct loop *loop, const struct conf *conf, struct err *err)
{
	struct dnsd_watch *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	w->loop = loop;
	w->addresses = calloc(conf->n_listen + 1, sizeof(*w->addresses));
	w->control = (struct loop_io){ .fd = -1, .ready = on_control };
	w->control_timer.fire = on_control_time;
	if (snprintf(w->control_path, sizeof(w->control_path), "%s/dnsd.sock", conf->run_dir) >=
	    (int)sizeof(w->control_path))
		err_set(err, "run-dir \"%s\": too long for a socket in it", conf->run_dir);
	else if (w->addresses == NULL ||
	    loop_timer_set(loop, &w->control_timer, loop_now(loop)) < 0)
		err_set(err, "out of memory");
	else if (add_addresses(w, conf, err) == 0)
		return w;
	dnsd_watch_free(w);
	return NULL;
}

void
dnsd_watch_free(struct dnsd_watch *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->n; i++) {
		give_up(&w->addresses[i]);
		loop_timer_stop(w->loop, &w->addresses[i].timer);
	}
	loop_timer_stop(w->loop, &w->control_timer);
	loop_io_set(w->loop, &w->control, 0);
	if (w->control.fd >= 0)
		close(w->control.fd);
	free(w->addresses);
	free(w);
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

enum posture_dnsd
dnsd_watch_prefix(const struct dnsd_watch *w, size_t prefix, char reason[HEALTH_REASON_MAX])
{
	size_t all = 0, answering = 0, failed = 0;
	bool own = false;

	reason[0] = '\0';
	for (size_t i = 0; i < w->n; i++)
		own = own || w->addresses[i].prefix == prefix;
	for (size_t i = 0; i < w->n; i++) {
		const struct watch_address *a = &w->addresses[i];
		char text[ADDR_TEXT];

		if (own && a->prefix != prefix)
			continue;
		all++;
		answering += a->state == POSTURE_DNSD_ANSWERING;
		if (a->state == POSTURE_DNSD_ANSWERING)
			continue;
		failed += a->state == POSTURE_DNSD_FAILED;
		if (reason[0] == '\0')
			snprintf(reason, HEALTH_REASON_MAX, "%s: %s", addr_text(&a->addr, text),
			    a->why);
	}
	if (answering > 0 || all == 0)
		return POSTURE_DNSD_ANSWERING;
	return failed == all ? POSTURE_DNSD_FAILED : POSTURE_DNSD_UNKNOWN;
}

bool
dnsd_watch_tcp(const struct dnsd_watch *w, size_t prefix, char reason[HEALTH_REASON_MAX])
{
	(void)w;
	(void)prefix;
	reason[0] = '\0';
	return false;
}

bool
dnsd_watch_alarm(const struct dnsd_watch *w, char text[HEALTH_REASON_MAX])
{
	(void)w;
	text[0] = '\0';
	return false;
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
