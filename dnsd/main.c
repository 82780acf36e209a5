/*
 * dnsd: the command line.
 *
 * One thread; either checks a configuration (check.h) or becomes the daemon (daemon.h), which
 * starts all other threads.  The log is opened for the daemon only: a check speaks to people.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/conf/conf.h"
#include "common/log.h"
#include "dnsd/check.h"
#include "dnsd/daemon.h"

static int
usage(void)
{
	fputs("usage: dnsd [-dtV] [-c FILE] [-s SITE]\n", stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	const char *path = CONF_DEFAULT_FILE, *here = NULL;
	enum log_level level = LOG_INFO;
	int test = 0, option;

	while ((option = getopt(argc, argv, "c:ds:tV")) != -1)
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'd':
			level = LOG_DEBUG;
			break;
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
			return usage();
		}
	if (optind != argc)
		return usage();
	if (test)
		return check_run(path, here);
	log_open("dnsd", level);
	return daemon_run(path, here);
}
