/*
 * dnsd_watch_inner: a watch's state, shared by dnsd_watch.c (which asks) and dnsd_watch_tell.c
 * (which tells its owner what came of it).  Included by these two only.
 */
#ifndef NEARCAST_DNSD_WATCH_INNER_H
#define NEARCAST_DNSD_WATCH_INNER_H

#include "common/dns/client.h"
#include "healthd/route/dnsd_life.h"
#include "healthd/route/dnsd_link.h"
#include "healthd/route/dnsd_question.h"
#include "healthd/route/dnsd_watch.h"

#define DNSD_WATCH_NOWHERE SIZE_MAX	/* an address in no announced prefix */

struct watch_ask {
	struct client client;
	struct watch_address *address;
	size_t question;		/* of the watch's */
};

struct watch_address {
	struct dnsd_watch *watch;
	struct addr addr;
	size_t prefix;			/* of announce.prefixes, or WATCH_NOWHERE */
	bool wanted;			/* while the list is made anew */
	struct dnsd_life life;
	struct client_cookie cookie;
	struct watch_ask asks[DNSD_WATCH_AGAIN]; /* the questions of a round; mostly three */
	bool asking;			/* a round is under way */
	unsigned outstanding;		/* of its questions */
	size_t next_other;		/* whose turn it is among the other zones */
	uint64_t asked_ms;		/* when it began */
	struct loop_timer timer;	/* always set: the end of this round, or the next one */
	struct client tcp;
	struct loop_timer tcp_timer;
	bool tcp_proven;
	unsigned tcp_missed;		/* in a row */
	const char *tcp_why;		/* static text */
};

/* Whether an address was served over TCP; as a text, behind the address. */
enum watch_tcp { WATCH_TCP_NEVER, WATCH_TCP_SERVED, WATCH_TCP_LOST };

struct dnsd_watch {
	struct loop *loop;
	struct dnsd_questions questions;
	struct watch_address **addresses; /* each one allocated: clients must not move */
	size_t n;
	/* of the configuration */
	struct prefix *prefixes;
	size_t n_prefixes;
	struct addr *listen;
	size_t n_listen;
	char digest[DNSD_REPORT_DIGEST];
	/* of the last report */
	struct dnsd_link link;
	struct addr reported[DNSD_REPORT_ADDRESSES];
	size_t n_reported;
	unsigned loaded, zones;
	bool digest_differs, listen_differs;
	uint64_t digest_ms, listen_ms;	/* since when */
	/* of a watch before this one, until dnsd has said what it listens on */
	struct addr restored[DNSD_REPORT_ADDRESSES];
	enum watch_tcp restored_tcp[DNSD_REPORT_ADDRESSES];
	size_t n_restored;
	uint32_t held_before;		/* by addresses and watches that are gone */
	uint64_t began_ms;
};

/* What a watch before this one knew of an address: it has answered, and this became of its TCP. */
void dnsd_watch_recall(struct watch_address *address, enum watch_tcp tcp);

/* Makes the list of addresses anew.  0, or -1 when memory is out. */
int dnsd_watch_list(struct dnsd_watch *watch);

static inline bool
dnsd_watch_same(const struct addr *a, const struct addr *b)
{
	return addr_equal(a, b) && a->port == b->port;
}

#endif
