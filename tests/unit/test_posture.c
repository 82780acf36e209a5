/* posture: scenarios of a site's route, as rows of (at, what is known, what is expected) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "healthd/route/posture.h"

#define STEPS_MAX 12
#define END { .at_ms = -1 }
enum { U = POSTURE_DNSD_UNKNOWN, A = POSTURE_DNSD_ANSWERING, F = POSTURE_DNSD_FAILED };
/* The operator's override beside a verdict. */
enum {
	SAID = 16,
	SAID_DRAIN = SAID * MESSAGE_OVERRIDE_DRAIN,
	SAID_DRAINED = SAID * MESSAGE_OVERRIDE_DRAINED,
	SAID_FORCE_UP = SAID * MESSAGE_OVERRIDE_FORCE_UP,
	SAID_FORCE_DOWN = SAID * MESSAGE_OVERRIDE_FORCE_DOWN
};
enum { DOWN = POSTURE_DOWN, DRAINING = POSTURE_DRAINING, SERVING = POSTURE_SERVING };

struct step {
	int at_ms;			/* -1 ends */
	int word;			/* a verdict, and SAID_* */
	int dnsd;
	int expected;
};

static const struct row {
	const char *sentence;
	int inherited;
	bool drain_on_caches_down;
	struct step steps[STEPS_MAX];
} rows[] = {
	{ "a fresh start serves as soon as verdict and dnsd are good", DOWN, false, {
		{ 0, VERDICT_NONE, U, DOWN }, { 100, VERDICT_NONE, A, DOWN },
		{ 900, VERDICT_UP, A, SERVING }, END } },
	{ "no verdict, no route", DOWN, false, {
		{ 0, VERDICT_NONE, A, DOWN }, { 60000, VERDICT_NONE, A, DOWN }, END } },
	{ "no dnsd, no route", DOWN, false, {
		{ 0, VERDICT_UP, U, DOWN }, { 500, VERDICT_UP, F, DOWN },
		{ 9000, VERDICT_UP, F, DOWN }, END } },
	{ "a shared cause in the first round leaves a fresh site down", DOWN, false, {
		{ 0, VERDICT_NONE, A, DOWN }, { 1000, VERDICT_HOLD, A, DOWN },
		{ 2000, VERDICT_UP, A, SERVING }, END } },
	{ "dnsd dies: down at once; back: after the hold-down of 5 s", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_UP, F, DOWN },
		{ 2000, VERDICT_UP, A, DOWN },
		{ 6900, VERDICT_UP, A, DOWN }, { 7000, VERDICT_UP, A, SERVING }, END } },
	{ "the hold-down starts anew when dnsd fails in the middle of it", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_UP, F, DOWN },
		{ 2000, VERDICT_UP, A, DOWN },
		{ 6000, VERDICT_UP, F, DOWN }, { 6500, VERDICT_UP, A, DOWN },
		{ 7100, VERDICT_UP, A, DOWN },
		{ 11500, VERDICT_UP, A, SERVING }, END } },
	{ "a dnsd that nobody could ask changes nothing", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_UP, U, SERVING },
		{ 9000, VERDICT_UP, U, SERVING },
		{ 9250, VERDICT_UP, A, SERVING }, END } },
	{ "a new prober without a verdict withdraws nothing", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_NONE, A, SERVING },
		{ 60000, VERDICT_NONE, A, SERVING }, END } },
	{ "a shared cause holds serving", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_HOLD, A, SERVING },
		{ 99000, VERDICT_HOLD, A, SERVING }, END } },
	{ "a shared cause saves no site whose dnsd is dead, nor forgets that its caches were up",
	    DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_HOLD, A, SERVING },
		{ 2000, VERDICT_HOLD, F, DOWN },
		{ 3000, VERDICT_HOLD, A, DOWN }, { 8100, VERDICT_HOLD, A, SERVING }, END } },
	{ "a shared cause holds down as well", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_CACHES_DOWN, A, DOWN },
		{ 9000, VERDICT_HOLD, A, DOWN },
		{ 99000, VERDICT_HOLD, A, DOWN }, END } },
	{ "caches down: withdrawn at once", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_CACHES_DOWN, A, DOWN },
		{ 2000, VERDICT_UP, A, DOWN },
		{ 7000, VERDICT_UP, A, SERVING }, END } },
	{ "caches down, told to drain: draining at once", DOWN, true, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_CACHES_DOWN, A, DRAINING },
		{ 2000, VERDICT_UP, A, DRAINING },
		{ 7000, VERDICT_UP, A, SERVING }, END } },
	{ "draining for its caches, and dnsd dies", DOWN, true, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_CACHES_DOWN, A, DRAINING },
		{ 1500, VERDICT_CACHES_DOWN, F, DOWN }, { 2000, VERDICT_CACHES_DOWN, A, DOWN },
		{ 12000, VERDICT_CACHES_DOWN, A, DRAINING }, END } },
	{ "an operator's drain, to its end and back, waits for nothing", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_UP | SAID_DRAIN, A, DRAINING },
		{ 9000, VERDICT_UP | SAID_DRAIN, A, DRAINING },
		{ 10000, VERDICT_UP | SAID_DRAINED, A, DOWN },
		{ 11000, VERDICT_UP, A, SERVING }, END } },
	{ "undrained before the end", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_UP | SAID_DRAIN, A, DRAINING },
		{ 1500, VERDICT_UP, A, SERVING }, END } },
	{ "a drain raises nothing that is down", DOWN, false, {
		{ 0, VERDICT_CACHES_DOWN, A, DOWN },
		{ 1000, VERDICT_CACHES_DOWN | SAID_DRAIN, A, DOWN },
		{ 99000, VERDICT_UP | SAID_DRAIN, A, DOWN }, END } },
	{ "a drained site does not come back as draining", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_UP | SAID_DRAINED, A, DOWN },
		{ 2000, VERDICT_NONE | SAID_DRAINED, A, DOWN },
		{ 3000, VERDICT_UP | SAID_DRAIN, A, DOWN }, END } },
	{ "forced down and released", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_UP | SAID_FORCE_DOWN, A, DOWN },
		{ 60000, VERDICT_UP | SAID_FORCE_DOWN, A, DOWN },
		{ 61000, VERDICT_UP, A, SERVING }, END } },
	{ "forced up serves without caches, at once", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_CACHES_DOWN, A, DOWN },
		{ 1100, VERDICT_UP | SAID_FORCE_UP, A, SERVING }, END } },
	{ "forced up does not serve without dnsd", DOWN, false, {
		{ 0, VERDICT_UP | SAID_FORCE_UP, F, DOWN },
		{ 9000, VERDICT_UP | SAID_FORCE_UP, F, DOWN },
		{ 9500, VERDICT_UP | SAID_FORCE_UP, A, SERVING }, END } },
	{ "two quick flaps use up the budget: down for about a half-life", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_UP, F, DOWN },
		{ 1500, VERDICT_UP, A, DOWN },
		{ 6500, VERDICT_UP, A, SERVING }, { 7000, VERDICT_UP, F, DOWN },
		{ 7500, VERDICT_UP, A, DOWN },
		{ 600000, VERDICT_UP, A, DOWN }, { 880000, VERDICT_UP, A, DOWN },
		{ 905000, VERDICT_UP, A, SERVING }, END } },
	{ "forced up: the operator may spend the budget", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_UP, F, DOWN },
		{ 1500, VERDICT_UP, A, DOWN },
		{ 6500, VERDICT_UP, A, SERVING }, { 7000, VERDICT_UP, F, DOWN },
		{ 7500, VERDICT_UP, A, DOWN },
		{ 8000, VERDICT_UP | SAID_FORCE_UP, A, SERVING }, END } },
	/* the operator's word, and the end of it, is heard whatever health says */
	{ "undrained while a shared cause is held", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_HOLD, A, SERVING },
		{ 2000, VERDICT_HOLD | SAID_DRAIN, A, DRAINING },
		{ 9000, VERDICT_HOLD | SAID_DRAINED, A, DOWN },
		{ 9500, VERDICT_HOLD, A, SERVING }, END } },
	{ "a drain that ends by its time while a shared cause is held", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_HOLD | SAID_DRAIN, A, DRAINING },
		{ 3000, VERDICT_HOLD, A, SERVING }, END } },
	{ "forced down and cleared while a shared cause is held", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_HOLD | SAID_FORCE_DOWN, A, DOWN },
		{ 2000, VERDICT_HOLD, A, SERVING }, END } },
	{ "forced up and cleared while a shared cause is held", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_CACHES_DOWN, A, DOWN },
		{ 2000, VERDICT_HOLD, A, DOWN }, { 3000, VERDICT_HOLD | SAID_FORCE_UP, A, SERVING },
		{ 4000, VERDICT_HOLD, A, DOWN }, END } },
	{ "undrained under a prober that has no verdict yet", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_NONE | SAID_DRAIN, A, DRAINING },
		{ 3000, VERDICT_NONE, A, SERVING }, END } },
	{ "forced up and taken back before anything was proven", DOWN, false, {
		{ 0, VERDICT_NONE, F, DOWN }, { 1000, VERDICT_NONE | SAID_FORCE_UP, F, DOWN },
		{ 2000, VERDICT_NONE, F, DOWN }, { 3000, VERDICT_NONE, A, DOWN },
		{ 99000, VERDICT_NONE, A, DOWN }, END } },
	{ "caches that came back under a drain", DOWN, false, {
		{ 0, VERDICT_UP, A, SERVING },
		{ 1000, VERDICT_CACHES_DOWN | SAID_DRAINED, A, DOWN },
		{ 2000, VERDICT_UP | SAID_DRAINED, A, DOWN }, { 3000, VERDICT_HOLD, A, SERVING },
		END } },
	/* a shared cause changes nothing, and so it raises nothing */
	{ "a site that waits for its hold-down is not raised while a shared cause is held", DOWN,
	    false, {
		{ 0, VERDICT_UP, A, SERVING }, { 1000, VERDICT_CACHES_DOWN, A, DOWN },
		{ 2000, VERDICT_UP, A, DOWN }, { 3000, VERDICT_HOLD, A, DOWN },
		{ 60000, VERDICT_HOLD, A, DOWN }, { 61000, VERDICT_UP, A, DOWN },
		{ 66000, VERDICT_UP, A, SERVING }, END } },
	{ "a site that boots with caches down does not drain, it is down", DOWN, true, {
		{ 0, VERDICT_NONE, A, DOWN }, { 1000, VERDICT_CACHES_DOWN, A, DOWN },
		{ 60000, VERDICT_CACHES_DOWN, A, DOWN }, { 61000, VERDICT_UP, A, SERVING },
		{ 62000, VERDICT_CACHES_DOWN, A, DRAINING }, END } },
	{ "a restart takes over serving and keeps it until the first verdict", SERVING, false, {
		{ 0, VERDICT_NONE, U, SERVING }, { 500, VERDICT_NONE, A, SERVING },
		{ 60000, VERDICT_NONE, A, SERVING },
		{ 61000, VERDICT_CACHES_DOWN, A, DOWN }, END } },
	{ "a restart takes over serving, but dnsd is dead", SERVING, false, {
		{ 0, VERDICT_NONE, U, SERVING }, { 450, VERDICT_NONE, F, DOWN }, END } },
	{ "a restart takes over draining", DRAINING, false, {
		{ 0, VERDICT_NONE, U, DRAINING }, { 500, VERDICT_UP | SAID_DRAIN, A, DRAINING },
		{ 900, VERDICT_UP | SAID_DRAINED, A, DOWN }, END } },
	{ "a restart during a shared cause keeps serving", SERVING, false, {
		{ 0, VERDICT_NONE, U, SERVING }, { 500, VERDICT_HOLD, A, SERVING },
		{ 99000, VERDICT_HOLD, A, SERVING }, END } },
};

