/*
 * check_command: the kind "command": an operator's program, whose exit status 0 is ok.
 *
 * spawn.c lets a bounded number run at once; the check begins when its turn has come.  The
 * program learns the server from its environment and nothing else from us.  A probe owns its
 * struct command, and the texts of that environment in it, from prepare to release.
 * Only its exit status counts; the last line that a failing one prints tells people why, and is
 * part of the result's detail.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "healthd/check/kinds.h"
#include "healthd/check/spawn.h"

struct command {
	struct probe *probe;
	struct spawn_job job;
	char server[HEALTH_NAME_MAX + 32], address[ADDR_TEXT + 32], site[HEALTH_NAME_MAX + 32];
};

static void
on_turn_come(struct spawn_job *job)
{
	/* waiting for its turn was not the server's fault */
	probe_began(LOOP_OWNER(job, struct command, job)->probe);
}

static void
on_exit_status(struct spawn_job *job, int status, int error)
{
	struct probe *p = LOOP_OWNER(job, struct command, job)->probe;
	struct result r = probe_result(p, REASON_EXIT);
	char line[SPAWN_LINE_MAX], how[40];

	spawn_last_line(job, line);
	if (status == -1) {
		r.reason = REASON_TIMEOUT;
		snprintf(how, sizeof(how), "killed after %u ms", p->check->timeout_ms);
	} else if (status == -2) {
		r.reason = REASON_INTERNAL;
		snprintf(r.detail, sizeof(r.detail), "cannot be started: %s", strerror(error));
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		r.reason = REASON_OK;
	} else if (WIFEXITED(status)) {
		snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(status));
	} else {
		snprintf(how, sizeof(how), "killed by signal %d", WTERMSIG(status));
	}
	if (r.reason == REASON_EXIT || r.reason == REASON_TIMEOUT)
		snprintf(r.detail, sizeof(r.detail), "%.38s%s%.38s", how,
		    line[0] != '\0' ? ": " : "", line);
	probe_done(p, &r);
}

int
check_command_prepare(struct probe *p, struct err *err)
{
	const struct conf *conf = p->checks->conf;
	struct command *c = calloc(1, sizeof(*c));
	char ip[ADDR_TEXT];
	struct addr bare = p->addr;

	if (c == NULL)
		return err_set(err, "out of memory");
	bare.port = 0;
	c->probe = p;
	snprintf(c->server, sizeof(c->server), "NEARCAST_SERVER=%s", p->server->name);
	snprintf(c->address, sizeof(c->address), "NEARCAST_ADDRESS=%s", addr_text(&bare, ip));
	snprintf(c->site, sizeof(c->site), "NEARCAST_SITE=%s",
	    p->server->site < conf->n_sites ? conf->sites[p->server->site].name : "");
	c->job.argv = p->check->command;
	c->job.env[0] = (char *)(uintptr_t)SPAWN_PATH;
	c->job.env[1] = c->server;
	c->job.env[2] = c->address;
	c->job.env[3] = c->site;
	c->job.timeout_ms = p->check->timeout_ms;
	c->job.listen = true;
	c->job.started = on_turn_come;
	c->job.done = on_exit_status;
	p->own = c;
	return 0;
}

void
check_command_release(struct probe *p)
{
	free(p->own);
}

void
check_command_start(struct probe *p)
{
	struct command *c = p->own;
	struct result r;

	if (spawn_start(p->checks->commands, &c->job) == 0)
		return;
	r = probe_result(p, REASON_INTERNAL);
	snprintf(r.detail, sizeof(r.detail), "too many commands wait");
	probe_done(p, &r);
}

void
check_command_cancel(struct probe *p)
{
	spawn_cancel(&((struct command *)p->own)->job);
}
