/*
 * worker: what one thread has for itself, from one request to the next.
 *
 * Its handle of the catalogue, its expressions, its memory, its counters.  Nothing in it is locked,
 * and a plain redirect allocates nothing from it.  Counters are written by the thread and read by
 * any.  Knows no HTTP.
 */
#ifndef NEARCAST_WORKER_H
#define NEARCAST_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/catalogue/catalogue.h"
#include "common/spool.h"
#include "redirectd/choose.h"
#include "redirectd/documents.h"
#include "redirectd/exclude.h"
#include "redirectd/response.h"
#include "redirectd/setup.h"
#include "redirectd/share.h"
#include "redirectd/target.h"

/* What a request ended in. */
#define WORKER_COUNTS(count) \
	count(redirects, "requests sent to a mirror") \
	count(fallbacks, "requests sent to a fallback") \
	count(home, "requests served from here") \
	count(documents, "metalinks, hashes, torrents and lists of mirrors") \
	count(refused, "requests that were refused") \
	count(failed, "answers that could not be made")

enum worker_count {
#define WORKER_NAME(name, help) WORKER_##name,
	WORKER_COUNTS(WORKER_NAME)
#undef WORKER_NAME
	WORKER_KINDS
};

/* What all threads have together. */
struct worker_common {
	struct share share;		/* of struct setup */
	atomic_uint tick;		/* grows each second: look at the catalogue's file again */
	struct spool *spool;		/* NULL = no lines are wanted */
	_Atomic(struct worker *) workers[SHARE_SLOTS];
};

struct worker {
	struct worker_common *common;
	struct share_slot *slot;
	struct catalogue *catalogue;	/* NULL = there is none that can be used */
	char *catalogue_path;		/* of it, or of the one that cannot be used */
	unsigned tick;			/* when it was last looked at */
	uint64_t conf_number;		/* what `exclude` is of; 0 = none */
	struct exclude exclude;
	struct choose_room room;
	struct documents_desk desk;
	struct draft scratch;
	struct response response;
	struct target_path target;
	char site[300];
	uint64_t random;		/* for ?newmirror */
	unsigned unlogged;		/* decisions since the last that has its line */
	_Atomic uint64_t counts[WORKER_KINDS];
};

/* NULL = out of memory, or too many threads. */
struct worker *worker_new(struct worker_common *common);
void worker_free(struct worker *worker);

/* Makes the worker fit the snapshot, before each request.  -1 = out of memory. */
int worker_fit(struct worker *worker, const struct setup *setup);

static inline void
worker_add(struct worker *worker, enum worker_count kind)
{
	/* one thread writes it */
	atomic_store_explicit(&worker->counts[kind],
	    atomic_load_explicit(&worker->counts[kind], memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

/* The sum over all threads. */
void worker_sum(struct worker_common *common, uint64_t counts[WORKER_KINDS]);

#endif
