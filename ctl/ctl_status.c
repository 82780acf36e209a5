/*
 * nearctl status, nearctl watch: what both daemons of this machine say of themselves.
 *
 * The route comes from the keeper's file (healthd/route/posture_file.h), so that it is
 * shown even if the prober hangs; servers and checks from healthd's socket, or, without
 * it, from the health file; dnsd from its own socket.  Whoever does not answer is named,
 * and the exit status is 1.
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
#include "ctl/ctl.h"
#include "healthd/route/posture_file.h"

#define STATUS_TIMEOUT_MS 2000
#define STATUS_FRESH_S 5.0		/* the keeper writes every second */

/* A daemon's answer, or why there is none */
struct status_part {
	char *text;			/* owned; NULL = none */
	size_t len;
	struct err err;
};

struct status {
	const struct conf *conf;
	double now;
	bool route_known;
	struct posture_file route;
	struct err route_err;
	struct status_part healthd, dnsd;
};

static void
status_ask(struct status_part *part, const struct conf *conf, const char *daemon, const char *line)
{
	char path[4096];
	FILE *out;

	part->text = NULL;
	out = open_memstream(&part->text, &part->len);
	if (out == NULL) {
		err_set(&part->err, "out of memory");
		return;
	}
	snprintf(path, sizeof(path), "%s/%s.sock", conf->run_dir, daemon);
	if (control_ask(path, line, STATUS_TIMEOUT_MS, out, &part->err) == 0) {
		fclose(out);
		return;
	}
	fclose(out);
	free(part->text);
	part->text = NULL;
}

static void
status_gather(struct status *s, const struct conf *conf, bool json)
{
	const char *line = json ? "status json" : "status";
	char path[4096];

	s->conf = conf;
	snprintf(path, sizeof(path), "%s/" POSTURE_FILE_NAME, conf->run_dir);
	s->route_known = posture_file_read(&s->route, path, &s->route_err) == 0;
	status_ask(&s->healthd, conf, "healthd", line);
	status_ask(&s->dnsd, conf, "dnsd", line);
	s->now = clock_wall();
}

static void
status_clear(struct status *s)
{
	free(s->healthd.text);
	free(s->dnsd.text);
}

static bool
status_fresh(const struct status *s)
{
	return s->route_known && fabs(s->now - s->route.stamp) < STATUS_FRESH_S;
}

/* ---- for people ---- */

static void
print_duration(FILE *out, double seconds)
{
	long s = seconds > 0 ? (long)seconds : 0;

	if (s < 120)
		fprintf(out, "%ld s", s);
	else if (s < 7200)
		fprintf(out, "%ld min", s / 60);
	else if (s < 48 * 3600)
		fprintf(out, "%ld h %ld min", s / 3600, s / 60 % 60);
	else
		fprintf(out, "%ld days", s / 86400);
}

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
	fprintf(out, "bird        %s, started %s, configured %s\n", r->version, r->reboot, r->reconfigured);
}

static void
print_route(FILE *out, const struct status *s)
{
	const struct posture_file *r = &s->route;

	if (!s->route_known) {
		fprintf(out, "route       not known: %s\n", s->route_err.text);
		return;
	}
	fprintf(out, "site        %s\nroute       %s for ", r->site, health_posture_name(r->posture));
	print_duration(out, s->now - r->since);
	fprintf(out, ": %s\n", r->reason);
	print_bird(out, r);
	fprintf(out, "dnsd        %u of %u addresses answer%s%s\n", r->dnsd_answering, r->dnsd_asked,
	    r->dnsd_reason[0] != '\0' ? ": " : "", r->dnsd_reason);
	fprintf(out, "verdict     %s, %u of %u local servers up, %.1f s old: %s\n", r->verdict, r->local_up,
	    r->local_total, r->verdict_age_s, r->verdict_reason);
	fprintf(out, "penalty     %.0f of 2000 (RFC 2439)", r->penalty);
	if (r->hold_s > 0) {
		fprintf(out, ", %s ", r->suppressed ? "held down to stay below it for another" : "hold-down for another");
		print_duration(out, r->hold_s);
	}
	fprintf(out, "\nkeeper      pid %d, prober pid %d, restarted %u times%s%s\n", r->pid, r->prober_pid,
	    r->prober_restarts, r->prober_why[0] != '\0' ? ", last: " : "", r->prober_why);
	for (size_t i = 0; i < r->n_alarms; i++)
		fprintf(out, "ALARM       %s\n", r->alarms[i]);
	if (!status_fresh(s))
		fprintf(out, "ALARM       this is %.0f s old: healthd does not run, or hangs\n", s->now - r->stamp);
}

/* Without the prober: what it published last */
static void
print_health_file(FILE *out, const struct status *s)
{
	struct health_file file;
	struct err err;

	if (health_file_read(&file, s->conf->health_file, &err) < 0) {
		fprintf(out, "health      not known: %s\n", err.text);
		return;
	}
	fprintf(out, "health      from %s, %.1f s old\n", s->conf->health_file, s->now - file.stamp);
	for (size_t i = 0; i < file.n_servers; i++) {
		const struct health_server *server = &file.servers[i];

		fprintf(out, "%-20s %-8s ", server->name, health_state_name(server->state));
		print_duration(out, s->now - server->since);
		fprintf(out, "  set %s  %s\n", server->set[0] != '\0' ? server->set : "-", server->reason);
	}
	health_file_clear(&file);
}

