#include "healthd/check/probe.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static uint64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void
probe_began(struct probe *p)
{
	p->started_us = now_us();
	p->started_ms = p->started_us / 1000;
}

void
probe_done(struct probe *p, const struct result *result)
{
	assert(p->busy && result->reason > REASON_NONE && result->reason < REASON_COUNT);
	p->busy = false;
	p->done(p, result);
}

struct result
probe_result(const struct probe *p, enum reason reason)
{
	struct result r = { .reason = reason, .load = -1 };
	uint64_t took = now_us() - p->started_us;

	r.latency_us = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
	return r;
}

struct result
probe_result_errno(const struct probe *p, int error)
{
	enum reason reason = REASON_CONNECT;
	struct result r;

	if (error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS ||
	    error == EADDRNOTAVAIL || error == EAGAIN)
		reason = REASON_INTERNAL;
	else if (error == ECONNRESET || error == EPIPE)
		reason = REASON_CUT;
	else if (error == ETIMEDOUT)
		reason = REASON_TIMEOUT;
	r = probe_result(p, reason);
	snprintf(r.detail, sizeof(r.detail), "%s", strerror(error));
	return r;
}
