#include "healthd/route/keeper.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/notify.h"
#include "common/text.h"
#include "healthd/route/keeper_inner.h"
#include "healthd/route/posture_file.h"

#define TICK_MS 250		/* longest sleep */
#define LATE_MS 450		/* since the last turn began: we stood still */
#define TELL_MS 500		/* between words to the prober and to the watchdog */
#define REPORT_MS 1000		/* between posture files */

/* ---- the parts that follow the configuration ---- */

static void
close_parts(struct keeper_parts *p)
{
	dnsd_watch_free(p->watch);
	bird_free(p->bird);
	p->watch = NULL;
	p->bird = NULL;
}

static int
open_parts(struct keeper_parts *p, struct loop *loop, const struct conf *conf, struct err *err)
{
	const struct conf_announce *announce = &conf->announce;

	*p = (struct keeper_parts){ .watch = NULL };
	if (keeper_route_check(conf, err) < 0)
		return -1;
	p->watch = dnsd_watch_new(loop, conf, err);
	if (p->watch == NULL)
		return -1;
	if (announce->enabled && announce->bird_socket[0] != '\0' &&
	    (p->bird = bird_new(loop, conf, err)) == NULL) {
		close_parts(p);
		return -1;
	}
	return 0;
}

/* ---- the prober ---- */

static void
start_prober(struct keeper *k, uint64_t now_ms)
{
	struct err err;

	if (child_start(&k->child, k->conf, now_ms, &err) < 0)
		log_error("cannot start the prober: %s", err.text);
	else
		log_info("prober started, pid %d", (int)k->child.pid);
	k->report_ms = now_ms;
}

static void
on_word(struct loop_io *io, uint32_t events)
{
	struct keeper *k = LOOP_OWNER(io, struct keeper, child.io);
	uint64_t now_ms = loop_now(k->loop);
	struct verdict_message m;

	(void)events;
	for (int i = 0; i < 64; i++) {
		uint8_t octets[sizeof(m) + 1];
		ssize_t got = recv(io->fd, octets, sizeof(octets), MSG_DONTWAIT);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			child_hang_up(&k->child);
			return;
		}
		if (!message_check(&m, octets, (size_t)got)) {
			child_kill(&k->child, "sent a message that makes no sense", now_ms);
			k->child_lost_ms = now_ms;
			return;
		}
		child_heard(&k->child, now_ms);
		k->word_ms = now_ms;
		if (m.verdict != k->word.verdict || m.override != k->word.override)
			log_debug("verdict heard: %s, %u of %u local server%s up (%s)",
			    message_name(&m), m.local_up, m.local_total,
			    text_s(m.local_total), message_reason(&m));
		k->word = m;
		k->heard = true;
	}
}

static void
mind_prober(struct keeper *k, uint64_t now_ms)
{
	if (child_watch(&k->child, now_ms)) {
		k->child_lost_ms = now_ms;
		k->report_ms = now_ms;
		keeper_journal_event(k->spool, "prober-lost", k->child.why);
		log_error("prober %s; the last verdict (%s) stands", k->child.why,
		    message_name(&k->word));
	}
	if (child_due(&k->child, now_ms))
		start_prober(k, now_ms);
}

/* ---- another configuration ---- */

/* For keeper_reload_open. */
static int
take_conf(struct keeper *k, struct err *err)
{
	struct keeper_parts parts;

	if (open_parts(&parts, k->loop, k->fresh, err) < 0)
		return -1;
	child_stop(&k->child, 500);
	dnsd_watch_inherit(parts.watch, k->parts.watch);
	close_parts(&k->parts);
	conf_free(k->conf);
	k->conf = k->fresh;
	k->fresh = NULL;
	k->parts = parts;
	k->user.name = k->conf->user;
	keeper_route_reload(k);
	keeper_journal_event(k->spool, "reload", k->conf->digest);
	start_prober(k, loop_now(k->loop));
	return 0;
}

/* ---- turns of the loop ---- */

static void
on_signal(struct loop_io *io, uint32_t events)
{
	struct keeper *k = LOOP_OWNER(io, struct keeper, signals);
	int signo;

	(void)events;
	while ((signo = loop_signal_next(io->fd)) != 0)
		switch (signo) {
		case SIGTERM:
		case SIGINT:
			log_info("signal %d: ending%s", signo, k->announce.fd >= 0 &&
			    keeper_best(k)->posture.now != POSTURE_DOWN ?
			    "; the lease is left to run out" : "");
			k->stop = true;
			loop_stop(k->loop);
			break;
		case SIGHUP:
			k->reload.again = true;
			break;
		default:		/* SIGCHLD: every turn looks after the child */
			break;
		}
}

/* First in a turn that begins late.  If we stood still, then nothing that is missing meanwhile is
 * anybody's fault; what the kernel did is. */
static void
on_late(void *arg, uint64_t timer_late_ms)
{
	struct keeper *k = arg;
	uint64_t now_ms = loop_now(k->loop);

	(void)timer_late_ms;
	if (now_ms <= k->last_ms + LATE_MS)
		return;
	k->late_ms = now_ms;
	keeper_alarm(k, KEEPER_ALARM_LATE, "the keeper itself stood still for %.1f s",
	    (double)(now_ms - k->last_ms) / 1000);
	dnsd_watch_late(k->parts.watch);
	child_pardon(&k->child, now_ms);
	k->word_ms = now_ms;
	keeper_route_stood_still(k, now_ms);
}

