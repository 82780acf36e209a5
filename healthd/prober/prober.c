#include "healthd/prober/prober.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/privilege.h"
#include "common/text.h"
#include "common/conf/conf_access.h"
#include "healthd/check/checks.h"
#include "healthd/check/running.h"
#include "healthd/prober/content.h"
#include "healthd/prober/hook.h"
#include "healthd/prober/sampler.h"
#include "healthd/prober/schedule.h"
#include "healthd/prober/service.h"
#include "healthd/prober/sibling.h"

enum {
	LATE_MIN_MS = 2,		/* from here on timeouts may be our own fault */
	LATE_PART = 4,			/* if we are late by this part of them */
	LATE_BAD_MS = 1000,		/* or the shortest interval, if that is longer */
	VOID_AT_ONCE = 2,		/* times in a row that a check is repeated at once */
	SOON_MS = 500,			/* within which the health file learns of less time */
	WITNESS_MS = 50,		/* between two rounds of asking others out of turn */
	WITNESSES = 4
};

static const double CLOCK_JUMP_S = 2.0;

struct prober {
	struct core core;
	struct checks checks;
	struct probe *probes;		/* owned; as judge.targets */
	struct link link;
	struct hook hook;
	struct publish publish;
	struct remember remember;
	struct history history;
	struct service service;
	struct content content;
	struct siblings siblings;
	struct sampler_child sampler;

	struct loop_io signal_io;
	struct loop_timer tick;
	uint64_t told;			/* the judge's changes when hook and log were told last */
	double wall_offset;		/* wall clock minus monotonic, seconds */
	uint64_t late_limit_ms;		/* later than this, and nothing is believed */
	uint64_t round_ms;		/* within which every target has been asked */
	uint64_t witness_ms;		/* when others were asked out of turn last */
	size_t witness_at;		/* the next of them */
};

/* The judge's freeze is an alarm of its own. */
static void
review_alarms(struct prober *p)
{
	struct alarms *alarms = &p->core.alarms;
	const char *freeze = judge_freeze_text(p->core.judge);

	alarm_review(alarms);
	if (*freeze == '\0' || strcmp(alarms->v[ALARM_FREEZE].text, freeze) != 0)
		alarm_over(alarms, ALARM_FREEZE);
	if (*freeze != '\0')
		alarm_raise(alarms, ALARM_FREEZE, 0, "%s", freeze);
}

/* Failures that nobody's answer settles for longer than all can be asked in. */
static void
review_pending(struct prober *p)
{
	const struct judge *j = p->core.judge;
	uint64_t since_ms, now_ms = loop_now(p->core.loop);
	int32_t target = judge_longest_pending(j, &since_ms);

	if (target < 0 || now_ms < since_ms + p->round_ms)
		alarm_over(&p->core.alarms, ALARM_PENDING);
	else
		alarm_raise(&p->core.alarms, ALARM_PENDING, 0,
		    "server %s fails, but nobody else has been asked since who could tell whose "
		    "fault it is", j->servers[j->targets[target].server].conf->name);
}

/* --- probes --- */

/* A connection of its own at least every `fall` checks, and whenever the next result may decide:
 * an old connection may outlive its listener. */
static void
choose_fresh(const struct judge *j, struct probe *probe)
{
	const struct conf_check *c = probe->check;
	unsigned enough = j->targets[probe->target].alive == HEALTH_UP ? c->fall : c->rise;

	probe->fresh = enough == 1 || probe->kept + 1 >= c->fall ||
	    judge_near_change(j, probe->target);
	probe->kept = probe->fresh ? 0 : probe->kept + 1;
}

static void
on_probe_due(struct loop_timer *timer)
{
	struct probe *probe = LOOP_OWNER(timer, struct probe, timer);
	const struct prober *p = probe->arg;

	choose_fresh(p->core.judge, probe);
	checks_start(probe);
}

static void
plan_next(struct prober *p, struct probe *probe)
{
	const struct judge *j = p->core.judge;
	const struct judge_target *t = &j->targets[probe->target];
	uint32_t interval_ms = judge_near_change(j, probe->target) ? t->fast_ms : t->interval_ms;

	loop_timer_set(p->core.loop, &probe->timer, schedule_next(probe->started_ms,
	    loop_now(p->core.loop), interval_ms, probe->check->jitter, core_random(&p->core)));
}

