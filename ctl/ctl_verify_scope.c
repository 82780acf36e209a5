/*
 * nearctl verify-scope: walks every leaf of every map and proves what a cache has to
 * rely on (RFC 7871 7.2.1, 7.3.1):
 *
 *   right     every leaf, and every network of the databases and every rule at both its
 *             ends and beyond them, has the list of sites that one comes to by looking
 *             the long way (geo_look).  Both only change where one of these begins, so
 *             that they are equal everywhere;
 *   constant  first, last and other addresses of a scope get the same answer;
 *   apart     leaves cover each family from end to end without overlap;
 *   minimal   no two sibling leaves have the same list: merging any two would change an
 *             answer.  Where a site has more servers than are answered, a scope shorter
 *             than spread4/spread6 is lengthened to it on purpose; these are counted, as
 *             are answers of sites beyond the list, whose scope may be a deeper leaf's.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/text.h"
#include "ctl/ctl.h"
#include "ctl/geo_look.h"
#include "dnsd/geo/geo_map.h"
#include "dnsd/steer/steer.h"

enum { MOST_COMPLAINTS = 20 };

struct verify {
	const struct conf *conf;
	const struct steer_geo *geo;
	const struct geo_map *map;
	const struct conf_pool *pool;	/* one of those that share it: they exclude alike */
	const uint16_t *sites;
	size_t n_sites;
	const struct steer_name **names;	/* of the pools that share the map */
	size_t n_names;
	struct prefix last;			/* leaf before this one */
	uint16_t last_result;
	bool any;				/* leaf in this family so far */
	uint64_t leaves[2], lengthened[2], beyond[2], addresses, answers, wrong;
	unsigned shortest[2], longest[2];
	uint32_t random;
};