/* When the next turn is due at the latest, as far as the keeper itself is concerned. */
static uint64_t
next_turn(const struct keeper *k, uint64_t now_ms)
{
	uint64_t next = now_ms + TICK_MS, route = keeper_route_next(k, now_ms);

	if (k->look_ms != 0 && k->look_ms < next)
		next = k->look_ms;
	return route < next ? route : next;
}

/* Last in every turn: dnsd and the prober have been heard. */
static void
on_turn(void *arg)
{
	struct keeper *k = arg;
	uint64_t now_ms = loop_now(k->loop);

	if (k->stop)
		return;
	mind_prober(k, now_ms);
	keeper_route_step(k, now_ms);
	if (k->look_ms != 0 && now_ms >= k->look_ms) {
		k->look_ms = 0;
		if (k->parts.bird != NULL)
			bird_look(k->parts.bird);
	}
	keeper_reload_turn(k, now_ms);
	keeper_judge(k, now_ms);
	if (now_ms >= k->tell_ms) {
		k->tell_ms = now_ms + TELL_MS;
		keeper_tell(k, now_ms);
		notify("WATCHDOG=1");
	}
	if (now_ms >= k->report_ms) {
		k->report_ms = now_ms + REPORT_MS;
		keeper_report(k, now_ms);
	}
	loop_timer_set(k->loop, &k->tick, next_turn(k, now_ms));
	if (k->last_ms < now_ms)
		k->last_ms = now_ms;
}

/* The turn that it begins does everything. */
static void
on_keeper_tick(struct loop_timer *tick)
{
	struct keeper *k = LOOP_OWNER(tick, struct keeper, tick);

	loop_timer_set(k->loop, tick, loop_now(k->loop) + TICK_MS);
}

/* ---- start ---- */

/* From here on the loop does it all. */
static int
begin_turns(struct keeper *k, struct err *err)
{
	k->tick.fire = on_keeper_tick;
	k->last_ms = clock_mono().ms;
	loop_on_late(k->loop, LATE_MS - TICK_MS, on_late, k);
	loop_on_turn(k->loop, on_turn, k);
	if (loop_timer_set(k->loop, &k->tick, k->last_ms) < 0 ||
	    loop_io_set(k->loop, &k->signals, EPOLLIN) < 0)
		return err_set(err, "events: %s", strerror(errno));
	return 0;
}

static int
start_keeper(struct keeper *k, const struct keeper_setup *setup, struct err *err)
{
	bool lease = k->conf->announce.enabled && k->conf->announce.via == CONF_VIA_LEASE;

	if (lease && !privilege_net_admin())
		return err_set(err, "announce: the lease needs CAP_NET_ADMIN; "
		    "start healthd as root or with that capability");
	if (snprintf(k->report_path, sizeof(k->report_path), "%s/%s", k->conf->run_dir,
	    POSTURE_FILE_NAME) >= (int)sizeof(k->report_path))
		return err_set(err, "run-dir \"%s\": name too long", k->conf->run_dir);
	k->signals.fd = loop_signals((const int[]){ SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0 });
	if (k->signals.fd < 0)
		return err_set(err, "signalfd: %s", strerror(errno));
	k->loop = loop_new(err);
	if (k->loop == NULL)
		return -1;
	child_init(&k->child, k->loop, setup->prober, &k->user, on_word);
	k->trial = (struct trial){ .loop = k->loop, .main = setup->check, .user = &k->user,
		.done = keeper_reload_tried };
	k->word_ms = clock_mono().ms;
	start_prober(k, k->word_ms);
	if (privilege_keep(&k->user, lease, err) < 0 ||
	    open_parts(&k->parts, k->loop, k->conf, err) < 0 ||
	    (lease && announce_open(&k->announce, k->loop, k->conf->announce.interface,
	    k->conf->announce.lease_ms, keeper_route_meddled, err) < 0))
		return -1;
	k->spool = keeper_journal_open(k->conf);
	if (keeper_reload_open(k, take_conf, err) < 0)
		return -1;
	keeper_route_adopt(k);
	return begin_turns(k, err);
}

static void
end_keeper(struct keeper *k)
{
	if (k->loop != NULL) {
		trial_cancel(&k->trial);
		child_stop(&k->child, 500);
	}
	keeper_journal_close(k->spool);
	close_parts(&k->parts);
	announce_close(&k->announce);
	keeper_reload_close(k);
	loop_free(k->loop);
	if (k->signals.fd >= 0)
		close(k->signals.fd);
	conf_free(k->fresh);
	conf_free(k->conf);
}

int
keeper_run(const struct keeper_setup *setup)
{
	struct keeper k = { .conf = setup->conf, .user = setup->user,
		.announce = { .fd = -1, .events.fd = -1 },
		.signals = { .fd = -1, .ready = on_signal } };
	int status = 1;
	struct err err;

	if (start_keeper(&k, setup, &err) < 0) {
		log_error("%s", err.text);
	} else {
		log_info("ready: posture %s (%s)",
		    health_posture_name(keeper_best(&k)->posture.now),
		    keeper_best(&k)->posture.reason);
		notify("READY=1");
		status = loop_run(k.loop, &err) < 0;
		if (status != 0)
			log_error("%s", err.text);
		notify("STOPPING=1");
		keeper_route_renew(&k, clock_mono().ms);
		keeper_report(&k, clock_mono().ms);
	}
	end_keeper(&k);
	return status;
}
