#include "healthd/route/damping.h"

#include <math.h>

double
damping_merit(const struct damping *d, uint64_t now_ms)
{
	uint64_t age = now_ms > d->at_ms ? now_ms - d->at_ms : 0;

	return d->merit * exp2(-(double)age / DAMPING_HALF_LIFE_MS);
}

void
damping_withdrawn(struct damping *d, uint64_t now_ms)
{
	d->merit = fmin(damping_merit(d, now_ms) + DAMPING_WITHDRAWAL, DAMPING_CEILING);
	d->at_ms = now_ms;
}

uint64_t
damping_wait_ms(const struct damping *d, uint64_t now_ms)
{
	const double budget = DAMPING_SUPPRESS - DAMPING_WITHDRAWAL;
	double merit = damping_merit(d, now_ms);

	if (merit < budget)
		return 0;
	return (uint64_t)(log2(merit / budget) * DAMPING_HALF_LIFE_MS) + 1;
}
