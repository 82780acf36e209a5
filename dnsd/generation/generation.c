#include "dnsd/generation/generation.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- finding a zone ---- */

static const struct generation_zone *
find_apex(const struct generation *gen, const struct name_walk *name, unsigned labels)
{
	unsigned at = name->label[labels];
	uint64_t hash = name->hash[labels];

	for (uint32_t slot = (uint32_t)hash;; slot++) {
		uint32_t i = gen->apex_index[slot & gen->apex_index_mask];
		const struct generation_zone *gz;
		if (i == ZONE_NONE)
			return NULL;
		gz = &gen->zones[i];
		if (gz->apex_hash == hash &&
		    name_equal_to(gz->apex, name->name + at, name->len - at))
			return gz;
	}
}

const struct generation_zone *
generation_find_zone(const struct generation *gen, const struct name_walk *name, uint16_t qtype)
{
	unsigned n = name->labels < gen->max_apex_labels ? name->labels : gen->max_apex_labels;
	const struct generation_zone *child = NULL, *gz;

	for (;; n--) {
		gz = find_apex(gen, name, n);
		if (gz != NULL && (qtype != DNS_DS || n != name->labels || child != NULL))
			return gz;
		if (gz != NULL)
			child = gz;		/* DS at an apex: look for the parent */
		if (n == 0)
			return child;
	}
}

/* ---- building ---- */

static int
bind_steers(struct generation *gen, struct generation_zone *gz, struct err *err)
{
	const struct zone *zone = gz->zone;

	gz->steer = calloc(zone->n_steers + 1, sizeof(const struct steer_name *));
	if (gz->steer == NULL)
		return err_set(err, "out of memory for steered names");
	for (uint32_t i = 0; i < zone->n_steers; i++) {
		const struct zone_steer *s = &zone->steers[i];

		gz->steer[i] = steer_bind_zone(gen->steer, zone, i, err);
		if (gz->steer[i] == NULL)
			return err_prefix(err, "%s:%d", (const char *)zone->data + s->file,
			    s->line);
	}
	return 0;
}

static int
build_zone(struct generation *gen, size_t i, struct err *err)
{
	struct generation_zone *gz = &gen->zones[i];
	char where[CONF_WHERE];

	gz->zone = gen->inputs->zones[i];
	if (gz->zone == NULL) {
		if (name_parse(gz->apex, gen->conf->zones[i].name, err) < 0)
			return err_prefix(err, "%s",
			    conf_where(gen->conf, gen->conf->zones[i].line, where));
	} else {
		memcpy(gz->apex, gz->zone->apex, gz->zone->apex_len);
		gen->n_loaded++;
		if (bind_steers(gen, gz, err) < 0)
			return -1;
	}
	gz->apex_labels = (uint8_t)name_labels(gz->apex);
	gz->apex_hash = name_hash(gz->apex);
	if (gz->apex_labels > gen->max_apex_labels)
		gen->max_apex_labels = gz->apex_labels;
	return 0;
}

/* At most half full, so that a search ends soon. */
static int
build_index(struct generation *gen, struct err *err)
{
	uint32_t size = 4;

	while (size < 2 * gen->n_zones)
		size *= 2;
	gen->apex_index = malloc(size * sizeof(*gen->apex_index));
	if (gen->apex_index == NULL)
		return err_set(err, "out of memory for the index of zones");
	gen->apex_index_mask = size - 1;
	memset(gen->apex_index, 0xff, size * sizeof(*gen->apex_index));
	for (uint32_t i = 0; i < gen->n_zones; i++) {
		uint32_t slot = (uint32_t)gen->zones[i].apex_hash;
		while (gen->apex_index[slot & gen->apex_index_mask] != ZONE_NONE)
			slot++;
		gen->apex_index[slot & gen->apex_index_mask] = i;
	}
	return 0;
}

static int
build_zones(struct generation *gen, struct err *err)
{
	gen->n_zones = (uint32_t)gen->conf->n_zones;
	gen->zones = calloc(gen->n_zones + 1u, sizeof(*gen->zones));
	if (gen->zones == NULL)
		return err_set(err, "out of memory for zones");
	for (uint32_t i = 0; i < gen->n_zones; i++)
		if (build_zone(gen, i, err) < 0)
			return -1;
	return build_index(gen, err);
}

/* A healthd that does not say whether the site drains: it does while its posture is draining, and
 * when every server here is out of service on the operator's word. */
static bool
guess_drain(const struct conf *conf, const struct health_file *health,
    const struct health_site *site)
{
	size_t here = 0, draining = 0;

	for (size_t i = 0; i < health->n_servers; i++) {
		uint16_t server = conf_find_server(conf, health->servers[i].name);
		if (server == CONF_NONE || conf->servers[server].site != conf->here_site)
			continue;
		here++;
		draining += health->servers[i].state == HEALTH_DRAIN;
	}
	return site->posture == POSTURE_DRAINING || (here != 0 && here == draining);
}

