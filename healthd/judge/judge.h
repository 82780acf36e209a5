/*
 * judge: the one place where health is decided.  (state, event, time) -> state.
 *
 * Checkers, the origin's set id, the operator's override, other sites' drains and
 * disturbances of our own all arrive as events through judge_step; nothing else
 * changes anything.  Pure: no clock, no I/O, no log; the same events in the same order
 * give the same state.  It reads struct conf and knows no checker, socket or file.
 *
 * What is judged
 *   A TARGET is one address of one server and one of its pool's checks: IPv4 and IPv6 are judged
 *   apart, and so are several checks, whose findings a pool wants `all` or `any` of.  It is up
 *   after `rise` good results in a row and down after `fall` bad ones; the very first
 *   result decides alone, unless memory (JUDGE_REMEMBER) knows it as up or down.
 *   A SERVER is up if either of its addresses is.  It is stale if all that are up serve a set
 *   that is behind.  The operator's override comes before either.
 *   The SITE's verdict is what the keeper hears; stale servers count as healthy.  UP needs
 *   min-healthy servers here that this prober has seen up, CACHES_DOWN so many that it has seen
 *   down that the rest is too few.  What memory alone says keeps the verdict before (NONE), and a
 *   server that cannot be checked is neither (HOLD).
 *
 * What is not believed
 *   A target is not called down before another one has answered since it failed, and lately
 *   (evidence_from in judge.c draws it):
 *   - every target everywhere fails, at two sites or more among those not already
 *     down: the cause is SHARED (our network, a broken check).  Everything stays as it
 *     is until any target answers; then all counting starts again.
 *   - every target of all other sites fails while ours answer, two sites or more not
 *     already down among them: the UPLINK is in doubt, and the others stay as they are.
 *     IPv4 and IPv6 have an uplink each, and a check may be wrong by itself: where all of one
 *     family or of one check fail, the answers of another are no witnesses.
 *   - we were late ourselves, or the clock jumped (JUDGE_DISTURBED): nothing changes
 *     until any target answers or a whole round has been probed afresh.
 *   With targets at one site only there is nothing to compare with: failing is down.
 *   REASON_INTERNAL results blame nobody and only count for the round; who has no other is
 *   MUTE, no witness, and nobody waits for him.
 *
 * Content (sets)
 *   Ids are not ordered by themselves; the order is when each was first seen in a pool.
 *   Current is what the origin (or the operator's notify) says, else the newest id
 *   held by `quorum` servers.  Older ids are behind.  A newer id than the current one
 *   is ahead, not behind: for good by quorum, until the origin was asked again by
 *   origin.  A current id that was held by `quorum` servers and is no more gives way to one that
 *   is.  At the site of a `seed` server that is handed out nothing older than the seed's is
 *   current.  An object with a wrong digest makes its server behind, too.  While everything is
 *   frozen nobody falls behind.
 *
 * Time: mono_ms for counting, wall seconds for what people read.  One thread.
 */
#ifndef NEARCAST_JUDGE_H
#define NEARCAST_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/health_file.h"
#include "healthd/message.h"
#include "healthd/check/result.h"

struct judge_time {
	uint64_t mono_ms;
	double wall;			/* CLOCK_REALTIME, seconds */
};

enum judge_override_kind {
	OVERRIDE_NONE, OVERRIDE_DRAIN, OVERRIDE_FORCE_UP, OVERRIDE_FORCE_DOWN, OVERRIDE_COUNT
};

/* The operator's override about a server or a site. */
struct judge_override {
	enum judge_override_kind kind;
	char by[HEALTH_NAME_MAX];	/* who said it */
	char reason[HEALTH_REASON_MAX];	/* why, as health_reason lets through; "" = not told */
	uint64_t id;			/* tells it from all others; 0 = judge_step gives it one */
	double at;			/* when it began or will begin, wall clock */
	double until;			/* wall clock; 0 = until taken back */
	uint64_t at_ms, until_ms;	/* both as monotonic; until_ms 0 = until taken back */
};

