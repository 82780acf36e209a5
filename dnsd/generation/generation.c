#include "dnsd/generation/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- finding a zone ---- */

static const struct view_zone *
find_apex(const struct view *view, const struct name_walk *name, unsigned labels)
{
	unsigned at = name->label[labels];
	uint64_t hash = name->hash[labels];

	for (uint32_t slot = (uint32_t)hash;; slot++) {
		uint32_t i = view->apex_index[slot & view->apex_index_mask];
		const struct view_zone *vz;
		if (i == ZONE_NONE)
			return NULL;
		vz = &view->zones[i];
		if (vz->apex_hash == hash && name_equal_to(vz->apex, name->name + at, name->len - at))
			return vz;
	}
}

const struct view_zone *
view_find_zone(const struct view *view, const struct name_walk *name, uint16_t qtype)
{
	unsigned n = name->labels < view->max_apex_labels ? name->labels : view->max_apex_labels;
	const struct view_zone *child = NULL, *vz;

	for (;; n--) {
		vz = find_apex(view, name, n);
		if (vz != NULL && (qtype != DNS_DS || n != name->labels || child != NULL))
			return vz;
		if (vz != NULL)
			child = vz;		/* DS at an apex: look for the parent */
		if (n == 0)
			return child;
	}
}

/* ---- building ---- */

static int
bind_steers(struct view *view, struct view_zone *vz, struct err *err)
{
	const struct zone *zone = vz->zone;

	vz->steer = calloc(zone->n_steers + 1, sizeof(const struct steer_name *));
	if (vz->steer == NULL)
		return err_set(err, "out of memory for steered names");
	for (uint32_t i = 0; i < zone->n_steers; i++) {
		const struct zone_steer *s = &zone->steers[i];

		vz->steer[i] = steer_bind_zone(view->steer, zone, i, err);
		if (vz->steer[i] == NULL)
			return err_prefix(err, "%s:%d", (const char *)zone->data + s->file, s->line);
	}
	return 0;
}

static int
build_zone(struct view *view, size_t i, struct err *err)
{
	struct view_zone *vz = &view->zones[i];

	vz->zone = view->load->zones[i];
	if (vz->zone == NULL) {
		if (name_parse(vz->apex, view->conf->zones[i].name, err) < 0)
			return err_prefix(err, "%s:%d", view->conf->path, view->conf->zones[i].line);
	} else {
		memcpy(vz->apex, vz->zone->apex, vz->zone->apex_len);
		view->n_loaded++;
		if (bind_steers(view, vz, err) < 0)
			return -1;
	}
	vz->apex_labels = (uint8_t)name_labels(vz->apex);
	vz->apex_hash = name_hash(vz->apex);
	if (vz->apex_labels > view->max_apex_labels)
		view->max_apex_labels = vz->apex_labels;
	return 0;
}

/* At most half full, so that a search ends soon. */
static int
build_index(struct view *view, struct err *err)
{
	uint32_t size = 4;

	while (size < 2 * view->n_zones)
		size *= 2;
	view->apex_index = malloc(size * sizeof(*view->apex_index));
	if (view->apex_index == NULL)
		return err_set(err, "out of memory for the index of zones");
	view->apex_index_mask = size - 1;
	memset(view->apex_index, 0xff, size * sizeof(*view->apex_index));
	for (uint32_t i = 0; i < view->n_zones; i++) {
		uint32_t slot = (uint32_t)view->zones[i].apex_hash;
		while (view->apex_index[slot & view->apex_index_mask] != ZONE_NONE)
			slot++;
		view->apex_index[slot & view->apex_index_mask] = i;
	}
	return 0;
}

static int
build_zones(struct view *view, struct err *err)
{
	view->n_zones = (uint32_t)view->conf->n_zones;
	view->zones = calloc(view->n_zones + 1u, sizeof(*view->zones));
	if (view->zones == NULL)
		return err_set(err, "out of memory for zones");
	for (uint32_t i = 0; i < view->n_zones; i++)
		if (build_zone(view, i, err) < 0)
			return -1;
	return build_index(view, err);
}

/* True if health takes every server of this site out of service on the operator's word:
 * then the site drains, whatever its route does by now. */
static bool
all_drain(const struct conf *conf, const struct health_file *health)
{
	size_t here = 0, draining = 0;

	for (size_t i = 0; i < health->n_servers; i++) {
		uint16_t server = conf_find_server(conf, health->servers[i].name);
		if (server == CONF_NONE || conf->servers[server].site != conf->here_site)
			continue;
		here++;
		draining += health->servers[i].state == HEALTH_DRAIN;
	}
	return here != 0 && here == draining;
}

/* What CH site.nearcast says: this site's posture, and whether it drains. */
static void
build_site_state(struct view *view, const struct health_file *health)
{
	const struct conf *conf = view->conf;
	size_t size = sizeof(view->site_state[0]);

	if (health == NULL || conf->here == NULL)
		return;
	for (size_t i = 0; i < health->n_sites; i++) {
		const struct health_site *site = &health->sites[i];
		bool drain = site->posture == POSTURE_DRAINING || all_drain(conf, health);

		if (strcmp(site->name, conf->here) != 0)
			continue;
		snprintf(view->site_state[0], size, "%s", site->name);
		snprintf(view->site_state[1], size, "%s", health_posture_name(site->posture));
		snprintf(view->site_state[2], size, "drain=%d", drain);
		snprintf(view->site_state[3], size, "ttl=%u", steer_ttl_max(view->steer));
	}
}

static void
build_identity(struct view *view)
{
	const char *nsid = view->conf->nsid;

	if (nsid != NULL) {
		size_t len = strnlen(nsid, sizeof(view->nsid));
		memcpy(view->nsid, nsid, len);
		view->nsid_len = (uint8_t)len;
	}
	if (gethostname(view->hostname, sizeof(view->hostname) - 1) < 0)
		view->hostname[0] = '\0';
}

struct view *
view_build(struct load *load, const struct health_file *health, uint64_t generation, struct err *err)
{
	struct view *view = calloc(1, sizeof(*view));

	if (view == NULL) {
		err_set(err, "out of memory for a generation");
		return NULL;
	}
	load_hold(load);
	view->load = load;
	view->conf = load->conf;
	view->generation = generation;
	view->cookies = load->cookies;
	build_identity(view);
	view->steer = steer_build(view->conf, load->geo, health, err);
	if (view->steer == NULL || build_zones(view, err) < 0) {
		view_free(view);
		return NULL;
	}
	build_site_state(view, health);
	return view;
}

void
view_free(struct view *view)
{
	if (view == NULL)
		return;
	for (uint32_t i = 0; view->zones != NULL && i < view->n_zones; i++)
		free(view->zones[i].steer);
	free(view->zones);
	free(view->apex_index);
	if (view->steer != NULL)
		steer_free(view->steer);
	load_release(view->load);
	explicit_bzero(&view->cookies, sizeof(view->cookies));
	free(view);
}
