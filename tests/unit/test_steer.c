/* steer: who gets which servers, by rows of { a sentence, health, client, expected }. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/dns/dns.h"
#include "dnsd/geo/geo_map.h"
#include "common/geo/rendezvous.h"
#include "dnsd/steer/steer.h"

enum { FRA, AMS, NYC, SYD };

static struct conf_site sites[] = {
	[FRA] = { .name = (char[]){ "fra" }, .located = true, .latitude = 50.11,
	    .longitude = 8.68 },
	[AMS] = { .name = (char[]){ "ams" }, .located = true, .latitude = 52.37,
	    .longitude = 4.90 },
	[NYC] = { .name = (char[]){ "nyc" }, .located = true, .latitude = 40.71,
	    .longitude = -74.01 },
	[SYD] = { .name = (char[]){ "syd" }, .located = true, .latitude = -33.87,
	    .longitude = 151.21 },
};

/* mirrors: 5 at fra (one without IPv6), 2 at ams, 1 at nyc (IPv4 only), 2 at syd.
 * four: IPv4 only.  plain: not probed. */
static struct conf_server servers[] = {
	{ .name = (char[]){ "fra1" }, .pool = 0, .site = FRA, .weight = 10 },
	{ .name = (char[]){ "fra2" }, .pool = 0, .site = FRA, .weight = 10 },
	{ .name = (char[]){ "fra3" }, .pool = 0, .site = FRA, .weight = 20 },
	{ .name = (char[]){ "fra4" }, .pool = 0, .site = FRA, .weight = 10 },
	{ .name = (char[]){ "fra5" }, .pool = 0, .site = FRA, .weight = 10 },
	{ .name = (char[]){ "ams1" }, .pool = 0, .site = AMS, .weight = 10 },
	{ .name = (char[]){ "ams2" }, .pool = 0, .site = AMS, .weight = 10 },
	{ .name = (char[]){ "nyc1" }, .pool = 0, .site = NYC, .weight = 10 },
	{ .name = (char[]){ "syd1" }, .pool = 0, .site = SYD, .weight = 10 },
	{ .name = (char[]){ "syd2" }, .pool = 0, .site = SYD, .weight = 10 },
	{ .name = (char[]){ "v4a" }, .pool = 1, .site = AMS, .weight = 10 },
	{ .name = (char[]){ "plain1" }, .pool = 2, .site = AMS, .weight = 10 },
	{ .name = (char[]){ "plain2" }, .pool = 2, .site = AMS, .weight = 10 },
	{ .name = (char[]){ "many00" }, .pool = 3, .site = SYD, .weight = 1 },
	{ .name = (char[]){ "many01" }, .pool = 3, .site = SYD, .weight = 8 },
	{ .name = (char[]){ "many02" }, .pool = 3, .site = SYD, .weight = 15 },
	{ .name = (char[]){ "many03" }, .pool = 3, .site = SYD, .weight = 22 },
	{ .name = (char[]){ "many04" }, .pool = 3, .site = SYD, .weight = 29 },
	{ .name = (char[]){ "many05" }, .pool = 3, .site = SYD, .weight = 36 },
	{ .name = (char[]){ "many06" }, .pool = 3, .site = SYD, .weight = 43 },
	{ .name = (char[]){ "many07" }, .pool = 3, .site = SYD, .weight = 50 },
	{ .name = (char[]){ "many08" }, .pool = 3, .site = SYD, .weight = 57 },
	{ .name = (char[]){ "many09" }, .pool = 3, .site = SYD, .weight = 64 },
	{ .name = (char[]){ "many10" }, .pool = 3, .site = SYD, .weight = 71 },
	{ .name = (char[]){ "many11" }, .pool = 3, .site = SYD, .weight = 78 },
};
enum { N_SERVERS = sizeof(servers) / sizeof(servers[0]) };

static struct conf_pool pools[] = {
	{ .name = (char[]){ "mirrors" }, .check = 0, .answers = 5, .min_weight = 1,
	    .first_server = 0, .n_servers = 10 },
	{ .name = (char[]){ "four" }, .check = 0, .answers = 2, .min_weight = 1, .first_server = 10,
	    .n_servers = 1 },
	{ .name = (char[]){ "plain" }, .check = CONF_NONE, .answers = 1, .min_weight = 1,
	    .first_server = 11, .n_servers = 2 },
	{ .name = (char[]){ "many" }, .check = CONF_NONE, .answers = 8, .min_weight = 1,
	    .first_server = 13, .n_servers = 12 },
};

static uint16_t fra_ams_nyc[] = { FRA, AMS, NYC }, ams_fra[] = { AMS, FRA },
    nyc_ams[] = { NYC, AMS }, nyc[] = { NYC };
static struct conf_rule rules[] = {
	{ .kind = CONF_RULE_PREFIX, .prefix = { 4, 8, { 10 } }, .sites = fra_ams_nyc, .n_sites = 3,
	    .line = 11 },
	{ .kind = CONF_RULE_PREFIX, .prefix = { 4, 16, { 10, 1 } }, .sites = ams_fra, .n_sites = 2,
	    .line = 12 },
	{ .kind = CONF_RULE_PREFIX, .prefix = { 4, 8, { 20 } }, .sites = nyc_ams, .n_sites = 2,
	    .line = 13 },
	{ .kind = CONF_RULE_PREFIX, .prefix = { 4, 8, { 30 } }, .sites = nyc, .n_sites = 1,
	    .line = 14 },
	{ .kind = CONF_RULE_PREFIX, .prefix = { 6, 32, { 0x20, 0x01, 0x0d, 0xb8 } },
	    .sites = ams_fra, .n_sites = 2, .line = 15 },
};