/*
 * Something fails.  Whose fault it is, others can tell: a few of other sites that were
 * well when asked last are asked at once, so that the judge need not wait for their turn.
 */
static void
ask_witnesses(struct prober *p, const struct probe *failed)
{
	const struct judge *j = p->core.judge;
	uint64_t now_ms = loop_now(p->core.loop);
	/* neither another check nor IPv4 of IPv6 says much where there is one of its own to ask */
	uint32_t group = j->targets[failed->target].group;
	bool own = j->family[group].n_remote > 0;
	unsigned asked = 0;

	if (j->n_remote == 0 || now_ms < p->witness_ms + WITNESS_MS)
		return;
	p->witness_ms = now_ms;
	for (size_t i = 0; i < j->n_targets && asked < WITNESSES; i++) {
		size_t at = (p->witness_at + i) % j->n_targets;
		struct probe *probe = &p->probes[at];
		const struct judge_target *t = &j->targets[at];

		if (probe->busy || t->failing || t->mute || t->alive != HEALTH_UP ||
		    probe->server->site == failed->server->site ||
		    (own && t->group != group))
			continue;
		loop_timer_set(p->core.loop, &probe->timer, now_ms);
		p->witness_at = at + 1;
		asked++;
	}
}

/* One alarm for all certificates that end soon: the first to end, and how many more. */
static void
review_certificates(struct prober *p)
{
	const struct probe *first = NULL;
	size_t n = 0;
	char more[48] = "";

	for (size_t i = 0; i < p->core.judge->n_targets; i++) {
		const struct probe *probe = &p->probes[i];

		if (!probe->ends_soon)
			continue;
		n++;
		if (first == NULL || probe->certificate_days < first->certificate_days)
			first = probe;
	}
	if (first == NULL) {
		alarm_over(&p->core.alarms, ALARM_CERTIFICATE);
		return;
	}
	if (n > 1)
		snprintf(more, sizeof(more), ", and of %zu more", n - 1);
	alarm_raise(&p->core.alarms, ALARM_CERTIFICATE, 0,
	    "certificate of server %s ends in %d day%s%s", first->server->name,
	    first->certificate_days, first->certificate_days == 1 ? "" : "s", more);
}

static void
hear_certificate(struct prober *p, struct probe *probe, const struct result *r)
{
	bool soon = r->certificate_days < (int)probe->check->certificate_days;

	if (!r->certified || (soon == probe->ends_soon &&
	    (!soon || r->certificate_days == probe->certificate_days)))
		return;
	probe->ends_soon = soon;
	probe->certificate_days = r->certificate_days;
	review_certificates(p);
}

static void
on_checked(struct probe *probe, const struct result *r)
{
	struct prober *p = probe->arg;
	struct judge *j = p->core.judge;
	struct judge_target *t = &j->targets[probe->target];
	bool near = judge_near_change(j, probe->target);
	char set[HEALTH_NAME_MAX];

	struct result late;

	if (r->reason == REASON_TIMEOUT && probe->void_timeout) {
		/* we were late, not the server: asked again, nothing counted */
		if (probe->voided++ < VOID_AT_ONCE) {
			loop_timer_set(p->core.loop, &probe->timer, loop_now(p->core.loop));
			return;
		}
		late = *r;
		late.reason = REASON_INTERNAL;
		snprintf(late.detail, sizeof(late.detail),
		    "this process is late, timeouts are not counted");
		r = &late;
	} else {
		probe->voided = 0;
	}
	if (r->reason == REASON_INTERNAL)
		alarm_raise(&p->core.alarms, ALARM_INTERNAL, ALARM_PASSING_MS,
		    "server %s cannot be checked: %s", probe->server->name, r->detail);
	hear_certificate(p, probe, r);
	memcpy(set, t->set, sizeof(set));
	core_step(&p->core, &(struct judge_event){ .kind = JUDGE_RESULT, .index = probe->target,
	    .result = r });
	plan_next(p, probe);
	if (t->failing && t->alive != HEALTH_DOWN)
		ask_witnesses(p, probe);
	if (probe->check->kind == CONF_CHECK_CONTENT)
		content_result(&p->content, probe, strcmp(set, t->set) != 0);
	/* the time within which nothing can change has become shorter, or longer */
	if (near != judge_near_change(j, probe->target))
		publish_within(&p->publish, SOON_MS);
}

