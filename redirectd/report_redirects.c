#include "redirectd/report_redirects.h"

#include <inttypes.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

static const char *const healths[] = {
	[CHOOSE_FINE] = "taken", [CHOOSE_INCOMPLETE] = "incomplete", [CHOOSE_DOWN] = "down"
};

static const char *
mirror_word(const struct setup *s, size_t i)
{
	return !s->conf->mirrors[i].enabled ? "disabled" : healths[s->health[i]];
}

static uint64_t
files_of(const struct setup *s, size_t i)
{
	return s->held == NULL || s->places[i] < 0 ? 0 :
	    held_at(s->held, (size_t)s->places[i])->n;
}

static uint64_t
catalogue_files(const struct follow *f)
{
	return f->catalogue != NULL ? catalogue_about(f->catalogue)->files : 0;
}

void
report_redirects_status(const struct report_redirects *report, FILE *out)
{
	const struct follow *f = report->follow;
	const struct setup *s = f->setup;

	fprintf(out, "version     %s\n", VERSION);
	fprintf(out, "uptime      %.0f s\n", clock_wall() - report->started);
	fprintf(out, "listen      %s, %u threads, %u connections\n", s->conf->redirect.listen,
	    serve_threads(report->serve), serve_connections(report->serve));
	fprintf(out, "digest      %s, %" PRIu64 " reload%s, %" PRIu64 " refused\n",
	    s->conf->digest, report->reloads, text_s(report->reloads), report->reload_failures);
	fprintf(out, "catalogue   %" PRIu64 " files%s%s%s\n", catalogue_files(f),
	    f->catalogue == NULL ? ", none in use: all is served from here" : "",
	    f->catalogue_why[0] != '\0' ? ": " : "", f->catalogue_why);
	fprintf(out, "health      %s%s%s\n", f->believed ? "believed" : "not believed",
	    f->believed ? "" : ": all mirrors are taken: ", f->believed ? "" : f->health_why);
	if (f->held_why[0] != '\0')
		fprintf(out, "held        %s\n", f->held_why);
	if (f->geo_why[0] != '\0')
		fprintf(out, "databases   %s\n", f->geo_why);
	for (size_t i = 0; i < s->conf->n_mirrors; i++)
		fprintf(out, "mirror      %s %s, %" PRIu64 " files\n", s->conf->mirrors[i].name,
		    mirror_word(s, i), files_of(s, i));
}

static json_t *
mirror_states(const struct setup *s)
{
	json_t *all = json_array();

	for (size_t i = 0; i < s->conf->n_mirrors; i++)
		all = json_append(all, json_pack("{s:s, s:s, s:I}",
		    "name", s->conf->mirrors[i].name, "state", mirror_word(s, i),
		    "files", (json_int_t)files_of(s, i)));
	return all;
}

int
report_redirects_json(const struct report_redirects *report, FILE *out)
{
	const struct follow *f = report->follow;
	const struct setup *s = f->setup;

	return json_print(json_pack("{s:s, s:o, s:s, s:I, s:i, s:i, s:I, s:I, s:b, s:I, s:o, s:b, "
	    "s:o, s:o}",
	    "version", VERSION,
	    "listen", json_utf8(s->conf->redirect.listen),
	    "digest", s->conf->digest,
	    "uptime_s", (json_int_t)(clock_wall() - report->started + 0.5),
	    "threads", (int)serve_threads(report->serve),
	    "connections", (int)serve_connections(report->serve),
	    "reloads", (json_int_t)report->reloads,
	    "reload_failures", (json_int_t)report->reload_failures,
	    "catalogue", f->catalogue != NULL,
	    "catalogue_files", (json_int_t)catalogue_files(f),
	    "catalogue_reason", json_utf8(f->catalogue_why),
	    "health_believed", (int)f->believed,
	    "health_reason", json_utf8(f->believed ? "" : f->health_why),
	    "mirrors", mirror_states(s)), out);
}

static void
put_one(FILE *out, const char *name, const char *type, const char *help, double value)
{
	fprintf(out, "# HELP nearcast_redirectd_%s %s\n# TYPE nearcast_redirectd_%s %s\n"
	    "nearcast_redirectd_%s %.15g\n", name, help, name, type, name, value);
}

void
report_redirects_counters(const struct report_redirects *report, FILE *out)
{
	const struct follow *f = report->follow;
	uint64_t sums[WORKER_KINDS];
	unsigned taken = 0;

	worker_sum(f->common, sums);
#define PUT(name, help) \
	put_one(out, #name "_total", "counter", help, (double)sums[WORKER_##name]);
	WORKER_COUNTS(PUT)
#undef PUT
	put_one(out, "reloads_total", "counter", "reloads that were put into service",
	    (double)report->reloads);
	put_one(out, "reload_failures_total", "counter", "reloads that were refused",
	    (double)report->reload_failures);
	put_one(out, "start_time_seconds", "gauge", "when it started, seconds since 1970",
	    report->started);
	put_one(out, "connections_now", "gauge", "connections open",
	    serve_connections(report->serve));
	put_one(out, "catalogue_files", "gauge", "files in the catalogue",
	    (double)catalogue_files(f));
	put_one(out, "health_believed", "gauge",
	    "1 if the mirror health file is there, whole and fresh", f->believed);
	for (size_t i = 0; i < f->setup->conf->n_mirrors; i++)
		taken += f->setup->conf->mirrors[i].enabled &&
		    f->setup->health[i] == CHOOSE_FINE;
	put_one(out, "mirrors_taken", "gauge", "mirrors to which clients are sent", taken);
}
