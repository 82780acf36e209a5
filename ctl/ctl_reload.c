/*
 * nearctl reload, counters: questions to the daemons' control sockets.
 *
 * A reload reaches both daemons or fails.  healthd is asked first whether it would take the file,
 * for one that only dnsd takes leaves two configurations; then dnsd, for healthd judges it by what
 * it was told to serve: where one has refused, both go on as before.
 * Then healthd's keeper is asked, whose answer comes when another prober has been heard.  Where no
 * healthd runs there is none to be asked, unless the configuration announces something.  With
 * a configuration that cannot be read no daemon is asked to read it.
 *
 * What the daemons say is text for people, on stderr.  The exit status is 3 if nothing is wrong
 * but that an option that has changed needs a restart: dnsd/outcome.h and
 * healthd/route/keeper_reload.c have the words.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl.h"

enum { RELOAD_MS = 600000, COUNTERS_MS = 5000, HEALTHD_MS = 60000, NEEDS_RESTART = 3 };

static const char refused[] = "not reloaded: ", restart[] = "restart needed: ";

/* What became of a daemon's reload: 0, 1 or NEEDS_RESTART; `taken` tells whether it is in force. */
static int
ask_reload(const struct ctl *ctl, const char *daemon, const char *line, unsigned ms, bool *taken)
{
	struct err err;
	int rc = ctl_ask_quietly(ctl, daemon, line, ms, stderr, &err);
	const char *why = err.text;

	*taken = rc == 0;
	if (rc == 0)
		return 0;
	fprintf(stderr, "nearctl: %s: %s\n", strcmp(daemon, "keeper") == 0 ? "healthd" : daemon,
	    why);
	if (rc == -1)
		return 1;
	if (strncmp(why, refused, sizeof(refused) - 1) == 0)
		why += sizeof(refused) - 1;
	else
		*taken = true;		/* but for what it names */
	return strncmp(why, restart, sizeof(restart) - 1) == 0 ? NEEDS_RESTART : 1;
}

/* Is a healthd to be asked?  One that is not there is none of a site that announces nothing. */
static bool
has_healthd(const struct conf *conf)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/keeper.sock", conf->run_dir);
	return conf->announce.enabled || access(path, F_OK) == 0;
}

/* Would healthd take the file?  One that cannot be asked is no reason to leave dnsd as it is. */
static bool
would_take(const struct ctl *ctl)
{
	struct err err;

	if (ctl_ask_quietly(ctl, "keeper", "try", HEALTHD_MS, NULL, &err) == 0 ||
	    strncmp(err.text, refused, sizeof(refused) - 1) != 0)
		return true;
	fprintf(stderr, "nearctl: healthd: %s\n"
	    "nearctl: dnsd was not asked, for healthd would not take the configuration\n",
	    err.text);
	return false;
}

int
ctl_reload(const struct ctl *ctl)
{
	struct conf *conf = ctl_conf(ctl);
	int of_dnsd, of_healthd;
	bool taken, with_healthd;

	if (conf == NULL)
		return 1;
	with_healthd = has_healthd(conf);
	conf_free(conf);
	if (with_healthd && !would_take(ctl))
		return 1;
	of_dnsd = ask_reload(ctl, "dnsd", ctl->force ? "reload --force" : "reload", RELOAD_MS,
	    &taken);
	if (!with_healthd)
		return of_dnsd;
	if (!taken) {
		fputs("nearctl: healthd was not asked, for dnsd has not taken the configuration\n",
		    stderr);
		return of_dnsd;
	}
	of_healthd = ask_reload(ctl, "keeper", "reload", HEALTHD_MS, &taken);
	if (!taken)
		fputs("nearctl: dnsd has taken the configuration, healthd has not\n", stderr);
	return of_dnsd == 1 || of_healthd == 1 ? 1 : of_dnsd != 0 ? of_dnsd : of_healthd;
}

int
ctl_counters(const struct ctl *ctl)
{
	return ctl_ask(ctl, "dnsd", "counters", COUNTERS_MS, stdout);
}
