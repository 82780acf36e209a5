/*
 * geo_merge: two databases and the prefix rules, walked side by side.
 *
 * Gives every stretch of one family's addresses its result, in order, as geo_trie_build
 * pulls them: the list of sites that its clients are given first (geo_rank), or, for a second
 * trie, the order of all sites (geo_order).  Where IPv6 folds to IPv4 it gives the fold's mark
 * instead.  Builds no lists of networks: it holds one network of each database at a time, and
 * remembers the result of each record.  One thread; used while a map is built.
 */
#ifndef NEARCAST_GEO_MERGE_H
#define NEARCAST_GEO_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "dnsd/geo/geo_exclude.h"
#include "common/geo/geo_fold.h"
#include "dnsd/geo/geo_order.h"
#include "dnsd/geo/geo_rank.h"
#include "dnsd/geo/geo_trie.h"

/* The result that stands for geo_fold_ranges[i] is GEO_FOLD_MARK + i. */
#define GEO_FOLD_MARK GEO_RANK_MAX_RESULTS

struct geo_merge;

/* `rank` gets the lists that are met, `exclude` the sets; they outlive the merge, as the databases
 * do.  all_v4: the one result of all IPv4 addresses, if there is only one, else GEO_RANK_NONE; then
 * nothing needs folding. */
struct geo_merge *geo_merge_new(struct geo_rank *rank, struct geo_exclude *exclude, uint8_t family,
    const struct geo_db *city, const struct geo_db *asn, uint16_t all_v4, struct err *err);
/* The same for orders, which know no rules and no AS numbers. */
struct geo_merge *geo_merge_orders(struct geo_order *order, uint8_t family,
    const struct geo_db *city, uint16_t all_v4, struct err *err);
void geo_merge_free(struct geo_merge *merge);

/* For struct geo_runs, with the merge as its arg. */
void geo_merge_next(void *merge, struct geo_run *run);

/* After the last run: -1 with a reason if there were too many results. */
int geo_merge_failed(const struct geo_merge *merge, struct err *err);
/* IPv4 addresses, or IPv6 /64s, that have a rule, or a place with coordinates; folded ranges not
 * counted. */
double geo_merge_located(const struct geo_merge *merge);

/* A range of one family in these units. */
static inline double
geo_merge_size(uint8_t family, geo_key start, geo_key last)
{
	if (family == 4)
		return (double)(uint64_t)((last - start) >> 96) + 1;
	return ((double)(uint64_t)((last - start) >> 64) * 0x1p64 +
	    (double)(uint64_t)(last - start) + 1) * 0x1p-64;
}

#endif