static void __attribute__((format(printf, 2, 3)))
report(struct verify *v, const char *fmt, ...)
{
	va_list ap;

	if (v->wrong++ >= MOST_COMPLAINTS)
		return;
	fputs("nearctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static uint32_t
next_random(struct verify *v)
{
	v->random ^= v->random << 13;
	v->random ^= v->random >> 17;
	return v->random ^= v->random << 5;
}

/* Addresses of a prefix: 0 the first, 1 the last, others at random. */
static void
address_in(struct verify *v, const struct prefix *net, unsigned which, uint8_t ip[16])
{
	size_t octets = addr_len(net->family);

	memset(ip, 0, 16);
	for (size_t i = 0; i < octets; i++) {
		uint8_t fill = which == 0 ? 0 : which == 1 ? 0xff : (uint8_t)next_random(v);
		unsigned fixed = net->len >= 8 * (i + 1) ? 8 : net->len <= 8 * i ? 0 : net->len % 8;
		uint8_t mask = (uint8_t)(0xff00 >> fixed);

		ip[i] = (uint8_t)((net->ip[i] & mask) | (fill & ~mask));
	}
}

/* ---- right ---- */

/* The map's answer for one address against the long way's. */
static void
check_address(struct verify *v, uint8_t family, const uint8_t *ip)
{
	struct geo_leaf leaf = geo_map_find(v->map, family, ip);
	const uint16_t *got;
	size_t n_got = geo_map_result(v->map, leaf.result, &got), n;
	uint16_t list[CONF_MAX_SITES];
	struct geo_look look;
	struct addr addr = { .family = family };
	char text[ADDR_TEXT];

	geo_look(v->conf, v->sites, v->n_sites, steer_geo_city(v->geo), steer_geo_asn(v->geo),
	    family, ip, &look);
	n = geo_look_list(v->conf, v->pool, v->sites, v->n_sites, &look, list);
	v->addresses++;
	if (n == n_got && memcmp(list, got, n * sizeof(list[0])) == 0)
		return;
	memcpy(addr.ip, ip, addr_len(family));
	report(v, "%s: the map says %s (of %zu sites), the long way %s (of %zu)",
	    addr_text(&addr, text),
	    n_got != 0 ? v->conf->sites[got[0]].name : "nothing", n_got,
	    n != 0 ? v->conf->sites[list[0]].name : "nothing", n);
}

/* Adds 1 or -1 to an address; false = there is none beyond. */
static bool
step(uint8_t family, uint8_t ip[16], int by)
{
	for (size_t i = addr_len(family); i-- > 0;) {
		ip[i] = (uint8_t)(ip[i] + by);
		if (ip[i] != (by > 0 ? 0 : 0xff))
			return true;
	}
	return false;
}

/* Both ends of a prefix and the addresses beyond them. */
static void
check_edges(struct verify *v, const struct prefix *net)
{
	uint8_t ip[16];

	for (unsigned which = 0; which < 2; which++) {
		address_in(v, net, which, ip);
		check_address(v, net->family, ip);
		if (step(net->family, ip, which == 0 ? -1 : 1))
			check_address(v, net->family, ip);
	}
}

static int
check_network(void *arg, const struct prefix *net, uint32_t record, const struct geo_place *place)
{
	struct verify *v = arg;
	uint8_t ip[16];

	(void)record;
	(void)place;
	for (unsigned which = 0; which < 2; which++) {
		address_in(v, net, which, ip);
		check_address(v, net->family, ip);
	}
	return 0;
}

static void
check_breakpoints(struct verify *v)
{
	if (steer_geo_city(v->geo) != NULL)
		geo_db_walk(steer_geo_city(v->geo), check_network, v, NULL);
	if (steer_geo_asn(v->geo) != NULL)
		geo_db_walk(steer_geo_asn(v->geo), check_network, v, NULL);
	for (size_t i = 0; i < v->conf->geo.n_rules; i++)
		if (v->conf->geo.rules[i].kind == CONF_RULE_PREFIX)
			check_edges(v, &v->conf->geo.rules[i].prefix);
	for (size_t i = 0; i < GEO_LOOK_HOLDERS; i++)
		check_edges(v, &geo_look_holders[i]);
}

/* ---- constant ---- */

static bool
same_answer(const struct steer_answer *a, const struct steer_answer *b)
{
	if (a->n != b->n || a->scope != b->scope || a->ttl_s != b->ttl_s)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (a->ip[i] != b->ip[i])
			return false;
	return true;
}

static bool
is_listed(const struct verify *v, uint16_t result, uint16_t site)
{
	const uint16_t *list;
	size_t n = geo_map_result(v->map, result, &list), i = 0;

	while (i < n && list[i] != site)
		i++;
	return i < n;
}

/* The answer to one question in the scope that holds `ip`. */
static void
check_scope(struct verify *v, size_t which, uint8_t family, const struct prefix *leaf,
    uint16_t result, const uint8_t *ip)
{
	struct steer_client client = { .family = leaf->family, .ip = ip, .ecs = true,
	    .source = (uint8_t)(8 * addr_len(leaf->family)) };
	struct prefix scope = { .family = leaf->family };
	struct steer_answer first, other;
	uint8_t there[16];
	char text[ADDR_TEXT];
	bool beyond;

	steer_pick(v->names[which], &client, family, &first, NULL);
	v->answers++;
	if (first.lacks_family)
		return;
	beyond = first.n != 0 && !is_listed(v, result, first.by.site);
	if (beyond)
		v->beyond[leaf->family == 6]++;
	else if (first.scope > leaf->len)
		v->lengthened[leaf->family == 6]++;
	scope.len = first.scope;
	memcpy(scope.ip, ip, 16);
	addr_mask(scope.ip, scope.len);
	if (first.scope < leaf->len || (first.scope > leaf->len && !beyond &&
	    first.scope != (leaf->family == 4 ? v->conf->geo.spread4 : v->conf->geo.spread6)))
		report(v, "%s: scope %u of leaf /%u", prefix_text(&scope, text), first.scope,
		    leaf->len);
	client.ip = there;
	for (unsigned i = 0; i < 3; i++) {
		address_in(v, &scope, i, there);
		steer_pick(v->names[which], &client, family, &other, NULL);
		v->answers++;
		if (!same_answer(&first, &other))
			report(v, "%s: the answer is not the same all over this scope",
			    prefix_text(&scope, text));
	}
}

/* ---- apart and minimal ---- */

/* After `net`, may the next leaf begin at `start`?  Ranges that hold IPv4 addresses are
 * not walked: they have the leaves of IPv4. */
static bool
follows(const struct prefix *net, const struct prefix *next)
{
	uint8_t ip[16];
	struct verify unused = { .random = 1 };

	address_in(&unused, net, 1, ip);
	if (!step(net->family, ip, 1))
		return false;
	for (size_t i = 0; i < GEO_LOOK_HOLDERS; i++) {
		if (net->family != 6 || !prefix_contains(&geo_look_holders[i], 6, ip))
			continue;
		/* a rule inside such a range has leaves of its own */
		if (prefix_contains(&geo_look_holders[i], 6, next->ip))
			return memcmp(next->ip, ip, 16) >= 0;
		address_in(&unused, &geo_look_holders[i], 1, ip);
		step(6, ip, 1);
	}
	return memcmp(ip, next->ip, addr_len(net->family)) == 0;
}

static bool
is_sibling(const struct prefix *a, const struct prefix *b)
{
	struct prefix up = *a;

	if (a->len != b->len || a->len == 0)
		return false;
	up.len--;
	addr_mask(up.ip, up.len);
	return prefix_contains(&up, b->family, b->ip);
}

/* Nothing may follow the family's last leaf. */
static void
check_end(struct verify *v, const struct prefix *last)
{
	uint8_t ip[16];
	char text[ADDR_TEXT];

	address_in(v, last, 1, ip);
	if (step(last->family, ip, 1))
		report(v, "%s: the last leaf of IPv%u does not reach its end",
		    prefix_text(last, text), last->family);
}

static void
check_order(struct verify *v, const struct prefix *net, uint16_t result)
{
	char text[ADDR_TEXT], before[ADDR_TEXT];

	if (!v->any || v->last.family != net->family) {
		if (!addr_is_zero(net->ip))
			report(v, "%s: the first leaf of IPv%u", prefix_text(net, text),
			    net->family);
		if (v->any)
			check_end(v, &v->last);
	} else {
		if (!follows(&v->last, net))
			report(v, "%s: does not begin where %s ends", prefix_text(net, text),
			    prefix_text(&v->last, before));
		if (is_sibling(&v->last, net) && v->last_result == result)
			report(v, "%s and %s have the same list: not minimal",
			    prefix_text(&v->last, before), prefix_text(net, text));
	}
	v->last = *net;
	v->last_result = result;
	v->any = true;
}

static int
check_leaf(void *arg, const struct prefix *net, uint16_t result)
{
	struct verify *v = arg;
	unsigned f = net->family == 6;
	char text[ADDR_TEXT];
	uint8_t ip[16];

	v->leaves[f]++;
	v->shortest[f] = net->len < v->shortest[f] ? net->len : v->shortest[f];
	v->longest[f] = net->len > v->longest[f] ? net->len : v->longest[f];
	check_order(v, net, result);
	for (unsigned i = 0; i < 3; i++) {
		struct geo_leaf leaf;

		address_in(v, net, i, ip);
		leaf = geo_map_find(v->map, net->family, ip);
		if (leaf.result != result || leaf.depth != net->len)
			report(v, "%s: a lookup finds result %u at depth %u, the leaf has %u",
			    prefix_text(net, text), leaf.result, leaf.depth, result);
		check_address(v, net->family, ip);
	}
	for (size_t n = 0; n < v->n_names; n++)
		for (uint8_t family = 4; family <= 6; family += 2)
			check_scope(v, n, family, net, result, ip);
	return 0;
}

/* ---- all of it ---- */

static void
print_map(const struct verify *v, size_t index)
{
	printf("map %zu: %zu site%s\n", index + 1, v->n_sites, text_s(v->n_sites));
	for (unsigned f = 0; f < 2; f++)
		printf("  IPv%c: %llu scope%s, /%u to /%u; %llu answer%s lengthened to /%u, "
		    "where servers outnumber answers, %llu of sites beyond the list\n",
		    f ? '6' : '4',
		    (unsigned long long)v->leaves[f], text_s(v->leaves[f]), v->shortest[f],
		    v->longest[f],
		    (unsigned long long)v->lengthened[f], text_s(v->lengthened[f]),
		    f ? v->conf->geo.spread6 : v->conf->geo.spread4,
		    (unsigned long long)v->beyond[f]);
	printf("  %llu %s looked up the long way, %llu answer%s compared, %llu wrong\n",
	    (unsigned long long)v->addresses, v->addresses == 1 ? "address" : "addresses",
	    (unsigned long long)v->answers, text_s(v->answers),
	    (unsigned long long)v->wrong);
}

static json_t *
map_json(const struct verify *v)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
	    "sites", (json_int_t)v->n_sites,
	    "ipv4", (json_int_t)v->leaves[0], "ipv6", (json_int_t)v->leaves[1],
	    "lengthened", (json_int_t)(v->lengthened[0] + v->lengthened[1]),
	    "beyond", (json_int_t)(v->beyond[0] + v->beyond[1]),
	    "addresses", (json_int_t)v->addresses, "answers", (json_int_t)v->answers,
	    "wrong", (json_int_t)v->wrong);
}

