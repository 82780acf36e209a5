#include "healthd/route/posture.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- beginning, and what outlives a healthd ---- */

void
posture_init(struct posture *p, const struct posture_rules *rules, enum health_posture inherited)
{
	/* what a former healthd left speaks for the health that it knew */
	static const enum verdict health[] = {
		[POSTURE_DOWN] = VERDICT_NONE, [POSTURE_DRAINING] = VERDICT_DRAIN,
		[POSTURE_SERVING] = VERDICT_UP,
	};

	assert(inherited >= POSTURE_DOWN && inherited <= POSTURE_SERVING);
	*p = (struct posture){ .rules = *rules, .now = inherited, .earned = inherited,
		.health = health[inherited], .proven = inherited != POSTURE_DOWN };
	snprintf(p->reason, sizeof(p->reason), "%s", inherited == POSTURE_DOWN ?
	    "starting: down until proven up" : "as the healthd before left it");
}

static bool
lowers(enum message_override override)
{
	return override != MESSAGE_OVERRIDE_NONE && override != MESSAGE_OVERRIDE_FORCE_UP;
}

static void
count_flap(struct posture *p, uint64_t now_ms)
{
	p->flaps++;
	p->flap_ms = now_ms;
}

void
posture_restore(struct posture *p, const struct posture_left *left, uint64_t now_ms)
{
	const struct damping_rules *damping = &p->rules.damping;

	if (left->penalty > 0)
		damping_add(&p->damping, damping, left->penalty, now_ms);
	p->flaps = left->flaps;
	p->flap_ms = now_ms > left->flap_age_ms ? now_ms - left->flap_age_ms : 0;
	p->override = left->override;
	p->override_id = left->override_id;
	if (left->posture == p->now && p->now != POSTURE_DOWN) {
		p->health = left->health;
		p->proven = left->proven;
	}
	if (left->posture == POSTURE_DOWN || p->now != POSTURE_DOWN)
		return;
	damping_add(&p->damping, damping, damping->withdrawal, now_ms);
	if (!lowers(left->override))
		count_flap(p, now_ms);
}

struct posture_left
posture_leave(const struct posture *p, uint64_t now_ms)
{
	return (struct posture_left){
		.posture = p->now, .proven = p->proven, .health = p->health,
		.override = p->override, .override_id = p->override_id,
		.penalty = posture_penalty(p, now_ms), .flaps = p->flaps,
		.flap_age_ms = p->flaps > 0 ? now_ms - p->flap_ms : 0,
	};
}

double
posture_penalty(const struct posture *p, uint64_t now_ms)
{
	return damping_penalty(&p->damping, &p->rules.damping, now_ms);
}

/* ---- what is heard: rules 2, 3 and the pardon of rule 5 ---- */

static void
hear_override(struct posture *p, const struct verdict_message *m)
{
	p->said = m->override_id != p->override_id;
	if (p->said)
		p->pardoned = m->override == MESSAGE_OVERRIDE_FORCE_UP ||
		    (lowers(p->override) && !lowers(m->override));
	p->override = m->override;
	p->override_id = m->override_id;
}

static void
hear_health(struct posture *p, const struct verdict_message *m)
{
	enum verdict was = p->health;

	p->servers_said = p->servers_known && m->servers_id != p->servers_id;
	p->servers_id = m->servers_id;
	p->servers_known = true;
	if (m->verdict == VERDICT_NONE || m->verdict == VERDICT_HOLD || m->verdict == was)
		return;
	p->health = m->verdict;
	p->proven = p->proven || p->health == VERDICT_UP;
	if (p->override == MESSAGE_OVERRIDE_NONE && !p->said)
		p->pardoned = p->servers_said && p->health == VERDICT_UP &&
		    (was == VERDICT_DRAIN || was == VERDICT_DRAINED);
}

/* ---- what is wanted ---- */

/* What the health that stands is worth. */
static enum health_posture
worth_of_health(const struct posture *p)
{
	switch (p->health) {
	case VERDICT_UP:
		return POSTURE_SERVING;
	case VERDICT_CACHES_DOWN:
		return p->rules.drain_on_caches_down && p->proven ? POSTURE_DRAINING :
		    POSTURE_DOWN;
	case VERDICT_DRAIN:
		return POSTURE_DRAINING;
	default:
		return POSTURE_DOWN;
	}
}

/* Keeps what a HOLD will not go beyond.  What the operator or dnsd keeps low is earned all the
 * same; what waits for the end of its hold-down is not. */
static void
earn(struct posture *p, bool hold)
{
	enum health_posture worth = worth_of_health(p);

	if (worth < p->earned || (!hold && (p->override != MESSAGE_OVERRIDE_NONE ||
	    p->flaps == 0 || p->now >= worth)))
		p->earned = worth;
}