/* Two withdrawals are the limit, so that rows are short. */
static const struct posture_rules common = { .hold_down_ms = 5000,
	.damping = { 2000, 1000, 500, 15 * 60 * 1000 } };

static bool
step_word(struct posture *p, uint64_t now_ms, const struct verdict_message *word, int dnsd)
{
	const struct posture_input in = {
		.now_ms = now_ms, .word = word,
		.dnsd = (enum posture_dnsd)dnsd, .dnsd_reason = "192.0.2.53: no answer",
	};

	return posture_step(p, &in);
}

/* An override of the same kind is the same one, and drained is the end of a drain. */
static bool
step(struct posture *p, uint64_t now_ms, int said, int dnsd)
{
	unsigned override = (unsigned)said / SAID;
	struct verdict_message word = { .verdict = (uint32_t)said % SAID, .override = override,
		.override_id = override == MESSAGE_OVERRIDE_DRAINED ? MESSAGE_OVERRIDE_DRAIN :
		    override, .reason = "because" };

	return step_word(p, now_ms, &word, dnsd);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct posture_rules rules = common;
		struct posture p;

		rules.drain_on_caches_down = rows[i].drain_on_caches_down;
		if (rules.drain_on_caches_down)
			rules.damping.suppress = DAMPING_SUPPRESS;
		posture_init(&p, &rules, (enum health_posture)rows[i].inherited);
		for (const struct step *s = rows[i].steps; s->at_ms >= 0; s++) {
			enum health_posture before = p.now;
			bool changed = step(&p, 1000000 + (uint64_t)s->at_ms, s->word, s->dnsd);

			if ((int)p.now != s->expected || changed != (before != p.now))
				fail_msg("%s: at %d ms %d, expected %d (%s)", rows[i].sentence,
				    s->at_ms,
				    (int)p.now, s->expected, p.reason);
		}
	}
}

