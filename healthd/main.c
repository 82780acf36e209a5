/*
 * healthd: probes, judges, publishes, announces.
 *
 * This file reads the configuration, makes the folders, and lets the keeper run (route/keeper.h).
 * It is the only one that knows both sides of the wall of privileges: it hands the prober's
 * functions (prober/prober.h) to the keeper, which runs them in children without privileges.  It
 * may still be root: what the prober's libraries would read is looked at by such a child, too
 * (route/trial.h).
 *
 * Whatever goes wrong here ends the program, with one line that says why; -t says all that can be
 * known without opening anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/conf/conf.h"
#include "common/conf/conf_access.h"
#include "common/conf/conf_command.h"
#include "common/log.h"
#include "healthd/check/running.h"
#include "healthd/route/dnsd_watch.h"
#include "healthd/route/keeper.h"
#include "healthd/route/trial.h"
#include "healthd/prober/prober.h"

#define MAIN_FILES 65536		/* descriptors that thousands of probes may need */

/* -t: what can be known without opening anything, and whether what will be read and run can be.
 * The exit status. */
static int
check_only(const struct conf *conf)
{
	static const struct conf_access_say say = { &log_warn_lines, &log_error_lines, NULL, 0 };
	struct privilege_user user;
	struct dnsd_watch *watch;
	struct loop *loop;
	struct err err;

	if (privilege_find(&user, conf->user, &err) < 0) {
		log_warn("%s", err.text);
		user.name = NULL;
	}
	if (trial_run(prober_check_main, conf, &user, &err) < 0 || (loop = loop_new(&err)) == NULL)
		log_fatal("%s", err.text);
	watch = dnsd_watch_new(loop, conf, &err);
	if (watch == NULL)
		log_fatal("%s: %s", conf->path, err.text);
	dnsd_watch_free(watch);
	loop_free(loop);
	return conf_access_say_as(conf, &user, &say) == 0 ? 0 : 1;
}

/* At the start what is missing is said, no more: a site without a hook is better than none. */
static void
warn_access(const struct conf *conf, const struct privilege_user *user)
{
	static const struct conf_access_say say = { &log_warn_lines, &log_warn_lines, NULL, 0 };

	conf_access_say_as(conf, user, &say);
}

/* Two keepers would pull the markers to and fro.  The descriptor stays open for the
 * life of the process; the lock ends with it. */
static void
lock_run_dir(const char *run_dir)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/healthd.lock", run_dir);
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		log_fatal("%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		log_fatal("%s: a healthd is running here already", path);
}

int
main(int argc, char **argv)
{
	struct keeper_setup setup = { .prober = prober_run, .check = prober_reload_main };
	struct conf_command command;
	struct err err;
	int status;

	if (!conf_command_read(&command, "healthd", "check the configuration", argc, argv, &status))
		return status;
	log_open("healthd", command.level);
	setup.conf = conf_read(command.path, command.here, &log_warn_lines, &log_error_lines, &err);
	if (setup.conf == NULL && err.told != 0)
		return 1;
	if (setup.conf == NULL)
		log_fatal("%s", err.text);
	if (command.test) {
		status = check_only(setup.conf);
		conf_free(setup.conf);
		return status;
	}
	if (privilege_find(&setup.user, geteuid() == 0 ? setup.conf->user : NULL, &err) < 0)
		log_fatal("%s: %s", command.path, err.text);
	if (trial_run(prober_check_main, setup.conf, &setup.user, &err) < 0)
		log_fatal("%s", err.text);
	warn_access(setup.conf, &setup.user);
	if (privilege_files(MAIN_FILES) == 0)
		log_warn("descriptors: %s", strerror(errno));
	if (privilege_folder(setup.conf->run_dir, &setup.user, &err) < 0 ||
	    privilege_folder(setup.conf->state_dir, &setup.user, &err) < 0)
		log_fatal("%s: %s", command.path, err.text);
	lock_run_dir(setup.conf->run_dir);
	if (running_open(&err) < 0)
		log_warn("a check that hangs cannot be found out: %s", err.text);
	return keeper_run(&setup);
}
