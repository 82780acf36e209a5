/* The names of NSEC3 records do not exist (RFC 5155 section 7.2.8): the zone of its appendix A
 * answers as the same zone without its chain does, for every name and every type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/zone/zone_load.h"
#include "dnsd/zone/zone_verify.h"

static const char plain[] =
    "$TTL 3600\n"
    "@ SOA ns1 bugs.x.w 1 3600 300 3600000 3600\n"
    "@ NS ns1\n@ NS ns2\n@ MX 1 xx\n@ NSEC3PARAM 1 0 12 aabbccdd\n"
    "2t7b4g4vsa5smi47k61mv5bv1a22bojr A 192.0.2.127\n"	/* data at H(ns1) */
    "a NS ns1.a\na NS ns2.a\n"
    "a DS 58470 5 1 3079f1593ebad6dc121e202a8b766a6a4837206c\n"
    "ns1.a A 192.0.2.5\nns2.a A 192.0.2.6\n"
    "ai A 192.0.2.9\nai HINFO \"KLH-10\" \"ITS\"\nai AAAA 2001:db8::f00:baa9\n"
    "c NS ns1.c\nc NS ns2.c\nns1.c A 192.0.2.7\nns2.c A 192.0.2.8\n"
    "ns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
    "*.w MX 1 ai\nx.w MX 1 xx\nx.y.w MX 1 xx\n"
    "xx A 192.0.2.10\nxx HINFO \"KLH-10\" \"TOPS-20\"\nxx AAAA 2001:db8::f00:baaa\n"
    /* not the RFC's: what a wildcard, data below a hash and an alias make of it */
    "*.wild TXT x\n"
    "below.kohar7mbb8dc2ce8a9qvl8hon4k53uhi TXT x\n"
    "k8udemvp1j2f7eg6jebps17vp3n8i58h CNAME xx\n";

static const char *const hashes[] = {
	"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",	/* the apex */
	"2t7b4g4vsa5smi47k61mv5bv1a22bojr",	/* ns1; has an address of its own */
	"2vptu5timamqttgl4luu9kg21e0aor3s",	/* x.y.w */
	"35mthgpgcu1qg68fab165klnsnk3dpvl",	/* a */
	"b4um86eghhds6nea196smvmlo4ors995",	/* x.w */
	"gjeqe526plbf1g8mklp59enfd789njgi",	/* ai */
	"ji6neoaepv8b5o6k4ev33abha8ht9fgc",	/* y.w */
	"k8udemvp1j2f7eg6jebps17vp3n8i58h",	/* w; here an alias */
	"kohar7mbb8dc2ce8a9qvl8hon4k53uhi",	/* 2t7b...; here with a name below it */
	"q04jkcevqvmu85r014c7dkba38o0ji5r",	/* ns2 */
	"r53bq7cc2uvmubfu5ocmm6pers9tk9en",	/* *.w */
	"t644ebqk9bibcna874givr6joj62mlhv",	/* xx */
	"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.wild",	/* no hash stands so deep: all the same */
	"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.empty",	/* and would leave `empty` behind */
};

enum { N_HASHES = sizeof(hashes) / sizeof(hashes[0]) };

static const char *const others[] = {
	"", "ns1", "nope", "a", "x.a", "c", "ai", "w", "y.w", "x.y.w", "*.w", "z.w", "wild",
	"*.wild", "q.wild", "empty", "x.empty", "xx",
	"below.kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
};

static struct zone *with, *without;

static struct zone *
load(const char *text)
{
	struct err err = { .text = "" };
	struct zone *z = zone_load_text("example", "z", text, strlen(text), NULL, NULL, &err);

	if (z == NULL || zone_verify(z) != NULL)
		fail_msg("%s", z == NULL ? err.text : zone_verify(z));
	return z;
}

static int
set_up(void **state)
{
	static char text[sizeof(plain) + N_HASHES * 400];
	size_t n = sizeof(plain) - 1;

	(void)state;
	memcpy(text, plain, n);
	for (size_t i = 0; i < N_HASHES; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%s NSEC3 1 1 12 aabbccdd %.32s A RRSIG\n"
		    "%s RRSIG NSEC3 7 2 3600 20300101000000 20200101000000 62699 @ AAAA\n",
		    hashes[i], hashes[(i + 1) % N_HASHES], hashes[i]);
	without = load(plain);
	with = load(text);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	zone_free(with);
	zone_free(without);
	return 0;
}

/* How a question ends and what is found, as text. */
static void
ask(const struct zone *z, const uint8_t *name, uint16_t type, char out[700])
{
	static const char *const ends[] = {
	    "found", "wildcard", "delegation", "dname", "nxdomain" };
	struct name_walk w;
	char owner[NAME_TEXT];
	const struct rrset *set;
	enum zone_outcome outcome;
	uint32_t id;

	assert_true(name_walk(&w, name, NAME_MAX_WIRE) != 0);
	outcome = zone_find(z, &w, type, &id);
	set = zone_rrset(z, &z->nodes[id], type);
	snprintf(out, 700, "%s %s, %u types, %u of it", ends[outcome],
	    name_text(owner, z->data + z->nodes[id].name), z->nodes[id].n_rrsets,
	    set == NULL ? 0 : set->count);
}

static int
same(const char *prefix, const char *label)
{
	static const uint16_t types[] = { DNS_A, DNS_NS, DNS_CNAME, DNS_SOA, DNS_MX, DNS_TXT,
	    DNS_AAAA, DNS_DS,
	    DNS_RRSIG, DNS_NSEC, DNS_DNSKEY, DNS_NSEC3, DNS_NSEC3PARAM, 255, 65280 };
	char text[300], got[700], want[700];
	uint8_t name[NAME_MAX_WIRE];
	int failed = 0;

	snprintf(text, sizeof(text), "%s%s%sexample", prefix, label, *label == '\0' ? "" : ".");
	assert_true(name_parse(name, text, NULL) > 0);
	for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
		ask(with, name, types[t], got);
		ask(without, name, types[t], want);
		if (strcmp(got, want) != 0) {
			failed++;
			print_error("%s %u: expected %s, got %s\n", text, types[t], want, got);
		}
	}
	return failed;
}

static void
nsec3_names_do_not_exist(void **state)
{
	static const char *const prefixes[] = { "", "x.", "*.", "x.y." };
	int failed = 0;

	(void)state;
	for (size_t p = 0; p < sizeof(prefixes) / sizeof(prefixes[0]); p++) {
		for (size_t i = 0; i < N_HASHES; i++)
			failed += same(prefixes[p], hashes[i]);
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			failed += same(prefixes[p], others[i]);
	}
	assert_int_equal(failed, 0);
	assert_int_equal(with->n_nodes, without->n_nodes);
	assert_int_equal(with->names, without->names);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nsec3_names_do_not_exist),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
