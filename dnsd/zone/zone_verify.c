#include "dnsd/zone/zone_verify.h"

#include <string.h>

#include "common/dns/compress.h"

/* ---- rrsets ---- */

/* Records follow each other without gaps, then their signatures, all with one TTL. */
static const char *
verify_records(const struct rrset *set)
{
	const uint8_t *at = set->wire, *end = set->wire + set->len + set->sigs_len;
	unsigned n = 0;

	for (; end - at >= 12; n++) {
		if (n == set->count && at != set->wire + set->len)
			return "the records of an rrset take its len";
		if (dns_get16(at) != (0xc000 | DNS_HEADER_LEN))
			return "a record's owner is a pointer to the question";
		if (dns_get16(at + 2) != (n < set->count ? set->type : DNS_RRSIG))
			return "an rrset holds one type, then signatures";
		if (dns_get16(at + 4) != DNS_IN || dns_get32(at + 6) != set->ttl_s)
			return "records of an rrset have one class and TTL";
		if (dns_get16(at + 10) > end - at - 12)
			return "rdata lies inside its rrset";
		at += 12 + dns_get16(at + 10);
	}
	if (at != end || n != (unsigned)set->count + set->n_sigs || set->count == 0)
		return "an rrset has count records and n_sigs signatures";
	return NULL;
}

/* Where a pointer in the wire may lead: into the apex's name, or to an earlier place. */
static bool
leads_well(const struct zone *z, const struct rrset *set, uint32_t at)
{
	unsigned v = dns_get16(set->wire + at), to = v & 0x3fff;

	if (v >= 0xc000)
		return to >= DNS_HEADER_LEN && to + 1u < DNS_HEADER_LEN + (unsigned)z->apex_len;
	return v >= 0x8000 && to >= 12 && to < at && to <= zone_names_of(set)->reach;
}

static const char *
verify_fixups(const struct zone *z, const struct rrset *set)
{
	const uint32_t *fixup = zone_names_of(set)->words;

	if (set->n_names == 0 ? set->n_pointers != 0 : set->n_names !=
	    ZONE_NAMES_WORDS + set->n_pointers + zone_names_of(set)->n_ends)
		return "what an rrset says of its names is whole";
	for (unsigned i = 0; i < set->n_pointers; i++) {
		if (i != 0 && fixup[i] <= fixup[i - 1])
			return "fixups ascend";
		if (fixup[i] + 2 > set->len)
			return "fixups lie in the records";
		if (!leads_well(z, set, fixup[i]))
			return "a fixup is the place of a pointer";
	}
	return NULL;
}

/* The labels that a name has in common with the apex. */
static unsigned
common_labels(const struct zone *z, const struct name_walk *w)
{
	const uint8_t *apex = z->apex;
	unsigned n = z->apex_labels;

	for (; n > w->labels || !name_equal(apex, w->name + w->label[n]); n--)
		apex += *apex + 1;
	return n;
}

/* Every name that may be shortened is one, and zone_name_bit tells of its end. */
static const char *
verify_names(const struct zone *z, const struct rrset *set)
{
	uint32_t bits = zone_names_of(set)->bits;
	uint8_t name[NAME_MAX_WIRE];
	struct name_walk w;
	unsigned end;
	size_t first, n = set->n_names != 0 ? compress_names(set->type, &first) : 0;

	for (size_t at = 0; n != 0 && at < set->len; at += 12u + dns_get16(set->wire + at + 10)) {
		const uint8_t *rdata = set->wire + at + 12 + first;
		for (size_t i = 0; i < n; i++) {
			rdata += zone_target(z, set, rdata, name);
			if (name_walk(&w, name, sizeof(name)) == 0)
				return "the names of an rrset are names";
			end = common_labels(z, &w) + 1;
			if (end <= w.labels && (bits & zone_name_bit(w.hash[end])) == 0)
				return "an rrset has the bits of its names";
		}
	}
	return NULL;
}

/* In-domain glue is glue of this cut: at it, or below it. */
static bool
is_glue_of(const struct zone *z, uint32_t cut, uint32_t node)
{
	return (z->nodes[cut].flags & ZONE_NODE_CUT) != 0 &&
	    (node == cut || z->nodes[node].occluded_by == cut);
}

