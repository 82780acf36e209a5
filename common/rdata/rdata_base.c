#include "common/rdata/rdata_base.h"

#include <stdbool.h>
#include <string.h>

#include "common/text.h"
#include "common/rdata/rdata_field.h"

struct base64 {
	uint32_t bits;			/* of the group that is being read */
	unsigned chars;			/* read so far, padding too */
	unsigned pads;
};

static int
hex_chars(struct rdata *r, const char *s, uint32_t len, unsigned *half, unsigned *digits)
{
	if (r->tok->quoted)
		return rdata_field_bad(r, "hexadecimal digits without quotes");
	for (uint32_t i = 0; i < len; i++) {
		int v = text_hex_digit(s[i]);
		uint8_t octet = (uint8_t)(*half << 4 | (unsigned)v);
		if (v < 0)
			return rdata_field_bad(r, "hexadecimal digits");
		if (++*digits % 2 == 0 && rdata_field_put(r, &octet, 1) != 0)
			return -1;
		*half = (unsigned)v;
	}
	return 0;
}

int
rdata_base_hex(struct rdata *r)
{
	unsigned half = 0, digits = 0;

	for (; r->tok < r->end; r->tok++)
		if (hex_chars(r, r->tok->s, r->tok->len, &half, &digits) != 0)
			return -1;
	if (digits % 2 != 0)
		return err_set(r->err, "an odd number of hexadecimal digits");
	return 0;
}

int
rdata_base_hex_token(struct rdata *r, uint32_t skip)
{
	unsigned half = 0, digits = 0;

	if (hex_chars(r, r->tok->s + skip, r->tok->len - skip, &half, &digits) != 0)
		return -1;
	return digits % 2 == 0 ? 0 : rdata_field_bad(r, "an even number of hexadecimal digits");
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The octets of four characters; bits that belong to none must be 0. */
static int
base64_group(struct rdata *r, struct base64 *b)
{
	const uint8_t octets[3] = { (uint8_t)(b->bits >> 16), (uint8_t)(b->bits >> 8),
	    (uint8_t)b->bits };

	if ((b->pads == 1 && octets[2] != 0) || (b->pads == 2 && (octets[1] | octets[2]) != 0))
		return rdata_field_bad(r, "base64 that ends with whole octets");
	return rdata_field_put(r, octets, 3 - b->pads);
}

static int
base64_chars(struct rdata *r, struct base64 *b, const char *s, uint32_t len)
{
	if (r->tok->quoted)
		return rdata_field_bad(r, "base64 without quotes");
	for (uint32_t i = 0; i < len; i++) {
		int v = base64_value(s[i]);
		bool pad = s[i] == '=' && b->pads < 2 && b->chars % 4 >= 2;
		if ((v < 0 && !pad) || (b->pads != 0 && !pad) ||
		    (b->pads != 0 && b->chars % 4 == 0))
			return rdata_field_bad(r, "base64");
		b->pads += pad;
		b->bits = b->bits << 6 | (pad ? 0 : (unsigned)v);
		if (++b->chars % 4 == 0 && base64_group(r, b) != 0)
			return -1;
	}
	return 0;
}

static int
base64_end(struct rdata *r, const struct base64 *b)
{
	if (b->chars % 4 == 0)
		return 0;
	return err_set(r->err, "base64 of %u characters: expected a multiple of 4", b->chars);
}

int
rdata_base_64(struct rdata *r)
{
	struct base64 b = { 0 };

	for (; r->tok < r->end; r->tok++)
		if (base64_chars(r, &b, r->tok->s, r->tok->len) != 0)
			return -1;
	return base64_end(r, &b);
}

int
rdata_base_64_dash(struct rdata *r)
{
	if (!master_token_is(r->tok, "-"))
		return rdata_base_64(r);
	r->tok++;
	return 0;
}

int
rdata_base_64_chars(struct rdata *r, const char *s, uint32_t len)
{
	struct base64 b = { 0 };

	return base64_chars(r, &b, s, len) != 0 ? -1 : base64_end(r, &b);
}

/* Writes the length of what stands behind r->data[at] there. */
static int
put_length(struct rdata *r, uint32_t at, const char *expected)
{
	if (r->len - at - 1 > 255)
		return rdata_field_bad(r, expected);
	r->data[at] = (uint8_t)(r->len - at - 1);
	r->tok++;
	return 0;
}

int
rdata_base_salt(struct rdata *r)
{
	uint32_t at = r->len;

	if (rdata_field_put(r, "", 1) != 0)
		return -1;
	if (r->tok->len == 0)
		return rdata_field_bad(r, "a salt in hexadecimal digits, or - for none");
	if (!master_token_is(r->tok, "-") && rdata_base_hex_token(r, 0) != 0)
		return -1;
	return put_length(r, at, "a salt of at most 255 octets");
}

static int
base32_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'V')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

int
rdata_base_hash(struct rdata *r)
{
	uint32_t at = r->len;
	unsigned bits = 0, n = 0;

	if (rdata_field_put(r, "", 1) != 0)
		return -1;
	for (uint32_t i = 0; i < r->tok->len; i++) {
		int v = r->tok->quoted ? -1 : base32_value(r->tok->s[i]);
		if (v < 0)
			return rdata_field_bad(r, "base32hex without padding");
		bits = (bits << 5 | (unsigned)v) & 0x1fff;
		n += 5;
		if (n >= 8) {
			uint8_t octet = (uint8_t)(bits >> (n - 8));
			n -= 8;
			if (rdata_field_put(r, &octet, 1) != 0)
				return -1;
		}
	}
	/* what is left are fewer bits than a character has, all 0: no character too many */
	if (n >= 5 || (bits & ((1u << n) - 1)) != 0)
		return rdata_field_bad(r, "base32hex of whole octets");
	return put_length(r, at, "a hash of at most 255 octets");
}
