#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>

#include "dnsd/answer/rrl.h"
#include "tests/lib/random.h"

struct tally {
	unsigned pass, slip, drop, over;
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
		case RRL_OVER: t->over++; break;
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
		{ "off: all pass", 0, 2, "192.0.2.1", false, false, { 100, 0, 0, 0 } },
		{ "ten pass, every second of the rest slips",
		  10, 2, "192.0.2.1", false, false, { 10, 45, 45, 0 } },
		{ "slip 1: nothing is dropped",
		  10, 1, "192.0.2.1", false, false, { 10, 90, 0, 0 } },
		{ "slip 0: nothing slips", 10, 0, "192.0.2.1", false, false, { 10, 0, 90, 0 } },
		{ "slip 10", 10, 10, "192.0.2.1", false, false, { 10, 9, 81, 0 } },
		{ "IPv6 alike", 10, 2, "2001:db8::1", false, false, { 10, 45, 45, 0 } },
		{ "TCP is never limited", 10, 2, "192.0.2.1", true, false, { 100, 0, 0, 0 } },
		{ "nor is who shows a cookie", 10, 2, "192.0.2.1", false, true, { 100, 0, 0, 0 } },
		{ "nor an exempt prefix", 10, 2, "10.1.2.3", false, false, { 100, 0, 0, 0 } },
		{ "a million a second is more than 100",
		  1000000, 2, "192.0.2.1", false, false, { 100, 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf conf = { .rrl = { .responses_per_second = rows[i].rate,
		    .slip = rows[i].slip,
		    .prefix4 = 24, .prefix6 = 56, .exempt = { &exempt, 1 } } };
		struct answer_client client = client_of(rows[i].client);
		struct answer_note note = { .kind = ANSWER_DATA, .name_hash = 1,
		    .cookie_ok = rows[i].cookie };
		struct tally t = { 0, 0, 0, 0 };
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
	struct tally t = { 0, 0, 0, 0 };

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
	struct tally t = { 0, 0, 0, 0 };
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

/* ---- all names of a prefix together ---- */

/* A thousand answers at one moment, of ever another name. */
static void
test_all_names(void **state)
{
	static const struct {
		const char *sentence;
		unsigned rate, all, slip;
		struct tally expected;
	} rows[] = {
		{ "twenty times the rate", 10, 0, 0, { 200, 0, 800, 0 } },
		{ "or what is said", 10, 100, 0, { 100, 0, 900, 0 } },
		{ "with slip", 10, 100, 2, { 100, 450, 450, 0 } },
		{ "less than one name gets", 100, 10, 0, { 10, 0, 990, 0 } },
		{ "never more than a million", 1000000, 0, 0, { 1000, 0, 0, 0 } },
		{ "off with the rate", 0, 10, 0, { 1000, 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf conf = { .rrl = { .responses_per_second = rows[i].rate,
		    .all_per_second = rows[i].all, .slip = rows[i].slip, .prefix4 = 24,
		    .prefix6 = 56 } };
		struct answer_client client = client_of("192.0.2.1");
		struct answer_client other = client_of("192.0.3.1");
		struct rrl *rrl = rrl_new(NULL);
		struct tally t = { 0, 0, 0, 0 };

		print_message("%s\n", rows[i].sentence);
		for (unsigned k = 0; k < 1000; k++) {
			struct answer_note note = { .kind = k % 4, .name_hash = k };
			client.addr.ip[3] = (uint8_t)k;
			ask(rrl, &conf, &client, &note, 1, 1000, &t);
		}
		assert_memory_equal(&t, &rows[i].expected, sizeof(t));
		ask(rrl, &conf, &other, &(struct answer_note){ .name_hash = 1 }, 1, 1000, &t);
		assert_int_equal(t.pass, rows[i].expected.pass + 1);
		rrl_free(rrl);
	}
}

/* ---- octets ---- */

static const struct conf standard = { .amplification = { .factor = 5,
    .octets_per_second = 500000 }, .rrl = { .prefix4 = 24, .prefix6 = 56 } };

/* A thousand long answers at one moment, each row with a fresh table. */
static void
test_octets(void **state)
{
	struct prefix exempt = { .family = 4, .len = 8, .ip = { 10 } };
	static const struct {
		const char *sentence, *client;
		uint32_t beyond;
		bool tcp, own, cookie;
		unsigned rate;
		struct tally expected;
	} rows[] = {
		{ "500,000 octets", "192.0.2.1", 1000, false, false, false, 0, { 500, 0, 0, 500 } },
		{ "of any size", "192.0.2.1", 569, false, false, false, 0, { 878, 0, 0, 122 } },
		{ "one by one", "192.0.2.1", 1, false, false, false, 0, { 1000, 0, 0, 0 } },
		{ "IPv6 alike", "2001:db8::1", 1000, false, false, false, 0, { 500, 0, 0, 500 } },
		{ "short answers", "192.0.2.1", 0, false, false, false, 0, { 1000, 0, 0, 0 } },
		{ "TCP", "192.0.2.1", 1000, true, false, false, 0, { 1000, 0, 0, 0 } },
		{ "this machine", "192.0.2.1", 1000, false, true, false, 0, { 1000, 0, 0, 0 } },
		{ "a cookie", "192.0.2.1", 1000, false, false, true, 0, { 1000, 0, 0, 0 } },
		{ "an exempt prefix", "10.1.1.1", 1000, false, false, false, 0,
		  { 1000, 0, 0, 0 } },
		{ "what rrl drops costs no octets", "192.0.2.1", 1000, false, false, false, 10,
		  { 10, 0, 990, 0 } },
		{ "both", "192.0.2.1", 1000, false, false, false, 600, { 500, 0, 400, 100 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf conf = standard;
		struct answer_client client = client_of(rows[i].client);
		struct answer_note note = { .kind = ANSWER_DATA, .name_hash = 1,
		    .cookie_ok = rows[i].cookie, .beyond = rows[i].beyond };
		struct rrl *rrl = rrl_new(NULL);
		struct tally t = { 0, 0, 0, 0 };

		print_message("%s\n", rows[i].sentence);
		conf.rrl.responses_per_second = rows[i].rate;
		conf.rrl.exempt = (struct conf_prefixes){ &exempt, 1 };
		client.tcp = rows[i].tcp;
		client.own = rows[i].own;
		ask(rrl, &conf, &client, &note, 1000, 123456789, &t);
		assert_memory_equal(&t, &rows[i].expected, sizeof(t));
		rrl_free(rrl);
	}
}

/* Who shares the octets of 192.0.2.1 and of 2001:db8::1, who have none left? */
static void
test_octets_of_whom(void **state)
{
	static const struct {
		const char *client;
		bool shared;
	} rows[] = {
		{ "192.0.2.1", true }, { "192.0.2.255", true }, { "192.0.3.1", false },
		{ "192.1.2.1", false }, { "2001:db8::1", true }, { "2001:db8:0:ff:1::", true },
		{ "2001:db8:0:100::1", false }, { "2001:db9::1", false }, { "c000:201::", false },
	};
	struct answer_client first = client_of("192.0.2.1"), first6 = client_of("2001:db8::1");
	struct answer_note note = { .kind = ANSWER_DATA, .beyond = 1000 };
	struct rrl *rrl = rrl_new(NULL);
	struct tally t = { 0, 0, 0, 0 };

	(void)state;
	ask(rrl, &standard, &first, &note, 500, 1000, &t);
	ask(rrl, &standard, &first6, &note, 500, 1000, &t);
	assert_int_equal(t.pass, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer_client client = client_of(rows[i].client);

		print_message("%s\n", rows[i].client);
		assert_int_equal(rrl_check(rrl, &standard, &client, &note, 1000),
		    rows[i].shared ? RRL_OVER : RRL_PASS);
	}
	rrl_free(rrl);
}

/* All prefixes of a network together have eight budgets, whatever is asked in their names. */
static void
test_octets_of_a_network(void **state)
{
	static const char *const networks[] = { "192.0.2.1", "2001:db8::1" };
	struct answer_note note = { .kind = ANSWER_DATA, .beyond = 1000 };

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		struct rrl *rrl = rrl_new(NULL);
		struct answer_client client = client_of(networks[n]);
		struct tally t = { 0, 0, 0, 0 };

		for (unsigned i = 0; i < 256; i++) {
			client.addr.ip[n == 0 ? 2 : 6] = (uint8_t)i;
			ask(rrl, &standard, &client, &note, 100, 1000, &t);
		}
		assert_int_equal(t.pass, 8 * 500);
		assert_int_equal(t.pass + t.over, 25600);
		client.addr.ip[n == 0 ? 1 : 3]++;	/* the next one has its own */
		assert_int_equal(rrl_check(rrl, &standard, &client, &note, 1000), RRL_PASS);
		rrl_free(rrl);
	}
}

/* Ten seconds of a flood, over the moment at which the clock of the table wraps. */
static void
test_octets_per_second(void **state)
{
	struct answer_client client = client_of("192.0.2.1");
	struct answer_note note = { .kind = ANSWER_DATA, .beyond = 1000 };
	struct rrl *rrl = rrl_new(NULL);
	struct tally t = { 0, 0, 0, 0 };
	uint64_t start = (UINT64_C(1) << 36) / 1000 - 5000;

	(void)state;
	for (uint64_t ms = 0; ms < 10000; ms += 10)
		ask(rrl, &standard, &client, &note, 100, start + ms, &t);
	assert_in_range(t.pass, 10 * 500, 11 * 500);
	rrl_free(rrl);
}

static void
random_prefix(struct answer_client *client, uint64_t *seed)
{
	uint64_t r = random_next(seed);

	memcpy(client->addr.ip, &r, 3);
}

/* Two million questions in random names within a fifth of a second: 64 victims whose octets are
 * used up stay so, and of those who ask once nobody is cut.  With rrl, too, where each leaves an
 * answer's twentieth of a second behind. */
static void
test_strangers_and_victims(void **state)
{
	(void)state;
	for (unsigned rate = 0; rate <= 20; rate += 20) {
		struct rrl *rrl = rrl_new(NULL);
		struct conf conf = standard;
		struct answer_client client = client_of("192.0.2.1");
		struct answer_note note = { .kind = ANSWER_DATA, .name_hash = 1, .beyond = 500000 };
		struct tally victims = { 0, 0, 0, 0 }, others = { 0, 0, 0, 0 };
		uint64_t seed = 1;

		conf.rrl.slip = 1;
		for (unsigned i = 0; i < 64; i++) {
			client.addr.ip[1] = (uint8_t)i;
			ask(rrl, &conf, &client, &note, 1, 1000, &victims);
		}
		assert_int_equal(victims.pass, 64);
		conf.rrl.responses_per_second = rate;
		note.beyond = 400;
		for (unsigned i = 0; i < 2000000; i++) {
			random_prefix(&client, &seed);
			if (client.addr.ip[0] != 192)
				ask(rrl, &conf, &client, &note, 1, 1000 + i / 10000, &others);
		}
		client = client_of("192.0.2.1");
		note.beyond = 500000 / 2;
		for (unsigned i = 0; i < 64; i++) {
			client.addr.ip[1] = (uint8_t)i;
			ask(rrl, &conf, &client, &note, 1, 1200, &victims);
		}
		assert_int_equal(victims.over, 64);
		assert_int_equal(others.over, 0);
		print_message("%u, rrl %u: %u of %u slipped\n", others.over, rate, others.slip,
		    others.slip + others.pass);
		rrl_free(rrl);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_all_names),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_octets_of_whom),
		cmocka_unit_test(test_octets_of_a_network),
		cmocka_unit_test(test_octets_per_second),
		cmocka_unit_test(test_strangers_and_victims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
