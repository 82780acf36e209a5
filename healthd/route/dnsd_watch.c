#include "healthd/route/dnsd_watch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "healthd/route/dnsd_watch_inner.h"

#define TCP_AGAIN_MS 500		/* after a first miss over TCP */

/* The index of the address; n = it is not among them. */
static size_t
find(const struct addr *v, size_t n, const struct addr *addr)
{
	size_t i = 0;

	while (i < n && !dnsd_watch_same(&v[i], addr))
		i++;
	return i;
}

/* ---- rounds of questions ---- */

static void
give_up(struct watch_address *a)
{
	for (size_t i = 0; i < DNSD_WATCH_AGAIN; i++)
		client_cancel(&a->asks[i].client);
	a->outstanding = 0;
	a->asking = false;
}

/* Is another address flooded?  Only asked about one that is silent, too. */
static bool
is_flooded_elsewhere(const struct watch_address *a)
{
	const struct dnsd_watch *w = a->watch;

	for (size_t i = 0; i < w->n && dnsd_life_doubts(&a->life); i++)
		if (w->addresses[i] != a &&
		    dnsd_life_flooded(&w->addresses[i]->life, loop_now(w->loop)))
			return true;
	return false;
}

static void
set_timer(struct watch_address *a)
{
	uint64_t at_ms = a->asking ? a->asked_ms + DNSD_LIFE_TIMEOUT_MS : a->life.due_ms;
	uint64_t held_ms;

	a->life.elsewhere = is_flooded_elsewhere(a);
	held_ms = dnsd_life_time(&a->life, loop_now(a->watch->loop));
	loop_timer_set(a->watch->loop, &a->timer, held_ms < at_ms ? held_ms : at_ms);
}

static void
close_round(struct watch_address *a)
{
	give_up(a);
	a->life.elsewhere = is_flooded_elsewhere(a);
	dnsd_life_end(&a->life, loop_now(a->watch->loop));
}

static void
on_ask_end(struct client *client, enum client_end end, const uint8_t *message, size_t len,
    int error)
{
	struct watch_ask *ask = LOOP_OWNER(client, struct watch_ask, client);
	struct watch_address *a = ask->address;
	struct dnsd_watch *w = a->watch;
	enum dnsd_life_about about = dnsd_question_about(&w->questions, ask->question);

	assert(a->asking && a->outstanding > 0);
	a->outstanding--;
	if (end == CLIENT_ANSWERED) {
		size_t question_len;
		const uint8_t *question = client_sent(client, &question_len);
		const char *why;
		enum dnsd_answer answer = dnsd_answer_judge(question, question_len, message, len,
		    &why);

		dnsd_question_heard(&w->questions, ask->question, answer, why, loop_now(w->loop));
		dnsd_life_heard(&a->life, about, answer, why);
	} else {
		dnsd_life_error(&a->life, error);
	}
	if (a->outstanding == 0)
		close_round(a);
	set_timer(a);
}

/* Which question the i-th of a round is: about the server, the main one, and then the other zones
 * in turn, or the main one again where there are none. */
static size_t
pick_question(struct watch_address *a, size_t i)
{
	size_t others = a->watch->questions.n - DNSD_QUESTION_OTHER;

	if (i < DNSD_QUESTION_OTHER)
		return i;
	return others == 0 ? DNSD_QUESTION_MAIN :
	    DNSD_QUESTION_OTHER + a->next_other++ % others;
}

static void
begin_round(struct watch_address *a)
{
	const struct dnsd_questions *questions = &a->watch->questions;
	size_t times = dnsd_life_doubts(&a->life) ? DNSD_WATCH_AGAIN :
	    questions->n > DNSD_QUESTION_OTHER ? DNSD_QUESTION_OTHER + 1 : DNSD_QUESTION_OTHER;

	a->asked_ms = loop_now(a->watch->loop);
	a->asking = true;
	dnsd_life_begin(&a->life, a->asked_ms);
	for (size_t i = 0; i < times; i++) {
		struct watch_ask *ask = &a->asks[i];
		const struct dnsd_question *q;

		ask->question = pick_question(a, i);
		q = &questions->v[ask->question];
		client_question(&ask->client, q->name, q->type, q->class, CLIENT_EDNS);
		if (client_start(&ask->client) < 0) {
			dnsd_life_error(&a->life, errno);
			continue;
		}
		dnsd_life_asked(&a->life, dnsd_question_about(questions, ask->question));
		a->outstanding++;
	}
	if (a->outstanding == 0)
		close_round(a);
}

