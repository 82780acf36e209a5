/*
 * nearctl status, nearctl watch: what both daemons of this machine say of themselves.
 *
 * Three sources, each of which may be silent without the others: the keeper's file
 * (healthd/route/posture_file.h) tells of the route, so that it is shown even if the prober
 * hangs; healthd's socket tells of servers and checks, and where it does not answer, the health
 * file tells what it published last; dnsd's socket tells of what is served.  Whoever does not
 * answer is named, and the exit status is 1.
 *
 * For people, a daemon's answer is passed on as it is.  With --json all of it becomes one object
 * with the members time, route, healthd, dnsd and errors; healthd and dnsd are the objects that
 * the daemons print themselves.  All is gathered before anything is printed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/control.h"
#include "common/health_file.h"
#include "common/json.h"
#include "common/text.h"
#include "ctl/ctl.h"
#include "healthd/route/posture_file.h"

#define STATUS_TIMEOUT_MS 2000
#define STATUS_FRESH_S 5.0		/* the keeper writes every second */

/* What a daemon says of itself, or why it says nothing. */
struct daemon_status {
	char *text;			/* owned; NULL = nothing */
	struct err err;
};

struct status {
	const struct conf *conf;
	double now;
	bool route_known;
	struct posture_file route;
	struct err route_err;
	struct daemon_status healthd, dnsd;
};

static void
ask_status(struct daemon_status *daemon, const struct conf *conf, const char *name,
    const char *line)
{
	char path[4096];
	size_t len;
	FILE *out = open_memstream(&daemon->text, &len);
	int rc;

	if (out == NULL) {
		err_set(&daemon->err, "out of memory");
		return;
	}
	snprintf(path, sizeof(path), "%s/%s.sock", conf->run_dir, name);
	rc = control_ask(path, line, STATUS_TIMEOUT_MS, out, &daemon->err);
	fclose(out);
	if (rc < 0) {
		free(daemon->text);
		daemon->text = NULL;
	}
}

static void
gather(struct status *s, const struct conf *conf, bool json)
{
	const char *line = json ? "status json" : "status";
	char path[4096];

	s->conf = conf;
	snprintf(path, sizeof(path), "%s/" POSTURE_FILE_NAME, conf->run_dir);
	s->route_known = posture_file_read(&s->route, path, &s->route_err) == 0;
	ask_status(&s->healthd, conf, "healthd", line);
	ask_status(&s->dnsd, conf, "dnsd", line);
	s->now = clock_wall();
}

static bool
is_fresh(const struct status *s)
{
	return s->route_known && fabs(s->now - s->route.stamp) < STATUS_FRESH_S;
}

/* ---- for people ---- */

static void
print_exported(FILE *out, const char *family, int exported, int want)
{
	if (want > 0 && exported < 0)
		fprintf(out, "  %s unknown", family);
	else if (want > 0)
		fprintf(out, "  %s %d of %d", family, exported, want);
}

static void
print_bird(FILE *out, const struct posture_file *r)
{
	if (strcmp(r->via, "none") == 0) {
		fprintf(out, "announce    nothing (no announce block)\n");
		return;
	}
	fprintf(out, "announce    via %s\n", r->via);
	if (!r->bird_known) {
		fprintf(out, "exported    not known: %s\n", r->bird_why);
		return;
	}
	fputs("exported  ", out);
	print_exported(out, "IPv4", r->exported4, r->want4);
	print_exported(out, "IPv6", r->exported6, r->want6);
	fprintf(out, "%s  (BGP: %u of %u sessions established)\n",
	    r->draining > 0 ? "  with 65535:0" : "", r->established, r->sessions);
	fprintf(out, "bird        %s, started %s, configured %s\n",
	    r->version, r->reboot, r->reconfigured);
}