static void
print_people(FILE *out, const struct status *s)
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

static void
put_route_bird(FILE *out, const struct posture_file *r)
{
	fputs("\"bird\":{", out);
	fprintf(out, "\"known\":%s,\"exported4\":%d,\"wanted4\":%d,\"exported6\":%d,\"wanted6\":%d,"
	    "\"draining\":%d,\"sessions\":%u,\"established\":%u,", r->bird_known ? "true" : "false",
	    r->exported4, r->want4, r->exported6, r->want6, r->draining, r->sessions, r->established);
	json_text(out, "version", r->version);
	fputc(',', out);
	json_text(out, "reboot", r->reboot);
	fputc(',', out);
	json_text(out, "reconfigured", r->reconfigured);
	fputc(',', out);
	json_text(out, "why", r->bird_why);
	fputs("},", out);
}

static void
put_route(FILE *out, const struct status *s)
{
	const struct posture_file *r = &s->route;

	if (!s->route_known) {
		fputs("null", out);
		return;
	}
	fputc('{', out);
	json_text(out, "site", r->site);
	fputc(',', out);
	json_text(out, "posture", health_posture_name(r->posture));
	fprintf(out, ",\"since\":%.3f,\"age_s\":%.3f,\"fresh\":%s,", r->since, s->now - r->stamp,
	    status_fresh(s) ? "true" : "false");
	json_text(out, "reason", r->reason);
	fputc(',', out);
	json_text(out, "via", r->via);
	fputc(',', out);
	put_route_bird(out, r);
	fprintf(out, "\"dnsd\":{\"asked\":%u,\"answering\":%u,", r->dnsd_asked, r->dnsd_answering);
	json_text(out, "reason", r->dnsd_reason);
	fputs("},\"verdict\":{", out);
	json_text(out, "verdict", r->verdict);
	fprintf(out, ",\"age_s\":%.1f,\"local_up\":%u,\"local_total\":%u,", r->verdict_age_s, r->local_up, r->local_total);
	json_text(out, "reason", r->verdict_reason);
	fprintf(out, "},\"keeper_pid\":%d,\"prober_pid\":%d,\"prober_restarts\":%u,", r->pid, r->prober_pid,
	    r->prober_restarts);
	json_text(out, "prober_why", r->prober_why);
	fprintf(out, ",\"penalty\":%.1f,\"hold_s\":%.1f,\"suppressed\":%s,\"alarms\":[", r->penalty, r->hold_s,
	    r->suppressed ? "true" : "false");
	for (size_t i = 0; i < r->n_alarms; i++) {
		fputs(i == 0 ? "{" : ",{", out);
		json_text(out, "text", r->alarms[i]);
		fputc('}', out);
	}
	fputs("]}", out);
}

/* A daemon's own JSON object as it is; null when there is none */
static void
put_part(FILE *out, const char *name, struct status_part *part)
{
	while (part->text != NULL && part->len > 0 && part->text[part->len - 1] == '\n')
		part->text[--part->len] = '\0';
	if (part->text != NULL && part->text[0] == '{' && part->text[part->len - 1] == '}')
		fprintf(out, ",\"%s\":%s", name, part->text);
	else
		fprintf(out, ",\"%s\":null", name);
}

static void
print_json(FILE *out, struct status *s)
{
	fprintf(out, "{\"time\":%.3f,\"route\":", s->now);
	put_route(out, s);
	put_part(out, "healthd", &s->healthd);
	put_part(out, "dnsd", &s->dnsd);
	fputs(",\"errors\":[", out);
	const char *comma = "";
	const struct { const char *who; const char *why; } errors[] = {
		{ "route", s->route_known ? NULL : s->route_err.text },
		{ "healthd", s->healthd.text != NULL ? NULL : s->healthd.err.text },
		{ "dnsd", s->dnsd.text != NULL ? NULL : s->dnsd.err.text },
	};
	for (size_t i = 0; i < 3; i++)
		if (errors[i].why != NULL) {
			fprintf(out, "%s{", comma);
			json_text(out, "who", errors[i].who);
			fputc(',', out);
			json_text(out, "why", errors[i].why);
			fputc('}', out);
			comma = ",";
		}
	fputs("]}\n", out);
}

/* ---- commands ---- */

/* Gathers and prints once; 0 if all was there and fresh. */
static int
status_once(const struct ctl *ctl, const struct conf *conf, FILE *out)
{
	struct status s = { 0 };
	int missing;

	status_gather(&s, conf, ctl->json);
	if (ctl->json)
		print_json(out, &s);
	else
		print_people(out, &s);
	missing = !status_fresh(&s) || s.healthd.text == NULL || s.dnsd.text == NULL;
	status_clear(&s);
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
	result = status_once(ctl, conf, stdout);
	conf_free(conf);
	return fflush(stdout) == 0 ? result : 1;
}

/* The screen is drawn in one write, so that it does not flicker */
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
	result = status_once(ctl, conf, out);
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
