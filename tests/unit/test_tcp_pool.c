#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dnsd/net/tcp_pool.h"

enum { MEMBERS = 6, NOW_MS = 10000 };

/* A connection, and its other end. */
struct end {
	struct tcp_pool_member m;
	int other;
};

static struct addr
address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text, NULL), 0);
	return a;
}

static bool
join(struct tcp_pool *pool, struct end *e, const char *from, bool own,
    struct tcp_pool_limits limits, uint64_t now_ms, unsigned *evicted)
{
	struct addr addr = address(from);
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	*e = (struct end){ .m = { .fd = pair[0], .own = own }, .other = pair[1] };
	return tcp_pool_add(pool, &e->m, &addr, &limits, now_ms, evicted);
}

static void
leave(struct tcp_pool *pool, struct end *e, bool added)
{
	if (added)
		tcp_pool_close(pool, &e->m, false);
	else
		close(e->m.fd);
	close(e->other);
}

/* Letters of those of n who were sent away. */
static char *
gone_of(const struct end *ends, size_t n, char *gone)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		char octet;
		if (recv(ends[i].other, &octet, 1, MSG_DONTWAIT) == 0)
			gone[len++] = (char)('a' + i);
	}
	gone[len] = '\0';
	return gone;
}

/*
 * Connections a, b, c, ... are opened in this order at 1, 2, 3, ... ms, from 192.0.2.DIGIT; then
 * some are active at times, some hold memory since times; then one more comes from `newcomer`.
 */
static void
test_who_goes(void **state)
{
	static const struct {
		const char *sentence;
		const char *addresses;		/* of a, b, c, ... */
		unsigned max_all, max_same;
		unsigned active[MEMBERS];	/* ms, 0 = since it was opened */
		unsigned holds[MEMBERS];	/* since ms, 0 = nothing */
		char newcomer;
		const char *gone;		/* letters */
	} rows[] = {
		{ "room for all", "111", 4, 4, { 0 }, { 0 }, '1', "" },
		{ "the oldest goes", "123", 3, 3, { 0 }, { 0 }, '4', "a" },
		{ "the oldest is active again: the next goes",
		  "123", 3, 3, { 50 }, { 0 }, '4', "b" },
		{ "all are active, in another order",
		  "1234", 4, 4, { 53, 51, 54, 52 }, { 0 }, '5', "b" },
		{ "all but the last are active",
		  "1234", 4, 4, { 53, 51, 54 }, { 0 }, '5', "d" },
		{ "who does not read goes before who is idle for longer",
		  "123", 3, 3, { 0 }, { 0, 0, 500 }, '4', "c" },
		{ "of those who do not read, the one since longest",
		  "1234", 4, 4, { 0 }, { 0, 700, 500, 600 }, '5', "c" },
		{ "who does not read just now may be reading: the idle one goes",
		  "123", 3, 3, { 0 }, { NOW_MS - 10 }, '4', "b" },
		{ "all do not read just now: the newcomer comes in all the same",
		  "123", 3, 3, { 0 }, { NOW_MS - 8, NOW_MS - 10, NOW_MS - 9 }, '4', "b" },
		{ "all do not read", "123", 3, 3, { 0 }, { 500, 600, 700 }, '4', "a" },
		{ "an address at its limit loses its own oldest",
		  "12121", 100, 2, { 0 }, { 0 }, '2', "b" },
		{ "its own oldest by activity", "12121", 100, 2, { 0, 90 }, { 0 }, '2', "d" },
		{ "others who do not read do not matter",
		  "12121", 100, 2, { 0 }, { 500, 0, 500, 0, 500 }, '2', "b" },
		{ "an address of which none reads",
		  "1212", 100, 2, { 0 }, { 0, 600, 0, 500 }, '2', "d" },
		{ "both limits are reached: one goes for both, as its own leaves a place",
		  "1212", 4, 2, { 0 }, { 0 }, '1', "a" },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct tcp_pool_limits limits = { 100, 100, 32, 64 };
		struct tcp_pool *pool = tcp_pool_new(NULL);
		size_t n = strlen(rows[r].addresses);
		struct end ends[MEMBERS + 1];
		char gone[MEMBERS + 1], from[16];
		unsigned evicted;

		print_message("%s\n", rows[r].sentence);
		for (size_t i = 0; i < n; i++) {
			snprintf(from, sizeof(from), "192.0.2.%c", rows[r].addresses[i]);
			assert_true(join(pool, &ends[i], from, false, limits, i + 1, &evicted));
			assert_int_equal(evicted, 0);
		}
		for (size_t i = 0; i < n; i++)
			if (rows[r].active[i] != 0)
				tcp_pool_active(&ends[i].m, rows[r].active[i]);
		for (unsigned ms = 0; ms < NOW_MS; ms++)
			for (size_t i = 0; i < n; i++)
				if (rows[r].holds[i] == ms && ms != 0)
					tcp_pool_hold(pool, &ends[i].m, TCP_POOL_LEAST, 0, true,
					    ms);
		limits.all = rows[r].max_all;
		limits.same = rows[r].max_same;
		snprintf(from, sizeof(from), "192.0.2.%c", rows[r].newcomer);
		assert_true(join(pool, &ends[n], from, false, limits, NOW_MS, &evicted));
		assert_string_equal(gone_of(ends, n, gone), rows[r].gone);
		assert_int_equal(evicted, strlen(gone));
		assert_int_equal(tcp_pool_count(pool), n + 1 - evicted);
		for (size_t i = 0; i <= n; i++)
			leave(pool, &ends[i], true);
		assert_int_equal(tcp_pool_count(pool), 0);
		assert_int_equal(tcp_pool_held(pool), 0);
		tcp_pool_free(pool);
	}
}

