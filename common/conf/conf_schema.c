#include "common/conf/conf_schema.h"

#include <assert.h>

#include "common/conf/conf_item.h"

/* A row says what it needs; the rest is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define AT(type, member) offsetof(struct conf_##type, member)
#define ROOT(member) offsetof(struct conf, member)
#define END { .name = NULL }
#define DAY_MS 86400000.0

static const char *const check_kinds[] = { "http", "tcp", "dns", "content", "command", NULL };
static const char *const methods[] = { "HEAD", "GET", NULL };
static const char *const rcodes[] = {
	"NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", NULL
};
static const char *const vias[] = { "lease", "bird-socket", NULL };
static const char *const downs[] = { "withdraw", "drain", NULL };
static const char *const tcp_downs[] = { "alarm", "drain", NULL };
static const char *const all[] = { "all", NULL };
static const char *const addresses[] = { "full", "prefix", NULL };
static const char *const needs[] = { "all", "any", NULL };
static const char *const continents[] = { "AF", "AN", "AS", "EU", "NA", "OC", "SA", NULL };

#define LIST CONF_LIST_IN
LIST(conf, listen, n_listen);
LIST(conf, zones, n_zones);
LIST(conf, sites, n_sites);
LIST(conf, checks, n_checks);
LIST(conf, pools, n_pools);
LIST(conf, servers, n_servers);
LIST(conf, mirrors, n_mirrors);
LIST(conf_announce, neighbors, n_neighbors);
LIST(conf_geo, rules, n_rules);
LIST(conf_rule, sites, n_sites);
LIST(conf_check, codes, n_codes);
LIST(conf_check, digests, n_digests);
LIST(conf_pool, checks, n_checks);
LIST(conf_prefixes, v, n);
LIST(conf_exclude, countries.v, countries.n);
LIST(conf_exclude, continents.v, continents.n);
LIST(conf_exclude, asns.v, asns.n);
CONF_LOCATION_IN(conf_site, located);

/* The blocks of settings: one struct each, no title. */

static const struct conf_row chaos_rows[] = {
	{ "version", CONF_TEXT, ROOT(chaos.version), 0, 255, "nearcast" },
	{ "version-bind", CONF_BOOL, ROOT(chaos.version_bind), 0, 0, "yes" },
	{ "version-server", CONF_BOOL, ROOT(chaos.version_server), 0, 0, "yes" },
	{ "id-server", CONF_BOOL, ROOT(chaos.id_server), 0, 0, "yes" },
	{ "hostname-bind", CONF_BOOL, ROOT(chaos.hostname_bind), 0, 0, "yes" },
	END
};

static const struct conf_row cookies_rows[] = {
	{ "enabled", CONF_BOOL, ROOT(cookies.enabled), 0, 0, "yes" },
	{ "require", CONF_BOOL, ROOT(cookies.require), 0, 0, "no" },
	{ "secret-file", CONF_FILE, ROOT(cookies.secret_file) },
	END
};

static const struct conf_row amplification_rows[] = {
	{ "factor", CONF_UINT, ROOT(amplification.factor), 0, 1000, "5" },
	{ "octets-per-second", CONF_UINT, ROOT(amplification.octets_per_second), 10000,
	    1000000000, "500000" },
	END
};

static const struct conf_row rrl_rows[] = {
	{ "responses-per-second", CONF_UINT, ROOT(rrl.responses_per_second), 0, 1000000, "0" },
	{ "all-per-second", CONF_UINT, ROOT(rrl.all_per_second), 0, 1000000, "0" },
	{ "slip", CONF_UINT, ROOT(rrl.slip), 0, 100, "2" },
	{ "prefix4", CONF_UINT, ROOT(rrl.prefix4), 1, 32, "24" },
	{ "prefix6", CONF_UINT, ROOT(rrl.prefix6), 1, 128, "56" },
	{ "exempt", CONF_PREFIXES, ROOT(rrl.exempt), 0, 65536 },
	END
};

