#include "dnsd/zone/zone_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"

enum { SOA_NUMBERS = 20 };		/* octets behind its two names */

/* Lays `id` into the index, which has room. */
static void
index_put(struct zone_slot *index, uint32_t mask, uint64_t hash, uint32_t id)
{
	uint32_t slot = (uint32_t)hash & mask;

	while (index[slot].node != ZONE_NONE)
		slot = (slot + 1) & mask;
	index[slot] = (struct zone_slot){ id, (uint32_t)(hash >> 32) };
}

/* Doubles the index; at most half of it is ever used. */
static int
index_grow(struct zone_tree *t)
{
	uint64_t slots = t->index == NULL ? 64 : ((uint64_t)t->index_mask + 1) * 2;
	struct zone_slot *index;

	if (slots > UINT32_C(1) << 31 || (index = malloc(slots * sizeof(*index))) == NULL)
		return -1;
	memset(index, 0xff, slots * sizeof(*index));	/* ZONE_NONE */
	for (uint32_t i = 0; i < t->n_nodes; i++)
		index_put(index, (uint32_t)(slots - 1), t->nodes[i].hash, i);
	free(t->index);
	t->index = index;
	t->index_mask = (uint32_t)(slots - 1);
	return 0;
}

uint32_t
zone_tree_find(const struct zone_tree *t, uint64_t hash, const uint8_t *name)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t slot = (uint32_t)hash & t->index_mask;; slot = (slot + 1) & t->index_mask) {
		const struct zone_slot *s = &t->index[slot];
		if (s->node == ZONE_NONE)
			return ZONE_NONE;
		if (s->tag == tag && name_equal(t->nodes[s->node].name, name))
			return s->node;
	}
}

static uint32_t
add_node(struct zone_tree *t, const uint8_t *name, uint64_t hash, unsigned labels, uint32_t parent)
{
	struct zone_tree_node *node;

	assert(parent == ZONE_NONE || parent < t->n_nodes);
	if (t->n_nodes == t->room) {
		uint32_t room = t->room == 0 ? 64 : t->room + t->room / 2;
		struct zone_tree_node *grown = room > UINT32_MAX / 4 ? NULL :
		    realloc(t->nodes, room * sizeof(*grown));
		if (grown == NULL)
			return ZONE_NONE;
		t->nodes = grown;
		t->room = room;
	}
	if (t->index == NULL || t->n_nodes >= (t->index_mask + 1) / 2)
		if (index_grow(t) != 0)
			return ZONE_NONE;
	node = &t->nodes[t->n_nodes];
	*node = (struct zone_tree_node){
		.name = name, .hash = hash, .labels = (uint8_t)labels,
		.parent = parent, .child = ZONE_NONE, .sibling = ZONE_NONE,
		.wildcard = ZONE_NONE, .occluded_by = ZONE_NONE, .steer = ZONE_NONE
	};
	if (parent != ZONE_NONE && name[0] == 1 && name[1] == '*')
		t->nodes[parent].wildcard = t->n_nodes;
	if (labels > t->max_labels)
		t->max_labels = (uint8_t)labels;
	index_put(t->index, t->index_mask, hash, t->n_nodes);
	return t->n_nodes++;
}

/* The node of an owner, made together with what is missing above it. */
static uint32_t
node_for(struct zone_tree *t, const uint8_t *owner)
{
	struct name_walk w;
	uint32_t id = ZONE_NONE, parent = 0;
	unsigned have;

	if (name_walk(&w, owner, NAME_MAX_WIRE) == 0)
		return ZONE_NONE;
	for (have = w.labels; have > t->src->apex_labels; have--) {
		id = zone_tree_find(t, w.hash[have], owner + w.label[have]);
		if (id != ZONE_NONE)
			break;
	}
	if (have == w.labels)
		return id == ZONE_NONE ? 0 : id;	/* the apex is 0 */
	if (id != ZONE_NONE)
		parent = id;
	while (have < w.labels) {
		have++;
		parent = add_node(t, owner + w.label[have], w.hash[have], have, parent);
		if (parent == ZONE_NONE)
			return ZONE_NONE;
	}
	return parent;
}

uint32_t
zone_tree_closest(const struct zone_tree *t, const uint8_t *name, bool *exact)
{
	struct name_walk w;

	name_walk(&w, name, NAME_MAX_WIRE);
	for (unsigned n = w.labels; n > t->src->apex_labels; n--) {
		uint32_t id = zone_tree_find(t, w.hash[n], name + w.label[n]);
		if (id != ZONE_NONE) {
			*exact = n == w.labels;
			return id;
		}
	}
	*exact = w.labels == t->src->apex_labels;
	return 0;
}