/* One host has a whole /64 of IPv6 to itself. */
static void
test_network_is_what_a_host_has(void **state)
{
	static const struct {
		const char *sentence, *a, *b;
		unsigned prefix4, prefix6;
		bool same;
	} rows[] = {
		{ "two of a /64", "2001:db8::1", "2001:db8:0:0:ffff::2", 32, 64, true },
		{ "the next /64", "2001:db8::1", "2001:db8:0:1::1", 32, 64, false },
		{ "two of a /48, if the operator says so", "2001:db8::1", "2001:db8:0:1::1", 32, 48,
		  true },
		{ "addresses of their own, if he says so", "2001:db8::1", "2001:db8::2", 32, 128,
		  false },
		{ "IPv4 neighbours", "192.0.2.1", "192.0.2.2", 32, 64, false },
		{ "IPv4 neighbours, if he says so", "192.0.2.1", "192.0.2.2", 24, 64, true },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct tcp_pool_limits limits = { 100, 1, rows[r].prefix4, rows[r].prefix6 };
		struct tcp_pool *pool = tcp_pool_new(NULL);
		struct end ends[2];
		unsigned evicted;

		print_message("%s\n", rows[r].sentence);
		assert_true(join(pool, &ends[0], rows[r].a, false, limits, 1, &evicted));
		assert_true(join(pool, &ends[1], rows[r].b, false, limits, 2, &evicted));
		assert_int_equal(evicted, rows[r].same);
		leave(pool, &ends[0], true);
		leave(pool, &ends[1], true);
		tcp_pool_free(pool);
	}
}

/* What is ours comes in a stranger's place, and none of ours goes for a stranger. */
static void
test_own_connections(void **state)
{
	struct tcp_pool_limits limits = { 3, 3, 32, 64 };
	struct tcp_pool *pool = tcp_pool_new(NULL);
	struct end ends[6];
	char gone[8];
	unsigned evicted;

	(void)state;
	assert_true(join(pool, &ends[0], "192.0.2.53", true, limits, 1, &evicted));
	assert_true(join(pool, &ends[1], "192.0.2.53", true, limits, 2, &evicted));
	assert_true(join(pool, &ends[2], "198.51.100.1", false, limits, 3, &evicted));
	tcp_pool_hold(pool, &ends[0].m, TCP_POOL_LEAST, 0, true, 4);
	assert_true(join(pool, &ends[3], "198.51.100.2", false, limits, NOW_MS, &evicted));
	assert_string_equal(gone_of(ends, 4, gone), "c");
	assert_true(join(pool, &ends[4], "192.0.2.53", true, limits, NOW_MS, &evicted));
	assert_string_equal(gone_of(ends, 5, gone), "cd");
	/* only own ones are left: a stranger finds no place, one of ours that of another */
	assert_false(join(pool, &ends[5], "198.51.100.3", false, limits, NOW_MS, &evicted));
	assert_int_equal(evicted, 0);
	leave(pool, &ends[5], false);
	assert_true(join(pool, &ends[5], "192.0.2.53", true, limits, NOW_MS, &evicted));
	assert_string_equal(gone_of(ends, 5, gone), "acd");
	for (size_t i = 0; i < 6; i++)
		leave(pool, &ends[i], true);
	tcp_pool_free(pool);
}

