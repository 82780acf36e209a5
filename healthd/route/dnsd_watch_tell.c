/*
 * dnsd_watch_tell: what the addresses' states mean for a prefix, and what of dnsd is an alarm.
 *
 * A prefix fails only when none of its own addresses answers, and at least one of them did
 * before: one that never answered may be one that dnsd has yet to learn of.  One that is held
 * (overload) or not yet decided keeps the prefix as it is.
 *
 * What is amiss and is no failure is an alarm, by kinds (dnsd_watch.h), so that one does not hide
 * another; of each kind the first is told, and how many there are besides.  The texts are for
 * operators: they begin with the address or the question.  Nothing is kept here; the loop's
 * thread only.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "healthd/route/dnsd_watch_inner.h"

#define TCP_NEVER 5			/* misses of a TCP that never answered, to be an alarm */
#define PATIENCE_MS 3000		/* that dnsd and healthd may differ: a reload of both */

static const char *
why(const struct watch_address *a)
{
	if (a->life.state == DNSD_LIFE_HELD)
		return "overload: silent to us, but it answers others";
	return a->life.why != NULL ? a->life.why : "not asked yet";
}

static void
tell_address(const struct watch_address *a, char reason[HEALTH_REASON_MAX])
{
	char text[ADDR_TEXT];

	snprintf(reason, HEALTH_REASON_MAX, "%s: %s", addr_text(&a->addr, text), why(a));
}

/* Does the address count for the prefix?  For one that holds none (dnsd listens on a wildcard)
 * those of its family do, or all. */
static bool
is_of(const struct dnsd_watch *w, const struct watch_address *a, size_t prefix)
{
	uint8_t family = prefix < w->n_prefixes ? w->prefixes[prefix].family : 0;
	bool same_family = false;

	if (a->prefix == prefix)
		return true;
	for (size_t i = 0; i < w->n; i++) {
		if (w->addresses[i]->prefix == prefix)
			return false;
		same_family = same_family || w->addresses[i]->addr.family == family;
	}
	return a->addr.family == family || !same_family;
}

enum posture_dnsd
dnsd_watch_prefix(const struct dnsd_watch *w, size_t prefix, char reason[HEALTH_REASON_MAX])
{
	const struct watch_address *worst = NULL;
	bool serving = w->n == 0, open = false, failed = false;

	reason[0] = '\0';
	for (size_t i = 0; i < w->n; i++) {
		const struct watch_address *a = w->addresses[i];

		if (!is_of(w, a, prefix))
			continue;
		serving = serving || a->life.state == DNSD_LIFE_SERVING;
		failed = failed || a->life.state == DNSD_LIFE_FAILED;
		open = open || a->life.state == DNSD_LIFE_HELD ||
		    (a->life.state == DNSD_LIFE_UNKNOWN && a->life.proven);
		if (a->life.state != DNSD_LIFE_SERVING &&
		    (worst == NULL || worst->life.state < a->life.state))
			worst = a;
	}
	if (worst != NULL)
		tell_address(worst, reason);
	if (serving)
		return POSTURE_DNSD_ANSWERING;
	return failed && !open ? POSTURE_DNSD_FAILED : POSTURE_DNSD_UNKNOWN;
}

bool
dnsd_watch_tcp(const struct dnsd_watch *w, size_t prefix, char reason[HEALTH_REASON_MAX])
{
	bool dead = false;

	reason[0] = '\0';
	for (size_t i = 0; i < w->n; i++) {
		const struct watch_address *a = w->addresses[i];
		char text[ADDR_TEXT];

		if (!is_of(w, a, prefix) || !a->tcp_proven)
			continue;
		if (a->tcp_missed < DNSD_WATCH_TCP_FALL) {
			reason[0] = '\0';
			return false;
		}
		dead = true;
		snprintf(reason, HEALTH_REASON_MAX, "%s: %s", addr_text(&a->addr, text),
		    a->tcp_why);
	}
	return dead;
}

/* ---- alarms ---- */

struct watch_alarms {
	char *text;			/* of the first, HEALTH_REASON_MAX octets */
	unsigned n;
};

static void __attribute__((format(printf, 2, 3)))
add_alarm(struct watch_alarms *alarms, const char *fmt, ...)
{
	va_list ap;

	if (alarms->n++ > 0)
		return;
	va_start(ap, fmt);
	vsnprintf(alarms->text, HEALTH_REASON_MAX, fmt, ap);
	va_end(ap);
}

