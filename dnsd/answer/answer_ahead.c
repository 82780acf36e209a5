/*
 * What the answers to a batch will look at, fetched into the cache before it is needed.
 *
 * In a zone of millions of names an answer reads three places that are in no cache: the
 * name's slot in the index, its node, its data; for a steered name also two or three in the
 * map where the client is looked up.  Each place is only known when the one before has
 * arrived, so a packet answered by itself waits for memory each time, and the next packet
 * begins when it is done.  Memory could have fetched for both at once.
 *
 * Hence the passes of some_ahead: every packet of the batch takes its first step (to_slot),
 * then every packet the second (to_node), then the third (to_data); at last all clients are
 * located together (steer_locate).  While one packet's place is on its way, those of the
 * others are asked for.
 *
 * Nothing is decided here: answer_write searches anew and finds its places in the cache, but
 * for the client's, which is handed over in ask->place.  A guess that turns out wrong (another
 * name with the same tag, an alias) has cost one fetch.  Runs on the worker that owns the
 * packets, between answer_read and answer_write, with the same generation; reads shared data
 * only.
 */
#include "dnsd/answer/answer.h"

#include <assert.h>

enum {
	BATCH = STEER_LOCATE_MAX,
	WORTH = 4,			/* questions; fewer gain nothing */
	SMALL = 1024			/* nodes; a zone with fewer stays in the cache */
};

/* A question on its way to its data. */
struct ahead {
	struct answer_ask *ask;
	const struct zone *zone;
	uint64_t hash;
	uint32_t node;
};

/* Clients to be located together, each for the steered name that it asks for. */
struct places {
	unsigned n;
	const struct steer_name *name[BATCH];
	struct steer_client *client[BATCH];
};

/* The slot of the name, or of the longest part of it that can be there. */
static bool
to_slot(struct answer_ask *ask, struct ahead *a)
{
	const struct zone *zone = ask->vz != NULL ? ask->vz->zone : NULL;
	const struct name_walk *name = &ask->q.qname;

	/* a small zone is in the cache already, a client's place in the map is not */
	if (zone == NULL || (zone->n_nodes < SMALL && !ask->place.ecs))
		return false;
	a->ask = ask;
	a->zone = zone;
	a->hash = name->hash[name->labels < zone->max_labels ? name->labels : zone->max_labels];
	zone_prefetch_slot(zone, a->hash);
	return true;
}

/* The node, if the name is there. */
static bool
to_node(struct ahead *a)
{
	a->node = zone_prefetch_node(a->zone, a->hash);
	return a->node != ZONE_NONE;
}

/* The node's data; of a steered name, the client's place. */
static void
to_data(const struct ahead *a, struct places *p)
{
	const struct zone_node *node = &a->zone->nodes[a->node];

	__builtin_prefetch(a->zone->data + node->name);
	__builtin_prefetch(a->zone->data + node->rrsets);
	if (node->steer == ZONE_NONE)
		return;
	assert(node->steer < a->zone->n_steers && p->n < BATCH);
	p->name[p->n] = a->ask->vz->steer[node->steer];
	p->client[p->n++] = &a->ask->place;
}

static void
some_ahead(struct answer_ask *ask, unsigned n)
{
	struct ahead ahead[BATCH];
	struct places places;
	unsigned left = 0, found = 0;

	for (unsigned i = 0; i < n; i++)
		left += to_slot(&ask[i], &ahead[left]);
	for (unsigned i = 0; i < left; i++)
		if (to_node(&ahead[i]))
			ahead[found++] = ahead[i];
	places.n = 0;
	for (unsigned i = 0; i < found; i++)
		to_data(&ahead[i], &places);
	steer_locate(places.n, places.name, places.client);
}

void
answer_ahead(struct answer_ask *ask, unsigned n)
{
	for (unsigned some; n >= WORTH; n -= some, ask += some) {
		some = n < BATCH ? n : BATCH;
		some_ahead(ask, some);
	}
}
