#include "healthd/route/keeper.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/notify.h"
#include "healthd/route/keeper_inner.h"
#include "healthd/prober/prober.h"

/* ---- the parts that follow the configuration ---- */

static void
keeper_close(struct keeper *k)
{
	dnsd_watch_free(k->watch);
	bird_free(k->bird);
	announce_close(&k->announce);
	k->watch = NULL;
	k->bird = NULL;
}

static int
keeper_open(struct keeper *k, const struct conf *conf, struct err *err)
{
	bool v4 = false, v6 = false;

	for (size_t i = 0; i < conf->announce.prefixes.n; i++)
		*(conf->announce.prefixes.v[i].family == 4 ? &v4 : &v6) = true;
	k->announce.fd = -1;
	k->bird = NULL;
	k->watch = dnsd_watch_new(conf, err);
	if (k->watch == NULL)
		return -1;
	if (!conf->announce.enabled)
		return 0;
	if (conf->announce.via == CONF_VIA_LEASE &&
	    announce_open(&k->announce, conf->announce.interface, conf->announce.lease_ms, v4, v6, err) < 0) {
		keeper_close(k);
		return -1;
	}
	if (conf->announce.bird_socket[0] == '\0')
		return 0;
	k->bird = bird_new(conf, err);
	if (k->bird == NULL) {
		keeper_close(k);
		return -1;
	}
	return 0;
}

static struct posture_rules
keeper_rules(const struct conf *conf)
{
	return (struct posture_rules){
		.hold_down_ms = conf->announce.hold_down_ms,
		.drain_on_caches_down = conf->announce.on_caches_down == CONF_CACHES_DOWN_DRAIN,
	};
}

/* ---- making it so ---- */

/* Renews the lease, or makes a new posture real */
static void
keeper_apply(struct keeper *k, uint64_t now_ms)
{
	struct err err;

	if (k->announce.fd < 0)
		return;
	k->unset = announce_set(&k->announce, k->posture.now, &err) < 0;
	if (k->unset)
		keeper_alarm(k, KEEPER_ALARM_LEASE, "%s", err.text);
	else
		keeper_alarm(k, KEEPER_ALARM_LEASE, NULL);
	k->renew_ms = now_ms + (k->unset ? KEEPER_TICK_MS : announce_renew_ms(&k->announce));
}

static void
keeper_changed(struct keeper *k, enum health_posture before, uint64_t now_ms)
{
	k->since = clock_wall();
	keeper_apply(k, now_ms);
	if (k->bird != NULL && k->conf->announce.via == CONF_VIA_BIRD_SOCKET)
		bird_want(k->bird, k->posture.now, now_ms);
	k->look_ms = now_ms + 100;	/* BIRD needs a few milliseconds to follow */
	k->tell_ms = k->report_ms = now_ms;
	(k->posture.now < before ? log_warn : log_info)("posture: %s -> %s (%s), penalty %.0f",
	    health_posture_name(before), health_posture_name(k->posture.now), k->posture.reason,
	    damping_penalty(&k->posture.damping, now_ms));
}

static void
keeper_step(struct keeper *k, uint64_t now_ms)
{
	enum health_posture before = k->posture.now;
	enum posture_dnsd dnsd = dnsd_watch_state(k->watch, k->dnsd_reason);
	struct posture_input in = {
		.now_ms = now_ms, .verdict = k->verdict.verdict, .verdict_reason = k->verdict.reason,
		.verdict_age_ms = now_ms - k->verdict_ms, .override_ms = k->verdict.override_ms, .dnsd = dnsd, .dnsd_reason = k->dnsd_reason,
	};

	if (dnsd != k->dnsd && dnsd != POSTURE_DNSD_UNKNOWN) {
		if (dnsd == POSTURE_DNSD_FAILED)
			log_warn("dnsd does not answer: %s", k->dnsd_reason);
		else
			log_info("dnsd answers");
	}
	k->dnsd = dnsd;
	if (posture_step(&k->posture, &in))
		keeper_changed(k, before, now_ms);
	else if (k->announce.fd >= 0 && now_ms >= k->renew_ms && (k->posture.now != POSTURE_DOWN || k->unset))
		keeper_apply(k, now_ms);
}

