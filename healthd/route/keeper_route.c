/*
 * keeper_route: the prefixes of a site, each with its posture, and the lease that makes it so.
 *
 * Included in struct keeper as an array, one struct keeper_prefix for each prefix of `announce`,
 * in the order of the file (a site that announces nothing has one that stands for itself, so that
 * its health file says something).  keeper_route_step, once a turn, puts the prober's word and
 * what is known of dnsd at that prefix into posture_step, and makes real what comes out: marker
 * addresses (announce.h), or what BIRD is told over its socket (bird.h).  One prefix's fault is
 * not another's: nothing here looks at two of them, but for what is said of the site as a whole,
 * which is the best of its prefixes.
 *
 * At the start markers and the posture file of a former healthd are taken over
 * (keeper_route_adopt).  When somebody removes a marker, announce.c has put it back already:
 * here it is logged, counted and an alarm, and costs no penalty, for no neighbour has seen it.
 *
 * The loop's thread only.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "healthd/route/keeper_inner.h"
#include "healthd/route/posture_file.h"

#define RETRY_MS 250		/* after a marker could not be set */
#define FLUSH_MS 1000		/* one flush may take so long, in several rounds */
#define FOLLOW_MS 100		/* until BIRD, which needs a few milliseconds, has followed */
#define ADOPT_MS 1000		/* for BIRD's first word about a posture left in force */

/* ---- the prefixes of a configuration ---- */

static struct posture_rules
rules_of(const struct conf *conf)
{
	const struct conf_announce *announce = &conf->announce;

	return (struct posture_rules){
		.hold_down_ms = announce->hold_down_ms,
		.drain_on_caches_down = announce->on_caches_down == CONF_CACHES_DOWN_DRAIN,
		.damping = { announce->damping.suppress, announce->damping.withdrawal,
		    announce->damping.attributes, announce->damping.half_life_ms },
	};
}

int
keeper_route_check(const struct conf *conf, struct err *err)
{
	const struct conf_prefixes *prefixes = &conf->announce.prefixes;
	size_t n[2] = { 0, 0 };

	for (size_t i = 0; i < prefixes->n; i++)
		if (++n[prefixes->v[i].family == 6] > ANNOUNCE_PREFIXES)
			return err_set(err, "%s: announce: more than %d prefixes of a family",
			    conf->path, ANNOUNCE_PREFIXES);
	return 0;
}

/* Names the prefixes of k->conf; their postures are the caller's to fill. */
static void
name_prefixes(struct keeper *k)
{
	const struct conf_prefixes *prefixes = &k->conf->announce.prefixes;
	unsigned n[2] = { 0, 0 };

	assert(prefixes->n <= KEEPER_PREFIXES);
	memset(k->prefixes, 0, sizeof(k->prefixes));
	k->n_prefixes = k->conf->announce.enabled && prefixes->n > 0 ? prefixes->n : 1;
	for (size_t i = 0; i < k->n_prefixes; i++) {
		struct keeper_prefix *p = &k->prefixes[i];

		p->since = clock_wall();
		if (!k->conf->announce.enabled || prefixes->n == 0) {
			snprintf(p->name, sizeof(p->name), "-");
			continue;
		}
		p->prefix = prefixes->v[i];
		p->k = n[p->prefix.family == 6]++;
		prefix_text(&p->prefix, p->name);
	}
}

/* ---- making it so ---- */

static void
set_markers(struct keeper *k, struct keeper_prefix *p)
{
	struct err err;

	if (k->announce.fd < 0 || p->prefix.family == 0)
		return;
	p->unset = announce_set(&k->announce, p->prefix.family, p->k, p->posture.now, &err) < 0;
	if (p->unset)
		keeper_alarm(k, KEEPER_ALARM_LEASE, "%s", err.text);
}

static bool
any_unset(const struct keeper *k)
{
	for (size_t i = 0; i < k->n_prefixes; i++)
		if (k->prefixes[i].unset)
			return true;
	return false;
}

