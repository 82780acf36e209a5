#include "dnsd/zone/zone_octets.h"

#include "common/dns/dns.h"
#include "common/dns/name.h"

int
zone_octets_skip(struct zone_octets *o, size_t n)
{
	if (n > zone_octets_left(o))
		return err_set(o->err, "the data ends too soon");
	o->at += n;
	return 0;
}

int
zone_octets_u8(struct zone_octets *o)
{
	return zone_octets_skip(o, 1);
}

int
zone_octets_u16(struct zone_octets *o)
{
	return zone_octets_skip(o, 2);
}

int
zone_octets_u32(struct zone_octets *o)
{
	return zone_octets_skip(o, 4);
}

int
zone_octets_48(struct zone_octets *o)
{
	return zone_octets_skip(o, 6);
}

int
zone_octets_64(struct zone_octets *o)
{
	return zone_octets_skip(o, 8);
}

int
zone_octets_ipv6(struct zone_octets *o)
{
	return zone_octets_skip(o, 16);
}

int
zone_octets_type(struct zone_octets *o)
{
	char name[DNS_TYPE_TEXT];
	unsigned type;

	if (zone_octets_skip(o, 2) != 0)
		return -1;
	type = dns_get16(o->at - 2);
	if (type == 0 || type == DNS_OPT || (type >= DNS_TKEY && type <= DNS_ANY))
		return err_set(o->err, "%s is not a type that records have",
		    dns_type_text(name, (uint16_t)type));
	return 0;
}

int
zone_octets_name(struct zone_octets *o)
{
	size_t len = name_check(o->at, zone_octets_left(o));

	if (len == 0)
		return err_set(o->err, "octet %zu: expected a whole domain name",
		    (size_t)(o->at - o->start));
	return zone_octets_skip(o, len);
}

int
zone_octets_names(struct zone_octets *o)
{
	while (o->at < o->end)
		if (zone_octets_name(o) != 0)
			return -1;
	return 0;
}

int
zone_octets_string(struct zone_octets *o)
{
	if (o->at == o->end)
		return err_set(o->err, "the data ends too soon");
	return zone_octets_skip(o, *o->at + 1u);
}

int
zone_octets_string_maybe(struct zone_octets *o)
{
	return o->at == o->end ? 0 : zone_octets_string(o);
}

int
zone_octets_strings(struct zone_octets *o)
{
	do {
		if (zone_octets_string(o) != 0)
			return -1;
	} while (o->at < o->end);
	return 0;
}

int
zone_octets_rest(struct zone_octets *o)
{
	o->at = o->end;
	return 0;
}

int
zone_octets_some(struct zone_octets *o)
{
	if (o->at == o->end)
		return err_set(o->err, "the data ends too soon");
	return zone_octets_rest(o);
}
