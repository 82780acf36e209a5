#include "ctl/wellness.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "common/clock.h"
#include "common/control.h"
#include "common/json.h"
#include "common/spool_segment.h"
#include "common/text.h"
#include "ctl/mirrors.h"

#define ASK_MS 2000
#define FRESH_S 5.0			/* the keeper writes every second */

enum { NAMES_TOLD = 5, NAMES_TEXT = NAMES_TOLD * 260 + 40 };

/* ---- asking ---- */

static char *
ask(const struct conf *conf, const char *name, const char *line, struct err *err)
{
	char path[4200], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int rc;

	if (out == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	snprintf(path, sizeof(path), "%s/%s.sock", conf->run_dir, name);
	rc = control_ask(path, line, ASK_MS, out, err);
	fclose(out);
	if (rc == 0)
		return text;
	free(text);
	return NULL;
}

/* ---- alarms ---- */

static void add_alarm(struct wellness *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds an alarm, unless one says the same and more; one that says less gives way. */
static void
add_alarm(struct wellness *w, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return;
	for (size_t i = 0; i < w->n_alarms; i++) {
		if (strstr(w->alarms[i], text) != NULL) {
			free(text);
			return;
		}
		if (strstr(text, w->alarms[i]) != NULL) {
			free(w->alarms[i]);
			w->alarms[i] = text;
			return;
		}
	}
	if (w->n_alarms < WELLNESS_ALARMS)
		w->alarms[w->n_alarms++] = text;
	else
		free(text);
}

/* Is a healthd expected here at all? */
static bool
wants_healthd(const struct conf *conf)
{
	bool checks = false;

	for (size_t i = 0; i < conf->n_pools; i++)
		checks |= conf->pools[i].check != CONF_NONE;
	return conf->announce.enabled || checks;
}

static void
judge_route(struct wellness *w)
{
	bool announces = w->conf->announce.enabled ||
	    (w->route_known && strcmp(w->route.via, "none") != 0);

	for (size_t i = 0; w->route_known && i < w->route.n_alarms; i++)
		add_alarm(w, "%s", w->route.alarms[i]);
	if (!w->route_known && wants_healthd(w->conf))
		add_alarm(w, "the route is not known: %s", w->route_err.text);
	else if (w->route_known && !w->route_fresh)
		add_alarm(w, "what is told of the route is %.0f s old: healthd does not run, or "
		    "hangs", w->now - w->route.stamp);
	if (announces && (!w->route_fresh || w->route.posture == POSTURE_DOWN))
		w->serving = false;
}

/* The prober's own alarms are lines of its status. */
static void
judge_healthd(struct wellness *w)
{
	struct text rest, line;

	if (w->healthd.text == NULL) {
		if (w->route_fresh || wants_healthd(w->conf))
			add_alarm(w, "healthd does not answer: %s", w->healthd.err.text);
		return;
	}
	rest = text_of(w->healthd.text);
	while (text_line(&rest, &line))
		if (text_take(&line, "ALARM "))
			add_alarm(w, "%.*s", (int)(line.end - line.at), line.at);
}

static void
judge_health(struct wellness *w, const json_t *dnsd)
{
	const char *trust = json_string_value(json_object_get(dnsd, "health"));
	const char *why = json_string_value(json_object_get(dnsd, "health_reason"));

	if (trust != NULL && strcmp(trust, "fresh") != 0 && w->route_fresh)
		add_alarm(w, "dnsd does not believe healthd (%s): all servers count as healthy%s%s",
		    trust, why != NULL && *why != '\0' ? ": " : "", why != NULL ? why : "");
}

/* Two configurations at a time are what a reload that failed leaves. */
static void
judge_digests(struct wellness *w, const json_t *dnsd)
{
	const char *digest = json_string_value(json_object_get(dnsd, "digest"));

	if (digest == NULL)
		return;
	snprintf(w->digest, sizeof(w->digest), "%s", digest);
	if (w->route_fresh && w->route.digest[0] != '\0' && strcmp(digest, w->route.digest) != 0)
		add_alarm(w, "dnsd and healthd differ: they run different configurations (%s and "
		    "%s): reload", digest, w->route.digest);
}

/* The first names of an array, "a, b and 7 more". */
static void
list_names(const json_t *names, char text[NAMES_TEXT])
{
	size_t n = json_array_size(names), used = 0, i;

	text[0] = '\0';
	for (i = 0; i < n && i < NAMES_TOLD; i++)
		used += (size_t)snprintf(text + used, NAMES_TEXT - used, "%s%s",
		    i > 0 ? ", " : "", json_string_value(json_array_get(names, i)));
	if (i < n)
		snprintf(text + used, NAMES_TEXT - used, " and %zu more", n - i);
}

/* What the last reload left as it was, for something is wrong on disk. */
static void
judge_refused(struct wellness *w, const json_t *dnsd)
{
	const char *whole = json_string_value(json_object_get(dnsd, "reload_refused"));
	const json_t *old = json_object_get(dnsd, "zones_old");
	const json_t *missing = json_object_get(dnsd, "zones_missing");
	long long configured = json_integer_value(json_object_get(dnsd, "zones_configured"));
	long long loaded = json_integer_value(json_object_get(dnsd, "zones_loaded"));
	char names[NAMES_TEXT];

	if (whole != NULL && *whole != '\0')
		add_alarm(w, "dnsd: reload refused: %s", whole);
	list_names(missing, names);
	if (loaded < configured)
		add_alarm(w, "dnsd serves %lld of %lld zone%s%s%s", loaded, configured,
		    text_s((uint64_t)configured), names[0] != '\0' ? "; refused: " : "", names);
	list_names(old, names);
	if (names[0] != '\0')
		add_alarm(w, "dnsd serves an old version of %s: the file on disk was refused; "
		    "nearctl reload says why", names);
	if (json_is_true(json_object_get(dnsd, "geo_refused")))
		add_alarm(w, "dnsd locates clients by an older database: the one on disk was "
		    "refused; nearctl reload says why");
	if (configured > 0 && loaded == 0)
		w->serving = false;
}

static void
judge_dnsd(struct wellness *w)
{
	json_t *dnsd = w->dnsd.json != NULL ? json_loads(w->dnsd.json, 0, NULL) : NULL;

	if (dnsd == NULL) {
		add_alarm(w, "dnsd does not answer: %s", w->dnsd.err.text);
		w->serving = false;
		return;
	}
	judge_refused(w, dnsd);
	judge_health(w, dnsd);
	judge_digests(w, dnsd);
	json_decref(dnsd);
}

/* What the daemons' spool says by itself; who may not look into it sees nothing. */
static void
judge_spool(struct wellness *w)
{
	const char *dir = w->conf->log.spool;
	uint64_t max = w->conf->log.max, octets;
	struct statvfs fs;

	if (!w->conf->log.enabled)
		return;
	if (spool_segment_total(dir, &octets) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			add_alarm(w, "log spool %s: %s: events are lost", dir, strerror(errno));
		return;
	}
	if (statvfs(dir, &fs) == 0 && fs.f_blocks != 0 &&
	    fs.f_bavail < fs.f_blocks / 256)
		add_alarm(w, "log spool %s: its disk is full, events are lost", dir);
	else if (octets > max - max / 16)
		add_alarm(w, "log spool %s is full, events are lost: %" PRIu64 " octets wait for "
		    "collectors, `max` is %" PRIu64, dir, octets, max);
	else if (octets > max / 2)
		add_alarm(w, "log spool %s: %" PRIu64 " octets wait for collectors, more than half "
		    "of `max`, %" PRIu64, dir, octets, max);
}

static void
on_mirrors_alarm(void *arg, const char *text)
{
	add_alarm(arg, "%s", text);
}

/* ---- all of it ---- */

void
wellness_gather(struct wellness *w, const struct conf *conf, const char *broken, const char *line,
    bool json)
{
	char path[4200];

	*w = (struct wellness){ .conf = conf, .serving = true };
	snprintf(path, sizeof(path), "%s/" POSTURE_FILE_NAME, conf->run_dir);
	w->route_known = posture_file_read(&w->route, path, &w->route_err) == 0;
	w->healthd.text = ask(conf, "healthd", line, &w->healthd.err);
	if (json && w->healthd.text != NULL)
		w->healthd.json = ask(conf, "healthd", "status json", &w->healthd.err);
	w->dnsd.json = ask(conf, "dnsd", "status json", &w->dnsd.err);
	if (!json && w->dnsd.json != NULL)
		w->dnsd.text = ask(conf, "dnsd", "status", &w->dnsd.err);
	w->now = clock_wall();
	w->route_fresh = w->route_known && fabs(w->now - w->route.stamp) < FRESH_S;
	if (broken[0] != '\0')
		add_alarm(w, "the configuration cannot be read any more: %s", broken);
	judge_route(w);
	judge_healthd(w);
	judge_dnsd(w);
	judge_spool(w);
	w->mirrors = mirrors_gather(conf, w->now);
	if (w->mirrors != NULL)
		mirrors_alarms(w->mirrors, on_mirrors_alarm, w);
}

void
wellness_clear(struct wellness *w)
{
	for (size_t i = 0; i < w->n_alarms; i++)
		free(w->alarms[i]);
	mirrors_free(w->mirrors);
	free(w->healthd.text);
	free(w->healthd.json);
	free(w->dnsd.text);
	free(w->dnsd.json);
}

int
wellness_status(const struct wellness *w)
{
	return !w->serving ? 2 : w->n_alarms > 0 ? 1 : 0;
}

const char *
wellness_name(const struct wellness *w)
{
	static const char *const names[] = { "well", "alarm", "not serving" };

	return names[wellness_status(w)];
}
