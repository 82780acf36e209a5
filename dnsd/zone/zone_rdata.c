#include "dnsd/zone/zone_rdata.h"

#include <assert.h>
#include <sys/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "common/dns/dns.h"
#include "dnsd/zone/zone_field.h"

bool
zone_rdata_type(struct zone_rdata *r, const struct zone_token *tok, uint16_t *type)
{
	char name[12] = "";
	unsigned slot = 0;
	int number;

	if (tok->quoted || tok->len == 0 || tok->len >= sizeof(name))
		return false;
	for (uint32_t i = 0; i < tok->len; i++) {
		name[i] = tok->s[i];
		slot = slot * 31 + (uint8_t)name[i];
	}
	slot %= sizeof(r->known) / sizeof(r->known[0]);
	if (memcmp(r->known[slot].name, name, sizeof(name)) != 0) {
		memcpy(r->known[slot].name, name, sizeof(name));
		number = dns_type_number(name);
		r->known[slot].type = number > 0 ? (uint16_t)number : 0;
	}
	*type = r->known[slot].type;
	return *type != 0;
}

bool
zone_rdata_meta(uint16_t type)
{
	return type == 0 || type == DNS_OPT || (type >= 128 && type <= 255) || type == UINT16_MAX;
}

/* Copies `n` tokens into r->text with `between` between them.  Quotes that the splitter
 * took off stay off.  Octets written, or -1. */
static int
join(struct zone_rdata *r, uint32_t n, const char *between)
{
	size_t at = 0, gap = strlen(between);

	for (; n > 0; n--, r->tok++) {
		if (r->tok->quoted)
			return zone_field_bad(r, "no quotes here");
		if (r->tok->len > sizeof(r->text) - at - gap - 1)
			return err_set(r->err, "more than 65535 octets of data");
		memcpy(r->text + at, r->tok->s, r->tok->len);
		at += r->tok->len;
		if (n > 1) {
			memcpy(r->text + at, between, gap);
			at += gap;
		}
	}
	r->text[at] = '\0';
	return (int)at;
}

