#include "dnsd/generation/inputs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "dnsd/zone/zone_load.h"

static void __attribute__((format(printf, 2, 3)))
say_line(void (*say)(const char *line), const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	say(line);
}

static void
zone_hold(struct zone *zone)
{
	zone->refs++;
}

static void
zone_release(struct zone *zone)
{
	if (zone != NULL && --zone->refs == 0)
		zone_free(zone);
}

/* ---- zones ---- */

/* A reason that says nothing of the file's lines gets the line that names the file. */
static void
add_line(struct err *reason, const char *file, const char *conf, int line, const char *what)
{
	size_t len = strlen(file);

	if (strncmp(reason->text, file, len) != 0 || reason->text[len] != ':' ||
	    (reason->text[len + 1] >= '0' && reason->text[len + 1] <= '9'))
		return;
	err_prefix(reason, "%s:%d: %s", conf, line, what);
}

/* The version of a zone in the load before, or NULL. */
static struct zone *
old_zone(const struct load *old, const char *name)
{
	if (old == NULL)
		return NULL;
	for (size_t i = 0; i < old->conf->n_zones; i++)
		if (strcasecmp(old->conf->zones[i].name, name) == 0)
			return old->zones[i];
	return NULL;
}

/* Every steered name has its pool in this configuration. */
static int
check_pools(const struct conf *conf, const struct zone *zone, struct err *err)
{
	for (uint32_t i = 0; i < zone->n_steers; i++) {
		const struct zone_steer *s = &zone->steers[i];
		if (conf_find_pool(conf, s->pool) == CONF_NONE)
			return err_set(err, "%s:%d: pool \"%s\" is not in %s, the name of a pool there was expected",
			    (const char *)zone->data + s->file, s->line, s->pool, conf->path);
	}
	return 0;
}

/* The zone from its file, if it is fit to be served; else NULL with a reason. */
static struct zone *
fresh_zone(const struct conf *conf, const struct conf_zone *cz, const struct zone *old, bool force,
    const struct load_say *say, struct err *err)
{
	struct zone *zone = zone_load(cz->name, cz->file, NULL, say->warn, err);

	if (zone == NULL)
		return NULL;
	if (check_pools(conf, zone, err) < 0 || (old != NULL && !force &&
	    zone_load_may_replace(zone, old, cz->max_shrink, err) < 0)) {
		zone_free(zone);
		return NULL;
	}
	zone->refs = 0;
	return zone;
}

/* One zone: shared, fresh, or the old one in place of a fresh one that is refused. */
static int
load_zone(struct load *load, size_t i, const struct load *before, bool force,
    const struct load_say *say, struct err *err)
{
	const struct conf_zone *cz = &load->conf->zones[i];
	struct zone *old = old_zone(before, cz->name), *zone;
	struct err reason;

	if (old != NULL && strcmp(old->file, cz->file) == 0 && zone_load_stamp(old) == old->file_stamp) {
		zone = old;
		if (check_pools(load->conf, zone, err) < 0)
			return -1;
	} else if ((zone = fresh_zone(load->conf, cz, old, force, say, &reason)) == NULL) {
		load->failed++;
		add_line(&reason, cz->file, load->conf->path, cz->line, "zone");
		say_line(say->error, "%s%s", reason.text, old != NULL ? "; the old version stays" : "");
		if (old != NULL && check_pools(load->conf, old, err) < 0)
			return -1;
		zone = old;
	}
	load->zones[i] = zone;
	if (zone != NULL)
		zone_hold(zone);
	return 0;
}

static int
load_zones(struct load *load, const struct load *old, bool force, const struct load_say *say,
    struct err *err)
{
	load->zones = calloc(load->conf->n_zones + 1, sizeof(struct zone *));
	if (load->zones == NULL)
		return err_set(err, "out of memory for zones");
	for (size_t i = 0; i < load->conf->n_zones; i++)
		if (load_zone(load, i, old, force, say, err) < 0)
			return -1;
	return 0;
}

/* ---- the rest ---- */

