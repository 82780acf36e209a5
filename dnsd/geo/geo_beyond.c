#include "dnsd/geo/geo_beyond.h"

#include <stdlib.h>

#include "dnsd/geo/geo_order.h"
#include "dnsd/geo/geo_tree.h"

struct geo_beyond {
	struct geo_order *order;
	struct geo_tree tree;		/* empty = none */
	size_t n_sites;
};

/* Both families, anew with coarser orders where there were too many. */
static int
build_tree(struct geo_beyond *b, const struct geo_db *city, struct err *err)
{
	static const uint8_t families[2] = { 4, 6 };
	int rc;

	do {
		rc = 0;
		geo_tree_free(&b->tree);
		for (int i = 0; i < 2 && rc == 0; i++) {
			struct geo_merge *merge = geo_merge_orders(b->order, families[i], city,
			    geo_tree_all_ipv4(&b->tree, families[i]), err);

			rc = geo_tree_build(&b->tree, families[i], merge, err);
			geo_merge_free(merge);
		}
		if (rc > 0 && !geo_order_coarsen(b->order)) {
			geo_tree_free(&b->tree);
			return -1;
		}
	} while (rc > 0);
	return rc;
}

struct geo_beyond *
geo_beyond_build(const struct conf *conf, const uint16_t *sites, size_t n_sites, bool tree,
    const struct geo_db *city, struct err *err)
{
	struct geo_beyond *b = calloc(1, sizeof(*b));

	if (b == NULL) {
		err_set(err, "no memory");
		return NULL;
	}
	b->n_sites = n_sites;
	b->order = geo_order_new(conf, sites, n_sites, err);
	if (b->order == NULL || (tree && build_tree(b, city, err) < 0)) {
		geo_beyond_free(b);
		return NULL;
	}
	return b;
}

void
geo_beyond_free(struct geo_beyond *b)
{
	if (b == NULL)
		return;
	geo_tree_free(&b->tree);
	geo_order_free(b->order);
	free(b);
}

bool
geo_beyond_find(const struct geo_beyond *b, uint8_t family, const uint8_t *ip,
    struct geo_leaf *leaf)
{
	if (b->tree.v6.words == NULL)
		return false;
	*leaf = geo_tree_find(&b->tree, family, ip);
	return true;
}

uint16_t
geo_beyond_unlocated(const struct geo_beyond *b)
{
	return geo_order_unlocated(b->order);
}

uint16_t
geo_beyond_from_site(const struct geo_beyond *b, uint16_t site)
{
	return geo_order_from_site(b->order, site);
}

const uint8_t *
geo_beyond_list(const struct geo_beyond *b, uint16_t order, size_t *n)
{
	*n = b->n_sites;
	return geo_order_list(b->order, order);
}

uint32_t
geo_beyond_orders(const struct geo_beyond *b)
{
	return geo_order_count(b->order);
}

bool
geo_beyond_is_coarse(const struct geo_beyond *b)
{
	return geo_order_is_coarse(b->order);
}