static void
on_address_time(struct loop_timer *timer)
{
	struct watch_address *a = LOOP_OWNER(timer, struct watch_address, timer);
	uint64_t now_ms = loop_now(a->watch->loop);

	/* first of all, while its old place among the timers is free: without memory for the
	 * questions below, the address is still asked again */
	loop_timer_set(a->watch->loop, timer, now_ms + DNSD_LIFE_INTERVAL_MS);
	if (a->asking && now_ms >= a->asked_ms + DNSD_LIFE_TIMEOUT_MS)
		close_round(a);
	if (!a->asking && now_ms >= a->life.due_ms)
		begin_round(a);
	set_timer(a);
}

static void
ask_now(struct watch_address *a)
{
	dnsd_life_void(&a->life, loop_now(a->watch->loop));
	set_timer(a);
}

void
dnsd_watch_late(struct dnsd_watch *w)
{
	for (size_t i = 0; i < w->n; i++) {
		give_up(w->addresses[i]);
		ask_now(w->addresses[i]);
	}
}

/* ---- over TCP ---- */

static void
on_tcp_end(struct client *client, enum client_end end, const uint8_t *message, size_t len,
    int error)
{
	struct watch_address *a = LOOP_OWNER(client, struct watch_address, tcp);
	uint64_t next_ms = loop_now(a->watch->loop) + DNSD_WATCH_TCP_MS;

	(void)message;
	(void)len;
	if (end == CLIENT_ANSWERED) {
		a->tcp_proven = true;
		a->tcp_missed = 0;
	} else if (a->life.state == DNSD_LIFE_SERVING) {
		/* while it is not, TCP is the least of its troubles */
		a->tcp_missed++;
		a->tcp_why = end == CLIENT_TIMEOUT ? "no answer over TCP within 1 s" :
		    end == CLIENT_GARBAGE ? "no DNS over TCP" :
		    error == ECONNREFUSED ? "nobody listens on TCP" :
		    error == ECONNRESET ? "TCP connection closed without an answer" :
		    "network error over TCP";
		if (a->tcp_missed < DNSD_WATCH_TCP_FALL)
			next_ms -= DNSD_WATCH_TCP_MS - TCP_AGAIN_MS;
	}
	loop_timer_set(a->watch->loop, &a->tcp_timer, next_ms);
}

static void
on_tcp_time(struct loop_timer *timer)
{
	struct watch_address *a = LOOP_OWNER(timer, struct watch_address, tcp_timer);

	if (client_start(&a->tcp) == 0)
		return;
	/* a connection that a route or a filter forbids fails here; a want of ours shows nothing */
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS ||
	    errno == EAGAIN)
		loop_timer_set(a->watch->loop, timer, loop_now(a->watch->loop) + DNSD_WATCH_TCP_MS);
	else
		on_tcp_end(&a->tcp, CLIENT_ERRNO, NULL, 0, errno);
}

/* ---- which addresses ---- */

