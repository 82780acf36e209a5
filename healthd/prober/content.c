#include "healthd/prober/content.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ORIGIN_MIN_MS = 500,		/* between two questions to an origin */
	ORIGIN_FALL = 3,		/* failures in a row until it is an alarm */
	DIGEST_EVERY = 60,		/* intervals between two looks at the objects */
	DIGEST_AGAIN = 5,		/* the same while they are wrong */
	DIGEST_RETRY_MS = 1000,		/* when too many are under way, or the server just failed */
	DIGEST_TIMEOUT_MS = 60000,	/* an object may be large */
	DIGESTS_AT_ONCE = 2		/* so that looking costs the servers little */
};

struct origin {
	struct content *content;
	struct fetch fetch;
	struct loop_timer timer;
	uint16_t check;
	bool tried;			/* it has answered or failed once */
	bool again;			/* somebody wants to know anew, once it has answered */
	unsigned failures;		/* in a row */
	uint64_t asked_ms;		/* the last question */
	uint64_t told_ms;		/* when the last that was answered, or failed, was put */
	char detail[RESULT_DETAIL_MAX];
};

/* When a target's objects are looked at. */
struct objects {
	struct content *content;
	const struct probe *probe;	/* NULL = not yet */
	struct loop_timer timer;
};

/* One look at a target's objects, one after the other. */
struct digest_job {
	struct content *content;
	const struct probe *probe;
	size_t at;			/* of the check's digests */
	struct fetch fetch;
	struct digest_job *next;
};

/* --- the origin's set id --- */

/* One alarm for all origins, over when all answer. */
static void
review_origins(struct content *c)
{
	for (size_t i = 0; i < c->n_origins; i++) {
		const struct origin *o = &c->origins[i];

		if (o->failures < ORIGIN_FALL)
			continue;
		alarm_raise(&c->core->alarms, ALARM_ORIGIN, 0,
		    "origin of check %s does not tell its set: %s",
		    c->core->conf->checks[o->check].name, o->detail);
		return;
	}
	alarm_over(&c->core->alarms, ALARM_ORIGIN);
}

static void
origin_answered(struct fetch *f, const struct result *r)
{
	struct origin *o = LOOP_OWNER(f, struct origin, fetch);
	struct core *core = o->content->core;

	o->tried = true;
	o->told_ms = o->asked_ms;
	if (o->again)
		loop_timer_set(core->loop, &o->timer, loop_now(core->loop));
	o->again = false;
	o->failures = result_ok(r) ? 0 : o->failures + (o->failures < ORIGIN_FALL);
	memcpy(o->detail, r->detail, sizeof(o->detail));
	review_origins(o->content);
	/* an origin that cannot be reached changes nothing: what was current, is */
	if (result_ok(r))
		for (size_t i = 0; i < core->conf->n_pools; i++)
			if (core->judge->pools[i].content == &core->conf->checks[o->check])
				core_step(core, &(struct judge_event){ .kind = JUDGE_ORIGIN,
				    .index = (uint32_t)i, .set = r->set });
}

static void
origin_due(struct loop_timer *timer)
{
	struct origin *o = LOOP_OWNER(timer, struct origin, timer);
	struct loop *loop = o->content->core->loop;
	uint32_t interval_ms = o->fetch.check->interval_ms;

	loop_timer_set(loop, timer,
	    loop_now(loop) + (interval_ms > ORIGIN_MIN_MS ? interval_ms : ORIGIN_MIN_MS));
	if (o->fetch.busy)
		return;
	o->asked_ms = loop_now(loop);
	fetch_start(&o->fetch);
}

static int
add_origin(struct content *c, size_t check, struct err *err)
{
	struct origin *o = &c->origins[c->n_origins++];
	const struct conf_check *conf = &c->core->conf->checks[check];
	struct loop *loop = c->core->loop;

	o->content = c;
	o->check = (uint16_t)check;
	o->timer.fire = origin_due;
	o->fetch = (struct fetch){ .fetcher = c->fetcher, .check = conf, .url = conf->origin,
	    .timeout_ms = conf->timeout_ms, .set = true, .origin = true, .fresh = true,
	    .done = origin_answered };
	if (fetch_prepare(&o->fetch, err) < 0 ||
	    loop_timer_set(loop, &o->timer, loop_now(loop)) < 0)
		return err_set(err, "out of memory");
	return 0;
}

/* A set that is new to us: perhaps the origin has switched. */
static void
ask_origin_now(struct content *c, uint16_t check)
{
	uint64_t now_ms = loop_now(c->core->loop);

	for (size_t i = 0; i < c->n_origins; i++) {
		struct origin *o = &c->origins[i];

		if (o->check == check && !o->fetch.busy && now_ms >= o->asked_ms + ORIGIN_MIN_MS)
			loop_timer_set(c->core->loop, &o->timer, now_ms);
	}
}

void
content_ask(struct content *c)
{
	for (size_t i = 0; i < c->n_origins; i++) {
		struct origin *o = &c->origins[i];

		o->again = o->fetch.busy;
		if (!o->again)
			loop_timer_set(c->core->loop, &o->timer, loop_now(c->core->loop));
	}
}

bool
content_told(const struct content *c, const struct conf_check *check, uint64_t *asked_ms,
    const char **fault)
{
	for (size_t i = 0; i < c->n_origins; i++) {
		const struct origin *o = &c->origins[i];

		if (&c->core->conf->checks[o->check] != check)
			continue;
		*asked_ms = o->told_ms;
		*fault = o->failures != 0 ? o->detail : "";
		return true;
	}
	return false;
}

bool
content_ready(const struct content *c)
{
	for (size_t i = 0; i < c->n_origins; i++)
		if (!c->origins[i].tried)
			return false;
	return true;
}

