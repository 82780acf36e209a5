/* dnsd_watch: misses, answers and lateness, on simulated time against a socket of ours */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "healthd/route/dnsd_life.h"
#include "healthd/route/dnsd_watch.h"

struct bench {
	int server;			/* our "dnsd" */
	struct addr listen;
	struct conf_zone zone;
	struct conf conf;
	struct loop *loop;
	struct dnsd_watch *watch;
	uint64_t now_ms;
};

static void
start(struct bench *b)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	struct err err;

	memset(b, 0, sizeof(*b));
	b->server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(b->server >= 0);
	assert_int_equal(bind(b->server, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(b->server, (struct sockaddr *)&sin, &len), 0);
	b->listen = (struct addr){ .family = 4, .ip = { 127, 0, 0, 1 },
		.port = ntohs(sin.sin_port) };
	b->zone.name = (char *)(uintptr_t)"example.org";
	b->conf = (struct conf){ .listen = &b->listen, .n_listen = 1, .zones = &b->zone,
		.n_zones = 1, .run_dir = (char *)(uintptr_t)"/nonexistent" };
	b->loop = loop_new(&err);
	assert_non_null(b->loop);
	b->watch = dnsd_watch_new(b->loop, &b->conf, &err);
	assert_non_null(b->watch);
	b->now_ms = loop_now(b->loop);
}

static void
stop(struct bench *b)
{
	dnsd_watch_free(b->watch);
	loop_free(b->loop);
	close(b->server);
}

#define ROUND 2				/* questions: about the server, and the one zone */

/* Takes the questions that have come in, answers the first `answers` of those about zones with
 * this rcode, those about the server itself if it is an error; how many came. */
static int
serve(struct bench *b, int answers, uint8_t rcode)
{
	int asked = 0;

	for (;;) {
		uint8_t packet[512] = { 0 };
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t got = recvfrom(b->server, packet, sizeof(packet), 0,
		    (struct sockaddr *)&from, &len);

		if (got < 0)
			return asked;
		asked++;
		if (memcmp(packet + 12, "\4site", 5) == 0 ? rcode == 0 : answers-- <= 0)
			continue;
		assert_int_equal(packet[11], 1);	/* EDNS, with a client cookie */
		assert_int_equal(packet[(size_t)got - 11], 10);
		packet[2] = 0x84;
		packet[3] = rcode;
		packet[7] = 1;
		assert_true(sendto(b->server, packet, (size_t)got + 24, 0, (struct sockaddr *)&from,
		    len) > 0);
	}
}

static enum posture_dnsd
state(const struct bench *b)
{
	char reason[HEALTH_REASON_MAX];

	return dnsd_watch_prefix(b->watch, 0, reason);
}

/* One round after `ms`; what is asked in it is answered at once, and read. */
static int
after(struct bench *b, uint64_t ms, int answers, uint8_t rcode)
{
	int asked;

	b->now_ms += ms;
	loop_turn(b->loop, b->now_ms);
	asked = serve(b, answers, rcode);
	if (answers > 0)
		loop_turn(b->loop, b->now_ms);
	return asked;
}

static void
up(struct bench *b)
{
	for (int i = 0; i < DNSD_LIFE_RISE; i++)
		assert_int_equal(after(b, 250, 1, 0), ROUND);
	assert_int_equal(state(b), POSTURE_DNSD_ANSWERING);
}

static void
test_three_answers_make_it_answer(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b);
	assert_int_equal(state(&b), POSTURE_DNSD_UNKNOWN);
	after(&b, 250, 1, 0);
	after(&b, 250, 1, 0);
	assert_int_equal(state(&b), POSTURE_DNSD_UNKNOWN);
	after(&b, 250, 1, 0);
	assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);
	stop(&b);
}

static void
test_silence_fails_after_700_ms(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b);
	up(&b);
	assert_int_equal(after(&b, 250, 0, 0), ROUND);
	assert_int_equal(after(&b, 150, 0, 0), DNSD_WATCH_AGAIN);
	assert_int_equal(after(&b, 150, 0, 0), DNSD_WATCH_AGAIN);
	assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);
	after(&b, 150, 0, 0);
	assert_int_equal(state(&b), POSTURE_DNSD_FAILED);
	stop(&b);
}

static void
test_one_answer_of_ten_is_enough(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b);
	up(&b);
	for (int i = 0; i < 20; i++) {
		after(&b, 250, 0, 0);
		assert_int_equal(after(&b, 150, 1, 0), DNSD_WATCH_AGAIN);
		assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);
	}
	stop(&b);
}

static void
test_errors_fail_sooner(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b);
	up(&b);
	assert_int_equal(after(&b, 250, 99, 2), ROUND);
	assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);
	assert_int_equal(after(&b, 100, 99, 2), 0);	/* the pause */
	assert_int_equal(after(&b, 100, 99, 2), DNSD_WATCH_AGAIN);
	assert_int_equal(state(&b), POSTURE_DNSD_FAILED);
	stop(&b);
}

