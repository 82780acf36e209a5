/* zone_load, row by row: { a sentence, zone text, what is refused or warned about }. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dnsd/zone/zone_load.h"
#include "dnsd/zone/zone_verify.h"
#include "tests/lib/folder.h"

#define SOA  "@ 60 IN SOA ns1 admin 7 1h 15m 1w 300\n"
#define HEAD SOA "@ 60 NS ns1\nns1 60 A 192.0.2.1\n"		/* three lines */

static char warnings[32768];

static void
note_line(void *arg, const char *line)
{
	size_t used = strlen(warnings);

	(void)arg;
	snprintf(warnings + used, sizeof(warnings) - used, "%s\n", line);
}

static const struct warn note = { note_line, NULL };

/* A zone that is accepted keeps its promises. */
static struct zone *
verified(struct zone *z)
{
	const char *broken = z == NULL ? NULL : zone_verify(z);

	if (broken != NULL)
		fail_msg("broken: %s", broken);
	return z;
}

static struct zone *
load(const char *text, size_t len, struct err *err)
{
	warnings[0] = err->text[0] = '\0';
	return verified(zone_load_text("example.org", "z", text, len, NULL, &note, err));
}

/* ---- refused ---- */

static const struct {
	const char *sentence, *text, *reason;
} refused[] = {
	{ "an empty file", "", "z:1: no SOA record for example.org" },
	{ "comments alone", "; nothing\n\n", "z:1: no SOA record for example.org" },
	{ "no SOA", "@ 60 NS ns1\n", "z:1: no SOA record" },
	{ "two SOAs", HEAD "@ 60 SOA ns1 admin 8 1 1 1 1\n",
	    "z:4: a second SOA record; the first is in line 1" },
	{ "a closing SOA of another serial", HEAD "@ 60 IN SOA ns1 admin 8 1h 15m 1w 300\n",
	    "z:4: a second SOA record; the first is in line 1" },
	{ "a closing SOA whose serial is the other's letter case", "@ 60 SOA a b 65 1 1 1 1\n"
	    "@ 60 NS a\na 60 A 192.0.2.1\n@ 60 SOA a b 97 1 1 1 1\n",
	    "z:4: a second SOA record; the first is in line 1" },
	{ "an SOA below the apex", HEAD "a 60 SOA ns1 admin 8 1 1 1 1\n",
	    "z:4: an SOA record for a.example.org" },
	{ "no NS at the apex", SOA "a 60 NS b\n", "z:1: no NS record for example.org" },
	{ "a record out of the zone", HEAD "\nwww.example.com. 60 A 192.0.2.1\n",
	    "z:5: www.example.com is outside the zone example.org" },
	{ "a name that only looks like the zone", HEAD "a.badexample.org. 60 A 192.0.2.1\n",
	    "z:4: a.badexample.org is outside" },
	{ "the parent of the zone", HEAD "org. 60 A 192.0.2.1\n", "z:4: org is outside" },
	{ "CNAME beside an address", HEAD "a 60 A 192.0.2.1\na 60 CNAME b\n",
	    "z:5: a.example.org has a CNAME (line 5) and other data (A, line 4)" },
	{ "an address beside a CNAME", HEAD "a 60 CNAME b\na 60 TXT x\n",
	    "z:5: a.example.org has a CNAME (line 4) and other data (TXT, line 5)" },
	{ "CNAME at the apex", HEAD "@ 60 CNAME b\n", "z:4: example.org has a CNAME (line 4)" },
	{ "CNAME and DNAME", HEAD "a 60 CNAME b\na 60 DNAME c\n", "other data (DNAME, line 5)" },
	{ "two CNAMEs", HEAD "a 60 CNAME b\nA 60 CNAME c\n",
	    "z:5: a second CNAME for a.example.org; the first is in line 4" },
	{ "two DNAMEs", HEAD "a 60 DNAME b\na 60 DNAME c\n",
	    "z:5: a second DNAME for a.example.org; the first is in line 4" },
	{ "DNAME at a delegation", HEAD "a 60 DNAME b\na 60 NS c\n",
	    "z:4: a.example.org has a DNAME and NS records (line 5)" },
	{ "OPT", HEAD "a 60 OPT \\# 0\n", "z:4: type OPT is for questions" },
	{ "ANY", HEAD "a 60 ANY \\# 0\n", "z:4: type ANY is for questions" },
	{ "TSIG by number", HEAD "a 60 TYPE250 \\# 0\n", "z:4: type TSIG is for questions" },
	{ "type 0", HEAD "a 60 TYPE0 \\# 0\n", "z:4: type \"TYPE0\": expected a record type" },
	{ "a type past 65535", HEAD "a 60 TYPE65536 \\# 0\n", "z:4: type \"TYPE65536\"" },
	{ "another class", HEAD "a 60 CH A 192.0.2.1\n", "z:4: class \"CH\": expected IN" },
	{ "another class by number", HEAD "a CLASS3 60 A 192.0.2.1\n",
	    "z:4: class \"CLASS3\": expected IN" },
	{ "a TTL past 2^31-1", HEAD "a 2147483648 A 192.0.2.1\n",
	    "z:4: TTL: \"2147483648\": expected seconds from 0 to 2147483647" },
	{ "$TTL past 2^31-1", "$TTL 4294967296\n" HEAD,
	    "z:1: $TTL: \"4294967296\": expected seconds" },
	{ "a TTL with a unit that is none", HEAD "a 5y A 192.0.2.1\n", "z:4: TTL: \"5y\"" },
	{ "a number without its unit behind one with", HEAD "a 1h30 A 192.0.2.1\n",
	    "z:4: TTL: \"1h30\"" },
	{ "an unknown type", HEAD "a 60 AA 192.0.2.1\n",
	    "z:4: type \"AA\": expected a record type" },
	{ "an unknown directive", HEAD "$GENERATED 1-2 a$ A 192.0.2.$\n",
	    "z:4: directive \"$GENERATED\": expected $ORIGIN, $TTL, $INCLUDE or $GENERATE" },
	{ "an SOA owner without its final dot", "example.org 60 SOA a b 1 2 3 4 5\n 60 NS a\n",
	    "z:1: SOA: \"example.org\" without a final dot is example.org.example.org.: "
	    "write \"example.org.\" or \"@\"" },
	{ "the same under an origin of its own", HEAD "$ORIGIN a\n"
	    "example.org 60 SOA a b 1 2 3 4 5\n",
	    "z:5: SOA: \"example.org\" without a final dot is example.org.a.example.org.: " },
	{ "the same in the zone above", "$ORIGIN org.\nexample.org 60 SOA a b 1 2 3 4 5\n",
	    "z:2: example.org.org is outside the zone example.org: is a final dot missing?" },
	{ "$GENERATE: one number", HEAD "$GENERATE 1 a$ A 192.0.2.$\n",
	    "z:4: $GENERATE: range \"1\": expected START-STOP" },
	{ "$GENERATE: step 0", HEAD "$GENERATE 1-2/0 a$ A 192.0.2.$\n",
	    "z:4: $GENERATE: range \"1-2/0\": expected" },
	{ "$GENERATE: backwards", HEAD "$GENERATE 3-1 a$ A 192.0.2.$\n",
	    "z:4: $GENERATE: range \"3-1\": it ends before it starts" },
	{ "$GENERATE: more than an int", HEAD "$GENERATE 1-2147483648 a$ A 192.0.2.$\n",
	    "z:4: $GENERATE: range \"1-2147483648\": expected" },
	{ "$GENERATE: too many", HEAD "$GENERATE 0-1048576 a$ A 192.0.2.1\n",
	    "z:4: $GENERATE: range \"0-1048576\": 1048577 records: expected at most 1048576" },
	{ "$GENERATE: a negative start", HEAD "$GENERATE -1-2 a$ A 192.0.2.$\n",
	    "z:4: $GENERATE: range \"-1-2\"" },
	{ "$GENERATE: no data", HEAD "$GENERATE 1-2 a$ A\n",
	    "z:4: $GENERATE: expected START-STOP[/STEP] OWNER" },
	{ "$GENERATE: data of several fields without quotes", HEAD "$GENERATE 1-2 a$ MX 10 b$\n",
	    "z:4: $GENERATE: \"MX 10 b$\": data of several fields stands in quotes" },
	{ "$GENERATE: a brace that is not closed", HEAD "$GENERATE 1-2 a${0,2 A 192.0.2.1\n",
	    "z:4: $GENERATE: for 1: \"a${0,2\": expected ${OFFSET,WIDTH,BASE}" },
	{ "$GENERATE: another base", HEAD "$GENERATE 1-2 a${0,2,b} A 192.0.2.1\n",
	    "z:4: $GENERATE: for 1: \"a${0,2,b}\": expected ${OFFSET,WIDTH,BASE}" },
	{ "$GENERATE: width 128", HEAD "$GENERATE 1-2 a${0,128,d} A 192.0.2.1\n",
	    "z:4: $GENERATE: for 1: \"a${0,128,d}\"" },
	{ "$GENERATE: more than an int with its offset", HEAD
	    "$GENERATE 1-2 a${2147483646} A 192.0.2.1\n",
	    "z:4: $GENERATE: for 2: \"a${2147483646}\": 2 and the offset are more than" },
	{ "$GENERATE: an address past 255", HEAD "$GENERATE 254-257 a$ A 192.0.2.$\n",
	    "z:4: $GENERATE: for 256: A: \"192.0.2.256\": expected an IPv4 address" },
	{ "$GENERATE: another class", HEAD "$GENERATE 1-2 a$ CH A 192.0.2.$\n",
	    "z:4: $GENERATE: for 1: class \"CH\": expected IN" },
	{ "$GENERATE: a type for questions", HEAD "$GENERATE 1-2 a$ OPT \"\\\\# 0\"\n",
	    "z:4: $GENERATE: for 1: type OPT is for questions" },
	{ "$GENERATE: an owner in quotes", HEAD "$GENERATE 1-2 \"a$\" A 192.0.2.$\n",
	    "z:4: $GENERATE: \"a$\": quotes are for the data alone" },
	{ "$GENERATE: out of the zone", HEAD "$GENERATE 1-2 a$.example.com. A 192.0.2.$\n",
	    "z:4: $GENERATE: for 1: a1.example.com is outside the zone example.org" },
	{ "$ORIGIN without a name", HEAD "$ORIGIN\n", "z:4: $ORIGIN: expected one domain name" },
	{ "$TTL with two values", HEAD "$TTL 1 2\n", "z:4: $TTL: expected one time" },
	{ "a record without an owner at the start", " 60 SOA a b 1 2 3 4 5\n",
	    "z:1: a record without an owner" },
	{ "a record without a type", HEAD "a 60 IN\n", "z:4: a record without a type" },
	{ "a line cut off behind the type", HEAD "a 60 A", "z:4: A: 0 of at least 1 fields" },
	{ "a line cut off in an SOA", "@ 60 SOA ns1 admin 1 2 3",
	    "z:1: SOA: 5 of at least 7 fields" },
	{ "too many fields", HEAD "a 60 A 192.0.2.1 192.0.2.2\n",
	    "z:4: A: \"192.0.2.2\": expected nothing more" },
	{ "not an IPv4 address", HEAD "a 60 A 192.0.2.256\n",
	    "z:4: A: \"192.0.2.256\": expected an IPv4 address" },
	{ "an IPv4 address in AAAA", HEAD "a 60 AAAA 192.0.2.1\n",
	    "z:4: AAAA: \"192.0.2.1\": expected an IPv6 address" },
	{ "a preference past 65535", HEAD "a 60 MX 65536 b\n",
	    "z:4: MX: \"65536\": expected a number from 0 to 65535" },
	{ "a negative preference", HEAD "a 60 MX -1 b\n", "z:4: MX: \"-1\": expected a number" },
	{ "a flag past 255", HEAD "a 60 CAA 256 issue \"x\"\n",
	    "z:4: CAA: \"256\": expected a number from 0 to 255" },
	{ "a serial past 2^32-1", "@ 60 SOA a b 4294967296 1 1 1 1\n", "z:1: SOA: \"4294967296\"" },
	{ "an empty label", HEAD "a..b 60 A 192.0.2.1\n", "z:4: name \"a..b\": a label is empty" },
	{ "a label of 64 octets", HEAD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 60 A 192.0.2.1\n",
	    "a label is longer than 63 octets" },
	{ "a bad escape in a name", HEAD "a\\256 60 A 192.0.2.1\n",
	    "z:4: name \"a\\256\": a backslash" },
	{ "a name in quotes", HEAD "\"a\" 60 A 192.0.2.1\n",
	    "z:4: name \"a\": quotes are for texts" },
	{ "a quote that is not closed", HEAD "a 60 TXT \"x\nb 60 TXT \"y\"\n",
	    "z:4: a quote that is not closed on its line" },
	{ "a quote that is not closed at the end", HEAD "a 60 TXT ( \"x\n\n",
	    "z:4: a quote that is never closed" },
	{ "a parenthesis that is not closed", HEAD "a 60 TXT ( x\ny\n\n",
	    "z:4: a parenthesis that is never closed" },
	{ "a parenthesis too many", HEAD "a 60 TXT ( x\n) )\n",
	    "z:5: a closing parenthesis without an opening one" },
	{ "a quote that ends with the text", HEAD "a 60 TXT x\"",
	    "z:4: a quote that is never closed" },
	{ "text behind a quote", HEAD "a 60 TXT \"x\"y\n",
	    "z:4: text right behind a closing quote" },
	{ "a control character", HEAD "a 60 TXT x\x01y\n",
	    "z:4: a control character outside quotes" },
	{ "a lone carriage return", HEAD "a 60 TXT x\rb 60 TXT y\n",
	    "z:4: a control character outside quotes" },
	{ "a backslash at the end of a line", HEAD "a 60 TXT x\\\n",
	    "z:4: a backslash at the end of a line" },
	{ "a bad escape in a text", HEAD "a 60 TXT \"x\\999\"\n",
	    "z:4: TXT: \"x\\999\": expected three digits" },
	{ "a text of 256 octets", HEAD "a 60 TXT "
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
	    "expected at most 255 octets in one text" },
	{ "generic data shorter than it says", HEAD "a 60 TYPE65280 \\# 3 aabb\n",
	    "z:4: TYPE65280: \\# 3: 2 octets of data follow" },
	{ "generic data longer than it says", HEAD "a 60 TYPE65280 \\# 1 aabb\n",
	    "\\# 1: 2 octets" },
	{ "half an octet", HEAD "a 60 TYPE65280 \\# 1 aab\n",
	    "an odd number of hexadecimal digits" },
	{ "generic data that its type cannot hold", HEAD "a 60 A \\# 3 c00002\n",
	    "z:4: A: \\# 3: not the data of a record of type A" },
	{ "generic data with a compressed name", HEAD "a 60 NS \\# 2 c00c\n",
	    "not the data of a record of type NS" },
	{ "generic data with octets behind it", HEAD "a 60 MX \\# 5 000a016100ff\n",
	    "\\# 5: 6 octets" },
	{ "an unknown type without generic data", HEAD "a 60 TYPE65280 aabb\n",
	    "z:4: TYPE65280: expected \\# and generic data" },
	{ "an unknown type without any data", HEAD "a 60 TYPE65280\n",
	    "z:4: TYPE65280: expected \\# and generic data" },
	{ "base64 cut off", HEAD "a 60 DNSKEY 256 3 8 AQPSK\n",
	    "z:4: DNSKEY: base64 of 5 characters" },
	{ "a digest with half an octet", HEAD "a 60 DS 1 8 2 AAB\n", "z:4: DS: an odd number" },
	{ "an APL prefix past 32", HEAD "a 60 APL 1:192.0.2.0/33\n",
	    "z:4: APL: \"33\": expected a number from 0 to 32" },
	{ "a bitmap with an unknown type", HEAD "a 60 NSEC b A XYZ\n",
	    "z:4: NSEC: \"XYZ\": expected a record type" },
	{ "a SvcParam given twice", HEAD "a 60 HTTPS 1 . port=1 port=2\n",
	    "z:4: HTTPS: a parameter is given twice" },
	{ "a SvcParam given twice under two names", HEAD "a 60 HTTPS 1 . port=1 key3=5\n",
	    "HTTPS: a parameter is given twice" },
	{ "a mandatory SvcParam that is missing", HEAD
	    "a 60 HTTPS 1 . mandatory=alpn,port port=1\n",
	    "z:4: HTTPS: key1 is mandatory and missing" },
	{ "an unknown SvcParam", HEAD "a 60 HTTPS 1 . colour=red\n", "z:4: HTTPS: \"colour=red\"" },
	{ "a time that is none", HEAD
	    "a 60 RRSIG A 8 3 60 20201301000000 20200101000000 1 @ AAAA\n", "z:4: RRSIG:" },
	{ "the second line of a record", HEAD "a 60 MX (\n 10\n b c )\n",
	    "z:4: MX: \"c\": expected nothing more" },
	{ "a line behind long comments and blank lines", HEAD "; one\n\n; two (\n\nb 60 A x\n",
	    "z:8: A: \"x\"" },
	{ "a line behind a record of several", HEAD "a 60 TXT ( \"x\ny\" ; c )\n z\n)\nb 60 A x\n",
	    "z:8: A: \"x\"" },
	{ "an include that is not there", HEAD "$INCLUDE nowhere/z2\n",
	    "z:4: $INCLUDE nowhere/z2: cannot open: No such file" },
	{ "an include without a file", HEAD "$INCLUDE\n", "z:4: $INCLUDE: expected a file" },
	{ "a device", HEAD "$INCLUDE /dev/zero\n", "z:4: $INCLUDE /dev/zero: not a regular file" },
	{ "a folder", HEAD "$INCLUDE /tmp\n", "z:4: $INCLUDE /tmp: not a regular file" },
	/* steering */
	{ "a _steer without a pool", HEAD "a 60 A 192.0.2.1\n_steer.a 60 TXT \"answers=2\"\n",
	    "z:5: _steer: no \"pool=\"" },
	{ "an unknown setting", HEAD "a 60 A 192.0.2.1\n_steer.a 60 TXT \"pool=p\" \"answer=2\"\n",
	    "z:5: _steer: \"answer=2\": expected pool=" },
	{ "a setting twice", HEAD "_steer.a 60 TXT \"pool=p\" \"pool=q\"\n",
	    "z:4: _steer: \"pool=q\": pool= is given twice" },
	{ "two settings in one text", HEAD "_steer.a 60 TXT \"pool=p answers=2\"\n",
	    "z:4: _steer: pool=p answers=2: a blank" },
	{ "an empty pool", HEAD "_steer.a 60 TXT \"pool=\"\n",
	    "z:4: _steer: pool=: expected a name of 1 to 63" },
	{ "no answers at all", HEAD "_steer.a 60 TXT \"pool=p\" \"answers=0\"\n",
	    "answers=0: expected 1 to 8" },
	{ "nine answers", HEAD "_steer.a 60 TXT \"pool=p\" \"answers=9\"\n",
	    "answers=9: expected 1 to 8" },
	{ "another mode", HEAD "_steer.a 60 TXT \"pool=p\" \"mode=far\"\n",
	    "mode=far: expected site or nearest" },
	{ "one TTL", HEAD "_steer.a 60 TXT \"pool=p\" \"ttl=60\"\n", "ttl=60: expected MIN-MAX" },
	{ "TTLs the wrong way round", HEAD "_steer.a 60 TXT \"pool=p\" \"ttl=60-30\"\n",
	    "ttl=60-30: expected MIN-MAX" },
	{ "TTLs with more behind", HEAD "_steer.a 60 TXT \"pool=p\" \"ttl=1-2s\"\n",
	    "ttl=1-2s: expected MIN-MAX" },
	{ "two _steer records", HEAD "_steer.a 60 TXT \"pool=p\"\n_steer.A 60 TXT \"pool=q\"\n",
	    "z:5: a second _steer record for a.example.org; the first is in line 4" },
	{ "a steered CNAME", HEAD "a 60 CNAME ns1\n_steer.a 60 TXT \"pool=p\"\n",
	    "z:5: _steer: a.example.org is a CNAME" },
	{ "a steered delegation", HEAD "a 60 NS ns1\n_steer.a 60 TXT \"pool=p\"\n",
	    "z:5: _steer: a.example.org lies at or below a delegation" },
	{ "a steered name below a delegation", HEAD "a 60 NS ns1\n_steer.b.a 60 TXT \"pool=p\"\n",
	    "z:5: _steer: b.a.example.org lies" },
	{ "a steered name below a DNAME", HEAD "a 60 DNAME b\n_steer.b.a 60 TXT \"pool=p\"\n",
	    "z:5: _steer: b.a.example.org lies" },
	{ "a steered name server", HEAD "_steer.ns1 60 TXT \"pool=p\"\n",
	    "z:2: NS ns1.example.org: a steered name cannot be a name server's" },
	{ "a steered name server of a child", HEAD
	    "d 60 A 192.0.2.2\n_steer.D 60 TXT \"pool=p\"\nc 60 NS d\n",
	    "z:6: NS d.example.org: a steered name" },
	{ "a name server under a steered wildcard", HEAD
	    "*.d 60 A 192.0.2.2\n_steer.*.d 60 TXT \"pool=p\"\nc 60 NS x.d\n",
	    "z:6: NS x.d.example.org: a steered name" },
};

