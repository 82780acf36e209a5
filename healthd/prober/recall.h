/*
 * recall: what a line of the state file says to the judge of another process, later.
 *
 * A name that the configuration no longer has, an override that is over, and a target's state
 * that is too old say nothing.  Pure: (item, judge, time) -> judge, so that tests/model explores
 * what the daemon does; it knows neither the file (state.h) nor when it is read (remember.h).
 */
#ifndef NEARCAST_RECALL_H
#define NEARCAST_RECALL_H

#include "healthd/judge/judge.h"
#include "healthd/prober/state.h"

/* Tells the judge.  `item` is borrowed for the call; `now` is this process's. */
void recall_item(struct judge *judge, const struct state_item *item, struct judge_time now);

#endif
