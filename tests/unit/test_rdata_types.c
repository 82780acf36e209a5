/* Record data as text and as octets: { text, the octets in hex, or ! and the reason }.
 * The octets are those that BIND, Knot and NSD make of the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rdata/rdata.h"
#include "common/rdata/rdata_types.h"

static const struct {
	const char *text;
	const char *expected;
} records[] = {
	/* numbers, at their limits and past them */
	{ "MX 0 a", "00000161017400" },
	{ "MX 65535 a", "ffff0161017400" },
	{ "MX 65536 a", "!\"65536\": expected a number from 0 to 65535" },
	{ "MX 70000 a", "!\"70000\": expected a number from 0 to 65535" },
	{ "MX -1 a", "!\"-1\": expected a number from 0 to 65535" },
	{ "MX +1 a", "!\"+1\": expected a number from 0 to 65535" },
	{ "MX \"1\" a", "!\"1\": expected a number from 0 to 65535" },
	{ "MX 1", "!1 of at least 2 fields: the data ends too soon" },
	{ "MX 1 a b", "!\"b\": expected nothing more for this type" },
	{ "SRV 1 2 65536 a", "!\"65536\": expected a number from 0 to 65535" },
	{ "NAPTR 1 65536 \"\" \"\" \"\" .", "!\"65536\": expected a number from 0 to 65535" },
	{ "PX 65536 a b", "!\"65536\": expected a number from 0 to 65535" },
	{ "KX 65536 a", "!\"65536\": expected a number from 0 to 65535" },
	{ "LP 65536 a", "!\"65536\": expected a number from 0 to 65535" },
	{ "L32 65536 192.0.2.1", "!\"65536\": expected a number from 0 to 65535" },
	{ "CAA 256 issue a", "!\"256\": expected a number from 0 to 255" },
	{ "DNSKEY 65536 3 8 AAAA", "!\"65536\": expected a number from 0 to 65535" },
	{ "CSYNC 4294967296 3 A", "!\"4294967296\": expected a number from 0 to 4294967295" },
	{ "CSYNC 66 65536 A", "!\"65536\": expected a number from 0 to 65535" },
	{ "SOA a b 4294967295 1 2 3 4",
	    "01610174000162017400ffffffff00000001000000020000000300000004" },
	{ "SOA a b 4294967296 1 2 3 4", "!\"4294967296\": expected a number from 0 to 4294967295" },
	{ "IPN 18446744073709551615", "ffffffffffffffff" },
	{ "IPN 18446744073709551616",
	    "!\"18446744073709551616\": expected a number of 64 bits, or two of 32 with a dot"
	    " between" },
	{ "IPN 3.1", "0000000300000001" },
	{ "IPN 4294967295.4294967295", "ffffffffffffffff" },
	{ "IPN 4294967296.1",
	    "!\"4294967296.1\": expected a number of 64 bits, or two of 32 with a dot between" },
	{ "IPN 1.2.3",
	    "!\"1.2.3\": expected a number of 64 bits, or two of 32 with a dot between" },
	{ "IPN .1", "!\".1\": expected a number of 64 bits, or two of 32 with a dot between" },
	/* words for numbers */
	{ "CERT PKIX 1 RSASHA1 AAAA", "0001000105000000" },
	{ "CERT OID 65535 0 AAAA", "00feffff00000000" },
	{ "CERT 65535 1 255 AAAA", "ffff0001ff000000" },
	{ "CERT -1 1 1 AAAA", "!\"-1\": expected a type of certificate: 0 to 65535, or its name" },
	{ "CERT 65536 1 1 AAAA", "!\"65536\": expected a number from 0 to 65535" },
	{ "CERT PKCS 1 1 AAAA",
	    "!\"PKCS\": expected a type of certificate: 0 to 65535, or its name" },
	{ "DNSKEY 256 3 ED25519 AAAA", "0100030f000000" },
	{ "DNSKEY 256 3 RSASHA1-NSEC3-SHA1 AAAA", "01000307000000" },
	{ "DNSKEY 256 3 NSEC3RSASHA1 AAAA", "01000307000000" },
	{ "DNSKEY 256 3 256 AAAA", "!\"256\": expected a number from 0 to 255" },
	{ "DNSKEY 256 3 RSA AAAA", "!\"RSA\": expected an algorithm: 0 to 255, or its name" },
	{ "TLSA DANE-EE SPKI SHA2-256 aabb", "030101aabb" },
	{ "TLSA 256 0 0 aabb", "!\"256\": expected a number from 0 to 255" },
	{ "DSYNC CDS NOTIFY 5359 scanner.example.net.",
	    "003b0114ef077363616e6e6572076578616d706c65036e657400" },
	{ "DSYNC CDS 255 65535 .", "003bffffff00" },
	{ "DSYNC CDS PUSH 5359 a", "!\"PUSH\": expected a scheme: 0 to 255, or NOTIFY" },
	/* times */
	{ "RRSIG A 8 2 60 20240229000000 19700101000000 1 t. AAAA",
	    "000108020000003c65dfc900000000000001017400000000" },
	{ "RRSIG A 8 2 60 4294967295 0 1 t. AAAA",
	    "000108020000003cffffffff000000000001017400000000" },
	{ "RRSIG A 8 2 60 20380119031408 21060207062815 1 t. AAAA",
	    "000108020000003c80000000ffffffff0001017400000000" },
	{ "RRSIG A 8 2 60 21060207062816 0 1 t. AAAA",
	    "000108020000003c00000000000000000001017400000000" },
	{ "RRSIG A 8 2 60 20000229000000 20231231235959 1 t. AAAA",
	    "000108020000003c38bb0c006592007f0001017400000000" },
	{ "RRSIG A 8 2 60 20230229000000 0 1 t. AAAA",
	    "!\"20230229000000\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG ANY 8 2 60 0 0 1 t. AAAA",
	    "!ANY is not a type that records have, in \"ANY 8 2 60 0 0 1 t. AAAA\"" },
	{ "RRSIG TYPE0 8 2 60 0 0 1 t. AAAA",
	    "!TYPE0 is not a type that records have, in \"TYPE0 8 2 60 0 0 1 t. AAAA\"" },
	{ "RRSIG A 8 2 60 21000229000000 0 1 t. AAAA",
	    "!\"21000229000000\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG A 8 2 60 20231301000000 0 1 t. AAAA",
	    "!\"20231301000000\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG A 8 2 60 20230001000000 0 1 t. AAAA",
	    "!\"20230001000000\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG A 8 2 60 20230431000000 0 1 t. AAAA",
	    "!\"20230431000000\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG A 8 2 60 20230100000000 0 1 t. AAAA",
	    "!\"20230100000000\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG A 8 2 60 20230101240000 0 1 t. AAAA",
	    "!\"20230101240000\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG A 8 2 60 20230101006000 0 1 t. AAAA",
	    "!\"20230101006000\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG A 8 2 60 20230101000060 0 1 t. AAAA",
	    "!\"20230101000060\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG A 8 2 60 19691231235959 0 1 t. AAAA",
	    "!\"19691231235959\": expected a date and time that exist, from 1970 on" },
	{ "RRSIG A 8 2 60 4294967296 0 1 t. AAAA",
	    "!\"4294967296\": expected a number from 0 to 4294967295" },
	{ "RRSIG A 8 2 60 202301010000 0 1 t. AAAA",
	    "!\"202301010000\": expected a time as YYYYMMDDHHMMSS or seconds since 1970" },
	{ "RRSIG A 8 2 60 2023-01-01 0 1 t. AAAA",
	    "!\"2023-01-01\": expected a time as YYYYMMDDHHMMSS or seconds since 1970" },
	/* hex, base64, base32hex */
	{ "SSHFP 4 255 aa bb", "04ffaabb" },
	{ "SSHFP 4 255 aab", "!an odd number of hexadecimal digits" },
	{ "SSHFP 4 255", "!2 of at least 3 fields: the data ends too soon" },
	{ "EID aabbcc", "aabbcc" },
	{ "EID aabbc", "!an odd number of hexadecimal digits" },
	{ "NIMLOC 32251A030067", "32251a030067" },
	{ "NSAP 0x47.0005.80", "47000580" },
	{ "NSAP 0X00", "00" },
	{ "NSAP 0x4700058",
	    "!\"0x4700058\": expected 0x and an even number of hexadecimal digits" },
	{ "NSAP 0x", "!\"0x\": expected 0x and an even number of hexadecimal digits" },
	{ "NSAP 4700", "!\"4700\": expected 0x and an even number of hexadecimal digits" },
	{ "ATMA 39.246f000000000000000000000000000000000000",
	    "0039246f000000000000000000000000000000000000" },
	{ "ATMA 39246", "!\"39246\": expected hexadecimal digits, or + and a number" },
	{ "ATMA +358.400.1234567", "0133353834303031323334353637" },
	{ "ATMA +", "!\"+\": expected + and a number of digits" },
	{ "ATMA +12a", "!\"+12a\": expected + and a number of digits" },
	{ "DNSKEY 256 3 8 A A A A", "01000308000000" },
	{ "DNSKEY 256 3 8 AA==", "0100030800" },
	{ "DNSKEY 256 3 8 AAA=", "010003080000" },
	{ "DNSKEY 256 3 8 AB==", "!\"AB==\": expected base64 that ends with whole octets" },
	{ "DNSKEY 256 3 8 AAB=", "!\"AAB=\": expected base64 that ends with whole octets" },
	{ "DNSKEY 256 3 8 A===", "!\"A===\": expected base64" },
	{ "DNSKEY 256 3 8 AA==AAAA", "!\"AA==AAAA\": expected base64" },
	{ "DNSKEY 256 3 8 AAA", "!base64 of 3 characters: expected a multiple of 4" },
	{ "DNSKEY 256 3 8 AA-_", "!\"AA-_\": expected base64" },
	{ "DNSKEY 256 3 8 \"AAAA\"", "!\"AAAA\": expected base64 without quotes" },
	{ "DNSKEY 256 3 8", "!3 of at least 4 fields: the data ends too soon" },
	{ "NSEC3 1 0 0 - vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv",
	    "010000000014ffffffffffffffffffffffffffffffffffffffff" },
	{ "NSEC3 1 1 12 aabb 00000000000000000000000000000000 A RRSIG",
	    "0101000c02aabb1400000000000000000000000000000000000000000006400000000002" },
	{ "NSEC3 2 0 0 - 00", "02000000000100" },
	{ "NSEC3 2 0 0 - 00======", "!\"00======\": expected base32hex without padding" },
	{ "NSEC3 2 0 0 - 01", "!\"01\": expected base32hex of whole octets" },
	{ "NSEC3 2 0 0 - 000", "!\"000\": expected base32hex of whole octets" },
	{ "NSEC3 2 0 0 - 0w", "!\"0w\": expected base32hex without padding" },
	{ "NSEC3 1 0 0 - 00",
	    "!hash algorithm 1: a digest of 1 octets: expected 20, in \"1 0 0 - 00\"" },
	{ "NSEC3 1 0 0 a vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv",
	    "!\"a\": expected an even number of hexadecimal digits" },
	{ "NSEC3 1 0 0 - \"\"", "!an empty hash, in \"1 0 0 - \"\"" },
	{ "NSEC3PARAM 1 0 0 -", "0100000000" },
	{ "NSEC3PARAM 1 0 0 aabb", "0100000002aabb" },
	{ "NSEC3PARAM 1 0 0 abc", "!\"abc\": expected an even number of hexadecimal digits" },
	{ "NSEC3PARAM 1 0 0", "!3 of at least 4 fields: the data ends too soon" },
	{ "DOA 1 2 3 \"text/plain\" AAAA", "0000000100000002030a746578742f706c61696e000000" },
	{ "DOA 1 2 3 \"\" -", "00000001000000020300" },
	{ "DOA 1 2 3 \"\"", "!4 of at least 5 fields: the data ends too soon" },
	{ "SINK 1 2 3", "010203" },
	{ "SINK 1 2 3 \"\"", "!\"\": expected base64 without quotes" },
	{ "EID \"\"", "!\"\": expected hexadecimal digits without quotes" },
	/* digests as long as their kind says */
	{ "DS 1 8 1 123456789abcdef67890123456789abcdef67890",
	    "00010801123456789abcdef67890123456789abcdef67890" },
	{ "DS 1 8 1 123456789abcdef67890123456789abcdef678",
	    "!digest type 1: a digest of 19 octets: expected 20, in \"1 8 1 123456789abcdef6"
	    "7890123456789abcdef678\"" },
	{ "DS 1 8 1 123456789abcdef67890123456789abcdef6789000",
	    "!digest type 1: a digest of 21 octets: expected 20, in \"1 8 1 123456789abcdef6"
	    "7890123456789abcdef6789000\"" },
	{ "DS 1 8 2 123456789abcdef67890123456789abcdef67890",
	    "!digest type 2: a digest of 20 octets: expected 32, in \"1 8 2 123456789abcdef6"
	    "7890123456789abcdef67890\"" },
	{ "DS 1 8 4 00", "!digest type 4: a digest of 1 octets: expected 48, in \"1 8 4 00\"" },
	{ "DS 1 8 99 00", "0001086300" },
	{ "CDS 0 0 0 00", "0000000000" },
	{ "CDS 1 8 1 00", "!digest type 1: a digest of 1 octets: expected 20, in \"1 8 1 00\"" },
	{ "DLV 1 8 2 00", "!digest type 2: a digest of 1 octets: expected 32, in \"1 8 2 00\"" },
	{ "TA 1 8 2 00", "!digest type 2: a digest of 1 octets: expected 32, in \"1 8 2 00\"" },
	{ "SSHFP 1 1 00", "!fingerprint type 1: a digest of 1 octets: expected 20, in \"1 1 00\"" },
	{ "SSHFP 1 2 123456789abcdef67890123456789abcdef67890",
	    "!fingerprint type 2: a digest of 20 octets: expected 32, in \"1 2 123456789abcd"
	    "ef67890123456789abcdef67890\"" },
	{ "ZONEMD 1 1 1 00",
	    "!hash algorithm 1: a digest of 1 octets: expected 48, in \"1 1 1 00\"" },
	{ "ZONEMD 1 1 2 000102030405060708090a0b",
	    "!hash algorithm 2: a digest of 12 octets: expected 64, in \"1 1 2 0001020304050"
	    "60708090a0b\"" },
	{ "ZONEMD 1 1 240 000102030405060708090a0b", "0000000101f0000102030405060708090a0b" },
	{ "ZONEMD 1 1 240 000102030405060708090a",
	    "!a digest of 11 octets: expected 12 at least, in \"1 1 240 00010203040506070809"
	    "0a\"" },
	{ "CDNSKEY 0 3 0 AA==", "0000030000" },
	{ "KEY 49152 3 8", "c0000308" },
	{ "KEY 256 3 8", "!no key, and flags 256, which say that there is one, in \"256 3 8\"" },
	{ "RKEY 0 3 8 AAAA", "00000308000000" },
	{ "RKEY 1 3 8 AAAA", "!flags 1: expected 0, in \"1 3 8 AAAA\"" },
	/* sets of types */
	{ "CSYNC 66 3", "000000420003" },
	{ "CSYNC 0 0", "000000000000" },
	{ "CSYNC 66 3 A NS AAAA", "000000420003000460000008" },
	{ "NXT t.", "017400" },
	{ "NXT t. A MX NXT", "01740040010002" },
	{ "NXT t. TYPE127", "01740000000000000000000000000000000001" },
	{ "NXT t. TYPE128", "!\"TYPE128\": expected a record type up to 127" },
	{ "NXT t. TYPE0", "!\"TYPE0\": expected a record type up to 127" },
	{ "NSEC t. A A TYPE65535 CAA",
	    "017400000140010140ff2000000000000000000000000000000000000000000000000000000000"
	    "00000001" },
	{ "NSEC t. NXNAME", "01740000110000000000000000000000000000000080" },
	{ "NSEC t. TYPE0", "017400000180" },
	{ "NSEC t. OPT TYPE255",
	    "01740000200000000000400000000000000000000000000000000000000000000000000001" },
	{ "NSEC t. ANY",
	    "01740000200000000000000000000000000000000000000000000000000000000000000001" },
	{ "NSEC t. FOO", "!\"FOO\": expected a record type (or TYPEnnn)" },
	/* places */
	{ "LOC 51 30 12.748 N 00 07 39.611 W 0.00m 0m 0m 0m", "000000008b0d2c8c7ff8fca500989680" },
	{ "LOC 51 30 12.748 N 00 07 39.611 W 0", "001216138b0d2c8c7ff8fca500989680" },
	{ "LOC 90 N 180 W -100000.00m", "00121613934fd90059604e0000000000" },
	{ "LOC 90 S 180 E 42849672.95m 90000000.00m", "009916136cb02700a69fb200ffffffff" },
	{ "LOC 45 59 59.999 N 0 W 1m 123m 0.01m 99m", "0014109389dedaff80000000009896e4" },
	{ "LOC 45 N 0 W 1.5", "0012161389a7ec808000000000989716" },
	{ "LOC 91 N 0 W 0", "!\"91\": expected degrees up to 90" },
	{ "LOC 90 0 0.001 N 0 W 0", "!an angle of more than 90 degrees" },
	{ "LOC 45 60 N 0 W 0", "!\"60\": expected minutes below 60, or N, S, E or W" },
	{ "LOC 45. N 0 W 0", "!\"45.\": expected degrees up to 90" },
	{ "LOC 45 1. N 0 W 0", "!\"1.\": expected minutes below 60, or N, S, E or W" },
	{ "LOC 45 0 1. N 0 W 1.m", "0012161389a7f06880000000009896e4" },
	{ "LOC 45 59 60 N 0 W 0",
	    "!\"60\": expected seconds below 60, with three decimals at most" },
	{ "LOC 45 59 59.9999 N 0 W 0",
	    "!\"59.9999\": expected seconds below 60, with three decimals at most" },
	{ "LOC 45 N 180 0 0.001 W 0", "!an angle of more than 180 degrees" },
	{ "LOC 45 E 0 W 0", "!\"E\": expected minutes below 60, or N, S, E or W" },
	{ "LOC 45 N 0 W 10M", "!\"10M\": expected an altitude from -100000.00m to 42849672.95m" },
	{ "LOC 45 N 0 W -100000.01m",
	    "!\"-100000.01m\": expected an altitude from -100000.00m to 42849672.95m" },
	{ "LOC 45 N 0 W 42849672.96m",
	    "!\"42849672.96m\": expected an altitude from -100000.00m to 42849672.95m" },
	{ "LOC 45 N 0 W 1.234m",
	    "!\"1.234m\": expected an altitude from -100000.00m to 42849672.95m" },
	{ "LOC 45 N 0 W 1m 90000000.01m",
	    "!\"90000000.01m\": expected a size or precision from 0 to 90000000.00m" },
	{ "LOC 45 N 0 W 1m -1m", "!\"-1m\": expected a size or precision from 0 to 90000000.00m" },
	{ "LOC 45 N 0 W", "!the data ends too soon" },
	{ "LOC 45 N 0 W 1 2 3 4 5", "!\"5\": expected nothing more for this type" },
	{ "GPOS -32.6882 116.8652 10.0", "082d33322e36383832083131362e383635320431302e30" },
	/* lists of prefixes */
	{ "APL", "" },
	{ "APL !1:0.0.0.0/0 2:2001:db8::/32 1:192.0.2.1/24",
	    "000100800002200420010db800011804c0000201" },
	{ "APL 1:192.0.2.0/33", "!\"33\": expected a number from 0 to 32" },
	{ "APL 2:2001:db8::/129", "!\"129\": expected a number from 0 to 128" },
	{ "APL 1:192.0.2.0/-1", "!\"-1\": expected a number from 0 to 32" },
	{ "APL 3:192.0.2.0/24",
	    "!\"3:192.0.2.0/24\": expected [!]FAMILY:ADDRESS/LENGTH, with family 1 or 2" },
	{ "APL 1:192.0.2/24",
	    "!\"1:192.0.2/24\": expected [!]FAMILY:ADDRESS/LENGTH, with family 1 or 2" },
	{ "APL 1:192.0.2.0",
	    "!\"1:192.0.2.0\": expected [!]FAMILY:ADDRESS/LENGTH, with family 1 or 2" },
	{ "APL 1:/0", "!\"1:/0\": expected [!]FAMILY:ADDRESS/LENGTH, with family 1 or 2" },
	/* services */
	{ "WKS 192.0.2.1 TCP 25 80", "c0000201060000004000000000000080" },
	{ "WKS 192.0.2.1 17 domain", "c00002011100000000000004" },
	{ "WKS 192.0.2.1 6", "c000020106" },
	{ "WKS 192.0.2.1 256 1", "!\"256\": expected a number from 0 to 255" },
	{ "WKS 192.0.2.1 6 65536", "!\"65536\": expected a number from 0 to 65535" },
	{ "WKS 192.0.2.1 nothing 1", "!\"nothing\": expected a protocol: 0 to 255, or its name" },
	{ "WKS 192.0.2.1 tcp nothing",
	    "!\"nothing\": expected a port: 0 to 65535, or the name of a service" },
	{ "WKS 192.0.2.1", "!1 of at least 2 fields: the data ends too soon" },
	/* gateways and relays */
	{ "IPSECKEY 10 1 2 192.0.2.38 AQNR", "0a0102c0000226010351" },
	{ "IPSECKEY 10 0 2 . AQNR", "0a0002010351" },
	{ "IPSECKEY 10 2 2 2001:db8::1 AQNR", "0a020220010db8000000000000000000000001010351" },
	{ "IPSECKEY 10 3 2 gw AQNR", "0a0302026777017400010351" },
	{ "IPSECKEY 10 0 2 gw AQNR", "!\"gw\": expected \".\" for no gateway" },
	{ "IPSECKEY 10 4 2 . AQNR", "!gateway type 4: expected 0 to 3" },
	{ "AMTRELAY 10 0 1 203.0.113.15", "0a01cb00710f" },
	{ "AMTRELAY 10 1 0 .", "0a80" },
	{ "AMTRELAY 128 0 3 amtrelays.example.com.",
	    "800309616d7472656c617973076578616d706c6503636f6d00" },
	{ "AMTRELAY 10 0 2 2001:db8::15", "0a0220010db8000000000000000000000015" },
	{ "AMTRELAY 10 2 0 .", "!discovery: \"2\": expected a number from 0 to 1" },
	{ "AMTRELAY 10 0 4 .", "!relay type: \"4\": expected a number from 0 to 3" },
	{ "AMTRELAY 10 0 0", "!the data ends too soon" },
	{ "AMTRELAY 10 0 1 a", "!\"a\": expected an IPv4 address" },
	{ "HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdx",
	    "10020006200100107b1a74df365639cc39f1d57803010001b771" },
	{ "HIP 2 2001 AwEA Abdx rvs.example.com.",
	    "020200032001030100044162647801740003727673076578616d706c6503636f6d00" },
	{ "HIP 2 200 AwEA", "!\"200\": expected an even number of hexadecimal digits" },
	{ "HIP 256 2001 AwEA", "!algorithm: \"256\": expected a number from 0 to 255" },
	{ "HIP 2 2001", "!the data ends too soon" },
	{ "A6 0 2001:db8::1", "0020010db8000000000000000000000001" },
	{ "A6 64 ::1 a", "4000000000000000010161017400" },
	{ "A6 60 ::1:2:3:4:5 a", "3c0100020003000400050161017400" },
	{ "A6 128 a", "800161017400" },
	{ "A6 129 a", "!prefix length: \"129\": expected a number from 0 to 128" },
	{ "A6 64 ::1", "!the data ends too soon" },
	/* addresses of other kinds */
	{ "EUI48 00-00-5e-00-53-2a", "00005e00532a" },
	{ "EUI48 00-00-5e-00-53-2",
	    "!\"00-00-5e-00-53-2\": expected an address as 00-00-5e-00-53-2a" },
	{ "EUI48 00-00-5e-00-53-2a-",
	    "!\"00-00-5e-00-53-2a-\": expected an address as 00-00-5e-00-53-2a" },
	{ "EUI48 00:00:5e:00:53:2a",
	    "!\"00:00:5e:00:53:2a\": expected an address as 00-00-5e-00-53-2a" },
	{ "EUI48 00-00-5e-00-53", "!\"00-00-5e-00-53\": expected an address as 00-00-5e-00-53-2a" },
	{ "EUI64 00-00-5e-ef-10-00-00-2a", "00005eef1000002a" },
	{ "EUI64 00-00-5e-ef-10-00-00",
	    "!\"00-00-5e-ef-10-00-00\": expected an address as 00-00-5e-ef-10-00-00-2a" },
	{ "NID 10 0014:4fff:ff20:ee64", "000a00144fffff20ee64" },
	{ "NID 10 14:4fff:ff20:ee64", "000a00144fffff20ee64" },
	{ "NID 10 00014:4fff:ff20:ee64",
	    "!\"00014:4fff:ff20:ee64\": expected 64 bits as 2001:db8:1140:1000" },
	{ "NID 10 ::1", "!\"::1\": expected 64 bits as 2001:db8:1140:1000" },
	{ "L64 10 2001:db8:1140:1000", "000a20010db811401000" },
	{ "L64 10 2001:db8:1140", "!\"2001:db8:1140\": expected 64 bits as 2001:db8:1140:1000" },
	{ "L32 10 10.1.2.0", "000a0a010200" },
	/* texts */
	{ "X25 311061700956", "0c333131303631373030393536" },
	{ "X25 311", "!expected an address of at least four digits, in \"311\"" },
	{ "X25 3110x", "!expected an address of digits, in \"3110x\"" },
	{ "ISDN 150862028003217", "0f313530383632303238303033323137" },
	{ "ISDN 150862028003217 004", "0f31353038363230323830303332313703303034" },
	{ "ISDN a b c", "!\"c\": expected nothing more for this type" },
	{ "HINFO a", "!1 of at least 2 fields: the data ends too soon" },
	{ "CAA 0 issue \"ca.example.net; a=b\"",
	    "0005697373756563612e6578616d706c652e6e65743b20613d62" },
	{ "CAA 128 Tag1 \"\"", "800454616731" },
	{ "CAA 0 iss-ue a",
	    "!a tag with octet 0x2d: expected letters and digits, in \"0 iss-ue a\"" },
	{ "CAA 0 \"\" a", "!an empty tag, in \"0 \"\" a\"" },
	{ "CAA 0 issue", "!2 of at least 3 fields: the data ends too soon" },
	{ "CAA 0 issue a b", "!\"b\": expected nothing more for this type" },
	{ "URI 10 1 \"ftp://a\"", "000a00016674703a2f2f61" },
	{ "URI 10 1 \"\"", "!the data ends too soon, in \"10 1 \"\"" },
	{ "URI 10 1", "!2 of at least 3 fields: the data ends too soon" },
	{ "NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:\\\\1@b!\" .",
	    "000100020175074532552b7369700f215e2e2a24217369703a5c3140622100" },
	{ "NAPTR 1 2 u \"\" \"\" a", "00010002017500000161017400" },
	{ "RESINFO qnamemin exterr=15,16,17",
	    "08716e616d656d696e0f6578746572723d31352c31362c3137" },
	{ "WALLET \"BTC\" \"abc\"", "0342544303616263" },
	{ "AVC foo:bar", "07666f6f3a626172" },
	{ "NINFO \"a\"", "0161" },
	{ "NINFO", "!0 of at least 1 fields: the data ends too soon" },
	{ "CLA TCP-V4-V6", "095443502d56342d5636" },
	{ "SPF \"v=spf1 -all\"", "0b763d73706631202d616c6c" },
	/* types of names, of bits, of nothing */
	{ "TALINK a b", "01610174000162017400" },
	{ "RP a b", "01610174000162017400" },
	{ "MINFO a b", "01610174000162017400" },
	{ "NSAP-PTR a", "0161017400" },
	{ "NSAP-PTR \"a\"", "!name \"a\": quotes are for texts, not for names" },
	{ "HHIT AAAA", "000000" },
	{ "BRID AAAA", "000000" },
	{ "OPENPGPKEY AAAA", "000000" },
	{ "OPENPGPKEY", "!0 of at least 1 fields: the data ends too soon" },
	{ "DHCID AAAA", "000000" },
	{ "NULL \\# 1 aa", "aa" },
	{ "NULL aa", "!expected \\# and generic data (RFC 3597): the type has no form of its own" },
	{ "UINFO \\# 1 aa", "aa" },
	{ "UNSPEC aa",
	    "!expected \\# and generic data (RFC 3597): the type has no form of its own" },
	/* generic data is checked as its type */
	{ "A \\# 4 c0000201", "c0000201" },
	{ "A \\# 3 c00002", "!\\# 3: not the data of a record of type A: the data ends too soon" },
	{ "A \\# 0", "!\\# 0: not the data of a record of type A: the data ends too soon" },
	{ "A \\# 4 c0000201 00", "!\\# 4: 5 octets of data follow" },
	{ "MX \\# 4 000ac00c",
	    "!\\# 4: not the data of a record of type MX: octet 2: expected a whole domain n"
	    "ame" },
	{ "TXT \\# 3 026162", "026162" },
	{ "TXT \\# 3 036162",
	    "!\\# 3: not the data of a record of type TXT: the data ends too soon" },
	{ "TXT \\# 0", "!\\# 0: not the data of a record of type TXT: the data ends too soon" },
	{ "APL \\# 0", "" },
	{ "APL \\# 7 00011803c00002", "00011803c00002" },
	{ "APL \\# 8 00011804c0000200",
	    "!\\# 8: not the data of a record of type APL: an address of a list that ends wi"
	    "th a zero octet" },
	{ "APL \\# 4 00012100",
	    "!\\# 4: not the data of a record of type APL: /33: a longer prefix than its fam"
	    "ily has" },
	{ "LOC \\# 16 001216138b0d2c8c7ff8fca500989680", "001216138b0d2c8c7ff8fca500989680" },
	{ "LOC \\# 16 00a216138b0d2c8c7ff8fca500989680",
	    "!\\# 16: not the data of a record of type LOC: size or precision 0xa2: expected"
	    " a digit and a power of ten" },
	{ "LOC \\# 16 00121613ffffffff7ff8fca500989680",
	    "!\\# 16: not the data of a record of type LOC: a latitude past 90 or a longitud"
	    "e past 180 degrees" },
	{ "LOC \\# 15 001216138b0d2c8c7ff8fca5009896",
	    "!\\# 15: not the data of a record of type LOC: 15 octets: expected 16" },
	{ "NSEC \\# 6 017400000140", "017400000140" },
	{ "NSEC \\# 6 017400000180", "017400000180" },
	{ "RRSIG \\# 27 00ff08020000003c0000000000000000000101740000000000000a",
	    "!\\# 27: not the data of a record of type RRSIG: ANY is not a type that records"
	    " have" },
	{ "NSEC \\# 7 01740000020140", "01740000020140" },
	{ "NSEC \\# 6 017400000100",
	    "!\\# 6: not the data of a record of type NSEC: a bitmap's window that ends with"
	    " a zero octet" },
	{ "NSEC \\# 9 017400000140000140",
	    "!\\# 9: not the data of a record of type NSEC: window 0 of a bitmap behind wind"
	    "ow 0" },
	{ "NSEC3 \\# 7 01000000000100",
	    "!\\# 7: not the data of a record of type NSEC3: hash algorithm 1: a digest of 1"
	    " octets: expected 20" },
	{ "CAA \\# 5 0001616263", "0001616263" },
	{ "CAA \\# 3 000061", "!\\# 3: not the data of a record of type CAA: an empty tag" },
	{ "DS \\# 5 0001080100",
	    "!\\# 5: not the data of a record of type DS: digest type 1: a digest of 1 octet"
	    "s: expected 20" },
	{ "SVCB \\# 9 000100000300020035", "000100000300020035" },
	{ "SVCB \\# 8 0001000003000135",
	    "!\\# 8: not the data of a record of type SVCB: port: expected a port from 0 to "
	    "65535" },
	{ "SVCB \\# 15 000100000300020035000100026832",
	    "!\\# 15: not the data of a record of type SVCB: key1 behind key3: expected each"
	    " once, in order" },
	{ "SVCB \\# 15 000100000300020035000300020036",
	    "!\\# 15: not the data of a record of type SVCB: key3 behind key3: expected each"
	    " once, in order" },
	{ "SVCB \\# 7 00010000000000",
	    "!\\# 7: not the data of a record of type SVCB: mandatory: expected at least one"
	    " key" },
	{ "HIP \\# 4 00020000",
	    "!\\# 4: not the data of a record of type HIP: an empty identity tag or key" },
	{ "AMTRELAY \\# 2 0a04", "0a04" },
	{ "IPSECKEY \\# 4 0a040200",
	    "!\\# 4: not the data of a record of type IPSECKEY: gateway type 4: expected 0 t"
	    "o 3" },
	{ "A6 \\# 5 7c0f000000",
	    "!\\# 5: not the data of a record of type A6: 2 octets more than the type has" },
	{ "X25 \\# 4 03333131",
	    "!\\# 4: not the data of a record of type X25: expected an address of at least f"
	    "our digits" },
	{ "WKS \\# 6 c00002010600",
	    "!\\# 6: not the data of a record of type WKS: expected bits for the ports 0 to "
	    "65535, not ending with 0" },
	{ "URI \\# 4 000a0001",
	    "!\\# 4: not the data of a record of type URI: the data ends too soon" },
	/* SVCB: RFC 9460 appendix D */
	{ "HTTPS 0 foo.example.com.", "000003666f6f076578616d706c6503636f6d00" },
	{ "SVCB 1 .", "000100" },
	{ "SVCB 16 foo.example.com. port=53",
	    "001003666f6f076578616d706c6503636f6d00000300020035" },
	{ "SVCB 1 foo.example.com. key667=hello",
	    "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f" },
	{ "SVCB 1 foo.example.com. key667=\"hello\\210qoo\"",
	    "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f" },
	{ "SVCB 1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
	    "000103666f6f076578616d706c6503636f6d000006002020010db8000000000000000000000001"
	    "20010db8000000000000000000530001" },
	{ "SVCB 1 example.com. ipv6hint=\"2001:db8:122:344::192.0.2.33\"",
	    "0001076578616d706c6503636f6d000006001020010db80122034400000000c0000221" },
	{ "SVCB 16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
	    "001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d31"
	    "3900040004c0000201" },
	{ "SVCB 16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
	    "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832" },
	{ "SVCB 16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
	    "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832" },
	{ "SVCB 1 foo.example.com. key123=abc key123=def",
	    "!a parameter is given twice: \"key123=def\"" },
	{ "SVCB 1 foo.example.com. mandatory", "!\"mandatory\": expected a value: KEY=VALUE" },
	{ "SVCB 1 foo.example.com. alpn", "!\"alpn\": expected a value: KEY=VALUE" },
	{ "SVCB 1 foo.example.com. port", "!\"port\": expected a value: KEY=VALUE" },
	{ "SVCB 1 foo.example.com. ipv4hint", "!\"ipv4hint\": expected a value: KEY=VALUE" },
	{ "SVCB 1 foo.example.com. ipv6hint", "!\"ipv6hint\": expected a value: KEY=VALUE" },
	{ "SVCB 1 foo.example.com. no-default-alpn=abc",
	    "!\"no-default-alpn=abc\": expected no value" },
	{ "SVCB 1 foo.example.com. mandatory=key123",
	    "!key123 is mandatory and missing, in \"1 foo.example.com. mandatory=key123\"" },
	{ "SVCB 1 foo.example.com. mandatory=mandatory",
	    "!mandatory: expected other keys, not itself, in \"1 foo.example.com. mandatory="
	    "mandatory\"" },
	{ "SVCB 1 foo.example.com. mandatory=key123,key123 key123=abc",
	    "!mandatory: expected each key once, in \"1 foo.example.com. mandatory=key123,ke"
	    "y123 key123=abc\"" },
	/* SVCB: values */
	{ "SVCB 0 a. port=53", "0000016100000300020035" },
	{ "SVCB 65535 . port=0", "ffff00000300020000" },
	{ "SVCB 65536 .", "!\"65536\": expected a number from 0 to 65535" },
	{ "SVCB 1 . port=65535", "00010000030002ffff" },
	{ "SVCB 1 . port=65536", "!\"port=65536\": expected a number from 0 to 65535" },
	{ "SVCB 1 . port=-1", "!\"port=-1\": expected a number from 0 to 65535" },
	{ "SVCB 1 . port=", "!\"port=\": expected a number from 0 to 65535" },
	{ "SVCB 1 . port=1,2", "!\"port=1,2\": expected a number from 0 to 65535" },
	{ "SVCB 1 . port=\\053\\051", "!\"port=\\053\\051\": expected a number from 0 to 65535" },
	{ "SVCB 1 . PORT=53",
	    "!\"PORT=53\": expected a parameter known here by name, in lower case; others are"
	    " written keyNNNNN=VALUE with their number" },
	{ "SVCB 1 . foo=bar",
	    "!\"foo=bar\": expected a parameter known here by name, in lower case; others are"
	    " written keyNNNNN=VALUE with their number" },
	{ "SVCB 1 . \"port=53\"",
	    "!\"port=53\": expected KEY=\"VALUE\", with no quote in front of the key" },
	{ "SVCB 1 . alpn=\"h2,h3\"", "00010000010006026832026833" },
	{ "SVCB 1 . alpn=h2\\,h3", "00010000010006026832026833" },
	{ "SVCB 1 . alpn=h2\\\\,h3", "000100000100060568322c6833" },
	{ "SVCB 1 . alpn=\"h2\\\\\"",
	    "!\"alpn=\"h2\\\\\"\": expected \\\\, or \\\\\\\\ where a list has a backslash" },
	{ "SVCB 1 . alpn=\"h\\\\2\"",
	    "!\"alpn=\"h\\\\2\"\": expected \\\\, or \\\\\\\\ where a list has a backslash" },
	{ "SVCB 1 . alpn=h\"2\"", "!\"alpn=h\"2\"\": expected quotes around all of the value" },
	{ "SVCB 1 . alpn=\"h2\"x", "!\"alpn=\"h2\"x\": expected quotes around all of the value" },
	{ "SVCB 1 . alpn=h2,,h3",
	    "!\"alpn=h2,,h3\": expected items of 1 to 255 octets between commas" },
	{ "SVCB 1 . alpn=", "!\"alpn=\": expected items of 1 to 255 octets between commas" },
	{ "SVCB 1 . alpn=\\999",
	    "!\"alpn=\\999\": expected three digits up to 255 or a character behind a backslas"
	    "h" },
	{ "SVCB 1 . alpn=h2 no-default-alpn", "0001000001000302683200020000" },
	{ "SVCB 1 . alpn=h2 no-default-alpn=\"\"", "0001000001000302683200020000" },
	{ "SVCB 1 . no-default-alpn", "!no-default-alpn without alpn, in \"1 . no-default-alpn\"" },
	{ "SVCB 1 . alpn=h2 alpn=h3", "!a parameter is given twice: \"alpn=h3\"" },
	{ "SVCB 1 . port=53 alpn=h2", "00010000010003026832000300020035" },
	{ "SVCB 1 . mandatory=port,alpn port=1 alpn=h2",
	    "000100000000040001000300010003026832000300020001" },
	{ "SVCB 1 . mandatory=alpn,alpn alpn=h2",
	    "!mandatory: expected each key once, in \"1 . mandatory=alpn,alpn alpn=h2\"" },
	{ "SVCB 1 . mandatory=alpn,mandatory alpn=h2",
	    "!mandatory: expected other keys, not itself, in \"1 . mandatory=alpn,mandatory "
	    "alpn=h2\"" },
	{ "SVCB 1 . mandatory=alpn",
	    "!key1 is mandatory and missing: alpn, in \"1 . mandatory=alpn\"" },
	{ "SVCB 1 . mandatory= alpn=h2",
	    "!\"mandatory=\": expected parameters by name, or keyNNNNN" },
	{ "SVCB 1 . mandatory=key667 key666=a key668=b",
	    "!key667 is mandatory and missing, in \"1 . mandatory=key667 key666=a key668=b\"" },
	{ "SVCB 1 . ipv4hint=192.0.2.1,192.0.2.2", "00010000040008c0000201c0000202" },
	{ "SVCB 1 . ipv4hint=192.0.2.1,", "!\"ipv4hint=192.0.2.1,\": expected an IPv4 address" },
	{ "SVCB 1 . ipv4hint=\"192.0.2.1, 192.0.2.2\"",
	    "!\"ipv4hint=\"192.0.2.1, 192.0.2.2\"\": expected an IPv4 address" },
	{ "SVCB 1 . ipv4hint=2001:db8::1", "!\"ipv4hint=2001:db8::1\": expected an IPv4 address" },
	{ "SVCB 1 . ipv6hint=192.0.2.1", "!\"ipv6hint=192.0.2.1\": expected an IPv6 address" },
	{ "SVCB 1 . ech=AAAA", "00010000050003000000" },
	{ "SVCB 1 . ech=AAA", "!base64 of 3 characters: expected a multiple of 4" },
	{ "SVCB 1 . ech=", "!ech: expected a value in base64, in \"1 . ech=\"" },
	{ "SVCB 1 . dohpath=/dns-query{?dns}", "000100000700102f646e732d71756572797b3f646e737d" },
	{ "SVCB 1 . dohpath=\"/{&a,dns}\"", "000100000700092f7b26612c646e737d" },
	{ "SVCB 1 . dohpath=",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . dohpath=\"" },
	{ "SVCB 1 . dohpath=/dns-query",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . dohpath=/dns-"
	    "query\"" },
	{ "SVCB 1 . dohpath=/q{?mydns}",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . dohpath=/q{?m"
	    "ydns}\"" },
	{ "SVCB 1 . dohpath=q{?dns}",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . dohpath=q{?dn"
	    "s}\"" },
	{ "SVCB 1 . dohpath=/\\255{?dns}",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . dohpath=/\\255"
	    "{?dns}\"" },
	{ "SVCB 1 . dohpath=/\\195\\169{?dns}", "000100000700092fc3a97b3f646e737d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/a b{?dns}\"",
	    "000100000100030268320007000a2f6120627b3f646e737d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/}{?dns}\"",
	    "00010000010003026832000700082f7d7b3f646e737d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dns\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?dns\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dns}{\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?dns}{\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dns}{}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?dns}{}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dns,}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?dns,}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dns*}\"",
	    "00010000010003026832000700082f7b3f646e732a7d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dns:3}\"",
	    "00010000010003026832000700092f7b3f646e733a337d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dns:99999}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?dns:99999}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{=dns}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{=dns}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dns,é}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?dns,??}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/é{?dns}\"",
	    "00010000010003026832000700092fc3a97b3f646e737d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/<{?dns}\"",
	    "00010000010003026832000700082f3c7b3f646e737d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/%zz{?dns}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/%zz{?dns}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?%64ns,dns}\"",
	    "000100000100030268320007000d2f7b3f2536346e732c646e737d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?a.b,dns}\"",
	    "000100000100030268320007000b2f7b3f612e622c646e737d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?.b,dns}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?.b,dns}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{+dns}\"", "00010000010003026832000700072f7b2b646e737d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/\\000{?dns}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/\\000{?dns}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?{dns}}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?{dns}}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dns}x\"",
	    "00010000010003026832000700082f7b3f646e737d78" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?DNS}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?DNS}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/{?dnsx}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/{?dnsx}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/dns{?a}\"",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . alpn=h2 dohpa"
	    "th=\"/dns{?a}\"\"" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"//{?dns}\"",
	    "00010000010003026832000700082f2f7b3f646e737d" },
	{ "HTTPS 1 . alpn=h2 dohpath=\"/\\127{?dns}\"",
	    "00010000010003026832000700082f7f7b3f646e737d" },
	{ "SVCB 1 . alpn=h2 ohttp", "0001000001000302683200080000" },
	{ "SVCB 1 . ohttp=1", "!\"ohttp=1\": expected no value" },
	{ "SVCB 1 . tls-supported-groups=29,23", "00010000090004001d0017" },
	{ "SVCB 1 . tls-supported-groups=29,29",
	    "!tls-supported-groups: expected no number twice, in \"1 . tls-supported-groups="
	    "29,29\"" },
	{ "SVCB 1 . tls-supported-groups=65536",
	    "!\"tls-supported-groups=65536\": expected a number from 0 to 65535" },
	{ "SVCB 1 . tls-supported-groups",
	    "!\"tls-supported-groups\": expected a value: KEY=VALUE" },
	{ "SVCB 1 . docpath", "000100000a0000" },
	{ "SVCB 1 . docpath=dns,b\\\\,c", "000100000a000803646e7303622c63" },
	{ "SVCB 1 . docpath=a,,b",
	    "!\"docpath=a,,b\": expected items of 1 to 255 octets between commas" },
	/* SVCB: keys by number */
	{ "SVCB 1 . key1=\"\\002h2\"", "00010000010003026832" },
	{ "SVCB 1 . key1=\\003h2",
	    "!alpn: expected texts of 1 to 255 octets, in \"1 . key1=\\003h2\"" },
	{ "SVCB 1 . key1=h2", "!alpn: expected texts of 1 to 255 octets, in \"1 . key1=h2\"" },
	{ "SVCB 1 . key3=\"\\0005\"", "000100000300020035" },
	{ "SVCB 1 . key3=\"\\000\\053\"", "000100000300020035" },
	{ "SVCB 1 . key3=5", "!port: expected a port from 0 to 65535, in \"1 . key3=5\"" },
	{ "SVCB 1 . key4=\"\\001\\002\\003\\004\"", "0001000004000401020304" },
	{ "SVCB 1 . key4=\"\\001\\002\\003\"",
	    "!ipv4hint: expected IPv4 addresses, in \"1 . key4=\"\\001\\002\\003\"\"" },
	{ "SVCB 1 . key6=a", "!ipv6hint: expected IPv6 addresses, in \"1 . key6=a\"" },
	{ "SVCB 1 . key0=\\000\\001 alpn=h2", "00010000000002000100010003026832" },
	{ "SVCB 1 . key0=\\000\\000",
	    "!mandatory: expected other keys, not itself, in \"1 . key0=\\000\\000\"" },
	{ "SVCB 1 . key2=a alpn=h2",
	    "!no-default-alpn: expected no value, in \"1 . key2=a alpn=h2\"" },
	{ "SVCB 1 . key5=", "!ech: expected a value in base64, in \"1 . key5=\"" },
	{ "SVCB 1 . key7=a",
	    "!dohpath: expected a URI template like /dns-query{?dns}, in \"1 . key7=a\"" },
	{ "SVCB 1 . key8 alpn=h2", "0001000001000302683200080000" },
	{ "SVCB 1 . key8=a", "!ohttp: expected no value, in \"1 . key8=a\"" },
	{ "SVCB 1 . key10=\\003dns", "000100000a000403646e73" },
	{ "SVCB 1 . port=1 key3=ab", "!a parameter is given twice: \"key3=ab\"" },
	{ "SVCB 1 . key01=h2",
	    "!\"key01=h2\": expected a parameter known here by name, in lower case; others ar"
	    "e written keyNNNNN=VALUE with their number" },
	{ "SVCB 1 . key65535=a", "000100ffff000161" },
	{ "SVCB 1 . key65536=a",
	    "!\"key65536=a\": expected a parameter known here by name, in lower case; others "
	    "are written keyNNNNN=VALUE with their number" },
	{ "SVCB 1 . key=a",
	    "!\"key=a\": expected a parameter known here by name, in lower case; others are w"
	    "ritten keyNNNNN=VALUE with their number" },
	{ "SVCB 1 . key667", "000100029b0000" },
	{ "SVCB 1 . key667=", "000100029b0000" },
	{ "SVCB 1 . key667=\"a b;c\"", "000100029b00056120623b63" },
};

