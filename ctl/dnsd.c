#include "ctl/ctl.h"

enum { RELOAD_MS = 600000, COUNTERS_MS = 5000 };

int
ctl_reload(struct ctl *ctl)
{
	int force = ctl_option(ctl, "--force");

	if (ctl->argc != 0)
		return ctl_usage("reload [--force]");
	/* warnings and refusals come as text, wherever it ends */
	return ctl_ask(ctl, "dnsd", force ? "reload --force" : "reload", RELOAD_MS, stderr);
}

int
ctl_counters(struct ctl *ctl)
{
	if (ctl->argc != 0)
		return ctl_usage("counters");
	return ctl_ask(ctl, "dnsd", "counters", COUNTERS_MS, stdout);
}
