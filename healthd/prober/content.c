#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "healthd/prober/prober_inner.h"

enum {
	ORIGIN_MIN_MS = 500,		/* between two questions to an origin */
	ORIGIN_FALL = 3,		/* failures in a row until it is an alarm */
	DIGEST_EVERY = 60,		/* intervals between two looks at the objects */
	DIGEST_AGAIN = 5,		/* the same while they are wrong */
	DIGEST_RETRY_MS = 1000,		/* when too many are under way, or the server just failed */
	DIGEST_TIMEOUT_MS = 60000,	/* an object may be large */
	DIGESTS_AT_ONCE = 2		/* so that looking costs the servers little */
};

/* --- the origin's set id --- */

/* One alarm for all origins, over when all answer. */
static void
review_origins(struct prober *p)
{
	for (size_t i = 0; i < p->n_origins; i++) {
		const struct origin *o = &p->origins[i];

		if (o->failures < ORIGIN_FALL)
			continue;
		prober_alarm(p, ALARM_ORIGIN, 0, "origin of check %s does not tell its set: %s",
		    p->conf->checks[o->check].name, o->detail);
		return;
	}
	prober_alarm_over(p, ALARM_ORIGIN);
}

static void
origin_answered(struct fetch *f, const struct result *r)
{
	struct origin *o = LOOP_OWNER(f, struct origin, fetch);
	struct prober *p = o->prober;

	o->tried = true;
	o->failures = result_ok(r) ? 0 : o->failures + (o->failures < ORIGIN_FALL);
	memcpy(o->detail, r->detail, sizeof(o->detail));
	review_origins(p);
	/* an origin that cannot be reached changes nothing: what was current, is */
	if (result_ok(r))
		for (size_t i = 0; i < p->conf->n_pools; i++)
			if (p->conf->pools[i].check == o->check)
				judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_ORIGIN,
				    .index = (uint32_t)i, .set = r->set }, prober_now(p));
}

static uint32_t
origin_interval(const struct conf_check *c)
{
	return c->interval_ms > ORIGIN_MIN_MS ? c->interval_ms : ORIGIN_MIN_MS;
}

static void
origin_due(struct loop_timer *timer)
{
	struct origin *o = LOOP_OWNER(timer, struct origin, timer);
	uint64_t now_ms = loop_now(o->prober->loop);

	loop_timer_set(o->prober->loop, timer, now_ms + origin_interval(o->fetch.check));
	if (o->fetch.busy)
		return;
	o->asked_ms = now_ms;
	fetch_start(&o->fetch);
}

static int
origin_open(struct prober *p, size_t check, struct err *err)
{
	struct origin *o = &p->origins[p->n_origins++];
	const struct conf_check *c = &p->conf->checks[check];

	o->prober = p;
	o->check = (uint16_t)check;
	o->timer.fire = origin_due;
	o->fetch = (struct fetch){ .fetcher = p->checks.fetcher, .check = c, .url = c->origin,
	    .timeout_ms = c->timeout_ms, .set = true, .done = origin_answered };
	if (fetch_prepare(&o->fetch, err) < 0 || loop_timer_set(p->loop, &o->timer, loop_now(p->loop)) < 0)
		return err_set(err, "out of memory");
	return 0;
}

/* A set that is new to us: perhaps the origin has switched. */
static void
ask_origin_now(struct prober *p, uint16_t check)
{
	for (size_t i = 0; i < p->n_origins; i++) {
		struct origin *o = &p->origins[i];

		if (o->check == check && !o->fetch.busy && loop_now(p->loop) >= o->asked_ms + ORIGIN_MIN_MS)
			loop_timer_set(p->loop, &o->timer, loop_now(p->loop));
	}
}

bool
content_ready(const struct prober *p)
{
	for (size_t i = 0; i < p->n_origins; i++)
		if (!p->origins[i].tried)
			return false;
	return true;
}

/* --- objects and their digests --- */

struct digest_job {
	struct prober *prober;
	struct probe *probe;
	size_t at;			/* of the check's digests */
	struct fetch fetch;
	struct digest_job *next;
};

static void
job_end(struct digest_job *job)
{
	struct prober *p = job->prober;
	struct digest_job **at = &p->digest_jobs;

	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	p->digests_running--;
	fetch_release(&job->fetch);
	free(job);
}

static void
plan_digest(struct prober *p, struct probe *probe, uint32_t intervals)
{
	uint64_t in_ms = (uint64_t)probe->check->interval_ms * intervals;

	/* spread over a tenth, so that targets do not look together */
	in_ms -= prober_random(p) % (in_ms / 10 + 1);
	loop_timer_set(p->loop, &probe->digest_timer, loop_now(p->loop) + in_ms);
}

