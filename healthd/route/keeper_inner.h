/*
 * keeper_inner: the keeper's state, shared by keeper.c (which drives), keeper_route.c (which holds
 * the prefixes), keeper_reload.c (which takes another configuration) and keeper_report.c (which
 * tells).  Included by these four only.
 */
#ifndef NEARCAST_KEEPER_INNER_H
#define NEARCAST_KEEPER_INNER_H

#include "common/control.h"
#include "common/loop.h"
#include "healthd/message.h"
#include "healthd/route/announce.h"
#include "healthd/route/bird.h"
#include "healthd/route/child.h"
#include "healthd/route/dnsd_watch.h"
#include "healthd/route/keeper_journal.h"
#include "healthd/route/posture.h"
#include "healthd/route/posture_file.h"
#include "healthd/route/trial.h"

enum keeper_alarm {
	KEEPER_ALARM_POSTURE,		/* the state machines' own */
	KEEPER_ALARM_PREFIX,		/* one is lower than another */
	KEEPER_ALARM_PROBER,
	KEEPER_ALARM_LEASE,
	KEEPER_ALARM_MARKERS,		/* somebody meddles with them */
	KEEPER_ALARM_DNSD,		/* and as many more as dnsd_watch has kinds */
	KEEPER_ALARM_TCP = KEEPER_ALARM_DNSD + DNSD_WATCH_ALARMS,
	KEEPER_ALARM_BIRD,
	KEEPER_ALARM_EXPORT,
	KEEPER_ALARM_SESSIONS,
	KEEPER_ALARM_LATE,
	KEEPER_ALARM_REPORT,
	KEEPER_ALARM_RELOAD,
	KEEPER_ALARMS
};

#define KEEPER_PREFIXES (2 * ANNOUNCE_PREFIXES)

/* What is opened anew for another configuration. */
struct keeper_parts {
	struct dnsd_watch *watch;
	struct bird *bird;		/* NULL: not asked */
};

/* One prefix that is announced, or the site itself if it announces none. */
struct keeper_prefix {
	struct prefix prefix;		/* family 0: the site itself */
	unsigned k;			/* of its family, in the order of the file */
	char name[ADDR_TEXT];		/* the prefix in text; "-" = the site itself */
	struct posture posture;
	double since;			/* of the posture, CLOCK_REALTIME */
	enum posture_dnsd dnsd;
	char dnsd_reason[HEALTH_REASON_MAX];
	bool unset;			/* the markers are still to be set */
	uint64_t flushed_ms;		/* when a flush of them was counted last; 0 = never */
	uint64_t differs_ms;		/* since when BIRD exports something else, or 0 */
};

enum keeper_reload_state { RELOAD_IDLE, RELOAD_TRIAL, RELOAD_SETTLING };

struct keeper;

/* A reload under way, and who has asked for it on keeper.sock. */
struct keeper_reload {
	struct control *control;	/* owned */
	enum keeper_reload_state state;
	bool again;			/* one is asked for since this one began */
	bool dry;			/* this one is a try: it ends with the trial */
	int (*take)(struct keeper *k, struct err *err);	/* see keeper_reload_open */
	uint64_t settle_ms;		/* until when the new prober is waited for */
	uint64_t now[CONTROL_MAX_CONNECTIONS], next[CONTROL_MAX_CONNECTIONS]; /* requests */
	uint64_t tries[CONTROL_MAX_CONNECTIONS]; /* those that ask for a try */
	size_t n_now, n_next, n_tries;
	char said[4096];		/* for those who wait */
};

struct keeper {
	struct loop *loop;
	struct conf *conf;
	struct privilege_user user;
	struct spool *spool;		/* NULL = nothing is logged there */
	struct keeper_parts parts;
	struct announce announce;	/* fd -1: not by lease */
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
	struct keeper_reload reload;
	struct conf *fresh;		/* may take the place of conf; NULL = no reload under way */

	struct keeper_prefix prefixes[KEEPER_PREFIXES];
	size_t n_prefixes;		/* 1 at least */
	bool no_tcp;			/* a prefix is not served over TCP */

	uint64_t renew_ms;		/* when the lease is to be renewed */
	unsigned meddled;		/* markers that somebody else has removed or added */
	uint64_t meddled_ms;		/* when the last of them was; 0 = never */
	uint64_t look_ms;		/* when BIRD is to be looked at out of turn; 0 = not */
	struct bird_status bird_status;	/* as seen last, to notice changes */

	uint64_t silent_ms, sessions_ms, uneven_ms; /* since when; 0 = not */
	uint64_t late_ms;		/* when we last stood still; 0 = never */
	uint64_t tell_ms, report_ms;	/* when due */
	char report_path[4096];
	char alarms[KEEPER_ALARMS][POSTURE_FILE_ALARM];	/* "" = none */
};

/* Listens on keeper.sock.  `take` puts k->fresh, which has been tried, in the place of k->conf,
 * and starts another prober; both return 0, or -1 with a reason and nothing changed. */
int keeper_reload_open(struct keeper *k, int (*take)(struct keeper *k, struct err *err),
    struct err *err);
void keeper_reload_close(struct keeper *k);

/* In every turn: begins what was asked for, and answers when it is in force. */
void keeper_reload_turn(struct keeper *k, uint64_t now_ms);

/* For k->trial. */
void keeper_reload_tried(struct trial *trial, const char *reason);

/* Are there more prefixes than markers?  0, or -1 with a reason. */
int keeper_route_check(const struct conf *conf, struct err *err);

/* Fills the prefixes with what the configuration names and a former healthd left, and makes them
 * so.  Once, before the first turn. */
void keeper_route_adopt(struct keeper *k);

/* The same after another configuration has taken the place of k->conf: prefixes that stay keep
 * their posture. */
void keeper_route_reload(struct keeper *k);

/* In every turn: the postures, and the lease if it is due. */
void keeper_route_step(struct keeper *k, uint64_t now_ms);

/* When keeper_route_step wants to be called next, monotonic milliseconds. */
uint64_t keeper_route_next(const struct keeper *k, uint64_t now_ms);

/* Renews what is announced, now. */
void keeper_route_renew(struct keeper *k, uint64_t now_ms);

/* This process stood still: what the kernel has taken away meanwhile was a withdrawal. */
void keeper_route_stood_still(struct keeper *k, uint64_t now_ms);

/* For announce_open, of k->announce. */
announce_meddled keeper_route_meddled;

/* The prefix that stands for the site: the first of those with the highest posture. */
static inline const struct keeper_prefix *
keeper_best(const struct keeper *k)
{
	const struct keeper_prefix *best = &k->prefixes[0];

	for (size_t i = 1; i < k->n_prefixes; i++)
		if (k->prefixes[i].posture.now > best->posture.now)
			best = &k->prefixes[i];
	return best;
}

/* Raises (and logs) or, with fmt NULL, ends an alarm. */
void keeper_alarm(struct keeper *k, enum keeper_alarm kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Compares what is wanted with what is; raises and ends alarms. */
void keeper_judge(struct keeper *k, uint64_t now_ms);

/* Tells the prober; writes the posture file. */
void keeper_tell(struct keeper *k, uint64_t now_ms);
void keeper_report(struct keeper *k, uint64_t now_ms);

#endif
