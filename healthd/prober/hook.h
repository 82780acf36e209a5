/*
 * hook: the operator's programs, run on every change of a server's state and of the posture, and on
 * every alarm of the prober's (the keeper runs them for its own: route/alarm_child.h).
 *
 * What has changed is in its environment, NEARCAST_*.  A bounded number run at once and wait;
 * what goes wrong is an alarm and nothing else.  Does nothing when none is configured.  One
 * thread.
 */
#ifndef NEARCAST_HOOK_H
#define NEARCAST_HOOK_H

#include "healthd/check/spawn.h"
#include "healthd/message.h"
#include "healthd/prober/core.h"

struct hook {
	struct core *core;
	struct spawn *spawn;		/* owned */
};

/* 0, or -1 with a reason. */
int hook_open(struct hook *hook, struct core *core, struct err *err);

/* Programs that run already may finish. */
void hook_close(struct hook *hook);

void hook_server(struct hook *hook, const struct judge_server *server);
void hook_site(struct hook *hook, const struct posture_message *posture, enum health_posture was);
void hook_alarm(struct hook *hook, const struct alarm *alarm, bool over);

#endif