/* A check that has stopped two probers is left out, so that the others can be made: its target is
 * one that cannot be checked. */
static void
put_aside(struct prober *p, struct probe *probe)
{
	struct result r = { .reason = REASON_INTERNAL, .load = -1 };

	snprintf(r.detail, sizeof(r.detail), "put aside: it has stopped healthd twice");
	core_step(&p->core, &(struct judge_event){ .kind = JUDGE_RESULT, .index = probe->target,
	    .result = &r });
	alarm_raise(&p->core.alarms, ALARM_ASIDE, 0, "check %s of server %s is put aside, it has "
	    "stopped healthd twice; a reload tries it again", probe->check->name,
	    probe->server->name);
}

/* The first check of every target.  The schedule begins when all are prepared, which for thousands
 * takes a moment. */
static int
probes_start(struct prober *p, struct err *err)
{
	const struct judge *j = p->core.judge;

	for (size_t i = 0; i < j->n_targets; i++) {
		struct probe *probe = &p->probes[i];

		if (running_is_aside(probe->check, &probe->addr))
			put_aside(p, probe);
		else if (loop_timer_set(p->core.loop, &probe->timer, schedule_first(clock_mono().ms,
		    i, j->n_targets, j->targets[i].interval_ms)) < 0)
			return err_set(err, "out of memory");
	}
	return 0;
}

static int
probes_open(struct prober *p, struct err *err)
{
	const struct judge *j = p->core.judge;

	p->probes = calloc(j->n_targets + 1, sizeof(*p->probes));
	if (p->probes == NULL)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < j->n_targets; i++) {
		const struct judge_target *t = &j->targets[i];
		const struct judge_server *s = &j->servers[t->server];

		p->probes[i] = (struct probe){ .checks = &p->checks, .check = t->check,
		    .server = s->conf, .addr = t->family == 4 ? s->conf->v4 : s->conf->v6,
		    .target = (uint32_t)i, .done = on_checked, .arg = p,
		    .timer.fire = on_probe_due };
		if (checks_prepare(&p->probes[i], err) < 0)
			return -1;
	}
	return probes_start(p, err);
}

static void
probes_close(struct prober *p)
{
	for (size_t i = 0; p->probes != NULL && i < p->core.judge->n_targets; i++) {
		loop_timer_stop(p->core.loop, &p->probes[i].timer);
		if (p->probes[i].check != NULL)
			checks_release(&p->probes[i]);
	}
	free(p->probes);
}

/* --- time, and what may be wrong with it --- */

static void
on_own_delay(void *arg, uint64_t late_ms)
{
	struct prober *p = arg;

	for (size_t i = 0; i < p->core.judge->n_targets; i++)
		p->probes[i].void_timeout |= p->probes[i].busy &&
		    late_ms * LATE_PART > p->probes[i].check->timeout_ms;
	if (late_ms < p->late_limit_ms)
		return;
	alarm_raise(&p->core.alarms, ALARM_LATE, ALARM_PASSING_MS,
	    "this process was late by %llu ms", (unsigned long long)late_ms);
	core_step(&p->core, &(struct judge_event){ .kind = JUDGE_DISTURBED,
	    .disturbance = JUDGE_LATE });
}

static void
watch_clock(struct prober *p)
{
	double offset = clock_wall() - (double)clock_mono().ms / 1e3;
	double jump = offset - p->wall_offset;

	p->wall_offset = offset;
	if (fabs(jump) < CLOCK_JUMP_S)
		return;
	alarm_raise(&p->core.alarms, ALARM_CLOCK, ALARM_PASSING_MS, "the clock jumped by %.1f s",
	    jump);
	core_step(&p->core, &(struct judge_event){ .kind = JUDGE_DISTURBED,
	    .disturbance = JUDGE_CLOCK });
	publish_within(&p->publish, 0);	/* its stamp is wrong now */
}

