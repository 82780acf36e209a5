/*
 * running: which check's code has the processor, so that the next prober knows what stopped the
 * one before it.
 *
 * A prober that hangs is killed by its keeper and started again.  If it always hangs in the same
 * check, nobody else is ever checked.  So the keeper makes a page that all its probers share; a
 * prober notes there whose code begins to run and wipes it when its loop goes to sleep.  What a new
 * prober finds noted is what the one before died in: the second time within RUNNING_BLAME_MS that
 * check of that address is put aside, until a prober has ended by itself (a reload), or RUNNING_MAX
 * others have been put aside since.
 *
 * Noting is a copy of some octets, without a system call.  Without the page nothing is noted and
 * nothing put aside.  Knows no judge.  One thread a process; the page outlives the process.
 */
#ifndef NEARCAST_RUNNING_H
#define NEARCAST_RUNNING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/conf/conf.h"

#define RUNNING_BLAME_MS 60000
#define RUNNING_MAX 32

/* In the keeper, before any child: the page.  0, or -1 with a reason. */
int running_open(struct err *err);

/* The code of this check of this address begins to run. */
void running_note(const struct conf_check *check, const struct addr *addr);

/* None does. */
void running_wipe(void);

/* At the start of a prober: takes what the one before died in, if anything.  `now_ms` is
 * monotonic.  True if it is put aside now. */
bool running_blame(uint64_t now_ms);

bool running_is_aside(const struct conf_check *check, const struct addr *addr);

/* At the end of a prober that was asked to end: the next may have another configuration. */
void running_forgive(void);

#endif
