/*
 * nearctl status, nearctl watch: what both daemons of this machine say of themselves.
 *
 * wellness.h gathers and judges; this file prints.  For people, the alarms come first, each once,
 * then the route from the keeper's file, then what the daemons say, as it is; where healthd
 * does not answer, the health file tells what it published last.  With --json all of it becomes
 * one object with the members time, state, alarms, route, healthd, dnsd and errors; healthd and
 * dnsd are the objects that the daemons print themselves, passed on unread, for there may be
 * thousands of servers in them.
 *
 * All is gathered before anything is printed.  The exit status is 0 if all is well, 1 if there is
 * an alarm, 2 if the site does not serve.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/health_file.h"
#include "common/json.h"
#include "common/text.h"
#include "ctl/ctl.h"
#include "ctl/mirrors.h"
#include "ctl/wellness.h"

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
	fprintf(out, "%s  (BGP: %u of %u %s established)\n",
	    r->draining > 0 ? "  with 65535:0" : "", r->established, r->sessions,
	    r->sessions == 1 ? "session" : "sessions");
	fprintf(out, "bird        %s, started %s, configured %s\n",
	    r->version, r->reboot, r->reconfigured);
}

/* One prefix: what it is, since when, whether BIRD exports it, what it owes, and until when. */
static void
print_route_prefix(FILE *out, const struct wellness *w, const struct posture_file_prefix *p)
{
	time_t end = (time_t)(w->route.stamp + p->hold_s + 1);
	char text[TEXT_DURATION], until[32];
	struct tm tm;

	fprintf(out, "prefix      %-20s %s for %s", p->name, health_posture_name(p->posture),
	    text_duration(w->now - p->since, text));
	if (p->exported >= 0)
		fprintf(out, ", %s", p->exported == 0 ? "not exported" : p->draining > 0 ?
		    "exported with 65535:0" : "exported");
	fprintf(out, ", penalty %.0f of %u", p->penalty, w->route.suppress);
	if (p->hold_s > 0 && gmtime_r(&end, &tm) != NULL &&
	    strftime(until, sizeof(until), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		fprintf(out, ", %s until %s UTC, another %s", p->suppressed ?
		    "held down to stay below it" : "hold-down", until,
		    text_duration(p->hold_s, text));
	fprintf(out, ": %s\n", p->reason);
}

static void
print_route(FILE *out, const struct wellness *w)
{
	const struct posture_file *r = &w->route;
	char text[TEXT_DURATION];

	if (!w->route_known) {
		fprintf(out, "route       not known: %s\n", w->route_err.text);
		return;
	}
	fprintf(out, "site        %s\n", r->site);
	fprintf(out, "route       %s for %s: %s\n", health_posture_name(r->posture),
	    text_duration(w->now - r->since, text), r->reason);
	print_bird(out, r);
	if (r->dnsd_held > 0)
		fprintf(out, "dnsd        held for overload: %u %s\n", r->dnsd_held,
		    r->dnsd_held == 1 ? "time" : "times");
	fprintf(out, "dnsd        %u of %u %s%s%s\n",
	    r->dnsd_answering, r->dnsd_asked, r->dnsd_asked == 1 ? "address answers" :
	    "addresses answer",
	    r->dnsd_reason[0] != '\0' ? ": " : "", r->dnsd_reason);
	fprintf(out, "verdict     %s, %u of %u local server%s up, %.1f s old: %s\n",
	    r->verdict, r->local_up, r->local_total, text_s(r->local_total), r->verdict_age_s,
	    r->verdict_reason);
	for (size_t i = 0; i < r->n_prefixes; i++)
		print_route_prefix(out, w, &r->prefixes[i]);
	fprintf(out, "keeper      pid %d, prober pid %d, restarted %u %s%s%s\n",
	    r->pid, r->prober_pid, r->prober_restarts, r->prober_restarts == 1 ? "time" : "times",
	    r->prober_why[0] != '\0' ? ", last: " : "", r->prober_why);
}

/* Without the prober: what it published last. */
static void
print_health_file(FILE *out, const struct wellness *w)
{
	char text[TEXT_DURATION];
	struct health_file file;
	struct err err;

	if (health_file_read(&file, w->conf->health_file, &err) < 0) {
		fprintf(out, "health      not known: %s\n", err.text);
		return;
	}
	fprintf(out, "health      from %s, %.1f s old\n",
	    w->conf->health_file, w->now - file.stamp);
	for (size_t i = 0; i < file.n_servers; i++) {
		const struct health_server *server = &file.servers[i];

		fprintf(out, "%-20s %-8s %s  set %s  %s\n", server->name,
		    health_state_name(server->state),
		    text_duration(w->now - server->since, text),
		    server->set[0] != '\0' ? server->set : "-", server->reason);
	}
	health_file_clear(&file);
}

/* Both daemons' configurations, which are one if all is well. */
static void
print_digests(FILE *out, const struct wellness *w)
{
	const char *healthd = w->route_known ? w->route.digest : "", *dnsd = w->digest;
	const char *one = dnsd[0] != '\0' ? dnsd : healthd;

	if (one[0] == '\0') {
		fputs("configuration unknown: neither dnsd nor healthd tells which it runs\n", out);
		return;
	}
	if (dnsd[0] != '\0' && healthd[0] != '\0' && strcmp(dnsd, healthd) != 0) {
		fprintf(out, "configuration dnsd runs %s, healthd runs %s\n", dnsd, healthd);
		return;
	}
	fprintf(out, "configuration %s%s%s\n", one, strcmp(dnsd, healthd) == 0 ? "" :
	    one == dnsd ? " (dnsd's; no healthd tells of its own)" :
	    " (healthd's; no dnsd tells of its own)",
	    strcmp(one, w->conf->digest) == 0 ? "" :
	    "; the file has changed since: nearctl reload");
}

/* What a daemon says, but for the alarms, which have been printed. */
static void
print_daemon(FILE *out, const char *text)
{
	struct text rest = text_of(text), line;

	while (text_line(&rest, &line)) {
		struct text word = line;

		if (!text_take(&word, "ALARM "))
			fprintf(out, "%.*s\n", (int)(line.end - line.at), line.at);
	}
}

static void
print_status(FILE *out, const struct wellness *w)
{
	fprintf(out, "%s\n", wellness_name(w));
	for (size_t i = 0; i < w->n_alarms; i++)
		fprintf(out, "ALARM       %s\n", w->alarms[i]);
	print_digests(out, w);
	fputs("\n-- route\n", out);
	print_route(out, w);
	fputs("\n-- healthd\n", out);
	if (w->healthd.text != NULL)
		print_daemon(out, w->healthd.text);
	else {
		fprintf(out, "healthd     %s\n", w->healthd.err.text);
		print_health_file(out, w);
	}
	fputs("\n-- dnsd\n", out);
	if (w->dnsd.text != NULL)
		fputs(w->dnsd.text, out);
	else
		fprintf(out, "dnsd        %s\n", w->dnsd.err.text);
	if (w->mirrors != NULL) {
		fputs("\n-- mirrors\n", out);
		mirrors_print(w->mirrors, out);
	}
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
route_json(const struct wellness *w)
{
	const struct posture_file *r = &w->route;
	json_t *alarms = json_array();

	for (size_t i = 0; i < r->n_alarms; i++)
		alarms = json_append(alarms, json_pack("{s:o}", "text", json_utf8(r->alarms[i])));
	return json_pack("{s:o, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:{s:i, s:i, s:i, s:o}, s:o,"
	    " s:i, s:i, s:i, s:o, s:o, s:o, s:b, s:i, s:i, s:o, s:o, s:o}",
	    "site", json_utf8(r->site), "posture", health_posture_name(r->posture),
	    "since", json_decimal(r->since, 3), "age_s", json_decimal(w->now - r->stamp, 3),
	    "fresh", w->route_fresh, "reason", json_utf8(r->reason), "via", json_utf8(r->via),
	    "bird", bird_json(r), "dnsd", "asked", (int)r->dnsd_asked,
	    "answering", (int)r->dnsd_answering, "held", (int)r->dnsd_held,
	    "reason", json_utf8(r->dnsd_reason),
	    "verdict", verdict_json(r), "keeper_pid", r->pid, "prober_pid", r->prober_pid,
	    "prober_restarts", (int)r->prober_restarts, "prober_why", json_utf8(r->prober_why),
	    "penalty", json_decimal(r->penalty, 1), "hold_s", json_decimal(r->hold_s, 1),
	    "suppressed", r->suppressed, "suppress", (int)r->suppress,
	    "meddled", (int)r->meddled, "prefixes", prefixes_json(r),
	    "alarms", alarms, "digest", json_utf8(r->digest));
}

static json_t *
alarms_json(const struct wellness *w)
{
	json_t *alarms = json_array();

	for (size_t i = 0; i < w->n_alarms; i++)
		alarms = json_append(alarms, json_utf8(w->alarms[i]));
	return alarms;
}

static json_t *
errors_json(const struct wellness *w)
{
	const struct { const char *who; const char *why; } errors[] = {
		{ "route", w->route_known ? NULL : w->route_err.text },
		{ "healthd", w->healthd.json != NULL ? NULL : w->healthd.err.text },
		{ "dnsd", w->dnsd.json != NULL ? NULL : w->dnsd.err.text },
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].why != NULL)
			list = json_append(list, json_pack("{s:s, s:o}", "who", errors[i].who,
			    "why", json_utf8(errors[i].why)));
	return list;
}

/* A member with the object that a daemon has printed of itself, "null" if there is none. */
static void
print_member(FILE *out, const char *name, const char *json)
{
	size_t len = json != NULL ? strcspn(json, "\n") : 0;

	fprintf(out, ",\"%s\":", name);
	if (len < 2 || json[0] != '{' || json[len - 1] != '}')
		fputs("null", out);
	else
		fwrite(json, 1, len, out);
}

/* 0, or -1 when there is no memory or `out` does not take it. */
static int
print_status_json(FILE *out, const struct wellness *w)
{
	json_t *tree = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "time", json_decimal(w->now, 3),
	    "state", wellness_name(w), "alarms", alarms_json(w),
	    "route", w->route_known ? route_json(w) : json_null(), "errors", errors_json(w),
	    "mirrors", w->mirrors != NULL ? mirrors_json(w->mirrors) : json_array());
	char *own = NULL;
	size_t len = 0;
	FILE *text = open_memstream(&own, &len);
	int rc = -1;

	if (text == NULL) {
		json_decref(tree);
		return -1;
	}
	rc = json_print(tree, text);
	fclose(text);
	if (rc == 0 && len > 2) {
		fwrite(own, 1, len - 2, out);	/* without its } and the end of the line */
		print_member(out, "healthd", w->healthd.json);
		print_member(out, "dnsd", w->dnsd.json);
		fputs("}\n", out);
	}
	free(own);
	return rc == 0 && !ferror(out) ? 0 : -1;
}

/* ---- commands ---- */

/* Gathers and prints once; the exit status. */
static int
print_once(const struct ctl *ctl, FILE *out)
{
	struct err broken;
	struct conf *conf = ctl_conf_or_bare(ctl, &broken);
	struct wellness w;
	int status;

	if (conf == NULL)
		return 1;
	wellness_gather(&w, conf, broken.text, ctl->all && !ctl->json ? "status all" : "status",
	    ctl->json);
	status = wellness_status(&w);
	if (!ctl->json)
		print_status(out, &w);
	else if (print_status_json(out, &w) < 0) {
		fputs("nearctl: the status could not be printed\n", stderr);
		status = status == 0 ? 1 : status;
	}
	wellness_clear(&w);
	conf_free(conf);
	return status;
}

int
ctl_status(const struct ctl *ctl)
{
	int result = print_once(ctl, stdout);

	return fflush(stdout) == 0 ? result : 1;
}

/* The screen is drawn in one write, so that it does not flicker. */
static int
watch_once(const struct ctl *ctl, bool terminal)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int result;

	if (out == NULL)
		return 1;
	if (terminal)
		fputs("\033[H\033[J", out);
	result = print_once(ctl, out);
	fclose(out);
	if (fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0)
		result = -1;
	free(text);
	return result;
}

int
ctl_watch(const struct ctl *ctl)
{
	uint64_t times = UINT64_MAX;		/* for ever */
	bool terminal = isatty(STDOUT_FILENO) && !ctl->json;
	int result = 0;

	if (ctl->count != NULL && (!text_is_number(ctl->count, 1000000000, &times) || times == 0))
		return ctl_usage(ctl);
	for (uint64_t i = 0; i < times && result >= 0; i++) {
		if (i > 0)
			nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
		result = watch_once(ctl, terminal);
	}
	return result < 0 ? 1 : result;
}