/* The names of all pools that share pool `first`'s map; 0 = an earlier pool had it. */
static size_t
bind_pools(const struct conf *conf, const struct steer_geo *geo, struct steer *steer,
    uint16_t first, const struct steer_name **names, struct err *err)
{
	const uint16_t *sites;
	size_t n_sites, n = 0;
	const struct geo_map *map = steer_geo_map(geo, first, &sites, &n_sites);

	for (uint16_t p = 0; p < conf->n_pools; p++) {
		struct zone_steer text = { .nearest = true };

		if (map == NULL || steer_geo_map(geo, p, &sites, &n_sites) != map)
			continue;
		if (p < first)
			return 0;
		snprintf(text.pool, sizeof(text.pool), "%s", conf->pools[p].name);
		names[n] = steer_bind(steer, &text, 0, err);
		n += names[n] != NULL;
	}
	return n;
}

static uint64_t
verify_maps(const struct ctl *ctl, const struct conf *conf, const struct steer_geo *geo,
    struct steer *steer, const struct steer_name **names, struct err *err)
{
	json_t *list = ctl->json ? json_array() : NULL;
	uint64_t wrong = 0;
	size_t maps = 0;

	for (uint16_t p = 0; p < conf->n_pools; p++) {
		struct verify v = { .conf = conf, .geo = geo, .names = names, .random = 2463534242u,
		    .shortest = { 128, 128 } };

		v.n_names = bind_pools(conf, geo, steer, p, names, err);
		if (v.n_names == 0)
			continue;
		v.pool = &conf->pools[p];
		v.map = steer_geo_map(geo, p, &v.sites, &v.n_sites);
		geo_map_walk(v.map, check_leaf, &v);
		if (v.any)
			check_end(&v, &v.last);
		check_breakpoints(&v);
		if (ctl->json)
			list = json_append(list, map_json(&v));
		else
			print_map(&v, maps);
		maps++;
		wrong += v.wrong;
	}
	if (ctl->json)
		return json_print(list, stdout) < 0 ? 1 : wrong;
	printf("verify-scope: %zu map%s, %s\n", maps, maps == 1 ? "" : "s", wrong == 0 ?
	    "every scope is right, constant, apart and minimal" : "NOT all scopes hold");
	return wrong;
}

int
ctl_verify_scope(const struct ctl *ctl)
{
	struct err err = { .text = "out of memory" };
	const struct steer_name **names;
	struct steer_geo *geo;
	struct steer *steer;
	struct conf *conf;
	int rc = 1;

	conf = ctl_conf(ctl);
	if (conf == NULL)
		return 1;
	names = calloc(conf->n_pools + 1, sizeof(*names));
	geo = steer_geo_load(conf, NULL, false, &ctl_warn, &err);
	steer = geo != NULL ? steer_build(conf, geo, NULL, &err) : NULL;
	if (steer == NULL || names == NULL)
		fprintf(stderr, "nearctl: %s\n", err.text);
	else
		rc = verify_maps(ctl, conf, geo, steer, names, &err) != 0;
	free(names);
	steer_free(steer);
	steer_geo_unref(geo);
	conf_free(conf);
	return rc;
}
