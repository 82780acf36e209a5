#include "dnsd/zone/zone_compile.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/dns.h"
#include "dnsd/zone/zone_additional.h"
#include "dnsd/zone/zone_verify.h"

enum { RECORD_HEAD = 12 };		/* C00C, type, class, TTL, rdlength */

struct compile {
	struct zone_tree *tree;
	struct zone *zone;
	size_t room;			/* octets of zone->data */
	uint32_t additionals_room;
	uint32_t *fixups;		/* of the rrset in the making */
	uint32_t n_fixups, fixups_room;
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

/* Offsets of the names in rdata of RFC 1035's types, which alone may be compressed (RFC
 * 3597 section 4); returns how many. */
static unsigned
compressible(const struct zone_record *rec, unsigned at[2])
{
	switch (rec->type) {
	case DNS_SOA:
	case 14:			/* MINFO */
		at[0] = 0;
		at[1] = (unsigned)name_len(rec->rdata);
		return 2;
	case DNS_MX:
		at[0] = 2;
		return 1;
	case DNS_NS: case DNS_CNAME: case DNS_PTR:
	case 3: case 4: case 7: case 8: case 9:		/* MD MF MB MG MR */
		at[0] = 0;
		return 1;
	}
	return 0;
}

/* Octets of `name` in front of the apex when it ends with it, else ZONE_NONE. */
static uint32_t
before_apex(const struct zone *z, const uint8_t *name)
{
	unsigned labels = name_labels(name);
	const uint8_t *p = name;

	if (z->apex_labels == 0 || labels < z->apex_labels)
		return ZONE_NONE;
	for (; labels > z->apex_labels; labels--)
		p += *p + 1;
	return name_equal(p, z->apex) ? (uint32_t)(p - name) : ZONE_NONE;
}

static int
add_fixup(struct compile *c, uint32_t offset)
{
	if (c->n_fixups == c->fixups_room) {
		uint32_t room = c->fixups_room == 0 ? 64 : c->fixups_room * 2;
		uint32_t *grown = realloc(c->fixups, room * sizeof(*grown));
		if (grown == NULL)
			return -1;
		c->fixups = grown;
		c->fixups_room = room;
	}
	assert(c->n_fixups == 0 || c->fixups[c->n_fixups - 1] < offset);
	c->fixups[c->n_fixups++] = offset;
	return 0;
}

/* Writes rdata with apex pointers; `base` is its offset in the rrset's wire.  Its length,
 * or -1. */
static int
put_compressed(struct compile *c, const struct zone_record *rec, uint8_t *out, uint32_t base)
{
	unsigned at[2], n = compressible(rec, at), from = 0, len = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t head = before_apex(c->zone, rec->rdata + at[i]);
		unsigned name = (unsigned)name_len(rec->rdata + at[i]), upto;
		if (head == ZONE_NONE)
			continue;
		upto = at[i] + head;
		memcpy(out + len, rec->rdata + from, upto - from);
		len += upto - from;
		if (add_fixup(c, base + len) != 0)
			return -1;
		out[len++] = 0xc0;
		out[len++] = DNS_HEADER_LEN;
		from = at[i] + name;
	}
	memcpy(out + len, rec->rdata + from, rec->rdlength - from);
	return (int)(len + rec->rdlength - from);
}

/* One record in the form it is sent; its length, or -1. */
static int
put_record(struct compile *c, const struct zone_record *rec, uint32_t ttl_s, bool compress,
    uint8_t *out, uint32_t base)
{
	int len = rec->rdlength;

	out[0] = 0xc0;
	out[1] = DNS_HEADER_LEN;
	dns_put16(out + 2, rec->type);
	dns_put16(out + 4, DNS_IN);
	dns_put32(out + 6, ttl_s);
	if (compress)
		len = put_compressed(c, rec, out + RECORD_HEAD, base + RECORD_HEAD);
	else
		memcpy(out + RECORD_HEAD, rec->rdata, rec->rdlength);
	if (len < 0)
		return -1;
	assert(len <= rec->rdlength);
	dns_put16(out + 10, (uint16_t)len);
	return RECORD_HEAD + len;
}

/* Octets these records can take at most: pointers to the apex only make them shorter, for an apex
 * has more than two octets, or is the root, to which none lead. */
static size_t
wire_size(const struct compile *c, const uint32_t *run, uint32_t n)
{
	size_t sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += RECORD_HEAD + c->tree->src->records[run[i]].rdlength;
	return sum;
}

static const struct zone_record *
rec_of(const struct compile *c, uint32_t i)
{
	return &c->tree->src->records[i];
}

/* Lays one type with its signatures behind the data; its offset, or ZONE_NONE. */
static uint32_t
put_rrset(struct compile *c, const struct zone_tree_rrset *rrset, uint32_t ttl_s)
{
	size_t most = wire_size(c, rrset->records, rrset->n) +
	    wire_size(c, rrset->sigs, rrset->n_sigs);
	uint32_t at = reserve(c, sizeof(struct rrset) + most + 4, true), len = 0;
	bool few = rrset->n <= UINT16_MAX / 2;	/* n_fixups counts to 65535 */
	struct rrset *set;

	if (at == ZONE_NONE)
		return ZONE_NONE;
	set = (struct rrset *)(void *)(c->zone->data + at);
	*set = (struct rrset){ .type = rrset->type, .count = (uint16_t)rrset->n, .ttl_s = ttl_s,
	    .n_sigs = (uint16_t)rrset->n_sigs, .additional = ZONE_NONE };
	c->n_fixups = 0;
	for (uint32_t i = 0; i < rrset->n + rrset->n_sigs; i++) {
		bool sig = i >= rrset->n;
		uint32_t from = sig ? rrset->sigs[i - rrset->n] : rrset->records[i];
		int n = put_record(c, rec_of(c, from), ttl_s, few && !sig, set->wire + len, len);
		if (n < 0)
			return ZONE_NONE;
		len += (uint32_t)n;
		if (i + 1 == rrset->n)
			set->len = len;
	}
	assert(len <= most && c->n_fixups <= UINT16_MAX);
	set->sigs_len = len - set->len;
	set->n_fixups = (uint16_t)c->n_fixups;
	for (; len % 4 != 0; len++)
		set->wire[len] = 0;
	c->zone->data_len = at + offsetof(struct rrset, wire) + len;
	if (put_octets(c, c->fixups, 4 * (size_t)c->n_fixups) == ZONE_NONE)
		return ZONE_NONE;
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

	if (c.zone != NULL) {
		memcpy(c.zone->apex, src->apex, src->apex_len);
		c.zone->apex_len = src->apex_len;
		c.zone->apex_labels = src->apex_labels;
		c.zone->file_stamp = src->stamp;
		number_nodes(tree);
		rc = fill(&c);
	}
	free(c.fixups);
	if (rc == 0) {
		assert(zone_verify(c.zone) == NULL);
		return c.zone;
	}
	zone_refuse(tree->src, 0, 0, "out of memory, or more than 4 GiB of data");
	zone_free(c.zone);
	return NULL;
}
