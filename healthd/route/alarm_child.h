/*
 * alarm_child: the operator's alarm-hook, run for an alarm of the keeper.
 *
 * The prober runs hooks for its own (prober/hook.h); the keeper's must be heard when there is no
 * prober.  The program runs in a child without privileges (child.h), is not waited for, and is
 * killed after ALARM_CHILD_S; more than ALARM_CHILD_MAX in a minute are not started.  Knows no
 * alarms.  One thread.
 */
#ifndef NEARCAST_ALARM_CHILD_H
#define NEARCAST_ALARM_CHILD_H

#include <stdint.h>

#include "common/conf/conf.h"
#include "common/privilege.h"

#define ALARM_CHILD_S 30
#define ALARM_CHILD_MAX 30

/* Runs it, if one is configured, with NEARCAST_KIND=alarm, NEARCAST_STATE=on or over,
 * NEARCAST_REASON and NEARCAST_SITE.  What goes wrong is in the log.  `now_ms` is monotonic; the
 * zombie is buried by child_watch. */
void alarm_child_run(const struct conf *conf, const struct privilege_user *user,
    const char *text, bool over, uint64_t now_ms);

#endif