/* Of a network that holds too much its largest goes, whoever asks for more. */
static void
test_largest_holder_of_a_network(void **state)
{
	const struct tcp_pool_limits limits = { 100, 100, 32, 64 };
	const size_t third = TCP_POOL_HELD_SAME / 3;
	struct tcp_pool *pool = tcp_pool_new(NULL);
	struct end ends[5];
	char gone[8];
	unsigned evicted;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_true(join(pool, &ends[i], i == 4 ? "192.0.2.9" : i % 2 == 0 ? "2001:db8::1" :
		    "2001:db8::2", false, limits, 1, &evicted));
	assert_int_equal(tcp_pool_hold(pool, &ends[4].m, 2 * third, 0, true, 2), 0);
	assert_int_equal(tcp_pool_hold(pool, &ends[0].m, third, 0, true, 2), 0);
	assert_int_equal(tcp_pool_hold(pool, &ends[1].m, third + 100, 0, true, 3), 0);
	assert_int_equal(tcp_pool_hold(pool, &ends[2].m, third - 200, 0, true, 4), 0);
	assert_string_equal(gone_of(ends, 5, gone), "");
	assert_int_equal(tcp_pool_hold(pool, &ends[3].m, TCP_POOL_LEAST, 0, true, 5), 1);
	assert_string_equal(gone_of(ends, 5, gone), "b");
	assert_int_equal(tcp_pool_held(pool), 4 * third - 200 + TCP_POOL_LEAST);
	/* who takes too much alone goes itself */
	assert_int_equal(tcp_pool_hold(pool, &ends[3].m, 3 * third, 0, false, 6), 1);
	assert_string_equal(gone_of(ends, 5, gone), "bd");
	/* who leaves is asked no more */
	assert_int_equal(tcp_pool_hold(pool, &ends[3].m, 9 * third, 0, false, 7), 0);
	for (size_t i = 0; i < 5; i++)
		leave(pool, &ends[i], true);
	assert_int_equal(tcp_pool_held(pool), 0);
	tcp_pool_free(pool);
}

/* Of all, the largest of the network that holds most; next to nothing does not count. */
static void
test_largest_holder_of_all(void **state)
{
	enum { N = 20 };
	const struct tcp_pool_limits limits = { 100, 100, 32, 64 };
	const size_t part = TCP_POOL_HELD_ALL / (N - 1);
	struct tcp_pool *pool = tcp_pool_new(NULL);
	struct end ends[N];
	char gone[N + 1], from[16];
	unsigned evicted, away = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		snprintf(from, sizeof(from), "192.0.2.%u", i == 8 ? 7 : (unsigned)i);
		assert_true(join(pool, &ends[i], from, false, limits, 1, &evicted));
		assert_int_equal(tcp_pool_hold(pool, &ends[i].m, TCP_POOL_LEAST - 1, 0, true, 2),
		    0);
	}
	assert_int_equal(tcp_pool_held(pool), 0);
	for (size_t i = 0; i < N; i++)
		away += tcp_pool_hold(pool, &ends[i].m, i == 8 ? part + 1 : part, 0, true, 3 + i);
	assert_int_equal(away, 1);
	assert_string_equal(gone_of(ends, N, gone), "i");
	for (size_t i = 0; i < N; i++)
		leave(pool, &ends[i], true);
	tcp_pool_free(pool);
}

/* What a socket held when it was asked may have been read since. */
static void
test_read_meanwhile(void **state)
{
	const struct tcp_pool_limits limits = { 3, 3, 32, 64 };
	struct tcp_pool *pool = tcp_pool_new(NULL);
	struct end ends[4];
	char gone[8];
	unsigned evicted;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_true(join(pool, &ends[i], "192.0.2.1", false, limits, i + 1, &evicted));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(tcp_pool_hold(pool, &ends[2 - i].m, 0, TCP_POOL_HELD_SAME / 3 + 1,
		    true, 4), 0);
	assert_string_equal(gone_of(ends, 3, gone), "");
	assert_true(join(pool, &ends[3], "192.0.2.1", false, limits, NOW_MS, &evicted));
	assert_string_equal(gone_of(ends, 3, gone), "a");
	for (size_t i = 0; i < 4; i++)
		leave(pool, &ends[i], true);
	tcp_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_goes),
		cmocka_unit_test(test_network_is_what_a_host_has),
		cmocka_unit_test(test_own_connections),
		cmocka_unit_test(test_largest_holder_of_a_network),
		cmocka_unit_test(test_largest_holder_of_all),
		cmocka_unit_test(test_read_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