void
keeper_route_renew(struct keeper *k, uint64_t now_ms)
{
	if (k->announce.fd < 0)
		return;
	for (size_t i = 0; i < k->n_prefixes; i++)
		if (k->prefixes[i].posture.now != POSTURE_DOWN || k->prefixes[i].unset)
			set_markers(k, &k->prefixes[i]);
	if (!any_unset(k))
		keeper_alarm(k, KEEPER_ALARM_LEASE, NULL);
	k->renew_ms = now_ms + (any_unset(k) ? RETRY_MS : announce_renew_ms(&k->announce));
}

/* Takes away the markers that no prefix of the configuration stands for. */
static void
remove_strays(struct keeper *k)
{
	struct announce_postures there;
	struct err err;

	if (k->announce.fd < 0 || announce_get(&k->announce, &there, &err) < 0)
		return;
	for (size_t i = 0; i < k->n_prefixes; i++)
		if (k->prefixes[i].prefix.family != 0)
			there.of[k->prefixes[i].prefix.family == 6][k->prefixes[i].k] =
			    POSTURE_DOWN;
	for (unsigned f = 0; f < 2; f++)
		for (unsigned at = 0; at < ANNOUNCE_PREFIXES; at++)
			if (there.of[f][at] != POSTURE_DOWN &&
			    announce_set(&k->announce, f == 0 ? 4 : 6, at, POSTURE_DOWN, &err) < 0)
				log_warn("%s", err.text);
}

/* Via the socket: BIRD is told again and again what is wanted. */
static void
want_of_bird(struct keeper *k)
{
	enum health_posture wanted[KEEPER_PREFIXES];

	if (k->parts.bird == NULL || k->conf->announce.via != CONF_VIA_BIRD_SOCKET)
		return;
	for (size_t i = 0; i < k->n_prefixes; i++)
		wanted[i] = k->prefixes[i].posture.now;
	bird_want(k->parts.bird, wanted);
}

/* One prefix's posture is another one: now it is made so. */
static void
posture_changed(struct keeper *k, struct keeper_prefix *p, enum health_posture before,
    uint64_t now_ms)
{
	p->since = clock_wall();
	set_markers(k, p);
	if (p->unset)
		k->renew_ms = now_ms + RETRY_MS;
	want_of_bird(k);
	k->look_ms = now_ms + FOLLOW_MS;
	k->tell_ms = k->report_ms = now_ms;
	keeper_journal_posture(k->spool, p->name, before, p->posture.now, p->posture.reason);
	(p->posture.now < before ? log_warn : log_info)(
	    "posture of %s: %s -> %s (%s), penalty %.0f", p->name,
	    health_posture_name(before), health_posture_name(p->posture.now),
	    p->posture.reason, posture_penalty(&p->posture, now_ms));
}

/* ---- a turn ---- */

static void
hear_dnsd(struct keeper *k, struct keeper_prefix *p, size_t at)
{
	enum posture_dnsd dnsd = dnsd_watch_prefix(k->parts.watch, at, p->dnsd_reason);

	if (dnsd != p->dnsd && dnsd == POSTURE_DNSD_FAILED)
		log_warn("dnsd does not answer for %s: %s", p->name, p->dnsd_reason);
	else if (dnsd != p->dnsd && dnsd == POSTURE_DNSD_ANSWERING)
		log_info("dnsd answers for %s", p->name);
	p->dnsd = dnsd;
}

static void
step_prefix(struct keeper *k, size_t at, uint64_t now_ms)
{
	struct keeper_prefix *p = &k->prefixes[at];
	enum health_posture before = p->posture.now;
	char tcp[HEALTH_REASON_MAX];
	bool no_tcp = dnsd_watch_tcp(k->parts.watch, at, tcp);
	struct posture_input in = {
		.now_ms = now_ms, .word = k->heard ? &k->word : NULL,
		.word_age_ms = now_ms - k->word_ms, .dnsd_reason = p->dnsd_reason,
		.drain = no_tcp && k->conf->announce.on_tcp_down == CONF_TCP_DOWN_DRAIN,
		.drain_reason = tcp,
	};

	hear_dnsd(k, p, at);
	in.dnsd = p->dnsd;
	if (no_tcp)
		keeper_alarm(k, KEEPER_ALARM_TCP, "%s: %s", p->name, tcp);
	k->no_tcp = k->no_tcp || no_tcp;
	if (posture_step(&p->posture, &in))
		posture_changed(k, p, before, now_ms);
}

