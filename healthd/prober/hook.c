#include "healthd/prober/hook.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { AT_ONCE = 8, WAITING = 1024, TIMEOUT_MS = 30000, ENV_LEN = ALARM_TEXT + 32 };

struct hook_job {
	struct core *core;
	struct spawn_job job;
	char env[SPAWN_ENV][ENV_LEN];
	char *argv[2];
};

int
hook_open(struct hook *hook, struct core *core, struct err *err)
{
	hook->core = core;
	hook->spawn = spawn_open(core->loop, AT_ONCE, WAITING);
	return hook->spawn != NULL ? 0 : err_set(err, "out of memory");
}

void
hook_close(struct hook *hook)
{
	spawn_close(hook->spawn, false);
}

static void
on_hook_dropped(struct spawn_job *job)
{
	free(LOOP_OWNER(job, struct hook_job, job));
}

static void
on_hook_end(struct spawn_job *job, int status, int error)
{
	struct hook_job *h = LOOP_OWNER(job, struct hook_job, job);
	struct alarms *alarms = &h->core->alarms;

	if (status == -2)
		alarm_raise(alarms, ALARM_HOOK, ALARM_PASSING_MS, "hook cannot be started: %s",
		    strerror(error));
	else if (status == -1)
		alarm_raise(alarms, ALARM_HOOK, ALARM_PASSING_MS, "hook killed after %d s",
		    TIMEOUT_MS / 1000);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		alarm_raise(alarms, ALARM_HOOK, ALARM_PASSING_MS, "hook failed: %s %d",
		    WIFEXITED(status) ? "exit status" : "signal",
		    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	free(h);
}

static void add_env(struct hook_job *h, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void
add_env(struct hook_job *h, const char *name, const char *fmt, ...)
{
	size_t i = 0;
	int n;
	va_list ap;

	while (h->job.env[i] != NULL)
		i++;
	assert(i < SPAWN_ENV);
	n = snprintf(h->env[i], ENV_LEN, "NEARCAST_%s=", name);
	va_start(ap, fmt);
	vsnprintf(h->env[i] + n, ENV_LEN - (size_t)n, fmt, ap);
	va_end(ap);
	h->job.env[i] = h->env[i];
}

/* A job for `program`; NULL = there is none, or memory is out. */
static struct hook_job *
new_job(struct core *core, char *program, const char *kind)
{
	struct hook_job *h = program != NULL ? calloc(1, sizeof(*h)) : NULL;

	if (h == NULL)
		return NULL;
	h->core = core;
	snprintf(h->env[0], ENV_LEN, "%s", SPAWN_PATH);
	h->job.env[0] = h->env[0];
	add_env(h, "KIND", "%s", kind);
	h->argv[0] = program;
	h->job.argv = h->argv;
	h->job.timeout_ms = TIMEOUT_MS;
	h->job.done = on_hook_end;
	h->job.dropped = on_hook_dropped;
	return h;
}

static void
run_job(struct hook *hook, struct hook_job *h)
{
	if (spawn_start(hook->spawn, &h->job) == 0)
		return;
	free(h);
	alarm_raise(&hook->core->alarms, ALARM_HOOK, ALARM_PASSING_MS,
	    "hook: %d wait already, some changes are not told", WAITING);
}

void
hook_server(struct hook *hook, const struct judge_server *s)
{
	const struct conf *conf = hook->core->conf;
	uint16_t site = s->conf->site;
	struct hook_job *h;

	if ((h = new_job(hook->core, conf->hook, "server")) == NULL)
		return;
	add_env(h, "SERVER", "%s", s->conf->name);
	add_env(h, "SITE", "%s", site < conf->n_sites ? conf->sites[site].name : "");
	add_env(h, "POOL", "%s", conf->pools[s->conf->pool].name);
	add_env(h, "STATE", "%s", health_state_name(s->state));
	add_env(h, "OLD_STATE", "%s", health_state_name(s->was));
	add_env(h, "V4", "%s", health_state_name(s->v4));
	add_env(h, "V6", "%s", health_state_name(s->v6));
	add_env(h, "SET", "%s", s->set);
	add_env(h, "SINCE", "%.3f", s->since);
	add_env(h, "REASON", "%s", s->reason);
	run_job(hook, h);
}

void
hook_site(struct hook *hook, const struct posture_message *posture, enum health_posture was)
{
	const struct conf *conf = hook->core->conf;
	struct hook_job *h;

	if (conf->here_site >= conf->n_sites ||
	    (h = new_job(hook->core, conf->hook, "site")) == NULL)
		return;
	add_env(h, "SITE", "%s", conf->sites[conf->here_site].name);
	add_env(h, "STATE", "%s", health_posture_name((enum health_posture)posture->posture));
	add_env(h, "OLD_STATE", "%s", health_posture_name(was));
	add_env(h, "SINCE", "%.3f", posture->since);
	add_env(h, "REASON", "%s", posture->reason);
	run_job(hook, h);
}

void
hook_alarm(struct hook *hook, const struct alarm *alarm, bool over)
{
	const struct conf *conf = hook->core->conf;
	struct hook_job *h;

	/* a hook that fails is an alarm, and must not be told by itself for ever */
	if (alarm == &hook->core->alarms.v[ALARM_HOOK] ||
	    (h = new_job(hook->core, conf->alarm_hook, "alarm")) == NULL)
		return;
	add_env(h, "SITE", "%s", conf->here != NULL ? conf->here : "");
	add_env(h, "STATE", "%s", over ? "over" : "on");
	add_env(h, "SINCE", "%.3f", alarm->since);
	add_env(h, "REASON", "%s", alarm->text);
	run_job(hook, h);
}
