/* What the answers to a batch will look at, looked for before it is needed.
 *
 * A name among many costs three places that no cache holds: its slot in the index, its node,
 * its data; a client costs two or three in the map.  Each place tells where the next one is, so
 * one question has to wait for each in turn; but while it waits for one, memory can fetch those of
 * all the others.  Hence these passes: every question takes one step, then every question the
 * next.  Guesses that turn out wrong (a name with the same tag, an alias) cost a fetch. */
#include "dnsd/answer/answer.h"

enum {
	BATCH = STEER_LOCATE_MAX,
	WORTH = 4,			/* questions; fewer gain nothing */
	SMALL = 1024			/* nodes of a zone that stays in the cache */
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

	/* a steered name of a small zone is at hand, the client's place in the map is not */
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