/* A random secret is one process's own and outlives its reloads, as its clients' cookies do. */
static int
load_cookies(struct load *load, const struct load *old, struct err *err)
{
	const struct conf *conf = load->conf;

	if (!conf->cookies.enabled)
		return 0;
	if (conf->cookies.secret_file == NULL && old != NULL && old->cookies.n != 0 &&
	    old->conf->cookies.secret_file == NULL) {
		load->cookies = old->cookies;
		return 0;
	}
	if (cookie_read_secrets(&load->cookies, conf->cookies.secret_file, err) == 0)
		return 0;
	if (conf->cookies.secret_file != NULL)
		add_line(err, conf->cookies.secret_file, conf->path, conf->cookies.line, "secret-file");
	return -1;
}

static struct load *
load_new(struct err *err)
{
	struct load *load = calloc(1, sizeof(*load));

	if (load == NULL)
		err_set(err, "out of memory for a generation");
	else
		load->refs = 1;
	return load;
}

static int
load_conf_file(struct load *load, const char *path, const struct load_say *say, struct err *err)
{
	struct conf *conf = conf_read(path, say->warn, err);

	if (conf == NULL)
		return -1;
	load->owner = calloc(1, sizeof(*load->owner));
	if (load->owner == NULL) {
		conf_free(conf);
		return err_set(err, "out of memory for the configuration");
	}
	load->owner->refs = 1;
	load->owner->conf = conf;
	load->conf = conf;
	return 0;
}

/* healthd and nearctl can do without; dnsd would stand there, ready for nobody. */
static int
check_listen(const struct conf *conf, struct err *err)
{
	return conf->n_listen != 0 ? 0 :
	    err_set(err, "%s: no address to serve on, `listen = { \"ADDRESS\" }` was expected", conf->path);
}

struct load *
load_read(const char *path, const struct load *old, bool force, const struct load_say *say,
    struct err *err)
{
	uint64_t start = clock_mono().ms;
	struct load *load = load_new(err);

	if (load == NULL)
		return NULL;
	if (load_conf_file(load, path, say, err) < 0 ||
	    check_listen(load->conf, err) < 0 ||
	    load_cookies(load, old, err) < 0 ||
	    load_zones(load, old, force, say, err) < 0 ||
	    (load->geo = steer_geo_load(load->conf, old != NULL ? old->geo : NULL, say->warn, err)) == NULL) {
		load_release(load);
		return NULL;
	}
	load->seconds = (double)(clock_mono().ms - start) / 1000;
	return load;
}

struct load *
load_read_geo(const struct load *old, const struct load_say *say, struct err *err)
{
	uint64_t start = clock_mono().ms;
	struct load *load = load_new(err);
	size_t n = old->conf->n_zones;

	if (load == NULL)
		return NULL;
	load->owner = old->owner;
	load->owner->refs++;
	load->conf = old->conf;
	load->cookies = old->cookies;
	load->failed = old->failed;
	load->zones = calloc(n + 1, sizeof(struct zone *));
	if (load->zones == NULL)
		err_set(err, "out of memory for zones");
	for (size_t i = 0; i < n && load->zones != NULL; i++)
		if ((load->zones[i] = old->zones[i]) != NULL)
			zone_hold(load->zones[i]);
	if (load->zones == NULL || (load->geo = steer_geo_load(load->conf, old->geo, say->warn, err)) == NULL) {
		load_release(load);
		return NULL;
	}
	load->seconds = (double)(clock_mono().ms - start) / 1000;
	return load;
}

void
load_hold(struct load *load)
{
	load->refs++;
}

void
load_release_conf(struct load_conf *owner)
{
	if (owner == NULL || --owner->refs != 0)
		return;
	conf_free(owner->conf);
	free(owner);
}

void
load_release(struct load *load)
{
	if (load == NULL || --load->refs != 0)
		return;
	for (size_t i = 0; load->zones != NULL && i < load->conf->n_zones; i++)
		zone_release(load->zones[i]);
	free(load->zones);
	steer_geo_release(load->geo);
	load_release_conf(load->owner);
	explicit_bzero(&load->cookies, sizeof(load->cookies));
	free(load);
}
