/*
 * ctl: the commands of nearctl, one file a command or a family of them.
 *
 * A command gets a command line that is whole (main.c), prints on stdout, and returns the exit
 * status: 0 done, 1 the answer is no or something failed (said on stderr), 2 wrong usage.  It
 * knows files and the daemons' sockets; commands do not know each other.  One thread.
 */
#ifndef NEARCAST_CTL_H
#define NEARCAST_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "common/conf/conf.h"

/* A command line that main.c has found whole. */
struct ctl {
	const char *conf_path;		/* -c, or the default */
	const char *here;		/* -s: the site this machine is; NULL = as the file says */
	const char *command;		/* its name */
	const char *usage;		/* of the command, with its options */
	bool json, force, resolver, wait, all, md5, pieces, wanted;
	const char *out;		/* -o, NULL = stdout */
	const char *count;		/* --count, NULL = not given */
	const char *duration;		/* --for, NULL = not given */
	const char *within;		/* --within, NULL = not given */
	const char *tree, *catalogue;	/* --tree, --catalogue; NULL = not given */
	const char *parallel, *limit;	/* --max-parallel, --limit; NULL = not given */
	const char *at, *reason;	/* --at, --reason; NULL = not given */
	bool follow;			/* --follow */
	const char *since, *host, *kind;	/* --since, --host, --kind; NULL = not given */
	char *const *arg;		/* as many as the usage names; a NULL is behind the last */
};

/* ---- what commands share (ctl/ctl.c) ---- */

/* Writes a line to stderr, as whoever warns of files does. */
extern const struct warn ctl_warn;

/* Says how the command is used, on stderr; returns 2. */
int ctl_usage(const struct ctl *ctl);

/* The configuration, or NULL after saying why on stderr.  The caller frees it. */
struct conf *ctl_conf(const struct ctl *ctl);

/* The same, or one that knows nothing but run-dir, and why in `broken`, which is "" else: the
 * daemons can be asked how they are whatever the file holds by now.  NULL without memory. */
struct conf *ctl_conf_or_bare(const struct ctl *ctl, struct err *broken);

/* Asks a daemon ("dnsd", "healthd" or, for its parent process, "keeper") one line over its socket
 * in run-dir; its text goes to `out`.  A healthd whose socket is away while its keeper lives is
 * starting its prober again: it is waited for, a few seconds.  0, or 1 after saying why on
 * stderr. */
int ctl_ask(const struct ctl *ctl, const char *daemon, const char *line, unsigned timeout_ms,
    FILE *out);

/* The same without a word: -1 with the reason why it could not be asked, -2 with its own. */
int ctl_ask_quietly(const struct ctl *ctl, const char *daemon, const char *line,
    unsigned timeout_ms, FILE *out, struct err *err);

/* Is its keeper there? */
bool ctl_keeper_lives(const struct ctl *ctl);

#define CTL_NAME_MAX 128

/* Is it a word of 1 to CTL_NAME_MAX characters?  What stands behind a blank or on another line
 * would be read as the daemon's own words.  False after saying so of `what` on stderr. */
bool ctl_is_word(const char *what, const char *text);

/* "90", "90s", "15m", "2h", "1d" in seconds; 0 = not a duration. */
unsigned long ctl_seconds(const char *text);

/* Who says it: the person behind sudo, else the user.  Returns `out`. */
const char *ctl_who(char out[64]);

/* ---- the commands: main.c has the table ---- */

int ctl_bird_config(const struct ctl *ctl);	/* ctl_bird_config.c */
int ctl_catalogue(const struct ctl *ctl);	/* ctl_catalogue.c */
int ctl_check(const struct ctl *ctl);		/* ctl_check.c */
int ctl_diff(const struct ctl *ctl);		/* ctl_diff.c */
int ctl_explain(const struct ctl *ctl);	/* ctl_explain.c */
int ctl_drain(const struct ctl *ctl);		/* ctl_operator.c */
int ctl_override(const struct ctl *ctl);	/* undrain, force-up, force-down, clear */
int ctl_log(const struct ctl *ctl);
int ctl_logcat(const struct ctl *ctl);	/* ctl_logcat.c */
int ctl_logcheck(const struct ctl *ctl);	/* ctl_logcheck.c */
int ctl_notify(const struct ctl *ctl);		/* ctl_notify.c */
int ctl_reload(const struct ctl *ctl);	/* ctl_reload.c */
int ctl_counters(const struct ctl *ctl);
int ctl_redirector(const struct ctl *ctl);
int ctl_scan(const struct ctl *ctl);		/* ctl_scan.c */
int ctl_status(const struct ctl *ctl);	/* ctl_status.c */
int ctl_watch(const struct ctl *ctl);
int ctl_verify_scope(const struct ctl *ctl);	/* ctl_verify_scope.c */

#endif