static struct conf_check check = { .name = (char[]){ "image" } };
static struct conf conf = {
	.path = (char[]){ "/etc/nearcast/nearcast.conf" }, .here = (char[]){ "fra" },
	    .here_site = FRA,
	.ttl_min_s = 5, .ttl_max_s = 300,
	.geo = { .rules = rules, .n_rules = sizeof(rules) / sizeof(rules[0]), .sites_per_answer = 3,
	    .spread4 = 20, .spread6 = 44, .max_move = 100 },
	.sites = sites, .n_sites = 4, .checks = &check, .n_checks = 1,
	.pools = pools, .n_pools = 4, .servers = servers, .n_servers = N_SERVERS,
};

static struct steer_geo *geo;

static int
setup(void **state)
{
	struct err err;

	(void)state;
	for (unsigned i = 0; i < N_SERVERS; i++) {
		servers[i].v4 = (struct addr){ .family = 4, .ip =
		    { 198, 51, 100, (uint8_t)(i + 1) } };
		if (i != 4 && i != 7 && i != 10)
			servers[i].v6 = (struct addr){ .family = 6,
			    .ip = { 0x20, 1, 0xd, 0xb8, [15] = (uint8_t)(i + 1) } };
	}
	geo = steer_geo_load(&conf, NULL, false, NULL, &err);
	return geo != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	steer_geo_unref(geo);
	return 0;
}

static enum health_state
state_of(const char *word)
{
	for (enum health_state s = HEALTH_UNKNOWN; s <= HEALTH_DOWN; s++)
		if (strcmp(word, health_state_name(s)) == 0)
			return s;
	fail_msg("no state %s", word);
	return HEALTH_UNKNOWN;
}

/* "fra1=up fra2=up,down:12 fra3=up@50" = STATE[,V6 STATE][:TTL][@PERCENT]; servers that
 * are not named are up; NULL = there is no health file. */
static struct health_file *
health_of(const char *text, struct health_file *file)
{
	char *copy, *save = NULL;

	if (text == NULL)
		return NULL;
	*file = (struct health_file){ .generation = 1, .stamp = 1, .lease_ms = 1000,
	    .n_servers = N_SERVERS };
	file->servers = calloc(N_SERVERS, sizeof(*file->servers));
	for (unsigned i = 0; i < N_SERVERS; i++) {
		struct health_server *s = &file->servers[N_SERVERS - 1 - i];	/* in no order */
		snprintf(s->name, sizeof(s->name), "%s", servers[i].name);
		s->state = s->v4 = s->v6 = HEALTH_UP;
		s->weight = 100;
		s->since = 1763690000;
	}
	copy = strdup(text);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		char name[32], state[16], v6[16] = "";
		unsigned ttl = 0, percent = 100;
		struct health_server *s = NULL;
		char *at = strchr(w, '@'), *colon = strchr(w, ':');

		if (at != NULL)
			percent = (unsigned)atoi(at + 1);
		if (colon != NULL)
			ttl = (unsigned)atoi(colon + 1);
		w[strcspn(w, "@:")] = '\0';
		assert_true(sscanf(w, "%31[^=]=%15[^,],%15s", name, state, v6) >= 2);
		for (unsigned i = 0; i < N_SERVERS; i++)
			if (strcmp(file->servers[i].name, name) == 0)
				s = &file->servers[i];
		assert_non_null(s);
		s->state = s->v4 = s->v6 = state_of(state);
		if (v6[0] != '\0')
			s->v6 = state_of(v6);
		s->ttl_s = ttl;
		s->weight = (uint8_t)percent;
	}
	free(copy);
	return file;
}

static struct steer *
steer_of(const char *health)
{
	struct health_file file, *given = health_of(health, &file);
	struct err err;
	struct steer *steer = steer_build(&conf, geo, given, &err);

	if (given != NULL)
		free(file.servers);
	assert_non_null(steer);
	return steer;
}

/* "10.1.2.0/24" is Client Subnet, "10.1.2.3" a resolver. */
static struct steer_client
client_of(const char *text, uint8_t ip[16])
{
	char address[64];
	struct steer_client c = { .ip = ip, .ecs = strchr(text, '/') != NULL };

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(text, "/"), text);
	c.family = strchr(text, ':') != NULL ? 6 : 4;
	c.source = c.ecs ? (uint8_t)atoi(strchr(text, '/') + 1) : 0;
	memset(ip, 0, 16);
	assert_int_equal(inet_pton(c.family == 4 ? AF_INET : AF_INET6, address, ip), 1);
	return c;
}

