/*
 * nearctl reload, counters: questions to the daemons' control sockets.
 *
 * A reload reaches both daemons or fails.  healthd is asked first whether it would take the file,
 * for one that only dnsd takes leaves two configurations; then dnsd, for healthd judges it by what
 * it was told to serve: where one has refused, both go on as before.
 * Then healthd's keeper is asked, whose answer comes when another prober has been heard.  Where no
 * healthd runs there is none to be asked, unless the configuration announces something.  redirectd
 * is asked last, where it runs, for it depends on neither.  A machine that has a redirector and
 * nothing to listen on for DNS has no dnsd.  With a configuration that cannot be read no daemon
 * is asked to read it.
 *
 * What the daemons say is text for people, on stderr.  The exit status is 3 if nothing is wrong
 * but that an option that has changed needs a restart: dnsd/outcome.h and
 * healthd/route/keeper_reload.c have the words, redirectd the same.
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

static bool
runs(const struct conf *conf, const char *daemon)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s.sock", conf->run_dir, daemon);
	return access(path, F_OK) == 0;
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

/* What is worse of two: 1, then NEEDS_RESTART. */
static int
worse(int a, int b)
{
	return a == 1 || b == 1 ? 1 : a != 0 ? a : b;
}

/* dnsd and healthd, as far as they are there. */
static int
reload_dns(const struct ctl *ctl, bool with_dnsd, bool with_healthd)
{
	int of_dnsd = 0, of_healthd;
	bool taken = true;

	if (with_healthd && !would_take(ctl))
		return 1;
	if (with_dnsd)
		of_dnsd = ask_reload(ctl, "dnsd", ctl->force ? "reload --force" : "reload",
		    RELOAD_MS, &taken);
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
	return worse(of_dnsd, of_healthd);
}

int
ctl_reload(const struct ctl *ctl)
{
	struct conf *conf = ctl_conf(ctl);
	bool with_dnsd, with_healthd, with_redirectd, taken;
	int rc;

	if (conf == NULL)
		return 1;
	/* one that is not there is none of a site that announces nothing */
	with_healthd = conf->announce.enabled || runs(conf, "keeper");
	with_redirectd = runs(conf, "redirectd");
	with_dnsd = conf->n_listen != 0 || !with_redirectd || runs(conf, "dnsd");
	conf_free(conf);
	rc = reload_dns(ctl, with_dnsd, with_healthd);
	if (!with_redirectd)
		return rc;
	return worse(rc, ask_reload(ctl, "redirectd", "reload", RELOAD_MS, &taken));
}

/* Of dnsd and of redirectd, as far as they are there; one of them has to be. */
int
ctl_counters(const struct ctl *ctl)
{
	struct err broken;
	struct conf *conf = ctl_conf_or_bare(ctl, &broken);
	bool with_dnsd, with_redirectd;
	int rc = 0;

	if (conf == NULL)
		return 1;
	with_redirectd = runs(conf, "redirectd");
	with_dnsd = !with_redirectd || runs(conf, "dnsd");
	conf_free(conf);
	if (with_dnsd)
		rc = ctl_ask(ctl, "dnsd", "counters", COUNTERS_MS, stdout);
	if (with_redirectd && ctl_ask(ctl, "redirectd", "counters", COUNTERS_MS, stdout) != 0)
		rc = 1;
	return rc;
}
