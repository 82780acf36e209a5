#include "common/rdata/rdata_old.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "common/rdata/rdata_field.h"

enum { TCP = 6, UDP = 17, PORTS_OCTETS = 65536 / 8 };

/* What RFC 1010 lists and is met most; a machine without /etc/services reads these too. */
static const struct {
	const char *name;
	uint16_t port;
} services[] = {
	{ "ftp-data", 20 }, { "ftp", 21 }, { "ssh", 22 }, { "telnet", 23 }, { "smtp", 25 },
	{ "time", 37 }, { "nameserver", 42 }, { "domain", 53 }, { "tftp", 69 }, { "gopher", 70 },
	{ "finger", 79 }, { "http", 80 }, { "pop3", 110 }, { "sunrpc", 111 }, { "nntp", 119 },
	{ "ntp", 123 }, { "snmp", 161 }
};

static bool
is_number(const struct master_token *tok)
{
	return !tok->quoted && tok->len != 0 && tok->s[0] >= '0' && tok->s[0] <= '9';
}

/* The token's name, ended with NUL.  false = too long for one. */
static bool
token_text(const struct master_token *tok, char name[32])
{
	if (tok->quoted || tok->len == 0 || tok->len > 31)
		return false;
	snprintf(name, 32, "%.*s", (int)tok->len, tok->s);
	return true;
}

static int
read_protocol(struct rdata *r, uint64_t *protocol)
{
	struct protoent entry, *found = NULL;
	char name[32], room[2048];

	if (is_number(r->tok))
		return master_token_number(r->tok, 255, protocol, r->err);
	if (master_token_is(r->tok, "tcp"))
		*protocol = TCP;
	else if (master_token_is(r->tok, "udp"))
		*protocol = UDP;
	else if (token_text(r->tok, name) &&
	    getprotobyname_r(name, &entry, room, sizeof(room), &found) == 0 && found != NULL &&
	    entry.p_proto >= 0 && entry.p_proto <= 255)
		*protocol = (uint64_t)entry.p_proto;
	else
		return rdata_field_bad(r, "a protocol: 0 to 255, or its name");
	return 0;
}

static int
read_port(struct rdata *r, uint64_t protocol, uint64_t *port)
{
	struct servent entry, *found = NULL;
	char name[32], room[2048];

	if (is_number(r->tok))
		return master_token_number(r->tok, 65535, port, r->err);
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (master_token_is(r->tok, services[i].name)) {
			*port = services[i].port;
			return 0;
		}
	if (!token_text(r->tok, name) ||
	    getservbyname_r(name, protocol == UDP ? "udp" : "tcp", &entry, room, sizeof(room),
	    &found) != 0 || found == NULL)
		return rdata_field_bad(r, "a port: 0 to 65535, or the name of a service");
	*port = ntohs((uint16_t)entry.s_port);
	return 0;
}

static int
read_ports(struct rdata *r, uint64_t protocol, uint8_t *bits)
{
	uint64_t port = 0;
	size_t len = 0;

	for (; r->tok < r->end; r->tok++) {
		if (read_port(r, protocol, &port) != 0)
			return -1;
		bits[port / 8] |= (uint8_t)(0x80 >> port % 8);
		if (port / 8 + 1 > len)
			len = port / 8 + 1;
	}
	return rdata_field_put(r, bits, len);
}

int
rdata_old_wks_read(struct rdata *r)
{
	uint64_t protocol = 0;
	uint8_t octet, *bits;
	int rc;

	if (read_protocol(r, &protocol) != 0)
		return -1;
	r->tok++;
	octet = (uint8_t)protocol;
	if (rdata_field_put(r, &octet, 1) != 0)
		return -1;
	bits = calloc(1, PORTS_OCTETS);
	if (bits == NULL)
		return err_set(r->err, "out of memory");
	rc = read_ports(r, protocol, bits);
	free(bits);
	return rc;
}

int
rdata_old_wks_check(struct rdata_octets *o)
{
	if (rdata_octets_u8(o) != 0)
		return -1;
	if (rdata_octets_left(o) > PORTS_OCTETS || (o->at < o->end && o->end[-1] == 0))
		return err_set(o->err, "expected bits for the ports 0 to 65535, not ending with 0");
	return rdata_octets_rest(o);
}

int
rdata_old_x25_check(struct rdata_octets *o)
{
	const uint8_t *text = o->at + 1;

	if (rdata_octets_string(o) != 0)
		return -1;
	for (const uint8_t *p = text; p < o->at; p++)
		if (*p < '0' || *p > '9')
			return err_set(o->err, "expected an address of digits");
	if (o->at - text < 4)
		return err_set(o->err, "expected an address of at least four digits");
	return 0;
}

/* Hex digits behind the first `skip` characters, dots between them left out. */
static int
read_dotted(struct rdata *r, uint32_t skip, const char *expected)
{
	unsigned half = 0, digits = 0;

	for (uint32_t i = skip; i < r->tok->len; i++) {
		int v = text_hex_digit(r->tok->s[i]);
		uint8_t octet = (uint8_t)(half << 4 | (unsigned)v);
		if (r->tok->s[i] == '.')
			continue;
		if (v < 0)
			return rdata_field_bad(r, expected);
		if (++digits % 2 == 0 && rdata_field_put(r, &octet, 1) != 0)
			return -1;
		half = (unsigned)v;
	}
	if (digits == 0 || digits % 2 != 0 || r->tok->quoted)
		return rdata_field_bad(r, expected);
	r->tok++;
	return 0;
}

int
rdata_old_nsap_read(struct rdata *r)
{
	static const char expected[] = "0x and an even number of hexadecimal digits";

	if (r->tok->len < 2 || r->tok->s[0] != '0' || (r->tok->s[1] | 0x20) != 'x')
		return rdata_field_bad(r, expected);
	return read_dotted(r, 2, expected);
}

int
rdata_old_atma_read(struct rdata *r)
{
	const struct master_token *tok = r->tok;
	bool number = tok->len != 0 && tok->s[0] == '+';
	uint32_t start = r->len;

	if (rdata_field_put(r, number ? "\1" : "", 1) != 0)
		return -1;
	if (!number)
		return read_dotted(r, 0, "hexadecimal digits, or + and a number");
	for (uint32_t i = 1; i < tok->len; i++) {
		if (tok->s[i] == '.')
			continue;
		if (tok->quoted || tok->s[i] < '0' || tok->s[i] > '9')
			return rdata_field_bad(r, "+ and a number of digits");
		if (rdata_field_put(r, &tok->s[i], 1) != 0)
			return -1;
	}
	if (r->len == start + 1)
		return rdata_field_bad(r, "+ and a number of digits");
	r->tok++;
	return 0;
}

int
rdata_old_atma_check(struct rdata_octets *o)
{
	if (rdata_octets_u8(o) != 0)
		return -1;
	if (o->at[-1] == 1)
		for (const uint8_t *p = o->at; p < o->end; p++)
			if (*p < '0' || *p > '9')
				return err_set(o->err, "expected a number of digits");
	return rdata_octets_some(o);
}
