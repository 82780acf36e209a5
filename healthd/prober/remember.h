/*
 * remember: what the judge knows, kept over restarts in the state file (state.h).
 *
 * The operator's overrides are on the disk before they are confirmed; everything else is
 * written a moment after it changes, and now and then for its stamp.  One thread.
 */
#ifndef NEARCAST_REMEMBER_H
#define NEARCAST_REMEMBER_H

#include "healthd/prober/core.h"

struct remember {
	struct core *core;
	char path[4096];
	uint64_t changes;		/* the judge's, when written last */
	uint64_t overrides, written;	/* overrides said so far, and when written last */
	uint64_t due_ms, retry_ms;	/* monotonic */
};

/* Tells the judge what is in the file.  A damaged file is an alarm, not an error. */
void remember_open(struct remember *remember, struct core *core);

/* Does the judge know enough to take the place of what is in the file?  It does when it began with
 * that, or has asked everybody once; else what is in the file would be lost.  Pure. */
bool remember_worth(const struct judge *judge);

/* Writes the file if its time has come. */
void remember_turn(struct remember *remember);

/* Writes it now.  0, or -1 with a reason, an alarm, and another try to come. */
int remember_save(struct remember *remember, struct err *err);

/* The operator has said something: it must outlive a power cut.  As remember_save. */
int remember_override(struct remember *remember, struct err *err);

#endif
