/* dnsd_life, dnsd_report, dnsd_question: rounds, reports and time as rows, no sockets */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "healthd/route/dnsd_life.h"
#include "healthd/route/dnsd_question.h"
#include "healthd/route/dnsd_report.h"

/*
 * A story, a letter for each thing that happens.  Rounds, each at its due time:
 *   g  a zone and the server answer          o  NXDOMAIN, no data, a referral
 *   r  REFUSED, the server answers           t  the server answers, the zone is silent
 *   b  SERVFAIL for all zones, the server answers
 *   B  SERVFAIL for everything               n  SERVFAIL for a zone that never was served
 *   w  SERVFAIL for one zone, another answers
 *   s  silence                               c  a closed port
 *   m  the address is not on this machine    u  no socket
 *   1  silence of all but one zone's answer  z  we stood still
 * and between them:
 *   +  a report in which answers have moved  =  one in which only those to us have
 *   x  the reports end                       p  proven by what a former watch knew
 *   l  dnsd says that it serves zones
 *   e  another address is flooded            E  it is no more
 */
static const struct life_row {
	const char *sentence, *story;
	enum dnsd_life_state state;
	unsigned held;
} life_rows[] = {
	{ "three good rounds", "ggg", DNSD_LIFE_SERVING, 0 },
	{ "two are not enough", "gg", DNSD_LIFE_UNKNOWN, 0 },
	{ "NXDOMAIN to a question that is not there is a zone that is served", "ooo",
	    DNSD_LIFE_SERVING, 0 },
	{ "REFUSED brings nothing up", "rrrrr", DNSD_LIFE_UNKNOWN, 0 },
	{ "REFUSED after a reload that healthd saw first", "gggrrrrrrrr", DNSD_LIFE_SERVING, 0 },
	{ "REFUSED does not bring back what failed", "gggBBrrrr", DNSD_LIFE_FAILED, 0 },
	{ "REFUSED by one that serves other zones", "lrrr", DNSD_LIFE_SERVING, 0 },
	{ "the same after it was restarted", "gggcccxlrrr", DNSD_LIFE_SERVING, 0 },
	{ "SERVFAIL by one that says that it serves zones", "lnnnn", DNSD_LIFE_UNKNOWN, 0 },
	{ "a server that says who it is, and a zone that never was served", "gggnnnn",
	    DNSD_LIFE_SERVING, 0 },
	{ "the same from the start brings nothing up", "nnnnn", DNSD_LIFE_UNKNOWN, 0 },
	{ "one zone fails, another answers", "gggwwwwww", DNSD_LIFE_SERVING, 0 },
	{ "all zones that were served fail", "gggbb", DNSD_LIFE_FAILED, 0 },
	{ "once is not enough", "gggbgb", DNSD_LIFE_SERVING, 0 },
	{ "everything fails", "gggBB", DNSD_LIFE_FAILED, 0 },
	{ "three times silence", "gggsss", DNSD_LIFE_FAILED, 0 },
	{ "twice is not enough", "gggssgss", DNSD_LIFE_SERVING, 0 },
	{ "one answer of ten, each time", "ggg1s1s1s1", DNSD_LIFE_SERVING, 0 },
	{ "zones are silent while the server says who it is", "gggttt", DNSD_LIFE_FAILED, 0 },
	{ "nobody listens", "gggccc", DNSD_LIFE_FAILED, 0 },
	{ "a restart: closed, and back", "gggcggg", DNSD_LIFE_SERVING, 0 },
	{ "not on this machine", "gggmm", DNSD_LIFE_FAILED, 0 },
	{ "a new address never answers", "sssssssss", DNSD_LIFE_UNKNOWN, 0 },
	{ "a new address is not there", "mmmmmm", DNSD_LIFE_UNKNOWN, 0 },
	{ "a new address says SERVFAIL to all", "BBBBBB", DNSD_LIFE_UNKNOWN, 0 },
	{ "it answered before we were started", "psss", DNSD_LIFE_FAILED, 0 },
	{ "it answered once", "gsss", DNSD_LIFE_FAILED, 0 },
	{ "we have no socket", "ggguuuuuuuu", DNSD_LIFE_SERVING, 0 },
	{ "we stood still each time", "gggzzzzzzz", DNSD_LIFE_SERVING, 0 },
	{ "it comes back", "gggsssggg", DNSD_LIFE_SERVING, 0 },
	{ "back takes three", "gggsssgg", DNSD_LIFE_FAILED, 0 },

	{ "overload: silence while answers move", "ggg++s+s+s", DNSD_LIFE_HELD, 1 },
	{ "overload that goes on", "ggg++s+s+s+s+s+s+s+s", DNSD_LIFE_HELD, 1 },
	{ "overload that is over", "ggg++s+s+s+ggg", DNSD_LIFE_SERVING, 1 },
	{ "overload with one answer now and then", "ggg++s+s+s+g+s+s+g+s", DNSD_LIFE_HELD, 1 },
	{ "overload twice", "ggg++s+s+s+ggg+s+s+s", DNSD_LIFE_HELD, 2 },
	{ "we stood still under overload", "ggg++s+s+szzz", DNSD_LIFE_HELD, 1 },
	{ "it dies under overload", "ggg++s+s+sxs", DNSD_LIFE_FAILED, 1 },
	{ "it hangs under overload: reports go on, nothing moves", "ggg++s+s+s=s=s=s=s=s=s=s",
	    DNSD_LIFE_FAILED, 1 },
	{ "it hangs, and reports go on", "ggg++s=s=s=", DNSD_LIFE_FAILED, 0 },
	{ "it is stopped right after a report", "ggg++sss", DNSD_LIFE_FAILED, 0 },
	{ "the connection was lost: reports of before count for nothing", "ggg++xsss",
	    DNSD_LIFE_FAILED, 0 },
	{ "the first report on a connection shows nothing", "gggx+sss", DNSD_LIFE_FAILED, 0 },
	{ "SERVFAIL is no overload", "ggg++b+b", DNSD_LIFE_FAILED, 0 },
	{ "nor is a closed port", "ggg++c+c+c", DNSD_LIFE_FAILED, 0 },
	{ "overload turns to SERVFAIL", "ggg++s+s+s+B+B", DNSD_LIFE_FAILED, 1 },
	{ "another address is flooded", "ggg+esss", DNSD_LIFE_HELD, 1 },
	{ "another address is no more", "ggg+esssEs", DNSD_LIFE_FAILED, 1 },
	{ "another address is flooded, this one says SERVFAIL", "ggg+ebb", DNSD_LIFE_FAILED, 0 },
	{ "overload at the start raises nothing", "++s+s+s+s", DNSD_LIFE_UNKNOWN, 0 },
};

