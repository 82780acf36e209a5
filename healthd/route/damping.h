/*
 * damping: what routers upstream hold against one prefix of ours (RFC 2439).
 *
 * Routers that damp flaps keep a penalty for each prefix (RFC 2439 calls it figure of merit): 1000
 * more with each withdrawal, 500 with each change of attributes, halved every 15 minutes, and stop
 * using the prefix above a limit: 2000 by the old default, 6000 as RFC 7196 asks.  This module
 * keeps the same penalty for ourselves, so that a site announces again only while one more
 * withdrawal would leave it below that limit: better down and said aloud here than suppressed
 * silently by strangers.  Pure: knows no clock, no route, no file.
 */
#ifndef NEARCAST_DAMPING_H
#define NEARCAST_DAMPING_H

#include <stdint.h>

/* The figures of RFC 2439 4.2 and RFC 7196 3. */
#define DAMPING_SUPPRESS 6000.0
#define DAMPING_WITHDRAWAL 1000.0
#define DAMPING_ATTRIBUTES 500.0
#define DAMPING_HALF_LIFE_MS (15u * 60 * 1000)

/* What routers are believed to count; all greater than 0, suppress greater than withdrawal. */
struct damping_rules {
	double suppress;		/* not used from here on */
	double withdrawal;		/* costs of one */
	double attributes;		/* of changed attributes: serving to draining, and back */
	uint32_t half_life_ms;
};

/* All zero is a prefix that never flapped. */
struct damping {
	double penalty;			/* at the time `at_ms` */
	uint64_t at_ms;			/* monotonic */
};

/* The penalty at `now_ms`; a time before the last event counts as that event's. */
double damping_penalty(const struct damping *d, const struct damping_rules *rules,
    uint64_t now_ms);

/* Something was sent that costs so much.  The sum ends at twice the limit. */
void damping_add(struct damping *d, const struct damping_rules *rules, double cost,
    uint64_t now_ms);

/* Milliseconds until what costs `cost` leaves the penalty below the limit: 0 = now. */
uint64_t damping_wait_ms(const struct damping *d, const struct damping_rules *rules, double cost,
    uint64_t now_ms);

#endif