static const struct conf_row tcp_rows[] = {
	{ "idle-timeout", CONF_MS, ROOT(tcp.idle_timeout_ms), 100, DAY_MS, "10s" },
	{ "max-connections", CONF_UINT, ROOT(tcp.max_connections), 1, 1000000, "20000" },
	{ "max-per-address", CONF_UINT, ROOT(tcp.max_per_address), 1, 1000000, "1000" },
	{ "prefix4", CONF_UINT, ROOT(tcp.prefix4), 1, 32, "32" },
	{ "prefix6", CONF_UINT, ROOT(tcp.prefix6), 1, 128, "64" },
	END
};

static const struct conf_row explain_rows[] = {
	{ "allow", CONF_PREFIXES, ROOT(explain), 0, 65536, "127.0.0.0/8 ::1" },
	END
};

/* These blocks keep their values in struct conf itself. */
static const struct conf_block chaos_block = { .name = "chaos", .rows = chaos_rows };
static const struct conf_block cookies_block = {
	.name = "cookies", .line_offset = ROOT(cookies.line), .rows = cookies_rows,
};
static const struct conf_block amplification_block = {
	.name = "amplification", .line_offset = ROOT(amplification.line),
	.rows = amplification_rows,
};
static const struct conf_block rrl_block = {
	.name = "rrl", .line_offset = ROOT(rrl.line), .rows = rrl_rows,
};
static const struct conf_block tcp_block = { .name = "tcp", .rows = tcp_rows };
static const struct conf_block explain_block = {
	.name = "explain", .line_offset = ROOT(explain_line), .rows = explain_rows,
};

/* exclude, of a site or server */

static int
exclude_finish(struct conf_reader *r, void *element, int line)
{
	static const char *const who[] = { "countries", "continents", "asns", "prefixes" };
	const struct conf_exclude *e = element;
	bool sure = true;

	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++)
		sure = sure && conf_item_sure(r, r->finished, who[i]);
	if (sure && e->countries.n + e->continents.n + e->asns.n + e->prefixes.n == 0)
		conf_fail(r, line, "`exclude` says nobody, one of countries, continents, asns and "
		    "prefixes was expected");
	return 0;
}

static bool
exclude_belongs(const struct conf *conf, const struct conf_block *block, const void *parent,
    const void *element)
{
	(void)conf, (void)block, (void)parent;
	return ((const struct conf_exclude *)element)->line != 0;
}

static const struct conf_row exclude_rows[] = {
	{ "countries", CONF_PLACES, AT(exclude, countries), 1, 1000 },
	{ "continents", CONF_PLACES, AT(exclude, continents), 1, 7, .words = continents },
	{ "asns", CONF_UINTS, AT(exclude, asns), 1, 65536 },
	{ "prefixes", CONF_PREFIXES, AT(exclude, prefixes), 1, 65536 },
	END
};
#define EXCLUDE(type) { \
	.name = "exclude", .offset = AT(type, exclude), .line_offset = AT(exclude, line), \
	.rows = exclude_rows, .finish = exclude_finish, .belongs = exclude_belongs, \
}
static const struct conf_block site_exclude_block = EXCLUDE(site);
static const struct conf_block server_exclude_block = EXCLUDE(server);

/* site */

static const struct conf_row site_title = { "site", CONF_NAME, AT(site, name) };
static const struct conf_row site_rows[] = {
	{ "location", CONF_LOCATION, AT(site, located) },
	{ "home", CONF_BOOL, AT(site, home), 0, 0, "no" },
	{ "sibling", CONF_ADDR, AT(site, sibling), .former = "peer" },
	END
};
static const struct conf_block *const site_blocks[] = { &site_exclude_block, NULL };
static const struct conf_block site_block = {
	.name = "site", .place = CONF_MANY, .offset = ROOT(sites), .size = sizeof(struct conf_site),
	.line_offset = AT(site, line), .max = CONF_MAX_SITES,
	.title = &site_title, .rows = site_rows, .blocks = site_blocks,
};

