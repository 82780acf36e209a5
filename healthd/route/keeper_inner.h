/*
 * keeper_inner: the keeper's state, shared by keeper.c (which decides) and
 * keeper_report.c (which tells).  Included by these two only.
 */
#ifndef NEARCAST_KEEPER_INNER_H
#define NEARCAST_KEEPER_INNER_H

#include "common/loop.h"
#include "healthd/message.h"
#include "healthd/route/announce.h"
#include "healthd/route/bird.h"
#include "healthd/route/child.h"
#include "healthd/route/dnsd_watch.h"
#include "healthd/route/posture.h"
#include "healthd/route/trial.h"

enum keeper_alarm {
	KEEPER_ALARM_POSTURE,		/* the state machine's own */
	KEEPER_ALARM_PROBER,
	KEEPER_ALARM_LEASE,
	KEEPER_ALARM_BIRD,
	KEEPER_ALARM_EXPORT,
	KEEPER_ALARM_SESSIONS,
	KEEPER_ALARM_LATE,
	KEEPER_ALARM_REPORT,
	KEEPER_ALARM_RELOAD,
	KEEPER_ALARMS
};

/* What is opened anew for another configuration. */
struct keeper_parts {
	struct dnsd_watch *watch;
	struct bird *bird;		/* NULL: not asked */
	struct announce announce;	/* fd -1: not by lease */
};

struct keeper {
	struct loop *loop;
	struct conf *conf;
	struct privilege_user user;
	struct keeper_parts parts;
	struct loop_io signals;
	struct loop_timer tick;		/* wakes the loop when something is due below */
	bool stop;
	uint64_t last_ms;		/* when the last turn began, or a reload ended */

	struct child child;
	struct verdict_message word;	/* of the prober, heard last */
	bool heard;			/* there was one */
	uint64_t word_ms;		/* when; before the first, when we began to wait */
	uint64_t child_lost_ms;		/* 0 = never */

	struct trial trial;		/* of `fresh` */
	struct conf *fresh;		/* may take the place of conf; NULL = no reload under way */

	enum posture_dnsd dnsd;
	char dnsd_reason[HEALTH_REASON_MAX];

	struct posture posture;
	double since;			/* of the posture, CLOCK_REALTIME */

	uint64_t renew_ms;		/* when the lease is to be renewed */
	bool unset;			/* the last announce_set failed */
	uint64_t look_ms;		/* when BIRD is to be looked at out of turn; 0 = not */
	struct bird_status bird_status;	/* as seen last, to notice changes */

	uint64_t differs_ms, silent_ms, sessions_ms;	/* since when; 0 = not */
	uint64_t late_ms;		/* when we last stood still; 0 = never */
	uint64_t tell_ms, report_ms;	/* when due */
	char report_path[4096];
	char alarms[KEEPER_ALARMS][HEALTH_REASON_MAX];	/* "" = none */
};

/* Raises (and logs) or, with fmt NULL, ends an alarm. */
void keeper_alarm(struct keeper *k, enum keeper_alarm kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Compares what is wanted with what is; raises and ends alarms. */
void keeper_judge(struct keeper *k, uint64_t now_ms);

/* Tells the prober; writes the posture file. */
void keeper_tell(struct keeper *k, uint64_t now_ms);
void keeper_report(struct keeper *k, uint64_t now_ms);

#endif
