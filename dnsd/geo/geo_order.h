/*
 * geo_order: all sites, by distance from a place.
 *
 * Where the sites that a client is given first (geo_rank) cannot serve, the next are looked for
 * in this order: the nearest to the client, wherever they are.  Rules have no say in it.
 * Sites at the same distance (to a millimetre of chord) and those without coordinates, who come
 * last, stand in the order of the configuration.  A place without a point gets the order from
 * `here`: here itself, then by distance from it.
 *
 * Equal orders are one, numbered from 0.  Many sites and a large database can have more than
 * the GEO_ORDER_MAX there are numbers for: then geo_order_coarsen makes all places of one square
 * degree share the order as seen from its middle, so that there are never more.
 *
 * While a map is built by one thread, orders are added; afterwards they are only read, by any
 * thread.  Copies what it needs of the configuration.  Knows no addresses and no health.
 */
#ifndef NEARCAST_GEO_ORDER_H
#define NEARCAST_GEO_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/geo/geo_record.h"

#define GEO_ORDER_MAX 0xfff0		/* distinct orders; above are a map's own marks */
#define GEO_ORDER_NONE UINT16_MAX

struct geo_order;

/* `sites` are indices into conf->sites, at least one.  NULL with a reason. */
struct geo_order *geo_order_new(const struct conf *conf, const uint16_t *sites, size_t n_sites,
    struct err *err);
void geo_order_free(struct geo_order *order);

/* The order from this place, added where it is new; `place` NULL = nothing known.
 * GEO_ORDER_NONE = there are too many, or there is no memory. */
uint16_t geo_order_place(struct geo_order *order, const struct geo_place *place);

/* Forgets all orders but those from sites and begins anew with square degrees.  False if that
 * has been done already, or there is no memory. */
bool geo_order_coarsen(struct geo_order *order);

/* The order of who is nowhere: from `here`. */
uint16_t geo_order_unlocated(const struct geo_order *order);
/* The order from a site of these (index into conf->sites); from `here` if it has no place. */
uint16_t geo_order_from_site(const struct geo_order *order, uint16_t site);

/* Indices into conf->sites, nearest first: every site.  The order's. */
const uint8_t *geo_order_list(const struct geo_order *order, uint16_t number);
/* Whether places share orders by square degrees; and how many orders there are. */
bool geo_order_is_coarse(const struct geo_order *order);
uint32_t geo_order_count(const struct geo_order *order);

#endif
