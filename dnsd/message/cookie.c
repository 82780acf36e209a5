#include "dnsd/message/cookie.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/dns/dns.h"
#include "common/file.h"
#include "common/siphash.h"
#include "common/text.h"

enum {
	CLIENT_LEN = 8,
	SERVER_LEN = 16,		/* version, reserved (3), timestamp (4), hash (8) */
	MAX_AGE_S = 3600,
	MAX_AHEAD_S = 300,
	FILE_MAX = 4096
};

/* RFC 9018 4.4: SipHash-2-4(client cookie | version | reserved | timestamp | address), as the
 * octets the algorithm's authors give it: least significant first. */
static void
cookie_hash(const uint8_t secret[16], uint8_t hash[8], const uint8_t cookie[16],
    const struct addr *client)
{
	uint8_t data[16 + 16];
	size_t ip_len = addr_len(client->family);
	uint64_t h;

	memcpy(data, cookie, 16);
	memcpy(data + 16, client->ip, ip_len);
	h = siphash(secret, data, 16 + ip_len);
	for (unsigned i = 0; i < 8; i++)
		hash[i] = (uint8_t)(h >> (8 * i));
}

/* Equality in a time that does not depend on where they differ. */
static bool
equal_quietly(const uint8_t a[8], const uint8_t b[8])
{
	unsigned differ = 0;

	for (unsigned i = 0; i < 8; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

enum cookie_state
cookie_check(const struct cookie_secrets *secrets, const uint8_t *data, size_t len,
    const struct addr *client, uint32_t now_s)
{
	uint8_t hash[8];
	bool good = false;
	int32_t age;

	assert(len >= CLIENT_LEN && len <= 40);
	if (len == CLIENT_LEN)
		return COOKIE_CLIENT_ONLY;
	if (len != CLIENT_LEN + SERVER_LEN || data[CLIENT_LEN] != 1)
		return COOKIE_BAD;
	age = (int32_t)(now_s - dns_get32(data + CLIENT_LEN + 4));	/* RFC 1982 arithmetic */
	if (age > MAX_AGE_S || age < -MAX_AHEAD_S)
		return COOKIE_BAD;
	for (unsigned i = 0; i < secrets->n; i++) {
		cookie_hash(secrets->secret[i], hash, data, client);
		good |= equal_quietly(hash, data + 16);
	}
	return good ? COOKIE_VALID : COOKIE_BAD;
}

void
cookie_make(const struct cookie_secrets *secrets, uint8_t out[24], const uint8_t client_cookie[8],
    const struct addr *client, uint32_t now_s)
{
	assert(secrets->n != 0);
	memcpy(out, client_cookie, CLIENT_LEN);
	out[8] = 1;
	out[9] = out[10] = out[11] = 0;
	dns_put32(out + 12, now_s);
	cookie_hash(secrets->secret[0], out + 16, out, client);
}

/* Never prints a line: it may be a secret with a typing mistake. */
static int
parse_secrets(struct cookie_secrets *secrets, const char *path, const char *text, size_t len,
    struct err *err)
{
	unsigned line = 0;

	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t line_len = end != NULL ? (size_t)(end - text) - at : len - at;
		size_t next = at + line_len + 1;

		line++;
		if (line_len != 0 && text[at + line_len - 1] == '\r')
			line_len--;
		if (secrets->n == 2)
			return err_set(err, "%s:%u: a third line, one or two secrets were expected",
			    path, line);
		if (!text_hex(secrets->secret[secrets->n], 16, text + at, line_len))
			return err_set(err, "%s:%u: a line of %zu characters, "
			    "32 hexadecimal digits were expected", path, line, line_len);
		secrets->n++;
		at = next;
	}
	if (secrets->n == 0)
		return err_set(err, "%s:1: the file is empty, 32 hexadecimal digits were expected",
		    path);
	return 0;
}

int
cookie_read_secrets(struct cookie_secrets *secrets, const char *path, struct err *err)
{
	struct cookie_secrets fresh = { .n = 0 };
	char *text;
	size_t len;
	int rc;

	if (path == NULL) {
		if (getrandom(fresh.secret[0], 16, 0) != 16)
			return err_set(err, "no random numbers: %s", strerror(errno));
		fresh.n = 1;
		*secrets = fresh;
		return 0;
	}
	text = file_read(path, 0, FILE_MAX, &len, err);
	if (text == NULL)
		return err_prefix(err, "%s", path);
	rc = parse_secrets(&fresh, path, text, len, err);
	explicit_bzero(text, len);
	free(text);
	if (rc == 0)
		*secrets = fresh;
	return rc;
}
