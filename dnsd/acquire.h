/*
 * acquire: everything that may take privileges, then their end.
 *
 * Descriptors for the TCP connections configured, the run-dir, the control socket (which
 * also keeps a second dnsd out), the listening sockets; then the process becomes
 * `user`, without capabilities, for good.  Start-up only, before any thread exists.
 */
#ifndef NEARCAST_ACQUIRE_H
#define NEARCAST_ACQUIRE_H

#include "common/err.h"
#include "dnsd/daemon.h"

/* Fills d->control and d->server for d->load's configuration.  0, or -1 with a reason. */
int acquire(struct daemon *d, struct err *err);

#endif