/* We stood still.  Nothing missing meanwhile is anybody's fault; what the kernel did is. */
static void
keeper_late(struct keeper *k, uint64_t now_ms)
{
	enum health_posture before = k->posture.now, left;
	double late_s = (double)(now_ms - k->last_ms) / 1000;
	struct err err;

	k->late_ms = now_ms;
	keeper_alarm(k, KEEPER_ALARM_LATE, "the keeper itself stood still for %.1f s", late_s);
	dnsd_watch_late(k->watch);
	child_pardon(&k->child, now_ms);
	k->verdict_ms = now_ms;
	if (k->announce.fd >= 0 && before != POSTURE_DOWN &&
	    announce_get(&k->announce, &left, &err) == 0 && left == POSTURE_DOWN) {
		posture_lost(&k->posture, now_ms, "the lease ran out while the keeper stood still");
		keeper_changed(k, before, now_ms);
	}
}

/* ---- the prober ---- */

static void
keeper_start_child(struct keeper *k, uint64_t now_ms)
{
	struct err err;

	if (child_start(&k->child, k->conf, now_ms, &err) < 0)
		log_error("cannot start the prober: %s", err.text);
	else
		log_info("prober started, pid %d", (int)k->child.pid);
	k->report_ms = now_ms;
}

static void
keeper_hear(struct keeper *k, uint64_t now_ms)
{
	struct verdict_message m;

	for (int i = 0; i < 64 && k->child.fd >= 0; i++) {
		uint8_t octets[sizeof(m) + 1];
		ssize_t got = recv(k->child.fd, octets, sizeof(octets), MSG_DONTWAIT);

		if (got < 0)
			return;
		if (got == 0) {		/* its end is closed: it is ending, or will be killed for silence */
			close(k->child.fd);
			k->child.fd = -1;
			return;
		}
		if (!message_check(&m, octets, (size_t)got)) {
			child_kill(&k->child, "sent a message that makes no sense", now_ms);
			k->child_lost_ms = now_ms;
			return;
		}
		child_heard(&k->child, now_ms);
		k->verdict_ms = now_ms;
		if (m.verdict == VERDICT_NONE)
			continue;
		if (m.verdict != k->verdict.verdict)
			log_debug("verdict heard: %s, %u of %u local servers up (%s)", message_verdict_name(m.verdict),
			    m.local_up, m.local_total, m.reason);
		k->verdict = m;
	}
}

static void
keeper_mind_child(struct keeper *k, uint64_t now_ms)
{
	keeper_hear(k, now_ms);
	if (child_watch(&k->child, now_ms)) {
		k->child_lost_ms = now_ms;
		k->report_ms = now_ms;
		log_error("prober %s; the last verdict (%s) stands", k->child.why,
		    message_verdict_name(k->verdict.verdict));
	}
	if (child_due(&k->child, now_ms))
		keeper_start_child(k, now_ms);
}

/* ---- signals ---- */

/* What a running keeper cannot change any more without its former privileges */
static const char *
keeper_fixed(const struct conf *old, const struct conf *new)
{
	if (strcmp(old->run_dir, new->run_dir) != 0)
		return "run-dir";
	if ((old->user == NULL) != (new->user == NULL) || (old->user != NULL && strcmp(old->user, new->user) != 0))
		return "user";
	if (old->announce.enabled != new->announce.enabled)
		return "announce (given or not)";
	if (old->announce.enabled && old->announce.via != new->announce.via)
		return "announce: via";
	if (old->announce.enabled && strcmp(old->announce.interface, new->announce.interface) != 0)
		return "announce: interface";
	return NULL;
}