static const char *
server_name(uint8_t family, const uint8_t *ip)
{
	for (unsigned i = 0; i < N_SERVERS; i++)
		if (memcmp(ip, family == 4 ? servers[i].v4.ip : servers[i].v6.ip,
		    addr_len(family)) == 0)
			return servers[i].name;
	return "?";
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The answer as text: servers by name (their order is the hash's), then what is special. */
static void
answer_text(uint8_t family, const struct steer_answer *a, char text[256])
{
	const char *names[CONF_MAX_ANSWERS];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < a->n; i++)
		names[i] = server_name(family, a->ip[i]);
	qsort(names, a->n, sizeof(names[0]), by_text);
	for (unsigned i = 0; i < a->n; i++)
		len += (size_t)snprintf(text + len, 256 - len, "%s%s", i != 0 ? " " : "", names[i]);
	snprintf(text + len, 256 - len, " scope=%u ttl=%u%s%s", a->scope, a->ttl_s,
	    a->fail_open ? " open" : "", a->ede != DNS_EDE_NONE ? " ede" : "");
}

#define FRA_ALL "fra1 fra2 fra3 fra4 fra5"
#define FRA_DOWN "fra1=down fra2=down fra3=down fra4=down fra5=down "
#define ALL_OTHERS_DOWN "ams1=down ams2=down nyc1=down syd1=down syd2=down"
#define FRA_DRAIN "fra1=drain fra2=drain fra3=drain fra4=drain fra5=drain "

static const struct {
	const char *sentence, *health, *client;
	struct zone_steer name;
	uint8_t family;
	uint32_t static_ttl_s;
	const char *expected;
} rows[] = {
	/* geography and the client */
	{ "the nearest site answers", "", "10.2.3.0/24", { .pool = "mirrors" }, 4, 60,
	    FRA_ALL " scope=15 ttl=60" },
	{ "a nested rule has its own list", "", "10.1.3.0/24", { .pool = "mirrors" }, 4, 60,
	    "ams1 ams2 scope=16 ttl=60" },
	{ "an IPv6 client", "", "2001:db8:1::/48", { .pool = "mirrors" }, 6, 60,
	    "ams1 ams2 scope=32 ttl=60" },
	{ "an IPv6 client asks for A", "", "2001:db8:1::/48", { .pool = "mirrors" }, 4, 60,
	    "ams1 ams2 scope=32 ttl=60" },
	{ "an IPv4-mapped client is an IPv4 client", "", "::ffff:10.2.3.4/128",
	    { .pool = "mirrors" }, 4, 60, FRA_ALL " scope=111 ttl=60" },
	{ "without Client Subnet this site answers", "", "20.1.2.3", { .pool = "mirrors" }, 4, 60,
	    FRA_ALL " scope=0 ttl=60" },
	{ "mode=nearest asks where the resolver is", "", "20.1.2.3",
	    { .pool = "mirrors", .nearest = true }, 4, 60, "nyc1 scope=0 ttl=60" },
	{ "Client Subnet counts in mode=site too", "", "20.1.2.0/24", { .pool = "mirrors" }, 4, 60,
	    "nyc1 scope=8 ttl=60" },
	{ "no rule, no database: this site's place", "", "99.1.2.0/24", { .pool = "mirrors" }, 4,
	    60, FRA_ALL " scope=2 ttl=60" },
	/* the scope lengthens where a site has more servers than are answered */
	{ "two of five: spread4", "", "10.2.3.0/24", { .pool = "plain", .answers = 2 }, 4, 60,
	    "plain1 plain2 scope=0 ttl=60" },
	{ "one of two: spread4 from the whole space", "", "10.2.3.0/24", { .pool = "plain" }, 4, 60,
	    NULL },
	/* health */
	{ "a server that is down is not given", "fra2=down", "10.2.3.0/24", { .pool = "mirrors" },
	    4, 60, "fra1 fra3 fra4 fra5 scope=15 ttl=60" },
	{ "down in IPv6 is not given for AAAA", "fra2=up,down", "10.2.3.0/24",
	    { .pool = "mirrors" }, 6, 60, "fra1 fra3 fra4 scope=15 ttl=60" },
	{ "but for A", "fra2=up,down", "10.2.3.0/24", { .pool = "mirrors" }, 4, 60,
	    FRA_ALL " scope=15 ttl=60" },
	{ "a whole site down: the next, same scope", FRA_DOWN, "10.2.3.0/24", { .pool = "mirrors" },
	    4, 60, "ams1 ams2 scope=15 ttl=60" },
	{ "two sites down: the third", FRA_DOWN "ams1=down ams2=down", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "nyc1 scope=15 ttl=60" },
	{ "all listed down: another site of the pool", FRA_DOWN "ams1=down ams2=down nyc1=down",
	    "10.2.3.0/24", { .pool = "mirrors" }, 4, 60, "syd1 syd2 scope=15 ttl=60" },
	{ "all listed down or drained: another site of the pool",
	    FRA_DRAIN "ams1=down ams2=down nyc1=down", "10.2.3.0/24", { .pool = "mirrors" }, 4, 60,
	    "syd1 syd2 scope=15 ttl=60" },
	{ "all listed down, without Client Subnet: another site of the pool",
	    FRA_DOWN "ams1=down ams2=down nyc1=down", "10.2.3.4", { .pool = "mirrors" }, 4, 60,
	    "syd1 syd2 scope=0 ttl=60" },
	{ "all of a rule's sites down: another site of the pool",
	    FRA_DOWN "ams1=down ams2=down", "10.1.3.0/24", { .pool = "mirrors" }, 4, 60,
	    "nyc1 scope=16 ttl=60" },
	{ "all of a rule's sites drained: the same",
	    FRA_DRAIN "ams1=drain ams2=drain", "10.1.3.0/24", { .pool = "mirrors" }, 4, 60,
	    "nyc1 scope=16 ttl=60" },
	{ "one that may come back soon bounds the TTL beyond the list",
	    FRA_DOWN "ams1=down:9 ams2=down", "10.1.3.0/24", { .pool = "mirrors" }, 4, 60,
	    "nyc1 scope=16 ttl=9" },
	{ "only stale ones listed: a current one beyond", FRA_DOWN "ams1=stale ams2=stale",
	    "10.1.3.0/24", { .pool = "mirrors" }, 4, 60, "nyc1 scope=16 ttl=60" },
	{ "down all over the list, stale beyond: these",
	    FRA_DOWN "ams1=down ams2=down nyc1=down syd1=stale syd2=down", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "syd1 scope=15 ttl=5" },
	{ "only spent ones listed, few that live beyond",
	    FRA_DOWN "ams1=up@0 ams2=up@0 nyc1=down", "10.1.3.0/24", { .pool = "mirrors" }, 4, 60,
	    "syd1 syd2 scope=16 ttl=60" },
	{ "down all over the list, spent beyond: these",
	    FRA_DOWN "ams1=down ams2=down nyc1=down syd1=up@0 syd2=down", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "syd1 scope=15 ttl=5" },
	{ "drained all over the list, down beyond: these",
	    FRA_DRAIN "ams1=drain ams2=drain nyc1=drain syd1=down syd2=down", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "syd1 syd2 scope=15 ttl=5 open ede" },
	{ "the whole pool down: the nearest full set", FRA_DOWN ALL_OTHERS_DOWN, "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, FRA_ALL " scope=15 ttl=5 open ede" },
	{ "the whole pool down, some drained: these are not given",
	    "fra1=drain fra2=drain fra3=down fra4=down fra5=down " ALL_OTHERS_DOWN,
	    "10.2.3.0/24", { .pool = "mirrors" }, 4, 60, "fra3 fra4 fra5 scope=15 ttl=5 open ede" },
	{ "the nearest drains, all the others are down: those", FRA_DRAIN ALL_OTHERS_DOWN,
	    "10.2.3.0/24", { .pool = "mirrors" }, 4, 60, "ams1 ams2 scope=15 ttl=5 open ede" },
	{ "a drained server is given to nobody", "fra3=drain", "10.2.3.0/24", { .pool = "mirrors" },
	    4, 60, "fra1 fra2 fra4 fra5 scope=15 ttl=60" },
	{ "all listed drained: another site of the pool",
	    FRA_DRAIN "ams1=drain ams2=drain nyc1=drain", "10.2.3.0/24", { .pool = "mirrors" }, 4,
	    60, "syd1 syd2 scope=15 ttl=60" },
	{ "everything drained: nothing else exists",
	    FRA_DRAIN "ams1=drain ams2=drain nyc1=drain syd1=drain syd2=drain", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, FRA_ALL " scope=15 ttl=5 open ede" },
	{ "stale ones come after current ones of every site",
	    "fra1=stale fra2=stale fra3=stale fra4=stale fra5=stale", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "ams1 ams2 scope=15 ttl=60" },
	{ "stale ones beside a current one", "fra1=stale fra3=stale fra4=stale fra5=stale",
	    "10.2.3.0/24", { .pool = "mirrors" }, 4, 60, "fra2 scope=15 ttl=60" },
	{ "stale ones where nothing is current",
	    "fra1=stale fra2=down fra3=down fra4=down fra5=down ams1=down ams2=stale nyc1=down "
	    "syd1=down syd2=down", "10.2.3.0/24", { .pool = "mirrors" }, 4, 60,
	    "fra1 scope=15 ttl=5" },
	{ "a server without a line is not known and fails open", "fra2=unknown", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, FRA_ALL " scope=15 ttl=5" },
	{ "no health file: geography alone, and said", NULL, "10.2.3.0/24", { .pool = "mirrors" },
	    4, 60, FRA_ALL " scope=15 ttl=5 open ede" },
	{ "no health file, pool not probed: nothing to say", NULL, "10.2.3.0/24",
	    { .pool = "plain", .answers = 2 }, 4, 60, "plain1 plain2 scope=0 ttl=60" },
	{ "a server without load to spare is left out", "fra3=up@0", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "fra1 fra2 fra4 fra5 scope=15 ttl=60" },
	{ "a site without load to spare: the next",
	    "fra1=up@0 fra2=up@0 fra3=up@0 fra4=up@0 fra5=up@0", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "ams1 ams2 scope=15 ttl=60" },
	{ "no load to spare anywhere: still those that are up",
	    FRA_DOWN "ams1=up@0 ams2=down nyc1=down syd1=down syd2=up@0", "10.2.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "ams1 scope=15 ttl=5" },
	{ "without Client Subnet, this site down: the next nearest", FRA_DOWN, "10.2.3.4",
	    { .pool = "mirrors" }, 4, 60, "ams1 ams2 scope=0 ttl=60" },
	/* families */
	{ "a pool with IPv4 only has no AAAA", "", "10.2.3.0/24", { .pool = "four" }, 6, 60,
	    " scope=0 ttl=0" },
	{ "and none when it is down", "v4a=down", "10.2.3.0/24", { .pool = "four" }, 6, 60,
	    " scope=0 ttl=0" },
	{ "a site without the family: the next of the list", "", "20.2.3.0/24",
	    { .pool = "mirrors" }, 6, 60, "ams1 ams2 scope=8 ttl=60" },
	{ "no site of the list has the family: the pool's nearest to it", "", "30.2.3.0/24",
	    { .pool = "mirrors" }, 6, 60, "ams1 ams2 scope=8 ttl=60" },
	/* TTL */
	{ "no static data: the configuration's longest", "", "10.1.3.0/24", { .pool = "mirrors" },
	    4, 0, "ams1 ams2 scope=16 ttl=300" },
	{ "the name's own bounds", "", "10.1.3.0/24", { .pool = "mirrors", .ttl_min_s = 20,
	    .ttl_max_s = 40 }, 4, 60, "ams1 ams2 scope=16 ttl=40" },
	{ "static data is below the name's bounds", "", "10.1.3.0/24",
	    { .pool = "mirrors", .ttl_min_s = 20, .ttl_max_s = 40 }, 4, 10,
	    "ams1 ams2 scope=16 ttl=10" },
	{ "a chosen server may change soon", "ams2=up:12 ams1=up:30", "10.1.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "ams1 ams2 scope=16 ttl=12" },
	{ "sooner than the minimum", "ams2=up:2", "10.1.3.0/24", { .pool = "mirrors" }, 4, 60,
	    "ams1 ams2 scope=16 ttl=5" },
	{ "later than the maximum", "ams2=up:1000", "10.1.3.0/24", { .pool = "mirrors" }, 4, 60,
	    "ams1 ams2 scope=16 ttl=60" },
	{ "one of the site may come back soon", "ams1=down:9 ams2=up:30", "10.1.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "ams2 scope=16 ttl=9" },
	{ "a better site may come back soon", "ams1=down:9 ams2=down:40", "10.1.3.0/24",
	    { .pool = "mirrors" }, 4, 60, FRA_ALL " scope=16 ttl=9" },
	{ "what farther sites do does not matter", "fra1=down:6", "10.1.3.0/24",
	    { .pool = "mirrors" }, 4, 60, "ams1 ams2 scope=16 ttl=60" },
	{ "without Client Subnet the same", "fra1=up:8", "10.1.3.4", { .pool = "mirrors" }, 4, 60,
	    FRA_ALL " scope=0 ttl=8" },
};

static void
answers_by_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct steer *steer = steer_of(rows[i].health);
		const struct steer_name *name = steer_bind(steer, &rows[i].name,
		    rows[i].static_ttl_s, NULL);
		uint8_t ip[16];
		struct steer_client client = client_of(rows[i].client, ip);
		struct steer_answer answer;
		char text[256];

		assert_non_null(name);
		steer_pick(name, &client, rows[i].family, &answer, NULL);
		answer_text(rows[i].family, &answer, text);
		if (rows[i].expected == NULL) {
			assert_int_equal(answer.n, 1);
			assert_int_equal(answer.scope, 20);
		} else if (strcmp(text, rows[i].expected) != 0) {
			fail_msg("%s: got \"%s\", expected \"%s\"", rows[i].sentence, text,
			    rows[i].expected);
		}
		steer_free(steer);
	}
}

/* min-weight: a site counts only with that much healthy weight, each family for itself. */
static void
min_weight_is_what_a_site_needs(void **state)
{
	static const struct {
		const char *sentence, *health;
		uint32_t min_weight;
		const char *expected;
	} weights[] = {
		{ "60 of 60", "", 60, FRA_ALL " scope=15 ttl=60" },
		{ "50 of 60: the next site has 20", "fra1=down", 60,
		    "fra2 fra3 fra4 fra5 scope=15 ttl=5" },
		{ "40 needed, 30 there, nobody has 40: the nearest that lives",
		    "fra3=down fra1=down", 40, "fra2 fra4 fra5 scope=15 ttl=5" },
		{ "20 needed, 10 there: the next site", "fra1=down fra2=down fra3=down fra4=down",
		    20, "ams1 ams2 scope=15 ttl=60" },
		{ "load counts: 60 at half is 30",
		    "fra1=up@50 fra2=up@50 fra3=up@50 fra4=up@50 fra5=up@50", 31,
		    "fra1 fra2 fra3 fra4 fra5 scope=15 ttl=5" },
		{ "stale ones make up the weight",
		    "fra1=stale fra2=stale fra3=stale ams1=down ams2=stale nyc1=stale", 25,
		    FRA_ALL " scope=15 ttl=5" },
		{ "one whose loss would take the site below", "fra1=up:7 fra2=up:8 fra3=up:9", 55,
		    FRA_ALL " scope=15 ttl=7" },
	};
	struct zone_steer text = { .pool = "mirrors" };

	(void)state;
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		struct steer *steer;
		struct steer_answer answer;
		uint8_t ip[16];
		struct steer_client client = client_of("10.2.3.0/24", ip);
		char got[256];

		pools[0].min_weight = weights[i].min_weight;
		steer = steer_of(weights[i].health);
		steer_pick(steer_bind(steer, &text, 60, NULL), &client, 4, &answer, NULL);
		answer_text(4, &answer, got);
		if (strcmp(got, weights[i].expected) != 0)
			fail_msg("%s: got \"%s\", expected \"%s\"", weights[i].sentence, got,
			    weights[i].expected);
		steer_free(steer);
	}
	pools[0].min_weight = 1;
}

/* Of 100,000 prefixes each server of the site gets its weight's share, first and alone. */
static void
shares_over_prefixes(void **state)
{
	struct zone_steer text = { .pool = "mirrors", .answers = 1 };
	struct steer *steer = steer_of("");
	const struct steer_name *name = steer_bind(steer, &text, 60, NULL);
	unsigned count[5] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint8_t ip[4] = { 192, (uint8_t)(i >> 9), (uint8_t)(i >> 1), (uint8_t)(i << 7) };
		struct steer_client client = { .family = 4, .ip = ip }; /* one key a /24 */
		struct steer_answer answer;

		steer_pick(name, &client, 4, &answer, NULL);
		assert_int_equal(answer.n, 1);
		count[answer.ip[0][3] - 1]++;
	}
	for (unsigned i = 0; i < 5; i++) {
		double got = count[i] / 1000.0, want = 100.0 * servers[i].weight / 60;
		if (fabs(got - want) > 1)
			fail_msg("%s has %.2f %%, its weight says %.2f %%", servers[i].name, got,
			    want);
	}
	steer_free(steer);
}

/* More servers than a few: the order is that of the costs, worked out here the plain way. */
static void
many_servers_come_in_order(void **state)
{
	struct zone_steer text = { .pool = "many" };
	struct steer *steer = steer_of("");
	const struct steer_name *name = steer_bind(steer, &text, 60, NULL);

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t ip[4] = { 172, (uint8_t)(i >> 8), (uint8_t)i, 9 };
		struct steer_client client = { .family = 4, .ip = ip };
		uint64_t key = rendezvous_key(4, ip, 24), last = 0;
		struct steer_answer answer;

		steer_pick(name, &client, 4, &answer, NULL);
		assert_int_equal(answer.n, 8);
		for (unsigned k = 0; k < 8; k++) {
			uint64_t least = UINT64_MAX;
			unsigned which = 0;

			for (unsigned s = 13; s < 25; s++) {
				uint64_t cost = rendezvous_cost(key,
				    rendezvous_name(servers[s].name),
				    rendezvous_inverse(servers[s].weight));
				if (cost > last && cost < least) {
					least = cost;
					which = s;
				}
			}
			last = least;
			assert_memory_equal(answer.ip[k], servers[which].v4.ip, 4);
		}
	}
	steer_free(steer);
}

