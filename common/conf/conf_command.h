/*
 * conf_command: the command line of a daemon, which is the same for all of them:
 * [-dhtV] [-c FILE] [-s SITE].
 *
 * Knows the options and their help; what a check looks at, and what the daemon does, it does not
 * know.  main's thread, once.
 */
#ifndef NEARCAST_CONF_COMMAND_H
#define NEARCAST_CONF_COMMAND_H

#include <stdbool.h>

#include "common/log.h"

struct conf_command {
	const char *path;		/* the configuration; this and `here` point into argv */
	const char *here;		/* NULL = what the configuration says */
	enum log_level level;
	bool test;			/* check only */
};

/* `daemon` is the program's name, `tests` what its -t does, for the help.  False = all has been
 * said, and *status is the exit status: 0, or 2 for wrong usage. */
bool conf_command_read(struct conf_command *command, const char *daemon, const char *tests,
    int argc, char **argv, int *status);

#endif
