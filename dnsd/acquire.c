#include "dnsd/acquire.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privilege.h"
#include "dnsd/reread.h"

/* Every TCP connection is a descriptor, beside those of workers, zones, databases, the health file
 * and commands, which strangers must not take: where the system allows fewer, the half for them
 * is the least. */
unsigned
acquire_descriptors(const struct conf *conf)
{
	uint64_t others = 64 * (uint64_t)conf->n_listen + 256, want, allowed;

	want = conf->tcp.max_connections + others;
	allowed = privilege_files(want);
	if (allowed == 0 || allowed >= want)
		return conf->tcp.max_connections;
	allowed = allowed > 2 * others ? allowed - others : allowed / 2;
	log_warn("the system allows too few open files, %ju were wanted: "
	    "perhaps fewer TCP connections than the configured %u, %ju",
	    (uintmax_t)want, conf->tcp.max_connections, (uintmax_t)allowed);
	return (unsigned)allowed;
}

/* A reload happens without privileges: better to say now what it will not be able to read.
 * Programs are healthd's to run. */
static void
warn_unreadable(const struct inputs *inputs)
{
	static const struct conf_access_say say = { &log_warn_lines, NULL, NULL, 0 };

	reread_say(inputs, NULL, &say);
}

/* In an order that says "already running" before "address in use". */
int
acquire(struct acquire *got, const struct inputs *inputs, struct loop *loop,
    control_handle *handle, void *arg, struct err *err)
{
	const struct conf *conf = inputs->conf;
	struct privilege_user user;
	unsigned tcp_most;
	char path[4096];

	*got = (struct acquire){ NULL, NULL };
	snprintf(path, sizeof(path), "%s/dnsd.sock", conf->run_dir);
	tcp_most = acquire_descriptors(conf);
	if (privilege_find(&user, conf->user, err) < 0 ||
	    privilege_folder(conf->run_dir, &user, err) < 0 ||
	    (got->control = control_listen(loop, path, handle, arg, err)) == NULL ||
	    (got->server = server_bind(conf, err)) == NULL)
		return -1;
	server_limit_tcp(got->server, tcp_most);
	if (geteuid() == 0 && user.name == NULL)
		log_warn("running as root: `user` in %s would give that up", conf->path);
	if (user.name == NULL)
		return 0;
	if ((geteuid() == 0 && control_give(got->control, user.uid, user.gid, err) < 0) ||
	    privilege_keep_bind(&user, err) < 0)
		return -1;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);	/* memory holds the cookie secret */
	warn_unreadable(inputs);
	return 0;
}
