#include "healthd/prober/schedule.h"

uint64_t
schedule_first(uint64_t now_ms, size_t i, size_t n, uint32_t interval_ms)
{
	uint64_t span = n < interval_ms ? n : interval_ms;

	return now_ms + (n == 0 ? 0 : i * span / n);
}

uint64_t
schedule_next(uint64_t started_ms, uint64_t now_ms, uint32_t interval_ms,
    unsigned jitter, uint32_t random)
{
	uint64_t most = (uint64_t)interval_ms * (jitter > 100 ? 100 : jitter) / 100;
	uint64_t next = started_ms + interval_ms - random % (most + 1);

	return next > now_ms ? next : now_ms;
}