void
keeper_route_step(struct keeper *k, uint64_t now_ms)
{
	k->no_tcp = false;
	for (size_t i = 0; i < k->n_prefixes; i++)
		step_prefix(k, i, now_ms);
	if (!k->no_tcp)
		keeper_alarm(k, KEEPER_ALARM_TCP, NULL);
	if (now_ms >= k->renew_ms)
		keeper_route_renew(k, now_ms);
}

uint64_t
keeper_route_next(const struct keeper *k, uint64_t now_ms)
{
	uint64_t next = k->announce.fd >= 0 ? k->renew_ms : UINT64_MAX;

	for (size_t i = 0; i < k->n_prefixes; i++) {
		const struct posture *p = &k->prefixes[i].posture;

		if (p->raising && p->hold_left_ms > 0 && now_ms + p->hold_left_ms < next)
			next = now_ms + p->hold_left_ms;
	}
	return next;
}

/* ---- what happens to the route without us ---- */

void
keeper_route_stood_still(struct keeper *k, uint64_t now_ms)
{
	struct announce_postures there;
	struct err err;

	if (k->announce.fd < 0 || announce_get(&k->announce, &there, &err) < 0)
		return;
	for (size_t i = 0; i < k->n_prefixes; i++) {
		struct keeper_prefix *p = &k->prefixes[i];
		enum health_posture before = p->posture.now;

		if (before == POSTURE_DOWN || p->prefix.family == 0 ||
		    there.of[p->prefix.family == 6][p->k] != POSTURE_DOWN)
			continue;
		posture_lost(&p->posture, now_ms, "the lease ran out while the keeper stood still");
		posture_changed(k, p, before, now_ms);
	}
}

/* Our neighbours have seen a withdrawal, however short: it is counted, once for all the
 * rounds in which one flush removes what is put back. */
static void
count_flush(struct keeper *k, const struct announce_event *event, uint64_t now_ms)
{
	for (size_t i = 0; i < k->n_prefixes; i++) {
		struct keeper_prefix *p = &k->prefixes[i];

		if (p->prefix.family != (event->family == 0 ? 4 : 6) || p->k != event->k)
			continue;
		if (p->flushed_ms != 0 && now_ms - p->flushed_ms < FLUSH_MS)
			continue;
		p->flushed_ms = now_ms;
		posture_flushed(&p->posture, now_ms);
	}
}

void
keeper_route_meddled(struct announce *a, const struct announce_event *event)
{
	struct keeper *k = LOOP_OWNER(a, struct keeper, announce);
	const char *what = event->added ? "added" : "removed";

	k->meddled++;
	k->meddled_ms = loop_now(k->loop);
	k->report_ms = k->meddled_ms;
	if (!event->added)
		count_flush(k, event, k->meddled_ms);
	if (event->why != NULL) {
		log_error("marker %s was %s by somebody else, and stays so: %s", event->marker,
		    what, event->why);
		k->renew_ms = k->meddled_ms + RETRY_MS;
	} else {
		log_warn("marker %s was %s by somebody else: %s at once", event->marker, what,
		    event->added ? "removed" : "put back");
	}
	keeper_alarm(k, KEEPER_ALARM_MARKERS, "%u time%s somebody else removed or added a marker "
	    "(ip addr flush, a network manager?), the last time %s: %s", k->meddled,
	    text_s(k->meddled), event->marker, event->why != NULL ? event->why : "mended at once");
}

/* ---- start and reload ---- */

static void
on_adopt_turn(void *arg)
{
	struct keeper *k = arg;

	if (bird_seen(k->parts.bird)->known)
		loop_stop(k->loop);
}

