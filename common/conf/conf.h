/*
 * conf: nearcast.conf as plain structs, read once and then immutable.
 *
 * Both daemons and nearctl read the same file with this module.  It checks
 * everything that can be known from the file alone (ranges, duplicates, names
 * that refer to each other); it opens no other file than those it includes and
 * the one that says which site this is, and knows nothing of DNS beyond "this is
 * a domain name".
 *
 * A struct conf owns all it points to and is freed whole.  `line` members say
 * where a block began, for messages of later checks: conf_where tells file and
 * line.  Durations are in milliseconds.  File names are absolute: relative ones are
 * taken from the folder of the file they stand in.  Any thread may read a struct conf.
 */
#ifndef NEARCAST_CONF_H
#define NEARCAST_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/addr.h"
#include "common/conf/conf_parts.h"
#include "common/conf/conf_redirect.h"
#include "common/err.h"

#define CONF_DEFAULT_FILE "/etc/nearcast/nearcast.conf"
#define CONF_NONE UINT16_MAX		/* an index that points nowhere */
#define CONF_MAX_SITES 256
#define CONF_MAX_SERVERS 16384		/* of all pools together */
#define CONF_MAX_WEIGHT 1000
#define CONF_MAX_ANSWERS 8
#define CONF_MAX_POOL_CHECKS 8
#define CONF_MAX_PREFIXES 16		/* announced, of a family */

struct conf_zone {
	char *name;			/* as written, without the last dot */
	char *file;
	unsigned max_shrink;		/* percent of names; 100 = any */
	int line;
};

/* An override of geography: an ordered site list for whoever matches. */
enum conf_rule_kind { CONF_RULE_PREFIX, CONF_RULE_ASN, CONF_RULE_COUNTRY, CONF_RULE_CONTINENT };

struct conf_rule {
	enum conf_rule_kind kind;
	struct prefix prefix;		/* kind PREFIX */
	uint32_t asn;			/* kind ASN */
	char code[3];			/* kinds COUNTRY, CONTINENT: upper case */
	uint16_t *sites;		/* indices into conf.sites, nearest first */
	size_t n_sites;
	bool only;			/* no other site ever; default false */
	int line;
};

struct conf_geo {
	char *city;			/* NULL = none; a city or country database */
	char *asn;			/* NULL = none */
	struct conf_rule *rules;
	size_t n_rules;
	double max_move;		/* percent of address space; 100 = off */
	unsigned sites_per_answer;	/* 1-16, default 3 */
	unsigned spread4, spread6;	/* prefix lengths, default 20 and 44 */
};

/* Clients that a site or server must not serve: whoever matches any of these. */
struct conf_exclude {
	struct {
		struct conf_code *v;
		size_t n;
	} countries, continents;
	struct {
		uint32_t *v;
		size_t n;
	} asns;
	struct conf_prefixes prefixes;
	int line;			/* 0 = nobody is excluded */
};

struct conf_site {
	char *name;
	bool located;			/* `location` was given */
	double latitude, longitude;	/* degrees, north and east positive */
	bool home;			/* announces the covering prefix */
	struct addr sibling;		/* unicast address of this site's dnsd, where other
					 * sites ask whether it drains; family 0 = none */
	struct conf_exclude exclude;
	int line;
};

enum conf_check_kind {
	CONF_CHECK_HTTP, CONF_CHECK_TCP, CONF_CHECK_DNS, CONF_CHECK_CONTENT, CONF_CHECK_COMMAND
};

/* An object whose SHA-256 and size every current server must show. */
struct conf_digest {
	char *url;
	uint8_t sha256[32];
	uint64_t size;
};

