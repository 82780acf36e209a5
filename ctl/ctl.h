/*
 * ctl: the commands of nearctl.  One file a command (or a family of them); a
 * command gets the words after its name and returns the exit status: 0 done, 1 the
 * answer is no or something failed (said on stderr), 2 wrong usage.
 */
#ifndef NEARCAST_CTL_H
#define NEARCAST_CTL_H

struct ctl {
	const char *conf_path;		/* -c, or the default */
	int json;			/* --json */
	int argc;			/* words after the command's name, options removed */
	char **argv;
};

#endif
