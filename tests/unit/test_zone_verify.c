/* zone_verify, row by row: a good zone, broken in one place, and the promise that is missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "dnsd/zone/zone_load.h"
#include "dnsd/zone/zone_verify.h"

static const char text[] =
    "@ 60 SOA ns1 admin 1 2 3 4 5\n"
    "@ 60 NS ns1\n"
    "@ 60 NS ns2\n"
    "ns1 60 A 192.0.2.1\n"
    "ns2 60 A 192.0.2.2\n"
    "child 60 NS ns.child\n"
    "ns.child 60 A 192.0.2.3\n"
    "x.child 60 A 192.0.2.3\n"
    "*.w 60 TXT wild\n"
    "s 60 A 192.0.2.4\n"
    "_steer.s 60 TXT pool=p\n";

static struct zone_node *
node(struct zone *z, const char *owner)
{
	uint8_t name[NAME_MAX_WIRE];

	assert_true(name_parse(name, owner, NULL) > 0);
	return &z->nodes[zone_node_find(z, name_hash(name), name, name_len(name))];
}

/* What lies in the zone's data, to be changed. */
static void *
inside(struct zone *z, const void *p)
{
	return z->data + ((const uint8_t *)p - z->data);
}

static struct rrset *
ns(struct zone *z, const char *owner)
{
	return inside(z, zone_rrset(z, node(z, owner), DNS_NS));
}

static struct zone_names *
names_of(struct zone *z)
{
	return inside(z, zone_names_of(ns(z, "example.org")));
}

static uint32_t *
fixups(struct zone *z)
{
	return inside(z, zone_names_of(ns(z, "example.org"))->words);
}

/* Changes the tag of a name's slot, so that the name is not found. */
static void
hide(struct zone *z, const char *owner)
{
	uint8_t name[NAME_MAX_WIRE];
	uint32_t slot;

	assert_true(name_parse(name, owner, NULL) > 0);
	slot = (uint32_t)name_hash(name);
	while (z->index[slot & z->index_mask].tag != name_hash(name) >> 32)
		slot++;
	z->index[slot & z->index_mask].tag++;
}

/* Makes records of another type of an rrset of two records alike. */
static void
retype(struct rrset *set, uint8_t type)
{
	set->type = set->wire[3] = set->wire[set->len / 2 + 3] = type;
}

enum damage {
	APEX, LABELS, MASK, SLOTS, HIDDEN, FLAGS, OCCLUDED, OCCLUDER, WILDCARD, STEER, POOL, TYPES,
	COUNT, TTL, LEN, FIXUP, FIXUP_TWICE, BITS, WORDS, ADDITIONALS, TARGET, GLUE, NEGATIVE,
	MINIMUM, FILES
};

static void
do_damage(struct zone *z, enum damage what)
{
	struct rrset *set = ns(z, "example.org"), *negative = inside(z, z->soa_negative);

	switch (what) {
	case APEX: z->apex[1] = 'x'; break;
	case LABELS: node(z, "ns1.example.org")->labels++; break;
	case MASK: z->index_mask--; break;
	case SLOTS: z->n_nodes--; break;
	case HIDDEN: hide(z, "ns1.example.org"); break;
	case FLAGS: node(z, "w.example.org")->flags = ZONE_NODE_CUT; break;
	case OCCLUDED: node(z, "x.child.example.org")->flags = 0; break;
	case OCCLUDER: node(z, "x.child.example.org")->occluded_by = 0; break;
	case WILDCARD: node(z, "w.example.org")->wildcard = ZONE_NONE; break;
	case STEER: z->steers[0].node = 0; break;
	case POOL: z->steers[0].pool[0] = '\0'; break;
	case TYPES: retype(set, DNS_SOA + 1); break;
	case COUNT: set->count++; break;
	case TTL: set->ttl_s++; break;
	case LEN: set->len = UINT32_MAX; break;
	case FIXUP: fixups(z)[0]++; break;
	case BITS: names_of(z)->bits = 0; break;
	case WORDS: names_of(z)->n_ends++; break;
	case FIXUP_TWICE: fixups(z)[1] = fixups(z)[0]; break;
	case ADDITIONALS: set->additional = z->n_additionals; break;
	case TARGET: z->additionals[set->additional].target++; break;
	case GLUE: z->additionals[ns(z, "child.example.org")->additional].in_domain = false; break;
	case NEGATIVE: negative->ttl_s++; break;
	case MINIMUM: dns_put32(negative->wire + 6, ++negative->ttl_s); break;
	case FILES: z->n_files++; break;
	}
}

static const struct {
	enum damage damage;
	const char *promise;
} rows[] = {
	{ APEX, "node 0 is the apex" },
	{ LABELS, "a node has a name of this zone" },
	{ MASK, "the index has a power of two of slots" },
	{ SLOTS, "the index leads to nodes" },
	{ HIDDEN, "every name is found" },
	{ FLAGS, "flags say what a node has" },
	{ OCCLUDED, "occluded_by is set where a node is occluded" },
	{ OCCLUDER, "occluded_by is the topmost cut or DNAME above" },
	{ WILDCARD, "a node's wildcard is its child *" },
	{ STEER, "a steered node has its steer" },
	{ POOL, "a steer names a pool" },
	{ TYPES, "the rrsets of a node ascend by type" },
	{ COUNT, "an rrset has count records and n_sigs signatures" },
	{ TTL, "records of an rrset have one class and TTL" },
	{ LEN, "an rrset lies inside the data" },
	{ FIXUP, "a fixup is the place of a pointer" },
	{ FIXUP_TWICE, "fixups ascend" },
	{ BITS, "an rrset has the bits of its names" },
	{ WORDS, "what an rrset says of its names is whole" },
	{ ADDITIONALS, "additionals lie inside" },
	{ TARGET, "an additional's target is the name of its node" },
	{ GLUE, "in_domain is set where glue is in-domain, and only there" },
	{ NEGATIVE, "records of an rrset have one class and TTL" },
	{ MINIMUM, "soa_negative is soa with the TTL of RFC 2308" },
	{ FILES, "the names of files lie in the data" },
};

static void
finds_what_is_broken(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = { .text = "" };
		struct zone *z = zone_load_text("example.org", "z", text, sizeof(text) - 1, NULL,
		    NULL, &err);
		struct zone whole;
		const char *broken;

		assert_non_null(z);
		assert_null(zone_verify(z));
		whole = *z;
		do_damage(z, rows[i].damage);
		broken = zone_verify(z);
		if (broken == NULL || strcmp(broken, rows[i].promise) != 0) {
			failed++;
			print_error("expected \"%s\", got \"%s\"\n", rows[i].promise,
			    broken == NULL ? "" : broken);
		}
		*z = whole;
		zone_free(z);
	}
	assert_int_equal(failed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
