/*
 * prober_inner: the prober's state, shared by the files prober.h names; nobody
 * else includes it.
 */
#ifndef NEARCAST_PROBER_INNER_H
#define NEARCAST_PROBER_INNER_H

#include "common/control.h"
#include "common/dns/client.h"
#include "common/loop.h"
#include "healthd/check/checks.h"
#include "healthd/check/fetch.h"
#include "healthd/judge/judge.h"
#include "healthd/message.h"
#include "healthd/check/spawn.h"

enum {
	PROBER_TICK_MS = 250,
	PROBER_ALARM_MS = 60000,	/* that a passing trouble stays an alarm */
	PROBER_ALARMS = 9
};

enum prober_alarm {
	ALARM_FREEZE, ALARM_LATE, ALARM_CLOCK, ALARM_PUBLISH, ALARM_STATE, ALARM_INTERNAL, ALARM_HOOK,
	ALARM_MEMORY, ALARM_ORIGIN
};

struct alarm {
	char text[HEALTH_REASON_MAX];	/* "" = none */
	double since;
	uint64_t until_ms;		/* ends by itself; 0 = does not */
};

struct publish {
	struct health_file file;	/* its arrays are ours, names filled in once */
	uint64_t changes;		/* the judge's when written last */
	uint64_t due_ms, earliest_ms;
	bool posture_changed;
};

struct memory {
	char path[4096];
	uint64_t changes, overrides;	/* the judge's, and words said, when written last */
	uint64_t due_ms, retry_ms;
};

struct origin {
	struct prober *prober;
	struct fetch fetch;
	struct loop_timer timer;
	uint16_t check;
	bool tried;			/* it has answered or failed once */
	unsigned failures;		/* in a row */
	uint64_t asked_ms;
	char detail[RESULT_DETAIL_MAX];
};

struct digest_job;

struct peer {
	struct prober *prober;
	uint16_t site;
	struct client client;
	struct loop_timer timer;
};

struct prober {
	const struct conf *conf;
	struct loop *loop;
	struct checks checks;
	struct judge *judge;
	struct probe *probes;		/* as judge.targets */
	uint32_t random;
	double started;			/* wall clock */

	struct loop_io keeper_io, signal_io;
	struct loop_timer tick;
	struct control *control;
	struct verdict_message verdict;	/* told last */
	uint64_t verdict_ms;
	uint64_t told;			/* the judge's changes when they were told last */
	struct posture_message posture;	/* heard last; magic 0 = nothing yet */

	double wall_offset;		/* wall clock minus monotonic, seconds */
	uint64_t late_limit_ms;		/* from here on nothing is believed */
	uint64_t witness_ms;		/* when others were asked out of turn last */
	size_t witness_at;
	uint64_t internal_ms;		/* last result that was our own fault; 0 = none */

	struct alarm alarms[PROBER_ALARMS];
	struct publish publish;
	struct memory memory;
	uint64_t overrides;			/* said so far */
	struct origin *origins;
	size_t n_origins;
	unsigned digests_running;
	struct digest_job *digest_jobs;
	struct peer *peers;
	size_t n_peers;
	struct spawn *hooks;
};

struct judge_time prober_now(const struct prober *p);
/* Raises (and logs) an alarm; for_ms 0 = until ended with text NULL. */
void prober_alarm(struct prober *p, enum prober_alarm kind, uint32_t for_ms, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void prober_alarm_over(struct prober *p, enum prober_alarm kind);
uint32_t prober_random(struct prober *p);
void prober_tell_keeper(struct prober *p, bool always);

/* publish.c */
int publish_open(struct prober *p, struct err *err);
void publish_close(struct prober *p);
/* Writes the health file if something changed or its time has come. */
void publish_turn(struct prober *p);

/* memory.c */
void memory_open(struct prober *p);
void memory_turn(struct prober *p);
/* Writes the state file now.  0, or -1 with a reason (and an alarm). */
int memory_save(struct prober *p, struct err *err);

/* content.c */
int content_open(struct prober *p, struct err *err);
void content_close(struct prober *p);
/* A target's result has been judged: is there reason to ask the origin, or to look at objects? */
void content_result(struct prober *p, struct probe *probe, bool set_changed);
bool content_ready(const struct prober *p);

/* peer.c */
int peer_open(struct prober *p, struct err *err);
void peer_close(struct prober *p);

/* hook.c */
int hook_open(struct prober *p, struct err *err);
void hook_close(struct prober *p);
void hook_server(struct prober *p, size_t server);
void hook_site(struct prober *p, enum health_posture was);

/* service.c */
int service_open(struct prober *p, struct err *err);
void service_close(struct prober *p);

/* report.c */
void report_text(const struct prober *p, FILE *out);
/* 0, or -1 without memory. */
int report_json(const struct prober *p, FILE *out);

#endif
