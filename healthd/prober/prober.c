#include "healthd/prober/prober.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/privilege.h"
#include "healthd/prober/prober_inner.h"
#include "healthd/prober/schedule.h"

enum {
	LATE_MIN_MS = 100,		/* from here on timeouts may be our own fault */
	LATE_BAD_MS = 1000,		/* or the shortest interval, if that is longer */
	ALIVE_MS = 500,			/* between two words to the keeper */
	VOID_MAX = 2,			/* times in a row that we may blame ourselves */
	WITNESS_MS = 50,		/* between two rounds of asking others out of turn */
	WITNESSES = 4
};

static const double CLOCK_JUMP_S = 2.0;

struct judge_time
prober_now(const struct prober *p)
{
	return (struct judge_time){ loop_now(p->loop), clock_wall() };
}

uint32_t
prober_random(struct prober *p)
{
	/* xorshift: for jitter, not for secrets */
	p->random ^= p->random << 13;
	p->random ^= p->random >> 17;
	p->random ^= p->random << 5;
	return p->random;
}

/* --- alarms --- */

void
prober_alarm(struct prober *p, enum prober_alarm kind, uint32_t for_ms, const char *fmt, ...)
{
	struct alarm *a = &p->alarms[kind];
	char text[1024];
	bool fresh = a->text[0] == '\0';
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	health_reason(a->text, text);
	a->until_ms = for_ms != 0 ? loop_now(p->loop) + for_ms : 0;
	if (!fresh)
		return;
	a->since = clock_wall();
	log_warn("alarm: %s", a->text);
}

void
prober_alarm_over(struct prober *p, enum prober_alarm kind)
{
	struct alarm *a = &p->alarms[kind];

	if (a->text[0] == '\0')
		return;
	log_info("alarm over: %s", a->text);
	memset(a, 0, sizeof(*a));
}

static void
review_alarms(struct prober *p)
{
	const char *freeze = judge_freeze_text(p->judge);

	for (unsigned i = 0; i < PROBER_ALARMS; i++)
		if (p->alarms[i].until_ms != 0 && loop_now(p->loop) >= p->alarms[i].until_ms)
			prober_alarm_over(p, i);
	if (*freeze == '\0' || strcmp(p->alarms[ALARM_FREEZE].text, freeze) != 0)
		prober_alarm_over(p, ALARM_FREEZE);
	if (*freeze != '\0')
		prober_alarm(p, ALARM_FREEZE, 0, "%s", freeze);
}

/* --- probes --- */

static void
probe_due(struct loop_timer *timer)
{
	checks_start(LOOP_OWNER(timer, struct probe, timer));
}

static void
plan_next(struct prober *p, struct probe *probe)
{
	const struct judge_server *s = &p->judge->servers[p->judge->targets[probe->target].server];
	uint32_t interval = judge_near_change(p->judge, probe->target) ? s->fast_ms : s->interval_ms;

	loop_timer_set(p->loop, &probe->timer, schedule_next(probe->started_ms, loop_now(p->loop),
	    interval, probe->check->jitter, prober_random(p)));
}

/*
 * Something fails.  Whose fault it is, others can tell: a few of other sites that were
 * well when asked last are asked at once, so that the judge need not wait for their turn.
 */
static void
ask_witnesses(struct prober *p, const struct probe *failed)
{
	size_t n = p->judge->n_targets;
	unsigned asked = 0;

	if (p->judge->n_remote == 0 || loop_now(p->loop) < p->witness_ms + WITNESS_MS)
		return;
	p->witness_ms = loop_now(p->loop);
	for (size_t i = 0; i < n && asked < WITNESSES; i++) {
		size_t at = (p->witness_at + i) % n;
		struct probe *probe = &p->probes[at];
		const struct judge_target *t = &p->judge->targets[at];

		if (probe->busy || t->failing || t->alive != HEALTH_UP ||
		    probe->server->site == failed->server->site)
			continue;
		loop_timer_set(p->loop, &probe->timer, loop_now(p->loop));
		p->witness_at = at + 1;
		asked++;
	}
}

