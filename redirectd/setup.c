#include "redirectd/setup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MIME_TYPES "/etc/mime.types"

enum { CONF, TYPES, CITY, ASN, HELD };

struct setup_part {
	unsigned refs;
	enum { OF_CONF, OF_TYPES, OF_GEO, OF_HELD } kind;
	struct conf *conf;		/* and what is prepared of it */
	struct choose *choose;
	struct types *types;
	struct geo_db *geo;
	struct held *held;
};

/* ---- parts ---- */

static struct setup_part *
part_new(int kind, struct err *err)
{
	struct setup_part *part = calloc(1, sizeof(*part));

	if (part == NULL) {
		err_set(err, "out of memory");
		return NULL;
	}
	part->refs = 1;
	part->kind = kind;
	return part;
}

static void
part_drop(struct setup_part *part)
{
	if (part == NULL || --part->refs != 0)
		return;
	choose_free(part->choose);
	conf_free(part->conf);
	types_free(part->types);
	if (part->geo != NULL)
		geo_db_close(part->geo);
	held_free(part->held);
	free(part);
}

static struct setup_part *
conf_part(struct conf *conf, struct err *err)
{
	struct setup_part *part = conf != NULL ? part_new(OF_CONF, err) : NULL;

	if (part == NULL) {
		conf_free(conf);
		return NULL;
	}
	part->conf = conf;
	if (conf->redirect.line == 0) {
		err_set(err, "%s: there is no block `redirect`, which redirectd goes by",
		    conf->path);
		part_drop(part);
		return NULL;
	}
	part->choose = choose_new(conf, err);
	if (part->choose == NULL) {
		part_drop(part);
		return NULL;
	}
	return part;
}

static struct setup_part *
geo_part(const char *path, struct err *err)
{
	struct setup_part *part = part_new(OF_GEO, err);

	if (part == NULL || path == NULL)
		return part;
	part->geo = geo_db_open(path, err);
	if (part->geo == NULL) {
		part_drop(part);
		return NULL;
	}
	geo_db_rest(part->geo);
	return part;
}

static struct setup_part *
types_part(struct err *err)
{
	struct setup_part *part = part_new(OF_TYPES, err);

	if (part != NULL && (part->types = types_read(MIME_TYPES, err)) == NULL) {
		part_drop(part);
		return NULL;
	}
	return part;
}

static struct setup_part *
held_part(const struct conf *conf, const struct held *before, struct err *err)
{
	struct setup_part *part = part_new(OF_HELD, err);

	if (part != NULL &&
	    (part->held = held_read(conf->redirect.catalogue, before, err)) == NULL) {
		part_drop(part);
		return NULL;
	}
	return part;
}

/* ---- snapshots ---- */

/* Names what the parts hold; places and health are arrays of its own.  NULL with a reason, and
 * the parts dropped. */
static struct setup *
assemble(struct setup_part *const parts[5], const struct setup *old, struct err *err)
{
	struct setup *s = calloc(1, sizeof(*s));
	size_t n = parts[CONF]->conf->n_mirrors + 1;
	int *places = calloc(n, sizeof(*places));
	uint8_t *health = calloc(n, 1);

	if (s == NULL || places == NULL || health == NULL) {
		free(s);
		free(places);
		free(health);
		for (size_t i = 0; i < 5; i++)
			part_drop(parts[i]);
		err_set(err, "out of memory");
		return NULL;
	}
	memcpy(s->parts, parts, sizeof(s->parts));
	s->conf = parts[CONF]->conf;
	s->choose = parts[CONF]->choose;
	s->types = parts[TYPES]->types;
	s->city = parts[CITY]->geo;
	s->asn = parts[ASN]->geo;
	s->held = parts[HELD] != NULL ? parts[HELD]->held : NULL;
	for (size_t i = 0; i < s->conf->n_mirrors; i++)
		places[i] = s->held == NULL ? -1 : held_find(s->held, s->conf->mirrors[i].name);
	s->places = places;
	s->health = health;
	s->number = old != NULL ? old->number + 1 : 1;
	s->conf_number = old == NULL ? 1 : old->conf_number + (old->conf != s->conf);
	return s;
}

