/* Fuzzes the parsers of EDNS options on their own: Client Subnet and cookies. */
#include <assert.h>
#include <string.h>

#include "common/addr.h"
#include "dnsd/message/cookie.h"
#include "dnsd/message/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is let through is what RFC 7871 6 calls well-formed. */
static void
client_subnet(const uint8_t *data, size_t size)
{
	struct query_ecs ecs = { .present = false };
	uint8_t masked[16];

	if (!query_parse_ecs(&ecs, data, size)) {
		assert(!ecs.present);
		return;
	}
	assert(ecs.present && data[3] == 0);
	assert(ecs.family == 4 || ecs.family == 6 || (ecs.family == 0 && ecs.source == 0));
	assert(ecs.source <= (ecs.family == 6 ? 128 : 32));
	assert(size == 4u + (ecs.source + 7u) / 8);
	memcpy(masked, ecs.ip, sizeof(masked));
	addr_mask(masked, ecs.source);
	assert(memcmp(masked, ecs.ip, sizeof(masked)) == 0);
}

/* No octets but those that cookie_make writes are a valid cookie, and those are. */
static void
cookie(const uint8_t *data, size_t size)
{
	static const struct cookie_secrets secrets = { .secret = { "0123456789abcdef" }, .n = 1 };
	struct addr client = { .family = 4, .ip = { 192, 0, 2, 1 }, .port = 53 };
	const uint32_t now_s = 1763700000;
	uint8_t made[24];
	enum cookie_state state;

	if (size < 8 || size > 40)
		return;			/* query_parse lets no other lengths through */
	state = cookie_check(&secrets, data, size, &client, now_s);
	assert((state == COOKIE_CLIENT_ONLY) == (size == 8));
	assert(state != COOKIE_VALID || size == 24);
	cookie_make(&secrets, made, data, &client, now_s);
	assert(memcmp(made, data, 8) == 0);
	assert(cookie_check(&secrets, made, sizeof(made), &client, now_s) == COOKIE_VALID);
	client.ip[3]++;
	assert(cookie_check(&secrets, made, sizeof(made), &client, now_s) == COOKIE_BAD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	client_subnet(data, size);
	cookie(data, size);
	return 0;
}