/* announce */

static int
neighbor_finish(struct conf_reader *r, void *element, int line)
{
	const struct conf_neighbor *n = element;
	bool local = n->address.family == 6 && n->address.ip[0] == 0xfe &&
	    (n->address.ip[1] & 0xc0) == 0x80;

	if (local && n->interface == NULL && conf_item_sure(r, r->finished, "interface"))
		conf_fail(r, line, "neighbor \"%s\" has a link-local address and no "
		    "`interface`, `interface = \"NAME\"` was expected", n->name);
	if (n->interface != NULL && n->multihop != 0)
		conf_fail(r, line, "neighbor \"%s\" has `interface` and `multihop`: "
		    "what is on an interface is one hop away", n->name);
	if (n->source.family != 0 && n->address.family != 0 &&
	    n->source.family != n->address.family)
		conf_fail(r, line, "neighbor \"%s\": `source` and `address` are of "
		    "two families, one was expected", n->name);
	return 0;
}

static const struct conf_row neighbor_title = { "neighbor", CONF_NAME, AT(neighbor, name) };
static const struct conf_row neighbor_rows[] = {
	{ "address", CONF_ADDR, AT(neighbor, address), .required = true },
	{ "as", CONF_UINT, AT(neighbor, as), 1, 4294967295.0, .required = true },
	{ "password-file", CONF_FILE, AT(neighbor, password_file) },
	{ "multihop", CONF_UINT, AT(neighbor, multihop), 0, 255, "0" },
	{ "source", CONF_ADDR, AT(neighbor, source) },
	{ "interface", CONF_TEXT, AT(neighbor, interface), 1, 15 },
	{ "bfd", CONF_BOOL, AT(neighbor, bfd), 0, 0, "yes" },
	{ "bird", CONF_LINES, AT(neighbor, bird), 1, 64 },
	END
};
static const struct conf_block neighbor_block = {
	.name = "neighbor", .place = CONF_MANY, .offset = AT(announce, neighbors),
	.size = sizeof(struct conf_neighbor), .line_offset = AT(neighbor, line),
	.title = &neighbor_title, .rows = neighbor_rows, .finish = neighbor_finish,
};

static const struct conf_row damping_rows[] = {
	{ "suppress", CONF_UINT, AT(damping, suppress), 1000, 50000, "6000" },
	{ "withdrawal", CONF_UINT, AT(damping, withdrawal), 0, 20000, "1000" },
	{ "attributes", CONF_UINT, AT(damping, attributes), 0, 20000, "500" },
	{ "half-life", CONF_MS, AT(damping, half_life_ms), 1000, 3600000, "15m" },
	END
};
static const struct conf_block damping_block = {
	.name = "damping", .offset = AT(announce, damping), .rows = damping_rows,
};

static void
announce_begin(struct conf_reader *r, const struct conf_block *block, void *parent, void *element)
{
	(void)r, (void)block, (void)parent;
	((struct conf_announce *)element)->enabled = true;
}

static bool
announce_belongs(const struct conf *conf, const struct conf_block *block, const void *parent,
    const void *element)
{
	(void)conf, (void)block, (void)parent;
	return ((const struct conf_announce *)element)->enabled;
}

