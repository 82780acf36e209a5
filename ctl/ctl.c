#include "ctl/ctl.h"

#include <string.h>

#include "common/control.h"

enum { RUN_DIR_MAX = 256 };

static void
warn_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "nearctl: %s\n", line);
}

const struct warn ctl_warn = { warn_line, NULL };

int
ctl_usage(const struct ctl *ctl)
{
	fprintf(stderr, "usage: nearctl [-c FILE] %s%s\n", ctl->usage,
	    ctl->prints_json ? " [--json]" : "");
	return 2;
}

struct conf *
ctl_conf(const struct ctl *ctl)
{
	struct err err;
	struct conf *conf = conf_read(ctl->conf_path, ctl->here, NULL, &err);

	if (conf == NULL)
		fprintf(stderr, "nearctl: %s\n", err.text);
	return conf;
}

/* Where the daemons' sockets are.  When the configuration is broken, an operator must still be
 * able to ask a daemon how it is: then any line that sets run-dir counts, else the default. */
static void
find_run_dir(const struct ctl *ctl, char dir[RUN_DIR_MAX])
{
	struct err err;
	struct conf *conf = conf_read(ctl->conf_path, ctl->here, NULL, &err);
	char line[1024];
	FILE *f;

	snprintf(dir, RUN_DIR_MAX, "%s", conf != NULL ? conf->run_dir : "/run/nearcast");
	if (conf != NULL) {
		conf_free(conf);
		return;
	}
	fprintf(stderr, "nearctl: warning: %s\n", err.text);
	f = fopen(ctl->conf_path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, " run-dir = \"%255[^\"]\"", dir) == 1)
			break;
	if (f != NULL)
		fclose(f);
}

int
ctl_ask(const struct ctl *ctl, const char *daemon, const char *line, unsigned timeout_ms,
    FILE *out)
{
	char dir[RUN_DIR_MAX], path[RUN_DIR_MAX + 32];
	struct err err;
	int rc;

	find_run_dir(ctl, dir);
	snprintf(path, sizeof(path), "%s/%s.sock", dir, daemon);
	rc = control_ask(path, line, timeout_ms, out, &err);
	if (rc < 0)
		fprintf(stderr, "nearctl: %s: %s\n", daemon, err.text);
	return rc < 0;
}
