#include "redirectd/choose.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/geo/geo_point.h"
#include "common/geo/rendezvous.h"
#include "redirectd/suit.h"

#define EARTH_MM 6371008800.0		/* mean radius */

struct choose {
	const struct conf *conf;
	struct suit suit;
};

struct choose_candidate {
	uint64_t order;			/* tier, then chord in millimetres */
	uint64_t cost;			/* within a near set */
	uint16_t mirror;
	uint8_t why, offer;		/* enum choice_why; whether it may be taken */
};

struct choose *
choose_new(const struct conf *conf, struct err *err)
{
	struct choose *choose = calloc(1, sizeof(*choose));

	if (choose == NULL || suit_prepare(&choose->suit, conf) < 0) {
		free(choose);
		err_set(err, "out of memory");
		return NULL;
	}
	choose->conf = conf;
	return choose;
}

void
choose_free(struct choose *choose)
{
	if (choose == NULL)
		return;
	suit_free(&choose->suit);
	free(choose);
}

int
choose_room_fit(struct choose_room *room, const struct choose *choose)
{
	size_t size = choose->conf->n_mirrors + 1;

	if (room->size >= size)
		return 0;
	choose_room_free(room);
	room->mirrors = calloc(size, sizeof(*room->mirrors));
	room->heap = calloc(size, sizeof(*room->heap));
	room->ring = calloc(size, sizeof(*room->ring));
	room->size = size;
	if (room->mirrors != NULL && room->heap != NULL && room->ring != NULL)
		return 0;
	choose_room_free(room);
	return -1;
}

void
choose_room_free(struct choose_room *room)
{
	free(room->mirrors);
	free(room->heap);
	free(room->ring);
	*room = (struct choose_room){ .size = 0 };
}

uint64_t
choose_key(const struct choose *choose, const struct addr *client)
{
	const struct conf_redirect *r = &choose->conf->redirect;

	return rendezvous_key(client->family, client->ip,
	    client->family == 4 ? r->spread4 : r->spread6);
}

/* ---- candidates, nearest first: a heap ---- */

static void
sink(struct choose_candidate *heap, size_t n, size_t i)
{
	struct choose_candidate c = heap[i];

	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && heap[child + 1].order < heap[child].order)
			child++;
		if (heap[child].order >= c.order)
			break;
		heap[i] = heap[child];
	}
	heap[i] = c;
}

static struct choose_candidate
pop(struct choose_candidate *heap, size_t *n)
{
	struct choose_candidate top = heap[0];

	heap[0] = heap[--*n];
	if (*n != 0)
		sink(heap, *n, 0);
	return top;
}

/* ---- a request ---- */

struct work {
	const struct choose *choose;
	const struct choose_facts *facts;
	struct redirect_choice *choice;
	struct choice_mirror *mirrors;	/* taken from the front, others from the back */
	size_t n_taken, n_others, room;
	size_t enough;			/* SIZE_MAX = all */
	bool whole;
};

static double
km_of(uint64_t order)
{
	uint64_t chord = order & SUIT_CHORD_UNKNOWN;
	double half = (double)chord / 2 / EARTH_MM;

	if (chord == SUIT_CHORD_UNKNOWN)
		return -1;
	return 2 * asin(half < 1 ? half : 1) * EARTH_MM / 1e6;
}

/* The order up to which candidates are as good as the one that was found first. */
static uint64_t
near_end(const struct conf_redirect *r, uint64_t order)
{
	double km = km_of(order), limit;

	if (km < 0)
		return order;
	limit = (km * r->near_factor + r->near_km) * 1e6 / EARTH_MM;	/* as an angle */
	if (limit >= M_PI)		/* all but those whose place is not known */
		return (order & ~SUIT_CHORD_UNKNOWN) | (SUIT_CHORD_UNKNOWN - 1);
	return (order & ~SUIT_CHORD_UNKNOWN) | (uint64_t)(2 * EARTH_MM * sin(limit / 2));
}

