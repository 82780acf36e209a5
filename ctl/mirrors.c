#include "ctl/mirrors.h"

#include <stdlib.h>
#include <string.h>

#include "common/catalogue/catalogue.h"
#include "common/catalogue/held.h"
#include "common/catalogue/held_ids.h"
#include "common/json.h"
#include "common/mirror_file.h"
#include "common/text.h"

enum { BAD_MAX = 5 };			/* healthd's: more of a hundred put a mirror out */

struct mirrors {
	const struct conf *conf;	/* borrowed */
	double now;
	struct mirror_file health;
	bool believed;			/* its lease runs */
	struct err health_err;
	struct catalogue *catalogue;	/* NULL = catalogue_err */
	struct err catalogue_err;
	struct held *held;		/* NULL = held_err */
	struct err held_err;
};

struct mirrors *
mirrors_gather(const struct conf *conf, double now)
{
	struct mirrors *m = conf->n_mirrors != 0 ? calloc(1, sizeof(*m)) : NULL;
	char path[4200];

	if (m == NULL)
		return NULL;
	m->conf = conf;
	m->now = now;
	snprintf(path, sizeof(path), "%s/" MIRROR_FILE_NAME, conf->run_dir);
	if (mirror_file_read(&m->health, path, &m->health_err) == 0) {
		m->believed = mirror_file_current(&m->health, now);
		err_set(&m->health_err, "%s: it is %.0f s old", path, now - m->health.stamp);
	}
	m->catalogue = catalogue_open(conf->redirect.catalogue, &m->catalogue_err);
	m->held = held_read(conf->redirect.catalogue, NULL, &m->held_err);
	if (m->held != NULL && m->catalogue != NULL)
		held_keep_of(m->held, catalogue_about(m->catalogue)->lineage);
	return m;
}

void
mirrors_free(struct mirrors *m)
{
	if (m == NULL)
		return;
	mirror_file_clear(&m->health);
	catalogue_close(m->catalogue);
	held_free(m->held);
	free(m);
}

/* NULL = nothing that may be believed. */
static const struct mirror_line *
health_line(const struct mirrors *m, const struct conf_mirror *mirror)
{
	return m->believed ? mirror_file_find(&m->health, mirror->name) : NULL;
}

static const struct held_mirror *
held_row(const struct mirrors *m, const struct conf_mirror *mirror)
{
	int place = m->held != NULL ? held_find(m->held, mirror->name) : -1;

	return place >= 0 ? held_at(m->held, (size_t)place) : NULL;
}

static bool
scan_failed(const struct held_mirror *held)
{
	/* one that was taken has both the same; which is later is the clock's word, if right */
	return held != NULL && held->tried != held->scanned && held->why[0] != '\0';
}

/* ---- alarms ---- */

static void
alarm_scans(const struct mirrors *m, void (*alarm)(void *arg, const char *text), void *arg)
{
	const struct conf_mirror *first = NULL;
	char text[512], more[48] = "";
	size_t n = 0;

	for (size_t i = 0; i < m->conf->n_mirrors; i++) {
		const struct conf_mirror *mirror = &m->conf->mirrors[i];

		if (!mirror->enabled || mirror->rsync == NULL || !scan_failed(held_row(m, mirror)))
			continue;
		first = first == NULL ? mirror : first;
		n++;
	}
	if (n == 0)
		return;
	if (n > 1)
		snprintf(more, sizeof(more), ", and of %zu more", n - 1);
	snprintf(text, sizeof(text), "the last scan of mirror %s%s was not taken: %s", first->name,
	    more, held_row(m, first)->why);
	alarm(arg, text);
}

static void
alarm_states(const struct mirrors *m, void (*alarm)(void *arg, const char *text), void *arg)
{
	size_t kept = 0, down = 0, enabled = 0;
	char text[512];

	for (size_t i = 0; i < m->conf->n_mirrors; i++) {
		const struct mirror_line *line = health_line(m, &m->conf->mirrors[i]);

		enabled += m->conf->mirrors[i].enabled;
		down += line != NULL && line->state == MIRROR_DOWN;
		kept += line != NULL && line->bad > BAD_MAX && line->weight != 0 &&
		    line->state == MIRROR_INCOMPLETE;
	}
	if (kept != 0 && enabled > 1) {
		snprintf(text, sizeof(text), "%zu mirror%s should be out for bad files, but half of"
		    " all are", kept, text_s(kept));
		alarm(arg, text);
	}
	if (down != 0 && down == enabled)
		alarm(arg, "all mirrors are down: everything is served from home");
}