static void
prober_done(struct probe *probe, const struct result *r)
{
	struct prober *p = probe->arg;
	struct judge_target *t = &p->judge->targets[probe->target];
	bool near = judge_near_change(p->judge, probe->target);
	char set[HEALTH_NAME_MAX];

	if (r->reason == REASON_TIMEOUT && probe->void_timeout && probe->voided++ < VOID_MAX) {
		/* we were late, not the server: asked again, nothing counted */
		loop_timer_set(p->loop, &probe->timer, loop_now(p->loop));
		return;
	}
	probe->voided = 0;
	if (r->reason == REASON_INTERNAL) {
		p->internal_ms = loop_now(p->loop);
		prober_alarm(p, ALARM_INTERNAL, PROBER_ALARM_MS, "server %s cannot be checked: %s",
		    probe->server->name, r->detail);
	}
	memcpy(set, t->set, sizeof(set));
	judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_RESULT, .index = probe->target, .result = r },
	    prober_now(p));
	plan_next(p, probe);
	if (t->failing && t->alive != HEALTH_DOWN)
		ask_witnesses(p, probe);
	if (probe->check->kind == CONF_CHECK_CONTENT)
		content_result(p, probe, strcmp(set, t->set) != 0);
	/* the time within which nothing can change has become shorter, or longer */
	if (near != judge_near_change(p->judge, probe->target) && p->publish.due_ms > loop_now(p->loop) + ALIVE_MS)
		p->publish.due_ms = loop_now(p->loop) + ALIVE_MS;
}

static int
probe_open(struct prober *p, size_t i, uint64_t start_ms, struct err *err)
{
	const struct judge_target *t = &p->judge->targets[i];
	const struct judge_server *s = &p->judge->servers[t->server];
	struct probe *probe = &p->probes[i];

	probe->checks = &p->checks;
	probe->check = s->check;
	probe->server = s->conf;
	probe->addr = t->family == 4 ? s->conf->v4 : s->conf->v6;
	probe->target = (uint32_t)i;
	probe->done = prober_done;
	probe->arg = p;
	probe->timer.fire = probe_due;
	if (checks_prepare(probe, err) < 0)
		return -1;
	return loop_timer_set(p->loop, &probe->timer, schedule_first(start_ms, i, p->judge->n_targets, s->interval_ms));
}

static int
probes_open(struct prober *p, struct err *err)
{
	p->probes = calloc(p->judge->n_targets + 1, sizeof(*p->probes));
	if (p->probes == NULL)
		return err_set(err, "out of memory");
	/* the preparations of thousands of targets take a moment: times count from after it */
	for (size_t i = 0; i < p->judge->n_targets; i++)
		if (probe_open(p, i, UINT64_MAX / 2, err) < 0)
			return -1;
	for (size_t i = 0; i < p->judge->n_targets; i++)
		loop_timer_set(p->loop, &p->probes[i].timer, schedule_first(clock_mono().ms, i, p->judge->n_targets,
		    p->judge->servers[p->judge->targets[i].server].interval_ms));
	return 0;
}

static void
probes_close(struct prober *p)
{
	for (size_t i = 0; p->probes != NULL && i < p->judge->n_targets; i++) {
		loop_timer_stop(p->loop, &p->probes[i].timer);
		loop_timer_stop(p->loop, &p->probes[i].digest_timer);
		if (p->probes[i].check != NULL)
			checks_release(&p->probes[i]);
	}
	free(p->probes);
}

/* --- time, and what may be wrong with it --- */

static void
on_late(void *arg, uint64_t late_ms)
{
	struct prober *p = arg;

	for (size_t i = 0; i < p->judge->n_targets; i++)
		p->probes[i].void_timeout = p->probes[i].busy;
	if (late_ms < p->late_limit_ms)
		return;
	prober_alarm(p, ALARM_LATE, PROBER_ALARM_MS, "this process was late by %llu ms",
	    (unsigned long long)late_ms);
	judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_DISTURBED, .disturbance = JUDGE_LATE },
	    prober_now(p));
}

static void
watch_clock(struct prober *p)
{
	double offset = clock_wall() - (double)clock_mono().ms / 1e3;
	double jump = offset - p->wall_offset;

	p->wall_offset = offset;
	if (fabs(jump) < CLOCK_JUMP_S)
		return;
	prober_alarm(p, ALARM_CLOCK, PROBER_ALARM_MS, "the clock jumped by %.1f s", jump);
	judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_DISTURBED, .disturbance = JUDGE_CLOCK },
	    prober_now(p));
	p->publish.due_ms = 0;		/* its stamp is wrong now */
}

