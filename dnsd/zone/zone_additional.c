#include "dnsd/zone/zone_additional.h"

#include <assert.h>
#include <stdlib.h>

/* How far back a target is looked for among those already found, so that an rrset of many
 * records does not take the square of their number. */
enum {
	LOOK_BACK = 64,
	RECORD_HEAD = 12,
	REACHED_MAX = 16		/* names that one SVCB or HTTPS rrset leads to */
};

/* Offset of the target in rdata of the types that have additional data, or -1. */
static int
target_at(uint16_t type)
{
	return type == DNS_NS || type == DNS_MX || type == DNS_SRV || type == DNS_SVCB ||
	    type == DNS_HTTPS ? zone_tree_name_at(type) : -1;
}

static bool
is_svcb(uint16_t type)
{
	return type == DNS_SVCB || type == DNS_HTTPS;
}

/* The node that this record's target is, or ZONE_NONE; *wildcard says that it is one which stands
 * for the target. */
static uint32_t
target_node(const struct zone_tree *t, uint32_t owner, const struct zone_record *rec,
    bool *wildcard)
{
	const uint8_t *target = rec->rdata + target_at(rec->type);
	const struct zone_tree_node *node;
	bool exact = true;
	uint32_t id;

	assert(target < rec->rdata + rec->rdlength);
	*wildcard = false;
	if (target[0] == 0) {		/* RFC 9460 2.5.2: in service mode the owner itself */
		if (!is_svcb(rec->type) || dns_get16(rec->rdata) == 0)
			return ZONE_NONE;
		id = owner;
	} else {
		if (!name_below(target, t->src->apex))
			return ZONE_NONE;
		id = zone_tree_closest(t, target, &exact);
	}
	if (!exact) {
		const unsigned ends = ZONE_NODE_CUT | ZONE_NODE_DNAME | ZONE_NODE_OCCLUDED;

		*wildcard = true;
		return (t->nodes[id].flags & ends) == 0 ? t->nodes[id].wildcard : ZONE_NONE;
	}
	node = &t->nodes[id];
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

/* Do two additionals of an rrset mean the same records, by the same name? */
static bool
is_same(const struct zone *z, const struct rrset *set, const struct zone_additional *a,
    const struct zone_additional *b)
{
	uint8_t name[NAME_MAX_WIRE], other[NAME_MAX_WIRE];

	if (a->node != b->node || a->same_type != b->same_type || a->wildcard != b->wildcard)
		return false;
	if (!a->wildcard)
		return true;
	zone_target(z, set, set->wire + a->target, name);
	zone_target(z, set, set->wire + b->target, other);
	return name_equal(name, other);
}

/* Appends one to those of an rrset, which begin at `first`, unless it is among the last of them. */
static int
add(struct zone *z, uint32_t *room, uint32_t first, const struct rrset *set,
    struct zone_additional additional)
{
	if (additional.wildcard && additional.target == 0)
		return 0;		/* its name stands too far behind */
	for (uint32_t i = first; i < z->n_additionals && i < first + LOOK_BACK; i++)
		if (is_same(z, set, &z->additionals[i], &additional))
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
	uint32_t wire = 0;
	bool wildcard;

	for (uint32_t i = 0; i < rrset->n && z->n_additionals - first < UINT16_MAX; i++) {
		uint32_t target = wire + RECORD_HEAD + (uint32_t)target_at(rrset->type);
		uint32_t node = target_node(t, owner, &t->src->records[rrset->records[i]],
		    &wildcard);
		wire += RECORD_HEAD + dns_get16(set->wire + wire + 10);
		if (node == ZONE_NONE || !t->nodes[node].address ||
		    in_domain_glue(t, owner, node) != in_domain)
			continue;
		if (add(z, room, first, set, (struct zone_additional){
		    .node = t->nodes[node].id, .in_domain = in_domain, .wildcard = wildcard,
		    .target = target <= UINT16_MAX ? (uint16_t)target : 0 }) != 0)
			return -1;
	}
	return 0;
}

/* The names that an SVCB or HTTPS rrset leads to, in the order that they are found. */
struct reached {
	unsigned n;
	struct {
		uint32_t node;
		bool by_alias;		/* its own records are followed in turn */
		bool is_owner;		/* "." stands for it */
		bool wildcard;
		uint16_t target;	/* where a wildcard's name stands in the rrset's wire */
	} name[REACHED_MAX];
};

/* Adds the targets of an rrset of node `owner`.  Names that a wildcard stands for are of use where
 * they stand in the answer: not those that aliases lead to (first = false). */
static void
reach(struct reached *r, const struct zone_tree *t, uint32_t owner,
    const struct zone_tree_rrset *rrset, bool first)
{
	uint32_t target = RECORD_HEAD + 2, next;

	for (uint32_t i = 0; i < rrset->n; i++, target = next) {
		const struct zone_record *rec = &t->src->records[rrset->records[i]];
		bool by_alias = dns_get16(rec->rdata) == 0, wildcard;
		uint32_t node = target_node(t, owner, rec, &wildcard);
		unsigned k = 0;

		next = target + RECORD_HEAD + rec->rdlength;
		if (node == ZONE_NONE || (wildcard && (!first || target > UINT16_MAX)))
			continue;
		while (k < r->n && (r->name[k].node != node || wildcard || r->name[k].wildcard))
			k++;
		if (k == REACHED_MAX)
			return;
		if (k == r->n) {
			r->name[r->n].node = node;
			r->name[r->n].is_owner = rec->rdata[target_at(rec->type)] == 0;
			r->name[r->n].wildcard = wildcard;
			r->name[r->n].target = wildcard ? (uint16_t)target : 0;
			r->name[r->n++].by_alias = by_alias;
		}
	}
}

/* The rrset of this type that the node answers for itself; false if it has none. */
static bool
own_rrset(const struct zone_tree *t, uint32_t node, uint16_t type, struct zone_tree_rrset *rrset)
{
	return (t->nodes[node].flags & (ZONE_NODE_CUT | ZONE_NODE_OCCLUDED)) == 0 &&
	    zone_tree_rrset(t, &t->nodes[node], type, rrset);
}

/* The additionals of an SVCB or HTTPS rrset: records of its type first, for they say which of
 * the addresses are of use. */
static int
add_svcb(const struct zone_tree *t, struct zone *z, uint32_t *room, uint32_t owner,
    const struct zone_tree_rrset *rrset, const struct rrset *set, uint32_t first)
{
	struct reached r = { .n = 0 };
	struct zone_tree_rrset next;

	if ((t->nodes[owner].flags & (ZONE_NODE_CUT | ZONE_NODE_OCCLUDED)) != 0)
		return 0;		/* it is never answered */
	reach(&r, t, owner, rrset, true);
	for (unsigned i = 0; i < r.n; i++) {
		uint32_t node = r.name[i].node;

		if (node == owner || !own_rrset(t, node, rrset->type, &next))
			continue;
		if (add(z, room, first, set, (struct zone_additional){ .same_type = true,
		    .node = t->nodes[node].id, .target = r.name[i].target,
		    .wildcard = r.name[i].wildcard }) != 0)
			return -1;
		/* a steered name's may be another for each client, and not be sent */
		if (r.name[i].by_alias && t->nodes[node].steer == ZONE_NONE)
			reach(&r, t, node, &next, false);
	}
	for (unsigned i = 0; i < r.n; i++) {
		uint32_t node = r.name[i].node;
		bool same_owner = node == owner && r.name[i].is_owner;

		if (t->nodes[node].address && add(z, room, first, set, (struct zone_additional){
		    .node = t->nodes[node].id, .wildcard = r.name[i].wildcard,
		    .target = same_owner ? ZONE_SAME_OWNER : r.name[i].target }) != 0)
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
	if (is_svcb(rrset->type)) {
		if (add_svcb(t, z, room, owner, rrset, set, first) != 0)
			return -1;
	} else if (add_those(t, z, room, true, owner, rrset, set, first) != 0 ||
	    add_those(t, z, room, false, owner, rrset, set, first) != 0)
		return -1;
	if (z->n_additionals != first) {
		set->additional = first;
		set->n_additional = (uint16_t)(z->n_additionals - first);
	}
	return 0;
}
