#include "common/rdata/rdata_octets.h"

#include "common/dns/dns.h"
#include "common/dns/name.h"

int
rdata_octets_skip(struct rdata_octets *o, size_t n)
{
	if (n > rdata_octets_left(o))
		return err_set(o->err, "the data ends too soon");
	o->at += n;
	return 0;
}

int
rdata_octets_u8(struct rdata_octets *o)
{
	return rdata_octets_skip(o, 1);
}

int
rdata_octets_u16(struct rdata_octets *o)
{
	return rdata_octets_skip(o, 2);
}

int
rdata_octets_u32(struct rdata_octets *o)
{
	return rdata_octets_skip(o, 4);
}

int
rdata_octets_48(struct rdata_octets *o)
{
	return rdata_octets_skip(o, 6);
}

int
rdata_octets_64(struct rdata_octets *o)
{
	return rdata_octets_skip(o, 8);
}

int
rdata_octets_ipv6(struct rdata_octets *o)
{
	return rdata_octets_skip(o, 16);
}

int
rdata_octets_type(struct rdata_octets *o)
{
	char name[DNS_TYPE_TEXT];
	unsigned type;

	if (rdata_octets_skip(o, 2) != 0)
		return -1;
	type = dns_get16(o->at - 2);
	if (type == 0 || type == DNS_OPT || (type >= DNS_TKEY && type <= DNS_ANY))
		return err_set(o->err, "%s is not a type that records have",
		    dns_type_text(name, (uint16_t)type));
	return 0;
}

int
rdata_octets_name(struct rdata_octets *o)
{
	size_t len = name_check(o->at, rdata_octets_left(o));

	if (len == 0)
		return err_set(o->err, "octet %zu: expected a whole domain name",
		    (size_t)(o->at - o->start));
	return rdata_octets_skip(o, len);
}

int
rdata_octets_names(struct rdata_octets *o)
{
	while (o->at < o->end)
		if (rdata_octets_name(o) != 0)
			return -1;
	return 0;
}

int
rdata_octets_string(struct rdata_octets *o)
{
	if (o->at == o->end)
		return err_set(o->err, "the data ends too soon");
	return rdata_octets_skip(o, *o->at + 1u);
}

int
rdata_octets_string_maybe(struct rdata_octets *o)
{
	return o->at == o->end ? 0 : rdata_octets_string(o);
}

int
rdata_octets_strings(struct rdata_octets *o)
{
	do {
		if (rdata_octets_string(o) != 0)
			return -1;
	} while (o->at < o->end);
	return 0;
}

int
rdata_octets_rest(struct rdata_octets *o)
{
	o->at = o->end;
	return 0;
}

int
rdata_octets_some(struct rdata_octets *o)
{
	if (o->at == o->end)
		return err_set(o->err, "the data ends too soon");
	return rdata_octets_rest(o);
}
