/*
 * generation: one generation of everything that the packet path reads.
 *
 * Configuration, zones, maps and health: built whole off the packet path, never changed
 * afterwards, and published by one pointer (server.h).  The old generation is freed after
 * every worker has passed a quiescent state (liburcu QSBR).  A generation holds its inputs
 * (inputs.h), which it shares with those built for other states of health.
 *
 * Knows no packets, no sockets and no files.  Built and freed by the thread that holds the
 * inputs (the main thread in dnsd); read by any thread between two of its quiescent states.
 */
#ifndef NEARCAST_GENERATION_H
#define NEARCAST_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/health_file.h"
#include "dnsd/message/cookie.h"
#include "dnsd/generation/inputs.h"
#include "dnsd/steer/steer.h"
#include "dnsd/zone/zone.h"

struct generation_zone {
	struct zone *zone;		/* NULL = not loaded: SERVFAIL, EDE Not Ready */
	const struct steer_name **steer; /* by index of zone->steers */
	uint8_t apex[NAME_MAX_WIRE];
	uint8_t apex_labels;
	uint64_t apex_hash;
};

/* What CH site.nearcast says, which healthd asks, here and at other sites. */
struct generation_site {
	char name[80];			/* "-" = none is configured */
	char posture[16];		/* "unknown" without health */
	bool drain;			/* on the operator's word */
	uint32_t ttl_s;			/* the most that a steered answer carries */
	uint32_t earlier_s;		/* monotonic clock, seconds: until then resolvers may hold
					 * what generations before have handed out */
};

struct generation {
	uint64_t number;
	struct inputs *inputs;		/* held: conf, zones, maps */
	const struct conf *conf;	/* of inputs */
	struct generation_zone *zones;
	uint32_t n_zones, n_loaded;
	uint32_t *apex_index;		/* open addressing on apex_hash: into zones, or ZONE_NONE */
	uint32_t apex_index_mask;
	uint8_t max_apex_labels;
	struct steer *steer;
	struct cookie_secrets cookies;
	uint8_t nsid_len;
	uint8_t nsid[128];
	char hostname[256];		/* for CH hostname.bind, and id.server without an nsid */
	struct generation_site site;
};

/* Builds a generation from what was read and one state of health (NULL = unknown, which fails
 * open; it is copied).  Takes a reference to the inputs.  `number` goes to the log and to
 * metrics.  NULL with a reason. */
struct generation *generation_build(struct inputs *inputs, const struct health_file *health,
    uint64_t number, struct err *err);

/* Before `gen` takes the place of `former` at now_s (monotonic clock, seconds): what the world has
 * been told outlives the generation that said it.  Longer TTLs, and, while health is unknown,
 * the drain that was heard last. */
void generation_follow(struct generation *gen, const struct generation *former, uint32_t now_s);

/* Seconds, from now_s on (monotonic clock), for which a resolver may hold a steered answer. */
uint32_t generation_ttl_max(const struct generation *gen, uint32_t now_s);

/* When no worker reads it any more; gives back the inputs.  NULL is fine. */
void generation_free(struct generation *gen);

/* The zone that is closest above the name (by labels from the right); for qtype DS
 * at a child's apex its parent, where we have it (RFC 4035 3.1.4.1).  NULL = none. */
const struct generation_zone *generation_find_zone(const struct generation *gen,
    const struct name_walk *name, uint16_t qtype);

#endif
