#include "dnsd/generation/inputs.h"

#include <assert.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/dns/dns.h"
#include "common/mistakes.h"
#include "dnsd/zone/zone_load.h"

static void
zone_ref(struct zone *zone)
{
	assert(zone->refs < UINT_MAX);
	zone->refs++;
}

static void
zone_unref(struct zone *zone)
{
	assert(zone == NULL || zone->refs != 0);
	if (zone != NULL && --zone->refs == 0)
		zone_free(zone);
}

/* ---- zones ---- */

/* A reason that says nothing of the file's lines gets the line that names the file. */
static void
add_line(struct err *reason, const char *file, const struct conf *conf, int line,
    const char *what)
{
	char where[CONF_WHERE];
	size_t len = strlen(file);

	if (strncmp(reason->text, file, len) != 0 || reason->text[len] != ':' ||
	    (reason->text[len + 1] >= '0' && reason->text[len + 1] <= '9'))
		return;
	err_prefix(reason, "%s: %s", conf_where(conf, line, where), what);
}

/* The version of a zone in the inputs before, or NULL. */
static struct zone *
old_zone(const struct inputs *old, const char *name)
{
	const struct conf_zone *was = old != NULL ? conf_find_zone(old->conf, name) : NULL;

	return was != NULL ? old->zones[was - old->conf->zones] : NULL;
}

/* Every steered name of a zone that was read before has its pool in this configuration, too.  0, or
 * -1 with all that have not told. */
static int
check_pools(const struct conf *conf, const struct zone *zone, const struct warn *error,
    struct err *err)
{
	struct mistakes mistakes;

	if (zone->n_steers == 0)
		return 0;		/* as most of many zones have none */
	memset(&mistakes, 0, sizeof(mistakes));
	for (uint32_t i = 0; i < zone->n_steers; i++) {
		const struct zone_steer *s = &zone->steers[i];
		struct err line;
		if (conf_find_pool(conf, s->pool) != CONF_NONE)
			continue;
		err_set(&line, "%s:%d: pool \"%s\" is not in %s, "
		    "the name of a pool there was expected",
		    (const char *)zone->data + s->file, s->line, s->pool, conf->path);
		mistakes_add(&mistakes, (uint64_t)s->line, line.text);
	}
	return mistakes_tell(&mistakes, zone->file, error, err);
}

/* Addresses in the zone of a family that the pool has no server of are answered as they stand:
 * perhaps meant, perhaps a server's address that was left out. */
static void
note_families(const struct conf *conf, const struct zone *zone, const struct warn *warn)
{
	static const uint16_t types[2] = { DNS_A, DNS_AAAA };

	for (uint32_t i = 0; i < zone->n_steers; i++) {
		const struct zone_steer *s = &zone->steers[i];
		const struct conf_pool *pool = &conf->pools[conf_find_pool(conf, s->pool)];
		bool has[2] = { false, false };

		for (size_t k = 0; k < pool->n_servers; k++) {
			has[0] |= conf->servers[pool->first_server + k].v4.family != 0;
			has[1] |= conf->servers[pool->first_server + k].v6.family != 0;
		}
		for (unsigned f = 0; f < 2; f++)
			if (!has[f] && zone_rrset(zone, &zone->nodes[s->node], types[f]) != NULL)
				err_warn(warn, "%s:%d: no server of pool \"%s\" has an IPv%c "
				    "address: the %s records of this name are answered as they "
				    "stand", (const char *)zone->data + s->file, s->line, s->pool,
				    f == 0 ? '4' : '6', f == 0 ? "A" : "AAAA");
	}
}

/* Where all that is wrong with it has been told, only what that means is left. */
static void
say_refused(const struct warn *error, const struct err *reason, const char *name, bool has_old)
{
	const char *stays = has_old ? "; the old version stays" : "";

	if (reason->told == 0)
		err_warn(error, "%s%s", reason->text, stays);
	else
		err_warn(error, "zone \"%s\" is refused%s", name, stays);
}

