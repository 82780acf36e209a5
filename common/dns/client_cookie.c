#include "common/dns/client_cookie.h"

#include <string.h>
#include <sys/random.h>

#include "common/dns/dns.h"
#include "common/dns/name.h"

enum { CLIENT_PART = 8, OPTION_HEADER = 4, RECORD_HEADER = 10 };

size_t
client_cookie_put(struct client_cookie *jar, uint8_t *out)
{
	if (jar->len == 0) {
		if (getrandom(jar->octets, CLIENT_PART, GRND_NONBLOCK) != CLIENT_PART)
			return 0;
		jar->len = CLIENT_PART;
	}
	dns_put16(out, DNS_OPT_COOKIE);
	dns_put16(out + 2, jar->len);
	memcpy(out + OPTION_HEADER, jar->octets, jar->len);
	return OPTION_HEADER + (size_t)jar->len;
}

/* Where the OPT record's type begins in the message; 0 = there is none that can be read. */
static size_t
find_opt(const uint8_t *m, size_t len)
{
	size_t at = DNS_HEADER_LEN;
	unsigned records;

	if (len < DNS_HEADER_LEN)
		return 0;
	records = (unsigned)dns_get16(m + 6) + dns_get16(m + 8) + dns_get16(m + 10);
	for (unsigned i = dns_get16(m + 4); i > 0; i--) {
		at = name_skip(m, len, at);
		if (at == 0 || len - at < 4)
			return 0;
		at += 4;
	}
	for (; records > 0; records--) {
		size_t rest;

		at = name_skip(m, len, at);
		if (at == 0 || len - at < RECORD_HEADER)
			return 0;
		rest = len - at - RECORD_HEADER;
		if (dns_get16(m + at + 8) > rest)
			return 0;
		if (dns_get16(m + at) == DNS_OPT)
			return at;
		at += RECORD_HEADER + (size_t)dns_get16(m + at + 8);
	}
	return 0;
}

/* The first cookie among the options; false if it is none of ours. */
static bool
take_option(struct client_cookie *jar, const uint8_t *options, size_t len)
{
	for (size_t at = 0; len - at >= OPTION_HEADER;) {
		size_t size = dns_get16(options + at + 2);
		const uint8_t *data = options + at + OPTION_HEADER;

		if (size > len - at - OPTION_HEADER)
			return false;
		if (dns_get16(options + at) == DNS_OPT_COOKIE) {
			if (size < 16 || size > sizeof(jar->octets) ||
			    memcmp(data, jar->octets, CLIENT_PART) != 0)
				return false;
			memcpy(jar->octets, data, size);
			jar->len = (uint8_t)size;
			return true;
		}
		at += OPTION_HEADER + size;
	}
	return false;
}

bool
client_cookie_take(struct client_cookie *jar, const uint8_t *answer, size_t len)
{
	size_t at = find_opt(answer, len);
	unsigned rcode;

	if (at == 0 || jar->len == 0)
		return false;
	rcode = (unsigned)answer[at + 4] << 4 | DNS_FLAGS_RCODE(answer[3]);
	return take_option(jar, answer + at + RECORD_HEADER, dns_get16(answer + at + 8)) &&
	    rcode == DNS_BADCOOKIE;
}
