#include "redirectd/share.h"

#include <sched.h>
#include <stdbool.h>

struct share_slot *
share_slot(struct share *share)
{
	unsigned n = atomic_fetch_add(&share->n_slots, 1);

	return n < SHARE_SLOTS ? &share->slots[n] : NULL;
}

void *
share_enter(struct share *share, struct share_slot *slot)
{
	void *what = atomic_load(&share->current);

	/* it may have been replaced, and freed, before it was named in the slot */
	for (;;) {
		void *now;

		atomic_store(&slot->uses, what);
		now = atomic_load(&share->current);
		if (now == what)
			return what;
		what = now;
	}
}

void
share_leave(struct share_slot *slot)
{
	atomic_store_explicit(&slot->uses, NULL, memory_order_release);
}

static bool
is_used(struct share *share, const void *what)
{
	unsigned n = atomic_load(&share->n_slots);

	for (unsigned i = 0; i < n && i < SHARE_SLOTS; i++)
		if (atomic_load(&share->slots[i].uses) == what)
			return true;
	return false;
}

void
share_sweep(struct share *share)
{
	size_t kept = 0;

	for (size_t i = 0; i < share->n_old; i++)
		if (is_used(share, share->old[i]))
			share->old[kept++] = share->old[i];
		else
			share->free(share->old[i]);
	share->n_old = kept;
}

void
share_swap(struct share *share, void *next)
{
	void *before = atomic_exchange(&share->current, next);

	while (share->n_old == SHARE_OLD) {
		share_sweep(share);
		if (share->n_old == SHARE_OLD)
			sched_yield();
	}
	if (before != NULL)
		share->old[share->n_old++] = before;
	share_sweep(share);
}