/* Reads "TYPE DATA" with the origin t.  What becomes of it in r->data, or in err. */
static int
read_record(struct rdata *r, const char *text, struct err *err)
{
	struct master_text t;
	int rc;

	master_text_open(&t, text, strlen(text));
	if (master_text_next(&t, err) != 1)
		rc = -1;
	else if (!rdata_type(r, &t.tokens[0], &r->type))
		rc = err_set(err, "no such type");
	else {
		r->origin = (const uint8_t *)"\1t";
		rc = rdata_read(r, t.tokens + 1, t.n_tokens - 1, err);
	}
	master_text_close(&t);
	return rc;
}

/* What became of it, as in the table. */
static char *
shown(const struct rdata *r, int rc, const struct err *err)
{
	size_t room = 2 * (size_t)r->len + sizeof(err->text) + 2;
	char *out = malloc(room);

	assert_non_null(out);
	out[0] = '\0';
	if (rc != 0)
		snprintf(out, room, "!%s", err->text);
	for (uint32_t i = 0; rc == 0 && i < r->len; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", r->data[i]);
	return out;
}

static void
text_becomes_octets(void **state)
{
	struct rdata *r = calloc(1, sizeof(*r));
	unsigned wrong = 0;

	(void)state;
	assert_non_null(r);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct err err = { .text = "" };
		char *got = shown(r, read_record(r, records[i].text, &err), &err);
		if (strcmp(got, records[i].expected) != 0) {
			wrong++;
			print_error("%s: expected \"%s\", got \"%s\"\n", records[i].text,
			    records[i].expected, got);
		}
		free(got);
	}
	free(r);
	assert_int_equal(wrong, 0);
}