static void
put_down(struct work *w, uint16_t mirror, enum choice_why why, double km)
{
	if (w->whole)
		w->mirrors[w->room - ++w->n_others] = (struct choice_mirror){
			.mirror = &w->choose->conf->mirrors[mirror], .index = mirror, .why = why,
			.km = km,
		};
}

static void
offer(struct work *w, const struct choose_candidate *c, enum choice_why why, unsigned priority)
{
	w->mirrors[w->n_taken++] = (struct choice_mirror){
		.mirror = &w->choose->conf->mirrors[c->mirror], .index = c->mirror, .why = why,
		.taken = true, .priority = priority, .km = km_of(c->order),
	};
}

/* A mirror for one file has it; others have what the catalogue says. */
static bool
has_file(const struct work *w, uint16_t mirror)
{
	if (w->choice->one_file != NULL)
		return true;
	return w->choice->file.known &&
	    w->facts->holds(w->facts->arg, mirror, w->choice->file.id);
}

static enum choice_why
ill(const struct work *w, uint16_t mirror)
{
	return w->facts->health[mirror] == CHOOSE_DOWN ? CHOICE_DOWN : CHOICE_INCOMPLETE;
}

static double
from_client(const struct choice_client *client, const struct suit_mirror *p)
{
	if (client->known == CHOICE_UNKNOWN || !p->located)
		return -1;
	return geo_point_km(client->latitude, client->longitude, p->latitude, p->longitude);
}

/* Every mirror that is not barred, as a heap; how many. */
static size_t
gather(struct work *w, struct choose_candidate *heap)
{
	const struct choose *choose = w->choose;
	const struct choice_client *from = &w->choice->client;
	struct suit_client client = suit_client(&choose->suit, w->choice);
	size_t n = 0;

	for (uint16_t i = 0; i < choose->conf->n_mirrors; i++) {
		struct choose_candidate *c = &heap[n];
		enum choice_why why = suit_judge(&choose->suit, &client, i, &c->order);

		if (why >= CHOICE_NO_FILE) {
			if (w->whole)
				put_down(w, i, why, from_client(from, &choose->suit.mirrors[i]));
			continue;
		}
		c->mirror = i;
		c->why = (uint8_t)why;
		c->offer = w->facts->health == NULL || w->facts->health[i] == CHOOSE_FINE;
		n++;
	}
	for (size_t i = n / 2; i-- != 0;)
		sink(heap, n, i);
	return n;
}

static int
by_cost(const void *a, const void *b)
{
	const struct choose_candidate *x = a, *y = b;

	if (x->cost != y->cost)
		return x->cost < y->cost ? -1 : 1;
	return x->mirror < y->mirror ? -1 : x->mirror > y->mirror;
}

/* What can be offered of a near set, in the order of its costs.  The first of the ring is known to
 * have the file. */
static void
take_ring(struct work *w, struct choose_candidate *ring, size_t n, uint64_t key)
{
	uint16_t first = ring[0].mirror;

	for (size_t i = 0; i < n; i++) {
		const struct suit_mirror *p = &w->choose->suit.mirrors[ring[i].mirror];

		ring[i].cost = ring[i].offer ? rendezvous_cost(key, p->name, p->inverse) :
		    UINT64_MAX;
	}
	if (n > 1)
		qsort(ring, n, sizeof(*ring), by_cost);
	for (size_t i = 0; i < n && (w->whole || w->n_taken < w->enough); i++) {
		const struct choose_candidate *c = &ring[i];
		enum choice_why why = c->why == CHOICE_FAR ? CHOICE_NEAR : c->why;

		if (!c->offer && !w->whole)
			break;
		if (c->mirror != first && !has_file(w, c->mirror))
			put_down(w, c->mirror, CHOICE_NO_FILE, km_of(c->order));
		else if (!c->offer)
			put_down(w, c->mirror, ill(w, c->mirror), km_of(c->order));
		else
			offer(w, c, why, 1);
	}
}