/* What became of the last override that is not in force any more. */
enum judge_end { END_NONE, END_EXPIRED, END_UNDRAINED, END_CLEARED, END_REPLACED };

struct judge_ended {
	uint64_t id;			/* 0 = there was none */
	enum judge_end how;
	enum judge_override_kind next;	/* END_REPLACED: by that */
	char by[HEALTH_NAME_MAX];	/* whoever ended it; "" = nobody */
};

/* What the operator has said about a server or a site. */
struct judge_word {
	struct judge_override override;	/* in force */
	struct judge_override planned;	/* will be, at its `at_ms` */
	struct judge_ended ended;
};

enum judge_disturbance { JUDGE_LATE, JUDGE_CLOCK };

enum judge_freeze { FREEZE_NONE, FREEZE_SHARED, FREEZE_UPLINK, FREEZE_LATE, FREEZE_CLOCK };

enum judge_event_kind {
	JUDGE_RESULT,			/* target, result */
	JUDGE_DIGEST,			/* target, result: OK or why its objects are wrong */
	JUDGE_ORIGIN,			/* pool, set: the origin answered */
	JUDGE_NOTIFY,			/* pool, set: the operator says what is current */
	JUDGE_OVERRIDE_SERVER,		/* server, override: one whose `at_ms` lies ahead is a plan;
					 * OVERRIDE_NONE takes back what is in force and planned,
					 * by whom and with `end` */
	JUDGE_OVERRIDE_SITE,		/* site, override */
	JUDGE_SIBLING,			/* site, drain: that site's dnsd answered */
	JUDGE_TTL,			/* site, ttl_s: the most that its dnsd hands out */
	JUDGE_UNPUBLISHED,		/* dnsd could not be told what has changed */
	JUDGE_DISTURBED,		/* disturbance */
	JUDGE_REMEMBER,			/* target, memory: before the first result */
	JUDGE_REMEMBER_SET,		/* pool, set, order: seen before a restart */
	JUDGE_REMEMBER_POOL,		/* pool, pool_memory: after its sets */
	JUDGE_REMEMBER_SITE,		/* site, drain, ttl_s: what its dnsd said last */
	JUDGE_REMEMBER_WARMTH,		/* server, since_ms: it has recovered so long ago; after
					 * its targets */
	JUDGE_TICK			/* time passes: overrides end, drains complete */
};

struct judge_memory {
	enum health_state state;	/* UP or DOWN, of the target */
	double since;			/* of the server */
	const char *set;		/* NULL = none */
	const char *bad_digest;		/* what was wrong with its objects; NULL = nothing */
};

/* Which set is current, and why, before a restart. */
struct judge_pool_memory {
	const char *current;
	const char *origin;		/* what it said last; NULL = nothing */
	bool held;			/* as in struct judge_pool, as is what follows */
	uint64_t asked_order;
	double notified;		/* wall clock; 0 = never */
};

struct judge_event {
	enum judge_event_kind kind;
	uint32_t index;			/* of the target, server, site or pool */
	const struct result *result;
	const char *set;
	const struct judge_override *override;
	enum judge_end end;
	const struct judge_memory *memory;
	const struct judge_pool_memory *pool_memory;
	uint64_t order;
	bool drain;
	uint32_t ttl_s;
	uint64_t since_ms;
	enum judge_disturbance disturbance;
};

struct judge_target {
	uint16_t server;
	uint8_t family;			/* 4 or 6 */
	const struct conf_check *check;
	uint32_t interval_ms, fast_ms;
	uint32_t group;			/* of judge.family */
	bool remote;			/* not of this site */
	bool probed;			/* has a result */
	bool failing;			/* the last one failed */
	bool mute;			/* cannot be checked: the last one was internal */
	bool soon;			/* a change was near at the last result */
	bool pending;			/* has failed enough, but the cause is not known yet */
	bool behind;			/* serves an old set */
	bool bad_digest;
	enum health_state alive;	/* UNKNOWN, UP or DOWN */
	bool proven;			/* by results of this prober, not by memory alone */
	uint32_t good, bad;		/* results in a row */
	uint64_t first_bad_ms, last_bad_ms; /* of this row */
	uint64_t pending_ms;		/* since when it is pending */
	uint64_t asked_ms;		/* when the check of the last result began */
	uint32_t round;			/* the last one it has a result in */
	int load;			/* smoothed, 0-100 */
	uint8_t weight;			/* 100, 75, 50, 25 */
	enum reason reason;		/* of the last result, with its detail */
	char detail[RESULT_DETAIL_MAX];
	char digest_detail[RESULT_DETAIL_MAX];
	uint32_t latency_us;
	double last_wall;		/* of the last result; 0 = none */
	char set[HEALTH_NAME_MAX];	/* "" = none */
};

