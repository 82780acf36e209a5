/*
 * nearctl drain, undrain, force-up, force-down, clear, notify: the operator's override.
 *
 * Each command is one line to healthd's control socket: the verb, the servers or the site as a
 * name or a glob, for how long, and by whom.  healthd keeps the override, in its state file too,
 * and says which servers it hit (healthd/prober/operator.h).  Nothing is decided here but whether
 * a duration is one.
 *
 * With --wait, healthd is asked again and again how long a drain still takes: until the last TTL
 * that was handed out has run out and the route is gone.  A healthd that is restarted meanwhile
 * is asked on for ten seconds (PATIENCE times WAIT_STEP_MS).
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "ctl/ctl.h"

enum { ASK_MS = 5000, WAIT_STEP_MS = 250, PATIENCE = 40, MOST_NAME = 128 };

/* "90", "90s", "15m", "2h", "1d" in seconds; 0 = not a duration. */
static unsigned long
seconds_of(const char *text)
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

/* Who says it: the person behind sudo, else the user. */
static const char *
who(char out[64])
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

/* Asks how long the drain still takes, in milliseconds; -1 after saying why not. */
static long long
left_ms(const struct ctl *ctl, const char *line)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	long long left = -1;

	if (out == NULL)
		return -1;
	if (ctl_ask(ctl, "healthd", line, ASK_MS, out) == 0 && fflush(out) == 0)
		left = strtoll(text, NULL, 10);
	fclose(out);
	free(text);
	return left;
}

/* Returns when the last TTL handed out has run out and the route is gone. */
static int
wait_drained(const struct ctl *ctl, const char *pattern)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000 };
	char line[256];
	long long said = -1;

	snprintf(line, sizeof(line), "left %s", pattern);
	/* a healthd that is being restarted is asked again for a while */
	for (int failures = 0; failures < PATIENCE; nanosleep(&step, NULL)) {
		long long left = left_ms(ctl, line);

		if (left == 0) {
			puts("drained");
			return 0;
		}
		failures = left < 0 ? failures + 1 : 0;
		if (left > 0 && (said < 0 || said - left >= 10000)) {
			fprintf(stderr, "draining, %lld s left\n", (left + 999) / 1000);
			said = left;
		}
	}
	return 1;
}

/* Sends healthd a verb about the servers or the site that the argument names. */
static int
send_override(const struct ctl *ctl, const char *verb)
{
	unsigned long for_s = ctl->duration != NULL ? seconds_of(ctl->duration) : 0;
	char line[512], name[64], last[48] = "";

	if (strlen(ctl->arg[0]) > MOST_NAME)
		return ctl_usage(ctl);
	if (ctl->duration != NULL && for_s == 0) {
		fprintf(stderr, "nearctl: --for \"%s\": "
		    "a duration like 90s, 15m, 2h or 1d was expected\n", ctl->duration);
		return 2;
	}
	if (for_s != 0)
		snprintf(last, sizeof(last), " for %lu", for_s);
	snprintf(line, sizeof(line), "%s %s%s by %s", verb, ctl->arg[0], last, who(name));
	if (ctl_ask(ctl, "healthd", line, ASK_MS, stdout) != 0)
		return 1;
	fflush(stdout);
	return 0;
}

int
ctl_drain(const struct ctl *ctl)
{
	int status = send_override(ctl, "drain");

	return status == 0 && ctl->wait ? wait_drained(ctl, ctl->arg[0]) : status;
}

int
ctl_undrain(const struct ctl *ctl)
{
	return send_override(ctl, "undrain");
}

int
ctl_force_up(const struct ctl *ctl)
{
	return send_override(ctl, "force-up");
}

int
ctl_force_down(const struct ctl *ctl)
{
	return send_override(ctl, "force-down");
}

int
ctl_clear(const struct ctl *ctl)
{
	return send_override(ctl, "clear");
}

int
ctl_notify(const struct ctl *ctl)
{
	char line[512], name[64];

	if (strlen(ctl->arg[0]) > MOST_NAME || strlen(ctl->arg[1]) > MOST_NAME)
		return ctl_usage(ctl);
	snprintf(line, sizeof(line), "notify %s %s by %s", ctl->arg[0], ctl->arg[1], who(name));
	return ctl_ask(ctl, "healthd", line, ASK_MS, stdout);
}
