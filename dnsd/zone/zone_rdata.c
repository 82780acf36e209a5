#include "dnsd/zone/zone_rdata.h"

#include "common/dns/dns.h"
#include "dnsd/zone/zone_base.h"
#include "dnsd/zone/zone_field.h"
#include "dnsd/zone/zone_types.h"

bool
zone_rdata_type(struct zone_rdata *r, const struct zone_token *tok, uint16_t *type)
{
	int number = zone_field_type_of(r, tok);

	*type = number > 0 ? (uint16_t)number : 0;
	return number > 0;
}

bool
zone_rdata_meta(uint16_t type)
{
	return type == 0 || type == DNS_OPT || (type >= 128 && type <= 255);
}

/* \# LENGTH HEX (RFC 3597 section 5). */
static int
read_generic(struct zone_rdata *r)
{
	char name[DNS_TYPE_TEXT];
	uint64_t len = 0;

	r->tok++;
	if (r->tok == r->end)
		return err_set(r->err, "\\#: expected the number of octets behind it");
	if (zone_token_number(r->tok, ZONE_RDATA_MAX, &len, r->err) != 0)
		return -1;
	r->tok++;
	if (zone_base_hex(r) != 0)
		return -1;
	if (r->len != len)
		return err_set(r->err, "\\# %u: %u octets of data follow", (unsigned)len, r->len);
	if (zone_types_check(r->type, r->data, r->len, r->err) != 0)
		return err_prefix(r->err, "\\# %u: not the data of a record of type %s", r->len,
		    dns_type_text(name, r->type));
	return 0;
}

int
zone_rdata_read(struct zone_rdata *r, const struct zone_token *tok, uint32_t n, struct err *err)
{
	r->tok = tok;
	r->end = tok + n;
	r->len = 0;
	r->err = err;
	if (n > 0 && zone_token_is(tok, "\\#"))
		return read_generic(r);
	return zone_types_read(r);
}
