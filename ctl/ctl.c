#include "ctl/ctl.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/control.h"
#include "common/text.h"
#include "common/utf8.h"

/* A prober is heard of within a second of its start; one that does not start is no use. */
enum { RUN_DIR_MAX = 256, KEEPER_MS = 1000, TRIES = 100, TRY_MS = 50 };

static void
warn_line(void *arg, const char *line)
{
	char text[sizeof(((struct err *)0)->text)];

	(void)arg;
	snprintf(text, sizeof(text), "%s", line);
	utf8_clean(text);			/* it may show what a file holds, octet by octet */
	fprintf(stderr, "nearctl: %s\n", text);
}

const struct warn ctl_warn = { warn_line, NULL };

int
ctl_usage(const struct ctl *ctl)
{
	fprintf(stderr, "usage: nearctl [-c FILE] %s\n", ctl->usage);
	return 2;
}

struct conf *
ctl_conf(const struct ctl *ctl)
{
	struct err err;
	struct conf *conf = conf_read(ctl->conf_path, ctl->here, NULL, &ctl_warn, &err);

	if (conf == NULL && err.told == 0)
		fprintf(stderr, "nearctl: %s\n", err.text);
	return conf;
}

/* When the configuration is broken, an operator must still be able to ask a daemon how it is:
 * then any line that sets run-dir counts, else the default. */
static void
guess_run_dir(const char *path, char dir[RUN_DIR_MAX])
{
	FILE *f = fopen(path, "r");
	char line[1024];

	snprintf(dir, RUN_DIR_MAX, "/run/nearcast");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, " run-dir = \"%255[^\"]\"", dir) == 1)
			break;
	if (f != NULL)
		fclose(f);
}

struct conf *
ctl_conf_or_bare(const struct ctl *ctl, struct err *broken)
{
	struct conf *conf = conf_read(ctl->conf_path, ctl->here, NULL, NULL, broken);
	char dir[RUN_DIR_MAX], text[RUN_DIR_MAX + 32];
	struct err err;

	if (conf != NULL) {
		broken->text[0] = '\0';
		return conf;
	}
	guess_run_dir(ctl->conf_path, dir);
	snprintf(text, sizeof(text), "run-dir = \"%s\"\n", dir);
	return conf_parse(ctl->conf_path, text, strlen(text), NULL, NULL, NULL, &err);
}

/* Where the daemons' sockets are; looked for once, however often a daemon is asked. */
static const char *
run_dir(const struct ctl *ctl)
{
	static char dir[RUN_DIR_MAX];
	struct err broken;
	struct conf *conf;

	if (dir[0] != '\0')
		return dir;
	conf = ctl_conf_or_bare(ctl, &broken);
	snprintf(dir, RUN_DIR_MAX, "%s", conf != NULL ? conf->run_dir : "/run/nearcast");
	if (broken.text[0] != '\0')
		fprintf(stderr, "nearctl: warning: %s\n", broken.text);
	conf_free(conf);
	return dir;
}

static int
ask_once(const char *dir, const char *daemon, const char *line, unsigned timeout_ms,
    FILE *out, struct err *err)
{
	char path[RUN_DIR_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s.sock", dir, daemon);
	return control_ask(path, line, timeout_ms, out, err);
}

static bool
keeper_lives(const char *dir)
{
	struct err err;

	return ask_once(dir, "keeper", "digest", KEEPER_MS, NULL, &err) == 0;
}

bool
ctl_keeper_lives(const struct ctl *ctl)
{
	return keeper_lives(run_dir(ctl));
}

int
ctl_ask_quietly(const struct ctl *ctl, const char *daemon, const char *line, unsigned timeout_ms,
    FILE *out, struct err *err)
{
	const char *dir = run_dir(ctl);
	int rc = -1;

	for (unsigned tries = 0; tries < TRIES; tries++) {
		char *text = NULL;
		size_t len = 0;
		FILE *answer = open_memstream(&text, &len);

		if (answer == NULL)
			return err_set(err, "out of memory");
		rc = ask_once(dir, daemon, line, timeout_ms, answer, err);
		fclose(answer);
		if (rc != -1 && out != NULL)
			fwrite(text, 1, len, out);
		free(text);
		if (rc != -1 || strcmp(daemon, "healthd") != 0 || !keeper_lives(dir))
			break;
		nanosleep(&(struct timespec){ .tv_nsec = TRY_MS * 1000000 }, NULL);
	}
	return rc;
}

int
ctl_ask(const struct ctl *ctl, const char *daemon, const char *line, unsigned timeout_ms,
    FILE *out)
{
	struct err err;
	int rc = ctl_ask_quietly(ctl, daemon, line, timeout_ms, out, &err);

	if (rc < 0)
		fprintf(stderr, "nearctl: %s: %s\n", daemon, err.text);
	return rc < 0;
}

unsigned long
ctl_seconds(const char *text)
{
	static const struct { const char *unit; unsigned long s; } units[] = {
		{ "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 },
	};
	struct text rest = text_of(text);
	uint64_t n;

	if (text_number(&rest, 31622400, &n) != TEXT_FOUND)
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(rest.at, units[i].unit) == 0)
			return n * units[i].s;
	return 0;
}

const char *
ctl_who(char out[64])
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *pw = getpwuid(getuid());
	const char *name = sudo != NULL && *sudo != '\0' ? sudo : pw != NULL ? pw->pw_name : NULL;

	if (name != NULL && strlen(name) < 64 && strpbrk(name, " \t\n\"\\") == NULL)
		snprintf(out, 64, "%s", name);
	else
		snprintf(out, 64, "uid-%u", (unsigned)getuid());
	return out;
}

bool
ctl_is_word(const char *what, const char *text)
{
	const char *at = text;

	while (text_in_word(*at))
		at++;
	if (at != text && *at == '\0' && at - text <= CTL_NAME_MAX)
		return true;
	fprintf(stderr, "nearctl: %s: a word of 1 to %d printable characters without blanks and "
	    "quotes was expected\n", what, CTL_NAME_MAX);
	return false;
}