/* Those that are held; those that fail while their prefix does not; those that never answered. */
static void
add_addresses(struct watch_alarms *alarms, const struct dnsd_watch *w, enum dnsd_life_state state)
{
	uint64_t now_ms = loop_now(w->loop);
	char reason[HEALTH_REASON_MAX];

	for (size_t i = 0; i < w->n; i++) {
		const struct watch_address *a = w->addresses[i];

		if (a->life.state != state || (state == DNSD_LIFE_FAILED &&
		    dnsd_watch_prefix(w, a->prefix, reason) == POSTURE_DNSD_FAILED) ||
		    (state == DNSD_LIFE_UNKNOWN && (a->life.why == NULL ||
		    now_ms < w->began_ms + PATIENCE_MS)))
			continue;
		tell_address(a, reason);
		add_alarm(alarms, state == DNSD_LIFE_UNKNOWN ? "%s (it has not answered yet)" :
		    "%s", reason);
	}
}

static void
add_zones(struct watch_alarms *alarms, const struct dnsd_watch *w)
{
	char question[HEALTH_REASON_MAX];

	if (dnsd_question_alarm(&w->questions, loop_now(w->loop), question))
		add_alarm(alarms, "%s", question);
	if (w->loaded < w->zones)
		add_alarm(alarms, "dnsd serves %u of %u zone%s", w->loaded, w->zones,
		    text_s(w->zones));
}

static void
add_differences(struct watch_alarms *alarms, const struct dnsd_watch *w)
{
	uint64_t now_ms = loop_now(w->loop);

	if (w->listen_differs && now_ms >= w->listen_ms + PATIENCE_MS)
		add_alarm(alarms, "dnsd and healthd differ: dnsd does not listen on what our "
		    "configuration says");
	if (w->digest_differs && now_ms >= w->digest_ms + PATIENCE_MS)
		add_alarm(alarms, "dnsd and healthd differ: they run different configurations");
}

/* But where a whole prefix has lost TCP: its owner asks that by itself. */
static void
add_tcp(struct watch_alarms *alarms, const struct dnsd_watch *w)
{
	char text[ADDR_TEXT], reason[HEALTH_REASON_MAX];

	for (size_t i = 0; i < w->n; i++) {
		const struct watch_address *a = w->addresses[i];

		if (a->tcp_missed >= (a->tcp_proven ? DNSD_WATCH_TCP_FALL : TCP_NEVER) &&
		    !dnsd_watch_tcp(w, a->prefix, reason))
			add_alarm(alarms, "%s: %s%s", addr_text(&a->addr, text), a->tcp_why,
			    a->tcp_proven ? "" : " (it has not answered yet)");
	}
}

bool
dnsd_watch_alarm(const struct dnsd_watch *w, enum dnsd_watch_alarm kind,
    char text[HEALTH_REASON_MAX])
{
	struct watch_alarms alarms = { .text = text };
	size_t len;

	text[0] = '\0';
	switch (kind) {
	case DNSD_WATCH_OVERLOAD:
		add_addresses(&alarms, w, DNSD_LIFE_HELD);
		break;
	case DNSD_WATCH_ADDRESS:
		add_addresses(&alarms, w, DNSD_LIFE_FAILED);
		add_addresses(&alarms, w, DNSD_LIFE_UNKNOWN);
		break;
	case DNSD_WATCH_ZONE:
		add_zones(&alarms, w);
		break;
	case DNSD_WATCH_DIFFERS:
		add_differences(&alarms, w);
		break;
	default:
		add_tcp(&alarms, w);
		break;
	}
	len = strlen(text);
	if (alarms.n > 1)
		snprintf(text + len, HEALTH_REASON_MAX - len, "; and %u more", alarms.n - 1);
	return alarms.n > 0;
}

/* ---- figures ---- */

void
dnsd_watch_counts(const struct dnsd_watch *w, uint32_t *asked, uint32_t *answering)
{
	*asked = (uint32_t)w->n;
	*answering = 0;
	for (size_t i = 0; i < w->n; i++)
		if (w->addresses[i]->life.state == DNSD_LIFE_SERVING)
			(*answering)++;
}

uint32_t
dnsd_watch_held(const struct dnsd_watch *w)
{
	uint32_t held = w->held_before;

	for (size_t i = 0; i < w->n; i++)
		held += w->addresses[i]->life.held;
	return held;
}

/* ---- what has answered before ---- */

static const char *const tcp_words[] = { "", " tcp", " no-tcp" };

