/*
 * daemon: dnsd at work: starts everything in the right order, then reacts to signals,
 * commands, finished reloads, and changes of the health file and the databases.
 *
 * The main thread runs this and is the only one to change what struct daemon holds.
 * It builds small things itself (a generation for a new state of health); large ones
 * (zones, maps) are read by reload.c's thread.  commands.c answers from here.
 */
#ifndef NEARCAST_DAEMON_H
#define NEARCAST_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/control.h"
#include "common/err.h"
#include "common/loop.h"
#include "dnsd/steer/health.h"
#include "dnsd/generation/inputs.h"
#include "dnsd/generation/reload.h"
#include "dnsd/net/server.h"
#include "dnsd/watch.h"

struct daemon_waiting {
	uint64_t request[CONTROL_MAX_CONNECTIONS];
	unsigned n;
};

struct daemon {
	const char *path;		/* of the configuration */
	struct server *server;
	struct inputs *inputs;		/* of the generation in use; held */
	struct inputs_conf *first;	/* what it was started with; held */
	struct control *control;
	struct reload *reload;
	struct watch *watch;
	struct health health;
	struct loop *loop;
	struct loop_io signals, commands, reloaded, changed;
	struct loop_timer second, health_end;

	bool want_reload, want_force, want_geo;
	struct daemon_waiting now, next; /* commands waiting for the reload under way, and for the one after */

	uint64_t generation;
	double build_s;			/* reading and building the last generation but for health */
	uint64_t reloads, reload_failures;
	double started;			/* CLOCK_REALTIME */
};

/* Runs until SIGTERM or SIGINT.  The exit status. */
int daemon_run(const char *path);

/* Another generation, as soon as the one under way is done; `request` 0 = nobody waits. */
void daemon_want_reload(struct daemon *d, bool force, uint64_t request);

#endif