static uint64_t
late_limit(const struct judge *j)
{
	uint64_t shortest = UINT64_MAX;

	for (size_t i = 0; i < j->n_targets; i++) {
		uint32_t interval_ms = j->targets[i].interval_ms;

		shortest = interval_ms < shortest ? interval_ms : shortest;
	}
	return shortest == UINT64_MAX || shortest < LATE_BAD_MS ? LATE_BAD_MS : shortest;
}

static uint64_t
longest_round(const struct judge *j)
{
	uint64_t longest_ms = 0;

	for (size_t i = 0; i < j->n_targets; i++) {
		const struct judge_target *t = &j->targets[i];
		uint64_t ms = (uint64_t)t->interval_ms + t->check->timeout_ms;

		longest_ms = ms > longest_ms ? ms : longest_ms;
	}
	return longest_ms + LATE_BAD_MS;
}

/* --- turns and ticks --- */

static void
tell_changes(struct prober *p)
{
	int32_t i;

	while ((i = judge_take_change(p->core.judge)) >= 0) {
		const struct judge_server *s = &p->core.judge->servers[i];

		log_info("server %s: %s, was %s (%s)", s->conf->name, health_state_name(s->state),
		    health_state_name(s->was), s->reason);
		history_server(&p->history, s);
		hook_server(&p->hook, s);
	}
}

static void
on_turn_end(void *arg)
{
	struct prober *p = arg;

	running_wipe();

	if (p->told != p->core.judge->changes) {
		p->told = p->core.judge->changes;
		tell_changes(p);
		review_alarms(p);
		link_tell(&p->link);
	}
	/* what is remembered or said need not wait for the first round, nor for an origin */
	if (p->core.judge->worth_telling ||
	    (p->core.judge->first_round_over && content_ready(&p->content)))
		publish_turn(&p->publish);
	remember_turn(&p->remember);
}

static void
on_prober_tick(struct loop_timer *timer)
{
	struct prober *p = LOOP_OWNER(timer, struct prober, tick);

	loop_timer_set(p->core.loop, timer, loop_now(p->core.loop) + CORE_TICK_MS);
	watch_clock(p);
	core_step(&p->core, &(struct judge_event){ .kind = JUDGE_TICK });
	review_alarms(p);
	review_pending(p);
	link_tell(&p->link);
}

/* --- beginning and end --- */

static void
on_end_signal(struct loop_io *io, uint32_t events)
{
	struct prober *p = LOOP_OWNER(io, struct prober, signal_io);

	(void)events;
	if (loop_signal_next(io->fd) != 0)
		loop_stop(p->core.loop);
}

static int
signals_open(struct prober *p, struct err *err)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	p->signal_io = (struct loop_io){ .ready = on_end_signal,
		.fd = loop_signals((const int[]){ SIGTERM, SIGINT, 0 }) };
	if (p->signal_io.fd < 0 || loop_io_set(p->core.loop, &p->signal_io, EPOLLIN) < 0)
		return err_set(err, "signalfd: %s", strerror(errno));
	return 0;
}

/* A descriptor for every target, where we are allowed that many. */
static void
want_descriptors(const struct judge *j)
{
	uint64_t want = j->n_targets + j->n_targets / 4 + 256;
	uint64_t allowed = privilege_files(want);

	if (allowed != 0 && allowed < want)
		log_warn("only %llu open files are allowed (LimitNOFILE), "
		    "%llu may be needed for %zu targets", (unsigned long long)allowed,
		    (unsigned long long)want, j->n_targets);
}

static void
on_posture(void *arg, enum health_posture was)
{
	struct prober *p = arg;

	if (p->core.conf->here != NULL)
		history_site(&p->history, p->core.conf->here, &p->link.posture, was);
	hook_site(&p->hook, &p->link.posture, was);
}

static void
on_alarm(void *arg, const struct alarm *alarm, bool over)
{
	struct prober *p = arg;

	history_alarm(&p->history, alarm, over);
	hook_alarm(&p->hook, alarm, over);
}

