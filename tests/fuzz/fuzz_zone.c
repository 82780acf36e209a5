/* Any text as a zone file: refused with a reason, or compiled into a zone in which every
 * name is found and every offset lies inside. */
#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/zone_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool good)
{
	if (!good)
		abort();
}

/* Walks all records of an rrset by their own lengths. */
static void
check_rrset(const struct zone *z, const struct rrset *set)
{
	const uint8_t *at = set->wire;
	unsigned n = 0;

	check((const uint8_t *)zone_rrset_next(set) <= z->data + ((z->data_len + 7) & ~(size_t)7));
	check(set->count != 0 && set->len != 0);
	for (; at < set->wire + set->len + set->sigs_len; n++) {
		check(at[0] == 0xc0 && dns_get16(at + 2) == (n < set->count ? set->type : DNS_RRSIG));
		check(dns_get32(at + 6) == set->ttl_s);
		at += 12u + dns_get16(at + 10);
		if (n + 1 == set->count)
			check(at == set->wire + set->len);
	}
	check(at == set->wire + set->len + set->sigs_len && n == (unsigned)set->count + set->n_sigs);
	for (unsigned i = 0; i < set->n_fixups; i++) {
		uint32_t f = zone_fixups(set)[i];
		check(f + 2 <= set->len && set->wire[f] == 0xc0 && set->wire[f + 1] == 12);
	}
	for (unsigned i = 0; i < set->n_additional; i++) {
		const struct zone_additional *e = &z->additionals[set->additional + i];
		check(set->additional + i < z->n_additionals && e->node < z->n_nodes);
		check(e->target == 0 || (e->target >= 12 && e->target < set->len));
		check(zone_rrset(z, &z->nodes[e->node], DNS_A) != NULL ||
		    zone_rrset(z, &z->nodes[e->node], DNS_AAAA) != NULL);
	}
}

static void
check_node(const struct zone *z, uint32_t id)
{
	const struct zone_node *node = &z->nodes[id];
	const uint8_t *name = z->data + node->name;
	const struct rrset *set = (const void *)(z->data + node->rrsets);
	struct name_walk w;
	uint32_t found;
	enum zone_outcome outcome;

	check(name_walk(&w, name, z->data_len - node->name) != 0 && w.labels == node->labels);
	check(name_below(name, z->apex));
	check(zone_node_find(z, w.hash[w.labels], name, w.len) == id);
	outcome = zone_find(z, &w, DNS_DS, &found);
	if ((node->flags & ZONE_NODE_OCCLUDED) == 0)
		check(outcome == ZONE_FOUND && found == id);
	else
		check(node->occluded_by < z->n_nodes && (outcome == ZONE_DELEGATION || outcome == ZONE_DNAME) &&
		    found == node->occluded_by);
	if (node->wildcard != ZONE_NONE)
		check(z->nodes[node->wildcard].labels == node->labels + 1);
	if (node->steer != ZONE_NONE)
		check(node->steer < z->n_steers && z->steers[node->steer].node == id);
	for (unsigned i = 0; i < node->n_rrsets; i++, set = zone_rrset_next(set))
		check_rrset(z, set);
}

static void
warn_line(void *arg, const char *line)
{
	(void)arg;
	check(strncmp(line, "zone.txt", 8) == 0 || strlen(line) > 8);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\na 60 A 192.0.2.1\n";
	static const struct warn warn = { warn_line, NULL };
	struct zone_read_limits limits = { .max_octets = 1 << 20, .max_depth = 2 };
	bool whole = size != 0 && data[0] == '@';
	size_t front = whole ? 0 : sizeof(head) - 1;
	char *text = malloc(size + front);
	struct err err = { "" };
	struct zone *z;

	if (text == NULL)
		return 0;
	if (!whole)
		memcpy(text, head, front);
	if (size != 0)
		memcpy(text + front, data, size);
	/* /nowhere: relative includes find nothing on this machine */
	z = zone_load_text("Example.org", "/nowhere/zone.txt", text, size + front, &limits, &warn,
	    &err);
	free(text);
	if (z == NULL) {
		check(err.text[0] == '/');	/* with its file, which may be an included one */
		return 0;
	}
	check(z->soa != NULL && z->soa_negative->type == DNS_SOA && z->n_nodes != 0);
	check_rrset(z, z->soa);
	check_rrset(z, z->soa_negative);
	for (uint32_t i = 0; i < z->n_nodes; i++)
		check_node(z, i);
	zone_free(z);
	return 0;
}
