#include "common/rdata/rdata_whole.h"

#include "common/dns/dns.h"

/* Octets of the digest in `len` octets of data are those that its kind has; 0 = any. */
static int
check_digest(const char *what, unsigned kind, size_t have, size_t expected, struct err *err)
{
	if (expected == 0 || have == expected)
		return 0;
	return err_set(err, "%s %u: a digest of %zu octets: expected %zu", what, kind, have,
	    expected);
}

int
rdata_whole_ds(const uint8_t *data, size_t len, struct err *err)
{
	unsigned kind = data[3];

	return check_digest("digest type", kind, len - 4,
	    kind == 1 ? 20 : kind == 2 ? 32 : kind == 4 ? 48 : 0, err);
}

int
rdata_whole_sshfp(const uint8_t *data, size_t len, struct err *err)
{
	unsigned kind = data[1];

	return check_digest("fingerprint type", kind, len - 2,
	    kind == 1 ? 20 : kind == 2 ? 32 : 0, err);
}

int
rdata_whole_zonemd(const uint8_t *data, size_t len, struct err *err)
{
	unsigned kind = data[5];

	if (kind != 1 && kind != 2 && len - 6 < 12)
		return err_set(err, "a digest of %zu octets: expected 12 at least", len - 6);
	return check_digest("hash algorithm", kind, len - 6,
	    kind == 1 ? 48 : kind == 2 ? 64 : 0, err);
}

int
rdata_whole_nsec3(const uint8_t *data, size_t len, struct err *err)
{
	unsigned hash = data[5 + data[4]];

	(void)len;
	if (hash == 0)
		return err_set(err, "an empty hash");
	return check_digest("hash algorithm", data[0], hash, data[0] == 1 ? 20 : 0, err);
}

int
rdata_whole_key(const uint8_t *data, size_t len, struct err *err)
{
	if (len == 4 && (data[0] & 0xc0) != 0xc0)
		return err_set(err, "no key, and flags %u, which say that there is one",
		    dns_get16(data));
	return 0;
}

int
rdata_whole_rkey(const uint8_t *data, size_t len, struct err *err)
{
	(void)len;
	return dns_get16(data) == 0 ? 0 : err_set(err, "flags %u: expected 0", dns_get16(data));
}

int
rdata_whole_tag(struct rdata_octets *o)
{
	const uint8_t *tag = o->at + 1;

	if (rdata_octets_string(o) != 0)
		return -1;
	if (o->at == tag)
		return err_set(o->err, "an empty tag");
	for (const uint8_t *p = tag; p < o->at; p++)
		if (((*p | 0x20) < 'a' || (*p | 0x20) > 'z') && (*p < '0' || *p > '9'))
			return err_set(o->err, "a tag with octet 0x%02x: expected letters and "
			    "digits", *p);
	return 0;
}