static const char *
verify_additionals(const struct zone *z, uint32_t owner, const struct rrset *set)
{
	const struct zone_additional *of;
	uint8_t name[NAME_MAX_WIRE];

	if (set->n_additional == 0)
		return NULL;
	if (set->additional >= z->n_additionals ||
	    set->n_additional > z->n_additionals - set->additional)
		return "additionals lie inside";
	of = z->additionals + set->additional;
	for (unsigned i = 0; i < set->n_additional; i++) {
		const struct zone_node *node;
		if (of[i].node >= z->n_nodes)
			return "the node of an additional is one";
		node = &z->nodes[of[i].node];
		if (of[i].same_type ? zone_rrset(z, node, set->type) == NULL :
		    zone_rrset(z, node, DNS_A) == NULL && zone_rrset(z, node, DNS_AAAA) == NULL)
			return "the node of an additional has what it is named for";
		if (of[i].in_domain != is_glue_of(z, owner, of[i].node))
			return "in_domain is set where glue is in-domain, and only there";
		if (i != 0 && of[i].in_domain && !of[i - 1].in_domain)
			return "in-domain glue comes first";
		if ((of[i].target == 0 && !of[i].wildcard) ||
		    (of[i].target == ZONE_SAME_OWNER && of[i].node == owner))
			continue;
		if (of[i].target < 12 || of[i].target >= set->len)
			return "an additional's target lies in the rdata";
		zone_target(z, set, set->wire + of[i].target, name);
		if (of[i].wildcard ? !name_below(name, z->data + node->name + 2) :
		    !name_equal(name, z->data + node->name))
			return "an additional's target is the name of its node";
	}
	return NULL;
}

/* One rrset of node `owner`, whose place in the data is good for its head. */
static const char *
verify_rrset(const struct zone *z, uint32_t owner, const struct rrset *set)
{
	size_t at = (size_t)((const uint8_t *)set - z->data) + sizeof(*set);
	const char *broken;

	if (at > z->data_len || set->len > z->data_len - at || set->sigs_len > z->data_len - at ||
	    (const uint8_t *)zone_names_of(set) + 4 * (size_t)set->n_names > z->data + z->data_len)
		return "an rrset lies inside the data";
	broken = verify_records(set);
	if (broken == NULL)
		broken = verify_fixups(z, set);
	if (broken == NULL)
		broken = verify_names(z, set);
	if (broken == NULL)
		broken = verify_additionals(z, owner, set);
	return broken;
}

/* The rrsets of a node, and the flags that say which there are. */
static const char *
verify_rrsets(const struct zone *z, uint32_t id)
{
	const struct zone_node *node = &z->nodes[id];
	const struct rrset *set = (const struct rrset *)(const void *)(z->data + node->rrsets);
	unsigned flags = id == 0 ? ZONE_NODE_APEX : 0, last = 0;

	if (node->n_rrsets != 0 && (node->rrsets % 8 != 0 || node->rrsets > z->data_len))
		return "rrsets lie in the data, aligned";
	for (unsigned i = 0; i < node->n_rrsets; i++, set = zone_rrset_next(set)) {
		const char *broken = verify_rrset(z, id, set);
		if (broken != NULL)
			return broken;
		if (set->type <= last)
			return "the rrsets of a node ascend by type";
		last = set->type;
		if (set->type == DNS_NS && id != 0)
			flags |= ZONE_NODE_CUT;
		if (set->type == DNS_CNAME)
			flags |= ZONE_NODE_CNAME;
		if (set->type == DNS_DNAME)
			flags |= ZONE_NODE_DNAME;
	}
	if ((node->flags & (unsigned)~ZONE_NODE_OCCLUDED) != flags)
		return "flags say what a node has";
	return NULL;
}

/* ---- nodes ---- */

/* What a node says of the one above it: what occludes it, and whether it is its wildcard. */
static const char *
verify_parent(const struct zone *z, uint32_t id, const uint8_t *name)
{
	const uint8_t *above = name + *name + 1;
	uint32_t p = zone_node_find(z, name_hash(above), above, name_len(above)), occluded_by;
	const struct zone_node *node = &z->nodes[id], *parent;

	if (p >= id)
		return "a node stands behind its parent";
	parent = &z->nodes[p];
	if ((parent->flags & ZONE_NODE_OCCLUDED) != 0)
		occluded_by = parent->occluded_by;
	else
		occluded_by = (parent->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME)) != 0 ?
		    p : ZONE_NONE;
	if (node->occluded_by != occluded_by)
		return "occluded_by is the topmost cut or DNAME above";
	if ((parent->wildcard == id) != (name[0] == 1 && name[1] == '*'))
		return "a node's wildcard is its child *";
	return NULL;
}

