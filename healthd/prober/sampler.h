/*
 * sampler: the process that samples mirrors (sample/sample.h), as the prober's child.
 *
 * It is forked before the prober opens anything it could inherit but the keeper's socket, which it
 * closes, is started again when it ends, sooner or later, and dies with the prober.  Nothing
 * passes between the two: what it has to say is in its file.  One thread.
 */
#ifndef NEARCAST_SAMPLER_H
#define NEARCAST_SAMPLER_H

#include "healthd/prober/core.h"

struct sampler_child {
	struct core *core;
	int pid;			/* 0 = does not run */
	struct loop_io io;		/* its pidfd */
	struct loop_timer again;
	uint64_t started_ms;
	unsigned failures;		/* in a row, soon after its start */
};

/* Starts it, if there are mirrors.  What fails is tried again. */
void sampler_open(struct sampler_child *child, struct core *core);
void sampler_close(struct sampler_child *child);

#endif