void
mirrors_alarms(const struct mirrors *m, void (*alarm)(void *arg, const char *text), void *arg)
{
	char text[600];

	if (!m->believed) {
		snprintf(text, sizeof(text), "nobody samples mirrors: %s", m->health_err.text);
		alarm(arg, text);
	}
	if (m->catalogue == NULL) {
		snprintf(text, sizeof(text), "the catalogue cannot be used: %s",
		    m->catalogue_err.text);
		alarm(arg, text);
	}
	if (m->held == NULL) {
		snprintf(text, sizeof(text), "what mirrors hold cannot be read: %s",
		    m->held_err.text);
		alarm(arg, text);
	}
	alarm_scans(m, alarm, arg);
	alarm_states(m, alarm, arg);
}

/* ---- for people ---- */

static void
print_scan(const struct mirrors *m, FILE *out, const struct held_mirror *held)
{
	char age[TEXT_DURATION];

	if (m->held == NULL) {
		fprintf(out, ", what it holds cannot be read");
		return;
	}
	fprintf(out, ", holds %llu", (unsigned long long)(held != NULL ? held->n : 0));
	if (m->catalogue != NULL)
		fprintf(out, " of %llu", (unsigned long long)catalogue_about(m->catalogue)->files);
	if (held == NULL || held->scanned <= 0)
		fprintf(out, ", never scanned");
	else
		fprintf(out, ", scanned %s ago%s", text_age(m->now - held->scanned, age),
		    held->complete ? "" : " in part");
	if (held != NULL && held->newest > 0)
		fprintf(out, ", newest file %s old", text_age(m->now - (double)held->newest, age));
}

static void
print_mirror(const struct mirrors *m, FILE *out, const struct conf_mirror *mirror)
{
	const struct mirror_line *line = health_line(m, mirror);
	const struct held_mirror *held = held_row(m, mirror);
	char age[TEXT_DURATION];

	if (!mirror->enabled) {
		fprintf(out, "%-20s disabled\n", mirror->name);
		return;
	}
	fprintf(out, "%-20s %s", mirror->name,
	    line != NULL ? mirror_file_state(line->state) : "unknown");
	if (line != NULL)
		fprintf(out, " for %s%s, %u of %u samples bad", text_age(m->now - line->since, age),
		    line->weight == 0 ? ", nobody is sent there" : "", line->bad, line->samples);
	if (mirror->one_file == NULL)
		print_scan(m, out, held);
	if (line != NULL && strcmp(line->reason, "ok") != 0 && line->reason[0] != '\0')
		fprintf(out, ": %s", line->reason);
	if (held != NULL && held->why[0] != '\0')
		fprintf(out, "; last scan: %s", held->why);
	fputc('\n', out);
}

void
mirrors_print(const struct mirrors *m, FILE *out)
{
	char age[TEXT_DURATION];

	if (m->catalogue != NULL)
		fprintf(out, "catalogue   %llu files, imported %s ago\n",
		    (unsigned long long)catalogue_about(m->catalogue)->files,
		    text_age(m->now - catalogue_about(m->catalogue)->imported, age));
	for (size_t i = 0; i < m->conf->n_mirrors; i++)
		print_mirror(m, out, &m->conf->mirrors[i]);
}

/* ---- for programs ---- */

/* null: what is held cannot be read. */
static json_t *
count_json(const struct mirrors *m, uint64_t n)
{
	return m->held != NULL ? json_integer((json_int_t)n) : json_null();
}

static json_t *
mirror_json(const struct mirrors *m, const struct conf_mirror *mirror)
{
	const struct mirror_line *line = health_line(m, mirror);
	const struct held_mirror *held = held_row(m, mirror);

	return json_pack("{s:o, s:b, s:s, s:o, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:b, s:o, s:I,"
	    " s:o}", "name", json_utf8(mirror->name), "enabled", mirror->enabled,
	    "state", mirror_file_state(line != NULL ? line->state : MIRROR_UNKNOWN),
	    "since", json_decimal(line != NULL ? line->since : 0, 3),
	    "weight", line != NULL ? (int)line->weight : 100,
	    "samples", line != NULL ? (int)line->samples : 0,
	    "bad", line != NULL ? (int)line->bad : 0,
	    "reason", json_utf8(line != NULL ? line->reason : ""),
	    "files", count_json(m, held != NULL ? held->n : 0),
	    "not_delivered", count_json(m, held != NULL ? held_ids_count(held->bad) : 0),
	    "scanned", json_decimal(held != NULL ? held->scanned : 0, 3),
	    "complete", held != NULL && held->complete,
	    "tried", json_decimal(held != NULL ? held->tried : 0, 3),
	    "newest", (json_int_t)(held != NULL ? held->newest : 0),
	    "scan_reason", json_utf8(held != NULL ? held->why : ""));
}

json_t *
mirrors_json(const struct mirrors *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->conf->n_mirrors; i++)
		list = json_append(list, mirror_json(m, &m->conf->mirrors[i]));
	return list;
}