struct conf_check {
	char *name;
	enum conf_check_kind kind;
	uint32_t interval_ms;		/* default 1000 */
	uint32_t local_interval_ms;	/* servers of this site; default interval */
	uint32_t remote_interval_ms;	/* servers of other sites; default interval */
	uint32_t fast_interval_ms;	/* while a change is near; default interval */
	uint32_t timeout_ms;		/* default 1000; slower is failed */
	unsigned jitter;		/* percent of the interval, default 10 */
	unsigned rise, fall;		/* results in a row, default 3 and 2 */
	/* http, content */
	char *url;			/* scheme://host[:port]/path; host gives Host and SNI */
	char *method;			/* "HEAD" (default) or "GET" */
	bool keepalive;			/* reuse connections; default true */
	bool http2;			/* ask for HTTP/2; default false */
	bool verify;			/* check certificates; default true */
	char *ca_file;			/* NULL = the system's */
	unsigned *codes;		/* expected HTTP codes; default 200-299 */
	size_t n_codes;
	char *match_header;		/* "Name: regex" (pattern.h); NULL = none */
	char *match_body;		/* regex; NULL = none */
	uint64_t max_size;		/* octets of body read at most, default 65536 */
	uint32_t slow_at_ms;		/* response time that counts as load 100; 0 = off */
	bool load_header;		/* heed X-Load: 0..100; default true */
	char **request_headers;		/* "Name: value", NULL at its end; NULL = none */
	char *basic_auth_file;		/* holds "user:password"; NULL = none */
	char *client_cert, *client_key;	/* PEM files; NULL = none, and the key may be in
					 * the certificate's file */
	unsigned certificate_days;	/* warn when a certificate ends within; 0 = never,
					 * default 14 */
	/* tcp, dns: the port; 0 = 80 or 53 */
	uint16_t port;
	/* dns */
	char *question;			/* "name TYPE" */
	char *rcode;			/* default "NOERROR" */
	char *answer;			/* a record's rdata in text; NULL = any */
	/* content */
	char *origin;			/* URL polled for the newest set id; NULL = by quorum */
	char *set_header;		/* header with the set id, default "X-Set-Id";
					 * "" = the body */
	unsigned quorum;		/* servers holding a set that make it current;
					 * 0 = more than half, the default */
	struct conf_digest *digests;
	size_t n_digests;
	/* command */
	char **command;			/* argv, NULL at its end */
	int line;
	int ca_line, auth_line, cert_line, key_line, command_line; /* of options; `line` where
					 * not given */
};

struct conf_server {
	char *name;			/* unique over all pools */
	uint16_t pool, site;		/* indices */
	struct addr v4, v6;		/* family 0 = none; port 0 = the check's own */
	uint32_t weight;		/* 1-CONF_MAX_WEIGHT, default 10 */
	bool seed;			/* alone handed out at its site while others
					 * fetch a new set */
	struct conf_exclude exclude;
	int line;
};

enum conf_pool_checks { CONF_CHECKS_ALL, CONF_CHECKS_ANY };

struct conf_pool {
	char *name;
	uint16_t check;			/* checks[0]; CONF_NONE = not probed, always up */
	uint16_t *checks;		/* indices, in the file's order, no two alike */
	size_t n_checks;		/* up to CONF_MAX_POOL_CHECKS */
	enum conf_pool_checks need;	/* option `checks`: a server is up while all of them
					 * say so, the default, or any of them */
	uint32_t warm_up_ms;		/* over which a recovered server's weight grows;
					 * default 0 = at once */
	unsigned answers;		/* 1-CONF_MAX_ANSWERS, default 2 */
	uint32_t min_weight;		/* healthy weight a site needs; default 1 */
	uint16_t first_server, n_servers; /* a run of conf.servers, in file order */
	int line;
};

enum conf_announce_via { CONF_VIA_LEASE, CONF_VIA_BIRD_SOCKET };
enum conf_caches_down { CONF_CACHES_DOWN_WITHDRAW, CONF_CACHES_DOWN_DRAIN };
enum conf_tcp_down { CONF_TCP_DOWN_ALARM, CONF_TCP_DOWN_DRAIN };

struct conf_neighbor {
	char *name;
	struct addr address;
	uint32_t as;
	char *password_file;		/* TCP MD5, RFC 2385; NULL = none */
	unsigned multihop;		/* hops to a neighbour that is not on a shared link,
					 * 1-255; 0 = it is */
	struct addr source;		/* our end of the session; family 0 = BIRD's choice */
	char *interface;		/* NULL = none; link-local addresses have one */
	bool bfd;			/* default true */
	char **bird;			/* lines for its protocol in BIRD's configuration,
					 * NULL at its end; NULL = none */
	int line;
};

/* What a route that comes and goes costs, RFC 2439 and 7196. */
struct conf_damping {
	unsigned suppress;		/* penalty from which on the route stays down;
					 * 1000-50000, default 6000 */
	unsigned withdrawal;		/* a withdrawal's penalty, 0-20000, default 1000 */
	unsigned attributes;		/* that of changed attributes, 0-20000, default 500 */
	uint32_t half_life_ms;		/* 1 s to 1 h, default 15 min */
};

