/* zone_find, row by row: { a sentence, name asked, type, how it ends, node found }. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/zone_load.h"

static const char text[] =
    "@ 60 SOA ns1 admin 1 2 3 4 5\n"
    "@ 60 NS ns1\n"
    "ns1 60 A 192.0.2.1\n"
    "a.b.c 60 A 192.0.2.2\n"		/* b.c and c are empty non-terminals */
    "*.w 60 TXT wild\n"
    "deep.under.w 60 TXT x\n"		/* under.w is empty and blocks the wildcard */
    "*.star.star 60 TXT x\n"
    "x.*.lit 60 TXT x\n"		/* *.lit is empty, and a wildcard all the same */
    "*.*.two 60 TXT x\n"
    "alias 60 CNAME a.b.c\n"
    "child 60 NS ns.child\n"
    "child 60 DS 1 8 99 AA\n"
    "ns.child 60 A 192.0.2.3\n"
    "sub.child 60 NS ns.child\n"	/* a cut below a cut */
    "*.child 60 A 192.0.2.4\n"
    "dn 60 DNAME other.example.\n"
    "dn 60 TXT x\n"
    "here.dn 60 TXT x\n"
    "ns.here.dn 60 NS ns1\n"
    "Ca.SE 60 TXT x\n"
    "a\\.b 60 TXT x\n";

static struct zone *zone;

static int
set_up(void **state)
{
	struct err err = { .text = "" };

	(void)state;
	zone = zone_load_text("example.org", "z", text, sizeof(text) - 1, NULL, NULL, &err);
	if (zone == NULL)
		print_error("%s\n", err.text);
	return zone == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	zone_free(zone);
	return 0;
}

static const struct {
	const char *sentence, *name;
	uint16_t type;
	enum zone_outcome outcome;
	const char *node;
} rows[] = {
	{ "the apex", "", DNS_SOA, ZONE_FOUND, "" },
	{ "DS at the apex", "", DNS_DS, ZONE_FOUND, "" },
	{ "a name", "ns1", DNS_A, ZONE_FOUND, "ns1" },
	{ "a name in another case", "NS1", DNS_A, ZONE_FOUND, "ns1" },
	{ "a name written in another case", "ca.se", DNS_A, ZONE_FOUND, "Ca.SE" },
	{ "a name with an escaped dot", "a\\.b", DNS_TXT, ZONE_FOUND, "a\\.b" },
	{ "the same letters as two labels", "a.b", DNS_TXT, ZONE_NXDOMAIN, "" },
	{ "an empty non-terminal", "b.c", DNS_A, ZONE_FOUND, "b.c" },
	{ "the one above", "c", DNS_A, ZONE_FOUND, "c" },
	{ "a name that is not there", "nope", DNS_A, ZONE_NXDOMAIN, "" },
	{ "a name below one that is", "x.ns1", DNS_A, ZONE_NXDOMAIN, "ns1" },
	{ "a name below an empty non-terminal", "x.b.c", DNS_A, ZONE_NXDOMAIN, "b.c" },
	{ "a name deeper than all others", "1.2.3.4.5.6.7.8.9.b.c", DNS_A, ZONE_NXDOMAIN, "b.c" },
	{ "deeper than all others, at the apex", "1.2.3.4.5.6.7.8.9", DNS_A, ZONE_NXDOMAIN, "" },
	{ "a CNAME", "alias", DNS_A, ZONE_FOUND, "alias" },
	{ "below a CNAME", "x.alias", DNS_A, ZONE_NXDOMAIN, "alias" },
	{ "a wildcard's match", "x.w", DNS_TXT, ZONE_WILDCARD, "*.w" },
	{ "a wildcard's deep match", "x.y.z.w", DNS_TXT, ZONE_WILDCARD, "*.w" },
	{ "deeper than all others, a wildcard's", "1.2.3.4.5.6.7.8.9.w", DNS_TXT, ZONE_WILDCARD,
	    "*.w" },
	{ "the wildcard itself", "*.w", DNS_TXT, ZONE_FOUND, "*.w" },
	{ "an asterisk below the wildcard", "*.*.w", DNS_TXT, ZONE_NXDOMAIN, "*.w" },
	{ "a name below the wildcard (RFC 4592 2.2.1)", "x.*.w", DNS_TXT, ZONE_NXDOMAIN, "*.w" },
	{ "the wildcard's parent does not match it", "w", DNS_TXT, ZONE_FOUND, "w" },
	{ "an empty non-terminal blocks the wildcard", "under.w", DNS_TXT, ZONE_FOUND, "under.w" },
	{ "below it too", "x.under.w", DNS_TXT, ZONE_NXDOMAIN, "under.w" },
	{ "a wildcard below an empty non-terminal", "x.star.star", DNS_TXT, ZONE_WILDCARD,
	    "*.star.star" },
	{ "which does not match beside it", "x.star", DNS_TXT, ZONE_NXDOMAIN, "star" },
	{ "an empty wildcard matches", "y.lit", DNS_TXT, ZONE_WILDCARD, "*.lit" },
	{ "a wildcard below an asterisk", "y.*.two", DNS_TXT, ZONE_WILDCARD, "*.*.two" },
	{ "an asterisk above a wildcard matches as one", "y.two", DNS_TXT, ZONE_WILDCARD, "*.two" },
	{ "two labels there match the asterisk too", "y.z.two", DNS_TXT, ZONE_WILDCARD, "*.two" },
	{ "a delegation", "child", DNS_A, ZONE_DELEGATION, "child" },
	{ "its NS", "child", DNS_NS, ZONE_DELEGATION, "child" },
	{ "its DS is the parent's", "child", DNS_DS, ZONE_FOUND, "child" },
	{ "its glue", "ns.child", DNS_A, ZONE_DELEGATION, "child" },
	{ "DS below it is the child's", "ns.child", DNS_DS, ZONE_DELEGATION, "child" },
	{ "a name below it", "x.y.z.child", DNS_A, ZONE_DELEGATION, "child" },
	{ "a wildcard below it is not ours", "*.child", DNS_A, ZONE_DELEGATION, "child" },
	{ "a cut below it: the topmost counts", "sub.child", DNS_DS, ZONE_DELEGATION, "child" },
	{ "below both", "x.sub.child", DNS_A, ZONE_DELEGATION, "child" },
	{ "the owner of a DNAME", "dn", DNS_TXT, ZONE_FOUND, "dn" },
	{ "below a DNAME", "x.dn", DNS_A, ZONE_DNAME, "dn" },
	{ "data below a DNAME is occluded", "here.dn", DNS_TXT, ZONE_DNAME, "dn" },
	{ "a cut below a DNAME too", "x.ns.here.dn", DNS_A, ZONE_DNAME, "dn" },
};