struct story {
	struct dnsd_life life;
	uint64_t now_ms, answered;
};

static void
hear(struct story *s, enum dnsd_life_about about, enum dnsd_answer answer)
{
	dnsd_life_heard(&s->life, about, answer, answer == DNSD_ANSWER_BAD ? "SERVFAIL" : "");
}

static void
hear_round(struct story *s, char letter)
{
	switch (letter) {
	case 'g':
		hear(s, DNSD_LIFE_SERVER, DNSD_ANSWER_GOOD);
		/* fall through */
	case '1':
		hear(s, DNSD_LIFE_ZONE, DNSD_ANSWER_GOOD);
		break;
	case 'o':
		hear(s, DNSD_LIFE_NEW_ZONE, DNSD_ANSWER_ODD);
		break;
	case 'r':
		hear(s, DNSD_LIFE_SERVER, DNSD_ANSWER_GOOD);
		hear(s, DNSD_LIFE_ZONE, DNSD_ANSWER_REFUSED);
		break;
	case 'w':
		hear(s, DNSD_LIFE_ZONE, DNSD_ANSWER_BAD);
		hear(s, DNSD_LIFE_ZONE, DNSD_ANSWER_GOOD);
		break;
	case 'b':
	case 'B':
		hear(s, DNSD_LIFE_SERVER, letter == 'b' ? DNSD_ANSWER_GOOD : DNSD_ANSWER_BAD);
		hear(s, DNSD_LIFE_ZONE, DNSD_ANSWER_BAD);
		break;
	case 'n':
		hear(s, DNSD_LIFE_SERVER, DNSD_ANSWER_GOOD);
		hear(s, DNSD_LIFE_NEW_ZONE, DNSD_ANSWER_BAD);
		break;
	case 't':
		hear(s, DNSD_LIFE_SERVER, DNSD_ANSWER_GOOD);
		break;
	case 'c':
		dnsd_life_error(&s->life, ECONNREFUSED);
		break;
	default:
		break;
	}
}

