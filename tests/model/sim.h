/*
 * sim: one healthd in a world that consists of words: prober, keeper, state file, true time.
 *
 * What decides is the product's own: judge_step, posture_step, state_print, state_parse,
 * recall_item.  What is copied here is only who calls whom and when: the keeper steps after
 * every word, the prober writes its memory a second after a change (remember.h), a new healthd
 * finds the route as it was or gone.  Not in it: sockets, BIRD, weights, a watch on dnsd.
 *
 * The words are those of tests/unit/test_judge.c, so that what is found here can be pasted
 * there; each takes 10 ms.  Others: dnsd+ dnsd- dnsd? (answers, has failed, not known), kill (the
 * prober dies) and start, reload, restart (of healthd within the lease), gone (longer than it),
 * reboot, stall (the keeper stands still for longer than the lease), plan:fra:2000 (a drain in
 * 2 s), tcp- tcp+ (dnsd is dead over TCP, and the site is to drain for it).
 *
 * A struct sim is saved and loaded as a whole, so that it can be gone on with in many ways.
 */
#ifndef NEARCAST_MODEL_SIM_H
#define NEARCAST_MODEL_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "healthd/judge/judge.h"
#include "healthd/route/posture.h"

enum { SIM_TARGETS = 8, SIM_SERVERS = 6, SIM_SITES = 3, SIM_STEP_MS = 10, SIM_TTL_S = 5,
    SIM_FILE_MAX = 6144 };

/* One row of worlds.c. */
struct world {
	const char *name;
	const char *servers;		/* of site fra f1 f2, nyc n1, sin s1; f1/46 = both
					 * families, f1* = seed */
	unsigned rise, fall;
	unsigned min_healthy;		/* 0 = 1 */
	unsigned quorum;		/* of pool p; 0 = no sets */
	bool origin;			/* of the sets */
	unsigned checks;		/* of pool p: 1 (or 0), 2; the second of f1 is f1#2 */
	bool any;			/* one of two is enough */
	bool caches_drain;		/* on-caches-down = drain */
	unsigned suppress;		/* of the flap budget; 0 = 2000, which is used up soon */
	bool large;			/* for `make model` alone */
	const char *begin;		/* words, not explored */
	const char *events;		/* words, | between events; "rounds" stands for a second
					 * and then every way in which all targets answer or not */
	unsigned depth;			/* events in a row */
	size_t states;			/* and not more than so many */
};

enum sim_op {
	SIM_RESULT, SIM_DIGEST, SIM_ORIGIN, SIM_NOTIFY, SIM_SERVER_WORD, SIM_SITE_WORD, SIM_SIBLING,
	SIM_TTL, SIM_LATE, SIM_CLOCK, SIM_WAIT, SIM_DNSD, SIM_TCP, SIM_STALL, SIM_KILL, SIM_START,
	SIM_RELOAD, SIM_RESTART, SIM_GONE, SIM_REBOOT
};

/* A word, read. */
struct sim_word {
	enum sim_op op;
	uint32_t index;			/* of the target, server, site */
	char sign;			/* + - ? */
	char set[4];
	enum judge_override_kind kind;
	bool planned;			/* the override begins after `ms`, */
	uint64_t ms;			/* else is for that long; 0 = until taken back.  Or waits */
	enum posture_dnsd dnsd;
};

struct sim {
	const struct world *world;
	struct conf *conf;
	struct judge_time now;		/* monotonic time begins anew with a reboot, */
	uint64_t true_ms;		/* true time does not */

	struct judge *judge;		/* its arrays are saved with it */
	bool alive;			/* the prober */
	uint64_t written_changes, due_ms; /* as struct remember has them */
	char file[SIM_FILE_MAX];	/* the state file */
	uint64_t file_ms;		/* true time when it was written */
	uint64_t told_ms;		/* and when dnsd was told of health last */
	bool lost;			/* it had forgotten before this prober began */

	struct posture posture;
	struct verdict_message word;	/* that the keeper has heard last */
	bool heard;
	uint64_t heard_ms;
	enum posture_dnsd dnsd;
	bool tcp_dead;			/* and the site is to drain for it */
};

/* Owned by the caller.  Ends the program when the world makes no sense. */
struct sim *sim_new(const struct world *world);
void sim_free(struct sim *sim);

/* A whole state in sim_size octets. */
size_t sim_size(const struct sim *sim);
void sim_save(const struct sim *sim, void *out);
void sim_load(struct sim *sim, const void *in);

/* Reads words, up to `max`; how many.  Ends the program at one that it does not know. */
size_t sim_read(const struct sim *sim, const char *text, struct sim_word *out, size_t max);

/* One word happens: 10 ms, the word, then the keeper's round. */
void sim_step(struct sim *sim, const struct sim_word *word);

/* What is, in the words of test_judge.c's expectations. */
void sim_print(const struct sim *sim, char *out, size_t size);

/* Number of the state, the same for two that go on in the same way.  `times` are n more of true
 * time, and `rest` more of any kind, both of whoever watches. */
uint64_t sim_hash(const struct sim *sim, const uint64_t *times, size_t n, const void *rest,
    size_t rest_len);

#endif
