/*
 * reload: a thread that reads inputs (inputs.h) while the daemon goes on.
 *
 * One at a time.  The thread is nice to the workers: on a busy machine the reload takes
 * longer, not the answers.  What it says is logged as it comes, and kept for whoever
 * asked.  All functions are the main thread's; between reload_begin and
 * reload_take the old inputs must be held and not be changed.
 */
#ifndef NEARCAST_RELOAD_H
#define NEARCAST_RELOAD_H

#include <stdbool.h>

#include "common/err.h"
#include "dnsd/generation/inputs.h"

struct reload;

enum reload_kind { RELOAD_ALL, RELOAD_FORCED, RELOAD_GEO };

struct reload *reload_new(struct err *err);
void reload_free(struct reload *reload);

/* Readable when reload_take has a result. */
int reload_fd(const struct reload *reload);

bool reload_busy(const struct reload *reload);

/* Starts reading.  0, or -1 with a reason (busy, or no thread to be had). */
int reload_begin(struct reload *reload, enum reload_kind kind, const char *path,
    const struct inputs *old, struct err *err);

/* The result: inputs that the caller holds, or NULL with a reason.  Waits if it is not there
 * yet. */
struct inputs *reload_take(struct reload *reload, struct err *err);

/* Warnings and errors of the reload taken last, a line each. */
const char *reload_said(const struct reload *reload);

#endif
