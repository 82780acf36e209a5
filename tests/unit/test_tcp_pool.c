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

enum { MEMBERS = 6 };

/*
 * Connections a, b, c, ... are opened in this order at 1, 2, 3, ... ms, from addresses given by a
 * digit each; then some are active at times, some busy; then one more comes from `newcomer`.
 */
static void
test_who_goes(void **state)
{
	static const struct {
		const char *sentence;
		const char *addresses;		/* of a, b, c, ... */
		unsigned max_all, max_same;
		unsigned active[MEMBERS];	/* ms, 0 = since it was opened */
		const char *busy;		/* letters */
		char newcomer;
		bool added;
		const char *gone;		/* letters */
	} rows[] = {
		{ "room for all", "111", 4, 4, { 0 }, "", '1', true, "" },
		{ "the oldest goes", "123", 3, 3, { 0 }, "", '4', true, "a" },
		{ "the oldest is active again: the next goes",
		  "123", 3, 3, { 50 }, "", '4', true, "b" },
		{ "all are active, in another order",
		  "1234", 4, 4, { 53, 51, 54, 52 }, "", '5', true, "b" },
		{ "all but the last are active", "1234", 4, 4, { 53, 51, 54 }, "", '5', true, "d" },
		{ "the oldest is busy", "123", 3, 3, { 0 }, "a", '4', true, "b" },
		{ "all are busy", "123", 3, 3, { 0 }, "abc", '4', false, "" },
		{ "an address at its limit loses its own oldest",
		  "12121", 100, 2, { 0 }, "", '2', true, "b" },
		{ "its own oldest by activity", "12121", 100, 2, { 0, 90 }, "", '2', true, "d" },
		{ "others' busy ones do not matter",
		  "12121", 100, 2, { 0 }, "ace", '2', true, "b" },
		{ "an address whose connections are all busy",
		  "1212", 100, 2, { 0 }, "bd", '2', false, "" },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct tcp_pool *pool = tcp_pool_new(NULL);
		struct tcp_pool_member m[MEMBERS + 1];
		size_t n = strlen(rows[r].addresses);
		int other[MEMBERS + 1];
		char gone[MEMBERS + 1] = "";
		bool evicted, added;

		print_message("%s\n", rows[r].sentence);
		for (size_t i = 0; i <= n; i++) {
			char which = i < n ? rows[r].addresses[i] : rows[r].newcomer;
			struct addr addr = { .family = 4, .ip = { 192, 0, 2, (uint8_t)which } };
			int pair[2];

			for (size_t k = 0; i == n && k < n; k++)
				if (rows[r].active[k] != 0 ||
				    strchr(rows[r].busy, (int)('a' + k)) != NULL)
					tcp_pool_active(&m[k], rows[r].active[k] != 0 ?
					    rows[r].active[k] : k + 1,
					    strchr(rows[r].busy, (int)('a' + k)) != NULL);
			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
			m[i].fd = pair[0];
			other[i] = pair[1];
			/* the limits are there from the start only for the newcomer */
			added = tcp_pool_add(pool, &m[i], &addr, i < n ? 100 : rows[r].max_all,
			    i < n ? 100 : rows[r].max_same, i < n ? i + 1 : 100, &evicted);
			assert_true(i == n || (added && !evicted));
		}
		assert_int_equal(added, rows[r].added);
		assert_int_equal(evicted, rows[r].gone[0] != '\0');
		for (size_t i = 0; i < n; i++) {
			char octet;
			if (recv(other[i], &octet, 1, MSG_DONTWAIT) == 0)
				gone[strlen(gone)] = (char)('a' + i);
		}
		assert_string_equal(gone, rows[r].gone);
		assert_int_equal(tcp_pool_count(pool), n + added - evicted);
		if (!added)
			close(m[n].fd);
		for (size_t i = 0; i < n + added; i++)
			tcp_pool_close(pool, &m[i]);
		for (size_t i = 0; i <= n; i++)
			close(other[i]);
		assert_int_equal(tcp_pool_count(pool), 0);
		tcp_pool_free(pool);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