static enum health_posture
lower_of(enum health_posture a, enum health_posture b)
{
	return a < b ? a : b;
}

static enum health_posture
wanted_by_word(const struct posture *p, bool hold)
{
	switch (p->override) {
	case MESSAGE_OVERRIDE_DRAIN:
		return lower_of(p->now, POSTURE_DRAINING);
	case MESSAGE_OVERRIDE_DRAINED:
	case MESSAGE_OVERRIDE_FORCE_DOWN:
		return POSTURE_DOWN;
	case MESSAGE_OVERRIDE_FORCE_UP:
		return POSTURE_SERVING;
	default:
		break;
	}
	if (p->health == VERDICT_DRAIN)
		return lower_of(p->now, POSTURE_DRAINING);
	return hold ? lower_of(worth_of_health(p), p->earned) : worth_of_health(p);
}

static enum health_posture
wanted_posture(const struct posture *p, const struct posture_input *in, bool hold)
{
	enum health_posture wanted = wanted_by_word(p, hold);

	if (in->dnsd == POSTURE_DNSD_FAILED)
		return POSTURE_DOWN;
	if (in->drain)
		wanted = lower_of(wanted, POSTURE_DRAINING);
	if (in->dnsd == POSTURE_DNSD_UNKNOWN && wanted > p->now)
		return p->now;
	return wanted;
}

/* ---- in words ---- */

