#include "dnsd/zone/zone.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

/* The first slot from `slot` on that has this hash's tag, or is free. */
static inline uint32_t
probe(const struct zone *zone, uint64_t hash, uint32_t slot)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	for (;; slot++) {
		const struct zone_slot *s = &zone->index[slot & zone->index_mask];
		if (s->node == ZONE_NONE || s->tag == tag)
			return slot & zone->index_mask;
	}
}

uint32_t
zone_node_find(const struct zone *zone, uint64_t hash, const uint8_t *name, size_t len)
{
	uint32_t slot = probe(zone, hash, (uint32_t)hash), id;

	assert(len == name_len(name));
	while ((id = zone->index[slot].node) != ZONE_NONE &&
	    !name_equal_to(zone->data + zone->nodes[id].name, name, len))
		slot = probe(zone, hash, slot + 1);
	return id;
}

uint32_t
zone_prefetch_node(const struct zone *zone, uint64_t hash)
{
	uint32_t id = zone->index[probe(zone, hash, (uint32_t)hash)].node;

	if (id != ZONE_NONE)
		__builtin_prefetch(&zone->nodes[id]);
	return id;
}

const struct rrset *
zone_rrset(const struct zone *zone, const struct zone_node *node, uint16_t type)
{
	const struct rrset *set = (const struct rrset *)(const void *)(zone->data + node->rrsets);

	/* sorted by type, so that the search may stop early */
	for (unsigned i = 0; i < node->n_rrsets; i++, set = zone_rrset_next(set)) {
		assert(i + 1u == node->n_rrsets || zone_rrset_next(set)->type > set->type);
		if (set->type == type)
			return set;
		if (set->type > type)
			break;
	}
	return NULL;
}

/* What a cut or a DNAME means for the names below it. */
static enum zone_outcome
occluded(const struct zone *zone, uint32_t id, uint32_t *node)
{
	assert(id < zone->n_nodes);
	assert((zone->nodes[id].flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME)) != 0);
	*node = id;
	return (zone->nodes[id].flags & ZONE_NODE_CUT) != 0 ? ZONE_DELEGATION : ZONE_DNAME;
}

/* The name is there. */
static enum zone_outcome
found(const struct zone *zone, uint32_t id, uint16_t qtype, uint32_t *node)
{
	const struct zone_node *n = &zone->nodes[id];

	if ((n->flags & ZONE_NODE_OCCLUDED) != 0)
		return occluded(zone, n->occluded_by, node);
	*node = id;
	if ((n->flags & ZONE_NODE_CUT) != 0 && qtype != DNS_DS)
		return ZONE_DELEGATION;
	return ZONE_FOUND;
}

/* The name is not there; `id` is its closest encloser (RFC 4592 2.2.1, 3.3). */
static enum zone_outcome
missed(const struct zone *zone, uint32_t id, uint32_t *node)
{
	const struct zone_node *n = &zone->nodes[id];

	if ((n->flags & ZONE_NODE_OCCLUDED) != 0)
		return occluded(zone, n->occluded_by, node);
	if ((n->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME)) != 0)
		return occluded(zone, id, node);
	if (n->wildcard != ZONE_NONE) {
		assert(zone->nodes[n->wildcard].labels == n->labels + 1);
		*node = n->wildcard;
		return ZONE_WILDCARD;
	}
	*node = id;
	return ZONE_NXDOMAIN;
}

enum zone_outcome
zone_find(const struct zone *zone, const struct name_walk *name, uint16_t qtype, uint32_t *node)
{
	unsigned labels = name->labels, n = labels;

	assert(name_below(name->name, zone->apex));
	if (n == zone->apex_labels)
		return found(zone, 0, qtype, node);
	if (n > zone->max_labels)
		n = zone->max_labels;	/* nothing of ours is deeper: start with the encloser */
	for (; n > zone->apex_labels; n--) {
		unsigned at = name->label[n];
		uint32_t id = zone_node_find(zone, name->hash[n], name->name + at, name->len - at);
		if (id == ZONE_NONE)
			continue;
		return n == labels ? found(zone, id, qtype, node) : missed(zone, id, node);
	}
	return missed(zone, 0, node);
}

int
zone_may_replace(const struct zone *fresh, const struct zone *old, unsigned max_shrink,
    struct err *err)
{
	uint32_t ahead = fresh->serial - old->serial;	/* RFC 1982 */
	uint64_t lost = old->names > fresh->names ? old->names - fresh->names : 0;

	if (ahead > 0x7fffffff)
		return err_set(err, "%s: serial %u went back from %u", fresh->file, fresh->serial,
		    old->serial);
	if (lost * 100 > (uint64_t)max_shrink * old->names)
		return err_set(err, "%s: %u names instead of %u: more than %u percent are gone",
		    fresh->file, fresh->names, old->names, max_shrink);
	return 0;
}

size_t
zone_target(const struct zone *zone, const struct rrset *set, const uint8_t *rdata,
    uint8_t name[NAME_MAX_WIRE])
{
	const uint8_t *p = rdata, *end = NULL;
	unsigned to;
	size_t n = 0;

	for (;;) {
		assert(n < NAME_MAX_WIRE);
		if (*p < 0x80) {
			memcpy(name + n, p, *p + 1u);
			n += *p + 1u;
			if (*p == 0)
				return (size_t)((end == NULL ? p + 1 : end) - rdata);
			p += *p + 1;
			continue;
		}
		end = end == NULL ? p + 2 : end;
		to = dns_get16(p);
		if (to >= 0xc000)
			break;
		p = set->wire + (to & 0x3fff);
	}
	to -= 0xc000 + DNS_HEADER_LEN;	/* an end of the apex */
	assert(to < zone->apex_len && n + zone->apex_len - to <= NAME_MAX_WIRE);
	memcpy(name + n, zone->apex + to, zone->apex_len - to);
	return (size_t)(end - rdata);
}

const struct zone_node *
zone_find_steered(const struct zone *zone, uint8_t name[NAME_MAX_WIRE])
{
	struct name_walk walk;
	uint32_t found;

	for (int hop = 0; hop < 16; hop++) {
		const struct zone_node *node;
		const struct rrset *set;

		if (name_walk(&walk, name, NAME_MAX_WIRE) == 0 || !name_below(name, zone->apex) ||
		    zone_find(zone, &walk, DNS_A, &found) > ZONE_WILDCARD)
			return NULL;
		node = &zone->nodes[found];
		if (!(node->flags & ZONE_NODE_CNAME))
			return node->steer != ZONE_NONE ? node : NULL;
		set = zone_rrset(zone, node, DNS_CNAME);
		zone_target(zone, set, set->wire + 12, name);
	}
	return NULL;
}

void
zone_free(struct zone *zone)
{
	if (zone == NULL)
		return;
	assert(zone->refs == 0);
	memory_free(zone->nodes, zone->n_nodes * sizeof(*zone->nodes));
	memory_free(zone->index, ((size_t)zone->index_mask + 1) * sizeof(*zone->index));
	free(zone->additionals);
	free(zone->steers);
	memory_free(zone->data, zone->data_len);
	free(zone);
}
