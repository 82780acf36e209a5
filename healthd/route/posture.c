#include "healthd/route/posture.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
posture_init(struct posture *p, const struct posture_rules *rules, enum health_posture inherited)
{
	/* what a former healthd left speaks for the verdict that it had */
	static const enum verdict standing[] = {
		[POSTURE_DOWN] = VERDICT_NONE, [POSTURE_DRAINING] = VERDICT_DRAIN,
		[POSTURE_SERVING] = VERDICT_UP,
	};

	assert(inherited >= POSTURE_DOWN && inherited <= POSTURE_SERVING);
	*p = (struct posture){ .rules = *rules, .now = inherited, .standing = standing[inherited] };
	snprintf(p->reason, sizeof(p->reason), "%s", inherited == POSTURE_DOWN ?
	    "starting: down until proven up" : "as the healthd before left it");
}

void
posture_restore(struct posture *p, double penalty, uint64_t now_ms)
{
	if (!(penalty > 0))
		return;
	p->damping.penalty = penalty < DAMPING_CEILING ? penalty : DAMPING_CEILING;
	p->damping.at_ms = now_ms;
	p->flaps = (unsigned)(p->damping.penalty / DAMPING_WITHDRAWAL + 0.5);
}

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

static bool
is_by_operator(enum verdict v)
{
	return v == VERDICT_DRAIN || v == VERDICT_DRAINED || v == VERDICT_FORCE_DOWN;
}

/* Rule 2, and the pardon of rule 4. */
static void
hear_verdict(struct posture *p, const struct posture_input *in)
{
	enum verdict v = in->verdict;
	bool again = v == VERDICT_FORCE_UP && in->override_ms != p->override_ms;

	if (v == VERDICT_NONE || v == VERDICT_HOLD || (v == p->standing && !again))
		return;
	p->override_ms = in->override_ms;
	p->pardoned = v == VERDICT_FORCE_UP ||
	    (is_by_operator(p->standing) && !is_by_operator(v));
	p->standing = v;
}

static enum health_posture
posture_of_verdict(const struct posture *p)
{
	switch (p->standing) {
	case VERDICT_UP:
	case VERDICT_FORCE_UP:
		return POSTURE_SERVING;
	case VERDICT_CACHES_DOWN:
		return p->rules.drain_on_caches_down ? POSTURE_DRAINING : POSTURE_DOWN;
	case VERDICT_DRAIN:
		return p->now < POSTURE_DRAINING ? p->now : POSTURE_DRAINING;
	case VERDICT_DRAINED:
	case VERDICT_FORCE_DOWN:
		return POSTURE_DOWN;
	default:
		return p->now;
	}
}

static enum health_posture
wanted_posture(const struct posture *p, const struct posture_input *in)
{
	enum health_posture wanted = posture_of_verdict(p);

	if (in->dnsd == POSTURE_DNSD_FAILED)
		return POSTURE_DOWN;
	if (in->dnsd == POSTURE_DNSD_UNKNOWN && wanted > p->now)
		return p->now;
	return wanted;
}

static void
explain(struct posture *p, const struct posture_input *in)
{
	static const char *const text[VERDICT_COUNT] = {
		[VERDICT_NONE] = "starting: no verdict yet", [VERDICT_UP] = "ok",
		[VERDICT_CACHES_DOWN] = "caches of this site are down",
		[VERDICT_DRAIN] = "drained by the operator",
		[VERDICT_DRAINED] = "drained by the operator, all TTLs have run out",
		[VERDICT_FORCE_UP] = "forced up by the operator",
		[VERDICT_FORCE_DOWN] = "forced down by the operator",
	};
	const char *detail = in->verdict == p->standing ? in->verdict_reason : "";

	/* a verdict that says nothing never comes to stand, but for NONE at the start */
	assert(text[p->standing] != NULL);
	if (in->dnsd == POSTURE_DNSD_FAILED)
		set_sentence(p->reason, in->dnsd_reason, "dnsd does not answer");
	else
		set_sentence(p->reason, p->standing == VERDICT_UP ? "" : detail, "%s",
		    text[p->standing]);
}

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

/* Rule 3: how long until we may be raised, should all stay fine; in milliseconds. */
static uint32_t
time_to_wait(struct posture *p, uint64_t now_ms)
{
	uint64_t hold = hold_ms(p), fine = now_ms - p->fine_since_ms;
	uint64_t budget = damping_wait_ms(&p->damping, now_ms);

	hold = hold > fine ? hold - fine : 0;
	p->suppressed = false;
	if (p->pardoned)
		return 0;
	p->suppressed = budget > hold;
	hold = p->suppressed ? budget : hold;
	return hold < UINT32_MAX ? (uint32_t)hold : UINT32_MAX;
}

static void
lower(struct posture *p, enum health_posture to, uint64_t now_ms, bool planned)
{
	assert(to < p->now);
	if (to == POSTURE_DOWN)
		damping_withdrawn(&p->damping, now_ms);
	if (!planned)
		p->flaps++;
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
	p->now = wanted;
	p->raising = false;
	p->pardoned = false;
	return true;
}

static void
set_alarm(struct posture *p, const struct posture_input *in)
{
	p->alarm[0] = '\0';
	if (in->verdict_age_ms > POSTURE_SILENCE_MS)
		snprintf(p->alarm, sizeof(p->alarm),
		    "no word from the prober for %.0f s: the last verdict (%s) stands",
		    (double)in->verdict_age_ms / 1000, message_verdict_name(p->standing));
	else if (in->verdict == VERDICT_HOLD)
		set_sentence(p->alarm, in->verdict_reason,
		    "shared cause suspected, nothing is changed");
	else if (p->suppressed)
		snprintf(p->alarm, sizeof(p->alarm), "flap budget used up: down for another %u s",
		    (unsigned)(p->hold_left_ms / 1000 + 1));
}

bool
posture_step(struct posture *p, const struct posture_input *in)
{
	enum health_posture wanted;
	bool changed = false;

	hear_verdict(p, in);
	if (damping_penalty(&p->damping, in->now_ms) < POSTURE_CALM && p->now == POSTURE_SERVING)
		p->flaps = 0;
	wanted = wanted_posture(p, in);
	p->hold_left_ms = 0;
	p->suppressed = false;
	if (wanted > p->now) {
		changed = try_to_raise(p, wanted, in->now_ms);
	} else {
		p->raising = false;
		if (wanted < p->now) {
			lower(p, wanted, in->now_ms, in->dnsd != POSTURE_DNSD_FAILED &&
			    is_by_operator(p->standing));
			changed = true;
		}
	}
	if (!p->raising && !(in->dnsd == POSTURE_DNSD_UNKNOWN && !changed))
		explain(p, in);
	set_alarm(p, in);
	return changed;
}