static void
build_site(struct generation *gen, const struct health_file *health)
{
	const struct conf *conf = gen->conf;
	struct generation_site *s = &gen->site;

	snprintf(s->name, sizeof(s->name), "%s", conf->here != NULL ? conf->here : "-");
	strcpy(s->posture, "unknown");
	s->ttl_s = steer_ttl_max(gen->steer);
	for (size_t i = 0; health != NULL && conf->here != NULL && i < health->n_sites; i++) {
		const struct health_site *site = &health->sites[i];

		if (strcmp(site->name, conf->here) != 0)
			continue;
		snprintf(s->posture, sizeof(s->posture), "%s", health_posture_name(site->posture));
		s->drain = site->drain_said ? site->drain : guess_drain(conf, health, site);
	}
}

/* When `gen` leaves at now_s, the last of what it has handed out runs out then. */
static uint32_t
runs_out_s(const struct generation *gen, uint32_t now_s)
{
	uint32_t left_s = generation_ttl_max(gen, now_s);

	return left_s < UINT32_MAX - now_s ? now_s + left_s : UINT32_MAX;
}

void
generation_follow(struct generation *gen, const struct generation *former, uint32_t now_s)
{
	gen->site.earlier_s = runs_out_s(former, now_s);
	if (strcmp(gen->site.posture, "unknown") == 0 &&
	    strcmp(gen->site.name, former->site.name) == 0)
		gen->site.drain = former->site.drain;
}

uint32_t
generation_ttl_max(const struct generation *gen, uint32_t now_s)
{
	uint32_t earlier_s = gen->site.earlier_s > now_s ? gen->site.earlier_s - now_s : 0;

	return earlier_s > gen->site.ttl_s ? earlier_s : gen->site.ttl_s;
}

static void
build_identity(struct generation *gen)
{
	const char *nsid = gen->conf->nsid;

	if (nsid != NULL) {
		size_t len = strnlen(nsid, sizeof(gen->nsid));
		memcpy(gen->nsid, nsid, len);
		gen->nsid_len = (uint8_t)len;
	}
	if (gethostname(gen->hostname, sizeof(gen->hostname) - 1) < 0)
		gen->hostname[0] = '\0';
}

/* What a worker may rely on: every configured zone is in the index under its apex, and every
 * steered name of those that are loaded is bound.  Asked by an assert only. */
static bool __attribute__((unused))
is_complete(const struct generation *gen)
{
	uint32_t indexed = 0, loaded = 0;

	for (uint32_t slot = 0; slot <= gen->apex_index_mask; slot++)
		indexed += gen->apex_index[slot] != ZONE_NONE;
	for (uint32_t i = 0; i < gen->n_zones; i++) {
		const struct generation_zone *gz = &gen->zones[i];

		if (gz->apex_labels > gen->max_apex_labels)
			return false;
		if (gz->zone == NULL)
			continue;
		loaded++;
		if (gz->zone->refs == 0)
			return false;
		for (uint32_t k = 0; k < gz->zone->n_steers; k++)
			if (gz->steer[k] == NULL)
				return false;
	}
	return gen->steer != NULL && indexed == gen->n_zones && loaded == gen->n_loaded &&
	    2 * gen->n_zones <= gen->apex_index_mask + 1;
}

struct generation *
generation_build(struct inputs *inputs, const struct health_file *health, uint64_t number,
    struct err *err)
{
	struct generation *gen = calloc(1, sizeof(*gen));

	if (gen == NULL) {
		err_set(err, "out of memory for a generation");
		return NULL;
	}
	inputs_ref(inputs);
	gen->inputs = inputs;
	gen->conf = inputs->conf;
	gen->number = number;
	gen->cookies = inputs->cookies;
	build_identity(gen);
	gen->steer = steer_build(gen->conf, inputs->geo, health, err);
	if (gen->steer == NULL || build_zones(gen, err) < 0) {
		generation_free(gen);
		return NULL;
	}
	build_site(gen, health);
	assert(is_complete(gen));
	return gen;
}

void
generation_free(struct generation *gen)
{
	if (gen == NULL)
		return;
	for (uint32_t i = 0; gen->zones != NULL && i < gen->n_zones; i++)
		free(gen->zones[i].steer);
	free(gen->zones);
	free(gen->apex_index);
	if (gen->steer != NULL)
		steer_free(gen->steer);
	inputs_unref(gen->inputs);
	explicit_bzero(&gen->cookies, sizeof(gen->cookies));
	free(gen);
}
