/*
 * schedule: when the next check of a target begins.
 *
 * Counted from the beginning of the one before, so that slow answers do not thin out
 * the checks.  Jitter only shortens: an interval is a promise of how late a failure may
 * be seen.  Pure; randomness comes from the caller.
 */
#ifndef NEARCAST_SCHEDULE_H
#define NEARCAST_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

/* The first check of target `i` of `n`: one a millisecond, and all within `interval_ms`. */
uint64_t schedule_first(uint64_t now_ms, size_t i, size_t n, uint32_t interval_ms);

/* The next: `started_ms` is when the last one began, `jitter` 0-100 percent of the interval,
 * `random` any number.  Never before now_ms. */
uint64_t schedule_next(uint64_t started_ms, uint64_t now_ms, uint32_t interval_ms,
    unsigned jitter, uint32_t random);

#endif
