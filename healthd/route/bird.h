/*
 * bird: the client of BIRD's control socket.
 *
 * Two uses.  Always: to read, a second apart and after each change, what BIRD really
 * exports, with commands that `restrict` allows (show status, show protocols, show
 * route P export NEIGHBOUR all).  With via = "bird-socket" also: to switch each prefix's
 * protocols, anycast4_1 (serving) and anycast4_1_drain for the first of IPv4, on and off by
 * quoted names, asserted again every 200 ms, because any `configure` and any restart of BIRD
 * forgets what was switched by hand (times of both are watched and shown).  Prefer the lease.
 *
 * One connection, one command at a time, never blocking, in the turns of its owner's event
 * loop (loop.h); a reply that takes more than two seconds ends the connection, and it is tried
 * again a second later.  It tells nobody what it has seen: its owner looks.  Knows no verdict and
 * no posture machine; parsing is in bird_reply.h.  The loop's thread only.
 */
#ifndef NEARCAST_BIRD_H
#define NEARCAST_BIRD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf/conf.h"
#include "common/err.h"
#include "common/health_file.h"
#include "common/loop.h"
#include "healthd/route/bird_reply.h"

#define BIRD_LOOK_MS 1000		/* between looks */
#define BIRD_ASSERT_MS 200		/* between assertions, via the socket */
#define BIRD_PATIENCE_MS 2000
#define BIRD_MAX_NEIGHBOURS 64		/* BGP protocols looked at; more are not */
#define BIRD_PREFIXES 32		/* prefixes looked at; more are not */

/* One prefix, in the order of `announce`. */
struct bird_prefix {
	bool exported;			/* at least one neighbour is sent it */
	bool draining;			/* with 65535:0 */
	enum health_posture switched;	/* by which of its protocols are up */
};

/* What BIRD said in the last whole look. */
struct bird_seen {
	bool known;			/* false: see why */
	char why[HEALTH_REASON_MAX];
	uint64_t started_ms;		/* when that look began, monotonic */
	struct bird_status status;
	unsigned neighbours, established; /* BGP sessions */
	struct bird_prefix prefixes[BIRD_PREFIXES];
};

struct bird;

/* Connects in the loop's next turn.  `loop` and `conf` are borrowed until bird_free.  NULL with
 * a reason. */
struct bird *bird_new(struct loop *loop, const struct conf *conf, struct err *err);
void bird_free(struct bird *b);		/* NULL is fine */

/* A look as soon as possible: something has just changed. */
void bird_look(struct bird *b);

/* Only via the socket: what is to be asserted from now on, the first time at once; a posture for
 * each prefix of the configuration. */
void bird_want(struct bird *b, const enum health_posture *postures);

/* The name of the static protocol that announces prefix `at` of the configuration, serving or
 * draining: "anycast4_1", "anycast6_2_drain"; counted from 1 within the family. */
void bird_protocol_name(char out[BIRD_NAME_MAX], const struct conf_prefixes *prefixes, size_t at,
    bool drain);

/* What was seen last; valid until bird_free, changes in turns of the loop only. */
const struct bird_seen *bird_seen(const struct bird *b);

#endif