/* What text becomes is accepted as octets too; no beginning of it is read past its end. */
static void
octets_are_checked_alike(void **state)
{
	struct rdata *r = calloc(1, sizeof(*r));
	char generic[2048];

	(void)state;
	assert_non_null(r);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct err err = { .text = "" };
		uint8_t *cut;
		uint16_t type;
		if (records[i].expected[0] == '!')
			continue;
		assert_int_equal(read_record(r, records[i].text, &err), 0);
		type = r->type;
		snprintf(generic, sizeof(generic), "TYPE%u \\# %u %s", type, r->len,
		    strlen(records[i].expected) < 2000 ? records[i].expected : "");
		assert_int_equal(rdata_types_check(type, r->data, r->len, &err), 0);
		/* every beginning is looked at within its own bounds (address sanitizer) */
		for (uint32_t len = 0; len < r->len && len < 300; len++) {
			cut = malloc(len + 1u);
			assert_non_null(cut);
			memcpy(cut, r->data, len);
			rdata_types_check(type, cut, len, &err);
			free(cut);
		}
		if (strlen(records[i].expected) < 2000)
			assert_int_equal(read_record(r, generic, &err), 0);
	}
	free(r);
}

/* Types without a row, and the reason for those with one. */
static void
unknown_types_hold_any_octets(void **state)
{
	static const uint8_t octets[] = { 1, 2, 3 };
	struct err err = { .text = "" };

	(void)state;
	assert_int_equal(rdata_types_check(65280, octets, sizeof(octets), &err), 0);
	assert_int_equal(rdata_types_check(65280, octets, 0, &err), 0);
	assert_int_equal(rdata_types_check(10, octets, sizeof(octets), &err), 0);
	assert_int_equal(rdata_types_check(1, octets, sizeof(octets), &err), -1);
	assert_string_equal(err.text, "the data ends too soon");
	assert_int_equal(rdata_types_check(1, octets, 0, NULL), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_octets),
		cmocka_unit_test(octets_are_checked_alike),
		cmocka_unit_test(unknown_types_hold_any_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
