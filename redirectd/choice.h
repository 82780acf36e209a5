/*
 * choice: what is said about one request for one file: who asks, what the file is, and for each
 * mirror whether the client may be sent there, and why or why not.
 *
 * choose.h fills it; what is sent to clients (Link, metalinks, lists of mirrors, logs) is made of
 * it alone.  Reasons are one enum, their words one table.  Knows no HTTP and no catalogue.  All
 * that it points to is the request's, the configuration's or its thread's, and goes with the
 * request.
 */
#ifndef NEARCAST_CHOICE_H
#define NEARCAST_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/conf/conf.h"

/* How a client's place is known. */
enum choice_known {
	CHOICE_UNKNOWN,			/* it is not */
	CHOICE_BY_DATABASE,
	CHOICE_BY_COUNTRY,		/* the point of the country or continent that the database
					 * says */
	CHOICE_BY_QUERY			/* ?country= or ?as= */
};

struct choice_client {
	struct addr address;		/* port 0 */
	char country[3], continent[3];	/* upper case; "" = not known */
	uint32_t asn;			/* 0 = not known */
	enum choice_known known;	/* of the point */
	double latitude, longitude;	/* degrees, where known is not CHOICE_UNKNOWN */
};

/* The file that was asked for, without a suffix that asks for a document about it. */
struct choice_file {
	const char *path;		/* decoded octets, begins with "/"; ends in a NUL that is
					 * not counted */
	size_t path_len;
	bool known;			/* the catalogue has it: the following are filled */
	uint32_t id;
	uint64_t size;			/* octets */
	int64_t mtime;			/* seconds since 1970 */
	const uint8_t *sha256;		/* 32 octets */
	const uint8_t *md5;		/* 16 octets; NULL = not known */
	bool has_pieces;		/* the catalogue has them: catalogue_pieces */
	bool has_signature, has_torrent;	/* PATH.asc, PATH.torrent are in the catalogue */
};

/* Why a mirror stands where it stands, best first; from CHOICE_NO_FILE on it is not taken. */
enum choice_why {
	CHOICE_PREFIX,			/* the client is of a `prefix` of its */
	CHOICE_ASN,			/* of its AS */
	CHOICE_COUNTRY,			/* a rule names the client's country, where it lies */
	CHOICE_ALSO,			/* or where it counts as lying: `also-countries` */
	CHOICE_NEAR,			/* among the nearest */
	CHOICE_FAR,			/* farther away */
	CHOICE_ANY,			/* it or the client has no place: by weight */
	CHOICE_LARGE,			/* the file is larger than `max-size`: in reserve */
	/* not taken */
	CHOICE_NO_FILE,			/* it does not have the file, as far as is known */
	CHOICE_DOWN,
	CHOICE_INCOMPLETE,		/* samples failed: named, nobody is sent there */
	CHOICE_WEIGHT_ZERO,		/* the same by configuration */
	CHOICE_DISABLED,
	CHOICE_ONLY,			/* `only` keeps it for others */
	CHOICE_INSECURE,		/* the client came by https, the mirror has http only */
	CHOICE_NO_IPV4, CHOICE_NO_IPV6,	/* it cannot be reached from the client's family */
	CHOICE_OTHER_FILE,		/* it has one file, and this is another */
	CHOICE_REASONS
};

/* The reason in a few plain words, as in "among the nearest"; and as one word for logs, as in
 * "near". */
const char *choice_why_words(enum choice_why why);
const char *choice_why_word(enum choice_why why);

/* MirrorBrain's word of a mirror that is taken: prefix, AS, country, other_country, region
 * (near), other. */
const char *choice_realm(enum choice_why why);

struct choice_mirror {
	const struct conf_mirror *mirror;	/* name, url, country, location, weight, line */
	uint16_t index;			/* into conf.mirrors */
	enum choice_why why;
	bool taken;			/* clients may be sent there and told of it */
	unsigned priority;		/* taken: from 1, the same for those that are as good (the
					 * near set of the best class is 1); not taken: 0 */
	double km;			/* from the client; negative = not known */
};

/* What the request ends in. */
enum choice_end {
	CHOICE_MIRROR,			/* mirrors[0] */
	CHOICE_FALLBACK,		/* the fallback */
	CHOICE_HOME			/* nginx serves it from here */
};

/* Why it stays at home. */
enum choice_home {
	CHOICE_AWAY,			/* it does not */
	CHOICE_NOT_CATALOGUED, CHOICE_NO_CATALOGUE, CHOICE_SMALL, CHOICE_EXCLUDED_PATH,
	CHOICE_EXCLUDED_AGENT, CHOICE_EXCLUDED_NET, CHOICE_EXCLUDED_TYPE,
	CHOICE_ASKED_HERE,		/* ?here */
	CHOICE_NO_MIRROR,		/* none is taken and no fallback is for this client */
	CHOICE_HOMES
};

const char *choice_home_words(enum choice_home why);
const char *choice_home_word(enum choice_home why);

struct redirect_choice {
	const struct conf *conf;
	const struct conf_redirect *redirect;	/* conf->redirect */
	const struct conf_one_file *one_file;	/* this is all that is asked for; NULL = ordinary */
	const char *site;		/* as the client called us, "https://HOST[:PORT]", no slash
					 * at its end; checked */
	bool secure;			/* by https: no http URL may be named */
	struct choice_client client;
	struct choice_file file;
	/* In order: taken ones first (best first), then, if `whole`, all others. */
	const struct choice_mirror *mirrors;
	size_t n, n_taken;
	bool whole;			/* all mirrors are here, not only the first few */
	enum choice_end end;
	enum choice_home home;		/* end CHOICE_HOME */
	const struct conf_fallback *fallback;	/* end CHOICE_FALLBACK */
};

#endif
