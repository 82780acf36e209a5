/*
 * redirectd: sends downloads to other people's mirrors, each client to the nearest that has the
 * file.
 *
 * redirectd.c does that.  Wrong usage ends with 2, all else that is wrong with 1.
 */
#include "common/conf/conf_command.h"
#include "redirectd/redirectd.h"

int
main(int argc, char **argv)
{
	struct conf_command command;
	int status;

	if (!conf_command_read(&command, "redirectd", "check the configuration and what it names",
	    argc, argv, &status))
		return status;
	log_open("redirectd", command.level);
	return (command.test ? redirectd_check : redirectd_run)(command.path, command.here);
}
