#include "dnsd/zone/zone_field.h"

#include <assert.h>
#include <arpa/inet.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/text.h"

int
zone_field_bad(struct zone_rdata *r, const char *expected)
{
	char shown[ZONE_TOKEN_SHOWN];

	return err_set(r->err, "\"%s\": expected %s", zone_token_show(shown, r->tok), expected);
}

int
zone_field_put(struct zone_rdata *r, const void *octets, size_t len)
{
	if (len > ZONE_RDATA_MAX - r->len)
		return err_set(r->err, "more than 65535 octets of data");
	assert(r->len + len <= sizeof(r->data));
	if (len != 0)
		memcpy(r->data + r->len, octets, len);
	r->len += (uint32_t)len;
	return 0;
}

int
zone_field_number(struct zone_rdata *r, unsigned octets)
{
	uint64_t v = 0;
	uint8_t wire[8];

	assert(r->tok < r->end && octets >= 1 && octets <= 4);
	if (zone_token_number(r->tok, (UINT64_C(1) << (8 * octets)) - 1, &v, r->err) != 0)
		return -1;
	for (unsigned i = 0; i < octets; i++)
		wire[i] = (uint8_t)(v >> (8 * (octets - 1 - i)));
	r->tok++;
	return zone_field_put(r, wire, octets);
}

int
zone_field_period(struct zone_rdata *r)
{
	uint8_t wire[4];
	uint32_t v = 0;

	if (zone_token_seconds(r->tok, UINT32_MAX, &v, r->err) != 0)
		return -1;
	dns_put32(wire, v);
	r->tok++;
	return zone_field_put(r, wire, 4);
}

int
zone_field_name(struct zone_rdata *r)
{
	uint8_t name[NAME_MAX_WIRE];
	int len;

	assert(r->tok < r->end);
	len = zone_token_name(r->tok, r->origin, name, r->err);
	if (len < 0)
		return -1;
	r->tok++;
	return zone_field_put(r, name, (size_t)len);
}

int
zone_field_address(struct zone_rdata *r, int family)
{
	char text[64];
	uint8_t wire[16];

	if (r->tok->quoted || r->tok->len >= sizeof(text))
		return zone_field_bad(r, family == AF_INET ? "an IPv4 address" : "an IPv6 address");
	memcpy(text, r->tok->s, r->tok->len);
	text[r->tok->len] = '\0';
	if (inet_pton(family, text, wire) != 1)
		return zone_field_bad(r, family == AF_INET ? "an IPv4 address" : "an IPv6 address");
	r->tok++;
	return zone_field_put(r, wire, family == AF_INET ? 4 : 16);
}

int
zone_field_string(struct zone_rdata *r, bool open)
{
	const struct zone_token *tok = r->tok;
	uint32_t start = r->len;
	uint8_t c = 0;

	if (tok->mixed)
		return zone_field_bad(r, "quotes around a text, not inside it");
	if (!open && zone_field_put(r, "", 1) != 0)
		return -1;
	for (size_t i = 0; i < tok->len;) {
		if (!zone_text_char(tok->s, tok->len, &i, &c))
			return zone_field_bad(r,
			    "three digits up to 255 or a character behind a backslash");
		if (zone_field_put(r, &c, 1) != 0)
			return -1;
		if (!open && r->len - start > 256)
			return zone_field_bad(r, "at most 255 octets in one text");
	}
	if (!open)
		r->data[start] = (uint8_t)(r->len - start - 1);
	r->tok++;
	return 0;
}

int
zone_field_hex(struct zone_rdata *r)
{
	unsigned half = 0, digits = 0;

	for (; r->tok < r->end; r->tok++)
		for (uint32_t i = 0; i < r->tok->len; i++) {
			int v = r->tok->quoted ? -1 : text_hex_digit(r->tok->s[i]);
			uint8_t octet = (uint8_t)(half << 4 | (unsigned)v);
			if (v < 0)
				return zone_field_bad(r, "hexadecimal digits");
			if (++digits % 2 == 0 && zone_field_put(r, &octet, 1) != 0)
				return -1;
			half = (unsigned)v;
		}
	if (digits % 2 != 0)
		return err_set(r->err, "an odd number of hexadecimal digits");
	return 0;
}
