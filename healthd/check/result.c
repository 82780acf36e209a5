#include "healthd/check/result.h"

#include <string.h>

#include "common/text.h"

const char *
result_reason_name(enum reason reason)
{
	static const char *const name[REASON_COUNT] = {
		[REASON_NONE] = "unknown", [REASON_OK] = "ok", [REASON_TIMEOUT] = "timeout",
		[REASON_CONNECT] = "connect", [REASON_TLS] = "tls", [REASON_CUT] = "cut",
		[REASON_PROTOCOL] = "protocol", [REASON_CODE] = "code", [REASON_HEADER] = "header",
		[REASON_BODY] = "body", [REASON_SIZE] = "size", [REASON_RCODE] = "rcode",
		[REASON_ANSWER] = "answer", [REASON_EXIT] = "exit", [REASON_SET] = "set",
		[REASON_DIGEST] = "digest", [REASON_INTERNAL] = "internal",
	};

	return (unsigned)reason < REASON_COUNT ? name[reason] : "?";
}

bool
result_set_ok(const char *set)
{
	size_t n = strnlen(set, HEALTH_NAME_MAX);

	if (n == 0 || n == HEALTH_NAME_MAX || strcmp(set, "-") == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!text_in_name(set[i]))
			return false;
	return true;
}