/* A round ends at once, unless something is silent in it. */
static void
tell_round(struct story *s, char letter)
{
	if (s->life.due_ms > s->now_ms)
		s->now_ms = s->life.due_ms;
	dnsd_life_begin(&s->life, s->now_ms);
	if (letter == 'm' || letter == 'u') {
		dnsd_life_error(&s->life, letter == 'm' ? EADDRNOTAVAIL : EMFILE);
	} else {
		dnsd_life_asked(&s->life, DNSD_LIFE_SERVER);
		dnsd_life_asked(&s->life,
		    letter == 'o' || letter == 'n' ? DNSD_LIFE_NEW_ZONE : DNSD_LIFE_ZONE);
		hear_round(s, letter);
	}
	if (letter == 'z') {
		s->now_ms += 60000;
		dnsd_life_void(&s->life, s->now_ms);
		return;
	}
	if (letter == 's' || letter == 't')
		s->now_ms += DNSD_LIFE_TIMEOUT_MS;
	dnsd_life_end(&s->life, s->now_ms);
}

static void
tell(struct story *s, char letter)
{
	switch (letter) {
	case '+':
		s->answered += 1000;
		/* fall through */
	case '=':
		s->answered += s->life.asked_since;
		dnsd_life_report(&s->life, s->answered, s->now_ms);
		break;
	case 'x':
		dnsd_life_unreported(&s->life);
		break;
	case 'l':
		s->life.loaded = true;
		break;
	case 'e':
	case 'E':
		s->life.elsewhere = letter == 'e';
		break;
	case 'p':
		s->life.proven = true;
		break;
	default:
		tell_round(s, letter);
	}
	dnsd_life_time(&s->life, s->now_ms);
}

static void
test_stories(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(life_rows) / sizeof(life_rows[0]); i++) {
		const struct life_row *r = &life_rows[i];
		struct story s = { .now_ms = 1000000, .answered = UINT64_MAX - 1500 };

		for (const char *letter = r->story; *letter != '\0'; letter++)
			tell(&s, *letter);
		if (s.life.state != r->state || s.life.held != r->held)
			fail_msg("%s: state %d, held %u", r->sentence, s.life.state, s.life.held);
	}
}

/* ---- time: questions, reports and an end, in every phase to each other ---- */

enum { STEP_MS = 10, SLOW_MS = 750, FOREVER_MS = 20000 };

/* Reports come every `report_ms`, beginning at `phase_ms`, until `reports_end_ms`; questions are
 * answered until `silent_ms`, answers to others go out until `dead_ms`.  When it failed. */
static uint64_t
failed_at(unsigned phase_ms, unsigned report_ms, unsigned silent_ms, unsigned dead_ms,
    unsigned reports_end_ms)
{
	struct story s = { .now_ms = 0 };
	bool asking = false;
	uint64_t due_ms = 0;

	for (uint64_t now = 0; now < FOREVER_MS; now++) {
		if (now < dead_ms)
			s.answered++;
		if (now >= phase_ms && (now - phase_ms) % report_ms == 0 && now < reports_end_ms) {
			dnsd_life_report(&s.life, s.answered, now);
			due_ms = 0;
		}
		if (asking && now >= s.life.asked_ms + DNSD_LIFE_TIMEOUT_MS) {
			asking = false;
			dnsd_life_end(&s.life, now);
			due_ms = 0;
		}
		if (!asking && now >= s.life.due_ms) {
			asking = true;
			dnsd_life_begin(&s.life, now);
			dnsd_life_asked(&s.life, DNSD_LIFE_SERVER);
			dnsd_life_asked(&s.life, DNSD_LIFE_ZONE);
			if (now < silent_ms)
				hear_round(&s, 'g');
		}
		if (now >= due_ms)
			due_ms = dnsd_life_time(&s.life, now);
		if (s.life.state == DNSD_LIFE_FAILED)
			return now;
	}
	return UINT64_MAX;
}

