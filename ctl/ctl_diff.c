/*
 * nearctl diff: what a new database would change, before anybody is sent elsewhere.
 *
 * Builds the map of all sites that have servers for both databases, with the rules of
 * nearcast.conf, and walks the two maps, the two databases and the ASN database side by side,
 * each by a cursor of its own.  A PIECE is the largest run of addresses over which none of the
 * five changes; it counts for the first site of its list, and "-" is whoever has neither place
 * nor rule.  Pieces are added up in a matrix of sites, by country and by AS; of networks of the
 * new database that move, the largest few of each family are kept.
 *
 * IPv6 ranges that hold IPv4 addresses are left out: they move with IPv4 (geo_folds).
 * struct diff owns all that is counted; the databases and maps live from load_side to the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "ctl/ctl.h"
#include "dnsd/geo/geo_map.h"
#include "dnsd/geo/geo_merge.h"

enum { TOP = 10, COUNTRIES = 26 * 26 + 1 };

struct tally {
	double v4;			/* addresses */
	double v6;			/* /48s */
	uint64_t networks;		/* of the new database, also those touched in part */
};

struct mover {				/* a country, an AS or a prefix */
	uint32_t key;
	struct prefix net;
	struct tally tally;
	uint16_t from, to;		/* of a prefix */
};

struct side {
	const char *path;
	struct geo_db *db;
	struct geo_map *map;
	struct geo_cursor network;	/* at the piece */
	struct geo_leaf leaf;
	uint16_t site;			/* first one; conf->n_sites = nowhere */
};

struct diff {
	const struct conf *conf;
	struct side old, fresh;
	struct geo_db *asn;		/* may be NULL */
	struct geo_cursor asn_network;
	struct tally *matrix;		/* [from * (n_sites + 1) + to] */
	struct tally moved, all;
	struct mover country[COUNTRIES];
	struct mover *as;		/* open addressing by key; half full at most; 0 = free */
	size_t n_as, as_size;
	struct mover prefix[2][TOP];	/* the largest moved networks of each family */
	size_t n_prefix[2];
	struct mover network;		/* of the new database, as far as we have come */
};

/* ---- counting ---- */

static void
add_tally(struct tally *to, const struct tally *t)
{
	to->v4 += t->v4;
	to->v6 += t->v6;
	to->networks += t->networks;
}

static bool
more(const struct tally *a, const struct tally *b)
{
	return a->v4 != b->v4 ? a->v4 > b->v4 : a->v6 > b->v6;
}

static int
by_most(const void *a, const void *b)
{
	const struct mover *x = a, *y = b;

	if (more(&x->tally, &y->tally))
		return -1;
	if (more(&y->tally, &x->tally))
		return 1;
	return x->key < y->key ? -1 : x->key > y->key;
}

static uint32_t
country_index(const char *code)
{
	return code[0] == '\0' ? COUNTRIES - 1 : (uint32_t)((code[0] - 'A') * 26 + (code[1] - 'A'));
}

/* The two letters of a country, or `none` for addresses without one. */
static const char *
country_code(uint32_t index, const char *none, char code[3])
{
	code[0] = (char)('A' + index / 26);
	code[1] = (char)('A' + index % 26);
	code[2] = '\0';
	return index == COUNTRIES - 1 ? none : code;
}

static struct mover *
as_slot(struct diff *d, uint32_t asn)
{
	size_t i = asn * UINT64_C(0x9e3779b97f4a7c15) >> 20 & (d->as_size - 1);

	while (d->as[i].key != 0 && d->as[i].key != asn)
		i = (i + 1) & (d->as_size - 1);
	return &d->as[i];
}

static int
grow_as(struct diff *d)
{
	struct mover *old = d->as;
	size_t old_size = d->as_size;

	d->as_size = old_size != 0 ? 2 * old_size : 1024;
	d->as = calloc(d->as_size, sizeof(*d->as));
	if (d->as == NULL) {
		d->as = old;
		d->as_size = old_size;
		return -1;
	}
	for (size_t i = 0; i < old_size; i++)
		if (old[i].key != 0)
			*as_slot(d, old[i].key) = old[i];
	free(old);
	return 0;
}

static void
add_as(struct diff *d, uint32_t asn, const struct tally *t)
{
	struct mover *slot;

	if (asn == 0 || (2 * d->n_as >= d->as_size && grow_as(d) < 0))
		return;
	slot = as_slot(d, asn);
	d->n_as += slot->key == 0;
	slot->key = asn;
	add_tally(&slot->tally, t);
}

