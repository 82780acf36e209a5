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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "healthd/route/keeper_inner.h"
#include "healthd/route/posture_file.h"

#define EXPORT_MS 3000		/* that BIRD may differ from what is wanted */
#define BIRD_MS 5000		/* that BIRD may be silent, or a session down */
#define REMEMBER_MS 60000	/* that a passing trouble stays an alarm */

void
keeper_alarm(struct keeper *k, enum keeper_alarm kind, const char *fmt, ...)
{
	char text[HEALTH_REASON_MAX * 2];
	bool was = k->alarms[kind][0] != '\0';
	va_list ap;

	if (fmt == NULL) {
		if (was)
			log_info("alarm over: %s", k->alarms[kind]);
		k->alarms[kind][0] = '\0';
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	health_reason(k->alarms[kind], text);
	if (!was)
		log_warn("alarm: %s", k->alarms[kind]);
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

static void
count_wanted(const struct keeper *k, int *want4, int *want6)
{
	const struct conf_prefixes *prefixes = &k->conf->announce.prefixes;

	*want4 = *want6 = 0;
	for (size_t i = 0; i < prefixes->n; i++)
		++*(prefixes->v[i].family == 4 ? want4 : want6);
}

static bool
export_differs(const struct keeper *k, const struct bird_seen *seen)
{
	int want4, want6;

	count_wanted(k, &want4, &want6);
	if (k->posture.now == POSTURE_DOWN)
		return seen->exported4 + seen->exported6 > 0;
	if (seen->exported4 != want4 || seen->exported6 != want6)
		return true;
	return seen->draining4 + seen->draining6 !=
	    (k->posture.now == POSTURE_DRAINING ? want4 + want6 : 0);
}

static void
judge_bird(struct keeper *k, uint64_t now_ms)
{
	const struct bird_seen *seen = bird_seen(k->parts.bird);
	int want4, want6;

	count_wanted(k, &want4, &want6);
	if (lasts(&k->silent_ms, !seen->known, BIRD_MS, now_ms))
		keeper_alarm(k, KEEPER_ALARM_BIRD, "what BIRD exports is not known: %s", seen->why);
	else if (seen->known)
		keeper_alarm(k, KEEPER_ALARM_BIRD, NULL);
	if (!seen->known)
		return;
	if (lasts(&k->differs_ms, export_differs(k, seen), EXPORT_MS, now_ms))
		keeper_alarm(k, KEEPER_ALARM_EXPORT,
		    "BIRD does not export what is wanted (%s): IPv4 %d of %d, IPv6 %d of %d, "
		    "with 65535:0 %d", health_posture_name(k->posture.now),
		    seen->exported4, want4, seen->exported6, want6,
		    seen->draining4 + seen->draining6);
	else if (k->differs_ms == 0)
		keeper_alarm(k, KEEPER_ALARM_EXPORT, NULL);
	if (lasts(&k->sessions_ms, seen->established < seen->neighbours || seen->neighbours == 0,
	    BIRD_MS, now_ms))
		keeper_alarm(k, KEEPER_ALARM_SESSIONS, "BGP: %u of %u sessions established",
		    seen->established, seen->neighbours);
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

void
keeper_judge(struct keeper *k, uint64_t now_ms)
{
	if (k->posture.alarm[0] != '\0')
		keeper_alarm(k, KEEPER_ALARM_POSTURE, "%s", k->posture.alarm);
	else
		keeper_alarm(k, KEEPER_ALARM_POSTURE, NULL);
	if (k->child_lost_ms != 0 && now_ms - k->child_lost_ms < REMEMBER_MS)
		keeper_alarm(k, KEEPER_ALARM_PROBER,
		    "prober %s: restarted %u times, the last verdict stands",
		    k->child.why, k->child.restarts);
	else
		keeper_alarm(k, KEEPER_ALARM_PROBER, NULL);
	if (k->late_ms != 0 && now_ms - k->late_ms >= REMEMBER_MS) {
		k->late_ms = 0;
		keeper_alarm(k, KEEPER_ALARM_LATE, NULL);
	}
	if (k->parts.bird != NULL) {
		notice_bird(k);
		judge_bird(k, now_ms);
	}
}

static const char *
first_alarm(const struct keeper *k)
{
	for (size_t i = 0; i < KEEPER_ALARMS; i++)
		if (k->alarms[i][0] != '\0')
			return k->alarms[i];
	return "";
}

void
keeper_tell(struct keeper *k, uint64_t now_ms)
{
	const struct bird_seen *seen = k->parts.bird != NULL ? bird_seen(k->parts.bird) : NULL;
	bool known = seen != NULL && seen->known;
	struct posture_message m;

	if (k->child.io.fd < 0)
		return;
	memset(&m, 0, sizeof(m));
	m.magic = MESSAGE_POSTURE;
	m.posture = k->posture.now;
	m.since = k->since;
	dnsd_watch_counts(k->parts.watch, &m.dnsd_asked, &m.dnsd_answering);
	m.exported4 = known ? seen->exported4 : -1;
	m.exported6 = known ? seen->exported6 : -1;
	m.penalty = posture_penalty(&k->posture, now_ms);
	m.hold_left_ms = k->posture.hold_left_ms;
	health_reason(m.reason, k->posture.reason);
	snprintf(m.alarm, sizeof(m.alarm), "%s", first_alarm(k));
	/* a prober that does not read misses words, and will be killed for its silence */
	if (send(k->child.io.fd, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("prober: %s", strerror(errno));
}

static void
report_bird(const struct keeper *k, struct posture_file *f)
{
	const struct bird_seen *seen;

	count_wanted(k, &f->want4, &f->want6);
	f->exported4 = f->exported6 = -1;
	if (k->parts.bird == NULL)
		return;
	seen = bird_seen(k->parts.bird);
	f->bird_known = seen->known;
	health_reason(f->bird_why, seen->why);
	if (!seen->known)
		return;
	f->exported4 = seen->exported4;
	f->exported6 = seen->exported6;
	f->draining = seen->draining4 + seen->draining6;
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
	health_reason(f->dnsd_reason, k->dnsd_reason);
}

void
keeper_report(struct keeper *k, uint64_t now_ms)
{
	const struct conf *conf = k->conf;
	struct posture_file f = { .stamp = clock_wall(), .pid = getpid(), .posture = k->posture.now,
		.since = k->since, .penalty = posture_penalty(&k->posture, now_ms),
		.hold_s = k->posture.hold_left_ms / 1000.0, .suppressed = k->posture.suppressed };
	struct err err;

	snprintf(f.site, sizeof(f.site), "%s",
	    conf->here_site != CONF_NONE ? conf->sites[conf->here_site].name : "-");
	snprintf(f.via, sizeof(f.via), "%s", !conf->announce.enabled ? "none" :
	    conf->announce.via == CONF_VIA_LEASE ? "lease" : "bird-socket");
	health_reason(f.reason, k->posture.reason);
	report_causes(k, &f, now_ms);
	report_bird(k, &f);
	for (size_t i = 0; i < KEEPER_ALARMS && f.n_alarms < POSTURE_FILE_ALARMS; i++)
		if (k->alarms[i][0] != '\0')
			snprintf(f.alarms[f.n_alarms++], HEALTH_REASON_MAX, "%s", k->alarms[i]);
	if (posture_file_write(&f, k->report_path, &err) < 0)
		keeper_alarm(k, KEEPER_ALARM_REPORT, "%s", err.text);
	else
		keeper_alarm(k, KEEPER_ALARM_REPORT, NULL);
}
