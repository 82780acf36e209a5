/*
 * zone_tree: the records of a zone as a tree of names, while it is being compiled.
 *
 * Every owner and every empty non-terminal above one is a node, reached by the same hash as in
 * struct zone.  A node's records are sorted by type, then in the order of the source, each type
 * followed by the RRSIGs over it; duplicates are dropped.  Parents always come before their
 * children in `nodes`.  NSEC3 records and their signatures make no names and stand in no node (RFC
 * 5155 section 7.2.8): they are the source's alone.
 *
 * Building it sets names and order; flags, occluded_by and steer are zone_check's to set, id and
 * the order of children zone_compile's.  Does not judge what is there.  Names and records stay in
 * the source, which must outlive the tree.  One thread.
 */
#ifndef NEARCAST_ZONE_TREE_H
#define NEARCAST_ZONE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "dnsd/zone/zone.h"
#include "dnsd/zone/zone_source.h"

struct zone_tree_node {
	const uint8_t *name;
	uint64_t hash;
	uint32_t parent, child, sibling;	/* ZONE_NONE = none */
	uint32_t first, n;			/* run of zone_tree.order */
	uint32_t id;				/* index in the compiled zone */
	uint32_t wildcard, occluded_by, steer;	/* as in struct zone_node, indices of this tree */
	uint8_t labels;
	uint8_t flags;				/* enum zone_node_flag */
	bool address;				/* has A or AAAA */
};

struct zone_tree {
	struct zone_source *src;
	struct zone_tree_node *nodes;		/* [0] is the apex */
	uint32_t n_nodes, room;
	struct zone_slot *index;		/* as in struct zone */
	uint32_t index_mask;
	uint32_t *order;			/* indices of records */
	struct zone_steer *steers;
	uint32_t n_steers;
	uint8_t max_labels;
};

/* The records of one type at a node. */
struct zone_tree_rrset {
	uint16_t type;
	const uint32_t *records, *sigs;		/* into order */
	uint32_t n, n_sigs;
};

/* 0, or -1 with the reason in the source's err; zone_tree_free in either case. */
int zone_tree_build(struct zone_tree *tree, struct zone_source *src);
void zone_tree_free(struct zone_tree *tree);

/* The node of the name with this hash (name_hash), or ZONE_NONE. */
uint32_t zone_tree_find(const struct zone_tree *tree, uint64_t hash, const uint8_t *name);

/* The node of a name at or below the apex, or of its closest encloser; *exact says which. */
uint32_t zone_tree_closest(const struct zone_tree *tree, const uint8_t *name, bool *exact);

/* Goes through the types of a node in ascending order; *pos starts as 0.  A type may have RRSIGs
 * and no records (n = 0).  false at the end. */
bool zone_tree_next(const struct zone_tree *tree, const struct zone_tree_node *node, uint32_t *pos,
    struct zone_tree_rrset *rrset);

/* Finds one type; false, and n = 0, if the node has no records of it. */
bool zone_tree_rrset(const struct zone_tree *tree, const struct zone_tree_node *node, uint16_t type,
    struct zone_tree_rrset *rrset);

/* Offset of the name in the rdata of types with one name at a fixed place, -1 for others. */
int zone_tree_name_at(uint16_t type);

#endif