/* A moved network among the largest of its family. */
static void
add_prefix(struct diff *d, const struct mover *m)
{
	unsigned f = m->net.family == 6;
	struct mover *top = d->prefix[f];
	size_t at = d->n_prefix[f];

	while (at > 0 && more(&m->tally, &top[at - 1].tally))
		at--;
	if (at == TOP)
		return;
	if (d->n_prefix[f] < TOP)
		d->n_prefix[f]++;
	memmove(&top[at + 1], &top[at], (d->n_prefix[f] - at - 1) * sizeof(*top));
	top[at] = *m;
}

/* ---- walking ---- */

static void
move_cursor(struct geo_cursor *c, geo_key key)
{
	while (c->last < key && geo_cursor_next(c))
		;
}

static uint16_t
site_at(const struct diff *d, const struct side *s)
{
	const struct geo_place *place = geo_db_place(s->db, s->network.record);
	const uint16_t *list;

	if (s->leaf.result == geo_map_unlocated(s->map) && (place == NULL || !place->has_point))
		return (uint16_t)d->conf->n_sites;
	return geo_map_result(s->map, s->leaf.result, &list) != 0 ? list[0] :
	    (uint16_t)d->conf->n_sites;
}

/* Puts one side at `key`; returns the end of what is the same there. */
static geo_key
look(const struct diff *d, struct side *s, geo_key key, const uint8_t *ip)
{
	unsigned depth;
	geo_key last;

	move_cursor(&s->network, key);
	s->leaf = geo_map_find(s->map, s->network.family, ip);
	s->site = site_at(d, s);
	depth = s->leaf.depth;
	last = geo_key_last(depth == 0 ? 0 : key >> (128 - depth) << (128 - depth), depth);
	return last < s->network.last ? last : s->network.last;
}

/* The AS number of this piece, by the ASN database or else the new one. */
static uint32_t
asn_here(const struct diff *d)
{
	const struct geo_cursor *c = d->asn != NULL ? &d->asn_network : &d->fresh.network;
	const struct geo_place *place = geo_db_place(c->db, c->record);

	return place != NULL ? place->asn : 0;
}

static void
count(struct diff *d, geo_key start, geo_key last)
{
	const struct geo_place *place = geo_db_place(d->fresh.db, d->fresh.network.record);
	uint16_t from = d->old.site, to = d->fresh.site;
	uint8_t family = d->fresh.network.family;
	double size = geo_merge_size(family, start, last);
	struct tally t = { .v4 = family == 4 ? size : 0, .v6 = family == 6 ? size / 65536 : 0 };
	struct mover *m = &d->network;
	struct prefix net;

	if (place == NULL)
		place = geo_db_place(d->old.db, d->old.network.record);
	geo_key_prefix(d->fresh.network.start, family, d->fresh.network.len, &net);
	/* pieces of one network that go the same way are one */
	if (memcmp(&m->net, &net, sizeof(net)) != 0 || m->from != from || m->to != to) {
		if (m->from != m->to)
			add_prefix(d, m);
		*m = (struct mover){ .net = net, .from = from, .to = to };
		t.networks = 1;
	}
	add_tally(&m->tally, &t);
	add_tally(&d->matrix[from * (d->conf->n_sites + 1) + to], &t);
	add_tally(&d->all, &t);
	if (from == to)
		return;
	add_tally(&d->moved, &t);
	add_tally(&d->country[country_index(place != NULL ? place->country : "")].tally, &t);
	add_as(d, asn_here(d), &t);
}

/* The last key of the folded range that `key` lies in; false = in none. */
static bool
folded_until(geo_key key, geo_key *last)
{
	for (size_t i = 0; i < GEO_FOLDS; i++) {
		geo_key start = geo_fold_key(&geo_fold_ranges[i]);
		*last = geo_key_last(start, geo_fold_ranges[i].len);
		if (key >= start && key <= *last)
			return true;
	}
	return false;
}