static void
keeper_reload(struct keeper *k, uint64_t now_ms)
{
	struct keeper next = *k;
	struct err err;
	struct conf *conf = conf_read(k->conf->path, &log_warn_lines, &err);
	const char *fixed;

	if (conf == NULL) {
		log_error("reload: %s; the old configuration stays", err.text);
		keeper_alarm(k, KEEPER_ALARM_RELOAD, "reload refused: %s", err.text);
		return;
	}
	fixed = keeper_fixed(k->conf, conf);
	if (fixed != NULL)
		err_set(&err, "%s: a change of %s needs a restart", conf->path, fixed);
	if (fixed != NULL || prober_check(conf, &err) < 0 || keeper_open(&next, conf, &err) < 0) {
		log_error("reload: %s; the old configuration stays", err.text);
		keeper_alarm(k, KEEPER_ALARM_RELOAD, "reload refused: %s", err.text);
		conf_free(conf);
		return;
	}
	child_stop(&k->child, 500);
	keeper_close(k);
	conf_free(k->conf);
	k->conf = conf;
	k->watch = next.watch;
	k->bird = next.bird;
	k->announce = next.announce;
	k->user.name = conf->user;
	k->posture.rules = keeper_rules(conf);
	if (k->bird != NULL && conf->announce.via == CONF_VIA_BIRD_SOCKET)
		bird_want(k->bird, k->posture.now, now_ms);
	k->renew_ms = 0;
	keeper_start_child(k, now_ms);
	keeper_alarm(k, KEEPER_ALARM_RELOAD, NULL);
	log_info("configuration read again");
}

static void
keeper_signals(struct keeper *k)
{
	int signo;

	while ((signo = loop_signal_next(k->signals)) != 0)
		switch (signo) {
		case SIGTERM:
		case SIGINT:
			log_info("signal %d: ending%s", signo, k->announce.fd >= 0 &&
			    k->posture.now != POSTURE_DOWN ? "; the lease is left to run out" : "");
			k->stop = true;
			break;
		case SIGHUP:
			keeper_reload(k, clock_mono().ms);
			k->last_ms = clock_mono().ms;
			break;
		default:		/* SIGCHLD: the round looks after the child anyway */
			break;
		}
}

/* ---- the loop ---- */

static void
keeper_sleep(struct keeper *k, uint64_t until_ms, uint64_t now_ms)
{
	size_t max = dnsd_watch_max_fds(k->watch) + 3, n = 0;
	struct pollfd *fds = calloc(max, sizeof(*fds));
	uint64_t wait = until_ms > now_ms ? until_ms - now_ms : 0;

	if (fds == NULL) {
		poll(NULL, 0, 50);
		return;
	}
	fds[n++] = (struct pollfd){ .fd = k->signals, .events = POLLIN };
	if (k->child.fd >= 0)
		fds[n++] = (struct pollfd){ .fd = k->child.fd, .events = POLLIN };
	if (k->bird != NULL)
		n += bird_fds(k->bird, &fds[n]);
	n += dnsd_watch_fds(k->watch, &fds[n], max - n);
	poll(fds, n, (int)(wait < KEEPER_TICK_MS ? wait : KEEPER_TICK_MS));
	free(fds);
}

static uint64_t
keeper_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* One round.  Returns when the next is due at the latest. */
static uint64_t
keeper_round(struct keeper *k, uint64_t now_ms)
{
	uint64_t next = now_ms + KEEPER_TICK_MS;

	next = keeper_earlier(next, dnsd_watch_run(k->watch, now_ms));
	keeper_mind_child(k, now_ms);
	keeper_step(k, now_ms);
	if (k->bird != NULL) {
		if (k->look_ms != 0 && now_ms >= k->look_ms) {
			bird_look(k->bird, now_ms);
			k->look_ms = 0;
		}
		next = keeper_earlier(next, bird_run(k->bird, now_ms));
		if (k->look_ms != 0)
			next = keeper_earlier(next, k->look_ms);
	}
	keeper_judge(k, now_ms);
	if (now_ms >= k->tell_ms) {
		k->tell_ms = now_ms + KEEPER_TELL_MS;
		keeper_tell(k, now_ms);
		notify("WATCHDOG=1");
	}
	if (now_ms >= k->report_ms) {
		k->report_ms = now_ms + KEEPER_REPORT_MS;
		keeper_report(k, now_ms);
	}
	if (k->posture.raising && k->posture.hold_left_ms > 0)
		next = keeper_earlier(next, now_ms + k->posture.hold_left_ms);
	if (k->announce.fd >= 0 && k->posture.now != POSTURE_DOWN)
		next = keeper_earlier(next, k->renew_ms);
	return next;
}

static void
keeper_loop(struct keeper *k)
{
	k->last_ms = clock_mono().ms;
	while (!k->stop) {
		uint64_t now_ms = clock_mono().ms;

		if (now_ms - k->last_ms > KEEPER_LATE_MS)
			keeper_late(k, now_ms);
		k->last_ms = now_ms;
		keeper_sleep(k, keeper_round(k, now_ms), now_ms);
		keeper_signals(k);
	}
}

