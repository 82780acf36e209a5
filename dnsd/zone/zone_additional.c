#include "dnsd/zone/zone_additional.h"

#include <assert.h>
#include <stdlib.h>

/* How far back a target is looked for among those already found, so that an rrset of many
 * records does not take the square of their number. */
enum { LOOK_BACK = 64, RECORD_HEAD = 12 };

/* Offset of the target in rdata of the types that have additional data, or -1. */
static int
target_at(uint16_t type)
{
	return type == DNS_NS || type == DNS_MX || type == DNS_SRV || type == DNS_SVCB ||
	    type == DNS_HTTPS ? zone_tree_name_at(type) : -1;
}

/* The node whose addresses go with this target, or ZONE_NONE. */
static uint32_t
address_node(const struct zone_tree *t, uint32_t owner, const struct zone_record *rec)
{
	const uint8_t *target = rec->rdata + target_at(rec->type);
	bool svcb = rec->type == DNS_SVCB || rec->type == DNS_HTTPS, exact;
	const struct zone_tree_node *node;
	uint32_t id;

	assert(target < rec->rdata + rec->rdlength);
	if (target[0] == 0) {		/* RFC 9460 2.5.2: in service mode the owner itself */
		if (!svcb || dns_get16(rec->rdata) == 0)
			return ZONE_NONE;
		id = owner;
	} else {
		if (!name_below(target, t->src->apex))
			return ZONE_NONE;
		id = zone_tree_closest(t, target, &exact);
		if (!exact)
			return ZONE_NONE;
	}
	node = &t->nodes[id];
	if (!node->address)
		return ZONE_NONE;
	if ((node->flags & ZONE_NODE_OCCLUDED) != 0 &&
	    (t->nodes[node->occluded_by].flags & ZONE_NODE_CUT) == 0)
		return ZONE_NONE;	/* beneath a DNAME there is nothing */
	return id;
}

/* Glue without which the delegation cannot be followed (RFC 9471). */
static bool
in_domain_glue(const struct zone_tree *t, uint32_t owner, uint32_t target)
{
	if ((t->nodes[owner].flags & ZONE_NODE_CUT) == 0)
		return false;
	return target == owner || t->nodes[target].occluded_by == owner;
}

/* Appends one to those of an rrset, which begin at `first`, unless it is among the last of them. */
static int
add(struct zone *z, uint32_t *room, uint32_t first, struct zone_additional additional)
{
	for (uint32_t i = first; i < z->n_additionals && i < first + LOOK_BACK; i++)
		if (z->additionals[i].node == additional.node)
			return 0;
	if (z->n_additionals == *room) {
		uint32_t more = *room == 0 ? 16 : *room + *room / 2;
		struct zone_additional *grown = more > UINT32_MAX / 2 ? NULL :
		    realloc(z->additionals, more * sizeof(*grown));
		if (grown == NULL)
			return -1;
		z->additionals = grown;
		*room = more;
	}
	z->additionals[z->n_additionals++] = additional;
	return 0;
}

/* The additionals of one pass over an rrset: in-domain glue, or the others. */
static int
add_those(const struct zone_tree *t, struct zone *z, uint32_t *room, bool in_domain, uint32_t owner,
    const struct zone_tree_rrset *rrset, const struct rrset *set, uint32_t first)
{
	/* names of other types are not for pointers to lead to (RFC 3597 section 4) */
	bool pointable = rrset->type == DNS_NS || rrset->type == DNS_MX;
	uint32_t wire = 0;

	for (uint32_t i = 0; i < rrset->n && z->n_additionals - first < UINT16_MAX; i++) {
		uint32_t target = wire + RECORD_HEAD + (uint32_t)target_at(rrset->type);
		uint32_t node = address_node(t, owner, &t->src->records[rrset->records[i]]);
		wire += RECORD_HEAD + dns_get16(set->wire + wire + 10);
		if (node == ZONE_NONE || in_domain_glue(t, owner, node) != in_domain)
			continue;
		if (add(z, room, first, (struct zone_additional){
		    .node = t->nodes[node].id, .in_domain = in_domain,
		    .target = pointable && target <= UINT16_MAX ? (uint16_t)target : 0 }) != 0)
			return -1;
	}
	return 0;
}

int
zone_additional_add(const struct zone_tree *t, struct zone *z, uint32_t *room, uint32_t owner,
    const struct zone_tree_rrset *rrset, struct rrset *set)
{
	uint32_t first = z->n_additionals;

	if (target_at(rrset->type) < 0)
		return 0;
	if (add_those(t, z, room, true, owner, rrset, set, first) != 0 ||
	    add_those(t, z, room, false, owner, rrset, set, first) != 0)
		return -1;
	if (z->n_additionals != first) {
		set->additional = first;
		set->n_additional = (uint16_t)(z->n_additionals - first);
	}
	return 0;
}
