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
	    m.override >= MESSAGE_OVERRIDES ||
	    (m.override == MESSAGE_OVERRIDE_NONE) != (m.override_id == 0) ||
	    m.local_total > MESSAGE_SERVERS_MAX || m.local_up > m.local_total ||
	    !is_text(m.reason) || !is_text(m.override_reason))
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
	};

	return verdict < VERDICT_COUNT ? name[verdict] : "?";
}

const char *
message_override_name(uint32_t override)
{
	static const char *const name[MESSAGE_OVERRIDES] = {
		[MESSAGE_OVERRIDE_NONE] = "none", [MESSAGE_OVERRIDE_DRAIN] = "drain",
		[MESSAGE_OVERRIDE_DRAINED] = "drained", [MESSAGE_OVERRIDE_FORCE_UP] = "force-up",
		[MESSAGE_OVERRIDE_FORCE_DOWN] = "force-down",
	};

	return override < MESSAGE_OVERRIDES ? name[override] : "?";
}

const char *
message_name(const struct verdict_message *m)
{
	return m->override != MESSAGE_OVERRIDE_NONE ? message_override_name(m->override) :
	    message_verdict_name(m->verdict);
}

const char *
message_reason(const struct verdict_message *m)
{
	return m->override != MESSAGE_OVERRIDE_NONE ? m->override_reason : m->reason;
}

bool
message_is_draining(const struct verdict_message *m)
{
	return m->override != MESSAGE_OVERRIDE_NONE ? m->override == MESSAGE_OVERRIDE_DRAIN :
	    m->verdict == VERDICT_DRAIN;
}

bool
message_is_drained(const struct verdict_message *m)
{
	return m->override != MESSAGE_OVERRIDE_NONE ? m->override == MESSAGE_OVERRIDE_DRAINED :
	    m->verdict == VERDICT_DRAINED;
}
