/*
 * nearctl reload, counters: questions to dnsd's control socket.  A reload is also healthd's, where
 * one is running; it returns when what was read is in service, with the daemons' warnings.  With
 * a configuration that cannot be read no daemon is asked to read it.
 */
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
	/* what the daemons say are warnings and refusals: text for people, on stderr */
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
