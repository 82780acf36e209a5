/*
 * keeper: the parent process of healthd, which holds the route.
 *
 * One event loop (loop.h).  In its turns it asks dnsd (dnsd_watch), hears the prober (child,
 * message) and looks at what BIRD exports (bird).  At the end of every turn, and there are four a
 * second at least, it puts what is known into the state machine (posture), makes the route so
 * (announce, or bird by its socket), and tells everybody (posture_file, the prober, the log).
 * It holds CAP_NET_ADMIN and nothing else, and reads nothing foreign but fixed messages, dnsd's
 * answers and BIRD's replies.
 *
 * At the end (SIGTERM) it renews the lease a last time and goes: a healthd that is
 * started again within the lease finds the markers, takes its posture from them and
 * changes nothing; without one the kernel takes the route away.  SIGHUP reads the
 * configuration again, once a child without privileges has found nothing against it (trial); a
 * broken one leaves the old one in force.
 *
 * When the loop itself was late (stopped, no CPU), nothing that is missing meanwhile
 * counts against dnsd or the prober.  Only the monotonic clock decides anything.
 *
 * Knows neither probes nor what the prober's libraries read: both come as functions.  One thread.
 */
#ifndef NEARCAST_KEEPER_H
#define NEARCAST_KEEPER_H

#include "common/conf/conf.h"
#include "common/privilege.h"
#include "healthd/route/child.h"

struct keeper_setup {
	struct conf *conf;		/* the keeper takes it over */
	child_main *prober;		/* run as a child, without privileges */
	child_main *check;		/* the same, for a trial of another configuration */
	struct privilege_user user;
};

/* Starts the prober, gives up privileges, runs until SIGTERM or SIGINT.  Before any other thread
 * exists.  Returns the program's exit status; what went wrong has been logged. */
int keeper_run(const struct keeper_setup *setup);

#endif