static bool
pool_known(const void *arg, const char *pool)
{
	const struct conf *conf = arg;

	return conf_find_pool(conf, pool) != CONF_NONE;
}

/* One zone: shared, fresh, or the old one in place of a fresh one that is refused. */
static int
read_zone(struct inputs *inputs, size_t i, const struct inputs *before, bool force,
    const struct inputs_say *say, struct err *err)
{
	const struct conf_zone *cz = &inputs->conf->zones[i];
	const struct zone_pools pools = { pool_known, inputs->conf, inputs->conf->path };
	const struct zone_load_how how = {
		.pools = &pools, .warn = say->warn, .error = say->error
	};
	struct zone *old = old_zone(before, cz->name), *zone;
	struct err reason;

	if (old != NULL && strcmp(old->file, cz->file) == 0 && !zone_load_changed(old)) {
		zone = old;
		if (check_pools(inputs->conf, zone, say->error, err) < 0)
			return -1;
	} else {
		zone = zone_load(cz->name, cz->file, &how, &reason);
		if (zone != NULL && old != NULL && !force &&
		    zone_may_replace(zone, old, cz->max_shrink, &reason) < 0) {
			zone_free(zone);
			zone = NULL;
		}
		if (zone != NULL)
			zone->refs = 0;		/* counted below */
	}
	if (zone == NULL) {
		inputs->failed++;
		inputs->refused[i] = true;
		add_line(&reason, cz->file, inputs->conf, cz->line, "zone");
		say_refused(say->error, &reason, cz->name, old != NULL);
		if (old != NULL && check_pools(inputs->conf, old, say->error, err) < 0)
			return -1;
		zone = old;
	}
	inputs->zones[i] = zone;
	if (zone == NULL)
		return 0;
	zone_ref(zone);
	note_families(inputs->conf, zone, say->warn);
	return 0;
}

/* ---- the rest ---- */

/* A random secret is one process's own and outlives its reloads, as its clients' cookies do. */
static int
read_cookies(struct inputs *inputs, const struct inputs *old, struct err *err)
{
	const struct conf *conf = inputs->conf;

	if (!conf->cookies.enabled)
		return 0;
	if (conf->cookies.secret_file == NULL && old != NULL && old->cookies.n != 0 &&
	    old->conf->cookies.secret_file == NULL) {
		inputs->cookies = old->cookies;
		return 0;
	}
	if (cookie_read_secrets(&inputs->cookies, conf->cookies.secret_file, err) == 0)
		return 0;
	if (conf->cookies.secret_file != NULL)
		add_line(err, conf->cookies.secret_file, conf, conf->cookies.line,
		    "secret-file");
	return -1;
}

static struct inputs *
read_new(struct err *err)
{
	struct inputs *inputs = calloc(1, sizeof(*inputs));

	if (inputs == NULL)
		err_set(err, "out of memory for a generation");
	else
		*inputs = (struct inputs){ .refs = 1, .thread = pthread_self() };
	return inputs;
}

/* Room for those of the configuration. */
static int
make_zones(struct inputs *inputs, struct err *err)
{
	inputs->zones = calloc(inputs->conf->n_zones + 1, sizeof(*inputs->zones));
	inputs->refused = calloc(inputs->conf->n_zones + 1, sizeof(*inputs->refused));
	return inputs->zones != NULL && inputs->refused != NULL ? 0 :
	    err_set(err, "out of memory for zones");
}

static int
read_conf_file(struct inputs *inputs, const char *path, const char *here,
    const struct inputs_say *say, struct err *err)
{
	struct conf *conf = conf_read(path, here, say->warn, say->error, err);

	if (conf == NULL)
		return -1;
	inputs->owner = calloc(1, sizeof(*inputs->owner));
	if (inputs->owner == NULL) {
		conf_free(conf);
		return err_set(err, "out of memory for the configuration");
	}
	inputs->owner->refs = 1;
	inputs->owner->conf = conf;
	inputs->conf = conf;
	return 0;
}