static void
test_reasons_and_alarms(void **state)
{
	struct verdict_message word = { .verdict = VERDICT_UP, .reason = "ok" };
	struct posture_input in = { .now_ms = 1000, .word = &word,
		.dnsd = POSTURE_DNSD_ANSWERING, .dnsd_reason = "" };
	struct posture p;

	(void)state;
	posture_init(&p, &common, POSTURE_DOWN);
	posture_step(&p, &in);
	assert_string_equal(p.reason, "ok");
	assert_string_equal(p.alarm, "");
	in.word_age_ms = 4000;
	posture_step(&p, &in);
	assert_int_equal(p.now, POSTURE_SERVING);
	assert_non_null(strstr(p.alarm, "prober"));
	in.word_age_ms = 0;
	word.verdict = VERDICT_HOLD;
	strcpy(word.reason, "all 40 targets failed");
	posture_step(&p, &in);
	assert_non_null(strstr(p.alarm, "all 40 targets failed"));
	in.dnsd = POSTURE_DNSD_FAILED;
	in.dnsd_reason = "192.0.2.53: SERVFAIL";
	posture_step(&p, &in);
	assert_non_null(strstr(p.reason, "192.0.2.53: SERVFAIL"));
}

/* In force already and used up, then said again: obeyed at once, again */
static void
test_force_up_said_again(void **state)
{
	static const struct { uint64_t at_ms, id; int dnsd, expected; } steps[] = {
		{ 0, 7001, A, SERVING }, { 1000, 7001, F, DOWN }, { 2000, 7001, A, DOWN },
		{ 3000, 9002, A, SERVING }, { 4000, 9002, F, DOWN }, { 5000, 9002, A, DOWN },
		{ 60000, 9002, A, DOWN },
	};
	struct posture p;

	(void)state;
	posture_init(&p, &common, POSTURE_DOWN);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct verdict_message word = { .override = MESSAGE_OVERRIDE_FORCE_UP,
			.override_id = steps[i].id };

		step_word(&p, 1000000 + steps[i].at_ms, &word, steps[i].dnsd);
		assert_int_equal(p.now, steps[i].expected);
	}
}

