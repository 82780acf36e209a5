/*
 * damping: what routers upstream hold against our prefix (RFC 2439).
 *
 * Routers that damp flaps keep a penalty for each prefix (RFC 2439 calls it figure of merit): 1000
 * more with each withdrawal, halved every 15 minutes, and stop using the prefix above 2000
 * (the old default; RFC 7196 asks for 6000).  This module keeps the same penalty
 * for ourselves, so that a site announces again only while one more withdrawal
 * would leave it below that limit: better down and said aloud here than suppressed
 * silently by strangers.  Pure: knows no clock, no route, no file.
 */
#ifndef NEARCAST_DAMPING_H
#define NEARCAST_DAMPING_H

#include <stdbool.h>
#include <stdint.h>

#define DAMPING_WITHDRAWAL 1000.0
#define DAMPING_SUPPRESS 2000.0
#define DAMPING_CEILING 12000.0		/* RFC 2439 4.2: reached by no sane site */
#define DAMPING_HALF_LIFE_MS (15u * 60 * 1000)

/* All zero is a prefix that never flapped. */
struct damping {
	double penalty;			/* at the time `at_ms` */
	uint64_t at_ms;			/* monotonic */
};

/* The penalty at `now_ms`; a time before the last event counts as that event's. */
double damping_penalty(const struct damping *d, uint64_t now_ms);

/* One withdrawal was sent. */
void damping_withdrawn(struct damping *d, uint64_t now_ms);

/* Milliseconds until announcing is within the budget: 0 = now. */
uint64_t damping_wait_ms(const struct damping *d, uint64_t now_ms);

#endif
