#include "common/conf/conf_order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static_assert(offsetof(struct conf_server, name) == 0, "name_list");
static_assert(offsetof(struct conf_pool, name) == 0, "name_list");
static_assert(offsetof(struct conf_zone, name) == 0, "name_list");

/* Elements that begin with their names, and how names compare. */
struct name_list {
	const void *v;
	size_t n, size;
	int (*compare)(const char *a, const char *b);
};

static const char *
order_name(const struct name_list *list, uint32_t i)
{
	return *(char *const *)((const char *)list->v + i * list->size);
}

static int
order_compare(const void *a, const void *b, void *arg)
{
	const struct name_list *list = arg;

	return list->compare(order_name(list, *(const uint32_t *)a),
	    order_name(list, *(const uint32_t *)b));
}

/* The list's indices by name; NULL without memory. */
static uint32_t *
sort(struct name_list list)
{
	uint32_t *order = calloc(list.n + 1, sizeof(*order));

	for (uint32_t i = 0; order != NULL && i < list.n; i++)
		order[i] = i;
	if (order != NULL)
		qsort_r(order, list.n, sizeof(*order), order_compare, &list);
	for (size_t i = 1; order != NULL && i < list.n; i++)
		assert(order_compare(&order[i - 1], &order[i], &list) < 0);
	return order;
}

/* The index of the element of this name, or the list's length.  A configuration that was not read
 * but made, in tests, has no order, and is small. */
static size_t
search(struct name_list list, const uint32_t *order, const char *name)
{
	size_t low = 0, high = list.n;

	for (uint32_t i = 0; order == NULL && i < list.n; i++)
		if (list.compare(order_name(&list, i), name) == 0)
			return i;
	if (order == NULL)
		return list.n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int sign = list.compare(order_name(&list, order[mid]), name);
		if (sign == 0)
			return order[mid];
		if (sign < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return list.n;
}

static struct name_list
servers(const struct conf *c)
{
	return (struct name_list){ c->servers, c->n_servers, sizeof(*c->servers), strcmp };
}

static struct name_list
pools(const struct conf *c)
{
	return (struct name_list){ c->pools, c->n_pools, sizeof(*c->pools), strcmp };
}

static struct name_list
zones(const struct conf *c)
{
	return (struct name_list){ c->zones, c->n_zones, sizeof(*c->zones), strcasecmp };
}

int
conf_order_build(struct conf *conf)
{
	conf->servers_by_name = sort(servers(conf));
	conf->pools_by_name = sort(pools(conf));
	conf->zones_by_name = sort(zones(conf));
	return conf->servers_by_name != NULL && conf->pools_by_name != NULL &&
	    conf->zones_by_name != NULL ? 0 : -1;
}

uint16_t
conf_find_server(const struct conf *conf, const char *name)
{
	size_t i = search(servers(conf), conf->servers_by_name, name);

	return i < conf->n_servers ? (uint16_t)i : CONF_NONE;
}

uint16_t
conf_find_pool(const struct conf *conf, const char *name)
{
	size_t i = search(pools(conf), conf->pools_by_name, name);

	return i < conf->n_pools ? (uint16_t)i : CONF_NONE;
}

const struct conf_zone *
conf_find_zone(const struct conf *conf, const char *name)
{
	size_t i = search(zones(conf), conf->zones_by_name, name);

	return i < conf->n_zones ? &conf->zones[i] : NULL;
}
