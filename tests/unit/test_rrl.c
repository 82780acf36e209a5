#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <pthread.h>

#include "dnsd/answer/rrl.h"

struct tally {
	unsigned pass, slip, drop;
};

static struct answer_client
client_of(const char *text)
{
	struct answer_client client = { .tcp = false };

	assert_int_equal(addr_parse(&client.addr, text, NULL), 0);
	return client;
}

static void
ask(struct rrl *rrl, const struct conf *conf, const struct answer_client *client,
    const struct answer_note *note, unsigned n, uint64_t now_ms, struct tally *t)
{
	for (unsigned i = 0; i < n; i++)
		switch (rrl_check(rrl, conf, client, note, now_ms)) {
		case RRL_PASS: t->pass++; break;
		case RRL_SLIP: t->slip++; break;
		case RRL_DROP: t->drop++; break;
		}
}

/* 100 questions at one moment, each row with a fresh table. */
static void
test_rows(void **state)
{
	struct prefix exempt = { .family = 4, .len = 8, .ip = { 10 } };
	static const struct {
		const char *sentence;
		unsigned rate, slip;
		const char *client;
		bool tcp, cookie;
		struct tally expected;
	} rows[] = {
		{ "off: all pass", 0, 2, "192.0.2.1", false, false, { 100, 0, 0 } },
		{ "ten pass, every second of the rest slips",
		  10, 2, "192.0.2.1", false, false, { 10, 45, 45 } },
		{ "slip 1: nothing is dropped", 10, 1, "192.0.2.1", false, false, { 10, 90, 0 } },
		{ "slip 0: nothing slips", 10, 0, "192.0.2.1", false, false, { 10, 0, 90 } },
		{ "slip 10", 10, 10, "192.0.2.1", false, false, { 10, 9, 81 } },
		{ "IPv6 alike", 10, 2, "2001:db8::1", false, false, { 10, 45, 45 } },
		{ "TCP is never limited", 10, 2, "192.0.2.1", true, false, { 100, 0, 0 } },
		{ "nor is who shows a cookie", 10, 2, "192.0.2.1", false, true, { 100, 0, 0 } },
		{ "nor an exempt prefix", 10, 2, "10.1.2.3", false, false, { 100, 0, 0 } },
		{ "a million a second is more than 100",
		  1000000, 2, "192.0.2.1", false, false, { 100, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf conf = { .rrl = { .responses_per_second = rows[i].rate,
		    .slip = rows[i].slip,
		    .prefix4 = 24, .prefix6 = 56, .exempt = { &exempt, 1 } } };
		struct answer_client client = client_of(rows[i].client);
		struct answer_note note = { .kind = ANSWER_DATA, .name_hash = 1,
		    .cookie_ok = rows[i].cookie };
		struct tally t = { 0, 0, 0 };
		struct rrl *rrl = rrl_new(NULL);

		print_message("%s\n", rows[i].sentence);
		client.tcp = rows[i].tcp;
		ask(rrl, &conf, &client, &note, 100, 123456789, &t);
		assert_int_equal(t.pass, rows[i].expected.pass);
		assert_int_equal(t.slip, rows[i].expected.slip);
		assert_int_equal(t.drop, rows[i].expected.drop);
		rrl_free(rrl);
	}
}

/* Who shares a bucket with 192.0.2.1 asking for name 1, which is empty? */
static void
test_keys(void **state)
{
	static const struct {
		const char *sentence, *client;
		enum answer_kind kind;
		uint64_t name;
		bool shared;
	} rows[] = {
		{ "the same", "192.0.2.1", ANSWER_DATA, 1, true },
		{ "a neighbour in the /24", "192.0.2.200", ANSWER_DATA, 1, true },
		{ "the next /24", "192.0.3.1", ANSWER_DATA, 1, false },
		{ "another name", "192.0.2.1", ANSWER_DATA, 2, false },
		{ "another kind of answer", "192.0.2.1", ANSWER_NXDOMAIN, 1, false },
		{ "an error", "192.0.2.1", ANSWER_ERROR, 5, true },
		{ "another error", "192.0.2.1", ANSWER_ERROR, 1, true },
		{ "IPv6 of the same octets", "c000:201::", ANSWER_DATA, 1, false },
	};
	struct conf conf = { .rrl = { .responses_per_second = 5, .slip = 0, .prefix4 = 24,
	    .prefix6 = 56 } };
	struct answer_client first = client_of("192.0.2.1");
	struct answer_note data = { .kind = ANSWER_DATA, .name_hash = 1 };
	struct answer_note error = { .kind = ANSWER_ERROR, .name_hash = 2 };
	struct rrl *rrl = rrl_new(NULL);
	struct tally t = { 0, 0, 0 };

	(void)state;
	ask(rrl, &conf, &first, &data, 5, 1000, &t);
	ask(rrl, &conf, &first, &error, 5, 1000, &t);
	assert_int_equal(t.pass, 10);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer_client client = client_of(rows[i].client);
		struct answer_note note = { .kind = rows[i].kind, .name_hash = rows[i].name };

		print_message("%s\n", rows[i].sentence);
		assert_int_equal(rrl_check(rrl, &conf, &client, &note, 1000),
		    rows[i].shared ? RRL_DROP : RRL_PASS);
	}
	rrl_free(rrl);
}

/* 50 questions every 10 ms, for ten seconds: 20 a second and one bucket full pass. */
static void
test_rate(void **state)
{
	struct conf conf = { .rrl = { .responses_per_second = 20, .slip = 2, .prefix4 = 24,
	    .prefix6 = 56 } };
	struct answer_client client = client_of("192.0.2.1");
	struct answer_note note = { .kind = ANSWER_DATA, .name_hash = 1 };
	struct rrl *rrl = rrl_new(NULL);
	struct tally t = { 0, 0, 0 };
	/* over the moment at which 36 bits of microseconds wrap */
	uint64_t start = (UINT64_C(1) << 36) / 1000 - 5000;

	(void)state;
	for (uint64_t ms = 0; ms < 10000; ms += 10)
		ask(rrl, &conf, &client, &note, 50, start + ms, &t);
	assert_in_range(t.pass, 10 * 20, 11 * 20);
	rrl_free(rrl);
}

struct shared {
	struct rrl *rrl;
	struct conf conf;
	struct tally tally;
};

static void *
hammer(void *arg)
{
	struct shared *s = arg;
	struct answer_client client = client_of("192.0.2.1");
	struct answer_note note = { .kind = ANSWER_DATA, .name_hash = 1 };

	ask(s->rrl, &s->conf, &client, &note, 20000, 5000, &s->tally);
	return NULL;
}

/* The limit holds over all threads together. */
static void
test_threads(void **state)
{
	struct rrl *rrl = rrl_new(NULL);
	struct shared s[4];
	pthread_t thread[4];
	unsigned pass = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		s[i] = (struct shared){ .rrl = rrl,
		    .conf.rrl = { .responses_per_second = 1000, .slip = 2, .prefix4 = 24,
		        .prefix6 = 56 } };
		pthread_create(&thread[i], NULL, hammer, &s[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		pass += s[i].tally.pass;
	}
	/* two threads may claim the very first bucket at once; never more than that */
	assert_in_range(pass, 1000, 1000 + 4);
	rrl_free(rrl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
