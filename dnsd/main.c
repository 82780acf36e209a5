/*
 * dnsd: either checks a configuration (check.h) or becomes the daemon (daemon.h), which starts all
 * other threads.
 *
 * One thread.  The log is opened for the daemon only: a check speaks to people.  Wrong usage ends
 * with 2, all else that is wrong with 1.
 */
#include "common/conf/conf_command.h"
#include "dnsd/check.h"
#include "dnsd/daemon.h"

int
main(int argc, char **argv)
{
	struct conf_command command;
	int status;

	if (!conf_command_read(&command, "dnsd", "check configuration, zones and databases",
	    argc, argv, &status))
		return status;
	if (command.test)
		return check_run(command.path, command.here);
	log_open("dnsd", command.level);
	return daemon_run(command.path, command.here);
}
