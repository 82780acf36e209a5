/*
 * share: one pointer that is read for each request and replaced now and then, without a lock.
 *
 * A thread says which snapshot it uses in a slot of its own (a hazard pointer, Michael 2004); the
 * one who replaces snapshots frees an old one when no slot names it.  Knows nothing of
 * what is shared.  share_swap and share_sweep are one thread's, the owner's; the rest any
 * thread's, each with its slot.
 */
#ifndef NEARCAST_SHARE_H
#define NEARCAST_SHARE_H

#include <stdatomic.h>
#include <stddef.h>

enum { SHARE_SLOTS = 512, SHARE_OLD = 64 };

struct share {
	_Atomic(void *) current;
	struct share_slot {
		_Alignas(64) _Atomic(void *) uses;
	} slots[SHARE_SLOTS];
	atomic_uint n_slots;		/* that were given out */
	void (*free)(void *what);
	void *old[SHARE_OLD];
	size_t n_old;
};

/* A slot for a thread, for good; NULL = there is none left. */
struct share_slot *share_slot(struct share *share);

/* What is current stays until share_leave. */
void *share_enter(struct share *share, struct share_slot *slot);
void share_leave(struct share_slot *slot);

/* Another one is current from now on; the old one goes now or with a later share_sweep.  Waits
 * for threads only when SHARE_OLD of them are still in use. */
void share_swap(struct share *share, void *next);
void share_sweep(struct share *share);

#endif
