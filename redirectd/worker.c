#include "redirectd/worker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct worker *
worker_new(struct worker_common *common)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->common = common;
	w->slot = share_slot(&common->share);
	if (w->slot == NULL || response_init(&w->response) < 0) {
		free(w);
		return NULL;
	}
	if (getrandom(&w->random, sizeof(w->random), GRND_NONBLOCK) != sizeof(w->random))
		w->random = (uintptr_t)w;
	w->random |= 1;
	w->tick = atomic_load(&common->tick) - 1;
	atomic_store(&common->workers[w->slot - common->share.slots], w);
	return w;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	share_leave(w->slot);
	atomic_store(&w->common->workers[w->slot - w->common->share.slots], NULL);
	catalogue_close(w->catalogue);
	free(w->catalogue_path);
	exclude_close(&w->exclude);
	choose_room_free(&w->room);
	documents_end(&w->desk);
	draft_free(&w->scratch);
	response_end(&w->response);
	free(w);
}

/* Once a second, and when the configuration names another one.  The daemon's main thread says
 * what is wrong with it. */
static int
fit_catalogue(struct worker *w, const char *path)
{
	unsigned tick = atomic_load_explicit(&w->common->tick, memory_order_relaxed);
	bool other = w->catalogue_path == NULL || strcmp(w->catalogue_path, path) != 0;
	struct err err;

	if (tick == w->tick && !other)
		return 0;
	w->tick = tick;
	if (other) {
		char *copy = strdup(path);

		if (copy == NULL)
			return -1;
		catalogue_close(w->catalogue);
		w->catalogue = NULL;
		free(w->catalogue_path);
		w->catalogue_path = copy;
	}
	if (w->catalogue == NULL)
		w->catalogue = catalogue_open(path, &err);
	else
		catalogue_refresh(w->catalogue, &err);
	return 0;
}

int
worker_fit(struct worker *w, const struct setup *setup)
{
	struct err err;

	if (fit_catalogue(w, setup->conf->redirect.catalogue) < 0)
		return -1;
	if (w->conf_number == setup->conf_number)
		return 0;
	exclude_close(&w->exclude);
	w->conf_number = 0;
	if (choose_room_fit(&w->room, setup->choose) < 0 ||
	    exclude_open(&w->exclude, &setup->conf->redirect, &err) < 0)
		return -1;
	w->conf_number = setup->conf_number;
	return 0;
}

void
worker_sum(struct worker_common *common, uint64_t counts[WORKER_KINDS])
{
	memset(counts, 0, WORKER_KINDS * sizeof(*counts));
	for (unsigned i = 0; i < SHARE_SLOTS; i++) {
		struct worker *w = atomic_load(&common->workers[i]);

		for (unsigned k = 0; w != NULL && k < WORKER_KINDS; k++)
			counts[k] += atomic_load_explicit(&w->counts[k], memory_order_relaxed);
	}
}