static void
on_adopt_end(struct loop_timer *tick)
{
	loop_stop(LOOP_OWNER(tick, struct keeper, tick)->loop);
}

/* Waits for BIRD's first word: what is switched on stays on until we know better. */
static void
adopt_from_bird(struct keeper *k, enum health_posture left[KEEPER_PREFIXES])
{
	const struct bird_seen *seen = bird_seen(k->parts.bird);
	struct err err;

	k->tick.fire = on_adopt_end;
	loop_timer_set(k->loop, &k->tick, clock_mono().ms + ADOPT_MS);
	loop_on_turn(k->loop, on_adopt_turn, k);
	if (loop_run(k->loop, &err) < 0 || !seen->known) {
		log_warn("BIRD does not say what is switched on (%s): taken as nothing",
		    seen->why);
		return;
	}
	for (size_t i = 0; i < k->n_prefixes; i++)
		left[i] = seen->prefixes[i].switched;
}

static void
adopt_from_kernel(struct keeper *k, enum health_posture left[KEEPER_PREFIXES])
{
	struct announce_postures there;
	struct err err;

	if (announce_get(&k->announce, &there, &err) < 0) {
		log_warn("%s", err.text);
		return;
	}
	for (size_t i = 0; i < k->n_prefixes; i++)
		if (k->prefixes[i].prefix.family != 0)
			left[i] = there.of[k->prefixes[i].prefix.family == 6][k->prefixes[i].k];
}

/* What the posture file says of one prefix. */
static void
adopt_file(struct keeper_prefix *p, const struct posture_file *file)
{
	double age_ms = fmax(0, (clock_wall() - file->stamp) * 1000);
	struct posture_left left;

	for (size_t i = 0; i < file->n_prefixes; i++) {
		const struct posture_file_prefix *f = &file->prefixes[i];

		if (strcmp(f->name, p->name) != 0)
			continue;
		left = (struct posture_left){
			.posture = f->posture, .proven = f->proven, .health = f->health,
			.override = file->override, .override_id = file->override_id,
			.penalty = f->penalty *
			    exp2(-age_ms / p->posture.rules.damping.half_life_ms),
			.flaps = f->flaps, .flap_age_ms = (uint64_t)(f->flap_age_s * 1000 + age_ms),
		};
		/* without markers nobody knows whether anything was announced */
		if (p->prefix.family == 0)
			left.posture = p->posture.now;
		posture_restore(&p->posture, &left, clock_mono().ms);
		if (f->posture == p->posture.now && f->since < p->since)
			p->since = f->since;
		if (f->posture > p->posture.now && p->prefix.family != 0)
			log_warn("%s was %s when healthd ended, and is not announced any more",
			    p->name, health_posture_name(f->posture));
	}
}

/* What has answered before may fail, also while we were away.  If the file does not say what did,
 * something did at each prefix that is announced. */
static void
adopt_answered(struct keeper *k, const struct posture_file *file,
    const enum health_posture left[KEEPER_PREFIXES])
{
	for (size_t i = 0; i < file->n_answered; i++)
		dnsd_watch_restore(k->parts.watch, file->answered[i]);
	for (size_t i = 0; i < k->conf->n_listen && file->n_answered == 0; i++) {
		const struct conf_prefixes *prefixes = &k->conf->announce.prefixes;
		const struct prefix *holder = prefix_find(prefixes->v, prefixes->n,
		    &k->conf->listen[i]);
		char text[ADDR_TEXT];

		if (holder != NULL && left[holder - prefixes->v] != POSTURE_DOWN)
			dnsd_watch_restore(k->parts.watch, addr_text(&k->conf->listen[i], text));
	}
}