/* kill -STOP: nothing is answered, nobody reports. */
static void
test_stopped_in_every_phase(void **unused)
{
	(void)unused;
	for (unsigned phase = 0; phase < 250; phase += STEP_MS)
		for (unsigned stop = 2000; stop < 2500; stop += STEP_MS)
			assert_true(failed_at(phase, 250, stop, stop, stop + 1) <= stop + SLOW_MS);
}

/* The workers hang, and the main thread goes on reporting. */
static void
test_hung_workers_in_every_phase(void **unused)
{
	(void)unused;
	for (unsigned phase = 0; phase < 250; phase += STEP_MS)
		for (unsigned stop = 2000; stop < 2500; stop += STEP_MS)
			assert_true(failed_at(phase, 250, stop, stop, FOREVER_MS) <=
			    stop + SLOW_MS);
}

/* Overload for as long as it takes, with reports that are late by 150 ms. */
static void
test_overload_in_every_phase(void **unused)
{
	(void)unused;
	for (unsigned phase = 0; phase < 400; phase += 4 * STEP_MS)
		for (unsigned report = 250; report <= 400; report += 5 * STEP_MS)
			for (unsigned start = 2000; start < 2400; start += 4 * STEP_MS)
				assert_true(failed_at(phase, report, start, FOREVER_MS,
				    FOREVER_MS) == UINT64_MAX);
}

/* It dies while it is overloaded, when reports may be late. */
static void
test_death_under_overload(void **unused)
{
	(void)unused;
	for (unsigned phase = 0; phase < 250; phase += STEP_MS)
		for (unsigned stop = 5000; stop < 5250; stop += STEP_MS)
			assert_true(failed_at(phase, 250, 2000, stop, stop + 1) <= stop +
			    DNSD_LIFE_LATE_MS + 250);
}

/* The same, and its main thread goes on reporting: there is no doubt. */
static void
test_hung_under_overload(void **unused)
{
	(void)unused;
	for (unsigned phase = 0; phase < 250; phase += STEP_MS)
		for (unsigned stop = 5000; stop < 5250; stop += STEP_MS)
			assert_true(failed_at(phase, 250, 2000, stop, FOREVER_MS) <=
			    stop + SLOW_MS);
}

/* ---- reports ---- */

static const char good_report[] = "serving generation=7 digest=0123456789abcdef zones=2/3\n"
    "address 192.0.2.53@53 received=1200 answered=1199\n"
    "address 2001:db8:53::53@53 received=18446744073709551615 answered=0\n\n";

static size_t
count_reports(struct dnsd_report_reader *reader, const char *text, size_t len)
{
	size_t n = 0;

	while (dnsd_report_read(reader, &text, &len))
		n++;
	assert_int_equal(len, 0);
	return n;
}

/* Overload with reports that come late, and a reload of healthd in the midst of it: the patience
 * that the flood has earned is not forgotten. */
static void
test_overload_outlives_a_reload(void **unused)
{
	struct dnsd_life old = { .proven = true, .state = DNSD_LIFE_HELD, .misses = 5,
		.silent = true, .reported = true, .reported_ms = 10000, .moved = true,
		.moved_ms = 10000, .certain = true, .answered = 70, .held = 1 };
	struct dnsd_life l = { .proven = false };
	uint64_t now_ms = 10000 + DNSD_LIFE_MOVED_MS + 100;

	(void)unused;
	dnsd_life_inherit(&l, &old, now_ms);
	assert_int_equal(dnsd_life_time(&l, now_ms), 10000 + DNSD_LIFE_LATE_MS);
	assert_int_equal(l.state, DNSD_LIFE_HELD);
	dnsd_life_begin(&l, now_ms);
	dnsd_life_asked(&l, DNSD_LIFE_ZONE);
	dnsd_life_end(&l, now_ms + DNSD_LIFE_TIMEOUT_MS);
	assert_int_equal(l.state, DNSD_LIFE_HELD);
	/* the first report of the new connection is no movement: dnsd may be another one */
	dnsd_life_report(&l, 1000000, now_ms + 200);
	assert_int_equal(l.moved_ms, 10000);
	dnsd_life_time(&l, 10000 + DNSD_LIFE_LATE_MS);
	assert_int_equal(l.state, DNSD_LIFE_FAILED);
}