/* Caches that flap under on-caches-down = "drain": every change is paid for, and waited for. */
static void
test_attribute_changes_cost(void **state)
{
	struct posture_rules rules = common;
	struct posture p;
	unsigned changes = 0;

	(void)state;
	rules.drain_on_caches_down = true;
	rules.damping.suppress = DAMPING_SUPPRESS;
	posture_init(&p, &rules, POSTURE_DOWN);
	/* up for 8 s, down for 1 s, for half an hour */
	for (uint64_t t = 0; t < 1800; t++) {
		changes += step(&p, 1000000 + t * 1000, t % 9 == 8 ? VERDICT_CACHES_DOWN :
		    VERDICT_UP, A);
		assert_true(posture_penalty(&p, 1000000 + t * 1000) < DAMPING_SUPPRESS);
		if (t == 20)
			assert_true(posture_penalty(&p, 1000000 + t * 1000) > 990);
	}
	assert_true(changes < 6);
}

/* A server that the operator drained beside one that flaps: nobody has said a word since. */
static void
test_flapping_beside_a_drained_server(void **state)
{
	static const enum verdict to[] = { VERDICT_DRAIN, VERDICT_UP };
	struct verdict_message word = { .verdict = VERDICT_UP, .servers_id = 77 };
	unsigned changes = 0;
	struct posture p;

	(void)state;
	posture_init(&p, &common, POSTURE_DOWN);
	step_word(&p, 1000, &word, A);
	for (unsigned i = 0; i < 120; i++) {
		word.verdict = to[i % 2];
		changes += step_word(&p, 2000 + i * 500, &word, A);
	}
	assert_true(changes <= 2);
	assert_true(posture_penalty(&p, 62000) > 450);
}

