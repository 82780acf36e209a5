#include "common/rdata/rdata_gateway.h"

#include <assert.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/rdata/rdata_base.h"
#include "common/rdata/rdata_field.h"

enum { NOBODY = 0, IPV4 = 1, IPV6 = 2, NAME = 3 };

static int
read_by_type(struct rdata *r, unsigned type)
{
	if (type > NAME)
		return err_set(r->err, "gateway type %u: expected 0 to 3", type);
	if (rdata_field_more(r) != 0)
		return -1;
	if (type == IPV4)
		return rdata_field_ipv4(r);
	if (type == IPV6)
		return rdata_field_ipv6(r);
	if (type == NAME)
		return rdata_field_name(r);
	if (!master_token_is(r->tok, "."))
		return rdata_field_bad(r, "\".\" for no gateway");
	r->tok++;
	return 0;
}

static int
check_by_type(struct rdata_octets *o, unsigned type)
{
	assert(type <= NAME);
	switch (type) {
	case IPV4:
		return rdata_octets_u32(o);
	case IPV6:
		return rdata_octets_ipv6(o);
	case NAME:
		return rdata_octets_name(o);
	}
	return 0;
}

int
rdata_gateway_read(struct rdata *r)
{
	return read_by_type(r, r->data[1]);
}

int
rdata_gateway_check(struct rdata_octets *o)
{
	if (o->start[1] > NAME)
		return err_set(o->err, "gateway type %u: expected 0 to 3", o->start[1]);
	return check_by_type(o, o->start[1]);
}

int
rdata_gateway_relay_read(struct rdata *r)
{
	uint64_t discovery, type;
	uint8_t octet;

	if (master_token_number(r->tok, 1, &discovery, r->err) != 0)
		return err_prefix(r->err, "discovery");
	r->tok++;
	if (rdata_field_more(r) != 0)
		return -1;
	if (master_token_number(r->tok, NAME, &type, r->err) != 0)
		return err_prefix(r->err, "relay type");
	r->tok++;
	octet = (uint8_t)(discovery << 7 | type);
	return rdata_field_put(r, &octet, 1) != 0 ? -1 : read_by_type(r, (unsigned)type);
}

int
rdata_gateway_relay_check(struct rdata_octets *o)
{
	unsigned type;

	if (rdata_octets_u8(o) != 0)
		return -1;
	type = o->at[-1] & 0x7f;
	if (type > NAME)		/* of the future: of any form (RFC 8777 4.2.3) */
		return rdata_octets_rest(o);
	return check_by_type(o, type);
}

int
rdata_gateway_hip_read(struct rdata *r)
{
	uint8_t head[4] = { 0 };
	uint32_t at = r->len, key;
	uint64_t algorithm;

	if (master_token_number(r->tok, 255, &algorithm, r->err) != 0)
		return err_prefix(r->err, "algorithm");
	r->tok++;
	if (rdata_field_more(r) != 0 || rdata_field_put(r, head, sizeof(head)) != 0 ||
	    rdata_base_hex_token(r, 0) != 0)
		return -1;
	key = r->len;
	if (key - at - sizeof(head) > 255)
		return rdata_field_bad(r, "an identity tag of at most 255 octets");
	r->tok++;
	if (rdata_field_more(r) != 0 || rdata_base_64_chars(r, r->tok->s, r->tok->len) != 0)
		return -1;
	r->tok++;
	r->data[at] = (uint8_t)(key - at - sizeof(head));
	r->data[at + 1] = (uint8_t)algorithm;
	dns_put16(r->data + at + 2, (uint16_t)(r->len - key));
	return 0;
}

int
rdata_gateway_hip_check(struct rdata_octets *o)
{
	const uint8_t *head = o->at;

	if (rdata_octets_skip(o, 4) != 0)
		return -1;
	if (head[0] == 0 || dns_get16(head + 2) == 0)
		return err_set(o->err, "an empty identity tag or key");
	return rdata_octets_skip(o, (size_t)head[0] + dns_get16(head + 2));
}

int
rdata_gateway_a6_read(struct rdata *r)
{
	uint32_t at = r->len;
	uint8_t length, address[16];
	uint64_t bits;

	if (master_token_number(r->tok, 128, &bits, r->err) != 0)
		return err_prefix(r->err, "prefix length");
	length = (uint8_t)bits;
	r->tok++;
	if (rdata_field_put(r, &length, 1) != 0)
		return -1;
	if (bits != 128) {
		if (rdata_field_more(r) != 0 || rdata_field_ipv6(r) != 0)
			return -1;
		/* only the octets that hold bits behind the prefix, others zero */
		memcpy(address, r->data + at + 1, sizeof(address));
		address[bits / 8] &= (uint8_t)(0xff >> bits % 8);
		r->len = at + 1;
		if (rdata_field_put(r, address + bits / 8, 16 - bits / 8) != 0)
			return -1;
	}
	if (bits == 0)
		return 0;
	return rdata_field_more(r) != 0 ? -1 : rdata_field_name(r);
}

int
rdata_gateway_a6_check(struct rdata_octets *o)
{
	unsigned bits;

	if (rdata_octets_u8(o) != 0)
		return -1;
	bits = o->at[-1];
	if (bits > 128)
		return err_set(o->err, "prefix length %u: expected 0 to 128", bits);
	if (rdata_octets_skip(o, 16 - bits / 8) != 0)
		return -1;
	if (bits % 8 != 0 && (o->start[1] & ~(0xff >> bits % 8)) != 0)
		return err_set(o->err, "bits in front of the address that the prefix has");
	return bits == 0 ? 0 : rdata_octets_name(o);
}
