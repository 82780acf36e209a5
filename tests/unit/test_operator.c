/* operator: lines of the control socket, understood and obeyed; and the state file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "healthd/prober/operator.h"
#include "healthd/prober/state.h"

static void
parsed(void **state)
{
	static const struct {
		const char *line;
		int result;
		enum operator_verb verb;
		enum judge_override_kind override;
		const char *pattern, *by;
		uint32_t for_s;
	} rows[] = {
		{ "drain fra1", 0, OPERATOR_OVERRIDE, OVERRIDE_DRAIN, "fra1", "?", 0 },
		{ "drain fra* for 60 by ann", 0, OPERATOR_OVERRIDE, OVERRIDE_DRAIN, "fra*", "ann",
		    60 },
		{ "drain fra* by ann for 60", 0, OPERATOR_OVERRIDE, OVERRIDE_DRAIN, "fra*", "ann",
		    60 },
		{ "  force-up   site:fra  ", 0, OPERATOR_OVERRIDE, OVERRIDE_FORCE_UP, "site:fra",
		    "?", 0 },
		{ "force-down a by b", 0, OPERATOR_OVERRIDE, OVERRIDE_FORCE_DOWN, "a", "b", 0 },
		{ "undrain a by b", 0, OPERATOR_UNDRAIN, OVERRIDE_NONE, "a", "b", 0 },
		{ "clear [ab]?", 0, OPERATOR_CLEAR, OVERRIDE_NONE, "[ab]?", "?", 0 },
		{ "left fra", 0, OPERATOR_LEFT, OVERRIDE_NONE, "fra", "?", 0 },
		{ "notify p 2026-11-20 by ann", 0, OPERATOR_NOTIFY, OVERRIDE_NONE, "p", "ann", 0 },
		{ "status", 0, OPERATOR_STATUS, OVERRIDE_NONE, "", "?", 0 },
		{ "status json", 0, OPERATOR_STATUS, OVERRIDE_NONE, "", "?", 0 },
		{ "sets", 0, OPERATOR_SETS, OVERRIDE_NONE, "", "?", 0 },
		{ "sets ask ", 0, OPERATOR_SETS, OVERRIDE_NONE, "", "?", 0 },
		{ "sets now", -1, 0, 0, NULL, NULL, 0 },
		{ "sets ask now", -1, 0, 0, NULL, NULL, 0 },
		{ "status xml", -1, 0, 0, NULL, NULL, 0 },
		{ "status json now", -1, 0, 0, NULL, NULL, 0 },
		{ "", -1, 0, 0, NULL, NULL, 0 },
		{ "   ", -1, 0, 0, NULL, NULL, 0 },
		{ "drain", -1, 0, 0, NULL, NULL, 0 },
		{ "DRAIN a", -1, 0, 0, NULL, NULL, 0 },
		{ "drained a", -1, 0, 0, NULL, NULL, 0 },
		{ "drain a for", -1, 0, 0, NULL, NULL, 0 },
		{ "drain a for 0", -1, 0, 0, NULL, NULL, 0 },
		{ "drain a for -5", -1, 0, 0, NULL, NULL, 0 },
		{ "drain a for 5m", -1, 0, 0, NULL, NULL, 0 },
		{ "drain a for 99999999999999999999", -1, 0, 0, NULL, NULL, 0 },
		{ "drain a for 31622401", -1, 0, 0, NULL, NULL, 0 },
		{ "drain a b", -1, 0, 0, NULL, NULL, 0 },
		{ "undrain a for 5", -1, 0, 0, NULL, NULL, 0 },
		{ "drain a by \"x\"", -1, 0, 0, NULL, NULL, 0 },
		{ "drain a\"b", -1, 0, 0, NULL, NULL, 0 },
		{ "notify p", -1, 0, 0, NULL, NULL, 0 },
		{ "notify p -", -1, 0, 0, NULL, NULL, 0 },
		{ "notify p a\"b", -1, 0, 0, NULL, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct operator_command c;
		struct err err;

		if (operator_parse(&c, rows[i].line, &err) != rows[i].result)
			fail_msg("\"%s\"", rows[i].line);
		if (rows[i].result < 0)
			continue;
		if (c.verb != rows[i].verb || c.override != rows[i].override ||
		    strcmp(c.pattern, rows[i].pattern) != 0 ||
		    strcmp(c.by, rows[i].by) != 0 || c.for_s != rows[i].for_s)
			fail_msg("\"%s\": verb %d word %d pattern %s by %s for %u", rows[i].line,
			    c.verb, c.override,
			    c.pattern, c.by, c.for_s);
	}
}

static struct conf_site sites[] = { { .name = (char *)"fra" }, { .name = (char *)"nyc" },
    { .name = (char *)"both" } };
static struct conf_check check = { .kind = CONF_CHECK_CONTENT, .interval_ms = 1000, .rise = 3,
    .fall = 2 };
static struct conf_pool pools[] = { { .name = (char *)"p", .check = 0, .n_servers = 4 } };
static struct conf_server servers[] = {
	{ .name = (char *)"fra1", .site = 0, .v4.family = 4 },
	    { .name = (char *)"fra2", .site = 0, .v4.family = 4 },
	{ .name = (char *)"nyc1", .site = 1, .v4.family = 4, .v6.family = 6 },
	    { .name = (char *)"both", .site = 1, .v4.family = 4 },
};
static struct conf conf = { .sites = sites, .n_sites = 3, .checks = &check, .n_checks = 1,
    .pools = pools,
    .n_pools = 1, .servers = servers, .n_servers = 4, .ttl_max_s = 30 };
static const struct judge_time t0 = { 1000000, 1.7e9 };

static int
say(struct judge *j, const char *line, struct operator_done *done)
{
	struct operator_command c;
	struct err err;

	if (operator_parse(&c, line, &err) < 0)
		return -2;
	return operator_apply(j, &c, t0, done, &err);
}

static void
obeyed(void **state)
{
	static const struct {
		const char *sentence, *before, *line;
		int result;
		unsigned servers, sites;
		bool here, elsewhere;
	} rows[] = {
		{ "a server", NULL, "drain fra1", 0, 1, 0, true, false },
		{ "a site", NULL, "drain fra", 0, 0, 1, true, false },
		{ "another site", NULL, "drain nyc", 0, 0, 1, false, true },
		{ "a glob means servers", NULL, "drain fra*", 0, 2, 0, true, false },
		{ "all servers need \"all\"", NULL, "drain *", -1, 0, 0, false, false },
		{ "all servers", NULL, "drain * all", 0, 4, 0, true, true },
		{ "all sites, too", NULL, "drain site:*", -1, 0, 0, false, false },
		{ "however they are written", NULL, "force-down [a-z]*", -1, 0, 0, false, false },
		{ "a glob of sites", NULL, "drain site:* all", 0, 0, 3, true, true },
		{ "taking back does not", "drain * all", "undrain *", 0, 4, 0, true, true },
		{ "longer than what is left", "drain fra1 for 60", "drain fra1 for 90", 0, 1, 0,
		    true, false },
		{ "shorter than what is left", "drain fra1 for 60", "drain fra1 for 30", -1,
		    0, 0, false, false },
		{ "one of two would be shorter", "drain fra1 for 60", "drain fra* for 30", -1, 0,
		    0, false, false },
		{ "an end for what has none", "drain fra", "drain fra for 60", -1, 0, 0, false,
		    false },
		{ "another kind may be shorter", "drain fra1 for 60", "force-down fra1 for 30", 0,
		    1, 0, true, false },
		{ "none for what has an end", "drain fra1 for 60", "drain fra1", 0, 1, 0, true,
		    false },
		{ "it would end before it is drained", NULL, "drain fra for 20 wait", -1, 0,
		    0, false, false },
		{ "it would not", NULL, "drain fra for 60 wait", 0, 0, 1, true, false },
		{ "whether or not somebody waits", NULL, "drain fra for 20", -1, 0, 0, false,
		    false },
		{ "another word may", NULL, "force-down fra for 20", 0, 0, 1, true, false },
		{ "another site is not waited for here", NULL, "drain nyc wait", -1, 0, 0, false,
		    false },
		{ "a server of it is", NULL, "drain nyc1 wait", 0, 1, 0, false, true },
		{ "planned in the past", NULL, "drain fra at 1600000000", -1, 0, 0, false, false },
		{ "planned after years", NULL, "drain fra at 1800000000", -1, 0, 0, false, false },
		{ "planned", NULL, "drain fra at 1700003600", 0, 0, 1, true, false },
		{ "a plan is taken back", "drain fra at 1700003600", "undrain fra", 0, 0, 1, true,
		    false },
		{ "or cleared", "force-up fra at 1700003600", "clear fra", 0, 0, 1, true, false },
		{ "a glob of sites only where no server matches", NULL, "drain f?a", 0, 0, 1, true,
		    false },
		{ "nobody", NULL, "drain xyz", -1, 0, 0, false, false },
		{ "nobody, by glob", NULL, "drain xyz*", -1, 0, 0, false, false },
		{ "a name that is both", NULL, "drain both", -1, 0, 0, false, false },
		{ "said which", NULL, "drain server:both", 0, 1, 0, false, true },
		{ "or which", NULL, "drain site:both", 0, 0, 1, false, true },
		{ "undrain what is not drained changes nothing", NULL, "undrain fra1", 0, 0, 0,
		    false, false },
		{ "undrain", "drain fra*", "undrain fra1", 0, 1, 0, true, false },
		{ "undrain leaves other overrides", "force-down fra1", "undrain fra*", 0, 0, 0,
		    false, false },
		{ "clear takes all", "force-down fra1", "clear *", 0, 1, 0, true, false },
		{ "one override in place of another", "drain fra1", "force-up fra1", 0, 1, 0, true,
		    false },
		{ "a pool is told its set", NULL, "notify p B", 0, 0, 0, false, false },
		{ "no such pool", NULL, "notify q B", -1, 0, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judge *j = judge_new(&conf, t0);
		struct operator_done done;

		assert_non_null(j);
		if (rows[i].before != NULL)
			assert_int_equal(say(j, rows[i].before, &done), 0);
		if (say(j, rows[i].line, &done) != rows[i].result)
			fail_msg("%s", rows[i].sentence);
		if (rows[i].result == 0 &&
		    (done.servers != rows[i].servers || done.sites != rows[i].sites ||
		    done.here != rows[i].here || done.elsewhere != rows[i].elsewhere))
			fail_msg("%s: %u servers, %u sites", rows[i].sentence, done.servers,
			    done.sites);
		judge_free(j);
	}
}

/* What whoever waits for a drain is told. */
static void
waited(void **state)
{
	static const struct {
		const char *sentence, *then;
		uint64_t wait_ms;
		const char *reason;	/* NULL = still draining */
	} rows[] = {
		{ "nothing happens", NULL, 0, NULL },
		{ "undrained", "undrain fra1 by ann", 0, "fra1: undrained by ann" },
		{ "cleared", "clear fra1 by ann", 0, "fra1: the drain was cleared by ann" },
		{ "forced up", "force-up fra1 by ann", 0,
		    "fra1: force-up by ann took the place of the drain" },
		{ "forced down", "force-down fra1 by ann", 0,
		    "fra1: force-down by ann took the place of the drain" },
		{ "drained again", "drain fra1 by ann", 0,
		    "fra1: another drain by ann took the place of the drain" },
		{ "over", NULL, 61000, "fra1: the drain has expired" },
		{ "another server is drained", "drain fra2", 0, NULL },
		{ "a plan is no end", "force-up fra1 at 1700003600", 0, NULL },
		{ "undrained and drained again", "undrain fra1+drain fra1", 0,
		    "fra1: undrained by ?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judge *j = judge_new(&conf, t0);
		struct judge_time later = { t0.mono_ms + rows[i].wait_ms,
		    t0.wall + (double)rows[i].wait_ms / 1e3 };
		struct operator_command c;
		struct operator_done done;
		struct err err = { .text = "" };
		char line[64], *then = rows[i].then != NULL ? strdup(rows[i].then) : NULL, *save;
		int said;

		assert_int_equal(say(j, "drain fra1 for 60 wait", &done), 0);
		snprintf(line, sizeof(line), "left fra1 id %llu", (unsigned long long)done.id);
		for (char *w = then != NULL ? strtok_r(then, "+", &save) : NULL; w != NULL;
		    w = strtok_r(NULL, "+", &save))
			assert_int_equal(say(j, w, &done), 0);
		judge_step(j, &(struct judge_event){ .kind = JUDGE_TICK }, later);
		assert_int_equal(operator_parse(&c, line, &err), 0);
		said = operator_apply(j, &c, later, &done, &err);
		if (rows[i].reason == NULL ? said != 0 || done.left_ms == 0 :
		    said == 0 || strcmp(err.text, rows[i].reason) != 0)
			fail_msg("%s: \"%s\", %llu ms", rows[i].sentence, err.text,
			    (unsigned long long)done.left_ms);
		free(then);
		judge_free(j);
	}
}

static void
planned(void **state)
{
	struct judge *j = judge_new(&conf, t0);
	struct judge_time later = { t0.mono_ms + 3601000, t0.wall + 3601 };
	struct operator_done done;

	(void)state;
	assert_int_equal(say(j, "drain fra1 at 1700003600 for 60 reason new disks", &done), 0);
	assert_int_equal(j->servers[0].word.override.kind, OVERRIDE_NONE);
	assert_int_equal(j->servers[0].word.planned.kind, OVERRIDE_DRAIN);
	assert_int_equal(say(j, "left fra1", &done), 0);
	assert_int_equal(done.left_ms, 0);
	judge_step(j, &(struct judge_event){ .kind = JUDGE_TICK }, later);
	assert_int_equal(j->servers[0].word.planned.kind, OVERRIDE_NONE);
	assert_int_equal(j->servers[0].state, HEALTH_DRAIN);
	assert_string_equal(j->servers[0].reason, "drain by ?: new disks");
	later.mono_ms += 60000;
	judge_step(j, &(struct judge_event){ .kind = JUDGE_TICK }, later);
	assert_int_equal(j->servers[0].word.override.kind, OVERRIDE_NONE);
	judge_free(j);
}

/* Nobody is drained before dnsd has been told. */
static void
untold(void **state)
{
	struct judge *j = judge_new(&conf, t0);
	struct judge_time later = { t0.mono_ms + 33000, t0.wall + 33 };
	struct operator_command c;
	struct operator_done done;
	struct err err;

	(void)state;
	assert_int_equal(say(j, "drain fra1", &done), 0);
	judge_step(j, &(struct judge_event){ .kind = JUDGE_UNPUBLISHED }, later);
	assert_int_equal(operator_parse(&c, "left fra1", &err), 0);
	later.mono_ms += 10000;
	assert_int_equal(operator_apply(j, &c, later, &done, &err), 0);
	assert_int_equal(done.left_ms, 24000);
	judge_free(j);
}

static void
left(void **state)
{
	struct judge *j = judge_new(&conf, t0);
	struct operator_done done;

	(void)state;
	assert_int_equal(say(j, "left fra1", &done), 0);
	assert_int_equal(done.left_ms, 0);
	assert_int_equal(say(j, "drain fra1", &done), 0);
	assert_int_equal(say(j, "left fra*", &done), 0);
	assert_in_range(done.left_ms, 30000, 35000);
	judge_free(j);
}

/* --- the state file --- */

struct taken {
	unsigned n;
	struct state_item last;
};

static void
take(void *arg, const struct state_item *item)
{
	struct taken *t = arg;

	t->n++;
	t->last = *item;
}

static void
state_rows(void **state)
{
	static const struct {
		const char *sentence, *text;
		unsigned items;
		bool whole;
	} rows[] = {
		{ "nothing", "", 0, false },
		{ "a head alone", "nearcast-state 1 stamp=1.5\n", 0, false },
		{ "an empty memory", "nearcast-state 1 stamp=1.5\nend 0\n", 0, true },
		{ "one of each", "nearcast-state 1 stamp=1.5\n"
		    "word server a drain at=1.000 until=0 by=root\nword site b force-up at=1 "
		    "until=2.5 by=x\n"
		    "target a v4 up since=1.0 set=-\ntarget a v6 down since=1.0 set=B\npool p "
		    "set=B\nend 5\n", 5, true },
		{ "one of each of version 2", "nearcast-state 2 stamp=1.5\n"
		    "word site b drain at=1 until=2.5 by=x id=1000 reason=\"new disks\"\n"
		    "plan server a drain at=1 until=0 by=x id=1001 reason=\"\"\n"
		    "sibling nyc drain=1 ttl=40\nset p order=3 id=B\n"
		    "pool p set=B held=1 asked=2 notified=0.000 origin=-\n"
		    "target a v4 up since=1.0 set=B digest=\"odd\"\nend 6\n", 6, true },
		{ "a sibling's TTL of more than a day", "sibling nyc drain=1 ttl=86401\n", 0,
		    false },
		{ "a drain that is neither", "sibling nyc drain=2 ttl=4\n", 0, false },
		{ "an order past all", "set p order=99999999999999999999 id=B\n", 0, false },
		{ "a set without an id", "set p order=3 id=-\n", 0, false },
		{ "half a pool", "pool p set=B held=1\n", 0, false },
		{ "a digest that is neither", "target a v4 up since=1 set=B digest=odd\n", 0,
		    false },
		{ "cut off", "nearcast-state 1 stamp=1.5\nword server a drain at=1 until=0 "
		    "by=root\nword ser", 1, false },
		{ "a wrong count", "nearcast-state 1 stamp=1.5\npool p set=B\nend 2\n", 1, false },
		{ "a bad line among good ones",
		    "nearcast-state 1 stamp=1.5\npool p set=B\nxyzzy\npool q set=C\nend 2\n", 2,
		    false },
		{ "overrides without a head still count",
		    "word server a drain at=1 until=0 by=root\n", 1, false },
		{ "something behind the end", "nearcast-state 1 stamp=1.5\nend 0\nend 0\n", 0,
		    false },
		{ "another version", "nearcast-state 3 stamp=1.5\nend 0\n", 0, false },
		{ "a bad number", "target a v4 up since=x set=-\n", 0, false },
		{ "a number that is not finite", "target a v4 up since=1e999 set=-\n", 0, false },
		{ "a state that is no memory", "target a v4 drain since=1 set=-\n", 0, false },
		{ "a family that does not exist", "target a v5 up since=1 set=-\n", 0, false },
		{ "an override nobody says", "word server a none at=1 until=0 by=root\n", 0,
		    false },
		{ "nobody says it", "word server a drain at=1 until=0 by=\n", 0, false },
		{ "a set with a quote", "pool p set=\"\n", 0, false },
		{ "two blanks", "pool  p set=B\n", 0, false },
		{ "zeros and ones", "\1\2\3\377\n\n\n", 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct taken t = { .n = 0 };
		struct state_report r = state_parse(rows[i].text, strlen(rows[i].text), take, &t);

		if (r.items != rows[i].items || t.n != rows[i].items || r.whole != rows[i].whole)
			fail_msg("%s: %u items, whole %d", rows[i].sentence, r.items, r.whole);
	}
}

/* What is printed is read back. */
static void
round_trip(void **state)
{
	struct judge *j = judge_new(&conf, t0);
	struct result ok = { .reason = REASON_OK, .load = -1, .set = "B" };
	struct operator_done done;
	struct taken t = { .n = 0 };
	struct state_report r;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(say(j, "drain fra1 for 60 by ann", &done), 0);
	assert_int_equal(say(j, "force-down site:nyc", &done), 0);
	judge_step(j, &(struct judge_event){ .kind = JUDGE_RESULT, .index = 0, .result = &ok }, t0);
	state_print(f, j, t0);
	fclose(f);
	r = state_parse(text, len, take, &t);
	assert_true(r.whole);
	assert_int_equal(r.items, 4);	/* the set, too */
	assert_true(r.stamp == t0.wall);
	assert_string_equal(t.last.name, "fra1");
	assert_int_equal(t.last.state, HEALTH_UP);
	assert_string_equal(t.last.set, "B");
	free(text);
	judge_free(j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsed), cmocka_unit_test(obeyed), cmocka_unit_test(left),
		cmocka_unit_test(waited), cmocka_unit_test(planned), cmocka_unit_test(untold),
		cmocka_unit_test(state_rows), cmocka_unit_test(round_trip),
	};

	return cmocka_run_group_tests_name("operator", tests, NULL, NULL);
}