/* The operator's own drain and undrain of servers costs nothing and waits for nothing. */
static void
test_servers_drained_and_undrained(void **state)
{
	struct verdict_message word = { .verdict = VERDICT_UP };
	struct posture p;

	(void)state;
	posture_init(&p, &common, POSTURE_DOWN);
	step_word(&p, 1000, &word, A);
	for (unsigned i = 0; i < 10; i++) {
		word.servers_id = 1 + i;
		word.verdict = VERDICT_DRAIN;
		assert_true(step_word(&p, 2000 + i * 1000, &word, A));
		word.servers_id = 0;
		word.verdict = VERDICT_UP;
		assert_true(step_word(&p, 2500 + i * 1000, &word, A));
		assert_int_equal(p.now, POSTURE_SERVING);
	}
	assert_true(posture_penalty(&p, 20000) == 0);
	assert_int_equal(p.flaps, 0);
}

/* Withdrawals in a row with a drained server in between: each waits, none is pardoned. */
static void
test_no_pardon_without_a_word(void **state)
{
	static const enum verdict to[] = { VERDICT_CACHES_DOWN, VERDICT_DRAIN, VERDICT_UP };
	struct verdict_message word = { .verdict = VERDICT_UP, .servers_id = 77 };
	unsigned withdrawals = 0;
	struct posture p;

	(void)state;
	posture_init(&p, &common, POSTURE_DOWN);
	step_word(&p, 1000, &word, A);
	for (unsigned i = 0; i < 12; i++) {
		word.verdict = to[i % 3];
		withdrawals += step_word(&p, 2000 + i * 600, &word, A) && p.now == POSTURE_DOWN;
	}
	assert_int_equal(withdrawals, 1);
}

/* What a former healthd left: its penalty, its flaps, the override that it had heard. */
static void
test_restart(void **state)
{
	struct posture_left left = { .posture = POSTURE_SERVING, .health = VERDICT_UP,
		.proven = true };
	struct verdict_message word = { .override = MESSAGE_OVERRIDE_FORCE_UP,
		.override_id = 7001 };
	struct posture p;

	(void)state;
	/* it announced, and nothing is there any more */
	posture_init(&p, &common, POSTURE_DOWN);
	posture_restore(&p, &left, 1000);
	assert_true(posture_penalty(&p, 1000) == 1000 && p.flaps == 1);
	assert_false(step(&p, 1100, VERDICT_UP, A));
	assert_true(step(&p, 6200, VERDICT_UP, A));
	/* a force-up that it had heard pardons no more */
	posture_init(&p, &common, POSTURE_DOWN);
	left = (struct posture_left){ .override = MESSAGE_OVERRIDE_FORCE_UP, .override_id = 7001,
		.penalty = 1900, .flaps = 2 };
	posture_restore(&p, &left, 1000);
	assert_false(step_word(&p, 1100, &word, A));
	assert_false(step_word(&p, 60000, &word, A));
	assert_true(p.suppressed);
	word.override_id = 8001;
	assert_true(step_word(&p, 61000, &word, A));
	/* and a new one leaves it as it was */
	left = posture_leave(&p, 61000);
	assert_int_equal(left.posture, POSTURE_SERVING);
	assert_true(left.override_id == 8001 && left.penalty > 1500 && left.flaps == 2);
	/* forced up and unproven, over a restart, until the word is taken back */
	posture_init(&p, &common, POSTURE_SERVING);
	posture_restore(&p, &(struct posture_left){ .posture = POSTURE_SERVING,
	    .override = MESSAGE_OVERRIDE_FORCE_UP, .override_id = 7001 }, 1000);
	word.override_id = 7001;
	step_word(&p, 1100, &word, A);
	assert_int_equal(p.now, POSTURE_SERVING);
	step(&p, 2000, VERDICT_NONE, A);
	assert_int_equal(p.now, POSTURE_DOWN);
}

