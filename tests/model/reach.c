/*
 * reach: from every state, what must be reached once the world does its part.
 *
 * The judge's promises are tried by the judge alone, without keeper and memory, for this is done
 * from every state that there is; the last two, "it serves again" and "a reload changes nothing",
 * with everything.
 */
#include "tests/model/watch.h"

#include <string.h>

#include "healthd/prober/remember.h"

enum { ROUND_MS = 1000, FAR_MS = 3 * 3600 * 1000 };

static void
judge_only(struct sim *s, uint32_t target, char sign)
{
	struct result r = { .reason = sign == '+' ? REASON_OK : sign == '-' ? REASON_CONNECT :
	    REASON_INTERNAL, .load = -1 };

	judge_step(s->judge, &(struct judge_event){ .kind = JUDGE_RESULT, .index = target,
	    .result = &r }, s->now);
}

/* A second, then one result of every target; `signs` has one for each. */
static void
probe_all(struct sim *s, const char *signs)
{
	size_t n = s->judge->n_targets;

	s->now.mono_ms += ROUND_MS - n * SIM_STEP_MS;
	for (uint32_t i = 0; i < n; i++) {
		s->now.mono_ms += SIM_STEP_MS;
		judge_only(s, i, signs[i]);
	}
	judge_step(s->judge, &(struct judge_event){ .kind = JUDGE_TICK }, s->now);
}

static bool
is_late(const struct sim *s)
{
	return s->judge->freeze == FREEZE_LATE || s->judge->freeze == FREEZE_CLOCK;
}

/* Who could never be asked by this prober says nothing in these runs either. */
static void
sign_all(const struct sim *s, const struct watch_books *b, char sign, char *signs)
{
	for (size_t i = 0; i < s->judge->n_targets; i++)
		signs[i] = b->targets[i].last == '?' && !b->targets[i].asked ? '?' : sign;
}

static enum watch_rule
reach_thaw(struct sim *s, const struct watch_books *b, const void *begin)
{
	char signs[SIM_TARGETS] = "";

	if (s->judge->freeze == FREEZE_NONE)
		return WATCH_FINE;
	memset(signs, '+', sizeof(signs));
	probe_all(s, signs);
	if (s->judge->freeze != FREEZE_NONE)
		return WATCH_THAWS;
	sim_load(s, begin);
	if (!is_late(s))
		return WATCH_FINE;
	memset(signs, '-', sizeof(signs));
	probe_all(s, signs);
	if (is_late(s))
		return WATCH_ROUND_ENDS;
	(void)b;
	return WATCH_FINE;
}

/* One fails while the others answer: it goes down; then it comes back. */
static enum watch_rule
reach_fall_and_rise(struct sim *s, const struct watch_books *b, uint32_t target)
{
	const struct judge_target *t = &s->judge->targets[target];
	char signs[SIM_TARGETS] = "";
	unsigned others = 0;

	sign_all(s, b, '+', signs);
	for (size_t i = 0; i < s->judge->n_targets; i++)
		others += i != target && signs[i] == '+' &&
		    s->judge->targets[i].group == t->group;
	if (signs[target] == '?')
		return WATCH_FINE;
	signs[target] = '-';
	for (unsigned i = 0; i < s->world->fall + 2; i++)
		probe_all(s, signs);
	/* the only one elsewhere may be behind a broken uplink for all that we know */
	if (t->alive != HEALTH_DOWN && !(t->remote && others == 0 &&
	    s->judge->freeze == FREEZE_UPLINK))
		return WATCH_FALLS;
	signs[target] = '+';
	for (unsigned i = 0; i < s->world->rise + 1; i++)
		probe_all(s, signs);
	for (size_t i = 0; i < s->judge->n_targets; i++)
		if (signs[i] == '+' && s->judge->targets[i].alive != HEALTH_UP)
			return WATCH_RISES;
	return WATCH_FINE;
}

/* All that can be checked fail: they go down, or a cause is suspected. */
static enum watch_rule
reach_decision(struct sim *s, const struct watch_books *b)
{
	char signs[SIM_TARGETS] = "";

	sign_all(s, b, '-', signs);
	for (unsigned i = 0; i < s->world->fall + 2; i++)
		probe_all(s, signs);
	for (size_t i = 0; i < s->judge->n_targets; i++)
		if (signs[i] == '-' && s->judge->freeze == FREEZE_NONE &&
		    s->judge->targets[i].alive != HEALTH_DOWN)
			return WATCH_DECIDES;
	return WATCH_FINE;
}