static size_t
prefix_of(const struct dnsd_watch *w, const struct addr *a)
{
	const struct prefix *found = prefix_find(w->prefixes, w->n_prefixes, a);

	return found != NULL ? (size_t)(found - w->prefixes) : DNSD_WATCH_NOWHERE;
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

static void
set_clients(struct watch_address *a)
{
	const struct dnsd_question *server = &a->watch->questions.v[DNSD_QUESTION_SERVER];

	for (size_t i = 0; i < DNSD_WATCH_AGAIN; i++) {
		/* the time limit is the round's, not a question's: a->timer */
		a->asks[i].client = (struct client){ .loop = a->watch->loop, .to = a->addr,
			.way = CLIENT_UDP, .local = true, .cookie = &a->cookie,
			.timeout_ms = UINT32_MAX, .done = on_ask_end };
		a->asks[i].address = a;
	}
	a->tcp = (struct client){ .loop = a->watch->loop, .to = a->addr, .way = CLIENT_TCP,
		.local = true, .cookie = &a->cookie, .timeout_ms = DNSD_WATCH_TCP_TIMEOUT_MS,
		.done = on_tcp_end };
	client_question(&a->tcp, server->name, server->type, server->class, CLIENT_EDNS);
}

static void
free_address(struct watch_address *a)
{
	give_up(a);
	client_cancel(&a->tcp);
	loop_timer_stop(a->watch->loop, &a->timer);
	loop_timer_stop(a->watch->loop, &a->tcp_timer);
	a->watch->held_before += a->life.held;
	free(a);
}

void
dnsd_watch_recall(struct watch_address *a, enum watch_tcp tcp)
{
	a->life.proven = true;
	a->tcp_proven = tcp != WATCH_TCP_NEVER;
	/* what was lost stays lost until it answers: a reload or a restart is no recovery */
	if (tcp == WATCH_TCP_LOST) {
		a->tcp_missed = DNSD_WATCH_TCP_FALL;
		a->tcp_why = "no answer over TCP before a reload or restart of healthd";
	}
}

/* Asked in the loop's next turn.  0, or -1 when memory is out. */
static int
add_address(struct dnsd_watch *w, const struct addr *addr)
{
	struct watch_address **more, *a = calloc(1, sizeof(*a));
	size_t restored;

	more = realloc(w->addresses, (w->n + 1) * sizeof(*more));
	if (more != NULL)
		w->addresses = more;
	if (a == NULL || more == NULL) {
		free(a);
		return -1;
	}
	a->watch = w;
	a->addr = *addr;
	a->prefix = prefix_of(w, addr);
	a->wanted = true;
	restored = find(w->restored, w->n_restored, addr);
	if (restored < w->n_restored)
		dnsd_watch_recall(a, w->restored_tcp[restored]);
	a->timer.fire = on_address_time;
	a->tcp_timer.fire = on_tcp_time;
	set_clients(a);
	if (loop_timer_set(w->loop, &a->timer, loop_now(w->loop)) < 0 ||
	    loop_timer_set(w->loop, &a->tcp_timer, loop_now(w->loop)) < 0) {
		free_address(a);
		return -1;
	}
	w->addresses[w->n++] = a;
	return 0;
}

static int
want_address(struct dnsd_watch *w, const struct addr *listen)
{
	struct addr addr = target_of(listen);

	for (size_t i = 0; i < w->n; i++)
		if (dnsd_watch_same(&w->addresses[i]->addr, &addr)) {
			w->addresses[i]->wanted = true;
			return 0;
		}
	return add_address(w, &addr);
}

static bool
holds(const struct dnsd_watch *w, const struct addr *v, size_t n, size_t prefix)
{
	for (size_t i = 0; i < n; i++)
		if (prefix == DNSD_WATCH_NOWHERE ? prefix_of(w, &v[i]) != DNSD_WATCH_NOWHERE :
		    prefix_of(w, &v[i]) == prefix)
			return true;
	return false;
}

/* Has an address in this prefix answered, of those that are wanted, or of those that are not and
 * of a watch before this one? */
static bool
has_proven(const struct dnsd_watch *w, size_t prefix, bool wanted)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->addresses[i]->wanted == wanted && w->addresses[i]->prefix == prefix &&
		    w->addresses[i]->life.proven)
			return true;
	return !wanted && holds(w, w->restored, w->n_restored, prefix);
}

/* All addresses of a prefix are new ones.  When dnsd says so, nobody answers the prefix if they do
 * not; while it says nothing, it may still have those that answered before. */
static int
mind_replaced(struct dnsd_watch *w)
{
	int rc = 0;

	for (size_t p = 0; p < w->n_prefixes; p++) {
		if (has_proven(w, p, true) || !has_proven(w, p, false))
			continue;
		for (size_t i = 0; i < w->n && w->n_reported > 0; i++)
			if (w->addresses[i]->wanted && w->addresses[i]->prefix == p)
				w->addresses[i]->life.proven = true;
		for (size_t i = 0; i < w->n_restored && w->n_reported == 0; i++)
			if (prefix_of(w, &w->restored[i]) == p)
				rc |= want_address(w, &w->restored[i]);
	}
	return rc;
}

/* Makes the list anew: reported addresses; of prefixes without any the configured ones; and if
 * there are none in any prefix, all. */
int
dnsd_watch_list(struct dnsd_watch *w)
{
	bool any = holds(w, w->reported, w->n_reported, DNSD_WATCH_NOWHERE) ||
	    holds(w, w->listen, w->n_listen, DNSD_WATCH_NOWHERE);
	size_t kept = 0;
	int rc = 0;

	if (w->questions.n == 0)
		return 0;
	for (size_t i = 0; i < w->n; i++)
		w->addresses[i]->wanted = false;
	for (size_t i = 0; i < w->n_reported; i++)
		if (!any || prefix_of(w, &w->reported[i]) != DNSD_WATCH_NOWHERE)
			rc |= want_address(w, &w->reported[i]);
	for (size_t i = 0; i < w->n_listen; i++) {
		size_t prefix = prefix_of(w, &w->listen[i]);

		if (prefix == DNSD_WATCH_NOWHERE ? !any && w->n_reported == 0 :
		    !holds(w, w->reported, w->n_reported, prefix))
			rc |= want_address(w, &w->listen[i]);
	}
	rc |= mind_replaced(w);
	for (size_t i = 0; i < w->n; i++)
		if (w->addresses[i]->wanted)
			w->addresses[kept++] = w->addresses[i];
		else
			free_address(w->addresses[i]);
	w->n = kept;
	return rc;
}

/* ---- what dnsd says of itself ---- */

