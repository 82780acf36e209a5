#include "dnsd/zone/zone_compile.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/dns.h"
#include "dnsd/zone/zone_additional.h"
#include "dnsd/zone/zone_verify.h"
#include "dnsd/zone/zone_wire.h"

struct compile {
	struct zone_tree *tree;
	struct zone *zone;
	size_t room;			/* octets of zone->data */
	uint32_t additionals_room;
	struct zone_wire wire;		/* of the rrset in the making */
};

/* ---- the order of nodes ---- */

/* Numbers the nodes depth first, children in order of appearance. */
static void
number_nodes(struct zone_tree *t)
{
	uint32_t at = 0, id = 0;

	for (uint32_t i = t->n_nodes; i-- > 1;) {
		struct zone_tree_node *parent = &t->nodes[t->nodes[i].parent];
		t->nodes[i].sibling = parent->child;
		parent->child = i;
	}
	for (;;) {
		t->nodes[at].id = id++;
		if (t->nodes[at].child != ZONE_NONE) {
			at = t->nodes[at].child;
			continue;
		}
		while (at != 0 && t->nodes[at].sibling == ZONE_NONE)
			at = t->nodes[at].parent;
		if (at == 0)
			break;
		at = t->nodes[at].sibling;
	}
	assert(id == t->n_nodes);
}

static uint32_t
final_id(const struct zone_tree *t, uint32_t id)
{
	return id == ZONE_NONE ? ZONE_NONE : t->nodes[id].id;
}

/* ---- octets ---- */

/* Makes room for `len` more octets of data, aligned to 8 when asked.  Their offset, or
 * ZONE_NONE. */
static uint32_t
reserve(struct compile *c, size_t len, bool align)
{
	struct zone *z = c->zone;
	size_t at = align ? (z->data_len + 7) & ~(size_t)7 : z->data_len;

	if (at + len > UINT32_MAX - 8)
		return ZONE_NONE;
	if (at + len > c->room) {
		size_t room = (at + len) + (at + len) / 4 + 4096;
		uint8_t *grown = realloc(z->data, room);
		if (grown == NULL)
			return ZONE_NONE;
		z->data = grown;
		c->room = room;
	}
	memset(z->data + z->data_len, 0, at - z->data_len);
	z->data_len = at + len;
	return (uint32_t)at;
}

static uint32_t
put_octets(struct compile *c, const void *octets, size_t len)
{
	uint32_t at = reserve(c, len, false);

	if (at != ZONE_NONE && len != 0)
		memcpy(c->zone->data + at, octets, len);
	return at;
}

/* ---- rrsets ---- */

static const struct zone_record *
rec_of(const struct compile *c, uint32_t i)
{
	return &c->tree->src->records[i];
}

/* Lays one type with its signatures behind the data; its offset, or ZONE_NONE. */
static uint32_t
put_rrset(struct compile *c, const struct zone_tree_rrset *rrset, uint32_t ttl_s)
{
	struct zone_wire *w = &c->wire;
	uint32_t at, octets, padded;
	struct rrset *set;

	if (zone_wire_write(w, rrset, ttl_s) != 0)
		return ZONE_NONE;
	octets = w->len + w->sigs_len;
	padded = (octets + 3) & ~UINT32_C(3);
	at = reserve(c, sizeof(*set) + padded + 4 * (size_t)w->n_names, true);
	if (at == ZONE_NONE)
		return ZONE_NONE;
	set = (struct rrset *)(void *)(c->zone->data + at);
	*set = (struct rrset){ .type = rrset->type, .count = (uint16_t)rrset->n, .ttl_s = ttl_s,
	    .len = w->len, .sigs_len = w->sigs_len, .n_sigs = (uint16_t)rrset->n_sigs,
	    .n_names = (uint16_t)w->n_names, .n_pointers = (uint16_t)w->n_pointers,
	    .additional = ZONE_NONE };
	memcpy(set->wire, w->wire, octets);
	memset(set->wire + octets, 0, padded - octets);
	if (w->n_names != 0)
		memcpy(set->wire + padded, w->names, 4 * (size_t)w->n_names);
	return at;
}

/* ---- the whole ---- */

static void
warn_large(const struct compile *c, const struct zone_tree_node *node,
    const struct zone_tree_rrset *rrset, const struct rrset *set)
{
	char owner[NAME_TEXT], type[DNS_TYPE_TEXT];

	if (set->len + DNS_HEADER_LEN + name_len(node->name) + 4 > UINT16_MAX)
		zone_warn_at(c->tree->src, rec_of(c, rrset->records[0]),
		    "%.200s %s: %u records of %u octets do not fit into one message",
		    name_text(owner, node->name), dns_type_text(type, rrset->type), rrset->n,
		    set->len);
}