static const struct conf_row announce_rows[] = {
	{ "prefix", CONF_PREFIXES, AT(announce, prefixes), 1, 65536, .required = true },
	{ "cover", CONF_PREFIXES, AT(announce, cover), 0, 64 },
	{ "via", CONF_ENUM, AT(announce, via), 0, 0, "lease", vias },
	{ "on-caches-down", CONF_ENUM, AT(announce, on_caches_down), 0, 0, "withdraw", downs },
	{ "on-tcp-down", CONF_ENUM, AT(announce, on_tcp_down), 0, 0, "alarm", tcp_downs },
	{ "lease", CONF_MS, AT(announce, lease_ms), 2000, 60000, "5s" },
	{ "min-healthy", CONF_UINT, AT(announce, min_healthy), 0, CONF_MAX_SERVERS, "1" },
	{ "hold-down", CONF_MS, AT(announce, hold_down_ms), 0, DAY_MS, "5s" },
	{ "interface", CONF_TEXT, AT(announce, interface), 1, 15, "lo" },
	{ "bird-socket", CONF_FILE, AT(announce, bird_socket), 0, 0, "/run/bird/bird.ctl" },
	{ "question", CONF_QUESTION, AT(announce, question) },
	{ "local-as", CONF_UINT, AT(announce, local_as), 1, 4294967295.0, "65001" },
	{ "router-id", CONF_TEXT, AT(announce, router_id), 7, 15 },
	END
};
static const struct conf_block *const announce_blocks[] = { &damping_block, &neighbor_block, NULL };
static const struct conf_block announce_block = {
	.name = "announce", .offset = ROOT(announce), .line_offset = AT(announce, line),
	.rows = announce_rows, .blocks = announce_blocks,
	.begin = announce_begin, .belongs = announce_belongs,
};

/* log */

static void
log_begin(struct conf_reader *r, const struct conf_block *block, void *parent, void *element)
{
	(void)r, (void)block, (void)parent;
	((struct conf_log *)element)->enabled = true;
}

static bool
log_belongs(const struct conf *conf, const struct conf_block *block, const void *parent,
    const void *element)
{
	(void)conf, (void)block, (void)parent;
	return ((const struct conf_log *)element)->enabled;
}

static const struct conf_row log_rows[] = {
	{ "spool", CONF_FILE, AT(log, spool), 0, 0, "/var/spool/nearcast/log" },
	/* sixteen segments (common/spool_segment.c), of which each takes what is written at once */
	{ "max", CONF_SIZE, AT(log, max), 4194304, 1125899906842624.0, "1g" },
	{ "decisions", CONF_UINT, AT(log, decisions), 0, 1000000000, "0", all },
	{ "addresses", CONF_ENUM, AT(log, addresses), 0, 0, "full", addresses },
	{ "host", CONF_NAME, AT(log, host) },
	END
};
static const struct conf_block log_block = {
	.name = "log", .offset = ROOT(log), .line_offset = AT(log, line),
	.rows = log_rows, .begin = log_begin, .belongs = log_belongs,
};

/* geo and its overrides */

static const struct conf_row rule_rows[] = {
	{ "sites", CONF_SITES, AT(rule, sites), 1, CONF_MAX_SITES, .required = true },
	{ "only", CONF_BOOL, AT(rule, only), 0, 0, "no" },
	END
};
static const struct conf_row prefix_title = { "prefix", CONF_PREFIX, AT(rule, prefix) };
static const struct conf_row asn_title = { "asn", CONF_UINT, AT(rule, asn), 1, 4294967295.0 };
static const struct conf_row country_title = { "country", CONF_CODE, AT(rule, code) };
static const struct conf_row continent_title = {
	"continent", CONF_CODE, AT(rule, code), .words = continents
};

static void rule_begin(struct conf_reader *r, const struct conf_block *block, void *parent,
    void *element);
static bool rule_belongs(const struct conf *conf, const struct conf_block *block,
    const void *parent, const void *element);

#define RULE(kind) { \
	.name = #kind, .place = CONF_MANY, .offset = AT(geo, rules), \
	.size = sizeof(struct conf_rule), \
	.line_offset = AT(rule, line), .title = &kind##_title, .rows = rule_rows, \
	.begin = rule_begin, .belongs = rule_belongs, \
}
static const struct conf_block rule_block[] = {
	[CONF_RULE_PREFIX] = RULE(prefix),
	[CONF_RULE_ASN] = RULE(asn),
	[CONF_RULE_COUNTRY] = RULE(country),
	[CONF_RULE_CONTINENT] = RULE(continent),
};
static const struct conf_block *const geo_blocks[] = {
	&rule_block[0], &rule_block[1], &rule_block[2], &rule_block[3], NULL
};