int
zone_tree_name_at(uint16_t type)
{
	switch (type) {
	case DNS_NS: case DNS_CNAME: case DNS_PTR: case DNS_DNAME:
	case 3: case 4: case 7: case 8: case 9:		/* MD MF MB MG MR */
		return 0;
	case DNS_MX: case 18: case 21: case 36:		/* AFSDB RT KX */
	case DNS_SVCB: case DNS_HTTPS:
		return 2;
	case DNS_SRV:
		return 6;
	}
	return -1;
}

/* Records of a node stand by type, a type's signatures behind it. */
static uint32_t
sort_key(const struct zone_record *rec)
{
	if (rec->type == DNS_RRSIG && rec->rdlength >= 2)
		return (uint32_t)dns_get16(rec->rdata) << 1 | 1;
	return (uint32_t)rec->type << 1;
}

static int
by_type(const void *a, const void *b, void *arg)
{
	const struct zone_record *records = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint32_t kx = sort_key(&records[x]), ky = sort_key(&records[y]);

	if (kx != ky)
		return kx < ky ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Order of data, names in it without case (RFC 4034 6.2, as far as it makes duplicates). */
static int
compare_rdata(const struct zone_record *a, const struct zone_record *b)
{
	int at = a->type == DNS_SOA ? 0 : zone_tree_name_at(a->type), rc;
	unsigned end = a->rdlength;

	assert(a->type == b->type && at <= (int)a->rdlength);
	if (a->rdlength != b->rdlength)
		return a->rdlength < b->rdlength ? -1 : 1;
	if (at < 0 || a->type == DNS_SVCB || a->type == DNS_HTTPS)
		return memcmp(a->rdata, b->rdata, a->rdlength);
	if (a->type == DNS_SOA)
		end -= SOA_NUMBERS;
	rc = memcmp(a->rdata, b->rdata, (size_t)at);
	for (unsigned i = (unsigned)at; rc == 0 && i < end; i++)
		rc = name_fold(a->rdata[i]) - name_fold(b->rdata[i]);
	return rc != 0 ? rc : memcmp(a->rdata + end, b->rdata + end, a->rdlength - end);
}

static int
by_rdata(const void *a, const void *b, void *arg)
{
	const struct zone_record *records = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int rc = compare_rdata(&records[x], &records[y]);

	return rc != 0 ? rc : x < y ? -1 : x > y;
}

/* The SOA ends a transfer as it began it, and so what dig writes of one.  The lower TTL stays, as
 * where the data differs (RFC 2181 5.2). */
static void
drop_duplicate(struct zone_source *src, struct zone_record *first, struct zone_record *again)
{
	char line[ZONE_SOURCE_LINE];

	zone_source_line(src, first, again, line);
	if (again->type == DNS_SOA)
		zone_warn_at(src, again, "the SOA of %s once more, as at the end of a "
		    "transfer, is dropped", line);
	else
		zone_warn_at(src, again, "a duplicate of the record in %s is dropped", line);
	if (again->ttl_s < first->ttl_s)
		first->ttl_s = again->ttl_s;
	again->type = 0;
}

/* Takes duplicates out of a run of one type. */
static int
drop_duplicates(struct zone_tree *t, const uint32_t *run, uint32_t n)
{
	struct zone_record *records = t->src->records;
	uint32_t *sorted, first = 0;

	if (n <= 16) {
		for (uint32_t i = 1; i < n; i++)
			for (uint32_t k = 0; k < i; k++)
				if (records[run[k]].type != 0 &&
				    compare_rdata(&records[run[k]], &records[run[i]]) == 0) {
					drop_duplicate(t->src, &records[run[k]], &records[run[i]]);
					break;
				}
		return 0;
	}
	sorted = malloc(n * sizeof(*sorted));
	if (sorted == NULL)
		return -1;
	memcpy(sorted, run, n * sizeof(*sorted));
	qsort_r(sorted, n, sizeof(*sorted), by_rdata, records);
	for (uint32_t i = 1; i < n; i++) {
		if (compare_rdata(&records[sorted[first]], &records[sorted[i]]) == 0)
			drop_duplicate(t->src, &records[sorted[first]], &records[sorted[i]]);
		else
			first = i;
	}
	free(sorted);
	return 0;
}

/* Sorts the records of a node and drops duplicates. */
static int
arrange(struct zone_tree *t, struct zone_tree_node *node)
{
	struct zone_record *records = t->src->records;
	uint32_t *run = t->order + node->first, kept = 0, start = 0;

	if (node->n < 2)
		return 0;
	qsort_r(run, node->n, sizeof(*run), by_type, records);
	for (uint32_t i = 1; i <= node->n; i++) {
		if (i < node->n && sort_key(&records[run[i]]) == sort_key(&records[run[start]]))
			continue;
		if (i - start > 1 && drop_duplicates(t, run + start, i - start) != 0)
			return -1;
		start = i;
	}
	for (uint32_t i = 0; i < node->n; i++)
		if (records[run[i]].type != 0)
			run[kept++] = run[i];
	node->n = kept;
	return 0;
}

/* Brings the records of each node together; those without a node stay out. */
static int
gather_records(struct zone_tree *t, const uint32_t *node_of)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < t->src->n_records; i++)
		if (node_of[i] != ZONE_NONE)
			t->nodes[node_of[i]].n++;
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		t->nodes[i].first = at;
		at += t->nodes[i].n;
		t->nodes[i].n = 0;
	}
	assert(at <= t->src->n_records);
	for (uint32_t i = 0; i < t->src->n_records; i++) {
		struct zone_tree_node *node;
		if (node_of[i] == ZONE_NONE)
			continue;
		node = &t->nodes[node_of[i]];
		t->order[node->first + node->n++] = i;
	}
	for (uint32_t i = 0; i < t->n_nodes; i++)
		if (arrange(t, &t->nodes[i]) != 0)
			return -1;
	return 0;
}