static const char *
verify_node(const struct zone *z, uint32_t id)
{
	const struct zone_node *node = &z->nodes[id];
	const uint8_t *name = z->data + node->name;
	struct name_walk w;
	const char *broken;

	if (node->name >= z->data_len || name_walk(&w, name, z->data_len - node->name) == 0 ||
	    w.labels != node->labels || w.labels > z->max_labels || !name_below(name, z->apex))
		return "a node has a name of this zone";
	if (name + w.len > (const uint8_t *)z->soa_negative)
		return "a SOA stands behind every name";
	if (zone_node_find(z, w.hash[w.labels], name, w.len) != id)
		return "every name is found";
	if (((node->flags & ZONE_NODE_OCCLUDED) != 0) != (node->occluded_by != ZONE_NONE))
		return "occluded_by is set where a node is occluded";
	if (node->wildcard != ZONE_NONE && node->wildcard >= z->n_nodes)
		return "a node's wildcard is a node";
	if (node->steer != ZONE_NONE &&
	    (node->steer >= z->n_steers || z->steers[node->steer].node != id))
		return "a steered node has its steer";
	if (node->steer != ZONE_NONE &&
	    (node->flags & (ZONE_NODE_CUT | ZONE_NODE_OCCLUDED | ZONE_NODE_CNAME)) != 0)
		return "a steered node answers for itself";
	broken = id == 0 ? NULL : verify_parent(z, id, name);
	return broken != NULL ? broken : verify_rrsets(z, id);
}

/* ---- the whole ---- */

/* Every node has one slot, and half of them stay free: probing ends. */
static const char *
verify_index(const struct zone *z)
{
	uint64_t used = 0;

	if ((z->index_mask & (z->index_mask + 1)) != 0)
		return "the index has a power of two of slots";
	for (uint64_t slot = 0; slot <= z->index_mask; slot++) {
		if (z->index[slot].node == ZONE_NONE)
			continue;
		if (z->index[slot].node >= z->n_nodes)
			return "the index leads to nodes";
		used++;
	}
	if (used != z->n_nodes || used * 2 > (uint64_t)z->index_mask + 1)
		return "the index has every node once, and half of it is free";
	return NULL;
}

static const char *
verify_steers(const struct zone *z)
{
	for (uint32_t i = 0; i < z->n_steers; i++) {
		const struct zone_steer *s = &z->steers[i];
		if (s->node >= z->n_nodes || z->nodes[s->node].steer != i)
			return "a steer has its node";
		if (s->pool[0] == '\0' || memchr(s->pool, '\0', sizeof(s->pool)) == NULL)
			return "a steer names a pool";
		if (s->ttl_min_s > s->ttl_max_s || s->file > z->data_len)
			return "a steer's numbers make sense";
	}
	return NULL;
}

static const char *
verify_soas(const struct zone *z)
{
	const struct rrset *soa = z->soa, *negative = z->soa_negative;
	const char *broken;
	uint32_t minimum;

	if (soa == NULL || soa != zone_rrset(z, &z->nodes[0], DNS_SOA) || soa->count != 1)
		return "soa is the apex's";
	broken = verify_rrset(z, 0, negative);
	if (broken != NULL)
		return broken;
	minimum = dns_get32(soa->wire + soa->len - 4);
	if (negative->type != DNS_SOA || negative->len != soa->len ||
	    negative->ttl_s != (minimum < soa->ttl_s ? minimum : soa->ttl_s))
		return "soa_negative is soa with the TTL of RFC 2308";
	return NULL;
}

/* The names of the files lie in the data, each with its NUL. */
static const char *
verify_files(const struct zone *z)
{
	size_t at = z->files;

	for (uint32_t i = 0; i < z->n_files; i++) {
		const char *end = NULL;
		if (at < z->data_len)
			end = memchr(z->data + at, '\0', z->data_len - at);
		if (end == NULL)
			return "the names of files lie in the data";
		at = (size_t)(end + 1 - (const char *)z->data);
	}
	return NULL;
}

const char *
zone_verify(const struct zone *z)
{
	const char *broken = NULL;

	if (z->n_nodes == 0 || !name_equal(z->data + z->nodes[0].name, z->apex) ||
	    z->apex_hash != name_hash(z->apex) || z->names > z->n_nodes)
		return "node 0 is the apex";
	if (z->soa_negative == NULL)
		return "there is a SOA for negative answers";
	broken = verify_index(z);
	for (uint32_t i = 0; i < z->n_nodes && broken == NULL; i++)
		broken = verify_node(z, i);
	if (broken == NULL)
		broken = verify_steers(z);
	if (broken == NULL)
		broken = verify_soas(z);
	return broken == NULL ? verify_files(z) : broken;
}