static enum watch_tcp
tcp_of(const struct watch_address *a)
{
	if (!a->tcp_proven)
		return WATCH_TCP_NEVER;
	return a->tcp_missed < DNSD_WATCH_TCP_FALL ? WATCH_TCP_SERVED : WATCH_TCP_LOST;
}

static void
proven_text(char text[DNSD_WATCH_PROVEN], const struct addr *addr, enum watch_tcp tcp)
{
	char buffer[ADDR_TEXT];

	snprintf(text, DNSD_WATCH_PROVEN, "%s%s", addr_text(addr, buffer), tcp_words[tcp]);
}

bool
dnsd_watch_proven(const struct dnsd_watch *w, size_t i, char text[DNSD_WATCH_PROVEN])
{
	char buffer[DNSD_QUESTION_TEXT];

	for (size_t k = 0; k < w->n_restored; k++)
		if (i-- == 0) {
			proven_text(text, &w->restored[k], w->restored_tcp[k]);
			return true;
		}
	for (size_t k = 0; k < w->n; k++)
		if (w->addresses[k]->life.proven && i-- == 0) {
			proven_text(text, &w->addresses[k]->addr, tcp_of(w->addresses[k]));
			return true;
		}
	for (size_t k = DNSD_QUESTION_MAIN; k < w->questions.n; k++) {
		const struct dnsd_question *q = &w->questions.v[k];

		if (q->proven && strlen(dnsd_question_text(buffer, q)) < DNSD_WATCH_PROVEN &&
		    strpbrk(buffer, "\"\\") == NULL && i-- == 0) {
			memcpy(text, buffer, strlen(buffer) + 1);
			return true;
		}
	}
	return false;
}

static void
restore_address(struct dnsd_watch *w, const struct addr *addr, enum watch_tcp tcp)
{
	for (size_t i = 0; i < w->n; i++)
		if (dnsd_watch_same(&w->addresses[i]->addr, addr)) {
			dnsd_watch_recall(w->addresses[i], tcp);
			return;
		}
	if (w->n_restored < DNSD_REPORT_ADDRESSES) {
		w->restored_tcp[w->n_restored] = tcp;
		w->restored[w->n_restored++] = *addr;
		if (w->n_reported == 0)
			(void)dnsd_watch_list(w);	/* the first report makes it anew */
	}
}

void
dnsd_watch_restore(struct dnsd_watch *w, const char *text)
{
	char buffer[DNSD_QUESTION_TEXT], address[ADDR_TEXT];
	size_t len = strcspn(text, " ");
	enum watch_tcp tcp = WATCH_TCP_LOST;
	struct addr addr;
	struct err err;

	while (tcp > WATCH_TCP_NEVER && strcmp(text + len, tcp_words[tcp]) != 0)
		tcp--;
	snprintf(address, sizeof(address), "%.*s", (int)len, text);
	if (strchr(address, '@') != NULL && addr_parse(&addr, address, &err) == 0) {
		restore_address(w, &addr, tcp);
		return;
	}
	for (size_t i = DNSD_QUESTION_MAIN; i < w->questions.n; i++)
		if (strcmp(dnsd_question_text(buffer, &w->questions.v[i]), text) == 0)
			w->questions.v[i].proven = true;
}

/* What is known of an address that both ask: its state, its misses, and that it is flooded. */
static void
inherit_address(struct watch_address *a, const struct dnsd_watch *old)
{
	for (size_t i = 0; i < old->n; i++)
		if (dnsd_watch_same(&old->addresses[i]->addr, &a->addr))
			dnsd_life_inherit(&a->life, &old->addresses[i]->life,
			    loop_now(a->watch->loop));
}

void
dnsd_watch_inherit(struct dnsd_watch *w, const struct dnsd_watch *old)
{
	char text[DNSD_WATCH_PROVEN];

	memcpy(w->reported, old->reported, sizeof(w->reported));
	w->n_reported = old->n_reported;
	/* without memory the next report finds a list that is not the same */
	if (dnsd_watch_list(w) < 0)
		w->n_reported = 0;
	for (size_t i = 0; dnsd_watch_proven(old, i, text); i++)
		dnsd_watch_restore(w, text);
	for (size_t i = 0; i < w->n; i++)
		inherit_address(w->addresses[i], old);
	w->held_before += dnsd_watch_held(old);
	for (size_t i = 0; i < w->n; i++)
		w->held_before -= w->addresses[i]->life.held;
}
