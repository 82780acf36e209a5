#include "healthd/sample/sample_state.h"

#include <stdio.h>
#include <string.h>

static void
push(struct sample_state *s, bool bad)
{
	if (s->samples == SAMPLE_WINDOW)
		s->bad -= s->window[s->at];
	else
		s->samples++;
	s->window[s->at] = bad;
	s->bad += bad;
	s->at = (s->at + 1) % SAMPLE_WINDOW;
}

static void
empty_window(struct sample_state *s)
{
	s->at = s->samples = s->bad = 0;
	s->bad_at = 0;
}

void
sample_state_result(struct sample_state *s, enum sample_verdict verdict, bool claimed,
    const char *why, uint64_t begun_ms, double wall)
{
	if (verdict == SAMPLE_FAILED) {
		if (s->failures++ == 0)
			s->failing_ms = begun_ms;
		s->answers = 0;
		snprintf(s->fault, sizeof(s->fault), "%s", why);
		return;
	}
	s->failures = 0;
	s->alone = false;
	s->answers++;
	s->answered_ms = begun_ms;
	if (!claimed)
		return;
	push(s, verdict == SAMPLE_BAD);
	if (verdict == SAMPLE_BAD)
		s->bad_at = wall;
}

void
sample_state_scanned(struct sample_state *s, double began, double wall)
{
	if (began == s->scanned)
		return;
	s->scanned = began;
	/* a bad one of the future was seen before the clock was set back */
	if (began <= wall && (began > s->bad_at || s->bad_at > wall))
		empty_window(s);
}

/* ---- down ---- */

/* Has somebody else answered since this one began to fail, or is nobody left to ask? */
static bool
is_its_own_fault(struct sample_state *const *states, size_t n, const struct sample_state *s)
{
	size_t others = 0;

	for (size_t i = 0; i < n; i++) {
		if (states[i] == s || states[i]->state == MIRROR_DOWN)
			continue;
		others++;
		if (states[i]->failures == 0 && states[i]->answered_ms > s->failing_ms)
			return true;
	}
	return others == 0;
}

static bool
is_down(struct sample_state *const *states, size_t n, struct sample_state *s)
{
	if (s->state == MIRROR_DOWN)
		return s->answers < SAMPLE_RISE;
	s->alone = false;
	if (s->failures < SAMPLE_FALL)
		return false;
	s->alone = !is_its_own_fault(states, n, s);
	return !s->alone;
}

/* ---- incomplete ---- */

static bool
is_incomplete(const struct sample_state *s)
{
	if (s->bad_at == 0 || (s->samples == SAMPLE_WINDOW && s->bad == 0))
		return false;
	return s->scannable || s->chosen || s->bad > SAMPLE_BAD_MAX;
}

/* Should nobody be sent there? */
static bool
is_bad_enough(const struct sample_state *s)
{
	if (s->bad > SAMPLE_BAD_MAX)
		return true;
	/* once out, a scan takes it in again, which empties the window */
	return s->out && s->bad_at != 0 && s->bad > (s->scannable ? 0 : SAMPLE_BAD_CLEAN);
}

/* The worst first: more bad ones, then those that are out already, that they do not take turns. */
static bool
is_worse(const struct sample_state *a, const struct sample_state *b)
{
	return a->bad != b->bad ? a->bad > b->bad : a->out && !b->out;
}

/* How many are worse than this one, of those that should be out; of equal ones the first. */
static size_t
worse_ones(struct sample_state *const *states, size_t n, const struct sample_state *s)
{
	size_t worse = 0;
	bool behind = false;

	for (size_t i = 0; i < n; i++) {
		if (states[i] == s)
			behind = true;
		else if (is_bad_enough(states[i]) && (is_worse(states[i], s) ||
		    (!behind && !is_worse(s, states[i]))))
			worse++;
	}
	return worse;
}

/* ---- all of them ---- */

static bool
become_state(struct sample_state *s, enum mirror_state state, bool out, double wall)
{
	bool changed = s->state != state || s->out != out;

	if (s->state != state)
		s->since = wall;
	s->state = state;
	s->out = out;
	switch (state) {
	case MIRROR_UP:
		snprintf(s->reason, sizeof(s->reason), s->alone ?
		    "fails, and so do all others: it may be our network" : "ok");
		break;
	case MIRROR_INCOMPLETE:
		snprintf(s->reason, sizeof(s->reason), "%u of the last %u files were not as they "
		    "should be%s", s->bad, s->samples, out ? "" : ", and are left out");
		break;
	case MIRROR_UNKNOWN:
	case MIRROR_DOWN:
		snprintf(s->reason, sizeof(s->reason), "%s", s->fault);
		break;
	}
	return changed;
}

static enum mirror_state
state_of(struct sample_state *const *states, size_t n, struct sample_state *s)
{
	if (is_down(states, n, s))
		return MIRROR_DOWN;
	if (s->state == MIRROR_UNKNOWN && s->answers == 0)
		return MIRROR_UNKNOWN;
	return is_incomplete(s) ? MIRROR_INCOMPLETE : MIRROR_UP;
}

bool
sample_state_decide(struct sample_state *const *states, size_t n, double wall, size_t *held)
{
	bool changed = false;
	size_t want = 0;

	for (size_t i = 0; i < n; i++) {
		bool enough = is_bad_enough(states[i]);

		want += enough;
		states[i]->chosen = enough && worse_ones(states, n, states[i]) < n / 2;
	}
	for (size_t i = 0; i < n; i++) {
		enum mirror_state state = state_of(states, n, states[i]);

		changed |= become_state(states[i], state, states[i]->chosen &&
		    state == MIRROR_INCOMPLETE, wall);
	}
	*held = want > n / 2 ? want - n / 2 : 0;
	return changed;
}