static void
one_of_five_down_moves_its_share_only(void **state)
{
	struct zone_steer text = { .pool = "mirrors", .answers = 1 };
	struct steer *all = steer_of(""), *less = steer_of("fra3=down");
	const struct steer_name *a = steer_bind(all, &text, 60, NULL),
	    *b = steer_bind(less, &text, 60, NULL);
	unsigned moved = 0;

	(void)state;
	for (unsigned i = 0; i < 16 * 256; i++) {	/* every /20 of 10.2-10.255 and 10.0 */
		uint8_t ip[4] = { 10, (uint8_t)(i >> 4), (uint8_t)(i << 4), 0 };
		struct steer_client client = { .family = 4, .ip = ip, .ecs = true, .source = 24 };
		struct steer_answer x, y;

		if (ip[1] == 1)
			continue;
		steer_pick(a, &client, 4, &x, NULL);
		steer_pick(b, &client, 4, &y, NULL);
		assert_int_equal(x.scope, 20);
		assert_int_equal(y.scope, 20);
		if (x.ip[0][3] == 3) {
			moved++;
			assert_int_not_equal(y.ip[0][3], 3);
		} else {
			assert_int_equal(x.ip[0][3], y.ip[0][3]);
		}
	}
	assert_in_range(moved, 16 * 255 / 3 - 150, 16 * 255 / 3 + 150);
	steer_free(all);
	steer_free(less);
}

