/* reply: what is written, and that nothing is written by halves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dnsd/message/reply.h"
#include "dnsd/zone/zone_load.h"

static const char text[] =
    "$TTL 300\n"
    "@ SOA ns hostmaster 1 2 3 4 60\n"
    "@ NS ns\n"
    "ns A 192.0.2.1\n"
    "www A 192.0.2.2\n"
    "www A 192.0.2.3\n"
    "www MX 10 mail\n"
    "mail A 192.0.2.4\n";

static struct zone *zone;

static int
load(void **state)
{
	struct err err;

	(void)state;
	zone = zone_load_text("example.org", "test", text, sizeof(text) - 1, NULL, NULL, &err);
	return zone == NULL ? -1 : 0;
}

static int
unload(void **state)
{
	(void)state;
	zone_free(zone);
	return 0;
}

/* A reply to www.example.org of at most `size` octets. */
static void
begin(struct reply *r, struct query *q, uint8_t *out, size_t size, bool edns)
{
	static const uint8_t packet[] =
	    "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\3www\7example\3org\0\0\1\0\1";

	assert_int_equal(query_parse(q, packet, sizeof(packet) - 1, false), QUERY_OK);
	memset(&r->opt, 0, sizeof(r->opt));
	r->opt.present = edns;
	r->opt.payload = 1232;
	r->opt.ede = DNS_EDE_NONE;
	reply_begin(r, q, out, size);
	reply_zone(r, zone, DNS_HEADER_LEN + q->qname.label[2]);
}

static const struct rrset *
rrset_of(const char *name, uint16_t type)
{
	uint8_t wire[NAME_MAX_WIRE];
	uint32_t node;

	assert_true(name_parse(wire, name, NULL) > 0);
	node = zone_node_find(zone, name_hash(wire), wire, name_len(wire));
	assert_int_not_equal(node, ZONE_NONE);
	return zone_rrset(zone, &zone->nodes[node], type);
}

static void
test_question_and_header(void **state)
{
	uint8_t out[512];
	struct query q;
	struct reply r;

	(void)state;
	begin(&r, &q, out, 512, false);
	r.flags = DNS_AA;
	assert_true(reply_rrset(&r, REPLY_ANSWER, DNS_HEADER_LEN,
	    rrset_of("www.example.org", DNS_A)));
	assert_int_equal(reply_finish(&r, &q), 33 + 2 * 16);
	assert_memory_equal(out, "\x12\x34\x85\x00\x00\x01\x00\x02\x00\x00\x00\x00", 12);
	assert_memory_equal(out + 33, "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\2", 16);
}

/* { a sentence, room, are the two addresses written? } */
static void
test_whole_rrsets_or_nothing(void **state)
{
	static const struct {
		const char *sentence;
		size_t size;
		bool edns, written;
	} rows[] = {
		{ "exactly enough", 33 + 32, false, true },
		{ "one octet too few", 33 + 31, false, false },
		{ "room for one record only", 33 + 16, false, false },
		{ "no room at all", 33, false, false },
		{ "less than the question", 12, false, false },
		{ "exactly enough with OPT", 33 + 32 + 11, true, true },
		{ "OPT takes the last octet", 33 + 32 + 10, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t out[512];
		struct query q;
		struct reply r;
		size_t len;

		begin(&r, &q, out, rows[i].size, rows[i].edns);
		if (reply_rrset(&r, REPLY_ANSWER, DNS_HEADER_LEN,
		    rrset_of("www.example.org", DNS_A)) != rows[i].written)
			fail_msg("%s", rows[i].sentence);
		len = reply_finish(&r, &q);
		assert_int_equal(dns_get16(out + 6), rows[i].written ? 2 : 0);
		assert_int_equal(dns_get16(out + 10), rows[i].edns);
		if (len > rows[i].size && rows[i].size > 33)
			fail_msg("%s: %zu octets", rows[i].sentence, len);
	}
}

static void
test_owner_pointers(void **state)
{
	uint8_t out[512];
	struct query q;
	struct reply r;

	(void)state;
	begin(&r, &q, out, 512, false);
	assert_true(reply_rrset(&r, REPLY_AUTHORITY, r.apex_at, rrset_of("example.org", DNS_NS)));
	assert_memory_equal(out + 33, "\xc0\x10\0\2\0\1\0\0\1\x2c\0\5\2ns\xc0\x10", 17);
	assert_true(reply_rrset_named(&r, REPLY_ADDITIONAL, (const uint8_t *)"\2ns\7example\3org",
	    rrset_of("ns.example.org", DNS_A)));
	/* the name stands in the NS already */
	assert_memory_equal(out + 50, "\xc0\x2d\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1", 16);
	assert_int_equal(reply_finish(&r, &q), 66);
	assert_int_equal(dns_get16(out + 8), 1);
	assert_int_equal(dns_get16(out + 10), 1);
}

static void
test_names_in_rdata_point_to_the_apex(void **state)
{
	uint8_t out[512];
	struct query q;
	struct reply r;

	(void)state;
	begin(&r, &q, out, 512, false);
	assert_true(reply_rrset(&r, REPLY_ANSWER, DNS_HEADER_LEN,
	    rrset_of("www.example.org", DNS_MX)));
	assert_memory_equal(out + 33, "\xc0\x0c\0\x0f\0\1\0\0\1\x2c\0\x09\0\x0a\4mail\xc0\x10", 21);
}

/* EDE takes the room that is left: all of its text, some, or it is left out. */
static void
test_extended_error_fits_itself_in(void **state)
{
	static const struct {
		size_t size;
		size_t option;		/* octets of the option's data, 0 = left out */
	} rows[] = { { 512, 2 + 9 }, { 33 + 11 + 4 + 2 + 9, 2 + 9 }, { 33 + 11 + 4 + 2 + 3, 2 + 3 },
		{ 33 + 11 + 4 + 2, 2 }, { 33 + 11 + 4 + 1, 0 }, { 33 + 11, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t out[512];
		struct query q;
		struct reply r;
		size_t len;

		begin(&r, &q, out, rows[i].size, true);
		r.opt.ede = DNS_EDE_NOT_READY;
		r.opt.ede_text = "some text";
		len = reply_finish(&r, &q);
		assert_int_equal(dns_get16(out + 33 + 9),
		    rows[i].option != 0 ? 4 + rows[i].option : 0);
		assert_int_equal(len, 33 + 11 + (rows[i].option != 0 ? 4 + rows[i].option : 0));
	}
}

static void
test_extended_rcode(void **state)
{
	uint8_t out[512];
	struct query q;
	struct reply r;

	(void)state;
	begin(&r, &q, out, 512, true);
	r.rcode = DNS_BADCOOKIE;
	reply_finish(&r, &q);
	assert_int_equal(out[3] & 15, 23 & 15);
	assert_int_equal(out[33 + 5], 23 >> 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question_and_header),
		cmocka_unit_test(test_whole_rrsets_or_nothing),
		cmocka_unit_test(test_owner_pointers),
		cmocka_unit_test(test_names_in_rdata_point_to_the_apex),
		cmocka_unit_test(test_extended_error_fits_itself_in),
		cmocka_unit_test(test_extended_rcode),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
