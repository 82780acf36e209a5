/*
 * clock: the two clocks, named by what they are for.
 *
 * What this process decides, it decides by clock_mono; clock_wall is for stamps alone, since
 * somebody may set it.  Neither knows how late its reader is: that is loop.h's.  Any thread.
 */
#ifndef NEARCAST_CLOCK_H
#define NEARCAST_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Time that only moves forward, for intervals and timeouts. */
struct mono_ms {
	uint64_t ms;
};

static inline struct mono_ms
clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (struct mono_ms){ (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000 };
}

/* Seconds since 1970, for stamps that other machines and people read. */
static inline double
clock_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

#endif