/* Within a scope every address gets the same, the first server's A and AAAA are one
 * server's, and no health changes the scope. */
static void
a_scope_holds_one_answer(void **state)
{
	static const char *const healths[] = { NULL, "", "fra1=down", FRA_DOWN,
	    FRA_DRAIN "ams1=stale" };
	struct zone_steer text = { .pool = "mirrors", .answers = 1 };
	uint32_t random = 1;

	(void)state;
	for (unsigned h = 0; h < sizeof(healths) / sizeof(healths[0]); h++) {
		struct steer *steer = steer_of(healths[h]);
		const struct steer_name *name = steer_bind(steer, &text, 60, NULL);

		for (unsigned i = 0; i < 20000; i++) {
			uint8_t ip[16] = { 0 }, other[16];
			struct steer_client client = { .family = 4, .ip = ip, .ecs = true,
			    .source = 32 };
			struct steer_answer x, y;

			random = random * 1664525 + 1013904223;
			dns_put32(ip, random);
			steer_pick(name, &client, 4, &x, NULL);
			random = random * 1664525 + 1013904223;
			dns_put32(other, x.scope == 0 ? random :
			    dns_get32(ip) ^ (x.scope < 32 ? random >> x.scope : 0));
			client.ip = other;
			steer_pick(name, &client, 4, &y, NULL);
			assert_int_equal(x.scope, y.scope);
			assert_ptr_equal(x.ip[0], y.ip[0]);
			assert_int_equal(x.scope, ip[0] == 30 ? 8 : 20);
		}
		steer_free(steer);
	}
}

