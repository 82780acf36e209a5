/*
 * nearctl: what an operator asks of the daemons and of the files.
 *
 * This file knows the command line only: one table of commands, each with how many arguments
 * it takes and which options, and getopt_long, which finds options wherever they stand.
 *
 * A command is called when its line is whole; everything else is refused here with the usage
 * and the exit status 2.
 *
 * struct ctl is the command line as a command sees it; it lives in main's frame and points into
 * argv.  nearctl is one thread and needs no privilege but the daemons' sockets; what it writes is
 * the files that it was told to, and the catalogue.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

/* What a command takes, beside -c and --json that all do; whether it prints JSON. */
enum {
	TAKES_COUNT = 1, TAKES_FOR = 2, TAKES_FORCE = 4, TAKES_RESOLVER = 8, TAKES_WAIT = 16,
	PRINTS_JSON = 32, TAKES_OUT = 64,
	TAKES_ALL = 256, TAKES_AT = 512, TAKES_REASON = 1024, TAKES_WITHIN = 2048,
	FEWER_ARGS = 4096,		/* the command knows itself how many it needs */
	TAKES_TREE = 8192, TAKES_PIECES = 16384, TAKES_MD5 = 32768, TAKES_CATALOGUE = 65536,
	TAKES_WANTED = 131072, TAKES_PARALLEL = 262144, TAKES_LIMIT = 524288,
	TAKES_SINCE = 1048576, TAKES_HOST = 2097152, TAKES_KIND = 4194304, TAKES_FOLLOW = 8388608,
	TAKES_WORD = TAKES_FOR | TAKES_AT | TAKES_REASON | TAKES_ALL
};

/* What is said of an option where a command takes it. */
static const struct {
	unsigned option;
	const char *usage, *help;
} option_help[] = {
	{ TAKES_ALL, "--all", "every server (or site), however many; files: hash them all" },
	{ TAKES_AT, "--at TIME", "not now: at 22:30 (local), \"2026-11-28 22:30\", 22:30Z (UTC) or "
	    "\"in 2h\"" },
	{ TAKES_CATALOGUE, "--catalogue FILE", "not the one that nearcast.conf names" },
	{ TAKES_COUNT, "--count N", "so many times" },
	{ TAKES_FOLLOW, "--follow", "go on with what comes, until interrupted" },
	{ TAKES_FOR, "--for T", "so long, then as before: 90s, 15m, 2h or 1d" },
	{ TAKES_FORCE, "--force", "also where the daemon would refuse what it finds" },
	{ TAKES_HOST, "--host NAME", "lines of this machine alone" },
	{ TAKES_KIND, "--kind KIND", "lines of dnsd, healthd, keeper, redirectd or nginx alone" },
	{ TAKES_LIMIT, "--limit T", "a scan may take so long: 1h, if it is not given" },
	{ TAKES_MD5, "--md5", "know MD5 sums, too" },
	{ TAKES_PARALLEL, "--max-parallel N", "scan so many at a time: 1 to 64, 4 by default" },
	{ TAKES_PIECES, "--pieces", "know the hashes of pieces, for metalinks and torrents" },
	{ TAKES_OUT, "-o FILE", "write FILE" },
	{ TAKES_REASON, "--reason TEXT", "why; shown in the status and kept in the log" },
	{ TAKES_RESOLVER, "--resolver", "ADDRESS is the resolver's" },
	{ TAKES_SINCE, "--since TIME", "from then on: 15m (ago), or \"2026-11-28 22:30\" (UTC)" },
	{ TAKES_TREE, "--tree DIR", "where the manifest's files are" },
	{ TAKES_WANTED, "--wanted", "those that healthd wants scanned now, and no others" },
	{ TAKES_WAIT, "--wait", "return when it is drained, or will not be: then 1" },
	{ TAKES_WITHIN, "--within T", "wait until every server of this site holds it, at most T; "
	    "else 1" },
	{ PRINTS_JSON, "--json", "print JSON" },
};