static void
refuses(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct err err;
		struct zone *z = load(refused[i].text, strlen(refused[i].text), &err);
		if (z == NULL && strstr(err.text, refused[i].reason) != NULL)
			continue;
		failed++;
		print_error("%s: expected \"%s\", got \"%s\"\n", refused[i].sentence,
		    refused[i].reason, z == NULL ? err.text : "a zone");
		zone_free(z);
	}
	assert_int_equal(failed, 0);
}

static void
refuses_nul(void **state)
{
	static const char *const texts[] = {
	    HEAD "a 60 TXT x#y\n", HEAD "a 60 TXT \"x#y\"\n", HEAD "; #\n",
	    HEAD "a 60 TXT x\\#\n", HEAD "#" };
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err;
		size_t len = strlen(texts[i]);
		memcpy(text, texts[i], len);
		*(char *)memchr(text, '#', len) = '\0';
		assert_null(load(text, len, &err));
		assert_string_equal(err.text, "z:4: a NUL octet: this is not a text file");
	}
}

/* ---- accepted ---- */

/* One rrset as "OWNER TYPE TTL HEX HEX...", records in order, names where they end in an
 * apex pointer shown as c00c. */
static const struct {
	const char *sentence, *text, *owner;
	uint16_t type;
	uint32_t ttl_s;
	const char *rdata, *warning;	/* warning: "" = none at all */
} accepted[] = {
	{ "an address", HEAD "a 60 IN A 192.0.2.7\n", "a", DNS_A, 60, "c0000207", "" },
	{ "class before TTL", HEAD "a IN 61 A 192.0.2.7\n", "a", DNS_A, 61, "c0000207", "" },
	{ "no class", HEAD "a 62 A 192.0.2.7\n", "a", DNS_A, 62, "c0000207", "" },
	{ "lower case", HEAD "a 62 in a 192.0.2.7\n", "a", DNS_A, 62, "c0000207", "" },
	{ "an owner called like a type", HEAD "mx 62 A 192.0.2.7\n", "mx", DNS_A, 62, "c0000207",
	    "" },
	{ "the class by number", HEAD "a CLASS1 62 A 192.0.2.7\n", "a", DNS_A, 62, "c0000207", "" },
	{ "no owner: the last one", HEAD "a 60 TXT x\n\n; c\n\t60 A 192.0.2.7\n", "a", DNS_A, 60,
	    "c0000207", "" },
	{ "a TTL with units", HEAD "a 1w2d3h4m5s A 192.0.2.7\n", "a", DNS_A, 788645, "c0000207",
	    "" },
	{ "the largest TTL", HEAD "a 2147483647 A 192.0.2.7\n", "a", DNS_A, 2147483647, "c0000207",
	    "" },
	{ "TTL 0", HEAD "a 0 A 192.0.2.7\n", "a", DNS_A, 0, "c0000207", "" },
	{ "$TTL", "$TTL 1h\n" HEAD "a A 192.0.2.7\n", "a", DNS_A, 3600, "c0000207", "" },
	{ "no TTL at all: the SOA's minimum", "@ SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.7\n", "a",
	    DNS_A, 5, "c0000207", "z:1: the SOA has no TTL, and there is no $TTL before it: its "
	    "minimum, 5 seconds, is used for all records without one\n" },
	{ "no TTL at all, before the SOA", "a A 192.0.2.7\n@ SOA a b 1 2 3 4 5\n@ NS a\n", "a",
	    DNS_A, 5, "c0000207", "z:2: the SOA has no TTL" },
	{ "no TTL: before the SOA, which states one", "a A 192.0.2.7\n@ 9 SOA a b 1 2 3 4 5\n"
	    "@ NS a\n", "a", DNS_A, 3600, "c0000207",
	    "z:1: a record without TTL, and none before it: 3600 seconds are used" },
	{ "the SOA's minimum comes before the TTL last stated", "@ SOA a b 1 2 3 4 5\n@ NS a\n"
	    "b 60 A 192.0.2.6\na A 192.0.2.7\n", "a", DNS_A, 5, "c0000207", "z:1: the SOA has" },
	{ "and after it", "b 60 A 192.0.2.6\n@ SOA a b 1 2 3 4 5\n@ NS b\na A 192.0.2.7\n", "a",
	    DNS_A, 60, "c0000207", "z:2: a record without TTL, and no $TTL before it" },
	{ "$TTL behind the SOA's minimum", "@ SOA a b 1 2 3 4 5\n@ NS a\n$TTL 7\na A 192.0.2.7\n",
	    "a", DNS_A, 7, "c0000207", "z:1: the SOA has no TTL" },
	{ "a minimum past 2^31-1", "@ SOA a b 1 2 3 4 4294967295\n@ NS a\na A 192.0.2.7\n", "a",
	    DNS_A, 2147483647, "c0000207", "minimum, 2147483647 seconds" },
	{ "no TTL: the last one stated", HEAD "b 77 A 192.0.2.6\na A 192.0.2.7\n", "a", DNS_A, 77,
	    "c0000207", "z:5: a record without TTL, and no $TTL before it: the TTL last stated "
	    "(77) is used, here and below\n" },
	{ "Windows DNS: when it last heard of a record", HEAD "a [AGE:3613244] 60 A 192.0.2.7\n",
	    "a", DNS_A, 60, "c0000207", "" },
	/* names as they were not meant */
	{ "an owner without its final dot", HEAD "a.example.org 60 A 192.0.2.7\n",
	    "a.example.org", DNS_A, 60, "c0000207", "z:4: \"a.example.org\" without a final dot is "
	    "a.example.org.example.org.: is \"a.example.org.\" meant?\n" },
	{ "an NS target without its final dot", HEAD "a 60 NS ns1.Example.org\n", "a", DNS_NS, 60,
	    "036e7331074578616d706c65036f7267c00c", "z:4: \"ns1.Example.org\" without a final dot "
	    "is ns1.Example.org.example.org.: is \"ns1.Example.org.\" meant?" },
	{ "an MX target without its final dot", HEAD "a 60 MX 1 example.org\n", "a", DNS_MX, 60,
	    "0001076578616d706c65036f7267c00c", "z:4: \"example.org\" without a final dot" },
	{ "a text that ends with the zone's name", HEAD "a 60 TXT a.example.org\n", "a", DNS_TXT,
	    60, "0d612e6578616d706c652e6f7267", "" },
	{ "a name that only looks like the zone's", HEAD "a 60 PTR badexample.org\n", "a", DNS_PTR,
	    60, "0a6261646578616d706c65036f7267c00c", "" },
	{ "an owner in other letters", HEAD "B\xc3\xbc" "cher 60 A 192.0.2.7\n",
	    "b\\195\\188cher", DNS_A, 60, "c0000207", "z:4: B\\195\\188cher.example.org is not "
	    "ASCII: clients ask for xn--bcher-kva.example.org.: write it so\n" },
	{ "a wildcard in other letters", HEAD "*.\xe6\x97\xa5\xe6\x9c\xac 60 A 192.0.2.7\n",
	    "*.\\230\\151\\165\\230\\156\\172", DNS_A, 60, "c0000207",
	    "clients ask for *.xn--wgv71a.example.org." },
	{ "an owner with a dot of another script", HEAD
	    "\xe4\xbe\x8b\xe3\x80\x82\xe4\xbe\x8b 60 A 192.0.2.7\n",
	    "\\228\\190\\139\\227\\128\\130\\228\\190\\139", DNS_A, 60, "c0000207",
	    "clients ask for xn--fsq.xn--fsq.example.org." },
	{ "an owner with letters and an escaped dot", HEAD "\xc3\xbc\\.x 60 A 192.0.2.7\n",
	    "\\195\\188\\.x", DNS_A, 60, "c0000207", "and no name of IDNA either: " },
	{ "an owner with letters and a NUL", HEAD "\xc3\xbc\\000x 60 A 192.0.2.7\n",
	    "\\195\\188\\000x", DNS_A, 60, "c0000207", "and no name of IDNA either: " },
	{ "an owner in no UTF-8", HEAD "b\xfc" "cher 60 A 192.0.2.7\n", "b\\252cher", DNS_A, 60,
	    "c0000207", "z:4: b\\252cher.example.org is not ASCII, and no name of IDNA either: " },
	{ "an owner in letters that are no name", HEAD "a\xe2\x98\x83\xe2\x80\xae 60 A 192.0.2.7\n",
	    "a\\226\\152\\131\\226\\128\\174", DNS_A, 60, "c0000207", "and no name of IDNA" },
	{ "a target in other letters", HEAD "a 60 PTR b\xc3\xbc" "cher.example.\n", "a", DNS_PTR,
	    60, "0762c3bc63686572076578616d706c6500",
	    "z:4: b\\195\\188cher.example is not ASCII: clients ask for xn--bcher-kva.example." },
	{ "a text in other letters", HEAD "a 60 TXT b\xc3\xbc\n", "a", DNS_TXT, 60, "0362c3bc",
	    "" },
	{ "no TTL: $TTL before the last one stated", "$TTL 1h\n" HEAD
	    "b 77 A 192.0.2.6\na A 192.0.2.7\n", "a", DNS_A, 3600, "c0000207", "" },
	{ "$ORIGIN", HEAD "$ORIGIN b\n$ORIGIN c\na 60 A 192.0.2.7\n", "a.c.b", DNS_A, 60,
	    "c0000207", "" },
	{ "an absolute $ORIGIN", HEAD "$ORIGIN b.example.org.\n@ 60 A 192.0.2.7\n", "b", DNS_A, 60,
	    "c0000207", "" },
	{ "$ORIGIN above the zone", HEAD "$ORIGIN org.\na.example 60 A 192.0.2.7\n", "a", DNS_A, 60,
	    "c0000207", "" },
	{ "CRLF line ends", "@ 60 SOA a b 1 2 3 4 5\r\n@ 60 NS a\r\na 60 A 192.0.2.7\r\n", "a",
	    DNS_A, 60, "c0000207", "" },
	{ "a byte order mark", "\xef\xbb\xbf" HEAD "a 60 A 192.0.2.7\n", "a", DNS_A, 60, "c0000207",
	    "" },
	{ "a last line without its end", HEAD "a 60 A 192.0.2.7", "a", DNS_A, 60, "c0000207",
	    "z:4: the last line has no line end" },
	{ "a comment right behind", HEAD "a 60 A 192.0.2.7;comment \" ( \n", "a", DNS_A, 60,
	    "c0000207", "" },
	{ "parentheses over lines", HEAD "a ( 60\n IN ; c ) \n\nA (\n192.0.2.7 ) )\n", "a", DNS_A,
	    60, "c0000207", "" },
	{ "texts", HEAD "a 60 TXT a \"b c\" \"\" \"d\"\"e\"\n", "a", DNS_TXT, 60,
	    "016103622063000164" "0165", "" },
	{ "special characters in quotes", HEAD "a 60 TXT \";()\\\"\\\\ \\065\"\n", "a", DNS_TXT, 60,
	    "073b2829225c2041", "" },
	{ "escapes outside quotes", HEAD "a 60 TXT \\;\\\"\\ \\(\n", "a", DNS_TXT, 60, "043b222028",
	    "" },
	{ "a line end in quotes in parentheses", HEAD "a 60 TXT ( \"x\ny\" )\n", "a", DNS_TXT, 60,
	    "03780a79", "" },
	{ "an escaped dot in a name", HEAD "a\\.b 60 A 192.0.2.7\n", "a\\.b", DNS_A, 60, "c0000207",
	    "" },
	{ "a binary label", HEAD "a\\000\\255 60 A 192.0.2.7\n", "a\\000\\255", DNS_A, 60,
	    "c0000207", "" },
	{ "an escaped dollar", HEAD "\\$ttl 60 A 192.0.2.7\n", "\\$ttl", DNS_A, 60, "c0000207",
	    "" },
	{ "a name in the zone ends with the apex", HEAD "a 60 PTR ns1\n", "a", DNS_PTR, 60,
	    "036e7331c00c", "" },
	{ "also in another case", HEAD "a 60 PTR Ns1.EXAMPLE.org.\n", "a", DNS_PTR, 60,
	    "034e7331c00c", "" },
	{ "the apex itself", HEAD "a 60 PTR @\n", "a", DNS_PTR, 60, "c00c", "" },
	{ "a name outside stays whole", HEAD "a 60 PTR b.example.\n", "a", DNS_PTR, 60,
	    "0162076578616d706c6500", "" },
	{ "a name that ends like the zone but is not in it", HEAD "a 60 PTR badexample.org.\n", "a",
	    DNS_PTR, 60, "0a6261646578616d706c65c014", "" },
	{ "names that end alike", HEAD "a 60 NS ns1.b.test.\na 60 NS ns2.b.test.\na 60 NS b.test.\n"
	    "a 60 NS b.\n", "a", DNS_NS, 60,
	    "036e73310162047465737400 036e73328010 8010 016200", "" },
	{ "names that end alike in another case", HEAD "a 60 PTR x.b.test.\na 60 PTR y.B.test.\n",
	    "a", DNS_PTR, 60, "01780162047465737400 017901428010", "" },
	{ "a name that ends in the first of them", HEAD "a 60 NS b.test.\na 60 NS x.b.test.\n", "a",
	    DNS_NS, 60, "0162047465737400 0178800c", "" },
	{ "the root", HEAD "a 60 PTR .\n", "a", DNS_PTR, 60, "00", "" },
	{ "MX", HEAD "a 60 MX 10 ns1\n", "a", DNS_MX, 60, "000a036e7331c00c", "" },
	{ "null MX", HEAD "a 60 MX 0 .\n", "a", DNS_MX, 60, "000000", "" },
	{ "SOA with units and two names", HEAD, "@", DNS_SOA, 60,
	    "036e7331c00c0561646d696ec00c0000000700000e100000038400093a800000012c", "" },
	{ "no compression in SRV", HEAD "a 60 SRV 1 2 3 ns1\n", "a", DNS_SRV, 60,
	    "000100020003036e7331076578616d706c65036f726700", "" },
	{ "nor in DNAME", HEAD "a 60 DNAME ns1\n", "a", DNS_DNAME, 60,
	    "036e7331076578616d706c65036f726700", "" },
	{ "an unknown type", HEAD "a 60 TYPE65280 \\# 3 aa bb ( \ncc )\n", "a", 65280, 60, "aabbcc",
	    "" },
	{ "the last type, which is nobody's", HEAD "a 60 TYPE65535 \\# 1 00\n", "a", 65535, 60,
	    "00", "" },
	{ "an unknown type without data", HEAD "a 60 TYPE65280 \\# 0\n", "a", 65280, 60, "", "" },
	{ "a known type in generic form is compressed like any", HEAD
	    "a 60 TYPE12 \\# 17 036e7331076578616d706c65036f726700\n", "a", DNS_PTR, 60,
	    "036e7331c00c", "" },
	{ "CAA without quotes", HEAD "a 60 CAA 0 issue ca.example\n", "a", 257, 60,
	    "0005697373756563612e6578616d706c65", "" },
	{ "HTTPS", HEAD "a 60 HTTPS 1 . alpn=\"h2,h3\" port=8443\n", "a", DNS_HTTPS, 60,
	    "00010000010006026832026833000300" "0220fb", "" },
	{ "IPSECKEY with a relative gateway", HEAD "a 60 IPSECKEY 10 3 2 gw AQID\n", "a", 45, 60,
	    "0a03020267770765" "78616d706c65036f726700010203", "" },
	{ "DS with blanks in the digest", HEAD "a 60 NS ns1\na 60 DS 1 8 99 AA BB\n", "a", DNS_DS,
	    60, "00010863aabb", "" },
	{ "the order of the file", HEAD "a 60 A 192.0.2.9\nb 60 A 192.0.2.1\na 60 A 192.0.2.7\n",
	    "a", DNS_A, 60, "c0000209 c0000207", "" },
	{ "a duplicate with a lower TTL", HEAD "a 60 A 192.0.2.9\na 30 A 192.0.2.9\n", "a", DNS_A,
	    30, "c0000209", "z:5: a duplicate of the record in line 4 is dropped" },
	{ "a duplicate with a higher TTL", HEAD "a 30 A 192.0.2.9\na 60 A 192.0.2.9\n", "a", DNS_A,
	    30, "c0000209", "z:5: a duplicate of the record in line 4 is dropped" },
	{ "a duplicate is dropped", HEAD "a 60 A 192.0.2.9\na 60 A 192.0.2.9\n", "a", DNS_A, 60,
	    "c0000209", "z:5: a duplicate of the record in line 4 is dropped" },
	{ "a closing SOA", HEAD SOA, "@", DNS_SOA, 60,
	    "036e7331c00c0561646d696ec00c0000000700000e100000038400093a800000012c",
	    "z:4: the SOA of line 1 once more, as at the end of a transfer, is dropped" },
	{ "a closing SOA in other letters", HEAD "@ 60 IN SOA NS1 Admin 7 3600 900 604800 300\n",
	    "@", DNS_SOA, 60,
	    "036e7331c00c0561646d696ec00c0000000700000e100000038400093a800000012c",
	    "z:4: the SOA of line 1 once more" },
	{ "DS at the apex", HEAD "@ 60 DS 1 8 2 "
	    "1111111111111111111111111111111111111111111111111111111111111111\n", "@", DNS_DS, 60,
	    "00010802" "1111111111111111111111111111111111111111111111111111111111111111",
	    "z:4: example.org has DS at the apex: it belongs in the parent zone" },
	{ "the lowest TTL wins", HEAD "a 60 A 192.0.2.9\na 50 A 192.0.2.7\na 70 A 192.0.2.8\n", "a",
	    DNS_A, 50, "c0000209 c0000207 c0000208",
	    "z:5: a.example.org A: TTL 50 differs from 60 in line 4: the lowest (50)" },
	{ "data below a DNAME", HEAD "a 60 DNAME b.\nx.a 60 TXT y\n", "a", DNS_DNAME, 60, "016200",
	    "z:5: x.a.example.org TXT: never served: it lies below the DNAME a.example.org" },
	{ "data below a delegation", HEAD "a 60 NS ns1\nx.a 60 TXT y\n", "a", DNS_NS, 60,
	    "036e7331c00c",
	    "z:5: x.a.example.org TXT: never served: it lies below the delegation a.example.org" },
	{ "data at a delegation", HEAD "a 60 NS ns1\na 60 TXT y\n", "a", DNS_NS, 60, "036e7331c00c",
	    "z:5: a.example.org TXT: never served: it lies at the delegation" },
	{ "an NS target that is a CNAME", HEAD "a 60 NS b\nb 60 CNAME ns1\n", "a", DNS_NS, 60,
	    "0162c00c", "z:4: a.example.org NS: its target b.example.org is an alias (CNAME)" },
	{ "an MX target that is a CNAME", HEAD "a 60 MX 1 b\nb 60 CNAME ns1\n", "a", DNS_MX, 60,
	    "00010162c00c", "z:4: a.example.org MX: its target b.example.org is an alias (CNAME)" },
	{ "an SRV target that is a CNAME by a wildcard", HEAD
	    "a 60 SRV 1 2 3 x.b\n*.b 60 CNAME ns1\n", "a", DNS_SRV, 60,
	    "00010002000301780162076578616d706c65036f726700",
	    "z:4: a.example.org SRV: its target x.b.example.org is an alias (CNAME)" },
	{ "an MX target that is an alias by DNAME", HEAD "a 60 MX 1 x.b\nb 60 DNAME c.\n", "a",
	    DNS_MX, 60, "000101780162c00c",
	    "z:4: a.example.org MX: its target x.b.example.org is an alias by DNAME" },
	{ "an MX target that is not there", HEAD "a 60 MX 1 b\n", "a", DNS_MX, 60, "00010162c00c",
	    "z:4: a.example.org MX: its target b.example.org does not exist" },
	{ "an MX target without an address", HEAD "a 60 MX 1 b\nb 60 TXT x\n", "a", DNS_MX, 60,
	    "00010162c00c", "has no address" },
	{ "an MX target in a child zone", HEAD "a 60 MX 1 b.c\nc 60 NS ns1\n", "a", DNS_MX, 60,
	    "000101620163c00c", "" },
	{ "an MX target under a wildcard", HEAD "a 60 MX 1 x.b\n*.b 60 A 192.0.2.1\n", "a", DNS_MX,
	    60, "000101780162c00c", "" },
	{ "an SVCB alias with parameters", HEAD "a 60 SVCB 0 ns1 port=53\n", "a", 64, 60,
	    "0000036e7331076578616d706c65036f72670000" "0300020035",
	    "z:4: a.example.org SVCB: priority 0 makes it an alias: clients do not look at its "
	    "parameters" },
	{ "an HTTPS alias beside others", HEAD "a 60 HTTPS 1 .\na 60 HTTPS 0 ns1\n", "a",
	    DNS_HTTPS, 60, "000100 0000036e7331076578616d706c65036f726700",
	    "z:5: a.example.org HTTPS: priority 0 makes it an alias: clients do not look at the "
	    "other records" },
	{ "an SVCB alias", HEAD "a 60 SVCB 0 .\n", "a", 64, 60, "000000", "" },
	{ "missing glue", HEAD "a 60 NS b.a\n", "a", DNS_NS, 60, "01620161c00c",
	    "z:4: a.example.org NS: its target b.a.example.org has no glue" },
	{ "glue", HEAD "a 60 NS b.a\nb.a 60 A 192.0.2.1\n", "a", DNS_NS, 60, "01620161c00c", "" },
	{ "a name server in another child", HEAD "a 60 NS b.c\nc 60 NS ns1\n", "a", DNS_NS, 60,
	    "01620163c00c", "" },
	{ "an RRSIG over nothing", HEAD
	    "a 60 RRSIG A 8 3 60 20300101000000 20200101000000 1 @ AAAA\na 60 TXT x\n", "a",
	    DNS_TXT, 60, "0178",
	    "z:4: a.example.org: an RRSIG over A, which is not there, is dropped" },
	{ "NS at a wildcard", HEAD "*.a 60 NS ns1\n", "*.a", DNS_NS, 60, "036e7331c00c",
	    "z:4: *.a.example.org: NS at a wildcard" },
	{ "DS without NS", HEAD "a 60 DS 1 8 99 AA\n", "a", DNS_DS, 60, "00010863aa",
	    "z:4: a.example.org has DS but no NS" },
	{ "CNAME with its NSEC and RRSIG", HEAD "a 60 CNAME b.\na 60 NSEC b CNAME RRSIG NSEC\n"
	    "a 60 RRSIG CNAME 8 3 60 20300101000000 20200101000000 1 @ AAAA\n", "a", DNS_CNAME, 60,
	    "016200", "" },
	{ "DNAME at the apex", HEAD "@ 60 DNAME other.\n", "@", DNS_DNAME, 60, "056f7468657200",
	    "never served" },
	{ "a steered name without static data", HEAD "_steer.a 60 TXT \"pool=p\"\n", "_steer.a",
	    DNS_TXT, 60, "06706f6f6c3d70",
	    "z:4: _steer: a.example.org has no A or AAAA of its own" },
};

