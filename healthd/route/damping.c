#include "healthd/route/damping.h"

#include <math.h>

double
damping_penalty(const struct damping *d, const struct damping_rules *rules, uint64_t now_ms)
{
	uint64_t age = now_ms > d->at_ms ? now_ms - d->at_ms : 0;

	return d->penalty * exp2(-(double)age / rules->half_life_ms);
}

void
damping_add(struct damping *d, const struct damping_rules *rules, double cost, uint64_t now_ms)
{
	d->penalty = fmin(damping_penalty(d, rules, now_ms) + cost, 2 * rules->suppress);
	d->at_ms = now_ms;
}

uint64_t
damping_wait_ms(const struct damping *d, const struct damping_rules *rules, double cost,
    uint64_t now_ms)
{
	double budget = fmax(rules->suppress - cost, 1);
	double penalty = damping_penalty(d, rules, now_ms);

	if (penalty < budget)
		return 0;
	return (uint64_t)(log2(penalty / budget) * rules->half_life_ms) + 1;
}