static uint64_t
late_limit(const struct prober *p)
{
	uint64_t shortest = UINT64_MAX;

	for (size_t i = 0; i < p->conf->n_servers; i++)
		if (p->judge->servers[i].check != NULL && p->judge->servers[i].interval_ms < shortest)
			shortest = p->judge->servers[i].interval_ms;
	return shortest == UINT64_MAX || shortest < LATE_BAD_MS ? LATE_BAD_MS : shortest;
}

/* --- the keeper --- */

void
prober_tell_keeper(struct prober *p, bool always)
{
	struct verdict_message v;
	bool same;

	judge_verdict(p->judge, prober_now(p), &v);
	same = v.verdict == p->verdict.verdict && v.local_up == p->verdict.local_up &&
	    v.override_ms == p->verdict.override_ms && strcmp(v.reason, p->verdict.reason) == 0;
	if (same && !always)
		return;
	if (v.verdict != p->verdict.verdict || p->verdict_ms == 0) {
		log_debug("verdict: %s (%s)", message_verdict_name(v.verdict), v.reason);
		p->publish.posture_changed = true;
	}
	v.magic = MESSAGE_VERDICT;
	v.sent_ms = clock_mono().ms;
	p->verdict = v;
	p->verdict_ms = v.sent_ms;
	/* a keeper that does not read for so long that the buffer is full will ask for nothing */
	if (send(p->keeper_io.fd, &v, sizeof(v), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	    errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
		loop_stop(p->loop);
}

static void
hear_posture(struct prober *p, const struct posture_message *m)
{
	bool known = p->posture.magic == MESSAGE_POSTURE;
	enum health_posture was = known ? (enum health_posture)p->posture.posture : POSTURE_DOWN;
	bool changed = !known || was != (enum health_posture)m->posture;

	if (m->magic != MESSAGE_POSTURE || m->posture > POSTURE_SERVING)
		return;
	p->posture = *m;
	p->posture.reason[sizeof(p->posture.reason) - 1] = '\0';
	p->posture.alarm[sizeof(p->posture.alarm) - 1] = '\0';
	if (!changed)
		return;
	p->publish.posture_changed = true;
	if (known)
		hook_site(p, was);
}

static void
on_keeper(struct loop_io *io, uint32_t events)
{
	struct prober *p = LOOP_OWNER(io, struct prober, keeper_io);
	struct posture_message m;
	ssize_t n;

	while ((n = recv(io->fd, &m, sizeof(m), MSG_DONTWAIT)) > 0)
		if (n == (ssize_t)sizeof(m))
			hear_posture(p, &m);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
	    ((events & EPOLLHUP) && !(events & EPOLLIN)))
		loop_stop(p->loop);	/* the keeper is gone */
}

static void
on_signal(struct loop_io *io, uint32_t events)
{
	struct prober *p = LOOP_OWNER(io, struct prober, signal_io);

	(void)events;
	if (loop_signal_next(io->fd) != 0)
		loop_stop(p->loop);
}

/* --- turns and ticks --- */

static void
tell_changes(struct prober *p)
{
	int32_t i;

	while ((i = judge_take_change(p->judge)) >= 0) {
		const struct judge_server *s = &p->judge->servers[i];

		log_info("server %s: %s, was %s (%s)", s->conf->name, health_state_name(s->state),
		    health_state_name(s->was), s->reason);
		hook_server(p, (size_t)i);
	}
}

static void
on_turn(void *arg)
{
	struct prober *p = arg;

	if (p->told != p->judge->changes) {
		p->told = p->judge->changes;
		tell_changes(p);
		review_alarms(p);
		prober_tell_keeper(p, false);
	}
	publish_turn(p);
	memory_turn(p);
}

static void
on_tick(struct loop_timer *timer)
{
	struct prober *p = LOOP_OWNER(timer, struct prober, tick);

	loop_timer_set(p->loop, timer, loop_now(p->loop) + PROBER_TICK_MS);
	watch_clock(p);
	judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_TICK }, prober_now(p));
	review_alarms(p);
	prober_tell_keeper(p, clock_mono().ms >= p->verdict_ms + ALIVE_MS - PROBER_TICK_MS / 2);
}