/* ---- start ---- */

/* Waits for BIRD's first word: what is switched on stays on until we know better */
static enum health_posture
keeper_adopt_bird(struct keeper *k)
{
	uint64_t end_ms = clock_mono().ms + KEEPER_ADOPT_MS;

	for (uint64_t now = clock_mono().ms; now < end_ms; now = clock_mono().ms) {
		struct pollfd fd;

		bird_run(k->bird, now);
		if (bird_seen(k->bird)->known)
			return bird_seen(k->bird)->protocols;
		poll(&fd, bird_fds(k->bird, &fd), 20);
	}
	log_warn("BIRD does not say what is switched on (%s): taken as nothing", bird_seen(k->bird)->why);
	return POSTURE_DOWN;
}

/* Takes over what a former healthd left: markers in force, the flap penalty, since when */
static void
keeper_adopt(struct keeper *k)
{
	struct posture_rules rules = keeper_rules(k->conf);
	enum health_posture left = POSTURE_DOWN;
	uint64_t now_ms = clock_mono().ms;
	struct posture_file file;
	struct err err;

	if (k->announce.fd >= 0 && announce_get(&k->announce, &left, &err) < 0)
		log_warn("%s", err.text);
	else if (k->announce.fd < 0 && k->bird != NULL)
		left = keeper_adopt_bird(k);
	posture_init(&k->posture, &rules, left);
	k->since = clock_wall();
	if (left != POSTURE_DOWN)
		log_info("posture %s is in force already: it stands", health_posture_name(left));
	if (access(k->report_path, F_OK) != 0)
		return;
	if (posture_file_read(&file, k->report_path, &err) < 0) {
		log_warn("%s: flap penalty starts at 0", err.text);
		return;
	}
	posture_restore(&k->posture, file.penalty *
	    exp2(-fmax(0, (k->since - file.stamp) * 1000 / DAMPING_HALF_LIFE_MS)), now_ms);
	if (file.posture == left && file.since < k->since)
		k->since = file.since;
}

static int
keeper_start(struct keeper *k, struct err *err)
{
	bool lease = k->conf->announce.enabled && k->conf->announce.via == CONF_VIA_LEASE;
	uint64_t now_ms = clock_mono().ms;

	if (lease && !privilege_net_admin())
		return err_set(err, "announce: the lease needs CAP_NET_ADMIN; start healthd as root or with that capability");
	if (snprintf(k->report_path, sizeof(k->report_path), "%s/%s", k->conf->run_dir, POSTURE_FILE_NAME) >=
	    (int)sizeof(k->report_path))
		return err_set(err, "run-dir \"%s\": name too long", k->conf->run_dir);
	k->signals = loop_signals((const int[]){ SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0 });
	if (k->signals < 0)
		return err_set(err, "signalfd: %s", strerror(errno));
	keeper_start_child(k, now_ms);
	k->verdict_ms = now_ms;
	if (privilege_keep(&k->user, lease, err) < 0 || keeper_open(k, k->conf, err) < 0)
		return -1;
	keeper_adopt(k);
	keeper_apply(k, clock_mono().ms);
	if (k->bird != NULL && k->conf->announce.via == CONF_VIA_BIRD_SOCKET)
		bird_want(k->bird, k->posture.now, clock_mono().ms);
	return 0;
}

int
keeper_run(const struct keeper_setup *setup)
{
	struct keeper k = { .conf = setup->conf, .user = setup->user, .signals = -1, .announce = { .fd = -1 } };
	int status = 0;
	struct err err;

	child_init(&k.child, setup->prober, &k.user);
	if (keeper_start(&k, &err) < 0) {
		log_error("%s", err.text);
		status = 1;
	} else {
		log_info("ready: posture %s (%s)", health_posture_name(k.posture.now), k.posture.reason);
		notify("READY=1");
		keeper_loop(&k);
		notify("STOPPING=1");
		if (k.posture.now != POSTURE_DOWN)
			keeper_apply(&k, clock_mono().ms);
		keeper_report(&k, clock_mono().ms);
	}
	child_stop(&k.child, 500);
	keeper_close(&k);
	if (k.signals >= 0)
		close(k.signals);
	conf_free(k.conf);
	return status;
}