static void
rule_begin(struct conf_reader *r, const struct conf_block *block, void *parent, void *element)
{
	(void)r, (void)parent;
	((struct conf_rule *)element)->kind = (enum conf_rule_kind)(block - rule_block);
}

static bool
rule_belongs(const struct conf *conf, const struct conf_block *block, const void *parent,
    const void *element)
{
	(void)conf, (void)parent;
	return (size_t)((const struct conf_rule *)element)->kind == (size_t)(block - rule_block);
}

static const struct conf_row geo_rows[] = {
	{ "city", CONF_FILE, AT(geo, city) },
	{ "asn", CONF_FILE, AT(geo, asn) },
	{ "max-move", CONF_REAL, AT(geo, max_move), 0, 100, "100" },
	{ "sites-per-answer", CONF_UINT, AT(geo, sites_per_answer), 1, 16, "3" },
	{ "spread4", CONF_UINT, AT(geo, spread4), 0, 32, "20" },
	{ "spread6", CONF_UINT, AT(geo, spread6), 0, 128, "44" },
	END
};
static const struct conf_block geo_block = {
	.name = "geo", .offset = ROOT(geo), .rows = geo_rows, .blocks = geo_blocks,
};

/* check */

#define HTTP (1u << CONF_CHECK_HTTP | 1u << CONF_CHECK_CONTENT)
#define TCP (1u << CONF_CHECK_TCP)
#define DNS (1u << CONF_CHECK_DNS)
#define CONTENT (1u << CONF_CHECK_CONTENT)
#define COMMAND (1u << CONF_CHECK_COMMAND)

static const struct conf_row digest_title = { "digest", CONF_URL, AT(digest, url) };
static const struct conf_row digest_rows[] = {
	{ "sha256", CONF_SHA256, AT(digest, sha256), .required = true },
	{ "size", CONF_SIZE, AT(digest, size), 0, 9007199254740992.0, .required = true },
	END
};
static const struct conf_block digest_block = {
	.name = "digest", .place = CONF_MANY, .offset = AT(check, digests),
	.size = sizeof(struct conf_digest), .title = &digest_title, .rows = digest_rows,
};

static int
check_finish(struct conf_reader *r, void *element, int line)
{
	struct conf_check *c = element;
	const char *missing = NULL;

	if (c->local_interval_ms == 0)
		c->local_interval_ms = c->interval_ms;
	if (c->remote_interval_ms == 0)
		c->remote_interval_ms = c->interval_ms;
	if (c->fast_interval_ms == 0)
		c->fast_interval_ms = c->interval_ms;
	if (c->url == NULL && (c->kind == CONF_CHECK_HTTP || c->kind == CONF_CHECK_CONTENT))
		missing = "url";
	else if (c->question == NULL && c->kind == CONF_CHECK_DNS)
		missing = "question";
	else if (c->command == NULL && c->kind == CONF_CHECK_COMMAND)
		missing = "command";
	if (!conf_item_given(r->finished, "kind"))
		return 0;		/* what it needs is not known */
	if (missing != NULL && conf_item_sure(r, r->finished, missing))
		conf_fail(r, line, "check \"%s\" is of kind %s and has no `%s`", c->name,
		    check_kinds[c->kind], missing);
	if (c->client_key != NULL && c->client_cert == NULL &&
	    conf_item_sure(r, r->finished, "client-cert"))
		conf_fail(r, line, "check \"%s\" has `client-key` and no `client-cert`, "
		    "the key's certificate was expected", c->name);
	if (c->n_digests != 0 && c->kind != CONF_CHECK_CONTENT)
		conf_fail(r, line,
		    "check \"%s\" is of kind %s, `digest` is for kind content",
		    c->name, check_kinds[c->kind]);
	return 0;
}