/* The state of each server of the pool, drawn by lot, and what must hold of the answer
 * whatever comes. */
struct lot {
	enum health_state state[10];
	unsigned percent[10];
};

static bool
is_current(const struct lot *lot, unsigned i)
{
	return (lot->state[i] == HEALTH_UP || lot->state[i] == HEALTH_UNKNOWN) &&
	    lot->percent[i] != 0;
}

static void
check_lot(const struct lot *lot, const struct steer_answer *a, uint32_t min_weight)
{
	unsigned drained = 0, listed_alive = 0, listed = 0;
	uint32_t weight[4] = { 0 };
	unsigned current[4] = { 0 };
	int first = -1;

	for (unsigned i = 0; i < 10; i++) {
		drained += lot->state[i] == HEALTH_DRAIN;
		if (is_current(lot, i)) {
			uint32_t w = (servers[i].weight * lot->percent[i] + 50) / 100;
			weight[servers[i].site] += w != 0 ? w : 1;
			current[servers[i].site]++;
		}
		if (servers[i].site == SYD)
			continue;			/* not in this client's list */
		listed++;
		listed_alive += lot->state[i] != HEALTH_DOWN && lot->state[i] != HEALTH_DRAIN;
	}
	assert_int_equal(listed, 8);
	for (int site = NYC; site >= FRA; site--)
		if (weight[site] >= min_weight)
			first = site;
	assert_in_range(a->n, 1, 8);
	assert_in_range(a->ttl_s, 5, 60);
	assert_int_equal(a->scope, 15);
	for (unsigned k = 0; k < a->n; k++) {
		unsigned i = a->ip[k][3] - 1u;

		assert_int_equal(servers[i].site, a->by.site);
		if (lot->state[i] == HEALTH_DRAIN)
			assert_int_equal(drained, 10);
		if (lot->state[i] == HEALTH_DOWN)
			assert_int_equal(listed_alive, 0);
		if (first >= 0)
			assert_true(is_current(lot, i));
	}
	if (first >= 0) {
		assert_int_equal(a->by.site, first);
		assert_int_equal(a->n, current[first]);
	}
}