static void
test_nobody_listens(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b);
	up(&b);
	close(b.server);
	b.server = -1;
	loop_turn(b.loop, b.now_ms += 250);
	loop_turn(b.loop, b.now_ms);
	assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);
	loop_turn(b.loop, b.now_ms += 500);
	loop_turn(b.loop, b.now_ms);
	assert_int_equal(state(&b), POSTURE_DNSD_FAILED);
	stop(&b);
}

/* Closed, and open again 450 ms later */
static void
test_restarted(void **unused)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct bench b;

	(void)unused;
	start(&b);
	up(&b);
	close(b.server);
	loop_turn(b.loop, b.now_ms += 250);
	loop_turn(b.loop, b.now_ms);
	b.server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	sin.sin_port = htons(b.listen.port);
	assert_int_equal(bind(b.server, (struct sockaddr *)&sin, sizeof(sin)), 0);
	loop_turn(b.loop, b.now_ms += 450);
	assert_int_equal(after(&b, 50, 99, 0), DNSD_WATCH_AGAIN);
	for (int i = 0; i < 5; i++) {
		after(&b, 250, 1, 0);
		assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);
	}
	stop(&b);
}

/* The process stood still for a minute: what was asked before counts for nothing */
static void
test_late_is_no_miss(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b);
	up(&b);
	for (int i = 0; i < 10; i++) {
		after(&b, 250, 0, 0);
		dnsd_watch_late(b.watch);
		assert_int_equal(after(&b, 60000, 1, 0), ROUND);
		assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);
	}
	stop(&b);
}

static void
test_an_address_of_another_machine(void **unused)
{
	struct bench b;
	struct err err;
	char reason[HEALTH_REASON_MAX], text[64];

	(void)unused;
	start(&b);
	dnsd_watch_free(b.watch);
	b.listen.ip[0] = 192;		/* TEST-NET-1, routed away or nowhere */
	b.listen.ip[2] = 2;
	b.watch = dnsd_watch_new(b.loop, &b.conf, &err);
	assert_non_null(b.watch);
	for (int i = 0; i < 3; i++)
		loop_turn(b.loop, b.now_ms += 250);
	assert_int_equal(dnsd_watch_prefix(b.watch, 0, reason), POSTURE_DNSD_UNKNOWN);
	snprintf(text, sizeof(text), "192.0.2.1@%u", b.listen.port);
	dnsd_watch_restore(b.watch, text);	/* it answered before we were started */
	loop_turn(b.loop, b.now_ms += 250);
	assert_int_equal(dnsd_watch_prefix(b.watch, 0, reason), POSTURE_DNSD_FAILED);
	assert_non_null(strstr(reason, "not on this machine"));
	stop(&b);
}

/* dnsd hangs while healthd is reloaded again and again: the misses go on. */
static void
test_a_reload_forgets_no_misses(void **unused)
{
	struct bench b;
	struct err err;

	(void)unused;
	start(&b);
	up(&b);
	after(&b, 250, 0, 0);
	for (int i = 0; i < DNSD_LIFE_FALL_SILENT; i++) {
		struct dnsd_watch *old = b.watch;

		assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);
		b.watch = dnsd_watch_new(b.loop, &b.conf, &err);
		assert_non_null(b.watch);
		dnsd_watch_inherit(b.watch, old);
		dnsd_watch_free(old);
		assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);
		after(&b, 0, 0, 0);
		after(&b, 150, 0, 0);
	}
	assert_int_equal(state(&b), POSTURE_DNSD_FAILED);
	stop(&b);
}

/* `listen` was changed and both daemons restarted: the address that answered is gone with dnsd, and
 * a new one that never answers must not keep the prefix announced for ever. */
static void
test_all_addresses_of_a_prefix_are_new(void **unused)
{
	struct prefix prefix = { .family = 4, .ip = { 127 }, .len = 8 };
	struct bench b;
	struct err err;
	char text[64];

	(void)unused;
	start(&b);
	dnsd_watch_free(b.watch);
	b.conf.announce.enabled = true;
	b.conf.announce.prefixes = (struct conf_prefixes){ .v = &prefix, .n = 1 };
	snprintf(text, sizeof(text), "127.0.0.1@%u tcp", b.listen.port);
	b.listen.ip[3] = 99;
	b.watch = dnsd_watch_new(b.loop, &b.conf, &err);
	assert_non_null(b.watch);
	after(&b, 0, 0, 0);
	assert_int_equal(state(&b), POSTURE_DNSD_UNKNOWN);
	dnsd_watch_restore(b.watch, text);
	for (int i = 0; i < DNSD_LIFE_RISE; i++)
		after(&b, 250, 1, 0);
	assert_int_equal(state(&b), POSTURE_DNSD_ANSWERING);	/* it is the old one still */
	for (int i = 0; i < 6; i++)
		after(&b, 150, 0, 0);
	assert_int_equal(state(&b), POSTURE_DNSD_FAILED);
	stop(&b);
}