static const struct conf_row check_title = { "check", CONF_NAME, AT(check, name) };
static const struct conf_row check_rows[] = {
	{ "kind", CONF_ENUM, AT(check, kind), .words = check_kinds, .required = true },
	{ "interval", CONF_MS, AT(check, interval_ms), 10, DAY_MS, "1s" },
	{ "local-interval", CONF_MS, AT(check, local_interval_ms), 10, DAY_MS },
	{ "remote-interval", CONF_MS, AT(check, remote_interval_ms), 10, DAY_MS },
	{ "fast-interval", CONF_MS, AT(check, fast_interval_ms), 10, DAY_MS },
	{ "timeout", CONF_MS, AT(check, timeout_ms), 1, 3600000, "1s" },
	{ "jitter", CONF_UINT, AT(check, jitter), 0, 100, "10" },
	{ "rise", CONF_UINT, AT(check, rise), 1, 1000, "3" },
	{ "fall", CONF_UINT, AT(check, fall), 1, 1000, "2" },
	{ "url", CONF_URL, AT(check, url), .kinds = HTTP },
	{ "method", CONF_WORD, AT(check, method), 0, 0, "HEAD", methods, .kinds = HTTP },
	{ "keepalive", CONF_BOOL, AT(check, keepalive), 0, 0, "yes", .kinds = HTTP },
	{ "http2", CONF_BOOL, AT(check, http2), 0, 0, "no", .kinds = HTTP },
	{ "verify", CONF_BOOL, AT(check, verify), 0, 0, "yes", .kinds = HTTP },
	{ "ca-file", CONF_FILE, AT(check, ca_file), .kinds = HTTP },
	{ "codes", CONF_CODES, AT(check, codes), 1, 500, "200-299", .kinds = HTTP },
	{ "match-header", CONF_HEADER_REGEX, AT(check, match_header), .kinds = HTTP },
	{ "match-body", CONF_REGEX, AT(check, match_body), .kinds = HTTP },
	{ "max-size", CONF_SIZE, AT(check, max_size), 0, 1073741824, "64k", .kinds = HTTP },
	{ "slow-at", CONF_MS, AT(check, slow_at_ms), 0, 3600000, "0", .kinds = HTTP },
	{ "load-header", CONF_BOOL, AT(check, load_header), 0, 0, "yes", .kinds = HTTP },
	{ "request-header", CONF_REQUEST_HEADERS, AT(check, request_headers), 1, 32,
	    .kinds = HTTP },
	{ "basic-auth-file", CONF_FILE, AT(check, basic_auth_file), .kinds = HTTP },
	{ "client-cert", CONF_FILE, AT(check, client_cert), .kinds = HTTP },
	{ "client-key", CONF_FILE, AT(check, client_key), .kinds = HTTP },
	{ "certificate-days", CONF_UINT, AT(check, certificate_days), 0, 365, "14",
	    .kinds = HTTP },
	{ "port", CONF_UINT16, AT(check, port), 0, 65535, "0", .kinds = TCP | DNS },
	{ "question", CONF_QUESTION, AT(check, question), .kinds = DNS },
	{ "rcode", CONF_WORD, AT(check, rcode), 0, 0, "NOERROR", rcodes, .kinds = DNS },
	{ "answer", CONF_TEXT, AT(check, answer), 1, 1024, .kinds = DNS },
	{ "origin", CONF_URL, AT(check, origin), .kinds = CONTENT },
	{ "set-header", CONF_HEADER, AT(check, set_header), 0, 0, "X-Set-Id", .kinds = CONTENT },
	{ "quorum", CONF_UINT, AT(check, quorum), 0, CONF_MAX_SERVERS, "0", .kinds = CONTENT },
	{ "command", CONF_COMMAND, AT(check, command), 1, 256, .kinds = COMMAND },
	END
};
static const struct conf_block *const check_blocks[] = { &digest_block, NULL };
static const struct conf_block check_block = {
	.name = "check", .place = CONF_MANY, .offset = ROOT(checks),
	.size = sizeof(struct conf_check), .line_offset = AT(check, line),
	.max = CONF_MAX_SERVERS, .title = &check_title, .rows = check_rows,
	.blocks = check_blocks, .finish = check_finish,
};