/* The parts of `old`, one of them replaced. */
static struct setup *
replaced(const struct setup *old, unsigned a, struct setup_part *part_a, unsigned b,
    struct setup_part *part_b, struct err *err)
{
	struct setup_part *parts[5];
	struct setup *s;

	for (unsigned i = 0; i < 5; i++) {
		parts[i] = i == a ? part_a : i == b ? part_b : old->parts[i];
		if (i != a && i != b && parts[i] != NULL)
			parts[i]->refs++;
	}
	s = assemble(parts, old, err);
	if (s != NULL)
		memcpy((void *)(uintptr_t)s->health, old->health, s->conf->n_mirrors);
	return s;
}

/* A mirror that is down is not up for a moment because a file was read again. */
static void
keep_health(struct setup *fresh, const struct setup *old)
{
	uint8_t *health = (uint8_t *)(uintptr_t)fresh->health;

	for (size_t i = 0; i < fresh->conf->n_mirrors; i++) {
		uint16_t before = conf_find_mirror(old->conf, fresh->conf->mirrors[i].name);

		if (before != CONF_NONE)
			health[i] = old->health[before];
	}
}

/* Takes the configuration. */
static struct setup *
from_conf(struct conf *conf, const struct setup *old, struct err *err)
{
	struct setup_part *parts[5] = { NULL };
	struct setup *fresh;
	struct err why;

	if ((parts[CONF] = conf_part(conf, err)) == NULL)
		return NULL;
	if ((parts[TYPES] = types_part(err)) == NULL ||
	    (parts[CITY] = geo_part(parts[CONF]->conf->geo.city, err)) == NULL ||
	    (parts[ASN] = geo_part(parts[CONF]->conf->geo.asn, err)) == NULL) {
		for (size_t i = 0; i < 5; i++)
			part_drop(parts[i]);
		return NULL;
	}
	/* without it nobody is said to hold anything: files are served from here */
	parts[HELD] = held_part(parts[CONF]->conf, NULL, &why);
	if (parts[HELD] == NULL && old != NULL && old->parts[HELD] != NULL &&
	    strcmp(old->conf->redirect.catalogue,
	    parts[CONF]->conf->redirect.catalogue) == 0) {
		parts[HELD] = old->parts[HELD];
		parts[HELD]->refs++;
	}
	fresh = assemble(parts, old, err);
	if (fresh != NULL && old != NULL)
		keep_health(fresh, old);
	return fresh;
}

struct setup *
setup_read(const char *path, const char *here, const struct warn *warn, const struct warn *error,
    struct err *err)
{
	return from_conf(conf_read(path, here, warn, error, err), NULL, err);
}

struct setup *
setup_reread(const struct setup *old, const struct warn *warn, const struct warn *error,
    struct err *err)
{
	return from_conf(conf_read_again(old->conf, warn, error, err), old, err);
}

struct setup *
setup_with_geo(const struct setup *old, struct err *err)
{
	struct setup_part *city = geo_part(old->conf->geo.city, err), *asn;

	if (city == NULL)
		return NULL;
	asn = geo_part(old->conf->geo.asn, err);
	if (asn == NULL) {
		part_drop(city);
		return NULL;
	}
	return replaced(old, CITY, city, ASN, asn, err);
}

struct setup *
setup_with_held(const struct setup *old, struct err *err)
{
	struct setup_part *part = held_part(old->conf, old->held, err);

	return part != NULL ? replaced(old, HELD, part, HELD, part, err) : NULL;
}

struct setup *
setup_with_health(const struct setup *old, const uint8_t *health, struct err *err)
{
	struct setup *s = replaced(old, UINT32_MAX, NULL, UINT32_MAX, NULL, err);

	if (s != NULL)
		memcpy((void *)(uintptr_t)s->health, health, s->conf->n_mirrors);
	return s;
}

void
setup_free(struct setup *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < 5; i++)
		part_drop(s->parts[i]);
	free((void *)(uintptr_t)s->places);
	free((void *)(uintptr_t)s->health);
	free(s);
}