static char *
hex_of(const struct rrset *set, char *out, size_t size)
{
	const uint8_t *at = set->wire;
	size_t n = 0;

	for (unsigned i = 0; i < set->count; i++) {
		size_t len = dns_get16(at + 10);
		if (i != 0)
			n += (size_t)snprintf(out + n, size - n, " ");
		for (size_t k = 0; k < len; k++)
			n += (size_t)snprintf(out + n, size - n, "%02x", at[12 + k]);
		at += 12 + len;
	}
	out[n] = '\0';
	return out;
}

static const struct rrset *
find(const struct zone *z, const char *owner, uint16_t type)
{
	char text[300];
	uint8_t name[NAME_MAX_WIRE];
	uint32_t id;

	snprintf(text, sizeof(text), "%s%sexample.org", strcmp(owner, "@") == 0 ? "" : owner,
	    strcmp(owner, "@") == 0 ? "" : ".");
	assert_true(name_parse(name, text, NULL) > 0);
	id = zone_node_find(z, name_hash(name), name, name_len(name));
	return id == ZONE_NONE ? NULL : zone_rrset(z, &z->nodes[id], type);
}

static int
check_accepted(size_t i)
{
	struct err err;
	struct zone *z = load(accepted[i].text, strlen(accepted[i].text), &err);
	const struct rrset *set = z == NULL ? NULL : find(z, accepted[i].owner, accepted[i].type);
	const char *warning = accepted[i].warning;
	char hex[1024] = "", want[1024] = "";
	int bad;

	if (z == NULL) {
		print_error("%s: refused: %s\n", accepted[i].sentence, err.text);
		return 1;
	}
	snprintf(want, sizeof(want), "%s", accepted[i].rdata);
	bad = set == NULL || set->ttl_s != accepted[i].ttl_s ||
	    strcmp(hex_of(set, hex, sizeof(hex)), want) != 0 ||
	    (*warning == '\0' ? warnings[0] != '\0' : strstr(warnings, warning) == NULL);
	if (bad)
		print_error("%s: TTL %u, data \"%s\", warnings \"%s\"\n", accepted[i].sentence,
		    set == NULL ? 0 : set->ttl_s, hex, warnings);
	zone_free(z);
	return bad;
}

