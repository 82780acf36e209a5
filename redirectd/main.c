/*
 * redirectd: sends downloads to other people's mirrors, each client to the nearest that has the
 * file.
 *
 * This reads the command line; redirectd.c does the rest.  Wrong usage ends with 2, all else that
 * is wrong with 1.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/conf/conf.h"
#include "common/log.h"
#include "redirectd/redirectd.h"

static int
usage(FILE *out)
{
	fputs("usage: redirectd [-dhtV] [-c FILE] [-s SITE]\n", out);
	return 2;
}

static int
print_help(void)
{
	usage(stdout);
	fputs("  -c FILE        the configuration, " CONF_DEFAULT_FILE "\n"
	    "  -d             log more\n"
	    "  -s SITE        this machine is SITE, whatever `here` says\n"
	    "  -t             check the configuration and what it names, and exit\n"
	    "  -V, --version  print the version\n"
	    "  -h, --help     print this\n"
	    "See redirectd(8) and nearcast.conf(5).\n", stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = CONF_DEFAULT_FILE, *here = NULL;
	enum log_level level = LOG_INFO;
	bool test = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:dhs:tV", long_options, NULL)) != -1)
		switch (option) {
		case 'c': path = optarg; break;
		case 'd': level = LOG_DEBUG; break;
		case 's': here = optarg; break;
		case 't': test = true; break;
		case 'h': return print_help();
		case 'V': puts("redirectd " VERSION); return 0;
		default: return usage(stderr);
		}
	if (optind != argc)
		return usage(stderr);
	log_open("redirectd", level);
	return test ? redirectd_check(path, here) : redirectd_run(path, here);
}