static void
walk_family(struct diff *d, uint8_t family)
{
	geo_key key = 0, last, end;
	struct prefix at;

	geo_cursor_first(&d->old.network, d->old.db, family);
	geo_cursor_first(&d->fresh.network, d->fresh.db, family);
	geo_cursor_first(&d->asn_network, d->asn, family);
	do {
		if (family == 6 && folded_until(key, &last))
			continue;
		geo_key_prefix(key, family, family == 4 ? 32 : 128, &at);
		last = look(d, &d->old, key, at.ip);
		end = look(d, &d->fresh, key, at.ip);
		last = end < last ? end : last;
		move_cursor(&d->asn_network, key);
		last = d->asn_network.last < last ? d->asn_network.last : last;
		count(d, key, last);
	} while ((key = last + 1) != 0);
	if (d->network.from != d->network.to)
		add_prefix(d, &d->network);
	memset(&d->network, 0, sizeof(d->network));
}

/* ---- printing ---- */

static const char *
site_name(const struct diff *d, uint16_t site)
{
	return site < d->conf->n_sites ? d->conf->sites[site].name : "-";
}

static double
percent4(const struct tally *t)
{
	return 100 * t->v4 / 0x1p32;
}

static void
print_tally(const struct tally *t)
{
	bool parts = t->v6 > 0 && t->v6 < 10;	/* of a /48: more are shown whole */

	printf("%12.6f %16.*f %10llu\n", percent4(t), parts ? 5 : 0, t->v6,
	    (unsigned long long)t->networks);
}

static void
print_matrix(const struct diff *d)
{
	size_t n = d->conf->n_sites + 1;

	printf("%-16s %-16s %12s %16s %10s\n", "FROM", "TO", "IPv4 %", "IPv6 /48s", "NETWORKS");
	for (size_t from = 0; from < n; from++)
		for (size_t to = 0; to < n; to++) {
			const struct tally *t = &d->matrix[from * n + to];
			if (t->networks == 0)
				continue;
			printf("%-16s %-16s ", site_name(d, (uint16_t)from),
			    site_name(d, (uint16_t)to));
			print_tally(t);
		}
	printf("%-33s ", "moved");
	print_tally(&d->moved);
	printf("max-move counts %.4f %% of the located address space\n",
	    geo_map_moved_percent(d->old.map, d->fresh.map));
}

static void
print_movers(const struct diff *d)
{
	char text[ADDR_TEXT];

	if (d->moved.networks == 0)
		return;
	puts("\nwho moves most");
	for (size_t i = 0; i < TOP && d->country[i].tally.networks != 0; i++) {
		printf("  country %-24s ", country_code(d->country[i].key, "-", text));
		print_tally(&d->country[i].tally);
	}
	for (size_t i = 0; i < TOP && i < d->as_size && d->as[i].key != 0; i++) {
		printf("  AS%-30u ", d->as[i].key);
		print_tally(&d->as[i].tally);
	}
	for (unsigned f = 0; f < 2; f++)
		for (size_t i = 0; i < d->n_prefix[f]; i++)
			printf("  %-32s %s -> %s\n", prefix_text(&d->prefix[f][i].net, text),
			    site_name(d, d->prefix[f][i].from), site_name(d, d->prefix[f][i].to));
}

/* So many significant digits: a single address is 2e-8 percent of IPv4. */
static json_t *
json_significant(double value, int digits)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*g", digits, value);
	return json_real(strtod(text, NULL));
}

