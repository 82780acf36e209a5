#include <stdio.h>
#include <unistd.h>

#include "ctl/ctl.h"

enum { RELOAD_MS = 600000, COUNTERS_MS = 5000, HEALTHD_MS = 5000 };

int
ctl_reload(const struct ctl *ctl)
{
	int failed;
	struct conf *conf;
	char healthd[4096];

	conf = ctl_conf(ctl);
	if (conf == NULL)
		return 1;
	snprintf(healthd, sizeof(healthd), "%s/healthd.sock", conf->run_dir);
	conf_free(conf);
	/* warnings and refusals come as text, wherever it ends */
	failed = ctl_ask(ctl, "dnsd", ctl->force ? "reload --force" : "reload", RELOAD_MS, stderr);
	if (access(healthd, F_OK) == 0)
		failed |= ctl_ask(ctl, "healthd", "reload", HEALTHD_MS, stderr);
	return failed;
}

int
ctl_counters(const struct ctl *ctl)
{
	return ctl_ask(ctl, "dnsd", "counters", COUNTERS_MS, stdout);
}
