#include "common/rdata/rdata_words.h"

#include "common/dns/dns.h"
#include "common/rdata/rdata_field.h"

struct zone_word {
	uint16_t number;
	const char *name;
};

static const struct zone_word algorithms[] = {
	{ 1, "RSAMD5" }, { 2, "DH" }, { 3, "DSA" }, { 5, "RSASHA1" },
	{ 6, "DSA-NSEC3-SHA1" }, { 6, "NSEC3DSA" },
	{ 7, "RSASHA1-NSEC3-SHA1" }, { 7, "NSEC3RSASHA1" },
	{ 8, "RSASHA256" }, { 10, "RSASHA512" }, { 12, "ECC-GOST" }, { 12, "ECCGOST" },
	{ 13, "ECDSAP256SHA256" }, { 14, "ECDSAP384SHA384" }, { 15, "ED25519" }, { 16, "ED448" },
	{ 17, "SM2SM3" }, { 23, "ECC-GOST12" },
	{ 252, "INDIRECT" }, { 253, "PRIVATEDNS" }, { 254, "PRIVATEOID" }, { 0, NULL }
};

static const struct zone_word certificates[] = {
	{ 1, "PKIX" }, { 2, "SPKI" }, { 3, "PGP" }, { 4, "IPKIX" }, { 5, "ISPKI" }, { 6, "IPGP" },
	{ 7, "ACPKIX" }, { 8, "IACPKIX" }, { 253, "URI" }, { 254, "OID" }, { 0, NULL }
};

static const struct zone_word usages[] = {
	{ 0, "PKIX-TA" }, { 1, "PKIX-EE" }, { 2, "DANE-TA" }, { 3, "DANE-EE" },
	{ 255, "PrivCert" }, { 0, NULL }
};

static const struct zone_word selectors[] = {
	{ 0, "Cert" }, { 1, "SPKI" }, { 255, "PrivSel" }, { 0, NULL }
};

static const struct zone_word matchings[] = {
	{ 0, "Full" }, { 1, "SHA2-256" }, { 2, "SHA2-512" }, { 255, "PrivMatch" }, { 0, NULL }
};

static const struct zone_word schemes[] = { { 1, "NOTIFY" }, { 0, NULL } };

/* A word of the list, or digits: a number of one or two octets. */
static int
read_word(struct rdata *r, const struct zone_word *words, unsigned octets,
    const char *expected)
{
	uint8_t wire[2];

	if (!r->tok->quoted && r->tok->len != 0 && r->tok->s[0] >= '0' && r->tok->s[0] <= '9')
		return octets == 1 ? rdata_field_u8(r) : rdata_field_u16(r);
	for (; words->name != NULL; words++)
		if (master_token_is(r->tok, words->name)) {
			dns_put16(wire, words->number);
			r->tok++;
			return rdata_field_put(r, wire + 2 - octets, octets);
		}
	return rdata_field_bad(r, expected);
}

int
rdata_words_algorithm(struct rdata *r)
{
	return read_word(r, algorithms, 1, "an algorithm: 0 to 255, or its name");
}

int
rdata_words_certificate(struct rdata *r)
{
	return read_word(r, certificates, 2, "a type of certificate: 0 to 65535, or its name");
}

int
rdata_words_usage(struct rdata *r)
{
	return read_word(r, usages, 1, "a certificate usage: 0 to 255, or its name");
}

int
rdata_words_selector(struct rdata *r)
{
	return read_word(r, selectors, 1, "a selector: 0 to 255, or its name");
}

int
rdata_words_matching(struct rdata *r)
{
	return read_word(r, matchings, 1, "a matching type: 0 to 255, or its name");
}

int
rdata_words_scheme(struct rdata *r)
{
	return read_word(r, schemes, 1, "a scheme: 0 to 255, or NOTIFY");
}