struct judge_server {
	const struct conf_server *conf;
	const struct conf_check *check;	/* the first; NULL = not probed, always up */
	uint8_t n_checks;
	bool any;			/* one of them is enough */
	bool local;
	int32_t target[2];		/* IPv4, IPv6: the first of n_checks; -1 = none */
	struct judge_word word;
	/* what comes out */
	enum health_state state, v4, v6;
	enum health_state was;		/* before the change that `changed` tells of */
	double since;			/* wall clock */
	uint64_t drain_ms;		/* when its state became DRAIN */
	uint64_t recovered_ms;		/* its weight grows since then; 0 = it does not */
	enum health_state found;	/* by the checks alone */
	uint8_t weight;
	char set[HEALTH_NAME_MAX];
	char reason[HEALTH_REASON_MAX];
	bool changed;			/* state differs since judge_take_change */
};

struct judge_site {
	const struct conf_site *conf;
	struct judge_word word;
	bool drained_there;		/* its own dnsd says so */
	bool sibling_known;
	bool ttl_known;
	uint32_t ttl_s;			/* the most that its dnsd hands out */
	uint64_t longer_until_ms;	/* when the last longer TTL of before has run out */
	uint64_t asked_ms;		/* when its dnsd answered last */
};

static inline bool
judge_word_said(const struct judge_word *w)
{
	return w->override.kind != OVERRIDE_NONE || w->planned.kind != OVERRIDE_NONE;
}

#define JUDGE_SETS 16			/* ids a pool remembers the order of */

struct judge_set {
	char id[HEALTH_NAME_MAX];
	uint64_t order;			/* 0 = before our time; larger = newer */
};

struct judge_pool {
	const struct conf_pool *conf;
	const struct conf_check *content; /* its check of that kind; NULL = none */
	bool by_origin;
	uint32_t quorum;
	uint64_t last_order;
	uint64_t asked_order;		/* last_order when the origin answered last */
	char origin[HEALTH_NAME_MAX];	/* what it said last; "" = nothing yet */
	struct judge_set current;	/* id "" = not known: everything is current */
	bool in_use;			/* a server has said that it holds the current one */
	bool held;			/* `quorum` servers did */
	bool recalled;			/* knows sets from before a restart: others are newer */
	uint64_t notified_ms;		/* when the operator said what is current; 0 = never */
	struct judge_set sets[JUDGE_SETS];
	size_t n_sets;
	bool dirty;			/* to be reviewed */
	uint64_t reviewed_ms;
};

#define JUDGE_TTL_MAX_S 86400u		/* that another site's dnsd is believed to hand out */

/* The targets of one check and one address family: each has a way out of its own, and may be wrong
 * by itself. */
enum judge_scope { SCOPE_NONE, SCOPE_REMOTE, SCOPE_ALL };

struct judge_family {
	const struct conf_check *check;
	uint8_t family;			/* 4 or 6 */
	size_t n, n_remote;		/* targets */
	size_t silent, remote_silent;	/* of those, failing or mute */
	uint64_t ok_ms, remote_ok_ms, sibling_ms; /* last answers */
	enum judge_scope doubted;	/* FREEZE_UPLINK: who stays as he is */
};

struct judge {
	const struct conf *conf;	/* borrowed */
	struct judge_target *targets;
	size_t n_targets, n_remote;
	struct judge_server *servers;	/* as conf.servers */
	struct judge_site *sites;	/* as conf.sites */
	struct judge_pool *pools;	/* as conf.pools */

