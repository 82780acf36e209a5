/*
 * sampled: one mirror being sampled: which file next, when, and what came of it.
 *
 * What all share is `struct sample_world`; sample.c opens it, decides on states and writes them.
 * One thread.
 */
#ifndef NEARCAST_SAMPLED_H
#define NEARCAST_SAMPLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/catalogue/catalogue.h"
#include "common/catalogue/held.h"
#include "common/catalogue/held_write.h"
#include "common/conf/conf.h"
#include "common/loop.h"
#include "healthd/sample/sample_head.h"
#include "healthd/sample/sample_state.h"
#include "healthd/sample/sample_walk.h"

enum { SAMPLED_SEEN = 256 };

struct sampled;

struct sample_world {
	const struct conf *conf;	/* borrowed */
	struct loop *loop;
	struct sample_heads *heads;
	struct catalogue *catalogue;	/* NULL = none can be used */
	struct held *held;		/* NULL = nothing is known */
	void (*sampled)(struct sampled *mirror);	/* told after each sample */
	uint64_t store_again_ms;	/* nothing is stored before; monotonic */
	bool write_failed;		/* has been said */
};

/* What is asked for. */
struct sampled_file {
	bool known;			/* the catalogue has it; else the mirror itself is asked */
	bool claimed;			/* the mirror is said to hold it */
	bool holds;			/* the same, or it is not, and may be found to */
	struct catalogue_file file;
	char path[CATALOGUE_PATH_MAX + 1];
	size_t len;
};

struct sampled {
	struct sample_world *world;
	const struct conf_mirror *conf;
	struct sample_state state;
	struct sample_head head;
	struct loop_timer timer;
	struct sample_walk held, bad, all;
	uint64_t turn, begun_ms;
	struct sampled_file asked;
	uint32_t doubted;		/* a file that was answered with 5xx; 0 = none */
	struct held_write_seen seen[SAMPLED_SEEN];	/* not stored yet */
	size_t n_seen;
	bool must_store;		/* one of them is bad */
};

/* Begins in `after_ms`.  0, or -1 with a reason. */
int sampled_open(struct sampled *mirror, struct sample_world *world,
    const struct conf_mirror *conf, uint64_t seed, uint32_t after_ms, struct err *err);
void sampled_close(struct sampled *mirror);

/* Stores what was seen, if there is anything, and it is worth a transaction or `all`.  What cannot
 * be stored, as another process writes for long, is kept for the next time. */
void sampled_store(struct sampled *mirror, bool all);

/* Ids that it still has to do with are of a catalogue that is no more. */
void sampled_forget(struct sampled *mirror);

#endif
