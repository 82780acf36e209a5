/*
 * keeper_report: what the keeper tells: alarms, words to the prober, the posture file.
 *
 * keeper.c decides and calls from the end of a turn; nothing here changes the posture or the
 * route.  keeper_judge compares what is wanted with what is, and keeps the alarms: each has a
 * place of its own in struct keeper, is logged when it begins and when it ends, and most of them
 * begin only when the trouble has lasted.  keeper_tell and keeper_report then say the same to
 * the prober (struct posture_message, for the health file and `healthd.sock`) and to everybody
 * (posture_file.h).
 *
 * What comes from BIRD is text of others: it passes through health_reason or bird_reply before
 * it is told.  The loop's thread only; nothing blocks but the writing of one small file.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "healthd/route/alarm_child.h"
#include "healthd/route/keeper_inner.h"
#include "healthd/route/posture_file.h"

#define EXPORT_MS 3000		/* that BIRD may differ from what is wanted */
#define BIRD_MS 5000		/* that BIRD may be silent, or a session down */
#define UNEVEN_MS 1000		/* that one prefix may be lower than another */
#define REMEMBER_MS 60000	/* that a passing trouble stays an alarm */

void
keeper_alarm(struct keeper *k, enum keeper_alarm kind, const char *fmt, ...)
{
	char text[1024];
	bool was = k->alarms[kind][0] != '\0';
	va_list ap;

	if (fmt == NULL) {
		if (was) {
			log_info("alarm over: %s", k->alarms[kind]);
			keeper_journal_alarm(k->spool, k->alarms[kind], true);
			alarm_child_run(k->conf, &k->user, k->alarms[kind], true,
			    loop_now(k->loop));
		}
		k->alarms[kind][0] = '\0';
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	health_phrase(k->alarms[kind], sizeof(k->alarms[kind]), text);
	if (was)
		return;
	log_warn("alarm: %s", k->alarms[kind]);
	keeper_journal_alarm(k->spool, k->alarms[kind], false);
	alarm_child_run(k->conf, &k->user, k->alarms[kind], false, loop_now(k->loop));
}

/* True once `bad` has lasted for `patience`; *since_ms remembers. */
static bool
lasts(uint64_t *since_ms, bool bad, uint64_t patience, uint64_t now_ms)
{
	if (!bad) {
		*since_ms = 0;
		return false;
	}
	if (*since_ms == 0)
		*since_ms = now_ms;
	return now_ms - *since_ms >= patience;
}

/* Prefixes by family (0 = IPv4): wanted at all, exported, and exported with 65535:0. */
struct counts {
	int want[2], exported[2], draining[2];
};

static struct counts
count_families(const struct keeper *k, const struct bird_seen *seen)
{
	struct counts n = { { 0, 0 }, { 0, 0 }, { 0, 0 } };

	for (size_t i = 0; i < k->n_prefixes; i++) {
		unsigned family = k->prefixes[i].prefix.family == 6;

		if (k->prefixes[i].prefix.family == 0)
			continue;
		n.want[family]++;
		if (seen == NULL)
			continue;
		n.exported[family] += seen->prefixes[i].exported;
		n.draining[family] += seen->prefixes[i].draining;
	}
	return n;
}

static bool
export_differs(const struct keeper_prefix *p, const struct bird_prefix *seen)
{
	if (p->prefix.family == 0)
		return false;
	return seen->exported != (p->posture.now != POSTURE_DOWN) ||
	    seen->draining != (p->posture.now == POSTURE_DRAINING);
}

/* What BIRD exports of each prefix, for so long that it is not on its way. */
static void
judge_exports(struct keeper *k, const struct bird_seen *seen, uint64_t now_ms)
{
	const struct keeper_prefix *bad = NULL;
	bool any = false;

	for (size_t i = 0; i < k->n_prefixes; i++) {
		struct keeper_prefix *p = &k->prefixes[i];
		bool differs = export_differs(p, &seen->prefixes[i]);

		any = any || differs;
		if (lasts(&p->differs_ms, differs, EXPORT_MS, now_ms) && bad == NULL)
			bad = p;
	}
	if (bad != NULL) {
		const struct bird_prefix *is = &seen->prefixes[bad - k->prefixes];

		keeper_alarm(k, KEEPER_ALARM_EXPORT, "BIRD does not export what is wanted: %s is "
		    "%s, and BIRD exports it%s", bad->name, health_posture_name(bad->posture.now),
		    !is->exported ? " to nobody" : is->draining ? " with 65535:0" : "");
	} else if (!any) {
		keeper_alarm(k, KEEPER_ALARM_EXPORT, NULL);
	}
}

static void
judge_bird(struct keeper *k, uint64_t now_ms)
{
	const struct bird_seen *seen = bird_seen(k->parts.bird);

	if (lasts(&k->silent_ms, !seen->known, BIRD_MS, now_ms))
		keeper_alarm(k, KEEPER_ALARM_BIRD, "what BIRD exports is not known: %s", seen->why);
	else if (seen->known)
		keeper_alarm(k, KEEPER_ALARM_BIRD, NULL);
	if (!seen->known)
		return;
	judge_exports(k, seen, now_ms);
	if (lasts(&k->sessions_ms, seen->established < seen->neighbours || seen->neighbours == 0,
	    BIRD_MS, now_ms))
		keeper_alarm(k, KEEPER_ALARM_SESSIONS, "BGP: %u of %u session%s established",
		    seen->established, seen->neighbours, text_s(seen->neighbours));
	else if (k->sessions_ms == 0)
		keeper_alarm(k, KEEPER_ALARM_SESSIONS, NULL);
}

/* BIRD counts such a time back from now at every question, and so it trembles by a
 * millisecond: times of neighbouring seconds are the same. */
static bool
is_same_time(const char *a, const char *b)
{
	struct tm x = { .tm_isdst = 0 }, y = { .tm_isdst = 0 };

	if (strptime(a, "%Y-%m-%d %H:%M:%S", &x) == NULL ||
	    strptime(b, "%Y-%m-%d %H:%M:%S", &y) == NULL)
		return strcmp(a, b) == 0;
	return llabs((long long)(timegm(&x) - timegm(&y))) <= 1;
}

/* Restarts and reconfigurations of BIRD are worth a line each. */
static void
notice_bird(struct keeper *k)
{
	const struct bird_status *now = &bird_seen(k->parts.bird)->status;
	const struct bird_status *before = &k->bird_status;

	if (now->reboot[0] == '\0')
		return;
	if (before->reboot[0] != '\0' && !is_same_time(now->reboot, before->reboot))
		log_warn("BIRD was restarted at %s", now->reboot);
	else if (before->reboot[0] != '\0' &&
	    !is_same_time(now->reconfigured, before->reconfigured))
		log_info("BIRD was reconfigured at %s", now->reconfigured);
	k->bird_status = *now;
}

static void
judge_dnsd(struct keeper *k)
{
	for (unsigned kind = 0; kind < DNSD_WATCH_ALARMS; kind++) {
		char text[HEALTH_REASON_MAX];
		bool is = dnsd_watch_alarm(k->parts.watch, (enum dnsd_watch_alarm)kind, text);

		keeper_alarm(k, (enum keeper_alarm)(KEEPER_ALARM_DNSD + kind),
		    is ? "%s" : NULL, text);
	}
}

/* The alarms of the state machines: the prober's word is the same for all, suppression is not. */
static void
judge_postures(struct keeper *k)
{
	for (size_t i = 0; i < k->n_prefixes; i++) {
		const struct posture *p = &k->prefixes[i].posture;

		if (p->alarm[0] == '\0')
			continue;
		keeper_alarm(k, KEEPER_ALARM_POSTURE, "%s%s%s",
		    p->suppressed ? k->prefixes[i].name : "", p->suppressed ? ": " : "", p->alarm);
		return;
	}
	keeper_alarm(k, KEEPER_ALARM_POSTURE, NULL);
}

/* The site's posture is the best of its prefixes: that another is lower would not be seen there. */
static void
judge_uneven(struct keeper *k, uint64_t now_ms)
{
	const struct keeper_prefix *best = keeper_best(k), *low = NULL;

	for (size_t i = 0; i < k->n_prefixes && low == NULL; i++)
		if (k->prefixes[i].posture.now < best->posture.now)
			low = &k->prefixes[i];
	if (lasts(&k->uneven_ms, low != NULL, UNEVEN_MS, now_ms))
		keeper_alarm(k, KEEPER_ALARM_PREFIX, "%s is %s while %s is %s: %s", low->name,
		    health_posture_name(low->posture.now), best->name,
		    health_posture_name(best->posture.now), low->posture.reason);
	else if (low == NULL)
		keeper_alarm(k, KEEPER_ALARM_PREFIX, NULL);
}

void
keeper_judge(struct keeper *k, uint64_t now_ms)
{
	judge_dnsd(k);
	judge_postures(k);
	judge_uneven(k, now_ms);
	if (k->child_lost_ms != 0 && now_ms - k->child_lost_ms < REMEMBER_MS)
		keeper_alarm(k, KEEPER_ALARM_PROBER,
		    "prober %s: restarted %u time%s, the last verdict stands",
		    k->child.why, k->child.restarts, text_s(k->child.restarts));
	else
		keeper_alarm(k, KEEPER_ALARM_PROBER, NULL);
	if (k->late_ms != 0 && now_ms - k->late_ms >= REMEMBER_MS) {
		k->late_ms = 0;
		keeper_alarm(k, KEEPER_ALARM_LATE, NULL);
	}
	if (k->meddled_ms != 0 && now_ms - k->meddled_ms >= REMEMBER_MS) {
		k->meddled_ms = 0;
		keeper_alarm(k, KEEPER_ALARM_MARKERS, NULL);
	}
	if (k->parts.bird != NULL) {
		notice_bird(k);
		judge_bird(k, now_ms);
	}
}

static double
worst_penalty(const struct keeper *k, uint64_t now_ms)
{
	double worst = 0;

	for (size_t i = 0; i < k->n_prefixes; i++)
		worst = fmax(worst, posture_penalty(&k->prefixes[i].posture, now_ms));
	return worst;
}

void
keeper_tell(struct keeper *k, uint64_t now_ms)
{
	const struct bird_seen *seen = k->parts.bird != NULL ? bird_seen(k->parts.bird) : NULL;
	bool known = seen != NULL && seen->known;
	const struct keeper_prefix *best = keeper_best(k);
	struct counts n = count_families(k, known ? seen : NULL);
	struct posture_message m;

	if (k->child.io.fd < 0)
		return;
	memset(&m, 0, sizeof(m));
	m.magic = MESSAGE_POSTURE;
	m.posture = best->posture.now;
	m.since = best->since;
	dnsd_watch_counts(k->parts.watch, &m.dnsd_asked, &m.dnsd_answering);
	m.exported4 = known ? n.exported[0] : -1;
	m.exported6 = known ? n.exported[1] : -1;
	m.penalty = worst_penalty(k, now_ms);
	m.hold_left_ms = best->posture.hold_left_ms;
	m.n_prefixes = (uint32_t)k->n_prefixes;
	for (size_t i = 0; i < k->n_prefixes; i++)
		m.prefixes[i] = (struct posture_message_prefix){
			.posture = k->prefixes[i].posture.now, .since = k->prefixes[i].since,
			.exported = !known ? -1 : seen->prefixes[i].exported,
		};
	health_reason(m.reason, best->posture.reason);
	/* a prober that does not read misses words, and will be killed for its silence */
	if (send(k->child.io.fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("prober: %s", strerror(errno));
}

static void
report_bird(const struct keeper *k, struct posture_file *f)
{
	const struct bird_seen *seen = k->parts.bird != NULL ? bird_seen(k->parts.bird) : NULL;
	struct counts n = count_families(k, seen);

	f->want4 = n.want[0];
	f->want6 = n.want[1];
	f->exported4 = f->exported6 = -1;
	if (seen == NULL)
		return;
	f->bird_known = seen->known;
	health_reason(f->bird_why, seen->why);
	if (!seen->known)
		return;
	f->exported4 = n.exported[0];
	f->exported6 = n.exported[1];
	f->draining = n.draining[0] + n.draining[1];
	f->established = seen->established;
	f->sessions = seen->neighbours;
	snprintf(f->version, sizeof(f->version), "%s", seen->status.version);
	snprintf(f->reboot, sizeof(f->reboot), "%s", seen->status.reboot);
	snprintf(f->reconfigured, sizeof(f->reconfigured), "%s", seen->status.reconfigured);
}

static void
report_causes(const struct keeper *k, struct posture_file *f, uint64_t now_ms)
{
	snprintf(f->verdict, sizeof(f->verdict), "%s", message_name(&k->word));
	f->verdict_age_s = (double)(now_ms - k->word_ms) / 1000;
	f->local_up = k->word.local_up;
	f->local_total = k->word.local_total;
	health_reason(f->verdict_reason, message_reason(&k->word));
	f->prober_pid = k->child.pid;
	f->prober_restarts = k->child.restarts;
	f->prober_heard_s = (double)(now_ms - k->word_ms) / 1000;
	health_reason(f->prober_why, k->child.why);
	dnsd_watch_counts(k->parts.watch, &f->dnsd_asked, &f->dnsd_answering);
	f->dnsd_held = dnsd_watch_held(k->parts.watch);
	while (f->n_answered < POSTURE_FILE_ANSWERED &&
	    dnsd_watch_proven(k->parts.watch, f->n_answered, f->answered[f->n_answered]))
		f->n_answered++;
	for (size_t i = 0; i < k->n_prefixes && f->dnsd_reason[0] == '\0'; i++)
		health_reason(f->dnsd_reason, k->prefixes[i].dnsd_reason);
}

static void
report_prefix(const struct keeper *k, size_t at, struct posture_file *f, uint64_t now_ms)
{
	const struct keeper_prefix *p = &k->prefixes[at];
	const struct bird_seen *seen = k->parts.bird != NULL ? bird_seen(k->parts.bird) : NULL;
	struct posture_left left = posture_leave(&p->posture, now_ms);
	struct posture_file_prefix *to = &f->prefixes[at];
	bool known = seen != NULL && seen->known && p->prefix.family != 0;

	memcpy(to->name, p->name, sizeof(to->name));
	to->posture = left.posture;
	to->since = p->since;
	to->exported = known ? seen->prefixes[at].exported : -1;
	to->draining = known ? seen->prefixes[at].draining : -1;
	to->penalty = left.penalty;
	to->hold_s = p->posture.hold_left_ms / 1000.0;
	to->suppressed = p->posture.suppressed;
	to->flaps = left.flaps;
	to->flap_age_s = (double)left.flap_age_ms / 1000;
	to->proven = left.proven;
	to->health = left.health;
	health_reason(to->reason, p->posture.reason);
	f->penalty = fmax(f->penalty, to->penalty);
	f->hold_s = fmax(f->hold_s, to->hold_s);
	f->suppressed |= to->suppressed;
	/* the override is the site's, and all prefixes have heard it */
	f->override = left.override;
	f->override_id = left.override_id;
}

void
keeper_report(struct keeper *k, uint64_t now_ms)
{
	const struct conf *conf = k->conf;
	const struct keeper_prefix *best = keeper_best(k);
	struct posture_file f = { .stamp = clock_wall(), .pid = getpid(),
		.posture = best->posture.now, .since = best->since,
		.suppress = conf->announce.damping.suppress, .meddled = k->meddled };
	struct err err;

	snprintf(f.site, sizeof(f.site), "%s",
	    conf->here_site != CONF_NONE ? conf->sites[conf->here_site].name : "-");
	snprintf(f.via, sizeof(f.via), "%s", !conf->announce.enabled ? "none" :
	    conf->announce.via == CONF_VIA_LEASE ? "lease" : "bird-socket");
	health_reason(f.reason, best->posture.reason);
	snprintf(f.digest, sizeof(f.digest), "%s", conf->digest);
	f.n_prefixes = k->n_prefixes;
	for (size_t i = 0; i < k->n_prefixes; i++)
		report_prefix(k, i, &f, now_ms);
	report_causes(k, &f, now_ms);
	report_bird(k, &f);
	for (size_t i = 0; i < KEEPER_ALARMS && f.n_alarms < POSTURE_FILE_ALARMS; i++)
		if (k->alarms[i][0] != '\0')
			memcpy(f.alarms[f.n_alarms++], k->alarms[i], sizeof(k->alarms[i]));
	if (posture_file_write(&f, k->report_path, &err) < 0)
		keeper_alarm(k, KEEPER_ALARM_REPORT, "%s", err.text);
	else
		keeper_alarm(k, KEEPER_ALARM_REPORT, NULL);
}
