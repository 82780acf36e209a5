/*
 * reload: a thread that reads inputs (inputs.h) while the daemon goes on.
 *
 * One at a time.  The thread is nice to the workers: on a busy machine the reload takes
 * longer, not the answers.  What it says is logged as it comes, and kept for whoever asked.
 *
 * All functions are the main thread's.  From reload_begin to reload_take the old inputs must
 * be held, and what they share with the new ones is the reload's thread's to count
 * (inputs.h).  Knows no generations: whoever takes the inputs builds one.
 */
#ifndef NEARCAST_RELOAD_H
#define NEARCAST_RELOAD_H

#include <stdbool.h>

#include "common/err.h"
#include "dnsd/generation/inputs.h"

struct reload;

enum reload_kind { RELOAD_ALL, RELOAD_FORCED, RELOAD_GEO };

/* NULL with a reason. */
struct reload *reload_new(struct err *err);
/* Waits for a reload under way, for RELOAD_LAST_MS at most, and frees what it has read.  false = it
 * reads on: the old inputs must not be given back, and the process must end.  NULL is fine. */
#define RELOAD_LAST_MS 300
bool reload_free(struct reload *reload);

/* Readable when reload_take has a result; owned by the reload. */
int reload_fd(const struct reload *reload);

/* True from reload_begin to reload_take. */
bool reload_busy(const struct reload *reload);

/* Starts reading `path`, which is copied; RELOAD_GEO reads the databases of `old` only.  0, or -1
 * with a reason (busy, or no thread to be had). */
int reload_begin(struct reload *reload, enum reload_kind kind, const char *path,
    const struct inputs *old, struct err *err);

/* The result: inputs that are the caller's now, or NULL with a reason.  Waits if they are not
 * there yet.  Only while busy. */
struct inputs *reload_take(struct reload *reload, struct err *err);

/* Warnings and errors of the reload taken last, a line each; valid until the next begins. */
const char *reload_said(const struct reload *reload);

#endif
