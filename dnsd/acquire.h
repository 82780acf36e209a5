/*
 * acquire: everything that may take privileges, then their end.
 *
 * Descriptors for the TCP connections configured, the run-dir, the control socket (which
 * also keeps a second dnsd out), the listening sockets; then the process becomes
 * `user` for good, with the right to bind another port 53 after a reload, and no other.
 * Start-up only, before any thread exists.
 */
#ifndef NEARCAST_ACQUIRE_H
#define NEARCAST_ACQUIRE_H

#include "common/control.h"
#include "common/err.h"
#include "dnsd/generation/inputs.h"
#include "dnsd/net/server.h"

/* What the privileges were for; the caller's, to be given to control_close and server_stop. */
struct acquire {
	struct control *control;
	struct server *server;
};

/* Fills *got for this configuration; `loop` serves the control socket and outlives it,
 * `handle` and `arg` are its commands'.  0, or -1 with a reason; what had been acquired until then
 * is in *got (the rest is NULL) and the caller's, too. */
int acquire(struct acquire *got, const struct inputs *inputs, struct loop *loop,
    control_handle *handle, void *arg, struct err *err);

/* Lets the process open the descriptors that this configuration needs; where the system does not,
 * that is logged.  Returns how many TCP connections there may be at most, so that enough are left
 * for all else.  Main thread, at any time: a reload may want more. */
unsigned acquire_descriptors(const struct conf *conf);

#endif