static void
test_report(void **unused)
{
	struct dnsd_report_reader reader = { .len = 0 };
	const struct dnsd_report *r = &reader.report;
	const char *text = good_report;
	size_t len = strlen(good_report);
	char address[ADDR_TEXT];

	(void)unused;
	assert_int_equal(count_reports(&reader, "ok\n", 3), 0);
	assert_true(dnsd_report_read(&reader, &text, &len));
	assert_true(r->generation == 7 && r->loaded == 2 && r->zones == 3 && r->n == 2);
	assert_string_equal(r->digest, "0123456789abcdef");
	assert_string_equal(addr_text(&r->addresses[1].addr, address), "2001:db8:53::53@53");
	assert_true(r->addresses[0].received == 1200 && r->addresses[0].answered == 1199);
	assert_true(r->addresses[1].received == UINT64_MAX);
	/* octet by octet, and the list is made anew */
	for (size_t i = 0; i < sizeof(good_report) - 1; i++)
		assert_int_equal(count_reports(&reader, good_report + i, 1),
		    i == sizeof(good_report) - 2);
	assert_int_equal(r->n, 2);
	/* cut off anywhere: none */
	for (size_t i = 0; i < sizeof(good_report) - 1; i++) {
		struct dnsd_report_reader cut = { .len = 0 };

		assert_int_equal(count_reports(&cut, good_report, i), 0);
	}
}

static const struct report_row {
	const char *sentence, *text;
	size_t reports;
} report_rows[] = {
	{ "no zones, no addresses", "serving generation=1 digest=- zones=0/0\n\n", 1 },
	{ "lines of a newer dnsd", "hello\nserving generation=1 digest=00 zones=0/0\nload 3\n\n",
	    1 },
	{ "nothing but an end", "\n\n\n", 0 },
	{ "no serving line", "address 192.0.2.53@53 received=1 answered=1\n\n", 0 },
	{ "two serving lines", "serving generation=1 digest=00 zones=0/0\n"
	    "serving generation=1 digest=00 zones=0/0\n\n", 0 },
	{ "more behind it", "serving generation=1 digest=00 zones=0/0 x\n\n", 0 },
	{ "no number", "serving generation=x digest=00 zones=0/0\n\n", 0 },
	{ "no address", "serving generation=1 digest=00 zones=0/0\n"
	    "address nonsense received=1 answered=1\n\n", 0 },
	{ "a counter is missing", "serving generation=1 digest=00 zones=0/0\n"
	    "address 192.0.2.53@53 received=1\n\n", 0 },
	{ "nonsense, and then a good one", "serving nonsense\n\n"
	    "serving generation=1 digest=00 zones=0/0\n\n", 1 },
	{ "a line of 600 octets, and then a good one",
#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "serving " X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 "\n\n"
	    "serving generation=1 digest=00 zones=0/0\n\n", 1 },
};

static void
test_report_rows(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(report_rows) / sizeof(report_rows[0]); i++) {
		struct dnsd_report_reader reader = { .len = 0 };
		size_t n = count_reports(&reader, report_rows[i].text, strlen(report_rows[i].text));

		if (n != report_rows[i].reports)
			fail_msg("%s: %zu reports", report_rows[i].sentence, n);
	}
}

static void
test_report_of_10000_lines(void **unused)
{
	struct dnsd_report_reader reader = { .len = 0 };
	const char line[] = "address 192.0.2.53@53 received=1 answered=1\n";

	(void)unused;
	assert_int_equal(count_reports(&reader, good_report, 55), 0);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(count_reports(&reader, line, sizeof(line) - 1), 0);
	assert_int_equal(reader.report.n, DNSD_REPORT_ADDRESSES);
	assert_int_equal(count_reports(&reader, "\n", 1), 0);
	assert_int_equal(count_reports(&reader, good_report, sizeof(good_report) - 1), 1);
}