/* --- beginning and end --- */

static int
signals_open(struct prober *p, struct err *err)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	p->signal_io = (struct loop_io){ .ready = on_signal,
		.fd = loop_signals((const int[]){ SIGTERM, SIGINT, 0 }) };
	if (p->signal_io.fd < 0 || loop_io_set(p->loop, &p->signal_io, EPOLLIN) < 0)
		return err_set(err, "signalfd: %s", strerror(errno));
	return 0;
}

/* A descriptor for every target, where we are allowed that many. */
static void
want_descriptors(const struct prober *p)
{
	uint64_t want = p->judge->n_targets + p->judge->n_targets / 4 + 256;
	uint64_t allowed = privilege_files(want);

	if (allowed != 0 && allowed < want)
		log_warn("only %llu open files are allowed (LimitNOFILE), %llu may be needed for %zu targets",
		    (unsigned long long)allowed, (unsigned long long)want, p->judge->n_targets);
}

static int
prober_open(struct prober *p, int keeper_fd, struct err *err)
{
	p->started = clock_wall();
	p->wall_offset = p->started - (double)clock_mono().ms / 1e3;
	if (getrandom(&p->random, sizeof(p->random), GRND_NONBLOCK) != sizeof(p->random) || p->random == 0)
		p->random = (uint32_t)getpid() * 2654435761u | 1;
	p->loop = loop_new(err);
	if (p->loop == NULL)
		return -1;
	p->judge = judge_new(p->conf, prober_now(p));
	if (p->judge == NULL)
		return err_set(err, "out of memory");
	want_descriptors(p);
	p->late_limit_ms = late_limit(p);
	p->keeper_io = (struct loop_io){ .fd = keeper_fd, .ready = on_keeper };
	if (loop_io_set(p->loop, &p->keeper_io, EPOLLIN) < 0)
		return err_set(err, "the keeper's socket: %s", strerror(errno));
	if (signals_open(p, err) < 0 || hook_open(p, err) < 0 || publish_open(p, err) < 0)
		return -1;
	memory_open(p);
	prober_tell_keeper(p, true);
	if (service_open(p, err) < 0 || checks_open(&p->checks, p->loop, p->conf, err) < 0)
		return -1;
	if (content_open(p, err) < 0 || peer_open(p, err) < 0 || probes_open(p, err) < 0)
		return -1;
	p->tick.fire = on_tick;
	loop_on_late(p->loop, LATE_MIN_MS, on_late, p);
	loop_on_turn(p->loop, on_turn, p);
	return loop_timer_set(p->loop, &p->tick, clock_mono().ms + PROBER_TICK_MS);
}

static void
prober_close(struct prober *p)
{
	if (p->judge != NULL && p->loop != NULL) {
		probes_close(p);
		content_close(p);
		peer_close(p);
		service_close(p);
		hook_close(p);
		publish_close(p);
		if (p->checks.loop != NULL)
			checks_close(&p->checks);
		if (p->signal_io.fd > 0)
			close(p->signal_io.fd);
	}
	judge_free(p->judge);
	loop_free(p->loop);
}

int
prober_check(const struct conf *conf, struct err *err)
{
	return checks_test(conf, err);
}

int
prober_check_main(const struct conf *conf, int fd)
{
	struct err err = { "" };
	int status = prober_check(conf, &err) == 0 ? 0 : 1;
	size_t len = strlen(err.text) + 1;

	return write(fd, err.text, len) == (ssize_t)len ? status : 1;
}

int
prober_run(const struct conf *conf, int keeper_fd)
{
	struct prober p = { .conf = conf };
	struct err err = { "" };
	int status = 1;

	if (prober_open(&p, keeper_fd, &err) == 0) {
		log_info("probing %zu targets of %zu servers", p.judge->n_targets, conf->n_servers);
		status = loop_run(p.loop, &err) == 0 ? 0 : 1;
		if (p.judge->first_round_over)
			memory_save(&p, &err);
	}
	if (status != 0)
		log_error("prober: %s", err.text);
	prober_close(&p);
	return status;
}
