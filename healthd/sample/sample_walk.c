#include "healthd/sample/sample_walk.h"

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* About 0.618 n, so that few steps are spread evenly, and without a divisor in common with it. */
static uint64_t
stride(uint64_t n)
{
	uint64_t s = n * 618 / 1000 + 1;

	while (common_divisor(s, n) != 1)
		s++;
	return s;
}

uint32_t
sample_walk_next(struct sample_walk *walk, uint64_t n)
{
	/* both factors are below 2^32 */
	return (uint32_t)((walk->at++ % n * stride(n) + walk->seed % n) % n);
}
