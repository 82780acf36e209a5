/* Any bytes as a line of healthd's control socket: refused, or obeyed within all bounds. */
#include <stdlib.h>
#include <string.h>

#include "healthd/prober/operator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf_site sites[] = { { .name = (char *)(uintptr_t)"fra" },
    { .name = (char *)(uintptr_t)"nyc" } };
static struct conf_check check = { .kind = CONF_CHECK_CONTENT, .interval_ms = 1000, .rise = 3,
    .fall = 2 };
static struct conf_pool pools[] = { { .name = (char *)(uintptr_t)"p", .n_servers = 3 } };
static struct conf_server servers[] = {
	{ .name = (char *)(uintptr_t)"fra1", .v4.family = 4 },
	{ .name = (char *)(uintptr_t)"fra2", .v4.family = 4, .v6.family = 6 },
	{ .name = (char *)(uintptr_t)"nyc1", .site = 1, .v4.family = 4 },
};
static struct conf conf = { .sites = sites, .n_sites = 2, .checks = &check, .n_checks = 1,
    .pools = pools,
    .n_pools = 1, .servers = servers, .n_servers = 3, .ttl_max_s = 30 };

static void
obey(struct judge *judge, const char *line)
{
	struct judge_time now = { 1000000, 1.7e9 };
	struct operator_command c;
	struct operator_done done;
	struct err err = { .text = "" };

	if (operator_parse(&c, line, &err) < 0) {
		if (err.text[0] == '\0')
			abort();
		return;
	}
	if (strnlen(c.pattern, sizeof(c.pattern)) == sizeof(c.pattern) ||
	    strnlen(c.by, sizeof(c.by)) == sizeof(c.by) ||
	    strnlen(c.set, sizeof(c.set)) == sizeof(c.set) || c.for_s > OPERATOR_FOR_MAX_S)
		abort();
	if (c.verb == OPERATOR_STATUS || c.verb == OPERATOR_LOG || c.verb == OPERATOR_SETS)
		return;
	if (operator_apply(judge, &c, now, &done, &err) == 0 &&
	    (done.servers > 3 || done.sites > 2))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct judge_time now = { 1000000, 1.7e9 };
	struct judge *judge = judge_new(&conf, now);
	char *lines = malloc(size + 1), *save = NULL;
	struct verdict_message v;

	if (judge == NULL || lines == NULL)
		abort();
	memcpy(lines, data, size);
	lines[size] = '\0';
	for (char *line = strtok_r(lines, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save))
		obey(judge, line);
	now.mono_ms += 1000000;
	judge_step(judge, &(struct judge_event){ .kind = JUDGE_TICK }, now);
	judge_verdict(judge, now, &v);
	if (v.verdict >= VERDICT_COUNT || strnlen(v.reason, sizeof(v.reason)) == sizeof(v.reason))
		abort();
	free(lines);
	judge_free(judge);
	return 0;
}