static void
walk(struct name_walk *w, uint8_t name[NAME_MAX_WIRE], const char *name_as_text)
{
	assert_true(name_parse(name, name_as_text, NULL) > 0);
	assert_true(name_walk(w, name, NAME_MAX_WIRE) != 0);
}

static void
join_apex(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%s%sexample.org", name, *name == '\0' ? "" : ".");
}

static void
finds(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char full[300], expected[300], got[NAME_TEXT];
		uint8_t name[NAME_MAX_WIRE];
		struct name_walk w;
		uint32_t node = ZONE_NONE;
		enum zone_outcome outcome;
		join_apex(full, sizeof(full), rows[i].name);
		join_apex(expected, sizeof(expected), rows[i].node);
		walk(&w, name, full);
		outcome = zone_find(zone, &w, rows[i].type, &node);
		assert_true(node < zone->n_nodes);
		name_text(got, zone->data + zone->nodes[node].name);
		if (outcome == rows[i].outcome && strcmp(got, expected) == 0)
			continue;
		failed++;
		print_error("%s: expected %d %s, got %d %s\n", rows[i].sentence, rows[i].outcome,
		    expected, outcome, got);
	}
	assert_int_equal(failed, 0);
}

static void
finds_types(void **state)
{
	const struct zone_node *dn;
	uint8_t name[NAME_MAX_WIRE];

	(void)state;
	assert_non_null(zone_rrset(zone, &zone->nodes[0], DNS_NS));
	assert_non_null(zone_rrset(zone, &zone->nodes[0], DNS_SOA));
	assert_null(zone_rrset(zone, &zone->nodes[0], DNS_A));
	assert_null(zone_rrset(zone, &zone->nodes[0], UINT16_MAX));
	assert_true(name_parse(name, "dn.example.org", NULL) > 0);
	dn = &zone->nodes[zone_node_find(zone, name_hash(name), name, name_len(name))];
	assert_int_equal(dn->n_rrsets, 2);
	assert_int_equal(zone_rrset(zone, dn, DNS_TXT)->type, DNS_TXT);
	assert_int_equal(zone_rrset(zone, dn, DNS_DNAME)->type, DNS_DNAME);
	assert_true(name_parse(name, "nowhere.example.org", NULL) > 0);
	assert_int_equal(zone_node_find(zone, name_hash(name), name, name_len(name)), ZONE_NONE);
}

