/* query_parse, row by row: { a sentence, packet in hex, over TCP, expected outcome }. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dnsd/message/query.h"

#define HEAD   "1234 0100 0001 0000 0000 0000 "
#define HEADX  "1234 0100 0001 0000 0000 0001 "	/* one additional record */
#define NAME   "03777777 076578616d706c65 036f7267 00 "	/* www.example.org */
#define A_IN   "0001 0001 "
#define ASK    HEADX NAME A_IN
#define OPT    "00 0029 04d0 00000000 "			/* then rdlength and options */

static const struct {
	const char *sentence, *hex;
	int tcp;
	enum query_outcome expected;
} rows[] = {
	{ "an empty packet says nothing", "", 0, QUERY_DROP_SHORT },
	{ "eleven octets are no header", "1234 0100 0001 0000 0000 00", 0, QUERY_DROP_SHORT },
	{ "a response is never answered",
	  "1234 8100 0001 0000 0000 0000 " NAME A_IN, 0, QUERY_DROP_RESPONSE },
	{ "a response to another opcode neither",
	  "1234 a100 0001 0000 0000 0000 " NAME A_IN, 0, QUERY_DROP_RESPONSE },
	{ "a plain question", HEAD NAME A_IN, 0, QUERY_OK },
	{ "a question for the root", HEAD "00 0002 0001", 0, QUERY_OK },
	{ "a header alone has no question", "1234 0100 0000 0000 0000 0000", 0, QUERY_FORMERR },
	{ "two questions", "1234 0100 0002 0000 0000 0000 " NAME A_IN NAME A_IN, 0, QUERY_FORMERR },
	{ "a question that is missing", HEAD, 0, QUERY_FORMERR },
	{ "a name cut off in a label", HEAD "03 7777", 0, QUERY_FORMERR },
	{ "a name without its root", HEAD "03 777777", 0, QUERY_FORMERR },
	{ "a question without its class", HEAD NAME "0001 00", 0, QUERY_FORMERR },
	{ "a compressed question", HEAD "c00c 0001 0001", 0, QUERY_FORMERR },
	{ "a label type that was never used", HEAD "41 00 00 0001 0001", 0, QUERY_FORMERR },
	{ "octets after the question", HEAD NAME A_IN "00", 0, QUERY_FORMERR },
	{ "an additional record that is not there", HEADX NAME A_IN, 0, QUERY_FORMERR },
	{ "STATUS is not implemented",
	  "1234 1000 0001 0000 0000 0000 " NAME A_IN, 0, QUERY_NOTIMP },
	{ "nor is an opcode of tomorrow",
	  "1234 7800 0001 0000 0000 0000 " NAME A_IN, 0, QUERY_NOTIMP },
	{ "an unknown opcode with an unknown body",
	  "1234 7800 0009 0000 0000 0000 ffff", 0, QUERY_NOTIMP },
	{ "NOTIFY is refused",
	  "1234 2000 0001 0000 0000 0000 " NAME "0006 0001", 0, QUERY_REFUSED },
	{ "UPDATE is refused",
	  "1234 2800 0001 0000 0000 0000 " NAME "0006 0001", 0, QUERY_REFUSED },
	{ "EDNS without options", ASK OPT "0000", 0, QUERY_OK },
	{ "EDNS version 1", ASK "00 0029 04d0 00010000 0000", 0, QUERY_BADVERS },
	{ "EDNS version 1 with what we would call garbage",
	  ASK "00 0029 04d0 00010000 0003 ffffff", 0, QUERY_BADVERS },
	{ "OPT below a name", ASK "0161 00 0029 04d0 00000000 0000", 0, QUERY_FORMERR },
	{ "two OPT records",
	  "1234 0100 0001 0000 0000 0002 " NAME A_IN OPT "0000" OPT "0000", 0, QUERY_FORMERR },
	{ "OPT in the answer section",
	  "1234 0100 0001 0001 0000 0000 " NAME A_IN OPT "0000", 0, QUERY_FORMERR },
	{ "OPT in the authority section",
	  "1234 0100 0001 0000 0001 0000 " NAME A_IN OPT "0000", 0, QUERY_FORMERR },
	{ "OPT before another record",
	  "1234 0100 0001 0000 0000 0002 " NAME A_IN OPT "0000" "00 0010 0001 00000000 0001 00", 0,
	  QUERY_OK },
	{ "OPT after another record, compressed owner",
	  "1234 0100 0001 0000 0000 0002 " NAME A_IN "c00c 0010 0001 00000000 0001 00" OPT "0000",
	  0, QUERY_OK },
	{ "rdlength longer than the packet", ASK OPT "0004", 0, QUERY_FORMERR },
	{ "an option cut off in its head", ASK OPT "0003 000300", 0, QUERY_FORMERR },
	{ "an option longer than OPT", ASK OPT "0004 0003 0001", 0, QUERY_FORMERR },
	{ "an unknown option", ASK OPT "0006 fde8 0002 abcd", 0, QUERY_OK },
	{ "NSID", ASK OPT "0004 0003 0000", 0, QUERY_OK },
	{ "Client Subnet 192.0.2.0/24", ASK OPT "000b 0008 0007 0001 18 00 c00002", 0, QUERY_OK },
	{ "Client Subnet ::/0, the opt-out", ASK OPT "0008 0008 0004 0002 00 00", 0, QUERY_OK },
	{ "Client Subnet of family 0, the opt-out too",
	  ASK OPT "0008 0008 0004 0000 00 00", 0, QUERY_OK },
	{ "Client Subnet with a scope",
	  ASK OPT "000b 0008 0007 0001 18 18 c00002", 0, QUERY_FORMERR },
	{ "Client Subnet, an octet too few",
	  ASK OPT "000a 0008 0006 0001 18 00 c000", 0, QUERY_FORMERR },
	{ "Client Subnet, an octet too many",
	  ASK OPT "000c 0008 0008 0001 18 00 c0000200", 0, QUERY_FORMERR },
	{ "Client Subnet, bits past SOURCE",
	  ASK OPT "000b 0008 0007 0001 14 00 c0000f", 0, QUERY_FORMERR },
	{ "Client Subnet, no bits past SOURCE",
	  ASK OPT "000b 0008 0007 0001 14 00 c000f0", 0, QUERY_OK },
	{ "Client Subnet, SOURCE 33",
	  ASK OPT "000d 0008 0009 0001 21 00 c000020100", 0, QUERY_FORMERR },
	{ "Client Subnet, SOURCE 129",
	  ASK OPT "0019 0008 0015 0002 81 00 2001 0db8 0000 0000 0000 0000 0000 0000 00", 0,
	  QUERY_FORMERR },
	{ "Client Subnet, unknown family",
	  ASK OPT "000b 0008 0007 0003 18 00 c00002", 0, QUERY_FORMERR },
	{ "Client Subnet, family 0 with bits",
	  ASK OPT "0009 0008 0005 0000 08 00 0a", 0, QUERY_FORMERR },
	{ "Client Subnet of three octets", ASK OPT "0007 0008 0003 0001 00", 0, QUERY_FORMERR },
	{ "Client Subnet twice",
	  ASK OPT "0010 0008 0004 0001 00 00 0008 0004 0001 00 00", 0, QUERY_FORMERR },
	{ "a client cookie", ASK OPT "000c 000a 0008 0102030405060708", 0, QUERY_OK },
	{ "a cookie of seven octets", ASK OPT "000b 000a 0007 01020304050607", 0, QUERY_FORMERR },
	{ "a cookie of nine octets",
	  ASK OPT "000d 000a 0009 010203040506070809", 0, QUERY_FORMERR },
	{ "a cookie of sixteen octets",
	  ASK OPT "0014 000a 0010 0102030405060708 0102030405060708", 0, QUERY_OK },
	{ "a cookie of forty-one octets",
	  ASK OPT "002d 000a 0029 0102030405060708 0102030405060708 0102030405060708 "
	  "0102030405060708 0102030405060708 01", 0, QUERY_FORMERR },
	{ "a second cookie is ignored, however odd",
	  ASK OPT "0011 000a 0008 0102030405060708 000a 0001 01", 0, QUERY_OK },
	{ "a cookie without a question",
	  "1234 0000 0000 0000 0000 0001 " OPT "000c 000a 0008 0102030405060708", 0,
	  QUERY_COOKIE_ONLY },
	{ "no question and no cookie",
	  "1234 0000 0000 0000 0000 0001 " OPT "0000", 0, QUERY_FORMERR },
	{ "keepalive with a timeout, over UDP: ignored",
	  ASK OPT "0006 000b 0002 0001", 0, QUERY_OK },
	{ "keepalive with a timeout, over TCP", ASK OPT "0006 000b 0002 0001", 1, QUERY_FORMERR },
	{ "keepalive over TCP", ASK OPT "0004 000b 0000", 1, QUERY_OK },
};

