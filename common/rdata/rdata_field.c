#include "common/rdata/rdata_field.h"

#include <assert.h>
#include <arpa/inet.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/text.h"

int
rdata_field_bad(struct rdata *r, const char *expected)
{
	char shown[MASTER_TOKEN_SHOWN];

	return err_set(r->err, "\"%s\": expected %s", master_token_show(shown, r->tok), expected);
}

int
rdata_field_put(struct rdata *r, const void *octets, size_t len)
{
	if (len > RDATA_MAX - r->len)
		return err_set(r->err, "more than 65535 octets of data");
	assert(r->len + len <= sizeof(r->data));
	if (len != 0)
		memcpy(r->data + r->len, octets, len);
	r->len += (uint32_t)len;
	return 0;
}

int
rdata_field_more(struct rdata *r)
{
	return r->tok == r->end ? err_set(r->err, "the data ends too soon") : 0;
}

static int
put_number(struct rdata *r, unsigned octets)
{
	uint64_t v = 0;
	uint8_t wire[4];

	assert(r->tok < r->end && octets >= 1 && octets <= 4);
	if (master_token_number(r->tok, (UINT64_C(1) << (8 * octets)) - 1, &v, r->err) != 0)
		return -1;
	for (unsigned i = 0; i < octets; i++)
		wire[i] = (uint8_t)(v >> (8 * (octets - 1 - i)));
	r->tok++;
	return rdata_field_put(r, wire, octets);
}

int
rdata_field_u8(struct rdata *r)
{
	return put_number(r, 1);
}

int
rdata_field_u16(struct rdata *r)
{
	return put_number(r, 2);
}

int
rdata_field_u32(struct rdata *r)
{
	return put_number(r, 4);
}

/* Digits from s to `end` as a number up to `max`.  false = they are none. */
static bool
digits(const char *s, const char *end, uint64_t max, uint64_t *v)
{
	if (s == end)
		return false;
	for (*v = 0; s < end; s++) {
		unsigned digit = (unsigned)*s - '0';
		if (digit > 9 || *v > (max - digit) / 10)
			return false;
		*v = *v * 10 + digit;
	}
	return true;
}

int
rdata_field_ipn(struct rdata *r)
{
	const char *s = r->tok->s, *end = s + r->tok->len, *dot = memchr(s, '.', r->tok->len);
	uint64_t high = 0, low = 0;
	uint8_t wire[8];
	bool good;

	if (dot == NULL)
		good = digits(s, end, UINT64_MAX, &low);
	else
		good = digits(s, dot, UINT32_MAX, &high) &&
		    digits(dot + 1, end, UINT32_MAX, &low);
	if (!good || r->tok->quoted)
		return rdata_field_bad(r, "a number of 64 bits, or two of 32 with a dot between");
	low |= high << 32;
	dns_put32(wire, (uint32_t)(low >> 32));
	dns_put32(wire + 4, (uint32_t)low);
	r->tok++;
	return rdata_field_put(r, wire, 8);
}

int
rdata_field_period(struct rdata *r)
{
	uint8_t wire[4];
	uint32_t v = 0;

	if (master_token_seconds(r->tok, UINT32_MAX, &v, r->err) != 0)
		return -1;
	dns_put32(wire, v);
	r->tok++;
	return rdata_field_put(r, wire, 4);
}

/* Days from 1 January 1970 to this day of the Gregorian calendar, which must exist; month and
 * day from 1.  -1 = there is no such day. */
static int64_t
days_since_1970(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	unsigned before = year - 1;
	int64_t days;

	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] + (month == 2 && leap ? 1u : 0u))
		return -1;
	days = (int64_t)before * 365 + before / 4 - before / 100 + before / 400 - 719162;
	for (unsigned m = 1; m < month; m++)
		days += lengths[m - 1] + (m == 2 && leap);
	return days + day - 1;
}

int
rdata_field_time(struct rdata *r)
{
	static const char expected[] = "a time as YYYYMMDDHHMMSS or seconds since 1970";
	static const uint8_t widths[6] = { 4, 2, 2, 2, 2, 2 };
	const char *s = r->tok->s;
	unsigned part[6] = { 0 };
	uint8_t wire[4];
	int64_t days;

	if (r->tok->quoted || r->tok->len == 0)
		return rdata_field_bad(r, expected);
	for (uint32_t i = 0; i < r->tok->len; i++)
		if (s[i] < '0' || s[i] > '9')
			return rdata_field_bad(r, expected);
	if (r->tok->len <= 10)
		return rdata_field_u32(r);
	if (r->tok->len != 14)
		return rdata_field_bad(r, expected);
	for (unsigned i = 0; i < 6; i++)
		for (unsigned k = 0; k < widths[i]; k++)
			part[i] = part[i] * 10 + (unsigned)(*s++ - '0');
	days = days_since_1970(part[0], part[1], part[2]);
	if (days < 0 || part[3] > 23 || part[4] > 59 || part[5] > 59)
		return rdata_field_bad(r, "a date and time that exist, from 1970 on");
	/* RFC 4034 3.1.5: times are compared by serial number arithmetic, so later ones wrap */
	dns_put32(wire, (uint32_t)(days * 86400 + part[3] * 3600 + part[4] * 60 + part[5]));
	r->tok++;
	return rdata_field_put(r, wire, 4);
}