/* Without `listen` addresses in the prefixes, one family's fault is not the other's. */
static void
test_wildcards_are_of_their_family(void **unused)
{
	struct prefix prefixes[] = { { .family = 6, .ip = { 0x20, 1 }, .len = 16 },
		{ .family = 4, .ip = { 192, 0, 2 }, .len = 24 } };
	struct addr listen[2] = { { .family = 4 }, { .family = 6 } };
	struct bench b;
	struct err err;
	char reason[HEALTH_REASON_MAX];

	(void)unused;
	start(&b);
	dnsd_watch_free(b.watch);
	listen[0].port = listen[1].port = b.listen.port;	/* nobody is at ::1 */
	b.conf.listen = listen;
	b.conf.n_listen = 2;
	b.conf.announce.enabled = true;
	b.conf.announce.prefixes = (struct conf_prefixes){ .v = prefixes, .n = 2 };
	b.watch = dnsd_watch_new(b.loop, &b.conf, &err);
	assert_non_null(b.watch);
	for (int i = 0; i < DNSD_LIFE_RISE; i++)
		after(&b, 250, 9, 0);
	assert_int_equal(dnsd_watch_prefix(b.watch, 0, reason), POSTURE_DNSD_UNKNOWN);
	assert_int_equal(dnsd_watch_prefix(b.watch, 1, reason), POSTURE_DNSD_ANSWERING);
	stop(&b);
}

/* All zones were taken out of the configuration: what is announced is watched. */
static void
test_without_a_zone_a_dead_dnsd_is_found(void **unused)
{
	struct bench b;
	struct err err;

	(void)unused;
	start(&b);
	dnsd_watch_free(b.watch);
	b.conf.n_zones = 0;
	b.conf.announce.enabled = true;
	b.watch = dnsd_watch_new(b.loop, &b.conf, &err);
	assert_non_null(b.watch);
	for (int i = 0; i < 4; i++)
		assert_int_equal(after(&b, 250, 2, 5), ROUND);
	assert_int_equal(state(&b), POSTURE_DNSD_UNKNOWN);	/* it lives, and serves nothing */
	for (int i = 0; i < 6; i++)
		after(&b, 150, 0, 0);
	assert_int_equal(state(&b), POSTURE_DNSD_FAILED);
	stop(&b);
}

/* on-tcp-down = "drain": a reload of healthd while TCP is dead must not raise the site. */
static void
test_lost_tcp_stays_lost_over_a_reload(void **unused)
{
	static const char *const words[] = { "", " tcp", " no-tcp", " no", "tcp" };
	struct bench b;
	struct err err;
	char reason[HEALTH_REASON_MAX], text[DNSD_WATCH_PROVEN], back[DNSD_WATCH_PROVEN];

	(void)unused;
	start(&b);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct dnsd_watch *old = dnsd_watch_new(b.loop, &b.conf, &err);

		assert_non_null(old);
		dnsd_watch_free(b.watch);
		b.watch = dnsd_watch_new(b.loop, &b.conf, &err);
		assert_non_null(b.watch);
		snprintf(text, sizeof(text), "127.0.0.1@%u%s", b.listen.port, words[i]);
		dnsd_watch_restore(old, text);
		dnsd_watch_inherit(b.watch, old);
		dnsd_watch_free(old);
		assert_int_equal(dnsd_watch_tcp(b.watch, 0, reason), i == 2);
		if (i < 3) {
			assert_true(dnsd_watch_proven(b.watch, 0, back));
			assert_string_equal(back, text);
		}
	}
	stop(&b);
}

static void
test_bad_questions_are_refused(void **unused)
{
	static const char *const bad[] = { "example.org NONSENSE", "a..b SOA", "example.org TYPE0",
	    "example.org TYPE70000",
		"example.net SOA", "anexample.org SOA" };
	struct bench b;
	struct err err;

	(void)unused;
	start(&b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		b.conf.announce.question = (char *)(uintptr_t)bad[i];
		assert_null(dnsd_watch_new(b.loop, &b.conf, &err));
		assert_non_null(strstr(err.text, "question"));
	}
	dnsd_watch_free(b.watch);
	b.conf.announce.question = (char *)(uintptr_t)"WWW.Example.org. A";
	b.watch = dnsd_watch_new(b.loop, &b.conf, &err);
	assert_non_null(b.watch);
	stop(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three_answers_make_it_answer),
		cmocka_unit_test(test_silence_fails_after_700_ms),
		cmocka_unit_test(test_one_answer_of_ten_is_enough),
		cmocka_unit_test(test_errors_fail_sooner),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_restarted),
		cmocka_unit_test(test_late_is_no_miss),
		cmocka_unit_test(test_an_address_of_another_machine),
		cmocka_unit_test(test_a_reload_forgets_no_misses),
		cmocka_unit_test(test_all_addresses_of_a_prefix_are_new),
		cmocka_unit_test(test_wildcards_are_of_their_family),
		cmocka_unit_test(test_without_a_zone_a_dead_dnsd_is_found),
		cmocka_unit_test(test_lost_tcp_stays_lost_over_a_reload),
		cmocka_unit_test(test_bad_questions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