static size_t
unhex(uint8_t *out, const char *hex)
{
	size_t n = 0;
	int high = -1;

	for (; *hex != '\0'; hex++) {
		int v = *hex >= 'a' ? *hex - 'a' + 10 : *hex - '0';
		if (*hex == ' ')
			continue;
		if (high < 0) {
			high = v;
			continue;
		}
		out[n++] = (uint8_t)(high << 4 | v);
		high = -1;
	}
	return n;
}

static void
test_outcomes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t packet[512], *exact;
		size_t len = unhex(packet, rows[i].hex);
		struct query q;
		enum query_outcome got;

		/* an allocation of the exact size lets a sanitizer see a read past the end */
		exact = malloc(len != 0 ? len : 1);
		memcpy(exact, packet, len);
		got = query_parse(&q, exact, len, rows[i].tcp);
		if (got != rows[i].expected)
			fail_msg("%s: outcome %d, expected %d", rows[i].sentence, (int)got,
			    (int)rows[i].expected);
		free(exact);
	}
}

/* Every query above, cut after any octet, is an error or a drop. */
static void
test_cut_off(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t packet[512];
		size_t len = unhex(packet, rows[i].hex);

		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *exact = malloc(cut != 0 ? cut : 1);
			struct query q;

			memcpy(exact, packet, cut);
			if (query_parse(&q, exact, cut, false) == QUERY_OK &&
			    rows[i].expected == QUERY_OK)
				fail_msg("%s, cut to %zu octets, is still a query",
				    rows[i].sentence, cut);
			free(exact);
		}
	}
}