/* dnsd without TCP, told to drain */
static void
test_drained_for_tcp(void **state)
{
	struct verdict_message word = { .verdict = VERDICT_UP };
	struct posture_input in = { .now_ms = 1000, .word = &word, .dnsd = POSTURE_DNSD_ANSWERING,
		.dnsd_reason = "", .drain_reason = "TCP is dead" };
	struct posture p;

	(void)state;
	posture_init(&p, &common, POSTURE_DOWN);
	posture_step(&p, &in);
	assert_int_equal(p.now, POSTURE_SERVING);
	in.drain = true;
	posture_step(&p, &in);
	assert_int_equal(p.now, POSTURE_DRAINING);
	assert_non_null(strstr(p.reason, "TCP is dead"));
	assert_true(posture_penalty(&p, 1000) == 500);
}

/* Every down takes the route away even when the budget is gone, and says so */
static void
test_suppressed_says_so(void **state)
{
	struct posture p;
	uint64_t now = 1000;

	(void)state;
	posture_init(&p, &common, POSTURE_SERVING);
	posture_restore(&p, &(struct posture_left){ .posture = POSTURE_SERVING,
	    .health = VERDICT_UP, .proven = true, .penalty = 1400 }, now);
	step(&p, now, VERDICT_UP, F);
	assert_int_equal(p.now, POSTURE_DOWN);
	assert_true(posture_penalty(&p, now) > 2300);
	step(&p, now + 1000, VERDICT_UP, A);
	assert_true(p.suppressed);
	assert_non_null(strstr(p.alarm, "flap budget"));
	assert_non_null(strstr(p.reason, "2439"));
	assert_true(p.hold_left_ms > 15 * 60 * 1000);
}

/* The hold-down doubles with each flap and is forgotten after a calm hour */
static void
test_hold_grows(void **state)
{
	static const uint64_t expected[] = { 5000, 10000, 20000, 40000 };
	struct posture p;
	uint64_t now = 1000;

	(void)state;
	posture_init(&p, &common, POSTURE_SERVING);
	for (size_t i = 0; i < 4; i++) {
		uint64_t back;

		p.damping = (struct damping){ 200, now };	/* the budget is another test's */
		step(&p, now, VERDICT_UP, F);
		p.damping = (struct damping){ 200, now };
		back = now + 1000;
		step(&p, back, VERDICT_UP, A);
		step(&p, back + expected[i] - 1, VERDICT_UP, A);
		assert_int_equal(p.now, POSTURE_DOWN);
		step(&p, back + expected[i], VERDICT_UP, A);
		assert_int_equal(p.now, POSTURE_SERVING);
		now = back + expected[i] + 1000;
	}
	now += 60 * 60 * 1000;
	step(&p, now, VERDICT_UP, A);
	assert_int_equal(p.flaps, 0);
}

static void
test_lost(void **state)
{
	struct posture p;

	(void)state;
	posture_init(&p, &common, POSTURE_SERVING);
	posture_lost(&p, 1000, "the lease ran out");
	assert_int_equal(p.now, POSTURE_DOWN);
	assert_true(posture_penalty(&p, 1000) == 1000);
	step(&p, 1100, VERDICT_UP, A);
	assert_int_equal(p.now, POSTURE_DOWN);
	step(&p, 6200, VERDICT_UP, A);
	assert_int_equal(p.now, POSTURE_SERVING);
}

static void
test_restore_refuses_nonsense(void **state)
{
	static const double nonsense[] = { -1, 0, 0.0 / 0.0 };
	struct posture p;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		posture_init(&p, &common, POSTURE_DOWN);
		posture_restore(&p, &(struct posture_left){ .penalty = nonsense[i] }, 1000);
		assert_true(posture_penalty(&p, 1000) == 0);
	}
	posture_restore(&p, &(struct posture_left){ .penalty = 1e300 }, 1000);
	assert_true(posture_penalty(&p, 1000) == 4000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_reasons_and_alarms),
		cmocka_unit_test(test_force_up_said_again),
		cmocka_unit_test(test_attribute_changes_cost),
		cmocka_unit_test(test_flapping_beside_a_drained_server),
		cmocka_unit_test(test_servers_drained_and_undrained),
		cmocka_unit_test(test_no_pardon_without_a_word),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_drained_for_tcp),
		cmocka_unit_test(test_suppressed_says_so),
		cmocka_unit_test(test_hold_grows),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_restore_refuses_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
