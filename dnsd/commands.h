/*
 * commands: what is asked of dnsd over its socket (common/control.h):
 *
 *   reload [--force]   reads everything again; the answer comes when it is done
 *   counters           Prometheus text
 *   status [json]      how the daemon is, for people or for programs
 *   zones              a line for each zone loaded: name, serial, names
 *   watch              (common/control.c) stays open as long as dnsd lives
 */
#ifndef NEARCAST_COMMANDS_H
#define NEARCAST_COMMANDS_H

#include "common/control.h"
#include "dnsd/daemon.h"

/* A control_handle; arg is the struct daemon. */
enum control_result commands_handle(void *arg, uint64_t request, const char *line, FILE *out,
    struct err *err);

#endif