static void
whatever_health_says(void **state)
{
	static const char *const words[] = { "unknown", "up", "stale", "drain", "down" };
	static const unsigned percents[] = { 100, 100, 100, 50, 1, 0 };
	struct zone_steer text = { .pool = "mirrors", .answers = 8 };
	uint64_t random = 7;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		char health[512] = "";
		struct lot lot;
		struct steer *steer;
		struct steer_answer answer;
		uint8_t ip[16];
		struct steer_client client = client_of("10.2.3.0/24", ip);

		random = rendezvous_mix(random + 1);
		for (unsigned i = 0, bias = random & 3; i < 10; i++) {
			size_t at = strlen(health);

			random = rendezvous_mix(random + 1);
			/* bias 0: drained, all but one in eight; 1: down, all but one in four */
			lot.state[i] = bias == 0 ? HEALTH_DRAIN - (random >> 8) % 8 / 7 :
			    bias == 1 ? HEALTH_DOWN - (random >> 8) % 4 / 3 :
			    (enum health_state)((random >> 8) % 5);
			lot.percent[i] = percents[(random >> 16) % 6];
			snprintf(health + at, sizeof(health) - at, "%s=%s@%u ", servers[i].name,
			    words[lot.state[i]], lot.percent[i]);
		}
		pools[0].min_weight = 1 + (uint32_t)(random >> 24) % 40;
		steer = steer_of(health);
		steer_pick(steer_bind(steer, &text, 60, NULL), &client, 4, &answer, NULL);
		check_lot(&lot, &answer, pools[0].min_weight);
		steer_free(steer);
	}
	pools[0].min_weight = 1;
}

/* Each site has its own `here`; what a located prefix gets is the same everywhere. */
static void
sites_agree(void **state)
{
	struct zone_steer text = { .pool = "mirrors" };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct conf other = conf;
		struct err err;
		struct steer_geo *there;
		struct steer *mine = steer_of(""), *theirs;
		const struct steer_name *a, *b;

		other.here_site = (uint16_t)i;
		there = steer_geo_load(&other, NULL, false, NULL, &err);
		assert_non_null(there);
		theirs = steer_build(&other, there, NULL, &err);
		steer_geo_unref(there);
		a = steer_bind(mine, &text, 60, NULL);
		b = steer_bind(theirs, &text, 60, NULL);
		for (unsigned n = 0; n < 4096; n++) {
			uint8_t ip[4] = { n & 1 ? 10 : 20, (uint8_t)(n >> 4), (uint8_t)(n << 4),
			    0 };
			struct steer_client client = { .family = 4, .ip = ip, .ecs = true,
			    .source = 24 };
			struct steer_answer x, y;

			steer_pick(a, &client, 4, &x, NULL);
			steer_pick(b, &client, 4, &y, NULL);
			assert_int_equal(x.n, y.n);
			assert_int_equal(x.scope, y.scope);
			for (unsigned k = 0; k < x.n; k++)
				assert_memory_equal(x.ip[k], y.ip[k], 4);
		}
		steer_free(mine);
		steer_free(theirs);
	}
}

struct lines {
	unsigned n;
	char all[8192];
};

static void
keep_line(void *arg, const char *text)
{
	struct lines *l = arg;
	size_t at = strlen(l->all);

	assert_in_range(strlen(text), 1, 255);
	snprintf(l->all + at, sizeof(l->all) - at, "%s\n", text);
	l->n++;
}

