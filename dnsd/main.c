/*
 * dnsd: the command line.
 *
 * One thread; either checks a configuration (check.h) or becomes the daemon (daemon.h), which
 * starts all other threads.  The log is opened for the daemon only: a check speaks to people.
 * Wrong usage ends with 2, all else that is wrong with 1.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/conf/conf.h"
#include "common/log.h"
#include "dnsd/check.h"
#include "dnsd/daemon.h"

static int
usage(FILE *out)
{
	fputs("usage: dnsd [-dhtV] [-c FILE] [-s SITE]\n", out);
	return 2;
}

static int
print_help(void)
{
	usage(stdout);
	fputs("  -c FILE        the configuration, " CONF_DEFAULT_FILE "\n"
	    "  -d             log at debug level\n"
	    "  -s SITE        this machine is SITE, whatever `here` says\n"
	    "  -t             check configuration, zones and databases, and exit\n"
	    "  -V, --version  print the version\n"
	    "  -h, --help     print this\n"
	    "See dnsd(8) and nearcast.conf(5).\n", stdout);
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
	int test = 0, option;

	while ((option = getopt_long(argc, argv, "c:dhs:tV", long_options, NULL)) != -1)
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'd':
			level = LOG_DEBUG;
			break;
		case 'h':
			return print_help();
		case 's':
			here = optarg;
			break;
		case 't':
			test = 1;
			break;
		case 'V':
			puts("dnsd " VERSION);
			return 0;
		default:
			return usage(stderr);
		}
	if (optind != argc)
		return usage(stderr);
	if (test)
		return check_run(path, here);
	log_open("dnsd", level);
	return daemon_run(path, here);
}