static void __attribute__((format(printf, 3, 4)))
set_sentence(char out[HEALTH_REASON_MAX], const char *detail, const char *fmt, ...)
{
	char text[HEALTH_REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (detail != NULL && detail[0] != '\0')
		snprintf(out, HEALTH_REASON_MAX, "%.60s: %.64s", text, detail);
	else
		snprintf(out, HEALTH_REASON_MAX, "%s", text);
}

static const char *
text_of_override(enum message_override override)
{
	static const char *const text[MESSAGE_OVERRIDES] = {
		[MESSAGE_OVERRIDE_NONE] = "", [MESSAGE_OVERRIDE_DRAIN] = "drained by the operator",
		[MESSAGE_OVERRIDE_DRAINED] = "drained by the operator, all TTLs have run out",
		[MESSAGE_OVERRIDE_FORCE_UP] = "forced up by the operator",
		[MESSAGE_OVERRIDE_FORCE_DOWN] = "forced down by the operator",
	};

	return text[override];
}

static const char *
text_of_health(enum verdict health)
{
	static const char *const text[VERDICT_COUNT] = {
		[VERDICT_NONE] = "starting: no verdict yet", [VERDICT_UP] = "ok",
		[VERDICT_CACHES_DOWN] = "caches of this site are down",
		[VERDICT_DRAIN] = "servers drained by the operator",
		[VERDICT_DRAINED] = "servers drained by the operator, all TTLs have run out",
	};

	/* a verdict that says nothing never comes to stand, but for NONE at the start */
	assert(text[health] != NULL);
	return text[health];
}

static void
explain(struct posture *p, const struct posture_input *in, bool hold)
{
	const struct verdict_message *m = in->word;
	const char *detail = m != NULL && m->verdict == p->health && p->health != VERDICT_UP ?
	    m->reason : "";

	if (in->dnsd == POSTURE_DNSD_FAILED)
		set_sentence(p->reason, in->dnsd_reason, "dnsd does not answer");
	else if (p->override != MESSAGE_OVERRIDE_NONE)
		set_sentence(p->reason, m != NULL ? m->override_reason : "", "%s",
		    text_of_override(p->override));
	else if (hold && p->now < worth_of_health(p))
		set_sentence(p->reason, "", "shared cause suspected: nothing is raised");
	else if (in->drain && p->now == POSTURE_DRAINING)
		set_sentence(p->reason, in->drain_reason, "draining");
	else
		set_sentence(p->reason, detail, "%s", text_of_health(p->health));
}

static void
set_alarm(struct posture *p, const struct posture_input *in, bool hold)
{
	p->alarm[0] = '\0';
	if (in->word_age_ms > POSTURE_SILENCE_MS)
		snprintf(p->alarm, sizeof(p->alarm),
		    "no word from the prober for %.0f s: the last verdict (%s) stands",
		    (double)in->word_age_ms / 1000, message_verdict_name(p->health));
	else if (hold)
		/* in the prober's words, so that nobody reads it twice */
		snprintf(p->alarm, sizeof(p->alarm), "%s", in->word->reason[0] != '\0' ?
		    in->word->reason : "shared cause suspected, nothing is changed");
	else if (p->suppressed)
		snprintf(p->alarm, sizeof(p->alarm), "flap budget used up: down for another %u s",
		    (unsigned)(p->hold_left_ms / 1000 + 1));
}

/* ---- changes ---- */

static uint64_t
hold_ms(const struct posture *p)
{
	uint64_t hold = p->rules.hold_down_ms;

	if (p->flaps == 0)
		return 0;
	for (unsigned i = 1; i < p->flaps && hold < POSTURE_HOLD_MAX_MS; i++)
		hold *= 2;
	return hold < POSTURE_HOLD_MAX_MS ? hold : POSTURE_HOLD_MAX_MS;
}

/* What raising costs: routers count a change of attributes, but no announcement. */
static double
cost_of_raise(const struct posture *p)
{
	return p->now == POSTURE_DRAINING && !p->pardoned ? p->rules.damping.attributes : 0;
}

/* Rule 4: how long until we may be raised, should all stay fine; in milliseconds. */
static uint32_t
time_to_wait(struct posture *p, uint64_t now_ms)
{
	const struct damping_rules *damping = &p->rules.damping;
	uint64_t hold = hold_ms(p), fine = now_ms - p->fine_since_ms;
	uint64_t budget = damping_wait_ms(&p->damping, damping,
	    cost_of_raise(p) + damping->withdrawal, now_ms);

	hold = hold > fine ? hold - fine : 0;
	p->suppressed = false;
	if (p->pardoned)
		return 0;
	p->suppressed = budget > hold;
	hold = p->suppressed ? budget : hold;
	return hold < UINT32_MAX ? (uint32_t)hold : UINT32_MAX;
}

/* Is it the operator who lowers this? */
static bool
is_planned(const struct posture *p, const struct posture_input *in, enum health_posture to)
{
	if (in->dnsd == POSTURE_DNSD_FAILED)
		return false;
	if (lowers(p->override) || p->said)
		return true;
	if (p->health == VERDICT_DRAIN)
		return p->servers_said;
	return p->health == VERDICT_DRAINED && to == POSTURE_DOWN;
}

static void
lower(struct posture *p, enum health_posture to, uint64_t now_ms, bool planned)
{
	const struct damping_rules *damping = &p->rules.damping;

	assert(to < p->now);
	if (to == POSTURE_DOWN)
		damping_add(&p->damping, damping, damping->withdrawal, now_ms);
	else if (!planned)
		damping_add(&p->damping, damping, damping->attributes, now_ms);
	if (!planned)
		count_flap(p, now_ms);
	p->now = to;
	p->raising = false;
	p->pardoned = false;
}

void
posture_lost(struct posture *p, uint64_t now_ms, const char *reason)
{
	lower(p, POSTURE_DOWN, now_ms, false);
	set_sentence(p->reason, "", "%s", reason);
}

void
posture_flushed(struct posture *p, uint64_t now_ms)
{
	assert(p->now != POSTURE_DOWN);
	damping_add(&p->damping, &p->rules.damping, p->rules.damping.withdrawal, now_ms);
}

/* Still below what is wanted: counts the time, raises when it is over. */
static bool
try_to_raise(struct posture *p, enum health_posture wanted, uint64_t now_ms)
{
	assert(wanted > p->now);
	if (!p->raising) {
		p->raising = true;
		p->fine_since_ms = now_ms;
	}
	p->hold_left_ms = time_to_wait(p, now_ms);
	if (p->hold_left_ms > 0) {
		set_sentence(p->reason, "", p->suppressed ?
		    "flapped too much: held down to stay below suppression (RFC 2439)" :
		    "fine again: hold-down before announcing");
		return false;
	}
	damping_add(&p->damping, &p->rules.damping, cost_of_raise(p), now_ms);
	p->now = wanted;
	p->raising = false;
	p->pardoned = false;
	return true;
}

static bool
change(struct posture *p, const struct posture_input *in, enum health_posture wanted)
{
	p->hold_left_ms = 0;
	p->suppressed = false;
	if (wanted > p->now)
		return try_to_raise(p, wanted, in->now_ms);
	p->raising = false;
	if (wanted == p->now)
		return false;
	lower(p, wanted, in->now_ms, is_planned(p, in, wanted));
	return true;
}

bool
posture_step(struct posture *p, const struct posture_input *in)
{
	bool hold = in->word != NULL && in->word->verdict == VERDICT_HOLD, changed;

	p->said = p->servers_said = false;
	if (in->word != NULL) {
		hear_override(p, in->word);
		hear_health(p, in->word);
	}
	if (p->flaps > 0 &&
	    in->now_ms - p->flap_ms >= (uint64_t)POSTURE_CALM * p->rules.damping.half_life_ms)
		p->flaps = 0;
	earn(p, hold);
	changed = change(p, in, wanted_posture(p, in, hold));
	if (!p->raising && !(in->dnsd == POSTURE_DNSD_UNKNOWN && !changed))
		explain(p, in, hold);
	set_alarm(p, in, hold);
	return changed;
}
