#include "healthd/message.h"

#include <string.h>

/* NUL-terminated printable ASCII, as health_reason lets through. */
static bool
is_text(const char text[HEALTH_REASON_MAX])
{
	size_t len = strnlen(text, HEALTH_REASON_MAX);

	if (len == HEALTH_REASON_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
			return false;
	return true;
}

bool
message_check(struct verdict_message *out, const void *bytes, size_t len)
{
	struct verdict_message m;

	if (len != sizeof(m))
		return false;
	memcpy(&m, bytes, sizeof(m));
	if (m.magic != MESSAGE_VERDICT || m.verdict >= VERDICT_COUNT ||
	    m.local_total > MESSAGE_SERVERS_MAX || m.local_up > m.local_total ||
	    !is_text(m.reason))
		return false;
	*out = m;
	return true;
}

const char *
message_verdict_name(uint32_t verdict)
{
	static const char *const name[VERDICT_COUNT] = {
		[VERDICT_NONE] = "none", [VERDICT_UP] = "up",
		[VERDICT_CACHES_DOWN] = "caches-down", [VERDICT_DRAIN] = "drain",
		[VERDICT_DRAINED] = "drained", [VERDICT_HOLD] = "hold",
		[VERDICT_FORCE_UP] = "force-up", [VERDICT_FORCE_DOWN] = "force-down",
	};

	return verdict < VERDICT_COUNT ? name[verdict] : "?";
}