/* Every owner is found, parents stand before children, half the index stays free. */
static void
is_in_order(void **state)
{
	uint32_t used = 0;

	(void)state;
	for (uint32_t i = 0; i < zone->n_nodes; i++) {
		const uint8_t *name = zone->data + zone->nodes[i].name;
		assert_int_equal(zone_node_find(zone, name_hash(name), name, name_len(name)), i);
		if (i == 0)
			continue;
		name += *name + 1;
		assert_true(zone_node_find(zone, name_hash(name), name, name_len(name)) < i);
	}
	for (uint32_t slot = 0; slot <= zone->index_mask; slot++)
		used += zone->index[slot].node != ZONE_NONE;
	assert_int_equal(used, zone->n_nodes);
	assert_true(used * 2 <= zone->index_mask + 1);
	assert_int_equal(zone->names, 18);
}

/* The root as a zone: no apex pointers, names above all others. */
static void
serves_the_root(void **state)
{
	static const char root[] = "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\norg 60 NS a.org\n"
	    "a.org 60 A 192.0.2.1\n";
	struct err err = { .text = "" };
	struct zone *z = zone_load_text(".", "z", root, sizeof(root) - 1, NULL, NULL, &err);
	struct name_walk w;
	uint8_t name[NAME_MAX_WIRE];
	uint32_t node;

	(void)state;
	assert_non_null(z);
	assert_int_equal(z->soa->n_pointers, 0);
	walk(&w, name, "x.y");
	assert_int_equal(zone_find(z, &w, DNS_A, &node), ZONE_NXDOMAIN);
	assert_int_equal(node, 0);
	walk(&w, name, "b.a.org");
	assert_int_equal(zone_find(z, &w, DNS_A, &node), ZONE_DELEGATION);
	walk(&w, name, ".");
	assert_int_equal(zone_find(z, &w, DNS_A, &node), ZONE_FOUND);
	zone_free(z);
}

static const struct {
	const char *sentence;
	uint32_t old_serial, fresh_serial, old_names, fresh_names;
	unsigned max_shrink;
	const char *reason;		/* NULL = allowed */
} replacements[] = {
	{ "the same", 1, 1, 100, 100, 50, NULL },
	{ "newer", 1, 2, 100, 100, 50, NULL },
	{ "older", 2, 1, 100, 100, 50, "serial 1 went back from 2" },
	{ "newer around the end", 0xffffffff, 0, 100, 100, 50, NULL },
	{ "older around the end", 0, 0xffffffff, 100, 100, 50,
	    "serial 4294967295 went back from 0" },
	{ "the largest step", 0, 0x7fffffff, 100, 100, 50, NULL },
	{ "a step that RFC 1982 leaves undefined", 0, 0x80000000, 100, 100, 50, "went back" },
	{ "half the names", 1, 2, 100, 50, 50, NULL },
	{ "less than half", 1, 2, 100, 49, 50,
	    "49 names instead of 100: more than 50 percent are gone" },
	{ "nothing may go", 1, 2, 100, 99, 0, "99 names instead of 100" },
	{ "growth", 1, 2, 1, 100000, 0, NULL },
	{ "anything goes", 1, 2, 100000, 1, 100, NULL },
};

static void
judges_replacements(void **state)
{
	struct zone *old = calloc(1, sizeof(*old)), *fresh = calloc(1, sizeof(*fresh));

	(void)state;
	assert_true(old != NULL && fresh != NULL);
	for (size_t i = 0; i < sizeof(replacements) / sizeof(replacements[0]); i++) {
		struct err err = { .text = "" };
		int rc;
		old->serial = replacements[i].old_serial;
		fresh->serial = replacements[i].fresh_serial;
		old->names = replacements[i].old_names;
		fresh->names = replacements[i].fresh_names;
		rc = zone_may_replace(fresh, old, replacements[i].max_shrink, &err);
		if (replacements[i].reason == NULL ? rc != 0 :
		    rc == 0 || strstr(err.text, replacements[i].reason) == NULL)
			fail_msg("%s: %d, %s", replacements[i].sentence, rc, err.text);
	}
	zone_free(old);
	zone_free(fresh);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(finds_types),
		cmocka_unit_test(is_in_order),
		cmocka_unit_test(serves_the_root),
		cmocka_unit_test(judges_replacements),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