/* The first near set in which somebody can be offered; what is left of the heap is beyond it. */
static void
take_near(struct work *w, struct choose_room *room, size_t *n, uint64_t key)
{
	while (*n != 0 && w->n_taken == 0) {
		struct choose_candidate nearest = pop(room->heap, n);
		uint64_t end;
		size_t ring = 0;

		if (!has_file(w, nearest.mirror)) {
			put_down(w, nearest.mirror, CHOICE_NO_FILE, km_of(nearest.order));
			continue;
		}
		end = near_end(w->choice->redirect, nearest.order);
		room->ring[ring++] = nearest;
		while (*n != 0 && room->heap[0].order <= end)
			room->ring[ring++] = pop(room->heap, n);
		take_ring(w, room->ring, ring, key);
	}
}

/* The others by class and distance. */
static void
take_rest(struct work *w, struct choose_room *room, size_t n)
{
	unsigned priority = 2;

	while (n != 0 && (w->whole || w->n_taken < w->enough)) {
		struct choose_candidate c = pop(room->heap, &n);

		if (!c.offer && !w->whole)
			continue;
		if (!has_file(w, c.mirror))
			put_down(w, c.mirror, CHOICE_NO_FILE, km_of(c.order));
		else if (!c.offer)
			put_down(w, c.mirror, ill(w, c.mirror), km_of(c.order));
		else
			offer(w, &c, c.why, priority++);
	}
}

/* Those not taken were put down from the end of the room; they follow the others, nearest first
 * as far as they were asked. */
static void
close_up(struct work *w)
{
	struct choice_mirror *left = w->mirrors + w->room - w->n_others;

	for (size_t i = 0; i < w->n_others / 2; i++) {
		struct choice_mirror m = left[i];

		left[i] = left[w->n_others - 1 - i];
		left[w->n_others - 1 - i] = m;
	}
	memmove(w->mirrors + w->n_taken, left, w->n_others * sizeof(*left));
}

static const struct conf_fallback *
find_fallback(const struct redirect_choice *choice)
{
	const struct conf_redirect *r = choice->redirect;

	for (size_t i = 0; i < r->n_fallbacks; i++) {
		const struct conf_fallback *f = &r->fallbacks[i];

		if (choice->secure && strncasecmp(f->url, "https:", 6) != 0)
			continue;
		if (f->countries.n == 0)
			return f;
		for (size_t j = 0; j < f->countries.n; j++)
			if (f->countries.v[j].text[0] == '*' ||
			    strcmp(f->countries.v[j].text, choice->client.country) == 0)
				return f;
	}
	return NULL;
}

void
choose_mirrors(const struct choose *choose, const struct choose_facts *facts, uint64_t key,
    size_t enough, struct choose_room *room, struct redirect_choice *choice)
{
	struct work w = {
		.choose = choose, .facts = facts, .choice = choice, .mirrors = room->mirrors,
		.room = choose->conf->n_mirrors, .enough = enough, .whole = enough == 0,
	};
	size_t n;

	assert(room->size > choose->conf->n_mirrors);
	n = gather(&w, room->heap);
	take_near(&w, room, &n, key);
	take_rest(&w, room, n);
	close_up(&w);
	choice->mirrors = w.mirrors;
	choice->n_taken = w.n_taken;
	choice->n = w.n_taken + w.n_others;
	choice->whole = w.whole;
	choice->fallback = w.n_taken == 0 && choice->one_file == NULL ? find_fallback(choice) :
	    NULL;
	choice->end = w.n_taken != 0 ? CHOICE_MIRROR :
	    choice->fallback != NULL ? CHOICE_FALLBACK : CHOICE_HOME;
	choice->home = choice->end == CHOICE_HOME ? CHOICE_NO_MIRROR : CHOICE_AWAY;
}