void
keeper_route_adopt(struct keeper *k)
{
	enum health_posture left[KEEPER_PREFIXES] = { POSTURE_DOWN };
	struct posture_rules rules = rules_of(k->conf);
	struct posture_file file = { .n_prefixes = 0 };
	struct err err;

	name_prefixes(k);
	if (k->announce.fd >= 0)
		adopt_from_kernel(k, left);
	else if (k->parts.bird != NULL)
		adopt_from_bird(k, left);
	if (access(k->report_path, F_OK) == 0 &&
	    posture_file_read(&file, k->report_path, &err) < 0) {
		log_warn("%s: flap penalty starts at 0", err.text);
		file.n_prefixes = file.n_answered = 0;
	}
	adopt_answered(k, &file, left);
	for (size_t i = 0; i < k->n_prefixes; i++) {
		struct keeper_prefix *p = &k->prefixes[i];

		posture_init(&p->posture, &rules, left[i]);
		if (left[i] != POSTURE_DOWN)
			log_info("posture %s of %s is in force already: it stands",
			    health_posture_name(left[i]), p->name);
		adopt_file(p, &file);
		p->unset = true;	/* also what is DOWN is made so once */
	}
	remove_strays(k);
	keeper_route_renew(k, clock_mono().ms);
	want_of_bird(k);
}

/* BIRD follows markers by their number, and its configuration is not ours to change. */
static void
warn_of_numbers(const struct keeper *k, const struct keeper_prefix *old, size_t n)
{
	bool same = n == k->n_prefixes;

	for (size_t i = 0; same && i < n; i++)
		same = strcmp(old[i].name, k->prefixes[i].name) == 0;
	if (!same)
		log_warn("the prefixes of `announce` have changed: make BIRD's configuration anew "
		    "(nearctl bird-config -o FILE, birdc configure)");
}

static bool
has_prefix(const struct keeper_prefix *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name) == 0)
			return true;
	return false;
}

static bool
overlap(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, b->family, b->ip) || prefix_contains(b, a->family, a->ip);
}

/* What prefix `at` was before the reload: that of its name, or, if dnsd answers there, one that it
 * is longer or shorter than and that is no more: the same file at every site must not leave all
 * of them without a route for a moment.  NULL = it is new. */
static const struct keeper_prefix *
former(const struct keeper *k, size_t at, const struct keeper_prefix *old, size_t n)
{
	const struct keeper_prefix *p = &k->prefixes[at];
	char reason[HEALTH_REASON_MAX];

	for (size_t i = 0; i < n; i++)
		if (strcmp(old[i].name, p->name) == 0)
			return &old[i];
	if (dnsd_watch_prefix(k->parts.watch, at, reason) != POSTURE_DNSD_ANSWERING)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (p->prefix.family != 0 && old[i].prefix.family != 0 &&
		    overlap(&p->prefix, &old[i].prefix) &&
		    !has_prefix(k->prefixes, k->n_prefixes, old[i].name))
			return &old[i];
	return NULL;
}

void
keeper_route_reload(struct keeper *k)
{
	struct keeper_prefix old[KEEPER_PREFIXES];
	struct posture_rules rules = rules_of(k->conf);
	size_t n = k->n_prefixes;

	memcpy(old, k->prefixes, sizeof(old));
	name_prefixes(k);
	for (size_t i = 0; i < k->n_prefixes; i++) {
		struct keeper_prefix *p = &k->prefixes[i];
		const struct keeper_prefix fresh = *p, *before = former(k, i, old, n);

		/* a prefix that is new knows what the site knows, and has never been announced */
		posture_init(&p->posture, &rules, POSTURE_DOWN);
		p->posture.health = old[0].posture.health;
		p->posture.override = old[0].posture.override;
		p->posture.override_id = old[0].posture.override_id;
		p->posture.proven = old[0].posture.proven;
		if (before != NULL) {
			*p = *before;
			p->prefix = fresh.prefix;
			p->k = fresh.k;
			memcpy(p->name, fresh.name, sizeof(p->name));
			p->posture.rules = rules;
		}
		p->unset = true;
	}
	warn_of_numbers(k, old, n);
	k->tell_ms = k->report_ms = loop_now(k->loop);
	if (k->announce.fd >= 0)
		announce_lease(&k->announce, k->conf->announce.lease_ms);
	remove_strays(k);
	keeper_route_renew(k, loop_now(k->loop));
	want_of_bird(k);
}