static void
accepts(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		failed += check_accepted(i);
	assert_int_equal(failed, 0);
}

/* What is warned of in zones of other names. */
static void
warns_of_missing_dots(void **state)
{
	static const struct {
		const char *zone, *text, *warning;
	} rows[] = {
		{ "2.0.192.in-addr.arpa", "1 60 PTR www.example.com\n", "z:4: \"www.example.com\" "
		    "without a final dot is www.example.com.2.0.192.in-addr.arpa.: is "
		    "\"www.example.com.\" meant?\n" },
		{ "2.0.192.in-addr.arpa", "1 60 PTR www.example.com.\n", "" },
		{ "2.0.192.in-addr.arpa", "1 60 CNAME 1.0-63\n", "" },		/* RFC 2317 */
		{ "8.b.d.0.1.0.0.2.ip6.arpa", "1.0 60 PTR a.example\n",
		    "z:4: \"a.example\" without a final dot" },
		{ "arpa.example", "1 60 PTR www.example.com\n", "" },
		{ "lan", "a 60 MX 1 b.lan\nb.lan 60 A 192.0.2.1\n",
		    "z:4: \"b.lan\" without a final dot is b.lan.lan.: is \"b.lan.\" meant?\n"
		    "z:5: \"b.lan\" without a final dot is b.lan.lan.: is \"b.lan.\" meant?\n" },
		{ "lan", "lan 60 A 192.0.2.1\n", "" },
		{ ".", "lan 60 A 192.0.2.1\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[500];
		struct err err;
		struct zone *z;
		int n = snprintf(text, sizeof(text), "%s%s", HEAD, rows[i].text);
		warnings[0] = '\0';
		z = verified(zone_load_text(rows[i].zone, "z", text, (size_t)n, NULL, &note, &err));
		assert_non_null(z);
		assert_memory_equal(warnings, rows[i].warning, strlen(rows[i].warning));
		assert_true(rows[i].warning[0] != '\0' || warnings[0] == '\0');
		zone_free(z);
	}
}

/* ---- steering ---- */

static void
reads_steer(void **state)
{
	static const char text[] = HEAD "*.dl 30 A 192.0.2.1\n"
	    "_STEER.*.dl 60 TXT \"pool=mirrors\" \"answers=3\" \"mode=nearest\" \"ttl=5-90\"\n"
	    "_steer 60 TXT pool=p\n@ 60 A 192.0.2.9\n";
	struct err err;
	struct zone *z = load(text, sizeof(text) - 1, &err);
	const struct zone_steer *s;
	char name[NAME_TEXT];

	(void)state;
	assert_non_null(z);
	assert_string_equal(warnings, "");
	assert_int_equal(z->n_steers, 2);
	assert_true(z->nodes[0].steer != ZONE_NONE);
	assert_string_equal(z->steers[z->nodes[0].steer].pool, "p");
	s = &z->steers[1 - z->nodes[0].steer];
	assert_string_equal(s->pool, "mirrors");
	assert_int_equal(s->answers, 3);
	assert_true(s->nearest);
	assert_int_equal(s->ttl_min_s, 5);
	assert_int_equal(s->ttl_max_s, 90);
	assert_int_equal(s->line, 5);
	assert_string_equal((const char *)z->data + s->file, "z");
	assert_string_equal(name_text(name, z->data + z->nodes[s->node].name), "*.dl.example.org");
	assert_ptr_equal(&z->steers[z->nodes[s->node].steer], s);
	zone_free(z);
}

/* ---- signatures, negative SOA, additional data ---- */

static void
keeps_signatures(void **state)
{
	static const char text[] = HEAD
	    "a 60 RRSIG A 8 3 60 20300101000000 20200101000000 1 @ AAAA\n"
	    "a 60 A 192.0.2.1\na 60 AAAA 2001:db8::1\n"
	    "a 60 RRSIG A 13 3 60 20300101000000 20200101000000 1 @ AAAA\n"
	    "a 50 A 192.0.2.2\n";
	struct err err;
	struct zone *z = load(text, sizeof(text) - 1, &err);
	const struct rrset *set;

	(void)state;
	assert_non_null(z);
	set = find(z, "a", DNS_A);
	assert_non_null(set);
	assert_int_equal(set->count, 2);
	assert_int_equal(set->len, 32);
	assert_int_equal(set->n_sigs, 2);
	assert_int_equal(set->sigs_len, 2 * (12 + 18 + 13 + 3));
	assert_int_equal(dns_get16(set->wire + 32 + 2), DNS_RRSIG);
	/* RFC 4034 3: the TTL of what it covers */
	assert_int_equal(dns_get32(set->wire + 32 + 6), 50);
	assert_int_equal(find(z, "a", DNS_AAAA)->n_sigs, 0);
	zone_free(z);
}

/* dig's output of a transfer, whole, is a zone file. */
static void
reads_a_transfer_by_dig(void **state)
{
	static const char text[] =
	    "\n; <<>> DiG 9.18.49-1~deb12u3-Debian <<>> @127.0.0.1 example.org AXFR\n"
	    "; (1 server found)\n"
	    ";; global options: +cmd\n"
	    "example.org.\t\t3600\tIN\tSOA\tns1.example.org. admin.example.org. 7 3600 900 1 300\n"
	    "example.org.\t\t3600\tIN\tNS\tns1.example.org.\n"
	    "ns1.example.org.\t3600\tIN\tA\t192.0.2.1\n"
	    "example.org.\t\t3600\tIN\tSOA\tns1.example.org. admin.example.org. 7 3600 900 1 300\n"
	    ";; Query time: 0 msec\n"
	    ";; SERVER: 127.0.0.1#53(127.0.0.1) (TCP)\n"
	    ";; WHEN: Fri Nov 27 22:22:21 UTC 2026\n"
	    ";; XFR size: 4 records (messages 1, bytes 180)\n\n";
	struct err err;
	struct zone *z = load(text, sizeof(text) - 1, &err);

	(void)state;
	assert_non_null(z);
	assert_string_equal(warnings,
	    "z:8: the SOA of line 5 once more, as at the end of a transfer, is dropped\n");
	assert_int_equal(z->soa->count, 1);
	zone_free(z);
}

static void
makes_negative_soa(void **state)
{
	static const char low[] = "@ 60 SOA a b 9 1 1 1 30\n@ 60 NS a.\n";
	static const char high[] = "@ 60 SOA a b 9 1 1 1 3000\n@ 60 NS a.\n";
	struct err err;
	struct zone *z = load(low, sizeof(low) - 1, &err);

	(void)state;
	assert_non_null(z);
	assert_int_equal(z->soa->ttl_s, 60);
	assert_int_equal(z->soa_negative->ttl_s, 30);
	assert_int_equal(dns_get32(z->soa_negative->wire + 6), 30);
	assert_int_equal(z->soa_negative->len, z->soa->len);
	assert_int_equal(z->serial, 9);
	zone_free(z);
	z = load(high, sizeof(high) - 1, &err);
	assert_non_null(z);
	assert_int_equal(z->soa_negative->ttl_s, 60);
	zone_free(z);
}

static const struct {
	const char *sentence, *text, *owner;
	uint16_t type;
	const char *expected;		/* "NAME", "NAME!" for in-domain glue, in order */
} additionals[] = {
	{ "the apex's name server", HEAD, "@", DNS_NS, "ns1" },
	{ "an apex name server below a cut", HEAD "@ 60 NS n.c\nc 60 NS n.c\nn.c 60 A 192.0.2.1\n",
	    "@", DNS_NS, "ns1 n.c" },
	{ "in-domain glue comes first", HEAD "c 60 NS ns1\nc 60 NS n.c\nn.c 60 A 192.0.2.1\n", "c",
	    DNS_NS, "n.c! ns1" },
	{ "glue at the cut itself", HEAD "c 60 NS c\nc 60 AAAA 2001:db8::1\n", "c", DNS_NS, "c!" },
	{ "glue of a sibling is not in-domain", HEAD
	    "c 60 NS n.d\nd 60 NS ns1\nn.d 60 A 192.0.2.1\n", "c", DNS_NS, "n.d" },
	{ "MX", HEAD "a 60 MX 1 m\nm 60 A 192.0.2.1\na 60 MX 2 NS1\n", "a", DNS_MX, "m ns1" },
	{ "one target twice", HEAD "a 60 MX 1 ns1\na 60 MX 2 ns1\n", "a", DNS_MX, "ns1" },
	{ "a target without an address", HEAD "a 60 MX 1 m\nm 60 TXT x\n", "a", DNS_MX, "" },
	{ "a target outside", HEAD "a 60 MX 1 m.example.\n", "a", DNS_MX, "" },
	{ "glue for MX", HEAD "a 60 MX 1 m.c\nc 60 NS ns1\nm.c 60 A 192.0.2.1\n", "a", DNS_MX,
	    "m.c" },
	{ "nothing from beneath a DNAME", HEAD "a 60 MX 1 m.c\nc 60 DNAME x.\nm.c 60 A 192.0.2.1\n",
	    "a", DNS_MX, "" },
	{ "targets that a wildcard stands for", HEAD
	    "a 60 MX 1 m.w\na 60 MX 2 M.w\na 60 MX 3 n.w\n*.w 60 A 192.0.2.1\n", "a", DNS_MX,
	    "*.w *.w" },
	{ "no wildcard beneath a cut", HEAD "a 60 MX 1 m.c\nc 60 NS ns1\n*.c 60 A 192.0.2.1\n",
	    "a", DNS_MX, "" },
	{ "none at a DNAME", HEAD "a 60 MX 1 m.c\nc 60 DNAME x.\n*.c 60 A 192.0.2.1\n",
	    "a", DNS_MX, "" },
	{ "none for a name that exists", HEAD "a 60 MX 1 m\nm 60 TXT x\n* 60 A 192.0.2.1\n", "a",
	    DNS_MX, "" },
	{ "SRV", HEAD "a 60 SRV 1 1 1 ns1\n", "a", DNS_SRV, "ns1" },
	{ "HTTPS with its own name", HEAD "a 60 HTTPS 1 .\na 60 A 192.0.2.1\n", "a", DNS_HTTPS,
	    "a" },
	{ "HTTPS with a name that a wildcard stands for, its records first", HEAD
	    "a 60 HTTPS 0 s.w\n*.w 60 HTTPS 1 t.w\n*.w 60 A 192.0.2.1\n", "a", DNS_HTTPS,
	    "*.w *.w" },
	{ "HTTPS in alias mode to nothing", HEAD "a 60 HTTPS 0 .\na 60 A 192.0.2.1\n", "a",
	    DNS_HTTPS, "" },
	{ "SVCB", HEAD "a 60 SVCB 0 ns1\n", "a", DNS_SVCB, "ns1" },
	{ "PTR has none", HEAD "a 60 PTR ns1\n", "a", DNS_PTR, "" },
};

static void
finds_additional(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(additionals) / sizeof(additionals[0]); i++) {
		struct err err;
		struct zone *z = load(additionals[i].text, strlen(additionals[i].text), &err);
		const struct rrset *set = z == NULL ? NULL :
		    find(z, additionals[i].owner, additionals[i].type);
		char got[4 * NAME_TEXT] = "", name[NAME_TEXT];
		assert_non_null(set);
		for (unsigned k = 0; k < set->n_additional; k++) {
			const struct zone_additional *e = &z->additionals[set->additional + k];
			size_t n = strlen(got);
			name_text(name, z->data + z->nodes[e->node].name);
			*strstr(name, ".example.org") = '\0';
			snprintf(got + n, sizeof(got) - n, "%s%s%s", k != 0 ? " " : "", name,
			    e->in_domain ? "!" : "");
		}
		if (strcmp(got, additionals[i].expected) != 0) {
			failed++;
			print_error("%s: expected \"%s\", got \"%s\"\n", additionals[i].sentence,
			    additionals[i].expected, got);
		}
		zone_free(z);
	}
	assert_int_equal(failed, 0);
}

