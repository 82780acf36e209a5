#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/log.h"
#include "healthd/prober/prober_inner.h"

enum { AT_ONCE = 8, WAITING = 1024, TIMEOUT_MS = 30000, ENV_LEN = 256 };

struct hook_job {
	struct prober *prober;
	struct spawn_job job;
	char env[SPAWN_ENV][ENV_LEN];
	char *argv[2];
};

int
hook_open(struct prober *p, struct err *err)
{
	p->hooks = spawn_open(p->loop, AT_ONCE, WAITING);
	return p->hooks != NULL ? 0 : err_set(err, "out of memory");
}

void
hook_close(struct prober *p)
{
	spawn_close(p->hooks, false);
}

static void
on_dropped(struct spawn_job *job)
{
	free(LOOP_OWNER(job, struct hook_job, job));
}

static void
on_done(struct spawn_job *job, int status, int error)
{
	struct hook_job *h = LOOP_OWNER(job, struct hook_job, job);
	struct prober *p = h->prober;

	if (status == -2)
		prober_alarm(p, ALARM_HOOK, PROBER_ALARM_MS, "hook cannot be started: %s", strerror(error));
	else if (status == -1)
		prober_alarm(p, ALARM_HOOK, PROBER_ALARM_MS, "hook killed after %d s", TIMEOUT_MS / 1000);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		prober_alarm(p, ALARM_HOOK, PROBER_ALARM_MS, "hook failed: %s %d",
		    WIFEXITED(status) ? "exit status" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	free(h);
}

static void add(struct hook_job *h, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
add(struct hook_job *h, const char *name, const char *fmt, ...)
{
	size_t i = 0;
	int n;
	va_list ap;

	while (h->job.env[i] != NULL)
		i++;
	if (i == SPAWN_ENV)
		return;
	n = snprintf(h->env[i], ENV_LEN, "NEARCAST_%s=", name);
	va_start(ap, fmt);
	vsnprintf(h->env[i] + n, ENV_LEN - (size_t)n, fmt, ap);
	va_end(ap);
	h->job.env[i] = h->env[i];
}

static struct hook_job *
new_job(struct prober *p, const char *kind)
{
	struct hook_job *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->prober = p;
	snprintf(h->env[0], ENV_LEN, "%s", SPAWN_PATH);
	h->job.env[0] = h->env[0];
	add(h, "KIND", "%s", kind);
	h->argv[0] = p->conf->hook;
	h->job.argv = h->argv;
	h->job.timeout_ms = TIMEOUT_MS;
	h->job.done = on_done;
	h->job.dropped = on_dropped;
	return h;
}

static void
start(struct prober *p, struct hook_job *h)
{
	if (spawn_start(p->hooks, &h->job) == 0)
		return;
	free(h);
	prober_alarm(p, ALARM_HOOK, PROBER_ALARM_MS, "hook: %d wait already, some changes are not told", WAITING);
}

void
hook_server(struct prober *p, size_t server)
{
	const struct judge_server *s = &p->judge->servers[server];
	struct hook_job *h;

	if (p->conf->hook == NULL || (h = new_job(p, "server")) == NULL)
		return;
	add(h, "SERVER", "%s", s->conf->name);
	add(h, "SITE", "%s", s->conf->site < p->conf->n_sites ? p->conf->sites[s->conf->site].name : "");
	add(h, "POOL", "%s", p->conf->pools[s->conf->pool].name);
	add(h, "STATE", "%s", health_state_name(s->state));
	add(h, "OLD_STATE", "%s", health_state_name(s->was));
	add(h, "V4", "%s", health_state_name(s->v4));
	add(h, "V6", "%s", health_state_name(s->v6));
	add(h, "SET", "%s", s->set);
	add(h, "SINCE", "%.3f", s->since);
	add(h, "REASON", "%s", s->reason);
	start(p, h);
}

void
hook_site(struct prober *p, enum health_posture was)
{
	struct hook_job *h;

	if (p->conf->hook == NULL || p->conf->here_site >= p->conf->n_sites || (h = new_job(p, "site")) == NULL)
		return;
	add(h, "SITE", "%s", p->conf->sites[p->conf->here_site].name);
	add(h, "STATE", "%s", health_posture_name((enum health_posture)p->posture.posture));
	add(h, "OLD_STATE", "%s", health_posture_name(was));
	add(h, "SINCE", "%.3f", p->posture.since);
	add(h, "REASON", "%s", p->posture.reason);
	start(p, h);
}