int
rdata_field_type_of(struct rdata *r, const struct master_token *tok)
{
	char name[12] = "";
	unsigned slot = 0;

	if (tok->quoted || tok->len == 0 || tok->len >= sizeof(name))
		return -1;
	for (uint32_t i = 0; i < tok->len; i++) {
		name[i] = tok->s[i];
		slot = slot * 31 + (uint8_t)name[i];
	}
	slot %= sizeof(r->known) / sizeof(r->known[0]);
	if (memcmp(r->known[slot].name, name, sizeof(name)) != 0) {
		memcpy(r->known[slot].name, name, sizeof(name));
		r->known[slot].type = dns_type_number(name);
	}
	return r->known[slot].type;
}

int
rdata_field_type(struct rdata *r)
{
	uint8_t wire[2];
	int type = rdata_field_type_of(r, r->tok);

	if (type < 0)
		return rdata_field_bad(r, "a record type (or TYPEnnn)");
	dns_put16(wire, (uint16_t)type);
	r->tok++;
	return rdata_field_put(r, wire, 2);
}

int
rdata_field_name(struct rdata *r)
{
	uint8_t name[NAME_MAX_WIRE];
	int len;

	assert(r->tok < r->end);
	len = master_token_name(r->tok, r->origin, name, r->err);
	if (len < 0)
		return -1;
	r->tok++;
	return rdata_field_put(r, name, (size_t)len);
}

int
rdata_field_names(struct rdata *r)
{
	while (r->tok < r->end)
		if (rdata_field_name(r) != 0)
			return -1;
	return 0;
}

static int
wire_address(struct rdata *r, const struct master_token *item, int family)
{
	const char *expected = family == AF_INET ? "an IPv4 address" : "an IPv6 address";
	char text[64];
	uint8_t wire[16];

	if (item->quoted || item->len >= sizeof(text))
		return rdata_field_bad(r, expected);
	memcpy(text, item->s, item->len);
	text[item->len] = '\0';
	if (inet_pton(family, text, wire) != 1)
		return rdata_field_bad(r, expected);
	return rdata_field_put(r, wire, family == AF_INET ? 4 : 16);
}

int
rdata_field_ipv4_item(struct rdata *r, const struct master_token *item)
{
	return wire_address(r, item, AF_INET);
}

int
rdata_field_ipv6_item(struct rdata *r, const struct master_token *item)
{
	return wire_address(r, item, AF_INET6);
}

int
rdata_field_ipv4(struct rdata *r)
{
	if (wire_address(r, r->tok, AF_INET) != 0)
		return -1;
	r->tok++;
	return 0;
}

int
rdata_field_ipv6(struct rdata *r)
{
	if (wire_address(r, r->tok, AF_INET6) != 0)
		return -1;
	r->tok++;
	return 0;
}

/* A text, behind its count of octets, which are 255 at most, or (`open`) without one. */
static int
read_string(struct rdata *r, bool open)
{
	const struct master_token *tok = r->tok;
	uint32_t start = r->len;
	uint8_t c = 0;

	if (tok->mixed)
		return rdata_field_bad(r, "quotes around a text, not inside it");
	if (!open && rdata_field_put(r, "", 1) != 0)
		return -1;
	for (size_t i = 0; i < tok->len;) {
		if (!master_text_char(tok->s, tok->len, &i, &c))
			return rdata_field_bad(r,
			    "three digits up to 255 or a character behind a backslash");
		if (rdata_field_put(r, &c, 1) != 0)
			return -1;
		if (!open && r->len - start > 256)
			return rdata_field_bad(r, "at most 255 octets in one text: "
			    "a longer one is several, \"...\" \"...\"");
	}
	if (!open)
		r->data[start] = (uint8_t)(r->len - start - 1);
	r->tok++;
	return 0;
}

int
rdata_field_string(struct rdata *r)
{
	return read_string(r, false);
}

int
rdata_field_string_maybe(struct rdata *r)
{
	return r->tok == r->end ? 0 : read_string(r, false);
}

int
rdata_field_strings(struct rdata *r)
{
	while (r->tok < r->end)
		if (read_string(r, false) != 0)
			return -1;
	return 0;
}

int
rdata_field_text(struct rdata *r)
{
	return read_string(r, true);
}

/* `groups` of hex digits, min to max of them in each, with `between` between them. */
static int
read_groups(struct rdata *r, unsigned groups, unsigned min, unsigned max, char between,
    const char *expected)
{
	const char *s = r->tok->s, *end = s + r->tok->len;
	uint8_t wire[2];

	for (unsigned g = 0; g < groups; g++) {
		unsigned v = 0, digits = 0;
		if (g != 0 && (s == end || *s++ != between))
			return rdata_field_bad(r, expected);
		for (; s < end && text_hex_digit(*s) >= 0 && digits < max; s++, digits++)
			v = v << 4 | (unsigned)text_hex_digit(*s);
		if (digits < min)
			return rdata_field_bad(r, expected);
		dns_put16(wire, (uint16_t)v);
		if (rdata_field_put(r, wire + (max == 2), max == 2 ? 1 : 2) != 0)
			return -1;
	}
	if (s != end || r->tok->quoted)
		return rdata_field_bad(r, expected);
	r->tok++;
	return 0;
}

int
rdata_field_eui48(struct rdata *r)
{
	return read_groups(r, 6, 2, 2, '-', "an address as 00-00-5e-00-53-2a");
}

int
rdata_field_eui64(struct rdata *r)
{
	return read_groups(r, 8, 2, 2, '-', "an address as 00-00-5e-ef-10-00-00-2a");
}

int
rdata_field_ilnp64(struct rdata *r)
{
	return read_groups(r, 4, 1, 4, ':', "64 bits as 2001:db8:1140:1000");
}