static const struct command {
	const char *name;
	int (*run)(const struct ctl *ctl);
	int args;
	unsigned options;
	const char *usage, *help;
} commands[] = {
	{ "bird-config", ctl_bird_config, 0, TAKES_OUT, "bird-config",
	    "the BIRD configuration of this site" },
	{ "catalogue", ctl_catalogue, 2, FEWER_ARGS | TAKES_ALL | TAKES_CATALOGUE | TAKES_FORCE |
	    TAKES_MD5 | TAKES_PIECES | TAKES_TREE,
	    "catalogue import MANIFEST|DIR | show PATH | stats | check",
	    "which files there are, and which mirrors hold them" },
	{ "check", ctl_check, 0, 0, "check", "check configuration, zones and databases" },
	{ "clear", ctl_override, 1, 0, "clear SERVER|SITE|GLOB", "take any word back" },
	{ "counters", ctl_counters, 0, 0, "counters",
	    "dnsd's and redirectd's counters, in Prometheus text form" },
	{ "diff", ctl_diff, 2, PRINTS_JSON, "diff OLD.mmdb NEW.mmdb",
	    "whom a new database sends to other sites" },
	{ "drain", ctl_drain, 1, TAKES_WORD | TAKES_WAIT,
	    "drain SERVER|SITE|GLOB",
	    "give it to nobody; a site: take its route away gently" },
	{ "explain", ctl_explain, 2, TAKES_RESOLVER | PRINTS_JSON,
	    "explain NAME ADDRESS[/LEN]", "which servers a client gets, and why" },
	{ "force-down", ctl_override, 1, TAKES_WORD,
	    "force-down SERVER|SITE|GLOB",
	    "down, whatever the checks say" },
	{ "force-up", ctl_override, 1, TAKES_WORD,
	    "force-up SERVER|SITE|GLOB",
	    "up, whatever the checks say" },
	{ "log", ctl_log, 1, 0, "log SERVER|SITE", "what happened to it last, and why" },
	{ "logcat", ctl_logcat, 1, TAKES_SINCE | TAKES_HOST | TAKES_KIND | TAKES_FOLLOW,
	    "logcat DIR", "the lines of all segments below DIR, by their time" },
	{ "logcheck", ctl_logcheck, 1, 0, "logcheck DIR",
	    "is any event missing in the segments below DIR?" },
	{ "notify", ctl_notify, 2, TAKES_WITHIN | FEWER_ARGS, "notify [ID | POOL SET]",
	    "ask the origin now; or: this set is current now" },
	{ "redirector", ctl_redirector, 0, PRINTS_JSON, "redirector",
	    "redirectd of this machine, and the mirrors it sends clients to" },
	{ "reload", ctl_reload, 0, TAKES_FORCE, "reload",
	    "the daemons read their configuration again, dnsd its zones and databases" },
	{ "scan", ctl_scan, CONF_MAX_MIRRORS, FEWER_ARGS | TAKES_CATALOGUE | TAKES_FORCE |
	    TAKES_LIMIT | TAKES_PARALLEL | TAKES_WANTED,
	    "scan [MIRROR ...]", "what mirrors hold, by what their rsync daemons list" },
	{ "status", ctl_status, 0, PRINTS_JSON | TAKES_ALL, "status",
	    "the route, healthd and dnsd of this machine" },
	{ "undrain", ctl_override, 1, 0, "undrain SERVER|SITE|GLOB", "take a drain back" },
	{ "verify-scope", ctl_verify_scope, 0, PRINTS_JSON, "verify-scope",
	    "prove the scopes of every map" },
	{ "watch", ctl_watch, 0, TAKES_COUNT | TAKES_ALL | PRINTS_JSON, "watch",
	    "the same every second" },
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void
print_help(FILE *out)
{
	fputs("usage: nearctl [-c FILE] [-s SITE] [--json] COMMAND [ARGUMENT ...]\n"
	    "       nearctl -V\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-30s %s\n", commands[i].usage, commands[i].help);
	fputs("\n`nearctl COMMAND --help` says more.\n", out);
}

/* A command with all it takes. */
static const char *
whole_usage(const struct command *command)
{
	static char usage[256];
	size_t n = (size_t)snprintf(usage, sizeof(usage), "%s", command->usage);

	for (size_t i = 0; i < sizeof(option_help) / sizeof(option_help[0]); i++)
		if (command->options & option_help[i].option && n < sizeof(usage))
			n += (size_t)snprintf(usage + n, sizeof(usage) - n, " [%s]",
			    option_help[i].usage);
	return usage;
}

static void
print_command_help(const struct command *command)
{
	printf("usage: nearctl [-c FILE] [-s SITE] %s\n\n%s\n", whole_usage(command),
	    command->help);
	for (size_t i = 0; i < sizeof(option_help) / sizeof(option_help[0]); i++)
		if (command->options & option_help[i].option)
			printf("  %-16s %s\n", option_help[i].usage, option_help[i].help);
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* What was asked for beside what a command gets. */
struct asked {
	bool help, version, wrong;
	unsigned options;		/* TAKES_ */
};

static const struct option long_options[] = {
	{ "all", no_argument, NULL, TAKES_ALL },
	{ "at", required_argument, NULL, TAKES_AT },
	{ "catalogue", required_argument, NULL, TAKES_CATALOGUE },
	{ "count", required_argument, NULL, TAKES_COUNT },
	{ "follow", no_argument, NULL, TAKES_FOLLOW },
	{ "for", required_argument, NULL, TAKES_FOR },
	{ "force", no_argument, NULL, TAKES_FORCE },
	{ "help", no_argument, NULL, 'h' },
	{ "host", required_argument, NULL, TAKES_HOST },
	{ "json", no_argument, NULL, 'j' },
	{ "kind", required_argument, NULL, TAKES_KIND },
	{ "limit", required_argument, NULL, TAKES_LIMIT },
	{ "max-parallel", required_argument, NULL, TAKES_PARALLEL },
	{ "md5", no_argument, NULL, TAKES_MD5 },
	{ "pieces", no_argument, NULL, TAKES_PIECES },
	{ "reason", required_argument, NULL, TAKES_REASON },
	{ "resolver", no_argument, NULL, TAKES_RESOLVER },
	{ "since", required_argument, NULL, TAKES_SINCE },
	{ "tree", required_argument, NULL, TAKES_TREE },
	{ "version", no_argument, NULL, 'V' },
	{ "wait", no_argument, NULL, TAKES_WAIT },
	{ "wanted", no_argument, NULL, TAKES_WANTED },
	{ "within", required_argument, NULL, TAKES_WITHIN },
	{ NULL, 0, NULL, 0 },
};

/* Takes the options, wherever they stand; what is left begins at optind. */
static void
read_options(struct asked *asked, struct ctl *ctl, int argc, char **argv)
{
	int option;

	opterr = 0;			/* the command's usage is said instead */
	while ((option = getopt_long(argc, argv, "c:ho:s:V", long_options, NULL)) != -1) {
		switch (option) {
		case 'c': ctl->conf_path = optarg; break;
		case 'h': asked->help = true; break;
		case 'j': ctl->json = true; break;
		case 'o': ctl->out = optarg; asked->options |= TAKES_OUT; break;
		case 's': ctl->here = optarg; break;
		case 'V': asked->version = true; break;
		case TAKES_ALL: ctl->all = true; break;
		case TAKES_AT: ctl->at = optarg; break;
		case TAKES_REASON: ctl->reason = optarg; break;
		case TAKES_COUNT: ctl->count = optarg; break;
		case TAKES_FOR: ctl->duration = optarg; break;
		case TAKES_FOLLOW: ctl->follow = true; break;
		case TAKES_FORCE: ctl->force = true; break;
		case TAKES_RESOLVER: ctl->resolver = true; break;
		case TAKES_CATALOGUE: ctl->catalogue = optarg; break;
		case TAKES_HOST: ctl->host = optarg; break;
		case TAKES_KIND: ctl->kind = optarg; break;
		case TAKES_LIMIT: ctl->limit = optarg; break;
		case TAKES_MD5: ctl->md5 = true; break;
		case TAKES_PARALLEL: ctl->parallel = optarg; break;
		case TAKES_PIECES: ctl->pieces = true; break;
		case TAKES_SINCE: ctl->since = optarg; break;
		case TAKES_TREE: ctl->tree = optarg; break;
		case TAKES_WAIT: ctl->wait = true; break;
		case TAKES_WANTED: ctl->wanted = true; break;
		case TAKES_WITHIN: ctl->within = optarg; break;
		default: asked->wrong = true;
		}
		if (option <= TAKES_WAIT || option >= TAKES_ALL)
			asked->options |= (unsigned)option;
	}
}

int
main(int argc, char **argv)
{
	struct ctl ctl = { .conf_path = CONF_DEFAULT_FILE };
	struct asked asked = { 0 };
	const struct command *command;
	int args;

	read_options(&asked, &ctl, argc, argv);
	command = optind < argc ? find_command(argv[optind]) : NULL;
	if (asked.help && command != NULL) {
		print_command_help(command);
		return 0;
	}
	if (asked.help && optind >= argc) {
		print_help(stdout);
		return 0;
	}
	if (asked.version) {
		puts("nearctl " VERSION);
		return 0;
	}
	if (optind >= argc) {
		print_help(stderr);
		return 2;
	}
	if (command == NULL) {
		fprintf(stderr, "nearctl: there is no command \"%s\"; `nearctl -h` lists them\n",
		    argv[optind]);
		return 2;
	}
	ctl.command = command->name;
	ctl.usage = whole_usage(command);
	ctl.arg = argv + optind + 1;
	args = argc - optind - 1;
	if (asked.wrong || args > command->args ||
	    (args < command->args && (command->options & FEWER_ARGS) == 0) ||
	    (asked.options & ~command->options) != 0)
		return ctl_usage(&ctl);
	return command->run(&ctl);
}