static int
prober_open(struct prober *p, const struct conf *conf, int keeper_fd, struct err *err)
{
	struct core *core = &p->core;

	if (core_open(core, conf, err) < 0)
		return -1;
	p->wall_offset = core->started - (double)clock_mono().ms / 1e3;
	p->late_limit_ms = late_limit(core->judge);
	p->round_ms = longest_round(core->judge);
	want_descriptors(core->judge);
	sampler_open(&p->sampler, core);
	if (link_open(&p->link, core, keeper_fd, on_posture, p, err) < 0 ||
	    signals_open(p, err) < 0 || hook_open(&p->hook, core, err) < 0 ||
	    publish_open(&p->publish, core, &p->link, err) < 0)
		return -1;
	core->alarms.told = on_alarm;
	core->alarms.arg = p;
	remember_open(&p->remember, core);
	history_open(&p->history, conf);
	p->service = (struct service){ .core = core, .link = &p->link, .remember = &p->remember,
	    .publish = &p->publish, .history = &p->history, .content = &p->content };
	/* whoever waits for a reload may ask as soon as the keeper has heard us */
	if (service_open(&p->service, err) < 0)
		return -1;
	link_tell(&p->link);
	if (checks_open(&p->checks, core->loop, conf, err) < 0 ||
	    content_open(&p->content, core, p->checks.fetcher, err) < 0 ||
	    sibling_open(&p->siblings, core, err) < 0)
		return -1;
	/* before anything is checked, for a check may be what stopped the prober before */
	if (core->judge->worth_telling)
		publish_turn(&p->publish);
	if (probes_open(p, err) < 0)
		return -1;
	p->tick.fire = on_prober_tick;
	loop_on_late(core->loop, LATE_MIN_MS, on_own_delay, p);
	loop_on_turn(core->loop, on_turn_end, p);
	return loop_timer_set(core->loop, &p->tick, clock_mono().ms + CORE_TICK_MS);
}

static void
prober_close(struct prober *p)
{
	if (p->core.judge != NULL) {
		probes_close(p);
		sampler_close(&p->sampler);
		content_close(&p->content);
		sibling_close(&p->siblings);
		service_close(&p->service);
		hook_close(&p->hook);
		publish_close(&p->publish);
		history_close(&p->history);
		if (p->checks.loop != NULL)
			checks_close(&p->checks);
		if (p->signal_io.fd > 0)
			close(p->signal_io.fd);
	}
	core_close(&p->core);
}

int
prober_check_main(const struct conf *conf, int fd)
{
	struct err err = { .text = "" };
	int status = checks_test(conf, &err) == 0 ? 0 : 1;
	size_t len = strlen(err.text) + 1;

	return write(fd, err.text, len) == (ssize_t)len ? status : 1;
}

/* Of several faults the first one is the reason. */
static void
keep_first(void *arg, const char *line)
{
	struct err *first = arg;

	if (first->text[0] == '\0')
		err_set(first, "%s", line);
}

int
prober_reload_main(const struct conf *conf, int fd)
{
	struct err err = { .text = "" };
	const struct warn broken = { keep_first, &err };
	const struct conf_access_say say = { &log_warn_lines, &broken, NULL, 0 };
	size_t len;

	if (conf_access_say(conf, conf->user, &say) == 0)
		return prober_check_main(conf, fd);
	len = strlen(err.text) + 1;
	(void)!write(fd, err.text, len);
	return 1;
}

int
prober_run(const struct conf *conf, int keeper_fd)
{
	struct prober p = { .history.fd = -1 };
	struct err err = { .text = "" };
	int status = 1;

	running_blame(clock_mono().ms);
	if (prober_open(&p, conf, keeper_fd, &err) == 0) {
		log_info("probing %zu target%s of %zu server%s", p.core.judge->n_targets,
		    text_s(p.core.judge->n_targets), conf->n_servers, text_s(conf->n_servers));
		status = loop_run(p.core.loop, &err) == 0 ? 0 : 1;
		if (remember_worth(p.core.judge))
			remember_save(&p.remember, &err);
	}
	if (status != 0)
		log_error("prober: %s", err.text);
	running_forgive();
	prober_close(&p);
	return status;
}
