/* Any bytes as the header lines and the body of an HTTP answer: bounded, judged, never a crash. */
#include <stdlib.h>
#include <string.h>

#include "healthd/check/http_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf_check check = {
	.name = (char *)(uintptr_t)"c", .kind = CONF_CHECK_CONTENT, .max_size = 1000,
	    .load_header = true, .slow_at_ms = 100,
	.set_header = (char *)(uintptr_t)"X-Set-Id",
	    .match_header = (char *)(uintptr_t)"X-State: ^(fine|well)-[0-9]+$",
	.match_body = (char *)(uintptr_t)"^all (is )*well$",
};

/* Lines up to an empty one, then the body in two pieces. */
static void
feed(struct http_answer *a, const char *data, size_t size)
{
	const char *end = data + size, *nl;

	while ((nl = memchr(data, '\n', (size_t)(end - data))) != NULL) {
		size_t len = (size_t)(nl + 1 - data);

		if (!http_answer_header(a, data, len))
			return;
		data = nl + 1;
		if (len == 1)
			break;
	}
	size = (size_t)(end - data);
	if (http_answer_body(a, data, size / 2))
		http_answer_body(a, data + size / 2, size - size / 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_match match;
	struct http_answer a;
	struct err err;

	if (size == 0 || http_answer_match_compile(&match, &check, &err) < 0)
		return 0;
	check.set_header = (char *)(uintptr_t)(data[0] & 1 ? "X-Set-Id" : "");
	http_answer_init(&a, &check, data[0] & 2 ? &match : NULL, data[0] & 4);
	for (unsigned twice = 0; twice < 2; twice++) {
		struct result r = { .reason = REASON_OK };
		int load;

		http_answer_reset(&a);
		feed(&a, (const char *)data + 1, size - 1);
		http_answer_judge(&a, 200, &r);
		load = http_answer_load(&a, data[0] * 1000u);
		if (load < -1 || load > 100 || a.body_len > check.max_size ||
		    r.reason >= REASON_COUNT ||
		    (result_ok(&r) && r.set != NULL && !result_set_ok(r.set)))
			abort();
		http_answer_shrink(&a);
	}
	http_answer_free(&a);
	return 0;
}
