#include "common/rdata/rdata.h"

#include "common/dns/dns.h"
#include "common/rdata/rdata_base.h"
#include "common/rdata/rdata_field.h"
#include "common/rdata/rdata_types.h"

bool
rdata_type(struct rdata *r, const struct master_token *tok, uint16_t *type)
{
	int number = rdata_field_type_of(r, tok);

	*type = number > 0 ? (uint16_t)number : 0;
	return number > 0;
}

bool
rdata_meta(uint16_t type)
{
	return type == 0 || type == DNS_OPT || (type >= 128 && type <= 255);
}

/* \# LENGTH HEX (RFC 3597 section 5). */
static int
read_generic(struct rdata *r)
{
	char name[DNS_TYPE_TEXT];
	uint64_t len = 0;

	r->tok++;
	if (r->tok == r->end)
		return err_set(r->err, "\\#: expected the number of octets behind it");
	if (master_token_number(r->tok, RDATA_MAX, &len, r->err) != 0)
		return -1;
	r->tok++;
	if (rdata_base_hex(r) != 0)
		return -1;
	if (r->len != len)
		return err_set(r->err, "\\# %u: %u octets of data follow", (unsigned)len, r->len);
	if (rdata_types_check(r->type, r->data, r->len, r->err) != 0)
		return err_prefix(r->err, "\\# %u: not the data of a record of type %s", r->len,
		    dns_type_text(name, r->type));
	return 0;
}

int
rdata_read(struct rdata *r, const struct master_token *tok, uint32_t n, struct err *err)
{
	r->tok = tok;
	r->end = tok + n;
	r->len = 0;
	r->err = err;
	if (n > 0 && master_token_is(tok, "\\#"))
		return read_generic(r);
	return rdata_types_read(r);
}
