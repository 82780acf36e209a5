#include "ctl/ctl.h"

#include <string.h>

#include "common/control.h"

enum { RUN_DIR_MAX = 256 };

static void
remove_words(struct ctl *ctl, int at, int n)
{
	for (int i = at; i + n < ctl->argc; i++)
		ctl->argv[i] = ctl->argv[i + n];
	ctl->argc -= n;
}

int
ctl_option(struct ctl *ctl, const char *option)
{
	for (int i = 0; i < ctl->argc; i++)
		if (strcmp(ctl->argv[i], option) == 0) {
			remove_words(ctl, i, 1);
			return 1;
		}
	return 0;
}

const char *
ctl_option_value(struct ctl *ctl, const char *option)
{
	size_t len = strlen(option);

	for (int i = 0; i < ctl->argc; i++) {
		char *word = ctl->argv[i];
		if (strcmp(word, option) == 0 && i + 1 < ctl->argc) {
			char *value = ctl->argv[i + 1];
			remove_words(ctl, i, 2);
			return value;
		}
		if (strncmp(word, option, len) == 0 && word[len] == '=') {
			remove_words(ctl, i, 1);
			return word + len + 1;
		}
	}
	return NULL;
}

static void
warn_line(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "nearctl: %s\n", line);
}

const struct warn ctl_warn = { warn_line, NULL };

int
ctl_usage(const char *usage)
{
	fprintf(stderr, "usage: nearctl [-c FILE] %s\n", usage);
	return 2;
}

struct conf *
ctl_conf(const struct ctl *ctl)
{
	struct err err;
	struct conf *conf = conf_read(ctl->conf_path, NULL, &err);

	if (conf == NULL)
		fprintf(stderr, "nearctl: %s\n", err.text);
	return conf;
}

/* An operator asks a daemon how it is all the more when the configuration is broken: then a line
 * that says run-dir, or the default, will do. */
static void
find_run_dir(const struct ctl *ctl, char dir[RUN_DIR_MAX])
{
	struct err err;
	struct conf *conf = conf_read(ctl->conf_path, NULL, &err);
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
ctl_ask(const struct ctl *ctl, const char *daemon, const char *line, unsigned timeout_ms, FILE *out)
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