/* Adds a tally's members to an object; NULL if there is no memory. */
static json_t *
json_tally(json_t *object, const struct tally *t)
{
	json_t *numbers = json_pack("{s:o, s:o, s:I}",
	    "ipv4_percent", json_significant(percent4(t), 8),
	    "ipv6_48s", json_significant(t->v6, 12), "networks", (json_int_t)t->networks);

	if (json_object_update_missing_new(object, numbers) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *
matrix_json(const struct diff *d)
{
	size_t n = d->conf->n_sites + 1;
	json_t *matrix = json_array();

	for (size_t i = 0; i < n * n; i++)
		if (d->matrix[i].networks != 0)
			matrix = json_append(matrix, json_tally(json_pack("{s:o, s:o}",
			    "from", json_utf8(site_name(d, (uint16_t)(i / n))),
			    "to", json_utf8(site_name(d, (uint16_t)(i % n)))), &d->matrix[i]));
	return matrix;
}

static json_t *
movers_json(const struct diff *d)
{
	json_t *countries = json_array(), *asns = json_array(), *prefixes = json_array();
	char text[ADDR_TEXT];

	for (size_t i = 0; i < TOP && d->country[i].tally.networks != 0; i++)
		countries = json_append(countries, json_tally(json_pack("{s:s}",
		    "country", country_code(d->country[i].key, "", text)), &d->country[i].tally));
	for (size_t i = 0; i < TOP && i < d->as_size && d->as[i].key != 0; i++)
		asns = json_append(asns, json_tally(json_pack("{s:I}",
		    "asn", (json_int_t)d->as[i].key), &d->as[i].tally));
	for (unsigned f = 0; f < 2; f++)
		for (size_t i = 0; i < d->n_prefix[f]; i++) {
			const struct mover *m = &d->prefix[f][i];

			prefixes = json_append(prefixes, json_pack("{s:s, s:o, s:o}",
			    "prefix", prefix_text(&m->net, text),
			    "from", json_utf8(site_name(d, m->from)),
			    "to", json_utf8(site_name(d, m->to))));
		}
	return json_pack("{s:o, s:o, s:o}", "countries", countries, "asns", asns,
	    "prefixes", prefixes);
}

static int
print_moves_json(const struct diff *d, struct err *err)
{
	double max_move = geo_map_moved_percent(d->old.map, d->fresh.map);
	json_t *tree = json_pack("{s:o, s:o}", "matrix", matrix_json(d), "moved",
	    json_tally(json_pack("{s:o}", "max_move", json_significant(max_move, 6)), &d->moved));

	if (tree != NULL && json_object_update_new(tree, movers_json(d)) < 0) {
		json_decref(tree);
		tree = NULL;
	}
	return json_print(tree, stdout) < 0 ? err_set(err, "it could not be printed") : 0;
}

/* ---- all of it ---- */

/* The sites that have servers; without any, all. */
static size_t
used_sites(const struct conf *conf, uint16_t sites[CONF_MAX_SITES])
{
	bool used[CONF_MAX_SITES] = { false };
	size_t n = 0;

	for (size_t i = 0; i < conf->n_servers; i++)
		used[conf->servers[i].site] = true;
	for (size_t i = 0; i < conf->n_sites; i++)
		if (used[i] || conf->n_servers == 0)
			sites[n++] = (uint16_t)i;
	return n;
}

static int
load_side(struct diff *d, struct side *s, struct err *err)
{
	uint16_t sites[CONF_MAX_SITES];
	size_t n = used_sites(d->conf, sites);

	s->db = geo_db_open(s->path, err);
	if (s->db == NULL)
		return -1;
	if (!geo_db_has_places(s->db))
		return err_set(err, "%s: of type \"%s\" has no places",
		    s->path, geo_db_type(s->db));
	s->map = geo_map_build(d->conf, sites, n, s->db, d->asn, err);
	return s->map != NULL ? 0 : -1;
}

static int
compare(struct diff *d, bool json, struct err *err)
{
	size_t n = d->conf->n_sites + 1;

	d->matrix = calloc(n * n, sizeof(*d->matrix));
	if (d->matrix == NULL || grow_as(d) < 0)
		return err_set(err, "no memory");
	if (d->conf->geo.asn != NULL && (d->asn = geo_db_open(d->conf->geo.asn, err)) == NULL)
		return -1;
	if (load_side(d, &d->old, err) < 0 || load_side(d, &d->fresh, err) < 0)
		return -1;
	for (uint32_t i = 0; i < COUNTRIES; i++)
		d->country[i].key = i;
	walk_family(d, 4);
	walk_family(d, 6);
	qsort(d->country, COUNTRIES, sizeof(d->country[0]), by_most);
	qsort(d->as, d->as_size, sizeof(d->as[0]), by_most);
	if (json)
		return print_moves_json(d, err);
	print_matrix(d);
	print_movers(d);
	return 0;
}

int
ctl_diff(const struct ctl *ctl)
{
	struct diff *d = calloc(1, sizeof(*d));
	struct conf *conf;
	struct err err;
	int rc;

	if (d == NULL) {
		fputs("nearctl: no memory\n", stderr);
		return 1;
	}
	d->conf = conf = ctl_conf(ctl);
	d->old.path = ctl->arg[0];
	d->fresh.path = ctl->arg[1];
	rc = conf == NULL ? -1 : conf->n_sites == 0 ? err_set(&err, "%s has no sites", conf->path) :
	    compare(d, ctl->json, &err);
	if (rc < 0 && conf != NULL)
		fprintf(stderr, "nearctl: %s\n", err.text);
	geo_map_free(d->old.map);
	geo_map_free(d->fresh.map);
	geo_db_close(d->old.db);
	geo_db_close(d->fresh.db);
	geo_db_close(d->asn);
	free(d->as);
	free(d->matrix);
	free(d);
	conf_free(conf);
	return rc < 0;
}