/* Something differs, or does not; *since_ms is when that began. */
static void
note_difference(bool *differs, uint64_t *since_ms, bool now, uint64_t now_ms)
{
	if (now && !*differs)
		*since_ms = now_ms;
	*differs = now;
}

static void
compare(struct dnsd_watch *w, const struct dnsd_report *report)
{
	uint64_t now_ms = loop_now(w->loop);
	bool differs = w->n_reported != w->n_listen;

	for (size_t i = 0; i < w->n_listen; i++)
		differs = differs ||
		    find(w->reported, w->n_reported, &w->listen[i]) == w->n_reported;
	note_difference(&w->listen_differs, &w->listen_ms, differs, now_ms);
	note_difference(&w->digest_differs, &w->digest_ms, w->digest[0] != '\0' &&
	    strcmp(report->digest, "-") != 0 && strcmp(w->digest, report->digest) != 0, now_ms);
	for (size_t i = 0; i < w->n; i++)
		w->addresses[i]->life.loaded = report->loaded > 0;
	w->loaded = report->loaded;
	w->zones = report->zones;
}

static void
count_answers(struct dnsd_watch *w, const struct dnsd_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		struct addr addr = target_of(&report->addresses[i].addr);

		for (size_t k = 0; k < w->n; k++) {
			struct watch_address *a = w->addresses[k];

			if (!dnsd_watch_same(&a->addr, &addr))
				continue;
			dnsd_life_report(&a->life, report->addresses[i].answered,
			    loop_now(w->loop));
			set_timer(a);	/* what is held may be held for longer, or less long */
		}
	}
}

static void
on_report(struct dnsd_link *link, const struct dnsd_report *report)
{
	struct dnsd_watch *w = LOOP_OWNER(link, struct dnsd_watch, link);
	bool same = report->n == w->n_reported;

	for (size_t i = 0; i < report->n; i++) {
		same = same && dnsd_watch_same(&w->reported[i], &report->addresses[i].addr);
		w->reported[i] = report->addresses[i].addr;
	}
	w->n_reported = report->n;
	/* without memory the next report finds a list that is not the same */
	if (!same && dnsd_watch_list(w) < 0)
		w->n_reported = 0;
	w->n_restored = 0;
	count_answers(w, report);
	compare(w, report);
}

/* An older dnsd: what the configuration says is all we know. */
static void
on_mute(struct dnsd_link *link)
{
	struct dnsd_watch *w = LOOP_OWNER(link, struct dnsd_watch, link);

	w->n_reported = 0;
	dnsd_watch_list(w);
}

/* What it said last of its addresses stands: they are what was announced. */
static void
on_lost(struct dnsd_link *link)
{
	struct dnsd_watch *w = LOOP_OWNER(link, struct dnsd_watch, link);

	w->digest_differs = w->listen_differs = false;
	w->loaded = w->zones = 0;
	for (size_t i = 0; i < w->n; i++) {
		dnsd_life_unreported(&w->addresses[i]->life);
		w->addresses[i]->life.loaded = false;
		if (!w->addresses[i]->asking)
			ask_now(w->addresses[i]);
	}
}

/* ---- beginning and end ---- */

static int
copy_conf(struct dnsd_watch *w, const struct conf *conf)
{
	const struct conf_prefixes *prefixes = &conf->announce.prefixes;

	w->prefixes = calloc(prefixes->n + 1, sizeof(*w->prefixes));
	w->listen = calloc(conf->n_listen + 1, sizeof(*w->listen));
	if (w->prefixes == NULL || w->listen == NULL)
		return -1;
	for (; w->n_prefixes < prefixes->n; w->n_prefixes++)
		w->prefixes[w->n_prefixes] = prefixes->v[w->n_prefixes];
	for (; w->n_listen < conf->n_listen; w->n_listen++)
		w->listen[w->n_listen] = conf->listen[w->n_listen];
	snprintf(w->digest, sizeof(w->digest), "%s", conf->digest);
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
	w->began_ms = loop_now(loop);
	w->link = (struct dnsd_link){ .loop = loop, .report = on_report, .mute = on_mute,
		.lost = on_lost };
	if (dnsd_question_init(&w->questions, conf, err) == 0 &&
	    dnsd_link_open(&w->link, conf->run_dir, err) == 0) {
		if (copy_conf(w, conf) == 0 && dnsd_watch_list(w) == 0)
			return w;
		err_set(err, "out of memory");
	}
	dnsd_watch_free(w);
	return NULL;
}

void
dnsd_watch_free(struct dnsd_watch *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; i < w->n; i++)
		free_address(w->addresses[i]);
	dnsd_link_close(&w->link);
	free(w->addresses);
	free(w->prefixes);
	free(w->listen);
	free(w);
}