/* ---- questions ---- */

static void
test_questions_are_spread(void **unused)
{
	struct conf_zone zones[100];
	char names[100][32], text[DNSD_QUESTION_TEXT];
	struct conf conf = { .zones = zones };
	struct dnsd_questions qs;
	struct err err;

	(void)unused;
	for (size_t i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "z%zu.example", i);
		zones[i] = (struct conf_zone){ .name = names[i] };
	}
	for (size_t n = 1; n <= 100; n++) {
		size_t others = n > 8 ? 8 : n - 1;

		conf.n_zones = n;
		assert_int_equal(dnsd_question_init(&qs, &conf, &err), 0);
		assert_int_equal(qs.n, DNSD_QUESTION_OTHER + others);
		assert_string_equal(dnsd_question_text(text, &qs.v[DNSD_QUESTION_MAIN]),
		    "z0.example SOA");
		for (size_t i = DNSD_QUESTION_MAIN; i < qs.n; i++)
			for (size_t k = DNSD_QUESTION_MAIN; k < i; k++)
				assert_false(name_equal(qs.v[i].name, qs.v[k].name));
	}
	conf.n_zones = 0;
	assert_int_equal(dnsd_question_init(&qs, &conf, &err), 0);
	assert_int_equal(qs.n, 0);
}

static void
test_question_alarms(void **unused)
{
	struct conf_zone zones[] = { { .name = (char *)(uintptr_t)"a.example" },
		{ .name = (char *)(uintptr_t)"b.example" } };
	struct conf conf = { .zones = zones, .n_zones = 2,
		.announce.question = (char *)(uintptr_t)"nosuch.a.example A" };
	char text[HEALTH_REASON_MAX];
	struct dnsd_questions qs;
	struct err err;

	(void)unused;
	assert_int_equal(dnsd_question_init(&qs, &conf, &err), 0);
	assert_int_equal(qs.n, 4);
	for (uint64_t ms = 0; ms <= 2000; ms += 250) {
		dnsd_question_heard(&qs, DNSD_QUESTION_SERVER, DNSD_ANSWER_REFUSED, "REFUSED", ms);
		dnsd_question_heard(&qs, DNSD_QUESTION_MAIN, DNSD_ANSWER_ODD, "NXDOMAIN", ms);
		assert_int_equal(dnsd_question_alarm(&qs, ms, text), ms >= 1000);
	}
	assert_string_equal(text, "dnsd says to nosuch.a.example A: NXDOMAIN");
	assert_int_equal(dnsd_question_about(&qs, DNSD_QUESTION_MAIN), DNSD_LIFE_NEW_ZONE);
	dnsd_question_heard(&qs, DNSD_QUESTION_MAIN, DNSD_ANSWER_GOOD, "", 3000);
	assert_int_equal(dnsd_question_about(&qs, DNSD_QUESTION_MAIN), DNSD_LIFE_ZONE);
	assert_false(dnsd_question_alarm(&qs, 3000, text));
	dnsd_question_heard(&qs, 3, DNSD_ANSWER_REFUSED, "REFUSED", 4000);
	dnsd_question_heard(&qs, 3, DNSD_ANSWER_REFUSED, "REFUSED", 6000);
	assert_true(dnsd_question_alarm(&qs, 6000, text));
	assert_string_equal(text, "dnsd and healthd differ: dnsd says REFUSED to b.example SOA");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_stopped_in_every_phase),
		cmocka_unit_test(test_hung_workers_in_every_phase),
		cmocka_unit_test(test_overload_in_every_phase),
		cmocka_unit_test(test_death_under_overload),
		cmocka_unit_test(test_hung_under_overload),
		cmocka_unit_test(test_overload_outlives_a_reload),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_report_rows),
		cmocka_unit_test(test_report_of_10000_lines),
		cmocka_unit_test(test_questions_are_spread),
		cmocka_unit_test(test_question_alarms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