static void
digest_verdict(struct digest_job *job, const struct result *r)
{
	struct prober *p = job->prober;
	struct probe *probe = job->probe;

	judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_DIGEST, .index = probe->target,
	    .result = r }, prober_now(p));
	plan_digest(p, probe, result_ok(r) ? DIGEST_EVERY : DIGEST_AGAIN);
	job_end(job);
}

static bool job_start(struct digest_job *job);

static void
digest_fetched(struct fetch *f, const struct result *r)
{
	struct digest_job *job = LOOP_OWNER(f, struct digest_job, fetch);
	const struct conf_digest *want = &job->probe->check->digests[job->at];
	struct result bad = { .reason = REASON_DIGEST, .load = -1 }, ok = { .reason = REASON_OK, .load = -1 };

	if (result_ok(r) && f->size == want->size && memcmp(f->sha256, want->sha256, 32) == 0) {
		fetch_release(f);
		if (++job->at < job->probe->check->n_digests && job_start(job))
			return;
		digest_verdict(job, &ok);
		return;
	}
	if (result_ok(r))
		snprintf(bad.detail, sizeof(bad.detail), f->size != want->size ? "%.50s has another size" :
		    "%.50s has another SHA-256", want->url);
	else if (r->reason == REASON_CODE || r->reason == REASON_SIZE)
		snprintf(bad.detail, sizeof(bad.detail), "%.40s: %.30s", want->url, r->detail);
	if (bad.detail[0] != '\0') {
		digest_verdict(job, &bad);
		return;
	}
	/* the way to the object failed, not the object: health is the probe's business */
	loop_timer_set(job->prober->loop, &job->probe->digest_timer, loop_now(job->prober->loop) + DIGEST_RETRY_MS);
	job_end(job);
}

static bool
job_start(struct digest_job *job)
{
	struct probe *probe = job->probe;
	const struct conf_digest *want = &probe->check->digests[job->at];
	struct err err;

	job->fetch = (struct fetch){ .fetcher = probe->checks->fetcher, .check = probe->check, .url = want->url,
	    .addr = probe->addr, .timeout_ms = DIGEST_TIMEOUT_MS, .digest = true, .limit = want->size,
	    .done = digest_fetched };
	if (fetch_prepare(&job->fetch, &err) < 0)
		return false;
	fetch_start(&job->fetch);
	return true;
}

static void
digest_due(struct loop_timer *timer)
{
	struct probe *probe = LOOP_OWNER(timer, struct probe, digest_timer);
	struct prober *p = probe->arg;
	struct digest_job *job = NULL;

	if (p->digests_running < DIGESTS_AT_ONCE && p->judge->targets[probe->target].alive == HEALTH_UP)
		job = calloc(1, sizeof(*job));
	if (job == NULL) {
		loop_timer_set(p->loop, timer, loop_now(p->loop) + DIGEST_RETRY_MS);
		return;
	}
	job->prober = p;
	job->probe = probe;
	job->next = p->digest_jobs;
	p->digest_jobs = job;
	p->digests_running++;
	if (!job_start(job)) {
		job_end(job);
		loop_timer_set(p->loop, timer, loop_now(p->loop) + DIGEST_RETRY_MS);
	}
}

void
content_result(struct prober *p, struct probe *probe, bool set_changed)
{
	const struct judge_target *t = &p->judge->targets[probe->target];
	const struct judge_pool *pool = &p->judge->pools[probe->server->pool];

	if (pool->by_origin && pool->last_order > pool->asked_order)
		ask_origin_now(p, pool->conf->check);
	if (probe->check->n_digests == 0 || t->alive != HEALTH_UP)
		return;
	if (probe->digest_timer.fire == NULL || set_changed) {
		probe->digest_timer.fire = digest_due;
		loop_timer_set(p->loop, &probe->digest_timer, loop_now(p->loop));
	}
}

int
content_open(struct prober *p, struct err *err)
{
	p->origins = calloc(p->conf->n_checks + 1, sizeof(*p->origins));
	if (p->origins == NULL)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < p->conf->n_checks; i++) {
		const struct conf_check *c = &p->conf->checks[i];

		if (c->kind == CONF_CHECK_CONTENT && c->origin != NULL && origin_open(p, i, err) < 0)
			return -1;
	}
	return 0;
}

void
content_close(struct prober *p)
{
	while (p->digest_jobs != NULL)
		job_end(p->digest_jobs);
	for (size_t i = 0; i < p->n_origins; i++) {
		loop_timer_stop(p->loop, &p->origins[i].timer);
		fetch_release(&p->origins[i].fetch);
	}
	free(p->origins);
}