/* One prefix: what it is, since when, whether BIRD exports it, what it owes, and until when. */
static void
print_prefix(FILE *out, const struct status *s, const struct posture_file_prefix *p)
{
	time_t end = (time_t)(s->route.stamp + p->hold_s + 1);
	char text[TEXT_DURATION], until[32];
	struct tm tm;

	fprintf(out, "prefix      %-20s %s for %s", p->name, health_posture_name(p->posture),
	    text_duration(s->now - p->since, text));
	if (p->exported >= 0)
		fprintf(out, ", %s", p->exported == 0 ? "not exported" : p->draining > 0 ?
		    "exported with 65535:0" : "exported");
	fprintf(out, ", penalty %.0f of %u", p->penalty, s->route.suppress);
	if (p->hold_s > 0 && gmtime_r(&end, &tm) != NULL &&
	    strftime(until, sizeof(until), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		fprintf(out, ", %s until %s UTC, another %s", p->suppressed ?
		    "held down to stay below it" : "hold-down", until,
		    text_duration(p->hold_s, text));
	fprintf(out, ": %s\n", p->reason);
}

static void
print_route(FILE *out, const struct status *s)
{
	const struct posture_file *r = &s->route;
	char text[TEXT_DURATION];

	if (!s->route_known) {
		fprintf(out, "route       not known: %s\n", s->route_err.text);
		return;
	}
	fprintf(out, "site        %s\n", r->site);
	fprintf(out, "route       %s for %s: %s\n", health_posture_name(r->posture),
	    text_duration(s->now - r->since, text), r->reason);
	print_bird(out, r);
	if (r->dnsd_held > 0)
		fprintf(out, "dnsd        held for overload: %u %s\n", r->dnsd_held,
		    r->dnsd_held == 1 ? "time" : "times");
	fprintf(out, "dnsd        %u of %u addresses answer%s%s\n",
	    r->dnsd_answering, r->dnsd_asked,
	    r->dnsd_reason[0] != '\0' ? ": " : "", r->dnsd_reason);
	fprintf(out, "verdict     %s, %u of %u local servers up, %.1f s old: %s\n",
	    r->verdict, r->local_up, r->local_total, r->verdict_age_s, r->verdict_reason);
	for (size_t i = 0; i < r->n_prefixes; i++)
		print_prefix(out, s, &r->prefixes[i]);
	fprintf(out, "keeper      pid %d, prober pid %d, restarted %u times%s%s\n",
	    r->pid, r->prober_pid, r->prober_restarts,
	    r->prober_why[0] != '\0' ? ", last: " : "", r->prober_why);
	for (size_t i = 0; i < r->n_alarms; i++)
		fprintf(out, "ALARM       %s\n", r->alarms[i]);
	if (!is_fresh(s))
		fprintf(out, "ALARM       this is %.0f s old: healthd does not run, or hangs\n",
		    s->now - r->stamp);
}

/* Without the prober: what it published last. */
static void
print_health_file(FILE *out, const struct status *s)
{
	char text[TEXT_DURATION];
	struct health_file file;
	struct err err;

	if (health_file_read(&file, s->conf->health_file, &err) < 0) {
		fprintf(out, "health      not known: %s\n", err.text);
		return;
	}
	fprintf(out, "health      from %s, %.1f s old\n",
	    s->conf->health_file, s->now - file.stamp);
	for (size_t i = 0; i < file.n_servers; i++) {
		const struct health_server *server = &file.servers[i];

		fprintf(out, "%-20s %-8s %s  set %s  %s\n", server->name,
		    health_state_name(server->state),
		    text_duration(s->now - server->since, text),
		    server->set[0] != '\0' ? server->set : "-", server->reason);
	}
	health_file_clear(&file);
}

static void
print_status(FILE *out, const struct status *s)
{
	fputs("-- route\n", out);
	print_route(out, s);
	fputs("\n-- healthd\n", out);
	if (s->healthd.text != NULL)
		fputs(s->healthd.text, out);
	else {
		fprintf(out, "healthd     %s\n", s->healthd.err.text);
		print_health_file(out, s);
	}
	fputs("\n-- dnsd\n", out);
	if (s->dnsd.text != NULL)
		fputs(s->dnsd.text, out);
	else
		fprintf(out, "dnsd        %s\n", s->dnsd.err.text);
}

/* ---- for programs ---- */

static json_t *
bird_json(const struct posture_file *r)
{
	return json_pack("{s:b, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:o}",
	    "known", r->bird_known, "exported4", r->exported4, "wanted4", r->want4,
	    "exported6", r->exported6, "wanted6", r->want6, "draining", r->draining,
	    "sessions", (int)r->sessions, "established", (int)r->established,
	    "version", json_utf8(r->version), "reboot", json_utf8(r->reboot),
	    "reconfigured", json_utf8(r->reconfigured), "why", json_utf8(r->bird_why));
}

static json_t *
prefixes_json(const struct posture_file *r)
{
	json_t *prefixes = json_array();

	for (size_t i = 0; i < r->n_prefixes; i++) {
		const struct posture_file_prefix *p = &r->prefixes[i];

		prefixes = json_append(prefixes, json_pack(
		    "{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:i, s:o}",
		    "prefix", json_utf8(p->name), "posture", health_posture_name(p->posture),
		    "since", json_decimal(p->since, 3),
		    "exported", p->exported < 0 ? json_null() : json_boolean(p->exported),
		    "draining", p->draining < 0 ? json_null() : json_boolean(p->draining),
		    "penalty", json_decimal(p->penalty, 1), "hold_s", json_decimal(p->hold_s, 1),
		    "suppressed", p->suppressed, "flaps", (int)p->flaps,
		    "reason", json_utf8(p->reason)));
	}
	return prefixes;
}

static json_t *
verdict_json(const struct posture_file *r)
{
	return json_pack("{s:o, s:o, s:i, s:i, s:o}", "verdict", json_utf8(r->verdict),
	    "age_s", json_decimal(r->verdict_age_s, 1), "local_up", (int)r->local_up,
	    "local_total", (int)r->local_total, "reason", json_utf8(r->verdict_reason));
}

static json_t *
route_json(const struct status *s)
{
	const struct posture_file *r = &s->route;
	json_t *alarms = json_array();

	for (size_t i = 0; i < r->n_alarms; i++)
		alarms = json_append(alarms, json_pack("{s:o}", "text", json_utf8(r->alarms[i])));
	return json_pack("{s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:{s:i, s:i, s:i, s:o}, s:o,"
	    " s:i, s:i, s:i, s:o, s:o, s:o, s:b, s:i, s:i, s:o, s:o}",
	    "site", json_utf8(r->site), "posture", health_posture_name(r->posture),
	    "since", json_decimal(r->since, 3), "age_s", json_decimal(s->now - r->stamp, 3),
	    "fresh", is_fresh(s), "reason", json_utf8(r->reason), "via", json_utf8(r->via),
	    "bird", bird_json(r), "dnsd", "asked", (int)r->dnsd_asked,
	    "answering", (int)r->dnsd_answering, "held", (int)r->dnsd_held,
	    "reason", json_utf8(r->dnsd_reason),
	    "verdict", verdict_json(r), "keeper_pid", r->pid, "prober_pid", r->prober_pid,
	    "prober_restarts", (int)r->prober_restarts, "prober_why", json_utf8(r->prober_why),
	    "penalty", json_decimal(r->penalty, 1), "hold_s", json_decimal(r->hold_s, 1),
	    "suppressed", r->suppressed, "suppress", (int)r->suppress,
	    "meddled", (int)r->meddled, "prefixes", prefixes_json(r), "alarms", alarms);
}

/* The JSON object that a daemon has printed of itself; null when there is none. */
static json_t *
daemon_json(const struct daemon_status *daemon)
{
	json_t *own = daemon->text != NULL ? json_loads(daemon->text, 0, NULL) : NULL;

	return own != NULL ? own : json_null();
}

static json_t *
errors_json(const struct status *s)
{
	const struct { const char *who; const char *why; } errors[] = {
		{ "route", s->route_known ? NULL : s->route_err.text },
		{ "healthd", s->healthd.text != NULL ? NULL : s->healthd.err.text },
		{ "dnsd", s->dnsd.text != NULL ? NULL : s->dnsd.err.text },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].why != NULL)
			list = json_append(list, json_pack("{s:s, s:o}", "who", errors[i].who,
			    "why", json_utf8(errors[i].why)));
	return list;
}

/* 0, or -1 when there is no memory or `out` does not take it. */
static int
print_status_json(FILE *out, const struct status *s)
{
	return json_print(json_pack("{s:o, s:o, s:o, s:o, s:o}", "time", json_decimal(s->now, 3),
	    "route", s->route_known ? route_json(s) : json_null(),
	    "healthd", daemon_json(&s->healthd), "dnsd", daemon_json(&s->dnsd),
	    "errors", errors_json(s)), out);
}

/* ---- commands ---- */

/* Gathers and prints once; 0 if all was there and fresh. */
static int
print_once(const struct ctl *ctl, const struct conf *conf, FILE *out)
{
	struct status s = { 0 };
	int missing;

	gather(&s, conf, ctl->json);
	missing = !is_fresh(&s) || s.healthd.text == NULL || s.dnsd.text == NULL;
	if (!ctl->json)
		print_status(out, &s);
	else if (print_status_json(out, &s) < 0) {
		fputs("nearctl: the status could not be printed\n", stderr);
		missing = 1;
	}
	free(s.healthd.text);
	free(s.dnsd.text);
	return missing;
}

int
ctl_status(const struct ctl *ctl)
{
	struct conf *conf;
	int result;

	conf = ctl_conf(ctl);
	if (conf == NULL)
		return 1;
	result = print_once(ctl, conf, stdout);
	conf_free(conf);
	return fflush(stdout) == 0 ? result : 1;
}

/* The screen is drawn in one write, so that it does not flicker. */
static int
watch_once(const struct ctl *ctl, const struct conf *conf, bool terminal)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int result;

	if (out == NULL)
		return 1;
	if (terminal)
		fputs("\033[H\033[J", out);
	result = print_once(ctl, conf, out);
	fclose(out);
	if (fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0)
		result = -1;
	free(text);
	return result;
}

int
ctl_watch(const struct ctl *ctl)
{
	long times = ctl->count != NULL ? strtol(ctl->count, NULL, 10) : -1;
	bool terminal = isatty(STDOUT_FILENO) && !ctl->json;
	struct conf *conf;
	int result = 0;

	if (times == 0 || times < -1)
		return ctl_usage(ctl);
	conf = ctl_conf(ctl);
	if (conf == NULL)
		return 1;
	for (long i = 0; (times < 0 || i < times) && result >= 0; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
		result = watch_once(ctl, conf, terminal);
	}
	conf_free(conf);
	return result != 0;
}
