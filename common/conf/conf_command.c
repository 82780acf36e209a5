#include "common/conf/conf_command.h"

#include <getopt.h>
#include <stdio.h>

#include "common/conf/conf.h"

static void
print_usage(FILE *out, const char *daemon)
{
	fprintf(out, "usage: %s [-dhtV] [-c FILE] [-s SITE]\n", daemon);
}

static void
print_options(const char *daemon, const char *tests)
{
	print_usage(stdout, daemon);
	printf("  -c FILE        the configuration, " CONF_DEFAULT_FILE "\n"
	    "  -d             log more\n"
	    "  -s SITE        this machine is SITE, whatever `here` says\n"
	    "  -t             %s, and exit\n"
	    "  -V, --version  print the version\n"
	    "  -h, --help     print this\n"
	    "See %s(8) and nearcast.conf(5).\n", tests, daemon);
}

bool
conf_command_read(struct conf_command *command, const char *daemon, const char *tests, int argc,
    char **argv, int *status)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*command = (struct conf_command){ .path = CONF_DEFAULT_FILE, .level = LOG_INFO };
	*status = 0;
	while ((option = getopt_long(argc, argv, "c:dhs:tV", long_options, NULL)) != -1)
		switch (option) {
		case 'c': command->path = optarg; break;
		case 'd': command->level = LOG_DEBUG; break;
		case 's': command->here = optarg; break;
		case 't': command->test = true; break;
		case 'h': print_options(daemon, tests); return false;
		case 'V': printf("%s %s\n", daemon, VERSION); return false;
		default: *status = 2;
		}
	if (*status == 0 && optind == argc)
		return true;
	print_usage(stderr, daemon);
	*status = 2;
	return false;
}
