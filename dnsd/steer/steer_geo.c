/*
 * Databases and maps, and what of them may be shared with those before.
 *
 * A struct steer_geo holds at most two databases (places, AS numbers) and the maps that were made
 * of them, one for each set of sites that some pool has servers at.  Databases are shared
 * with the old steer_geo while their files are the same; maps are, while the databases and
 * everything in the configuration that maps depend on (conf_shape) are the same.  So
 * a reload that changes a zone builds no map.
 *
 * A database that is missing or refused leaves the old one in use, as does one that moves more of
 * the world than max-move allows; only where there is no old one a refusal is an error.
 *
 * Reference counts are plain numbers.  Those of databases and maps are raised by whoever loads
 * (the reload's thread), while the old steer_geo is held, and lowered when the last holder
 * is freed; see inputs.h.  Only warns through the caller's callback; logs nothing.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "dnsd/steer/steer_inner.h"

/* ---- databases ---- */

static uint64_t
stir(uint64_t h, uint64_t v)
{
	return rendezvous_mix(h ^ v) + UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t
stir_octets(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return stir(h, len);
}

static void
db_unref(struct steer_db *db)
{
	assert(db == NULL || db->refs != 0);
	if (db == NULL || --db->refs != 0)
		return;
	geo_db_close(db->db);
	free(db->path);
	free(db);
}

static struct steer_db *
db_ref(struct steer_db *db)
{
	if (db != NULL)
		db->refs++;
	return db;
}

/* What a database is configured for: one of the wrong kind would locate nobody. */
enum kind { PLACES, AS_NUMBERS };

static int
check_kind(const struct geo_db *db, const char *path, enum kind kind, struct err *err)
{
	if (kind == PLACES && !geo_db_has_places(db))
		return err_set(err, "%s: of type \"%s\" has no places, a city or country database "
		    "was expected", path, geo_db_type(db));
	if (kind == AS_NUMBERS && !geo_db_has_asns(db))
		return err_set(err, "%s: of type \"%s\" has no AS numbers, an ASN database was "
		    "expected", path, geo_db_type(db));
	return 0;
}

static struct steer_db *
db_open(const char *path, enum kind kind, uint64_t stamp, struct err *err)
{
	struct steer_db *db = calloc(1, sizeof(*db));

	if (db == NULL || (db->path = strdup(path)) == NULL) {
		free(db);
		err_set(err, "out of memory");
		return NULL;
	}
	db->refs = 1;
	db->stamp = stamp;
	db->db = geo_db_open(path, err);
	if (db->db == NULL || check_kind(db->db, path, kind, err) < 0) {
		db_unref(db);
		return NULL;
	}
	return db;
}

/* Opens what `path` names, or shares `old` where the file is still the same.  A missing
 * file leaves *db as NULL, or as the old one; so does a refused one, if there is an old
 * one.  -1 = refused, and nothing to fall back on. */
static int
db_load(struct steer_geo *geo, struct steer_db **db, enum kind kind, const char *path,
    struct steer_db *old, const struct warn *warn, struct err *err)
{
	uint64_t stamp = file_stamp(path);
	struct err reason;

	if (path == NULL)
		return 0;
	if (old != NULL && stamp == old->stamp && strcmp(path, old->path) == 0) {
		*db = db_ref(old);
		return 0;
	}
	if (stamp == 0) {
		err_warn(warn, "%s: %s; %s", path, strerror(errno), old != NULL ?
		    "the database read before stays in use" :
		    "clients it would locate are not located");
		*db = db_ref(old);
		return 0;
	}
	*db = db_open(path, kind, stamp, &reason);
	if (*db != NULL)
		return 0;
	if (old == NULL)
		return err_set(err, "%s", reason.text);
	err_warn(warn, "%s; the database read before stays in use", reason.text);
	*db = db_ref(old);
	geo->refused = true;
	return 0;
}

/* ---- maps ---- */

static uint64_t
stir_exclude(uint64_t h, const struct conf_exclude *e)
{
	h = stir(h, e->line != 0);
	h = stir_octets(h, e->countries.v, e->countries.n * sizeof(*e->countries.v));
	h = stir_octets(h, e->continents.v, e->continents.n * sizeof(*e->continents.v));
	h = stir_octets(h, e->asns.v, e->asns.n * sizeof(*e->asns.v));
	for (size_t i = 0; i < e->prefixes.n; i++) {
		const struct prefix *p = &e->prefixes.v[i];
		h = stir_octets(stir(h, p->len | (uint64_t)p->family << 8), p->ip, 16);
	}
	return h;
}

/* A fingerprint of everything in the configuration that maps depend on. */
static uint64_t
conf_shape(const struct conf *conf)
{
	uint64_t h = stir(conf->geo.sites_per_answer, conf->here_site);

	for (size_t i = 0; i < conf->n_sites; i++) {
		const struct conf_site *s = &conf->sites[i];
		h = stir_octets(h, s->name, strlen(s->name));
		h = stir_octets(h, &s->latitude, sizeof(s->latitude));
		h = stir(stir_octets(h, &s->longitude, sizeof(s->longitude)), s->located);
		h = stir_exclude(h, &s->exclude);
	}
	for (size_t i = 0; i < conf->geo.n_rules; i++) {
		const struct conf_rule *r = &conf->geo.rules[i];
		h = stir(stir(stir(h, r->kind), r->asn), r->prefix.len |
		    (uint64_t)r->prefix.family << 8);
		h = stir_octets(stir_octets(h, r->prefix.ip, 16), r->code, strlen(r->code));
		h = stir(stir_octets(h, r->sites, r->n_sites * sizeof(*r->sites)), r->only);
	}
	for (size_t i = 0; i < conf->n_pools; i++) {
		const struct conf_pool *p = &conf->pools[i];
		for (size_t k = 0; k < p->n_servers; k++)
			h = stir_exclude(stir(h, conf->servers[p->first_server + k].site),
			    &conf->servers[p->first_server + k].exclude);
		h = stir(h, p->n_servers);
	}
	return h;
}

static void
maps_unref(struct steer_maps *maps)
{
	assert(maps == NULL || maps->refs != 0);
	if (maps == NULL || --maps->refs != 0)
		return;
	for (size_t i = 0; i < maps->n; i++) {
		geo_map_free(maps->v[i].map);
		free(maps->v[i].sites);
	}
	geo_beyond_free(maps->beyond);
	free(maps->v);
	free(maps->of_pool);
	free(maps);
}

/* The sites a pool has servers at, ascending; how many. */
static size_t
pool_sites(const struct conf *conf, size_t pool, uint16_t sites[CONF_MAX_SITES])
{
	const struct conf_pool *p = &conf->pools[pool];
	bool there[CONF_MAX_SITES] = { false };
	size_t n = 0;

	for (size_t i = 0; i < p->n_servers; i++)
		there[conf->servers[p->first_server + i].site] = true;
	for (size_t s = 0; s < conf->n_sites; s++)
		if (there[s])
			sites[n++] = (uint16_t)s;
	return n;
}

/* What a server excludes is its pool's alone. */
static bool
has_exclusions(const struct conf *conf, const struct conf_pool *cp)
{
	for (size_t i = 0; i < cp->n_servers; i++)
		if (conf->servers[cp->first_server + i].exclude.line != 0)
			return true;
	return false;
}

/* Index of the map for a pool with these sites, made if there is none yet; CONF_NONE with a
 * reason. */
static uint16_t
map_for(struct steer_maps *maps, const struct conf *conf, const struct conf_pool *cp,
    const uint16_t *sites, size_t n, const struct steer_geo *geo, struct err *err)
{
	bool alone = has_exclusions(conf, cp);
	struct steer_map *m;

	assert(n != 0);
	for (size_t i = 0; i < maps->n && !alone; i++)
		if (!maps->v[i].alone && maps->v[i].n_sites == n &&
		    memcmp(maps->v[i].sites, sites, n * sizeof(*sites)) == 0)
			return (uint16_t)i;
	m = &maps->v[maps->n];
	m->sites = calloc(n, sizeof(*sites));
	if (m->sites == NULL) {
		err_set(err, "out of memory for maps");
		return CONF_NONE;
	}
	memcpy(m->sites, sites, n * sizeof(*sites));
	m->n_sites = n;
	m->alone = alone;
	m->map = geo_map_build_for(conf, m->sites, n, cp->first_server, alone ? cp->n_servers : 0,
	    geo->city != NULL ? geo->city->db : NULL, geo->asn != NULL ? geo->asn->db : NULL, err);
	if (m->map == NULL) {
		free(m->sites);
		return CONF_NONE;
	}
	return (uint16_t)maps->n++;
}

/* One for all maps, with a tree if the list of any may lack a site. */
static int
build_beyond(struct steer_maps *maps, const struct conf *conf, const struct steer_geo *geo,
    struct err *err)
{
	bool there[CONF_MAX_SITES] = { false }, whole = true;
	uint16_t sites[CONF_MAX_SITES];
	size_t n = 0;

	for (size_t i = 0; i < maps->n; i++) {
		whole = whole && geo_map_is_whole(maps->v[i].map);
		for (size_t s = 0; s < maps->v[i].n_sites; s++)
			there[maps->v[i].sites[s]] = true;
	}
	for (size_t s = 0; s < conf->n_sites; s++)
		if (there[s])
			sites[n++] = (uint16_t)s;
	if (n == 0)
		return 0;
	maps->beyond = geo_beyond_build(conf, sites, n, !whole,
	    geo->city != NULL ? geo->city->db : NULL, err);
	return maps->beyond != NULL ? 0 : -1;
}

static struct steer_maps *
maps_build(const struct conf *conf, const struct steer_geo *geo, struct err *err)
{
	struct steer_maps *maps = calloc(1, sizeof(*maps));
	uint16_t sites[CONF_MAX_SITES];

	if (maps == NULL || (maps->v = calloc(conf->n_pools + 1, sizeof(*maps->v))) == NULL ||
	    (maps->of_pool = calloc(conf->n_pools + 1, sizeof(*maps->of_pool))) == NULL) {
		if (maps != NULL)
			free(maps->v);
		free(maps);
		err_set(err, "out of memory for maps");
		return NULL;
	}
	maps->refs = 1;
	maps->shape = conf_shape(conf);
	for (size_t i = 0; i < conf->n_pools; i++) {
		size_t n = pool_sites(conf, i, sites);

		maps->of_pool[i] = CONF_NONE;
		if (n == 0)
			continue;
		maps->of_pool[i] = map_for(maps, conf, &conf->pools[i], sites, n, geo, err);
		if (maps->of_pool[i] == CONF_NONE) {
			maps_unref(maps);
			return NULL;
		}
	}
	if (build_beyond(maps, conf, geo, err) < 0) {
		maps_unref(maps);
		return NULL;
	}
	return maps;
}

/* ---- how much of the world a new database moves ---- */

/* Percent; the worst of all maps.  Both are of the same configuration. */
static double
moved_percent(const struct steer_geo *old, const struct steer_geo *fresh)
{
	double worst = 0;

	assert(old->maps->n == fresh->maps->n);
	for (size_t i = 0; i < fresh->maps->n; i++) {
		double moved = geo_map_moved_percent(old->maps->v[i].map, fresh->maps->v[i].map);
		worst = moved > worst ? moved : worst;
	}
	return worst;
}

/* ---- all of it ---- */

struct steer_geo *
steer_geo_ref(struct steer_geo *geo)
{
	assert(geo->refs != 0);
	geo->refs++;
	return geo;
}

void
steer_geo_unref(struct steer_geo *geo)
{
	assert(geo == NULL || geo->refs != 0);
	if (geo == NULL || --geo->refs != 0)
		return;
	maps_unref(geo->maps);
	db_unref(geo->city);
	db_unref(geo->asn);
	free(geo);
}

bool
steer_geo_refused(const struct steer_geo *geo)
{
	return geo->refused;
}

const struct geo_map *
steer_geo_map(const struct steer_geo *geo, uint16_t pool, const uint16_t **sites, size_t *n_sites)
{
	uint16_t which = geo->maps->of_pool[pool];

	if (which == CONF_NONE)
		return NULL;
	assert(which < geo->maps->n);
	*sites = geo->maps->v[which].sites;
	*n_sites = geo->maps->v[which].n_sites;
	return geo->maps->v[which].map;
}

const struct geo_db *
steer_geo_city(const struct steer_geo *geo)
{
	return geo->city != NULL ? geo->city->db : NULL;
}

const struct geo_db *
steer_geo_asn(const struct steer_geo *geo)
{
	return geo->asn != NULL ? geo->asn->db : NULL;
}

/* Shares the old maps when neither databases nor configuration changed. */
static int
load_maps(struct steer_geo *geo, const struct conf *conf, const struct steer_geo *old,
    struct err *err)
{
	if (old != NULL && old->city == geo->city && old->asn == geo->asn &&
	    old->maps->shape == conf_shape(conf)) {
		geo->maps = old->maps;
		geo->maps->refs++;
		return 0;
	}
	geo->maps = maps_build(conf, geo, err);
	if (geo->city != NULL)
		geo_db_rest(geo->city->db);
	if (geo->asn != NULL)
		geo_db_rest(geo->asn->db);
	return geo->maps != NULL ? 0 : -1;
}

/* The old databases under this configuration: what a new database is measured against,
 * and what is used in its place if it moves too much.  NULL with a reason. */
static struct steer_geo *
old_under(const struct conf *conf, const struct steer_geo *old, struct err *err)
{
	struct steer_geo *geo = calloc(1, sizeof(*geo));

	if (geo == NULL) {
		err_set(err, "out of memory for maps");
		return NULL;
	}
	geo->refs = 1;
	geo->city = conf->geo.city != NULL ? db_ref(old->city) : NULL;
	geo->asn = conf->geo.asn != NULL ? db_ref(old->asn) : NULL;
	if (load_maps(geo, conf, old, err) < 0) {
		steer_geo_unref(geo);
		return NULL;
	}
	return geo;
}

/* max-move: a new database that sends too much of the world elsewhere is not believed.  Of the
 * new maps and those of the databases `before`, gives back what is used; the other is let go. */
static struct steer_geo *
guard_move(struct steer_geo *geo, struct steer_geo *before, const struct conf *conf,
    const struct warn *warn)
{
	double moved = moved_percent(before, geo);

	if (moved <= conf->geo.max_move) {
		steer_geo_unref(before);
		return geo;
	}
	err_warn(warn, "%s: moves %.2f percent of the located address space to another site, "
	    "max-move allows %.2f; the database read before stays in use",
	    conf->geo.city != NULL ? conf->geo.city : conf->geo.asn, moved, conf->geo.max_move);
	before->refused = true;
	steer_geo_unref(geo);
	return before;
}

struct steer_geo *
steer_geo_load(const struct conf *conf, const struct steer_geo *old, bool force,
    const struct warn *warn, struct err *err)
{
	struct steer_geo *geo = calloc(1, sizeof(*geo)), *before;

	if (geo == NULL) {
		err_set(err, "out of memory for maps");
		return NULL;
	}
	geo->refs = 1;
	if (db_load(geo, &geo->city, PLACES, conf->geo.city, old != NULL ? old->city : NULL, warn,
	    err) < 0 ||
	    db_load(geo, &geo->asn, AS_NUMBERS, conf->geo.asn, old != NULL ? old->asn : NULL, warn,
	    err) < 0 || load_maps(geo, conf, old, err) < 0) {
		steer_geo_unref(geo);
		return NULL;
	}
	if (force || conf->geo.max_move >= 100 || old == NULL ||
	    (old->city == NULL && old->asn == NULL) ||
	    (old->city == geo->city && old->asn == geo->asn))
		return geo;
	before = old_under(conf, old, err);
	if (before == NULL) {
		steer_geo_unref(geo);
		return NULL;
	}
	return guard_move(geo, before, conf, warn);
}