/* A record of the NSEC3 chain, or a signature over one.  Their owners are hashes: names that do
 * not exist (RFC 5155 section 7.2.8), unless other data stands there. */
static bool
in_nsec3_chain(const struct zone_record *rec)
{
	return rec->type == DNS_NSEC3 || (rec->type == DNS_RRSIG && rec->rdlength >= 2 &&
	    dns_get16(rec->rdata) == DNS_NSEC3);
}

/* Makes the nodes; node_of[i] becomes the node of record i, or ZONE_NONE: it makes no name. */
static int
place_records(struct zone_tree *t, uint32_t *node_of)
{
	const struct zone_source *src = t->src;
	const uint8_t *last = NULL;
	uint32_t id = ZONE_NONE;

	for (uint32_t i = 0; i < src->n_records; i++) {
		const uint8_t *owner = src->records[i].owner;
		if (in_nsec3_chain(&src->records[i])) {
			node_of[i] = ZONE_NONE;
			continue;
		}
		if (owner != last) {
			id = node_for(t, owner);
			if (id == ZONE_NONE)
				return -1;
			if (t->nodes[id].n++ == 0)
				t->nodes[id].name = owner;	/* its spelling, not a child's */
			last = owner;
		}
		node_of[i] = id;
	}
	for (uint32_t i = 0; i < t->n_nodes; i++)
		t->nodes[i].n = 0;
	return 0;
}

int
zone_tree_build(struct zone_tree *t, struct zone_source *src)
{
	uint32_t *node_of = malloc(((size_t)src->n_records + 1) * sizeof(*node_of));
	int rc = -1;

	*t = (struct zone_tree){ .src = src };
	t->order = malloc(((size_t)src->n_records + 1) * sizeof(*t->order));
	if (node_of != NULL && t->order != NULL &&
	    add_node(t, src->apex, name_hash(src->apex), src->apex_labels, ZONE_NONE) == 0 &&
	    place_records(t, node_of) == 0)
		rc = gather_records(t, node_of);
	free(node_of);
	return rc == 0 ? 0 : zone_refuse(src, 0, 0, "out of memory for %u records", src->n_records);
}

void
zone_tree_free(struct zone_tree *t)
{
	memory_free(t->nodes, t->room * sizeof(*t->nodes));
	memory_free(t->index, ((size_t)t->index_mask + 1) * sizeof(*t->index));
	free(t->order);
	free(t->steers);
}

bool
zone_tree_next(const struct zone_tree *t, const struct zone_tree_node *node, uint32_t *pos,
    struct zone_tree_rrset *rrset)
{
	const struct zone_record *records = t->src->records;
	const uint32_t *run = t->order + node->first;
	uint32_t i = *pos, key;

	if (i >= node->n)
		return false;
	key = sort_key(&records[run[i]]) & ~UINT32_C(1);
	*rrset = (struct zone_tree_rrset){ .type = (uint16_t)(key >> 1), .records = run + i };
	for (; i < node->n && sort_key(&records[run[i]]) == key; i++)
		rrset->n++;
	rrset->sigs = run + i;
	for (; i < node->n && sort_key(&records[run[i]]) == (key | 1); i++)
		rrset->n_sigs++;
	assert(i > *pos);
	*pos = i;
	return true;
}

bool
zone_tree_rrset(const struct zone_tree *t, const struct zone_tree_node *node, uint16_t type,
    struct zone_tree_rrset *rrset)
{
	uint32_t pos = 0;

	while (zone_tree_next(t, node, &pos, rrset))
		if (rrset->type == type)
			return rrset->n != 0;
	*rrset = (struct zone_tree_rrset){ .type = type };
	return false;
}