/* zone */

static void
zone_begin(struct conf_reader *r, const struct conf_block *block, void *parent, void *element)
{
	(void)block, (void)parent;
	((struct conf_zone *)element)->max_shrink = r->conf->max_shrink;
}

static const struct conf_row zone_title = { "zone", CONF_DOMAIN, AT(zone, name) };
static const struct conf_row zone_rows[] = {
	{ "file", CONF_FILE, AT(zone, file), .required = true },
	{ "max-shrink", CONF_UINT, AT(zone, max_shrink), 0, 100 },
	END
};
static const struct conf_block zone_block = {
	.name = "zone", .place = CONF_MANY, .offset = ROOT(zones), .size = sizeof(struct conf_zone),
	.line_offset = AT(zone, line), .title = &zone_title, .rows = zone_rows, .begin = zone_begin,
};

/* pool and server: the servers of all pools lie in one array, pool after pool */

static void
pool_begin(struct conf_reader *r, const struct conf_block *block, void *parent, void *element)
{
	struct conf_pool *pool = element;

	(void)block, (void)parent;
	pool->check = CONF_NONE;
	pool->first_server = (uint16_t)r->conf->n_servers;
}

static int
pool_finish(struct conf_reader *r, void *element, int line)
{
	struct conf_pool *pool = element;

	if (pool->n_checks != 0)
		pool->check = pool->checks[0];
	pool->n_servers = (uint16_t)(r->conf->n_servers - pool->first_server);
	if (pool->n_servers == 0 && conf_item_sure(r, r->finished, NULL))
		conf_fail(r, line, "pool \"%s\" has no server, "
		    "`server \"NAME\" { ... }` was expected", pool->name);
	return 0;
}

static void
server_begin(struct conf_reader *r, const struct conf_block *block, void *parent, void *element)
{
	const struct conf_pool *pool = parent;

	(void)block;
	((struct conf_server *)element)->pool = (uint16_t)(pool - r->conf->pools);
}

static bool
server_belongs(const struct conf *conf, const struct conf_block *block, const void *parent,
    const void *element)
{
	const struct conf_pool *pool = parent;

	(void)block;
	return ((const struct conf_server *)element)->pool == pool - conf->pools;
}

static const struct conf_row server_title = { "server", CONF_NAME, AT(server, name) };
static const struct conf_row server_rows[] = {
	{ "site", CONF_SITE, AT(server, site), .required = true },
	{ "address", CONF_SERVER_ADDRS, 0, 1, 2, .required = true },
	{ "weight", CONF_UINT, AT(server, weight), 1, CONF_MAX_WEIGHT, "10" },
	{ "seed", CONF_BOOL, AT(server, seed), 0, 0, "no" },
	END
};
static const struct conf_block *const server_blocks[] = { &server_exclude_block, NULL };
static const struct conf_block server_block = {
	.name = "server", .place = CONF_MANY_IN_ROOT, .offset = ROOT(servers),
	.size = sizeof(struct conf_server), .line_offset = AT(server, line),
	.max = CONF_MAX_SERVERS, .title = &server_title, .rows = server_rows,
	.blocks = server_blocks,
	.begin = server_begin, .belongs = server_belongs,
};