/* ---- files ---- */

static struct zone *
load_file(const char *name, const struct zone_read_limits *limits, struct err *err)
{
	warnings[0] = err->text[0] = '\0';
	return verified(zone_load("example.org", folder_path(name),
	    &(struct zone_load_how){ .limits = limits, .warn = &note }, err));
}

static void
includes(void **state)
{
	struct err err;
	struct zone *z;

	(void)state;
	assert_int_equal(mkdir(folder_path("sub"), 0700), 0);
	folder_put("main",
	    HEAD "$ORIGIN o\n$INCLUDE \"sub/one\" in\n 60 TXT x\nb 60 A 192.0.2.2\n");
	folder_put("sub/one",
	    " 60 TXT owner\na 60 A 192.0.2.3\n$ORIGIN deep\n$TTL 77\n$INCLUDE two\n");
	folder_put("sub/two", "c A 192.0.2.4\n");
	z = load_file("main", NULL, &err);
	if (z == NULL)
		print_error("%s\n", err.text);
	assert_non_null(z);
	/* relative to the including file; under the origin given, its own again afterwards */
	assert_non_null(find(z, "a.in.o", DNS_A));
	assert_int_equal(find(z, "c.deep.in.o", DNS_A)->ttl_s, 77);
	assert_non_null(find(z, "b.o", DNS_A));
	/* the last owner goes in, and is what it was when the include ends */
	assert_int_equal(find(z, "ns1", DNS_TXT)->count, 2);
	/* three, and where sub/two was looked for first */
	assert_int_equal(z->n_files, 4);
	assert_false(zone_load_changed(z));
	folder_put("sub/two", "c A 192.0.2.5\n");
	assert_true(zone_load_changed(z));
	zone_free(z);
}