static void
test_fields(void **state)
{
	static const char hex[] = ASK "00 0029 0200 00008000 001b "
	    "0003 0000 0008 0007 0001 18 00 c00002 000a 0008 0102030405060708";
	uint8_t packet[512];
	size_t len = unhex(packet, hex);
	struct query q;

	(void)state;
	assert_int_equal(query_parse(&q, packet, len, false), QUERY_OK);
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.qname.labels, 3);
	assert_int_equal(q.qname.len, 17);
	assert_int_equal(q.qname.label[1], 12);
	assert_int_equal(q.qname.label[3], 0);
	assert_true(q.qname.hash[3] == name_hash((const uint8_t *)"\3WWW\7Example\3oRg"));
	assert_true(q.qname.hash[2] == name_hash((const uint8_t *)"\7example\3org"));
	assert_int_equal(q.question_end, 33);
	assert_int_equal(q.payload, 512);
	assert_true(q.edns && q.dnssec_ok && q.nsid && !q.keepalive && !q.explain);
	assert_true(q.ecs.present);
	assert_int_equal(q.ecs.family, 4);
	assert_int_equal(q.ecs.source, 24);
	assert_int_equal(q.cookie_len, 8);
	assert_memory_equal(q.cookie, "\1\2\3\4\5\6\7\10", 8);
}

static void
test_longest_name(void **state)
{
	uint8_t packet[512] = { 0x12, 0x34, 0, 0, 0, 1 };
	struct query q;

	(void)state;
	/* 127 labels of one octet and the root: 255 octets */
	for (int i = 0; i < 127; i++) {
		packet[12 + 2 * i] = 1;
		packet[13 + 2 * i] = 'a';
	}
	packet[12 + 256] = 1;
	packet[12 + 258] = 1;
	assert_int_equal(query_parse(&q, packet, 12 + 259, false), QUERY_OK);
	assert_int_equal(q.qname.labels, 127);
	/* one octet more is one too many */
	packet[12 + 252] = 2;
	packet[12 + 254] = 'a';
	packet[12 + 256] = 0;
	packet[12 + 257] = 1;
	packet[12 + 258] = 0;
	packet[12 + 259] = 1;
	assert_int_equal(query_parse(&q, packet, 12 + 260, false), QUERY_FORMERR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_longest_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
