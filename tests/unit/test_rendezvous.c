/* rendezvous: the logarithm, the shares, and numbers that must never change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/geo/rendezvous.h"

enum { KEYS = 100000, MOST = 5 };

__extension__ typedef unsigned __int128 u128;

/* floor(log2(1 + i/256) * 2^32) by squaring, integers only: each squaring of a number
 * in [1,2), here in units of 2^-64, gives one bit of its logarithm. */
static uint32_t
log2_by_squaring(unsigned i)
{
	u128 x = (u128)(256 + i) << 56;
	uint32_t bits = 0;

	for (int bit = 31; bit >= 0; bit--) {
		u128 low = (uint64_t)x;		/* (1 + low)^2 = 1 + 2 low + low^2 */

		x = ((u128)1 << 64) + 2 * low + (low * low >> 64);
		if (x >> 65) {
			bits |= UINT32_C(1) << bit;
			x >>= 1;
		}
	}
	return bits;
}

static void
table_is_the_logarithm(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 256; i++)
		if (rendezvous_log2[i] != log2_by_squaring(i))
			fail_msg("entry %u is %08x, squaring gives %08x", i, rendezvous_log2[i],
			    log2_by_squaring(i));
	assert_int_equal(rendezvous_log2[256], 0);
}

static void
neglog2_is_near_the_true_one(void **state)
{
	uint64_t h = 1, last = UINT64_MAX;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		double want, got;

		h = rendezvous_mix(h + (uint64_t)i) | 1;
		h >>= i % 64;
		h |= 1;
		want = 64 - log2((double)h);
		got = (double)rendezvous_neglog2(h) / 4294967296.0;
		if (fabs(want - got) > 3e-6)
			fail_msg("%016llx: %.9f, libm says %.9f", (unsigned long long)h, got, want);
	}
	for (h = 1; h < UINT64_MAX - (h >> 9); h += (h >> 9) + 1) {	/* never rises */
		assert_true(rendezvous_neglog2(h) <= last);
		last = rendezvous_neglog2(h);
	}
	assert_true(rendezvous_neglog2(UINT64_MAX) >= 1);
	assert_true(rendezvous_neglog2(1) == UINT64_C(64) << 32);
}

static unsigned
winner(uint64_t key, const uint32_t *weights, unsigned n, unsigned without)
{
	uint64_t best = UINT64_MAX;
	unsigned won = 0;
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		uint64_t cost;

		snprintf(name, sizeof(name), "srv%u", i);
		cost = rendezvous_cost(key, rendezvous_name(name), rendezvous_inverse(weights[i]));
		if (i != without && cost < best) {
			best = cost;
			won = i;
		}
	}
	return won;
}

static uint64_t
nth_key(unsigned i)
{
	uint8_t ip[4] = { (uint8_t)(1 + i / 65536), (uint8_t)(i >> 8), (uint8_t)i, 0 };

	return rendezvous_key(4, ip, 24);
}

static void
shares_follow_weights(void **state)
{
	static const struct {
		const char *what;
		unsigned n;
		uint32_t weights[MOST];
	} rows[] = {
		{ "two equal servers", 2, { 10, 10 } },
		{ "5:3:2", 3, { 5, 3, 2 } },
		{ "1:1000", 2, { 1, 1000 } },
		{ "five unequal ones", 5, { 1, 2, 4, 8, 16 } },
		{ "large weights, a little apart", 3, { 1000, 999, 998 } },
		{ "one hundred, two hundred, seven hundred", 3, { 100, 200, 700 } },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		unsigned count[MOST] = { 0 };
		double sum = 0;

		for (unsigned i = 0; i < KEYS; i++)
			count[winner(nth_key(i), rows[r].weights, rows[r].n, MOST)]++;
		for (unsigned i = 0; i < rows[r].n; i++)
			sum += rows[r].weights[i];
		for (unsigned i = 0; i < rows[r].n; i++) {
			double got = 100.0 * count[i] / KEYS,
			    want = 100.0 * rows[r].weights[i] / sum;
			if (fabs(got - want) > 0.5)
				fail_msg("%s: server %u has %.2f %%, its weight says %.2f %%",
				    rows[r].what, i, got, want);
		}
	}
}

/* 1 of 1001 parts is 0.1 %: within a point by nature, so it is held to a tenth of itself. */
static void
small_shares_are_true_too(void **state)
{
	static const uint32_t weights[] = { 1, 1000 };
	unsigned small = 0;

	(void)state;
	for (unsigned i = 0; i < 1000000; i++)
		small += winner(nth_key(i), weights, 2, MOST) == 0;
	assert_in_range(small, 900, 1100);
}

static void
losing_a_server_moves_its_share_only(void **state)
{
	static const uint32_t weights[] = { 7, 1, 20, 10, 10 };

	(void)state;
	for (unsigned lost = 0; lost < 5; lost++) {
		for (unsigned i = 0; i < KEYS / 5; i++) {
			unsigned before = winner(nth_key(i), weights, 5, MOST);
			unsigned after = winner(nth_key(i), weights, 5, lost);
			if (before != lost && before != after)
				fail_msg("key %u moved from %u to %u when %u went", i, before,
				    after, lost);
			assert_int_not_equal(after, lost);
		}
	}
}

