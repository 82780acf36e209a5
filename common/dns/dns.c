#include "common/dns/dns.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct word {
	uint16_t number;
	const char *name;
};

/* What IANA registers, those included that nobody uses any more: they stand in old zones. */
static const struct word types[] = {
	{ DNS_A, "A" }, { DNS_NS, "NS" }, { 3, "MD" }, { 4, "MF" }, { DNS_CNAME, "CNAME" },
	{ DNS_SOA, "SOA" }, { 7, "MB" }, { 8, "MG" }, { 9, "MR" }, { 10, "NULL" }, { 11, "WKS" },
	{ DNS_PTR, "PTR" }, { DNS_HINFO, "HINFO" }, { 14, "MINFO" }, { DNS_MX, "MX" },
	{ DNS_TXT, "TXT" }, { 17, "RP" }, { 18, "AFSDB" }, { 19, "X25" }, { 20, "ISDN" },
	{ 21, "RT" }, { 22, "NSAP" }, { 23, "NSAP-PTR" }, { 24, "SIG" }, { 25, "KEY" },
	{ 26, "PX" }, { 27, "GPOS" }, { DNS_AAAA, "AAAA" }, { 29, "LOC" }, { 30, "NXT" },
	{ 31, "EID" }, { 32, "NIMLOC" }, { DNS_SRV, "SRV" }, { 34, "ATMA" },
	{ DNS_NAPTR, "NAPTR" }, { 36, "KX" }, { 37, "CERT" }, { 38, "A6" }, { DNS_DNAME, "DNAME" },
	{ 40, "SINK" }, { DNS_OPT, "OPT" }, { 42, "APL" }, { DNS_DS, "DS" }, { 44, "SSHFP" },
	{ 45, "IPSECKEY" }, { DNS_RRSIG, "RRSIG" }, { DNS_NSEC, "NSEC" }, { DNS_DNSKEY, "DNSKEY" },
	{ 49, "DHCID" }, { DNS_NSEC3, "NSEC3" }, { DNS_NSEC3PARAM, "NSEC3PARAM" }, { 52, "TLSA" },
	{ 53, "SMIMEA" }, { 55, "HIP" }, { 56, "NINFO" }, { 57, "RKEY" }, { 58, "TALINK" },
	{ 59, "CDS" }, { 60, "CDNSKEY" }, { 61, "OPENPGPKEY" }, { 62, "CSYNC" }, { 63, "ZONEMD" },
	{ DNS_SVCB, "SVCB" }, { DNS_HTTPS, "HTTPS" }, { 66, "DSYNC" }, { 67, "HHIT" },
	{ 68, "BRID" }, { 99, "SPF" }, { 100, "UINFO" }, { 101, "UID" }, { 102, "GID" },
	{ 103, "UNSPEC" }, { 104, "NID" }, { 105, "L32" }, { 106, "L64" }, { 107, "LP" },
	{ 108, "EUI48" }, { 109, "EUI64" }, { 128, "NXNAME" }, { DNS_TKEY, "TKEY" },
	{ DNS_TSIG, "TSIG" }, { DNS_IXFR, "IXFR" }, { DNS_AXFR, "AXFR" }, { DNS_MAILB, "MAILB" },
	{ DNS_MAILA, "MAILA" }, { DNS_ANY, "ANY" }, { 256, "URI" }, { 257, "CAA" }, { 258, "AVC" },
	{ 259, "DOA" }, { 260, "AMTRELAY" }, { 261, "RESINFO" }, { 262, "WALLET" }, { 263, "CLA" },
	{ 264, "IPN" }, { 32768, "TA" }, { 32769, "DLV" },
};

static const struct word rcodes[] = {
	{ DNS_NOERROR, "NOERROR" }, { DNS_FORMERR, "FORMERR" }, { DNS_SERVFAIL, "SERVFAIL" },
	{ DNS_NXDOMAIN, "NXDOMAIN" }, { DNS_NOTIMP, "NOTIMP" }, { DNS_REFUSED, "REFUSED" },
	{ DNS_YXDOMAIN, "YXDOMAIN" }, { 7, "YXRRSET" }, { 8, "NXRRSET" },
	{ DNS_NOTAUTH, "NOTAUTH" }, { 10, "NOTZONE" }, { DNS_BADVERS, "BADVERS" },
	{ DNS_BADCOOKIE, "BADCOOKIE" },
};

static int
number_of(const struct word *words, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(words[i].name, name) == 0)
			return words[i].number;
	return -1;
}

static const char *
name_of(const struct word *words, size_t n, uint16_t number)
{
	for (size_t i = 0; i < n; i++)
		if (words[i].number == number)
			return words[i].name;
	return NULL;
}

#define WORDS(table) (table), sizeof(table) / sizeof((table)[0])

int
dns_type_number(const char *text)
{
	const char *digits = text + 4;
	size_t n;
	unsigned number;

	if (strncasecmp(text, "TYPE", 4) != 0)
		return number_of(WORDS(types), text);
	n = strspn(digits, "0123456789");
	if (n == 0 || n > 5 || digits[n] != '\0')
		return -1;
	sscanf(digits, "%u", &number);
	return number <= UINT16_MAX ? (int)number : -1;
}

char *
dns_type_text(char out[DNS_TYPE_TEXT], uint16_t type)
{
	const char *name = name_of(WORDS(types), type);

	if (name != NULL)
		snprintf(out, DNS_TYPE_TEXT, "%s", name);
	else
		snprintf(out, DNS_TYPE_TEXT, "TYPE%u", type);
	return out;
}

int
dns_rcode_number(const char *text)
{
	return number_of(WORDS(rcodes), text);
}

char *
dns_rcode_text(char out[DNS_RCODE_TEXT], uint16_t rcode)
{
	const char *name = name_of(WORDS(rcodes), rcode);

	if (name != NULL)
		snprintf(out, DNS_RCODE_TEXT, "%s", name);
	else
		snprintf(out, DNS_RCODE_TEXT, "rcode %u", rcode);
	return out;
}
