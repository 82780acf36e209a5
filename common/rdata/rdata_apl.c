#include "common/rdata/rdata_apl.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/rdata/rdata_field.h"

enum { FAMILY_IPV4 = 1, FAMILY_IPV6 = 2, ITEM_HEAD = 4 };

/* [!]FAMILY:ADDRESS/LENGTH, the address without zero octets at its end. */
static int
read_item(struct rdata *r)
{
	static const char expected[] = "[!]FAMILY:ADDRESS/LENGTH, with family 1 or 2";
	const struct master_token *tok = r->tok;
	bool minus = tok->len != 0 && tok->s[0] == '!';
	const char *s = tok->s + minus, *end = tok->s + tok->len, *slash;
	struct master_token length = *tok;
	uint8_t wire[ITEM_HEAD + 16] = { 0 };
	char address[64];
	unsigned octets;
	uint64_t bits;

	slash = memchr(s, '/', (size_t)(end - s));
	if (tok->quoted || slash == NULL || slash - s < 3 || s[1] != ':' ||
	    (s[0] != '1' && s[0] != '2') || (size_t)(slash - s) - 2 >= sizeof(address))
		return rdata_field_bad(r, expected);
	wire[1] = (uint8_t)(s[0] - '0');
	octets = wire[1] == FAMILY_IPV4 ? 4 : 16;
	memcpy(address, s + 2, (size_t)(slash - s) - 2);
	address[slash - s - 2] = '\0';
	if (inet_pton(octets == 4 ? AF_INET : AF_INET6, address, wire + ITEM_HEAD) != 1)
		return rdata_field_bad(r, expected);
	length.s = slash + 1;
	length.len = (uint32_t)(end - length.s);
	if (master_token_number(&length, octets * 8, &bits, r->err) != 0)
		return -1;
	wire[2] = (uint8_t)bits;
	while (octets > 0 && wire[ITEM_HEAD + octets - 1] == 0)
		octets--;
	wire[3] = (uint8_t)(octets | (minus ? 0x80 : 0));
	r->tok++;
	return rdata_field_put(r, wire, ITEM_HEAD + octets);
}

int
rdata_apl_read(struct rdata *r)
{
	while (r->tok < r->end)
		if (read_item(r) != 0)
			return -1;
	return 0;
}

int
rdata_apl_check(struct rdata_octets *o)
{
	while (o->at < o->end) {
		const uint8_t *item = o->at;
		unsigned family, len;
		if (rdata_octets_skip(o, ITEM_HEAD) != 0)
			return -1;
		family = dns_get16(item);
		len = item[3] & 0x7f;
		if (rdata_octets_skip(o, len) != 0)
			return -1;
		if (len != 0 && o->at[-1] == 0)
			return err_set(o->err, "an address of a list that ends with a zero octet");
		if ((family == FAMILY_IPV4 && (item[2] > 32 || len > 4)) ||
		    (family == FAMILY_IPV6 && (item[2] > 128 || len > 16)))
			return err_set(o->err, "/%u: a longer prefix than its family has", item[2]);
	}
	return 0;
}