static int
put_node(struct compile *c, uint32_t i)
{
	const struct zone_tree_node *from = &c->tree->nodes[i];
	struct zone_node *node = &c->zone->nodes[from->id];
	struct zone_tree_rrset rrset;
	struct rrset *set;
	uint32_t pos = 0;

	node->name = put_octets(c, from->name, name_len(from->name));
	if (node->name == ZONE_NONE)
		return -1;
	node->flags = from->flags;
	node->labels = from->labels;
	node->wildcard = final_id(c->tree, from->wildcard);
	node->occluded_by = final_id(c->tree, from->occluded_by);
	node->steer = from->steer;
	node->n_rrsets = 0;
	node->rrsets = (uint32_t)((c->zone->data_len + 7) & ~(size_t)7);
	if (from->n != 0)
		c->zone->names++;
	while (zone_tree_next(c->tree, from, &pos, &rrset)) {
		uint32_t at;
		if (rrset.n == 0)
			continue;	/* signatures over nothing */
		at = put_rrset(c, &rrset, rec_of(c, rrset.records[0])->ttl_s);
		if (at == ZONE_NONE)
			return -1;
		set = (struct rrset *)(void *)(c->zone->data + at);
		if (zone_additional_add(c->tree, c->zone, &c->additionals_room, i, &rrset,
		    set) != 0)
			return -1;
		warn_large(c, from, &rrset, set);
		node->n_rrsets++;
	}
	return 0;
}

/* The SOA for negative answers: TTL = min(TTL, MINIMUM), RFC 2308 section 5. */
static int
put_soa(struct compile *c, uint32_t *negative)
{
	const struct zone_record *rec;
	struct zone_tree_rrset rrset;
	uint32_t minimum;

	zone_tree_rrset(c->tree, &c->tree->nodes[0], DNS_SOA, &rrset);
	assert(rrset.n == 1);
	rec = rec_of(c, rrset.records[0]);
	assert(rec->rdlength >= 22);	/* two names, five numbers */
	minimum = dns_get32(rec->rdata + rec->rdlength - 4);
	c->zone->serial = dns_get32(rec->rdata + rec->rdlength - 20);
	*negative = put_rrset(c, &rrset, minimum < rec->ttl_s ? minimum : rec->ttl_s);
	return *negative == ZONE_NONE ? -1 : 0;
}

/* Names of the files, and where the steered names' records stood. */
static int
put_files(struct compile *c)
{
	struct zone_source *src = c->tree->src;
	struct zone *z = c->zone;
	uint32_t *at = calloc(src->n_files + 1u, sizeof(*at));
	int rc = at == NULL ? -1 : 0;

	for (uint32_t i = 0; i < src->n_files && rc == 0; i++) {
		at[i] = put_octets(c, src->files[i], strlen(src->files[i]) + 1);
		if (at[i] == ZONE_NONE)
			rc = -1;
	}
	if (rc == 0) {
		z->files = at[0];
		z->n_files = src->n_files;
		snprintf(z->file, sizeof(z->file), "%s", src->n_files != 0 ? src->files[0] : "");
		for (uint32_t i = 0; i < c->tree->n_steers; i++) {
			assert(c->tree->steers[i].file <= src->n_files);
			c->tree->steers[i].file = at[c->tree->steers[i].file];
			c->tree->steers[i].node = final_id(c->tree, c->tree->steers[i].node);
		}
	}
	free(at);
	return rc;
}

/* Hands the tree's index and steered names over to the zone. */
static void
take_over(struct compile *c)
{
	struct zone_tree *t = c->tree;
	struct zone *z = c->zone;

	for (uint64_t slot = 0; slot <= t->index_mask; slot++)
		t->index[slot].node = final_id(t, t->index[slot].node);
	z->index = t->index;
	z->index_mask = t->index_mask;
	z->max_labels = t->max_labels;
	z->apex_hash = t->nodes[0].hash;
	z->steers = t->steers;
	z->n_steers = t->n_steers;
	t->index = NULL;
	t->steers = NULL;
}

static int
fill(struct compile *c)
{
	struct zone_tree *t = c->tree;
	struct zone *z = c->zone;
	uint32_t *order = malloc(t->n_nodes * sizeof(*order)), negative = 0;
	int rc = order == NULL ? -1 : 0;
	uint8_t *fitted;

	z->n_nodes = t->n_nodes;
	z->nodes = calloc(t->n_nodes, sizeof(*z->nodes));
	if (z->nodes == NULL)
		rc = -1;
	for (uint32_t i = 0; i < t->n_nodes && rc == 0; i++)
		order[t->nodes[i].id] = i;
	for (uint32_t i = 0; i < t->n_nodes && rc == 0; i++)
		rc = put_node(c, order[i]);
	free(order);
	if (rc != 0 || put_soa(c, &negative) != 0 || put_files(c) != 0)
		return -1;
	fitted = realloc(z->data, z->data_len);
	if (fitted != NULL)
		z->data = fitted;
	z->soa_negative = (const struct rrset *)(const void *)(z->data + negative);
	z->soa = zone_rrset(z, &z->nodes[0], DNS_SOA);
	take_over(c);
	return 0;
}

struct zone *
zone_compile(struct zone_tree *tree)
{
	const struct zone_source *src = tree->src;
	struct compile c = { .tree = tree, .zone = calloc(1, sizeof(*c.zone)) };
	int rc = -1;

	zone_wire_begin(&c.wire, src);
	if (c.zone != NULL) {
		memcpy(c.zone->apex, src->apex, src->apex_len);
		c.zone->apex_len = src->apex_len;
		c.zone->apex_labels = src->apex_labels;
		c.zone->file_stamp = src->stamp;
		number_nodes(tree);
		rc = fill(&c);
	}
	zone_wire_free(&c.wire);
	if (rc == 0) {
		assert(zone_verify(c.zone) == NULL);
		return c.zone;
	}
	zone_refuse(tree->src, 0, 0, "out of memory, or more than 4 GiB of data");
	zone_free(c.zone);
	return NULL;
}