struct conf_announce {
	bool enabled;			/* the block is there */
	struct conf_prefixes prefixes;
	struct conf_prefixes cover;	/* covering prefixes, announced at sites marked home */
	enum conf_announce_via via;
	enum conf_caches_down on_caches_down;
	enum conf_tcp_down on_tcp_down;	/* dnsd answers over UDP only; default ALARM */
	uint32_t lease_ms;		/* 2000-60000, default 5000 */
	unsigned min_healthy;		/* local servers needed, default 1 */
	uint32_t hold_down_ms;		/* first wait before announcing again, default 5000 */
	struct conf_damping damping;
	char *interface;		/* where markers are put, default "lo" */
	char *bird_socket;		/* default /run/bird/bird.ctl */
	char *question;			/* what dnsd is asked, "name TYPE";
					 * default the first zone's SOA */
	int question_line;		/* the block's where it is not given */
	uint32_t local_as;		/* for `nearctl bird-config`, default 65001 */
	char *router_id;		/* for `nearctl bird-config`; NULL = BIRD finds one */
	struct conf_neighbor *neighbors; /* for `nearctl bird-config` */
	size_t n_neighbors;
	int line;
};

enum conf_log_addresses { CONF_ADDRESSES_FULL, CONF_ADDRESSES_PREFIX };

/* Events and decisions as lines in files, which a shipper takes to collectors (spool.h). */
struct conf_log {
	bool enabled;			/* the block is there */
	char *spool;			/* folder, default /var/spool/nearcast/log */
	uint64_t max;			/* octets of all segments in it, default 1 GB */
	unsigned decisions;		/* every n-th answer or redirect has its line: 0 = none, the
					 * default, 1 = all have */
	enum conf_log_addresses addresses;	/* clients' in these lines; PREFIX = /24 and /48 */
	char *host;			/* in every line; NULL = the machine's name */
	int line;
};

struct conf {
	char *path;			/* of the file read */
	char **files;			/* it and what it includes, as messages name them */
	size_t n_files;
	char digest[17];		/* of all octets of these files, in hexadecimal digits;
					 * not of which site this is: one file serves all */
	char *said_here;		/* the site the command line named; NULL = none */
	char *here;			/* from there, the file or here-file; NULL = not given */
	char *here_file;		/* NULL = none */
	uint16_t here_site;		/* index; CONF_NONE when there are no sites */
	struct addr *listen;		/* ports filled in (53) */
	size_t n_listen;
	int listen_line;		/* 0 = not given */
	unsigned threads;		/* 0 = one a core */
	char *user;			/* NULL = stay */
	char *run_dir;
	char *state_dir;		/* what healthd remembers over restarts,
					 * default /var/lib/nearcast */
	char *health_file;		/* default RUN-DIR/health */
	char *hook;			/* healthd runs it on every change of state;
					 * NULL = none */
	char *alarm_hook;		/* healthd runs it on every alarm; NULL = none */
	int hook_line, alarm_hook_line;	/* 0 = not given */
	unsigned max_shrink;		/* percent, for zones that do not say; default 50 */

	struct conf_zone *zones;
	size_t n_zones;

	/* answering */
	uint16_t udp_payload;		/* octets, 512-4096, default 1232 */
	struct {			/* UDP answers without a valid cookie */
		unsigned factor;	/* octets of answer for an octet of question that
					 * nobody counts; default 5; 0 = off */
		unsigned octets_per_second;	/* beyond that, for a prefix of rrl's; default
						 * 500000 */
		int line;		/* 0 = not given */
	} amplification;
	unsigned max_amplification;	/* what was before: 0 turns amplification off */
	char *nsid;			/* text; default `here`; NULL or "" = none */
	struct {
		char *version;		/* text for version.bind/.server */
		bool version_bind, version_server, id_server, hostname_bind;
	} chaos;
	struct {
		bool enabled;		/* default true */
		bool require;		/* default false */
		char *secret_file;	/* NULL = a random secret, this process only */
		int line;
	} cookies;
	struct {
		unsigned responses_per_second;	/* 0 = off */
		unsigned all_per_second;	/* of all names and kinds together; 0 =
						 * twenty times responses_per_second */
		unsigned slip;		/* every n-th limited answer goes out truncated;
					 * 0 = none, default 2 */
		unsigned prefix4, prefix6;	/* default 24 and 56 */
		struct conf_prefixes exempt;	/* of amplification, too, as the prefixes */
		int line;		/* 0 = not given */
	} rrl;
	struct {
		uint32_t idle_timeout_ms;	/* default 10000 */
		unsigned max_connections;	/* default 20000 */
		unsigned max_per_address;	/* of a prefix as below; default 1000 */
		unsigned prefix4, prefix6;	/* default 32 and 64 */
	} tcp;
	struct conf_prefixes explain;	/* who may ask _why; default loopback, */
	bool explain_own;		/* and, as the file does not say, our own addresses */
	int explain_line;		/* 0 = the block is not given */
	uint32_t ttl_min_s, ttl_max_s;	/* of steered answers; ttl_max_s 300 by default,
					 * ttl_min_s 5 or the shortest fast-interval of a
					 * check in whole seconds, if that is less: 1 or more */