/* --- objects and their digests --- */

static void
look_in(struct content *c, const struct probe *probe, uint64_t ms)
{
	struct loop *loop = c->core->loop;

	loop_timer_set(loop, &c->objects[probe->target].timer, loop_now(loop) + ms);
}

static void
job_end(struct digest_job *job)
{
	struct content *c = job->content;
	struct digest_job **at = &c->jobs;

	assert(c->digests_running > 0);
	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	c->digests_running--;
	fetch_release(&job->fetch);
	free(job);
}

static void
digest_verdict(struct digest_job *job, const struct result *r)
{
	struct content *c = job->content;
	const struct probe *probe = job->probe;
	uint64_t in_ms = (uint64_t)probe->check->interval_ms *
	    (result_ok(r) ? DIGEST_EVERY : DIGEST_AGAIN);

	core_step(c->core, &(struct judge_event){ .kind = JUDGE_DIGEST, .index = probe->target,
	    .result = r });
	/* spread over a tenth, so that targets do not look together */
	look_in(c, probe, in_ms - core_random(c->core) % (in_ms / 10 + 1));
	job_end(job);
}

static bool job_start(struct digest_job *job);

static void
digest_fetched(struct fetch *f, const struct result *r)
{
	struct digest_job *job = LOOP_OWNER(f, struct digest_job, fetch);
	const struct conf_digest *want = &job->probe->check->digests[job->at];
	struct result bad = { .reason = REASON_DIGEST, .load = -1 };
	struct result ok = { .reason = REASON_OK, .load = -1 };

	if (result_ok(r) && f->size == want->size && memcmp(f->sha256, want->sha256, 32) == 0) {
		fetch_release(f);
		if (++job->at < job->probe->check->n_digests && job_start(job))
			return;
		digest_verdict(job, &ok);
		return;
	}
	if (result_ok(r))
		snprintf(bad.detail, sizeof(bad.detail), f->size != want->size ?
		    "%.50s has another size" : "%.50s has another SHA-256", want->url);
	else if (r->reason == REASON_CODE || r->reason == REASON_SIZE)
		snprintf(bad.detail, sizeof(bad.detail), "%.40s: %.30s", want->url, r->detail);
	if (bad.detail[0] != '\0') {
		digest_verdict(job, &bad);
		return;
	}
	/* the way to the object failed, not the object: health is the probe's business */
	look_in(job->content, job->probe, DIGEST_RETRY_MS);
	job_end(job);
}

static bool
job_start(struct digest_job *job)
{
	const struct probe *probe = job->probe;
	const struct conf_digest *want = &probe->check->digests[job->at];
	struct err err;

	job->fetch = (struct fetch){ .fetcher = job->content->fetcher, .check = probe->check,
	    .url = want->url, .addr = probe->addr, .timeout_ms = DIGEST_TIMEOUT_MS,
	    .digest = true, .limit = want->size, .done = digest_fetched };
	if (fetch_prepare(&job->fetch, &err) < 0)
		return false;
	fetch_start(&job->fetch);
	return true;
}

static void
objects_due(struct loop_timer *timer)
{
	struct objects *o = LOOP_OWNER(timer, struct objects, timer);
	struct content *c = o->content;
	struct digest_job *job = NULL;

	if (c->digests_running < DIGESTS_AT_ONCE &&
	    c->core->judge->targets[o->probe->target].alive == HEALTH_UP)
		job = calloc(1, sizeof(*job));
	if (job == NULL) {
		look_in(c, o->probe, DIGEST_RETRY_MS);
		return;
	}
	job->content = c;
	job->probe = o->probe;
	job->next = c->jobs;
	c->jobs = job;
	c->digests_running++;
	if (!job_start(job)) {
		job_end(job);
		look_in(c, o->probe, DIGEST_RETRY_MS);
	}
}

void
content_result(struct content *c, const struct probe *probe, bool set_changed)
{
	const struct judge *judge = c->core->judge;
	const struct judge_target *t = &judge->targets[probe->target];
	const struct judge_pool *pool = &judge->pools[probe->server->pool];
	struct objects *o = &c->objects[probe->target];

	if (pool->by_origin && pool->last_order > pool->asked_order)
		ask_origin_now(c, (uint16_t)(pool->content - c->core->conf->checks));
	if (probe->check->n_digests == 0 || t->alive != HEALTH_UP)
		return;
	if (o->probe == NULL || set_changed) {
		*o = (struct objects){ .content = c, .probe = probe, .timer = o->timer };
		o->timer.fire = objects_due;
		look_in(c, probe, 0);
	}
}

int
content_open(struct content *c, struct core *core, struct fetcher *fetcher, struct err *err)
{
	const struct conf *conf = core->conf;

	c->core = core;
	c->fetcher = fetcher;
	c->origins = calloc(conf->n_checks + 1, sizeof(*c->origins));
	c->objects = calloc(core->judge->n_targets + 1, sizeof(*c->objects));
	if (c->origins == NULL || c->objects == NULL)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < conf->n_checks; i++)
		if (conf->checks[i].kind == CONF_CHECK_CONTENT && conf->checks[i].origin != NULL &&
		    add_origin(c, i, err) < 0)
			return -1;
	return 0;
}

void
content_close(struct content *c)
{
	if (c->core == NULL)
		return;
	while (c->jobs != NULL)
		job_end(c->jobs);
	for (size_t i = 0; i < c->n_origins; i++) {
		loop_timer_stop(c->core->loop, &c->origins[i].timer);
		fetch_release(&c->origins[i].fetch);
	}
	for (size_t i = 0; c->objects != NULL && i < c->core->judge->n_targets; i++)
		loop_timer_stop(c->core->loop, &c->objects[i].timer);
	free(c->origins);
	free(c->objects);
}