/* First beside the zone's own file, then beside the including one. */
static void
include_beside_the_zone_first(void **state)
{
	struct err err;
	char want[1200];
	struct zone *z;

	(void)state;
	assert_int_equal(mkdir(folder_path("inc"), 0700), 0);
	folder_put("main", HEAD "$INCLUDE inc/one\n");
	folder_put("inc/one", "$INCLUDE inc/two\n$INCLUDE three\n");
	folder_put("inc/two", "a 60 A 192.0.2.3\n");
	folder_put("three", "b 60 A 192.0.2.4\n");
	folder_put("inc/three", "c 60 A 192.0.2.5\n");
	z = load_file("main", NULL, &err);
	assert_non_null(z);
	assert_non_null(find(z, "a", DNS_A));
	assert_non_null(find(z, "b", DNS_A));
	assert_null(find(z, "c", DNS_A));
	zone_free(z);
	/* what is not beside the zone is found beside the including file, until it is there */
	assert_int_equal(unlink(folder_path("three")), 0);
	z = load_file("main", NULL, &err);
	assert_non_null(z);
	assert_non_null(find(z, "c", DNS_A));
	assert_false(zone_load_changed(z));
	folder_put("three", "b 60 A 192.0.2.4\n");
	assert_true(zone_load_changed(z));
	zone_free(z);
	/* a file that is there and cannot be read is not passed over */
	assert_int_equal(unlink(folder_path("three")), 0);
	assert_int_equal(mkdir(folder_path("three"), 0700), 0);
	assert_null(load_file("main", NULL, &err));
	snprintf(want, sizeof(want), "%s:2: $INCLUDE %s: not a regular file",
	    folder_path("inc/one"), folder_path("three"));
	assert_string_equal(err.text, want);
	assert_int_equal(rmdir(folder_path("three")), 0);
	assert_int_equal(unlink(folder_path("inc/three")), 0);
	assert_null(load_file("main", NULL, &err));
	snprintf(want, sizeof(want), "%s:2: $INCLUDE: neither %s nor %s is there",
	    folder_path("inc/one"), folder_path("three"), folder_path("inc/three"));
	assert_string_equal(err.text, want);
}

