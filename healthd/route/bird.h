/*
 * bird: the client of BIRD's control socket.
 *
 * Two uses.  Always: to read, a second apart and after each change, what BIRD really
 * exports, with commands that `restrict` allows (show status, show protocols, show
 * route P export NEIGHBOUR all).  With via = "bird-socket" also: to switch the protocols
 * "anycast?" (serving) and "anycast?_drain" on and off by quoted patterns, asserted
 * again every 200 ms, because any `configure` and any restart of BIRD forgets what was
 * switched by hand (times of both are watched and shown).  Prefer the lease.
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

/* What BIRD said in the last whole look. */
struct bird_seen {
	bool known;			/* false: see why */
	char why[HEALTH_REASON_MAX];
	uint64_t started_ms;		/* when that look began, monotonic */
	struct bird_status status;
	unsigned neighbours, established; /* BGP sessions */
	int exported4, exported6;	/* prefixes that at least one neighbour is sent */
	int draining4, draining6;	/* of these, with 65535:0 */
	enum health_posture protocols;	/* by which of "anycast?" and "anycast?_drain" are up */
};

struct bird;

/* Connects in the loop's next turn.  `loop` and `conf` are borrowed until bird_free.  NULL with
 * a reason. */
struct bird *bird_new(struct loop *loop, const struct conf *conf, struct err *err);
void bird_free(struct bird *b);		/* NULL is fine */

/* A look as soon as possible: something has just changed. */
void bird_look(struct bird *b);

/* Only via the socket: what is to be asserted from now on, the first time at once. */
void bird_want(struct bird *b, enum health_posture posture);

/* What was seen last; valid until bird_free, changes in turns of the loop only. */
const struct bird_seen *bird_seen(const struct bird *b);

#endif
