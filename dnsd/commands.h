/*
 * commands: what is asked of dnsd over its socket (common/control.h):
 *
 *   reload [--force]   reads everything again; the answer comes when it is done (outcome.h)
 *   counters           Prometheus text
 *   status [json]      how the daemon is, for people or for programs
 *   zones              a line for each zone loaded: name, serial, names
 *   watch              stays open as long as dnsd lives, and is told now and again, a line each:
 *
 *     serving generation=7 digest=0123456789abcdef zones=2/3
 *     address 192.0.2.53@53 received=1200 answered=1199
 *
 * zones are those loaded of those configured; each address that is really listened on has a line,
 * with its datagrams; an empty line ends the report.
 *
 * Knows the server, the state of health and a few figures of the daemon's, and asks it for a
 * reload; nothing else.  Main thread only, while the server runs.
 */
#ifndef NEARCAST_COMMANDS_H
#define NEARCAST_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/control.h"
#include "dnsd/net/server.h"
#include "dnsd/steer/health.h"

/* What commands speak of: the daemon's, which keeps it up to date. */
struct commands {
	const struct server *server;
	const struct health *health;
	double started;			/* CLOCK_REALTIME, seconds */
	double build_s;			/* of the last generation but for health: read and built */
	uint64_t reloads, reload_failures;
	char refused[512];		/* why the last reload was, as a whole; "" = it was not */
	/* A reload is wanted; the daemon finishes the request when it is done.  -1 with a reason =
	 * there will be none. */
	int (*reload)(void *arg, bool force, uint64_t request, struct err *err);
	void *reload_arg;
};

/* A control_report; arg is the struct commands. */
void commands_report(void *arg, FILE *out);

/* A control_handle; arg is the struct commands. */
enum control_result commands_handle(void *arg, uint64_t request, const char *line, FILE *out,
    struct err *err);

#endif
