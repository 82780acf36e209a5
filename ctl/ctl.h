/*
 * ctl: the commands of nearctl.  One file a command (or a family of them); a
 * command gets the words after its name and returns the exit status: 0 done, 1 the
 * answer is no or something failed (said on stderr), 2 wrong usage.
 */
#ifndef NEARCAST_CTL_H
#define NEARCAST_CTL_H

#include <stdbool.h>
#include <stdio.h>

#include "common/conf/conf.h"

struct ctl {
	const char *conf_path;		/* -c, or the default */
	int json;			/* --json */
	int argc;			/* words after the command's name, options removed */
	char **argv;
};

/* ---- what commands share (ctl/ctl.c) ---- */

/* Removes the option (a word like "--force") from the words; true if it was there. */
int ctl_option(struct ctl *ctl, const char *option);

/* The same for an option with a value ("--for 1h", "--for=1h"): the value, or NULL. */
const char *ctl_option_value(struct ctl *ctl, const char *option);

/* Writes a line to stderr, as whoever warns of files does. */
extern const struct warn ctl_warn;

/* Says how the command is used, on stderr; returns 2. */
int ctl_usage(const char *usage);

/* The configuration, or NULL after saying why on stderr.  The caller frees it. */
struct conf *ctl_conf(const struct ctl *ctl);

/* Asks a daemon ("dnsd" or "healthd") one line over its socket in run-dir; its text goes to
 * `out`.  0, or 1 after saying why on stderr. */
int ctl_ask(const struct ctl *ctl, const char *daemon, const char *line, unsigned timeout_ms, FILE *out);

/* ---- the commands: main.c has the table ---- */

int ctl_bird_config(struct ctl *ctl);	/* ctl_bird_config.c */
int ctl_check(struct ctl *ctl);		/* ctl_check.c */
int ctl_diff(struct ctl *ctl);		/* ctl_diff.c */
int ctl_explain(struct ctl *ctl);	/* ctl_explain.c */
int ctl_drain(struct ctl *ctl);		/* ctl_operator.c */
int ctl_undrain(struct ctl *ctl);
int ctl_force_up(struct ctl *ctl);
int ctl_force_down(struct ctl *ctl);
int ctl_clear(struct ctl *ctl);
int ctl_notify(struct ctl *ctl);
int ctl_reload(struct ctl *ctl);	/* ctl_reload.c */
int ctl_counters(struct ctl *ctl);
int ctl_status(struct ctl *ctl);	/* ctl_status.c */
int ctl_watch(struct ctl *ctl);
int ctl_verify_scope(struct ctl *ctl);	/* ctl_verify_scope.c */

#endif
