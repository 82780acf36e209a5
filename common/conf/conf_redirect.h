/*
 * conf_redirect: the blocks `mirror` and `redirect`, as redirectd, healthd and nearctl find them
 * in struct conf (conf.h).
 *
 * A mirror is another people's host that has files of ours, or some of them; `redirect` says how
 * clients are sent there.  Knows no catalogue and no health.  All of it is owned by the struct
 * conf and immutable; any thread may read.
 */
#ifndef NEARCAST_CONF_REDIRECT_H
#define NEARCAST_CONF_REDIRECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf/conf_parts.h"

#define CONF_MAX_MIRRORS 4096
#define CONF_MAX_MIRROR_WEIGHT 100000

/* Whom a mirror takes besides everybody: nobody but its own ... */
enum conf_mirror_only {
	CONF_ONLY_NONE, CONF_ONLY_PREFIX, CONF_ONLY_ASN, CONF_ONLY_COUNTRY, CONF_ONLY_CONTINENT
};

struct conf_mirror {
	char *name;			/* its key in the catalogue and the mirror health file */
	char *url;			/* ends in "/", the file's path follows; with one_file the
					 * file's whole URL */
	char *rsync;			/* rsync://HOST/MODULE/PATH/ as it is scanned; NULL = none,
					 * known by samples alone */
	bool located;			/* `location` was given */
	double latitude, longitude;	/* degrees; the country's point where not given */
	char country[3];		/* upper case; "" = not given */
	uint32_t asn;			/* 0 = not given */
	struct conf_prefixes prefixes;	/* networks that it is the mirror of */
	uint32_t weight;		/* 0-CONF_MAX_MIRROR_WEIGHT, default 100; 0 = listed, and
					 * clients are never sent there */
	enum conf_mirror_only only;	/* default none: everybody */
	struct {
		struct conf_code *v;	/* countries that it counts as being in, too */
		size_t n;
	} also;
	uint64_t max_size;		/* of files, octets; larger ones only when no other mirror
					 * has them; 0 = any */
	bool ipv4, ipv6;		/* it can be reached by; default both */
	bool enabled;			/* default true */
	char *admin;			/* whom to write to; NULL = not given */
	char *one_file;			/* name of the `one-file` it has, and nothing else; NULL =
					 * it is an ordinary mirror */
	uint16_t one_file_index;	/* into conf.redirect.one_files; UINT16_MAX = none */
	uint32_t sample_interval_ms;	/* between two of healthd's samples, default 1 s */
	char **outdated_ok;		/* path prefixes, NULL at the end: files below may be
					 * other than the catalogue says; NULL = none */
	bool follow;			/* samples may be redirected to another host */
	int line;
};

/* One file with mirrors of its own, whatever path is asked for. */
struct conf_one_file {
	char *name;
	char **hosts;			/* names of virtual hosts, NULL at the end; NULL = none */
	char *listen;			/* as conf_redirect's; NULL = none of its own */
	char *path;			/* the file here, begins with "/" */
	int line;
};

/* A host that has everything, for whom no mirror is found. */
struct conf_fallback {
	char *name;
	char *url;			/* ends in "/" */
	struct {
		struct conf_code *v;	/* its clients; none = all */
		size_t n;
	} countries;
	int line;
};

struct conf_redirect {
	char *listen;			/* "ADDRESS@PORT" or the path of a Unix socket */
	char *catalogue;		/* default STATE-DIR/catalogue.db, also without the block */
	char *local;			/* prefix of nginx's internal location, no "/" at its
					 * end; default "/_local" */
	char *base_url;			/* the service's own URL, ends in "/"; NULL = by Host and
					 * X-Forwarded-Proto of each request */
	struct conf_prefixes trusted;	/* whose X-Real-IP and X-Forwarded-Proto are believed;
					 * default loopback (a Unix socket always is) */
	uint64_t min_size;		/* smaller files stay at home, default 4096 octets */
	char *exclude_path;		/* regular expression (pattern.h); NULL = none */
	char **exclude_agents, **exclude_types;	/* globs, NULL at the end; NULL = none */
	struct conf_prefixes exclude_nets;
	double near_factor;		/* of the nearest mirror's distance, default 1.3 */
	double near_km;			/* and so much more is as near, default 100 */
	unsigned spread4, spread6;	/* prefix lengths of clients that stay together, default 24
					 * and 48 */
	unsigned links;			/* mirrors named in Link, 0-20, default 5 */
	bool mirrorbrain_headers;	/* X-MirrorBrain-*, default true */
	char *publisher, *publisher_url;	/* in metalinks; NULL = none */
	char **trackers;		/* announce URLs for torrents, NULL at the end;
					 * NULL = none */
	struct conf_one_file *one_files;
	size_t n_one_files;
	struct conf_fallback *fallbacks;	/* in the order in which they are tried */
	size_t n_fallbacks;
	int line;			/* 0 = the block is not given */
};

#endif