static void
a_key_is_the_prefix_and_nothing_more(void **state)
{
	uint8_t a[16], b[16];

	(void)state;
	for (unsigned family = 4; family <= 6; family += 2) {
		unsigned octets = family == 4 ? 4 : 16;

		for (unsigned bits = 0; bits <= octets * 8; bits++) {
			for (unsigned i = 0; i < octets; i++)
				b[i] = (uint8_t)~(a[i] = (uint8_t)(17 * i + 3));
			for (unsigned i = 0; i < bits; i++)	/* b shares `bits` bits with a */
				b[i / 8] = (uint8_t)((b[i / 8] & ~(0x80 >> i % 8)) |
				    (a[i / 8] & (0x80 >> i % 8)));
			assert_true(rendezvous_key((uint8_t)family, a,
			    bits) == rendezvous_key((uint8_t)family, b, bits));
			if (bits < octets * 8)
				assert_true(rendezvous_key((uint8_t)family, a, bits + 1) !=
				    rendezvous_key((uint8_t)family, b, bits + 1));
			if (bits > 0)
				assert_true(rendezvous_key((uint8_t)family, a, bits) !=
				    rendezvous_key((uint8_t)family, a, bits - 1));
		}
	}
	memset(a, 0, sizeof(a));
	assert_true(rendezvous_key(4, a, 0) != rendezvous_key(6, a, 0));
}

/* A country's spread prefixes are a few thousand neighbours: diced, one run of five is off by more
 * than a point. */
static void
few_neighbours_share_by_weight(void **state)
{
	static const uint32_t weights[][MOST] = { { 10, 20, 30 }, { 1, 1 }, { 10, 10, 10, 10, 10 },
	    { 1, 2, 3, 4 } };
	enum { RUNS = 60, RUN = 6250 };

	(void)state;
	for (size_t r = 0; r < sizeof(weights) / sizeof(weights[0]); r++) {
		unsigned n = 0, off = 0;
		double sum = 0;

		for (; n < MOST && weights[r][n] != 0; n++)
			sum += weights[r][n];
		for (uint32_t run = 0; run < RUNS; run++) {
			unsigned count[MOST] = { 0 };
			double worst = 0;

			for (uint32_t i = 0; i < RUN; i++) {
				/* 100,000 /24s are 6,250 /20s */
				uint32_t net = (run * 5003 + i) << 12;
				uint8_t ip[4] = { (uint8_t)(net >> 24), (uint8_t)(net >> 16),
				    (uint8_t)(net >> 8), 0 };
				count[winner(rendezvous_key(4, ip, 20), weights[r], n, MOST)]++;
			}
			for (unsigned i = 0; i < n; i++)
				worst = fmax(worst,
				    fabs(100.0 * count[i] / RUN - 100.0 * weights[r][i] / sum));
			off += worst >= 1;
		}
		if (off > RUNS / 20)
			fail_msg("row %zu: %u of %d runs of neighbours are off by a point", r, off,
			    RUNS);
	}
}

static void
the_order_has_every_octet_once(void **state)
{
	bool seen[256] = { false };

	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		assert_false(seen[rendezvous_order[i]]);
		seen[rendezvous_order[i]] = true;
	}
	/* and so has each server's: 256 neighbours draw from 256 equal parts, once each */
	for (uint32_t block = 0; block < 50; block++) {
		memset(seen, 0, sizeof(seen));
		for (unsigned i = 0; i < 256; i++) {
			uint8_t ip[4] = { 10, (uint8_t)block, (uint8_t)i, 0 };
			uint64_t part = rendezvous_draw(rendezvous_key(4, ip, 24),
			    rendezvous_name("a")) >> 56;
			assert_false(seen[part]);
			seen[part] = true;
		}
	}
}

/* Sites run different machines and compilers: these numbers are part of the protocol
 * between them.  A change moves every client of every site. */
static void
numbers_are_forever(void **state)
{
	static const uint8_t v4[4] = { 192, 0, 2, 1 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

	(void)state;
	assert_true(rendezvous_name("fra1") == UINT64_C(0xd5116dd3aeb00426));
	assert_true(rendezvous_key(4, v4, 24) == UINT64_C(0xd329fc7f08238a02));
	assert_true(rendezvous_key(6, v6, 48) == UINT64_C(0xace67d426b2f7b00));
	assert_true(rendezvous_cost(rendezvous_key(4, v4, 24), rendezvous_name("fra1"),
	    rendezvous_inverse(10)) == UINT64_C(0x004cf4a911c3fec3));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_the_logarithm),
		cmocka_unit_test(neglog2_is_near_the_true_one),
		cmocka_unit_test(shares_follow_weights),
		cmocka_unit_test(small_shares_are_true_too),
		cmocka_unit_test(losing_a_server_moves_its_share_only),
		cmocka_unit_test(a_key_is_the_prefix_and_nothing_more),
		cmocka_unit_test(few_neighbours_share_by_weight),
		cmocka_unit_test(the_order_has_every_octet_once),
		cmocka_unit_test(numbers_are_forever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
