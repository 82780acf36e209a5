#include "healthd/route/damping.h"

#include <math.h>

double
damping_penalty(const struct damping *d, uint64_t now_ms)
{
	uint64_t age = now_ms > d->at_ms ? now_ms - d->at_ms : 0;

	return d->penalty * exp2(-(double)age / DAMPING_HALF_LIFE_MS);
}

void
damping_withdrawn(struct damping *d, uint64_t now_ms)
{
	d->penalty = fmin(damping_penalty(d, now_ms) + DAMPING_WITHDRAWAL, DAMPING_CEILING);
	d->at_ms = now_ms;
}

uint64_t
damping_wait_ms(const struct damping *d, uint64_t now_ms)
{
	const double budget = DAMPING_SUPPRESS - DAMPING_WITHDRAWAL;
	double penalty = damping_penalty(d, now_ms);

	if (penalty < budget)
		return 0;
	return (uint64_t)(log2(penalty / budget) * DAMPING_HALF_LIFE_MS) + 1;
}