struct inputs *
inputs_read(const char *path, const char *here, const struct inputs *old, bool force,
    const struct inputs_say *say, struct err *err)
{
	uint64_t start = clock_mono().ms;
	struct inputs *inputs = read_new(err);
	const struct conf *conf;

	if (inputs == NULL)
		return NULL;
	if (read_conf_file(inputs, path, here, say, err) < 0)
		goto refuse;
	conf = inputs->conf;
	/* healthd and nearctl can do without; dnsd would stand there, ready for nobody */
	if (conf->n_listen == 0) {
		err_set(err, "%s: no address to serve on, "
		    "`listen = { \"ADDRESS\" }` was expected", conf->path);
		goto refuse;
	}
	if (read_cookies(inputs, old, err) < 0)
		goto refuse;
	if (make_zones(inputs, err) < 0)
		goto refuse;
	for (size_t i = 0; i < conf->n_zones; i++)
		if (read_zone(inputs, i, old, force, say, err) < 0)
			goto refuse;
	malloc_trim(0);			/* what loading took goes back to the kernel */
	inputs->geo = steer_geo_load(conf, old != NULL ? old->geo : NULL, force, say->warn, err);
	if (inputs->geo == NULL)
		goto refuse;
	inputs->seconds = (double)(clock_mono().ms - start) / 1000;
	return inputs;
refuse:
	inputs_unref(inputs);
	return NULL;
}

struct inputs *
inputs_read_geo(const struct inputs *old, const struct inputs_say *say, struct err *err)
{
	uint64_t start = clock_mono().ms;
	struct inputs *inputs = read_new(err);
	size_t n = old->conf->n_zones;

	if (inputs == NULL)
		return NULL;
	assert(old->refs != 0 && old->owner->refs != 0);
	inputs->owner = old->owner;
	inputs->owner->refs++;
	inputs->conf = old->conf;
	inputs->cookies = old->cookies;
	inputs->failed = old->failed;
	if (make_zones(inputs, err) < 0) {
		inputs_unref(inputs);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		inputs->refused[i] = old->refused[i];
		if ((inputs->zones[i] = old->zones[i]) != NULL)
			zone_ref(inputs->zones[i]);
	}
	inputs->geo = steer_geo_load(inputs->conf, old->geo, false, say->warn, err);
	if (inputs->geo == NULL) {
		inputs_unref(inputs);
		return NULL;
	}
	inputs->seconds = (double)(clock_mono().ms - start) / 1000;
	return inputs;
}

void
inputs_adopt(struct inputs *inputs)
{
	assert(inputs->refs == 1);
	inputs->thread = pthread_self();
}

void
inputs_ref(struct inputs *inputs)
{
	assert(pthread_equal(inputs->thread, pthread_self()));
	assert(inputs->refs != 0 && inputs->refs < UINT_MAX);
	inputs->refs++;
}

void
inputs_unref_conf(struct inputs_conf *owner)
{
	assert(owner == NULL || owner->refs != 0);
	if (owner == NULL || --owner->refs != 0)
		return;
	conf_free(owner->conf);
	free(owner);
}

void
inputs_unref(struct inputs *inputs)
{
	assert(inputs == NULL || pthread_equal(inputs->thread, pthread_self()));
	assert(inputs == NULL || inputs->refs != 0);
	if (inputs == NULL || --inputs->refs != 0)
		return;
	for (size_t i = 0; inputs->zones != NULL && i < inputs->conf->n_zones; i++)
		zone_unref(inputs->zones[i]);
	free(inputs->zones);
	free(inputs->refused);
	steer_geo_unref(inputs->geo);
	inputs_unref_conf(inputs->owner);
	explicit_bzero(&inputs->cookies, sizeof(inputs->cookies));
	free(inputs);
}