	/* steering and health */
	struct conf_geo geo;
	struct conf_site *sites;
	size_t n_sites;
	struct conf_check *checks;
	size_t n_checks;
	struct conf_pool *pools;
	size_t n_pools;
	struct conf_server *servers;
	size_t n_servers;
	uint32_t *servers_by_name, *pools_by_name, *zones_by_name;	/* indices (conf_order.h) */
	struct conf_announce announce;
	struct conf_log log;

	/* other people's mirrors */
	struct conf_redirect redirect;
	struct conf_mirror *mirrors;
	size_t n_mirrors;
};

/* Reads `path` and what it includes.  `here` is the site this machine is whatever the
 * file says; NULL: the file or its here-file say it.  Returns NULL with "FILE:LINE: what,
 * which value, what was expected" in err.  Warnings (things odd but usable) go to `warn`,
 * one line each; where more than one thing is wrong, all of them to `error` (mistakes.h).
 * Either may be NULL. */
struct conf *conf_read(const char *path, const char *here, const struct warn *warn,
    const struct warn *error, struct err *err);

/* The files as they are now, for the same site. */
struct conf *conf_read_again(const struct conf *conf, const struct warn *warn,
    const struct warn *error, struct err *err);

/* How conf_parse comes by what is not in the text. */
struct conf_how {
	const char *here;		/* as above */
	/* As file_read (common/file.h); NULL: no other file is read, and naming one refused. */
	char *(*read)(const char *path, size_t max, size_t *len, struct err *err);
};

/* The same from memory, `path` standing for the file in messages and for its
 * folder.  `how` may be NULL.  Any thread. */
struct conf *conf_parse(const char *path, const char *text, size_t len,
    const struct conf_how *how, const struct warn *warn, const struct warn *error,
    struct err *err);
void conf_free(struct conf *conf);

/* "FILE:LINE" of a `line` member, in `text`, which is returned. */
#define CONF_WHERE 1024
const char *conf_where(const struct conf *conf, int line, char text[CONF_WHERE]);

/* Prints the configuration with every default filled in; the text parses again
 * to an equal configuration (paths absolute). */
void conf_print(const struct conf *conf, FILE *out);

/* How long a server that this check has just seen well cannot be called down. */
static inline uint32_t
conf_check_sure_ms(const struct conf_check *check)
{
	uint32_t first = check->interval_ms;
	uint64_t ms;

	if (check->local_interval_ms < first)
		first = check->local_interval_ms;
	if (check->remote_interval_ms < first)
		first = check->remote_interval_ms;
	ms = first + (uint64_t)(check->fall - 1) * check->fast_interval_ms;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* True if BIRD is likely to find no router id by itself, since nothing here is IPv4, and the
 * file gives none: BIRD would not start. */
bool conf_lacks_router_id(const struct conf *conf);

/* Index of a site, server, pool or mirror by name, CONF_NONE if there is none. */
uint16_t conf_find_site(const struct conf *conf, const char *name);
uint16_t conf_find_server(const struct conf *conf, const char *name);
uint16_t conf_find_pool(const struct conf *conf, const char *name);
uint16_t conf_find_mirror(const struct conf *conf, const char *name);

/* Whether a mirror may have another file than the catalogue's at this path (which begins without a
 * slash): `outdated-ok`. */
bool conf_mirror_outdated_ok(const struct conf_mirror *mirror, const char *path, size_t len);

/* The zone of this name, written in any case without the last dot; NULL if there is none. */
const struct conf_zone *conf_find_zone(const struct conf *conf, const char *name);

#endif
