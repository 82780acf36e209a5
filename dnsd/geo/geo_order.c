#include "dnsd/geo/geo_order.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/geo/geo_point.h"

static_assert(CONF_MAX_SITES <= 256, "an order's entries are octets");
static_assert(180 * 360 + CONF_MAX_SITES + 1 <= GEO_ORDER_MAX, "square degrees always fit");

struct order_site {
	uint8_t index;			/* into conf->sites */
	bool located;
	struct geo_point at;
};

/* The order of who is nowhere is the first, and in no index: a place with an equal one has
 * another, since the list of who is nowhere may know better. */
enum { UNLOCATED = 0 };

struct geo_order {
	struct order_site *sites;		/* in the order of the configuration */
	size_t n_sites;
	bool any_located;		/* else distance has nothing to say */
	bool coarse;
	uint8_t *lists;			/* n_sites octets each */
	uint32_t n_lists, cap_lists;
	uint16_t *index;		/* open addressing: lists by content, at most half full */
	uint32_t index_size;		/* twice cap_lists */
	uint32_t fixed;			/* lists that coarsening keeps: from here, from sites */
	uint16_t from_site[CONF_MAX_SITES];
};

/* ---- lists ---- */

static uint32_t
order_hash(const uint8_t *list, size_t n)
{
	uint64_t h = 0;

	for (size_t i = 0; i < n; i++)
		h = (h ^ list[i]) * UINT64_C(0x9e3779b97f4a7c15) + (h >> 29);
	return (uint32_t)(h >> 32);
}

/* Where in the index the list stands, or would. */
static uint32_t
slot_for(const struct geo_order *o, const uint8_t *list)
{
	uint32_t i = order_hash(list, o->n_sites) & (o->index_size - 1);

	while (o->index[i] != GEO_ORDER_NONE &&
	    memcmp(o->lists + o->index[i] * o->n_sites, list, o->n_sites) != 0)
		i = (i + 1) & (o->index_size - 1);
	return i;
}

/* Clears the index and enters the lists that there are. */
static void
fill_index(struct geo_order *o)
{
	memset(o->index, 0xff, o->index_size * sizeof(*o->index));
	for (uint32_t i = UNLOCATED + 1; i < o->n_lists; i++)
		o->index[slot_for(o, o->lists + i * o->n_sites)] = (uint16_t)i;
}

static int
grow_orders(struct geo_order *o)
{
	uint32_t cap = o->cap_lists != 0 ? 2 * o->cap_lists : 64;
	uint8_t *lists = realloc(o->lists, cap * o->n_sites);
	uint16_t *index;

	if (lists == NULL)
		return -1;
	o->lists = lists;
	index = realloc(o->index, 2 * cap * sizeof(*index));
	if (index == NULL)
		return -1;
	o->cap_lists = cap;
	o->index = index;
	o->index_size = 2 * cap;
	fill_index(o);
	return 0;
}

static uint16_t
number_order(struct geo_order *o, const uint8_t *list)
{
	uint32_t i = slot_for(o, list);

	if (o->index[i] != GEO_ORDER_NONE)
		return o->index[i];
	if (o->n_lists == GEO_ORDER_MAX || (o->n_lists == o->cap_lists && grow_orders(o) < 0))
		return GEO_ORDER_NONE;
	memcpy(o->lists + o->n_lists * o->n_sites, list, o->n_sites);
	i = slot_for(o, list);
	o->index[i] = (uint16_t)o->n_lists++;
	return o->index[i];
}

/* ---- distance ---- */

/* All sites by distance from a point. */
static void
sort_from(const struct geo_order *o, struct geo_point from, uint8_t list[CONF_MAX_SITES])
{
	int64_t far[CONF_MAX_SITES];

	for (size_t i = 0; i < o->n_sites; i++) {
		const struct order_site *s = &o->sites[i];
		int64_t d = s->located ? geo_point_chord_mm(s->at, from) : INT64_MAX;
		size_t at = i;

		for (; at > 0 && d < far[at - 1]; at--) {
			far[at] = far[at - 1];
			list[at] = list[at - 1];
		}
		far[at] = d;
		list[at] = s->index;
	}
}

