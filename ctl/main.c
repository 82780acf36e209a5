/*
 * nearctl: what an operator asks of the daemons and of the files.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

static const struct {
	const char *name;
	int (*run)(struct ctl *ctl);
	const char *usage, *help;
} commands[] = {
	{ "bird-config", ctl_bird_config, "bird-config", "the BIRD configuration of this site" },
	{ "check", ctl_check, "check", "check configuration, zones and databases" },
	{ "clear", ctl_clear, "clear SERVER|SITE|GLOB", "take any word back" },
	{ "counters", ctl_counters, "counters", "dnsd's counters, in Prometheus text form" },
	{ "diff", ctl_diff, "diff OLD.mmdb NEW.mmdb", "whom a new database sends to other sites" },
	{ "drain", ctl_drain, "drain SERVER|SITE|GLOB [--for T] [--wait]", "give it to nobody; a site: take its route away gently" },
	{ "explain", ctl_explain, "explain NAME ADDRESS[/LEN] [--resolver]", "which servers a client gets, and why" },
	{ "force-down", ctl_force_down, "force-down SERVER|SITE|GLOB [--for T]", "down, whatever the checks say" },
	{ "force-up", ctl_force_up, "force-up SERVER|SITE|GLOB [--for T]", "up, whatever the checks say" },
	{ "notify", ctl_notify, "notify POOL SET", "this set of content is current now" },
	{ "reload", ctl_reload, "reload [--force]", "both daemons read their configuration again, dnsd its zones and databases" },
	{ "status", ctl_status, "status", "the route, healthd and dnsd of this machine" },
	{ "undrain", ctl_undrain, "undrain SERVER|SITE|GLOB", "take a drain back" },
	{ "verify-scope", ctl_verify_scope, "verify-scope", "prove the scopes of every map" },
	{ "watch", ctl_watch, "watch [--count N]", "the same every second" },
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void
print_help(FILE *out)
{
	fputs("usage: nearctl [-c FILE] [--json] COMMAND [ARGUMENT ...]\n"
	    "       nearctl -V\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-42s %s\n", commands[i].usage, commands[i].help);
}

/* Takes -c FILE and --json from anywhere before or after the command's name. */
static int
parse_common(struct ctl *ctl)
{
	const char *path = ctl_option_value(ctl, "-c");

	ctl->conf_path = path != NULL ? path : CONF_DEFAULT_FILE;
	ctl->json = ctl_option(ctl, "--json");
	if (ctl_option(ctl, "-h") || ctl_option(ctl, "--help")) {
		print_help(stdout);
		return 0;
	}
	if (ctl_option(ctl, "-V")) {
		puts("nearctl " VERSION);
		return 0;
	}
	if (ctl->argc == 0) {
		print_help(stderr);
		return 2;
	}
	return -1;
}

int
main(int argc, char **argv)
{
	struct ctl ctl = { .argc = argc - 1, .argv = argv + 1 };
	int done = argc > 0 ? parse_common(&ctl) : 2;
	const char *name;

	if (done >= 0)
		return done;
	name = ctl.argv[0];
	ctl.argc--;
	ctl.argv++;
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(&ctl);
	fprintf(stderr, "nearctl: there is no command \"%s\"; `nearctl -h` lists them\n", name);
	return 2;
}