static const struct conf_row pool_title = { "pool", CONF_NAME, AT(pool, name) };
static const struct conf_row pool_rows[] = {
	{ "check", CONF_CHECKS, AT(pool, checks), 1, CONF_MAX_POOL_CHECKS },
	{ "checks", CONF_ENUM, AT(pool, need), 0, 0, "all", needs },
	{ "warm-up", CONF_MS, AT(pool, warm_up_ms), 0, DAY_MS, "0s" },
	{ "answers", CONF_UINT, AT(pool, answers), 1, CONF_MAX_ANSWERS, "2" },
	{ "min-weight", CONF_UINT, AT(pool, min_weight),
	    1, CONF_MAX_WEIGHT * CONF_MAX_SERVERS, "1" },
	END
};
static const struct conf_block *const pool_blocks[] = { &server_block, NULL };
static const struct conf_block pool_block = {
	.name = "pool", .place = CONF_MANY, .offset = ROOT(pools), .size = sizeof(struct conf_pool),
	.line_offset = AT(pool, line), .max = CONF_MAX_SERVERS,
	.title = &pool_title, .rows = pool_rows,
	.blocks = pool_blocks, .begin = pool_begin, .finish = pool_finish,
};

/* the file itself */

static int
root_finish(struct conf_reader *r, void *element, int line)
{
	struct conf *conf = element;

	(void)line;
	if (conf->health_file == NULL && conf->run_dir != NULL &&
	    asprintf(&conf->health_file, "%s/health", conf->run_dir) < 0)
		conf->health_file = NULL;
	if (conf->redirect.catalogue == NULL && conf->state_dir != NULL &&
	    asprintf(&conf->redirect.catalogue, "%s/catalogue.db", conf->state_dir) < 0)
		conf->redirect.catalogue = NULL;
	if (conf->health_file == NULL || conf->redirect.catalogue == NULL)
		return conf_no_memory(r, 0);
	return 0;
}

static const struct conf_row root_rows[] = {
	{ "include", CONF_INCLUDE },
	{ "here", CONF_NAME, ROOT(here) },
	{ "here-file", CONF_FILE_OF_TEXT, ROOT(here_file) },
	{ "listen", CONF_ADDRS, ROOT(listen), 1, 256 },
	{ "threads", CONF_UINT, ROOT(threads), 0, 256, "0" },
	{ "user", CONF_NAME, ROOT(user) },
	{ "run-dir", CONF_FILE, ROOT(run_dir), 0, 0, "/run/nearcast" },
	{ "state-dir", CONF_FILE, ROOT(state_dir), 0, 0, "/var/lib/nearcast" },
	{ "health-file", CONF_FILE, ROOT(health_file) },
	{ "hook", CONF_FILE, ROOT(hook) },
	{ "alarm-hook", CONF_FILE, ROOT(alarm_hook) },
	{ "max-shrink", CONF_UINT, ROOT(max_shrink), 0, 100, "50" },
	{ "udp-payload", CONF_UINT16, ROOT(udp_payload), 512, 4096, "1232" },
	{ "max-amplification", CONF_UINT, ROOT(max_amplification), 0, 1000, "15", .old = true },
	{ "nsid", CONF_TEXT, ROOT(nsid), 0, 128 },
	{ "ttl-min", CONF_SECONDS, ROOT(ttl_min_s), 0, 604800 },
	{ "ttl-max", CONF_SECONDS, ROOT(ttl_max_s), 0, 604800, "5m" },
	END
};
/* What others refer to stands before what refers to it: read in this order. */
static const struct conf_block *const root_blocks[] = {
	&chaos_block, &cookies_block, &amplification_block, &rrl_block, &tcp_block, &explain_block,
	&zone_block, &site_block, &announce_block, &geo_block, &check_block, &pool_block,
	&conf_schema_redirect, &conf_schema_mirror, &log_block, NULL
};
const struct conf_block conf_schema = {
	.name = "nearcast.conf", .rows = root_rows, .blocks = root_blocks, .finish = root_finish,
};