static uint16_t
add_from(struct geo_order *o, struct geo_point from)
{
	uint8_t list[CONF_MAX_SITES];

	sort_from(o, from, list);
	return number_order(o, list);
}

/* The middle of the square degree that holds this coordinate, `most` degrees being the last. */
static double
middle(double degrees, double most)
{
	double low = floor(degrees);

	return (low < most ? low : most - 1) + 0.5;
}

uint16_t
geo_order_place(struct geo_order *o, const struct geo_place *place)
{
	if (place == NULL || !place->has_point || !o->any_located)
		return UNLOCATED;
	if (!o->coarse)
		return add_from(o, geo_point_of(place->latitude, place->longitude));
	return add_from(o, geo_point_of(middle(place->latitude, 90),
	    middle(place->longitude, 180)));
}

bool
geo_order_coarsen(struct geo_order *o)
{
	if (o->coarse)
		return false;
	o->coarse = true;
	o->n_lists = o->fixed;
	fill_index(o);
	return true;
}

/* ---- the whole ---- */

/* From `here`: itself first, if it is of these, then by distance from it. */
static int
order_from_here(struct geo_order *o, const struct conf *conf)
{
	const struct conf_site *here = conf->here_site < conf->n_sites ?
	    &conf->sites[conf->here_site] : NULL;
	uint8_t list[CONF_MAX_SITES];
	size_t at;

	if (grow_orders(o) < 0)
		return -1;
	for (size_t i = 0; i < o->n_sites; i++)
		list[i] = o->sites[i].index;
	if (here != NULL && here->located)
		sort_from(o, geo_point_of(here->latitude, here->longitude), list);
	for (at = 0; at < o->n_sites && list[at] != conf->here_site; at++)
		;
	if (at < o->n_sites) {
		memmove(list + 1, list, at);
		list[0] = (uint8_t)conf->here_site;
	}
	assert(o->n_lists == UNLOCATED);
	memcpy(o->lists, list, o->n_sites);
	o->n_lists++;
	return 0;
}

static int
place_sites(struct geo_order *o, const struct conf *conf, const uint16_t *sites, size_t n_sites)
{
	o->sites = calloc(n_sites, sizeof(*o->sites));
	if (o->sites == NULL)
		return -1;
	for (size_t i = 0; i < n_sites; i++) {
		const struct conf_site *s = &conf->sites[sites[i]];

		assert(i == 0 || sites[i - 1] < sites[i]);
		o->any_located |= s->located;
		o->sites[o->n_sites++] = (struct order_site){ (uint8_t)sites[i], s->located,
		    geo_point_of(s->latitude, s->longitude) };
	}
	if (order_from_here(o, conf) < 0)
		return -1;
	for (size_t i = 0; i < o->n_sites; i++) {
		const struct order_site *s = &o->sites[i];
		uint16_t from = s->located ? add_from(o, s->at) : UNLOCATED;

		if (from == GEO_ORDER_NONE)
			return -1;
		o->from_site[s->index] = from;
	}
	o->fixed = o->n_lists;
	return 0;
}

struct geo_order *
geo_order_new(const struct conf *conf, const uint16_t *sites, size_t n_sites, struct err *err)
{
	struct geo_order *o = calloc(1, sizeof(*o));

	assert(n_sites != 0);
	if (o == NULL || place_sites(o, conf, sites, n_sites) < 0) {
		err_set(err, "no memory for the order of %zu sites", n_sites);
		geo_order_free(o);
		return NULL;
	}
	return o;
}

void
geo_order_free(struct geo_order *o)
{
	if (o == NULL)
		return;
	free(o->sites);
	free(o->lists);
	free(o->index);
	free(o);
}

uint16_t
geo_order_unlocated(const struct geo_order *o)
{
	(void)o;
	return UNLOCATED;
}

uint16_t
geo_order_from_site(const struct geo_order *o, uint16_t site)
{
	assert(site < CONF_MAX_SITES);
	return o->from_site[site];
}

const uint8_t *
geo_order_list(const struct geo_order *o, uint16_t number)
{
	assert(number < o->n_lists);
	return o->lists + number * o->n_sites;
}

bool
geo_order_is_coarse(const struct geo_order *o)
{
	return o->coarse;
}

uint32_t
geo_order_count(const struct geo_order *o)
{
	return o->n_lists;
}