/* Hands r->text to ldns's reader of one kind of field. */
static int
convert(struct zone_rdata *r, ldns_rdf_type kind, const char *expected)
{
	const struct zone_token shown = { .s = r->text, .len = (uint32_t)strlen(r->text) };
	char cut[ZONE_TOKEN_SHOWN];
	ldns_rdf *rdf = ldns_rdf_new_frm_str(kind, r->text);
	int rc;

	if (rdf == NULL)
		return err_set(r->err, "\"%s\": expected %s", zone_token_show(cut, &shown),
		    expected);
	rc = zone_field_put(r, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
	ldns_rdf_deep_free(rdf);
	return rc;
}

/* Base64 to the end of the entry, or one token of it. */
static int
read_base64(struct zone_rdata *r, uint32_t n)
{
	int len = join(r, n, "");

	if (len < 0)
		return -1;
	if (len % 4 != 0)
		return err_set(r->err, "base64 of %d characters: expected a multiple of 4", len);
	return convert(r, LDNS_RDF_TYPE_B64, "base64");
}

/* A bitmap of types (RFC 4034 4.1.2); possibly none. */
static int
read_bitmap(struct zone_rdata *r)
{
	uint32_t n = (uint32_t)(r->end - r->tok);
	uint16_t type;

	for (uint32_t i = 0; i < n; i++) {
		const struct zone_token *tok = r->tok + i;
		if (!zone_rdata_type(r, tok, &type)) {
			r->tok = tok;
			return zone_field_bad(r, "a record type");
		}
	}
	if (n > 4096)
		return err_set(r->err, "a bitmap of more than 4096 types");
	if (n == 0)
		return 0;
	return join(r, n, " ") < 0 ? -1 : convert(r, LDNS_RDF_TYPE_NSEC, "record types");
}

static int
read_type(struct zone_rdata *r)
{
	uint8_t wire[2];
	uint16_t type;

	if (!zone_rdata_type(r, r->tok, &type))
		return zone_field_bad(r, "a record type");
	dns_put16(wire, type);
	r->tok++;
	return zone_field_put(r, wire, 2);
}

/* 20251121031500 or seconds since 1970 (RFC 4034 3.2). */
static int
read_time(struct zone_rdata *r)
{
	for (uint32_t i = 0; i < r->tok->len; i++)
		if (r->tok->s[i] < '0' || r->tok->s[i] > '9')
			return zone_field_bad(r, "YYYYMMDDHHMMSS or seconds since 1970");
	if (r->tok->len <= 10)
		return zone_field_number(r, 4);
	if (r->tok->len != 14)
		return zone_field_bad(r, "YYYYMMDDHHMMSS or seconds since 1970");
	return join(r, 1, "") < 0 ? -1 : convert(r, LDNS_RDF_TYPE_TIME, "YYYYMMDDHHMMSS");
}

/* An octet, or a word for it that ldns knows. */
static int
read_mnemonic(struct zone_rdata *r, ldns_rdf_type kind)
{
	if (r->tok->len != 0 && r->tok->s[0] >= '0' && r->tok->s[0] <= '9')
		return zone_field_number(r, kind == LDNS_RDF_TYPE_CERT_ALG ? 2 : 1);
	return join(r, 1, "") < 0 ? -1 : convert(r, kind, "a number or its mnemonic");
}

/* The gateway of IPSECKEY (RFC 4025 2.5). */
static int
read_gateway(struct zone_rdata *r, unsigned kind)
{
	if (kind > 3)
		return err_set(r->err, "gateway type %u: expected 0 to 3", kind);
	if (r->tok == r->end)
		return err_set(r->err, "no gateway: the data ends too soon");
	if (kind == 1 || kind == 2)
		return zone_field_address(r, kind == 1 ? AF_INET : AF_INET6);
	if (kind == 3)
		return zone_field_name(r);
	if (!zone_token_is(r->tok, "."))
		return zone_field_bad(r, "\".\" for no gateway");
	r->tok++;
	return 0;
}

static int
read_ipseckey(struct zone_rdata *r)
{
	uint32_t start = r->len;

	for (unsigned i = 0; i < 3; i++)
		if (r->tok == r->end)
			return err_set(r->err, "the data ends too soon");
		else if (zone_field_number(r, 1) != 0)
			return -1;
	if (read_gateway(r, r->data[start + 1]) != 0)
		return -1;
	return r->tok == r->end ? 0 : read_base64(r, (uint32_t)(r->end - r->tok));
}

/* 1:192.0.2.0/24 (RFC 3123): ldns reads the address and takes any prefix length. */
static int
read_apl(struct zone_rdata *r)
{
	const char *s = r->tok->s, *slash = memchr(s, '/', r->tok->len);
	struct zone_token digits;
	unsigned family6;
	uint64_t v;

	if (slash == NULL || r->tok->len < 3)
		return zone_field_bad(r, "[!]FAMILY:ADDRESS/LENGTH");
	s += *s == '!';
	if ((*s != '1' && *s != '2') || s[1] != ':')
		return zone_field_bad(r, "address family 1 or 2");
	family6 = *s == '2';
	digits = *r->tok;
	digits.s = slash + 1;
	digits.len = r->tok->len - (uint32_t)(digits.s - r->tok->s);
	if (zone_token_number(&digits, family6 ? 128 : 32, &v, r->err) != 0)
		return -1;
	return join(r, 1, "") < 0 ? -1 : convert(r, LDNS_RDF_TYPE_APL, "[!]FAMILY:ADDRESS/LENGTH");
}

/* WKS (RFC 1035 3.4.2): protocol and ports, by number or name. */
static int
read_wks(struct zone_rdata *r)
{
	uint32_t n = (uint32_t)(r->end - r->tok);
	uint64_t v;

	if (n == 0 || n > 4096)
		return err_set(r->err, "WKS: expected a protocol and its ports");
	for (uint32_t i = 0; i < n; i++) {
		const struct zone_token *tok = r->tok + i;
		for (uint32_t k = 0; k < tok->len; k++)
			if (strchr("()\\\";", tok->s[k]) != NULL) {
				r->tok = tok;
				return zone_field_bad(r, "a port or the name of a service");
			}
		if (tok->len != 0 && tok->s[0] >= '0' && tok->s[0] <= '9' &&
		    zone_token_number(tok, i == 0 ? 255 : 65535, &v, r->err) != 0)
			return -1;
	}
	return join(r, n, " ") < 0 ? -1 : convert(r, LDNS_RDF_TYPE_WKS, "a protocol and its ports");
}

/* What RFC 9460 2.1 and 8 ask of the parameters and ldns does not. */
static int
check_svcparams(const struct zone_rdata *r, uint32_t start)
{
	const uint8_t *at = r->data + start, *end = r->data + r->len, *mandatory = NULL;
	uint8_t keys[65536 / 8] = { 0 };

	for (; end - at >= 4; at += 4 + dns_get16(at + 2)) {
		uint16_t key = dns_get16(at);
		if ((keys[key / 8] & 1 << key % 8) != 0)
			return err_set(r->err, "a parameter is given twice");
		keys[key / 8] |= (uint8_t)(1 << key % 8);
		if (key == 0)
			mandatory = at + 2;
	}
	for (unsigned i = 0; mandatory != NULL && i < dns_get16(mandatory); i += 2) {
		uint16_t key = dns_get16(mandatory + 2 + i);
		if (key == 0 || (keys[key / 8] & 1 << key % 8) == 0)
			return err_set(r->err, "key%u is mandatory and missing", key);
	}
	return 0;
}

static int
read_svcparams(struct zone_rdata *r)
{
	uint32_t n = (uint32_t)(r->end - r->tok), start = r->len;

	if (join(r, n, " ") < 0)
		return -1;
	if (strlen(r->text) > 60000)
		return err_set(r->err, "parameters of more than 60000 characters");
	if (convert(r, LDNS_RDF_TYPE_SVCPARAMS, "parameters as in RFC 9460") != 0)
		return -1;
	return check_svcparams(r, start);
}

/* Whatever else ldns reads: one token, or all that is left where the field may hold blanks. */
static int
read_other(struct zone_rdata *r, ldns_rdf_type kind)
{
	uint32_t n = 1;

	if (kind == LDNS_RDF_TYPE_NSEC3_SALT && r->tok->len > 510)
		return zone_field_bad(r, "a salt of at most 255 octets");
	if (kind == LDNS_RDF_TYPE_LOC)
		n = (uint32_t)(r->end - r->tok);
	else if (kind == LDNS_RDF_TYPE_HIP)
		n = r->end - r->tok < 3 ? (uint32_t)(r->end - r->tok) : 3;
	if (join(r, n, " ") < 0)
		return -1;
	if (strlen(r->text) > 60000)		/* ldns copies pieces into buffers of 65535 */
		return err_set(r->err, "a field of more than 60000 characters");
	return convert(r, kind, "a value that this type can hold");
}

static int
read_field(struct zone_rdata *r, ldns_rdf_type kind)
{
	switch (kind) {
	case LDNS_RDF_TYPE_DNAME:
		return zone_field_name(r);
	case LDNS_RDF_TYPE_INT8:
		return zone_field_number(r, 1);
	case LDNS_RDF_TYPE_INT16:
		return zone_field_number(r, 2);
	case LDNS_RDF_TYPE_INT32:
		return zone_field_number(r, 4);
	case LDNS_RDF_TYPE_PERIOD:
		return zone_field_period(r);
	case LDNS_RDF_TYPE_A:
		return zone_field_address(r, AF_INET);
	case LDNS_RDF_TYPE_AAAA:
		return zone_field_address(r, AF_INET6);
	case LDNS_RDF_TYPE_STR:
		return zone_field_string(r, false);
	case LDNS_RDF_TYPE_LONG_STR:
		return zone_field_string(r, true);
	case LDNS_RDF_TYPE_HEX:
		return zone_field_hex(r);
	case LDNS_RDF_TYPE_B64:
		return read_base64(r, (uint32_t)(r->end - r->tok));
	case LDNS_RDF_TYPE_NSEC:
		return read_bitmap(r);
	case LDNS_RDF_TYPE_TYPE:
		return read_type(r);
	case LDNS_RDF_TYPE_TIME:
		return read_time(r);
	case LDNS_RDF_TYPE_CERT_ALG:
	case LDNS_RDF_TYPE_ALG:
	case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
	case LDNS_RDF_TYPE_SELECTOR:
	case LDNS_RDF_TYPE_MATCHING_TYPE:
		return read_mnemonic(r, kind);
	case LDNS_RDF_TYPE_IPSECKEY:
		return read_ipseckey(r);
	case LDNS_RDF_TYPE_APL:
		return read_apl(r);
	case LDNS_RDF_TYPE_WKS:
		return read_wks(r);
	case LDNS_RDF_TYPE_SVCPARAMS:
		return read_svcparams(r);
	default:
		return read_other(r, kind);
	}
}

/* True when ldns reads the data as this type and writes the same octets again. */
static bool
well_formed(const struct zone_rdata *r, const ldns_rr_descriptor *desc)
{
	uint8_t *wire = malloc(r->len + 2u);
	ldns_rr *rr = ldns_rr_new();
	size_t pos = 0, at = 0;
	bool same = wire != NULL && rr != NULL;

	if (same) {
		dns_put16(wire, (uint16_t)r->len);
		memcpy(wire + 2, r->data, r->len);
		ldns_rr_set_type(rr, r->type);
		same = ldns_wire2rdf(rr, wire, r->len + 2u, &pos) == LDNS_STATUS_OK &&
		    ldns_rr_rd_count(rr) >= ldns_rr_descriptor_minimum(desc);
	}
	for (size_t i = 0; same && i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *f = ldns_rr_rdf(rr, i);
		size_t n = ldns_rdf_size(f);
		same = n <= r->len - at &&
		    (n == 0 || memcmp(ldns_rdf_data(f), r->data + at, n) == 0);
		at += n;
	}
	same = same && at == r->len;
	if (rr != NULL)
		ldns_rr_free(rr);
	free(wire);
	return same;
}

/* \# LENGTH HEX (RFC 3597 section 5). */
static int
read_generic(struct zone_rdata *r, const ldns_rr_descriptor *desc)
{
	char name[DNS_TYPE_TEXT];
	uint64_t len = 0;

	r->tok++;
	if (r->tok == r->end)
		return err_set(r->err, "\\#: expected the number of octets behind it");
	if (zone_token_number(r->tok, ZONE_RDATA_MAX, &len, r->err) != 0)
		return -1;
	r->tok++;
	if (zone_field_hex(r) != 0)
		return -1;
	if (r->len != len)
		return err_set(r->err, "\\# %u: %u octets of data follow", (unsigned)len, r->len);
	if (desc->_type == r->type && desc->_type != LDNS_RR_TYPE_NULL &&
	    ldns_rr_descriptor_field_type(desc, 0) != LDNS_RDF_TYPE_UNKNOWN &&
	    !well_formed(r, desc))
		return err_set(r->err, "\\# %u: not the data of a record of type %s", r->len,
		    dns_type_text(name, r->type));
	return 0;
}

int
zone_rdata_read(struct zone_rdata *r, const struct zone_token *tok, uint32_t n, struct err *err)
{
	const ldns_rr_descriptor *desc = ldns_rr_descript(r->type);
	unsigned min, max;

	r->tok = tok;
	r->end = tok + n;
	r->len = 0;
	r->err = err;
	if (n > 0 && zone_token_is(tok, "\\#"))
		return read_generic(r, desc);
	if (ldns_rr_descriptor_field_type(desc, 0) == LDNS_RDF_TYPE_UNKNOWN)
		return err_set(r->err,
		    "expected \\# and generic data (RFC 3597): the type has no form of its own");
	min = desc->_minimum;
	max = desc->_variable == LDNS_RDF_TYPE_NONE ? desc->_maximum : UINT32_MAX;
	for (unsigned i = 0; i < max; i++) {
		ldns_rdf_type kind = ldns_rr_descriptor_field_type(desc, i);
		if (r->tok == r->end && i < min)
			return err_set(r->err, "%u of at least %u fields: the data ends too soon",
			    i, min);
		if (r->tok == r->end)
			break;
		if (read_field(r, kind) != 0)
			return -1;
	}
	assert(r->tok <= r->end);
	if (r->tok != r->end)
		return zone_field_bad(r, "nothing more for this type");
	return 0;
}
