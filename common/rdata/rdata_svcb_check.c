#include "common/rdata/rdata_svcb_check.h"

#include <stdbool.h>
#include <stdio.h>

#include "common/dns/dns.h"
#include "common/rdata/rdata_template.h"

static const char *const names[SVCB_KEYS] = {
	[SVCB_MANDATORY] = "mandatory", [SVCB_ALPN] = "alpn",
	[SVCB_NO_DEFAULT_ALPN] = "no-default-alpn", [SVCB_PORT] = "port",
	[SVCB_IPV4HINT] = "ipv4hint", [SVCB_ECH] = "ech", [SVCB_IPV6HINT] = "ipv6hint",
	[SVCB_DOHPATH] = "dohpath", [SVCB_OHTTP] = "ohttp",
	[SVCB_GROUPS] = "tls-supported-groups", [SVCB_DOCPATH] = "docpath"
};

const char *
rdata_svcb_check_name(unsigned key)
{
	return names[key];
}

/* "NAME: expected WHAT" */
static int
bad(struct rdata_octets *v, unsigned key, const char *expected)
{
	if (key < SVCB_KEYS)
		return err_set(v->err, "%s: expected %s", names[key], expected);
	return err_set(v->err, "key%u: expected %s", key, expected);
}

/* Keys in ascending order, each once, none of them "mandatory". */
static int
check_mandatory(struct rdata_octets *v)
{
	unsigned last = SVCB_MANDATORY;

	if (v->at == v->end || rdata_octets_left(v) % 2 != 0)
		return bad(v, SVCB_MANDATORY, "at least one key");
	for (; v->at < v->end; v->at += 2) {
		unsigned key = dns_get16(v->at);
		if (key == SVCB_MANDATORY)
			return bad(v, SVCB_MANDATORY, "other keys, not itself");
		if (key <= last)
			return bad(v, SVCB_MANDATORY, key == last ? "each key once" :
			    "keys in ascending order");
		last = key;
	}
	return 0;
}

/* Texts of 1 to 255 octets behind their length. */
static int
check_texts(struct rdata_octets *v, unsigned key)
{
	while (v->at < v->end)
		if (*v->at == 0 || rdata_octets_string(v) != 0)
			return bad(v, key, "texts of 1 to 255 octets");
	return 0;
}

/* A relative URI template in UTF-8 with the variable "dns" (RFC 9461 5). */
static int
check_dohpath(struct rdata_octets *v)
{
	if (v->at == v->end || *v->at != '/' || !rdata_template_has(v->at, v->end, "dns"))
		return bad(v, SVCB_DOHPATH, "a URI template like /dns-query{?dns}");
	return 0;
}

/* TLS groups of 16 bits, none of them twice. */
static int
check_groups(struct rdata_octets *v)
{
	uint8_t seen[65536 / 8] = { 0 };

	if (v->at == v->end || rdata_octets_left(v) % 2 != 0)
		return bad(v, SVCB_GROUPS, "at least one number");
	for (; v->at < v->end; v->at += 2) {
		unsigned group = dns_get16(v->at);
		if ((seen[group / 8] & 1 << group % 8) != 0)
			return bad(v, SVCB_GROUPS, "no number twice");
		seen[group / 8] |= (uint8_t)(1 << group % 8);
	}
	return 0;
}

static int
check_value(struct rdata_octets *v, unsigned key)
{
	size_t len = rdata_octets_left(v);

	switch (key) {
	case SVCB_MANDATORY:
		return check_mandatory(v);
	case SVCB_ALPN:
		return len == 0 ? bad(v, key, "at least one protocol") : check_texts(v, key);
	case SVCB_NO_DEFAULT_ALPN:
	case SVCB_OHTTP:
		return len == 0 ? 0 : bad(v, key, "no value");
	case SVCB_PORT:
		return len == 2 ? 0 : bad(v, key, "a port from 0 to 65535");
	case SVCB_IPV4HINT:
		return len != 0 && len % 4 == 0 ? 0 : bad(v, key, "IPv4 addresses");
	case SVCB_ECH:
		return len != 0 ? 0 : bad(v, key, "a value in base64");
	case SVCB_IPV6HINT:
		return len != 0 && len % 16 == 0 ? 0 : bad(v, key, "IPv6 addresses");
	case SVCB_DOHPATH:
		return check_dohpath(v);
	case SVCB_GROUPS:
		return check_groups(v);
	case SVCB_DOCPATH:
		return check_texts(v, key);
	}
	return 0;
}

/* The parameter at *at, whose key and value are within the data; *at moves past it. */
static unsigned
next_key(const uint8_t **at)
{
	unsigned key = dns_get16(*at);

	*at += 4 + dns_get16(*at + 2);
	return key;
}

/* Each mandatory key is there: both lists are in order.  `first` is the first parameter. */
static int
check_present(struct rdata_octets *o, const uint8_t *first)
{
	const uint8_t *at = first, *list = first + 4, *end;
	unsigned key = UINT16_MAX + 1;

	if (first == o->end || dns_get16(first) != SVCB_MANDATORY)
		return 0;
	end = list + dns_get16(first + 2);
	for (; list < end; list += 2) {
		unsigned wanted = dns_get16(list);
		while (at < o->end && (key > UINT16_MAX || key < wanted))
			key = next_key(&at);
		if (key != wanted && wanted < SVCB_KEYS)
			return err_set(o->err, "key%u is mandatory and missing: %s", wanted,
			    names[wanted]);
		if (key != wanted)
			return err_set(o->err, "key%u is mandatory and missing", wanted);
	}
	return 0;
}

int
rdata_svcb_check(struct rdata_octets *o)
{
	const uint8_t *first = o->at;
	bool alpn = false, no_default = false;
	int last = -1;

	while (o->at < o->end) {
		struct rdata_octets value = { .start = o->at, .err = o->err };
		unsigned key;
		if (rdata_octets_skip(o, 4) != 0)
			return -1;
		key = dns_get16(value.start);
		if ((int)key <= last)
			return err_set(o->err, "key%u behind key%d: expected each once, in order",
			    key, last);
		last = (int)key;
		value.at = o->at;
		if (rdata_octets_skip(o, dns_get16(value.start + 2)) != 0)
			return -1;
		value.end = o->at;
		if (check_value(&value, key) != 0)
			return -1;
		alpn |= key == SVCB_ALPN;
		no_default |= key == SVCB_NO_DEFAULT_ALPN;
	}
	if (no_default && !alpn)	/* RFC 9460 7.1.1 */
		return err_set(o->err, "no-default-alpn without alpn");
	return check_present(o, first);
}