/* Only what is here fails: the site is taken back, unless a word says otherwise. */
static enum watch_rule
reach_lowered(struct sim *s, const struct watch_books *b)
{
	char signs[SIM_TARGETS] = "";
	bool any = false;

	sign_all(s, b, '+', signs);
	for (size_t i = 0; i < s->judge->n_targets; i++) {
		bool local = !s->judge->targets[i].remote;

		if (local && (signs[i] == '?' || b->servers[s->judge->targets[i].server].kind !=
		    OVERRIDE_NONE))
			return WATCH_FINE;
		signs[i] = local ? '-' : signs[i];
		any |= local;
	}
	if (!any || b->sites[0].kind == OVERRIDE_FORCE_UP)
		return WATCH_FINE;
	for (unsigned i = 0; i < s->world->fall + 3; i++)
		probe_all(s, signs);
	sim_step(s, &(struct sim_word){ .op = SIM_WAIT, .ms = SIM_STEP_MS });
	return s->word.verdict == VERDICT_CACHES_DOWN && s->posture.now != POSTURE_SERVING ?
	    WATCH_FINE : WATCH_LOWERS;
}

static void
do_words(struct sim *s, const char *text)
{
	struct sim_word words[64];
	size_t n = sim_read(s, text, words, 64);

	for (size_t i = 0; i < n; i++)
		sim_step(s, &words[i]);
}

/* No word is in force, all answer, dnsd too: it serves, in bounded time. */
static enum watch_rule
reach_serving(struct sim *s, const struct watch_books *b)
{
	uint64_t began = s->true_ms;

	if (!s->alive)
		do_words(s, "start");
	for (unsigned i = 0; i < s->conf->n_servers; i++)
		if (judge_word_said(&s->judge->servers[i].word))
			sim_step(s, &(struct sim_word){ .op = SIM_SERVER_WORD, .index = i });
	s->tcp_dead = false;
	if (judge_word_said(&s->judge->sites[0].word))
		sim_step(s, &(struct sim_word){ .op = SIM_SITE_WORD });
	do_words(s, "dnsd+");
	for (unsigned i = 0; i < s->world->rise + 1; i++)
		do_words(s, "wait:900 all+");
	for (unsigned i = 0; i < 40 && s->posture.now != POSTURE_SERVING; i++) {
		sim_step(s, &(struct sim_word){ .op = SIM_WAIT, .ms = s->posture.hold_left_ms });
		do_words(s, "all+");
	}
	(void)b;
	return s->posture.now == POSTURE_SERVING && s->true_ms - began < FAR_MS ? WATCH_FINE :
	    WATCH_SERVES;
}

static enum watch_rule
reach_reloaded(struct sim *s)
{
	enum health_state state[SIM_SERVERS];
	/* what drains may be found to have drained a second sooner */
	enum health_posture posture = message_is_draining(&s->word) ? POSTURE_DOWN :
	    s->posture.now;
	char current[HEALTH_NAME_MAX];

	if (!s->alive || !remember_worth(s->judge))
		return WATCH_FINE;
	for (size_t i = 0; i < s->conf->n_servers; i++)
		state[i] = s->judge->servers[i].state;
	memcpy(current, s->judge->pools[0].current.id, sizeof(current));
	sim_step(s, &(struct sim_word){ .op = SIM_RELOAD });
	for (size_t i = 0; i < s->conf->n_servers; i++)
		if (s->judge->servers[i].state != state[i] &&
		    s->judge->servers[i].word.override.until_ms == 0)
			return WATCH_RELOAD;
	return strcmp(current, s->judge->pools[0].current.id) == 0 &&
	    s->posture.now >= posture ? WATCH_FINE : WATCH_RELOAD;
}

static enum watch_rule
reach_all(struct sim *s, const struct watch_books *b, const void *begin)
{
	enum watch_rule broken = WATCH_FINE;

	if (s->alive) {
		broken = reach_thaw(s, b, begin);
		for (uint32_t i = 0; i < s->judge->n_targets && broken == WATCH_FINE; i++) {
			sim_load(s, begin);
			broken = reach_fall_and_rise(s, b, i);
		}
		sim_load(s, begin);
		if (broken == WATCH_FINE)
			broken = reach_decision(s, b);
		sim_load(s, begin);
		if (broken == WATCH_FINE)
			broken = reach_lowered(s, b);
		sim_load(s, begin);
		if (broken == WATCH_FINE)
			broken = reach_reloaded(s);
		sim_load(s, begin);
	}
	if (broken == WATCH_FINE && s->posture.now != POSTURE_SERVING)
		broken = reach_serving(s, b);
	return broken;
}

enum watch_rule
watch_reach(struct sim *s, const struct watch_books *b, void *room)
{
	enum watch_rule broken;

	sim_save(s, room);
	broken = reach_all(s, b, room);
	sim_load(s, room);
	return broken;
}
