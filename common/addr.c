#include "common/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

static int
ip_parse(uint8_t *family, uint8_t ip[16], const char *text)
{
	memset(ip, 0, 16);
	if (inet_pton(AF_INET, text, ip) == 1) {
		*family = 4;
		return 0;
	}
	if (inet_pton(AF_INET6, text, ip) == 1) {
		*family = 6;
		return 0;
	}
	return -1;
}

int
addr_parse(struct addr *a, const char *text, struct err *err)
{
	char host[ADDR_TEXT];
	const char *at = strchr(text, '@');
	size_t len = at != NULL ? (size_t)(at - text) : strlen(text);
	uint64_t port = 0;

	if (at != NULL && (!text_is_number(at + 1, 65535, &port) || port == 0))
		return err_set(err, "\"%s\": the port after @ is not a number from 1 to 65535",
		    text);
	if (len >= sizeof(host))
		return err_set(err, "\"%.60s\" is not an IPv4 or IPv6 address", text);
	memcpy(host, text, len);
	host[len] = '\0';
	if (ip_parse(&a->family, a->ip, host) < 0)
		return err_set(err, "\"%s\" is not an IPv4 or IPv6 address", text);
	a->port = (uint16_t)port;
	return 0;
}

int
prefix_parse(struct prefix *p, const char *text, struct err *err)
{
	char host[ADDR_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	uint8_t masked[16];
	uint64_t bits, most;

	if (len >= sizeof(host))
		return err_set(err, "\"%.60s\" is not a prefix like \"10.0.0.0/8\"", text);
	memcpy(host, text, len);
	host[len] = '\0';
	if (ip_parse(&p->family, p->ip, host) < 0)
		return err_set(err, "\"%s\" is not a prefix like \"10.0.0.0/8\" or "
		    "\"2001:db8::/32\"", text);
	bits = most = addr_len(p->family) * 8;
	if (slash != NULL && !text_is_number(slash + 1, most, &bits))
		return err_set(err, "\"%s\": the prefix length is not a number from 0 to %u", text,
		    (unsigned)most);
	p->len = (uint8_t)bits;
	memcpy(masked, p->ip, 16);
	addr_mask(masked, p->len);
	if (memcmp(masked, p->ip, 16) != 0) {
		struct prefix meant = *p;
		char meant_text[ADDR_TEXT];
		memcpy(meant.ip, masked, 16);
		return err_set(err, "\"%s\" has bits set past its length, \"%s\" was expected",
		    text, prefix_text(&meant, meant_text));
	}
	return 0;
}

char *
addr_text(const struct addr *a, char *text)
{
	inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, text, ADDR_TEXT);
	if (a->port != 0) {
		size_t n = strlen(text);
		snprintf(text + n, ADDR_TEXT - n, "@%u", a->port);
	}
	return text;
}

char *
prefix_text(const struct prefix *p, char *text)
{
	size_t n;

	inet_ntop(p->family == 4 ? AF_INET : AF_INET6, p->ip, text, ADDR_TEXT);
	n = strlen(text);
	snprintf(text + n, ADDR_TEXT - n, "/%u", p->len);
	return text;
}

bool
prefix_contains(const struct prefix *p, uint8_t family, const uint8_t *ip)
{
	size_t whole = p->len / 8;
	unsigned rest = p->len % 8;

	assert(p->len <= addr_len(p->family) * 8);
	if (family != p->family || memcmp(p->ip, ip, whole) != 0)
		return false;
	return rest == 0 || ((p->ip[whole] ^ ip[whole]) >> (8 - rest)) == 0;
}

const struct prefix *
prefix_find(const struct prefix *v, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_contains(&v[i], a->family, a->ip))
			return &v[i];
	return NULL;
}

bool
addr_is_zero(const uint8_t ip[16])
{
	static const uint8_t zero[16];

	return memcmp(ip, zero, sizeof(zero)) == 0;
}

void
addr_mask(uint8_t *ip, unsigned len)
{
	unsigned whole = len / 8;

	if (whole >= 16)
		return;
	ip[whole] = (uint8_t)(ip[whole] & (0xff00 >> (len % 8)));
	memset(ip + whole + 1, 0, 15 - whole);
}

socklen_t
addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (a->family == 4) {
		struct sockaddr_in *sin = (struct sockaddr_in *)ss;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(a->port);
		memcpy(&sin->sin_addr, a->ip, 4);
		return sizeof(*sin);
	}
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(a->port);
	memcpy(&sin6->sin6_addr, a->ip, 16);
	return sizeof(*sin6);
}

int
addr_from_sockaddr(struct addr *a, const struct sockaddr *sa)
{
	memset(a, 0, sizeof(*a));
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)sa;
		a->family = 4;
		a->port = ntohs(sin->sin_port);
		memcpy(a->ip, &sin->sin_addr, 4);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)(const void *)sa;
		a->family = 6;
		a->port = ntohs(sin6->sin6_port);
		memcpy(a->ip, &sin6->sin6_addr, 16);
		return 0;
	}
	return -1;
}

bool
addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, addr_len(a->family)) == 0;
}