static void
names_line_in_include(void **state)
{
	struct err err;
	char want[512];

	(void)state;
	folder_put("main", HEAD "\n$INCLUDE bad\n");
	folder_put("bad", "a 60 A 192.0.2.1\nb 60 A x\n");
	assert_null(load_file("main", NULL, &err));
	snprintf(want, sizeof(want), "%s:2: A: \"x\": expected an IPv4 address",
	    folder_path("bad"));
	assert_string_equal(err.text, want);
	folder_put("bad", "c 60 CNAME ns1\nd 60 MX 1 c\n$INCLUDE none\n");
	assert_null(load_file("main", NULL, &err));
	snprintf(want, sizeof(want), "%s:3: $INCLUDE %s: cannot open", folder_path("bad"),
	    folder_path("none"));
	assert_memory_equal(err.text, want, strlen(want));
}

static void
bounds_includes(void **state)
{
	struct zone_read_limits limits = { .max_octets = 200, .max_depth = 2 };
	struct err err;
	char want[512];

	(void)state;
	folder_put("loop", HEAD "$INCLUDE loop2\n");
	folder_put("loop2", "; x\n$INCLUDE loop\n");
	assert_null(load_file("loop", NULL, &err));
	snprintf(want, sizeof(want), "%s:2: $INCLUDE %s: an include loop",
	    folder_path("loop2"), folder_path("loop"));
	assert_memory_equal(err.text, want, strlen(want));
	/* the same file twice, one after the other, is no loop */
	folder_put("twice", HEAD "$INCLUDE leaf a\n$INCLUDE leaf b\n");
	folder_put("leaf", "x 60 A 192.0.2.1\n");
	zone_free(load_file("twice", NULL, &err));
	assert_string_equal(err.text, "");
	folder_put("deep", HEAD "$INCLUDE d1\n");
	folder_put("d1", "$INCLUDE d2\n");
	folder_put("d2", "$INCLUDE leaf\n");
	assert_null(load_file("deep", &limits, &err));
	snprintf(want, sizeof(want), "%s:1: $INCLUDE %s: more than 2 files deep",
	    folder_path("d2"), folder_path("leaf"));
	assert_string_equal(err.text, want);
	zone_free(load_file("deep", NULL, &err));
	assert_string_equal(err.text, "");
	folder_put("leaf", "x 60 TXT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
	assert_null(load_file("twice", &limits, &err));
	assert_non_null(strstr(err.text, ":5: $INCLUDE"));
	assert_non_null(strstr(err.text, "more than the zone may still have"));
}

static void
opens_regular_files_only(void **state)
{
	struct err err;
	char want[512];

	(void)state;
	assert_int_equal(mkfifo(folder_path("fifo"), 0600), 0);
	assert_null(load_file("fifo", NULL, &err));
	snprintf(want, sizeof(want), "%s: not a regular file", folder_path("fifo"));
	assert_string_equal(err.text, want);
	assert_null(load_file(".", NULL, &err));
	assert_non_null(strstr(err.text, "not a regular file"));
	assert_null(load_file("missing", NULL, &err));
	snprintf(want, sizeof(want), "%s: cannot open: No such file or directory",
	    folder_path("missing"));
	assert_string_equal(err.text, want);
	folder_put("main", HEAD "$INCLUDE fifo\n");
	assert_null(load_file("main", NULL, &err));
	snprintf(want, sizeof(want), "%s:4: $INCLUDE %s: not a regular file",
	    folder_path("main"), folder_path("fifo"));
	assert_string_equal(err.text, want);
}

static void
sees_changes_to_the_nanosecond(void **state)
{
	const struct timespec then = { .tv_sec = 1700000000, .tv_nsec = 5 };
	struct timespec times[2] = { then, then };
	struct err err;
	struct zone *z;

	(void)state;
	folder_put("main", HEAD);
	assert_int_equal(utimensat(AT_FDCWD, folder_path("main"), times, 0), 0);
	z = load_file("main", NULL, &err);
	assert_non_null(z);
	assert_false(zone_load_changed(z));
	times[1].tv_nsec = 6;
	assert_int_equal(utimensat(AT_FDCWD, folder_path("main"), times, 0), 0);
	assert_true(zone_load_changed(z));
	times[1].tv_nsec = 5;		/* who sets the time back hides nothing */
	assert_int_equal(utimensat(AT_FDCWD, folder_path("main"), times, 0), 0);
	assert_true(zone_load_changed(z));
	assert_int_equal(unlink(folder_path("main")), 0);
	assert_true(zone_load_changed(z));
	zone_free(z);
}

/* ---- records from elsewhere ---- */

/* What a transfer or a signer would do: records without any text. */
static void
compiles_any_source(void **state)
{
	static const uint8_t apex[] = "\7example\3org", www[] = "\3www\7example\3org";
	static const uint8_t ns[] = "\1a\0", address[] = "\xc0\0\2\7";
	static const uint8_t soa[] = "\0\0" "\0\0\0\7" "\0\0\0\1" "\0\0\0\1" "\0\0\0\1" "\0\0\0\5";
	const struct zone_record records[] = {
		{ .owner = www, .type = DNS_A, .ttl_s = 60, .rdlength = 4, .rdata = address },
		{ .owner = apex, .type = DNS_NS, .ttl_s = 60, .rdlength = 3, .rdata = ns },
		{ .owner = apex, .type = DNS_SOA, .ttl_s = 60, .rdlength = 22, .rdata = soa },
	};
	struct zone_source src;
	struct err err = { .text = "" };
	char hex[64];
	struct zone *z;

	(void)state;
	zone_source_open(&src, apex, NULL, &err);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(zone_source_add(&src, &records[i]), 0);
	assert_null(zone_load_source(&src));
	assert_string_equal(err.text, "?: no SOA record for example.org: expected exactly one");
	zone_source_close(&src);
	zone_source_open(&src, apex, NULL, &err);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(zone_source_add(&src, &records[i]), 0);
	z = verified(zone_load_source(&src));
	zone_source_close(&src);
	assert_non_null(z);
	assert_int_equal(z->serial, 7);
	assert_string_equal(hex_of(find(z, "www", DNS_A), hex, sizeof(hex)), "c0000207");
	assert_string_equal(z->file, "");
	assert_false(zone_load_changed(z));
	zone_free(z);
}

/* ---- warnings ---- */

static void
counts_warnings(void **state)
{
	char text[20000] = HEAD;
	size_t n = strlen(text);
	struct err err;
	struct zone *z;

	(void)state;
	for (int i = 0; i < 150; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "m%d 60 MX 1 none%d\n", i, i);
	z = load(text, n, &err);
	assert_non_null(z);
	zone_free(z);
	assert_non_null(strstr(warnings, "none99.") );
	assert_null(strstr(warnings, "none100."));
	assert_non_null(strstr(warnings, "z: 50 more warnings"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_nul),
		cmocka_unit_test(accepts),
		cmocka_unit_test(warns_of_missing_dots),
		cmocka_unit_test(reads_steer),
		cmocka_unit_test(keeps_signatures),
		cmocka_unit_test(reads_a_transfer_by_dig),
		cmocka_unit_test(makes_negative_soa),
		cmocka_unit_test(finds_additional),
		cmocka_unit_test(includes),
		cmocka_unit_test(include_beside_the_zone_first),
		cmocka_unit_test(names_line_in_include),
		cmocka_unit_test(bounds_includes),
		cmocka_unit_test(opens_regular_files_only),
		cmocka_unit_test(sees_changes_to_the_nanosecond),
		cmocka_unit_test(compiles_any_source),
		cmocka_unit_test(counts_warnings),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_clear);
}