static void
reasons_are_given(void **state)
{
	static const struct {
		const char *sentence, *health, *client;
		struct zone_steer name;
		uint8_t family;
		const char *there[6];
	} whys[] = {
		{ "a plain choice", "ams2=down:12", "10.1.2.0/24", { .pool = "mirrors" }, 4, {
		    "server=ams1 site=ams km=",
		    " state=up since=2025-11-21T01:53:20Z weight=10 chosen=yes rank=1",
		    "server=ams2 site=ams km=", "chosen=no why=\"it is down\"",
		    "located-as ecs=10.1.2.0/24",
		    "rule=\"nearcast.conf:12 prefix 10.1.0.0/16\"\npool=mirrors mode=site here=fra "
		    "sites=ams,fra" } },
		{ "the TTL's reason", "ams2=down:12", "10.1.2.0/24", { .pool = "mirrors" }, 4, {
		    "scope=16 key=10.1.0.0/16 leaf=16",
		    "ttl=12 min=5 max=60 static=60 why=\"ams2 may change in 12 s\"",
		    "server=fra3 site=fra", "why=\"ams is nearer\"" } },
		{ "spread", "", "10.2.3.0/24", { .pool = "mirrors", .answers = 2 }, 4, {
		    "scope=20 key=10.2.0.0/20 leaf=15 why=\"spread4: a site has 5 servers, 2 are "
		    "answered\"", "rank=2", "why=\"rank 3 of 5, 2 answered\"" } },
		{ "no Client Subnet", "", "10.2.3.4", { .pool = "mirrors" }, 4, {
		    "located-as resolver=10.2.3.4 ", "rule=\"no Client Subnet: this site first\"",
		    "scope=0 key=10.2.3.0/24 why=\"not located by Client Subnet\"", "km=0" } },
		{ "a drain", "fra1=drain", "10.2.3.4", { .pool = "mirrors" }, 4,
		    { "server=fra1 site=fra km=0 state=drain", "why=\"it drains\"" } },
		{ "beyond the list", FRA_DOWN "ams1=down ams2=down nyc1=down", "10.2.3.0/24",
		    { .pool = "mirrors" }, 4, {
		    "sites=fra,ams,nyc beyond=syd why=\"no site of the list has any as good\"",
		    "server=syd1 site=syd", "state=up since=2025-11-21T01:53:20Z weight=10 "
		    "chosen=yes rank=2" } },
		{ "all down", FRA_DOWN ALL_OTHERS_DOWN, "10.2.3.0/24",
		    { .pool = "mirrors" }, 4, {
		    "why=\"all servers are down: the shortest\"",
		    "state=down since=2025-11-21T01:53:20Z weight=10 chosen=yes" } },
		{ "as ill, and farther", FRA_DOWN ALL_OTHERS_DOWN, "10.2.3.0/24",
		    { .pool = "mirrors" }, 4, { "server=ams1", "why=\"fra is nearer\"" } },
		{ "no health", NULL, "10.2.3.0/24", { .pool = "mirrors" }, 4,
		    { "state=unknown", "why=\"health is not known: the shortest\"" } },
		{ "no IPv6", "", "10.2.3.0/24", { .pool = "four" }, 6,
		    { "pool=four servers=0 why=\"no server has an IPv6 address, the zone's own "
		    "are answered\"" } },
		{ "a site without the family", "", "20.2.3.0/24", { .pool = "mirrors" }, 6, {
		    "site=nyc chosen=no why=\"no server with an IPv6 address\"",
		    "server=ams1 site=ams" } },
		{ "an address within an address", "", "2002:a01:203::/48", { .pool = "mirrors" }, 4,
		    {
		    "located-as ecs=2002:a01:203::/48 holds=10.1.2.3", "10.1.0.0/16\"\n",
		    "scope=32" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(whys) / sizeof(whys[0]); i++) {
		struct steer *steer = steer_of(whys[i].health);
		const struct steer_name *name = steer_bind(steer, &whys[i].name, 60, NULL);
		uint8_t ip[16];
		struct steer_client client = client_of(whys[i].client, ip);
		struct steer_answer with, without;
		struct lines lines = { .n = 0 };
		struct steer_why why = { .line = keep_line, .arg = &lines };

		steer_pick(name, &client, whys[i].family, &without, NULL);
		steer_pick(name, &client, whys[i].family, &with, &why);
		assert_int_equal(with.n, without.n);
		assert_int_equal(with.ttl_s, without.ttl_s);
		for (unsigned k = 0; k < 6 && whys[i].there[k] != NULL; k++)
			if (strstr(lines.all, whys[i].there[k]) == NULL)
				fail_msg("%s: no \"%s\" in:\n%s", whys[i].sentence,
				    whys[i].there[k], lines.all);
		steer_free(steer);
	}
}

static void
a_pool_that_is_not_there(void **state)
{
	struct zone_steer text = { .pool = "nobody" };
	struct steer *steer = steer_of("");
	struct err err;

	(void)state;
	assert_null(steer_bind(steer, &text, 60, &err));
	assert_non_null(strstr(err.text, "pool \"nobody\""));
	steer_free(steer);
}

static char warned[1024];

static void
keep_warning(void *arg, const char *line)
{
	(void)arg;
	snprintf(warned, sizeof(warned), "%s", line);
}

static void
a_missing_database_is_a_warning(void **state)
{
	static const struct warn keep = { keep_warning, NULL };
	struct conf other = conf;
	struct err err;
	struct steer_geo *there;

	(void)state;
	other.geo.city = (char[]){ "/nonexistent/geo.mmdb" };
	warned[0] = '\0';
	there = steer_geo_load(&other, NULL, false, &keep, &err);
	assert_non_null(there);
	assert_non_null(strstr(warned, "/nonexistent/geo.mmdb"));
	assert_false(steer_geo_refused(there));
	steer_geo_unref(there);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_by_rows),
		cmocka_unit_test(min_weight_is_what_a_site_needs),
		cmocka_unit_test(shares_over_prefixes),
		cmocka_unit_test(many_servers_come_in_order),
		cmocka_unit_test(one_of_five_down_moves_its_share_only),
		cmocka_unit_test(a_scope_holds_one_answer),
		cmocka_unit_test(whatever_health_says),
		cmocka_unit_test(sites_agree),
		cmocka_unit_test(reasons_are_given),
		cmocka_unit_test(a_pool_that_is_not_there),
		cmocka_unit_test(a_missing_database_is_a_warning),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
