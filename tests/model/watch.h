/*
 * watch: what must never happen, looked for at every word.
 *
 * It keeps its own books about results, words, withdrawals and sets, by true time and over every
 * restart, and judges the product by them: it asks the judge and the posture only for what they
 * say, not for how they came to it.  One row of watch_rules a rule.
 */
#ifndef NEARCAST_MODEL_WATCH_H
#define NEARCAST_MODEL_WATCH_H

#include "tests/model/sim.h"

enum watch_rule {
	WATCH_FINE,
	WATCH_DNSD_FAILED,
	WATCH_FROZEN,
	WATCH_THAW,
	WATCH_HOLD,
	WATCH_WORD,
	WATCH_WORD_ENDS,
	WATCH_WORD_OBEYED,
	WATCH_STATE,
	WATCH_LOWERED,
	WATCH_WITHDRAWN,
	WATCH_DRAINS,
	WATCH_UNPROVEN,
	WATCH_BUDGET,
	WATCH_HOLD_DOWN,
	WATCH_RAISED_IN_HOLD,
	WATCH_PENALTY,
	WATCH_FALL,
	WATCH_WITNESS,
	WATCH_FIRST,
	WATCH_RISE,
	WATCH_QUORUM,
	WATCH_ORIGIN,
	WATCH_AHEAD,
	WATCH_SEED,
	WATCH_DIGEST,
	WATCH_DRAINED,
	WATCH_THAWS,
	WATCH_ROUND_ENDS,
	WATCH_FALLS,
	WATCH_DECIDES,
	WATCH_LOWERS,
	WATCH_RISES,
	WATCH_SERVES,
	WATCH_RELOAD,
	WATCH_RULES
};

struct watch_rule_row {
	const char *name;
	const char *says;
};

extern const struct watch_rule_row watch_rules[WATCH_RULES];

struct watch_target {
	uint32_t good, bad;		/* in a row, since counting began anew */
	uint32_t row;			/* good ones in a row, whatever prober saw them */
	bool guilty;			/* has failed, and not answered often enough since */
	bool answered;			/* since nothing was announced that was proven */
	bool failing;			/* the last one that is not internal failed */
	bool wrong;			/* its digest */
	char last;			/* sign of the last result; 0 = none */
	bool asked;			/* by this prober, with a result that is not internal */
	char set[4];
	uint64_t first_bad_ms, good_ms;
};

struct watch_word {
	enum judge_override_kind kind;
	uint64_t said_ms, until_ms;	/* until 0 = until taken back */
};

struct watch_books {
	struct watch_target targets[SIM_TARGETS];
	struct watch_word servers[SIM_SERVERS], sites[SIM_SITES];
	uint64_t plans[SIM_SERVERS + SIM_SITES]; /* when a drain begins; 0 = none planned */
	bool drained[SIM_SITES];	/* that site's dnsd says so */
	bool said;			/* in this step a word about this site or its servers */
	bool pardon;			/* one was, since the route was changed last */
	bool not_health;		/* what lowered last was dnsd, the operator, a restart */
	unsigned flaps;
	uint64_t flap_ms, lowered_ms, penalty_ms, sibling_ms, drain_ms, ttl_over_ms;
	uint64_t notified_ms;
	uint64_t out_ms;		/* when a server here was taken out last */
	double penalty;
	uint32_t ttl_s[SIM_SITES];
	bool ttl_known[SIM_SITES];
	uint32_t age[4];		/* of the sets A B C D: larger = newer, 0 = as old as all */
	uint32_t newest;
	bool seen[4];
	char origin[4];
};

/* A word happens, and is judged.  The rule that it broke, or WATCH_FINE. */
enum watch_rule watch_step(struct sim *sim, struct watch_books *books, const struct sim_word *word);

/* What must be reached from this state: the rule that is broken, or WATCH_FINE.  The state is the
 * caller's again afterwards; `room` is for two of them (sim_size). */
enum watch_rule watch_reach(struct sim *sim, const struct watch_books *books, void *room);

/* sim_hash with the books. */
uint64_t watch_hash(const struct sim *sim, const struct watch_books *books);

#endif
