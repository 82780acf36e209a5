/*
 * outcome: what became of a reload, in words, for the log and for whoever asked for it.
 *
 * Three things may be said of a reload: nothing, because all is in service as configured;
 * that it is in service but for some zones, or for what takes a restart; or that it was
 * refused, and then everything is as before.  The words that begin the last two are fixed,
 * so that nearctl can tell them apart.
 *
 * Compares configurations and counts zones; knows neither how reloads are made nor who
 * waits for them.  Pure; any thread.
 */
#ifndef NEARCAST_OUTCOME_H
#define NEARCAST_OUTCOME_H

#include <stddef.h>

#include "common/conf/conf.h"
#include "dnsd/generation/generation.h"

#define OUTCOME_TEXT 384		/* octets with NUL */
#define OUTCOME_REFUSED "not reloaded: "	/* then the reason */
#define OUTCOME_RESTART "restart needed: "	/* then options, "threads, user" */

/* What a running process cannot change: the options that differ from what it was started with,
 * "threads, user"; "" = none does. */
void outcome_restart(const struct conf *first, const struct conf *fresh, char text[OUTCOME_TEXT]);

/* What to say of a generation that goes into service, by a reload or at the start: zones that were
 * refused, then options that take a restart; "" = nothing. */
void outcome_reloaded(const struct conf *first, const struct generation *gen,
    char text[OUTCOME_TEXT]);

#endif