	enum judge_freeze freeze;
	double freeze_since;		/* wall clock */
	size_t n_failing, n_remote_failing;
	uint64_t last_ok_ms;
	struct judge_family *family;	/* of each check, IPv4 then IPv6 */
	size_t n_families;
	size_t n_silent;		/* targets that failed or are mute */
	size_t n_warming;		/* servers whose weight grows */
	uint32_t round;			/* 1 at the start; a disturbance begins another */
	size_t round_left;		/* targets without a result in this round */
	size_t first_left;		/* targets without any result */
	bool first_round_over;
	bool worth_telling;		/* something is known before the first round is over */
	bool any_pending;		/* a target may be pending */

	uint64_t drain_ms;		/* when the site's drain began; 0 = it does not drain */
	uint64_t unpublished_ms;	/* until when dnsd could not be told; 0 = always could */
	uint64_t last_id;		/* of an override */
	uint64_t changes;		/* grows with every change of the health file */
	size_t n_changed;		/* servers with `changed` */
	size_t change_at;		/* the one taken last */
};

/* Owned by the caller; `conf` is borrowed for its life.  NULL when memory is out. */
struct judge *judge_new(const struct conf *conf, struct judge_time now);
void judge_free(struct judge *judge);

/* The one entry.  Pointers in the event are borrowed for the call. */
void judge_step(struct judge *judge, const struct judge_event *event, struct judge_time now);

/* The targets of a server's family, `f` 0 or 1, are judge_target_of(j, s, f, 0 ... n_checks - 1),
 * or NULL. */
static inline struct judge_target *
judge_target_of(const struct judge *j, const struct judge_server *s, unsigned f, unsigned check)
{
	return s->target[f] < 0 ? NULL : &j->targets[(unsigned)s->target[f] + check];
}

/* UP, STALE (up, but with an old set or a wrong object), UNKNOWN or DOWN. */
enum health_state judge_target_state(const struct judge_target *t);

/* What the keeper is told (magic and sent_ms are the caller's). */
void judge_verdict(const struct judge *judge, struct judge_time now, struct verdict_message *out);

/* Seconds from `now` on within which this server's state cannot change, rounded down but 1 at
 * least: counted from its last checks, with each of the next as early as jitter allows.
 * 0 = unknown. */
uint32_t judge_ttl(const struct judge *judge, size_t server, struct judge_time now);

/* Milliseconds until the last TTL has run out that was handed out with something drained at
 * `since_ms`, or later if dnsd could not be told then. */
uint64_t judge_drain_left(const struct judge *judge, uint64_t since_ms, struct judge_time now);

/* The most that a site's dnsd had handed out until now and that has not run out, seconds; 0 = not
 * known.  At a reload its own longer TTL of before counts for as long as it lasts. */
uint32_t judge_ttl_of_site(const struct judge *judge, size_t site, struct judge_time now);

/* Index of a server whose state changed, its mark removed; -1 = no more. */
int32_t judge_take_change(struct judge *judge);

/* An id for the next override, in milliseconds of the wall clock where that is larger than all
 * before. */
uint64_t judge_next_id(const struct judge *judge, struct judge_time now);

/* The override in force for a server: its own, else its site's; NULL = none. */
const struct judge_override *judge_override_of(const struct judge *judge, size_t server);

/* True while the next result of this target may change its server's state. */
bool judge_near_change(const struct judge *judge, size_t target);

/* The target that has failed enough for longest without anybody's answer to tell whose fault it
 * is; *since_ms is since when.  -1 = none. */
int32_t judge_longest_pending(const struct judge *judge, uint64_t *since_ms);

/* Why nothing is changed now, static text; "" when there is no freeze. */
const char *judge_freeze_text(const struct judge *judge);

/* "drain by ann: new disks", with room for the longest. */
#define JUDGE_OVERRIDE_TEXT (HEALTH_NAME_MAX + HEALTH_REASON_MAX + 32)
char *judge_override_text(const struct judge_override *override, char out[JUDGE_OVERRIDE_TEXT]);

const char *judge_override_name(enum judge_override_kind kind);

#endif
