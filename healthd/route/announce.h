/*
 * announce: the lease, the marker addresses on lo that BIRD follows.
 *
 * A prefix is announced while its marker address is there; each is added with a lifetime
 * (RTM_NEWADDR with IFA_CACHEINFO) and renewed long before its end, so that the
 * kernel takes the route away by itself when this process hangs or dies.  Every prefix has
 * two; prefix k of its family, counted from 0 in the order of the file, has
 *
 *   169.254.53.(8k+1)/30  fd53:5300::(8k+1)/126   it is served here
 *   169.254.53.(8k+5)/30  fd53:5300::(8k+5)/126   it is served here, or drains
 *
 * (the last number in decimal in both families' rule, in hexadecimal in an IPv6 address), the
 * numbers of `nearctl bird-config`.  SERVING is both, DRAINING the second alone, DOWN none.  The
 * order of changes never shows a neighbour a drained route in between: serving is added first and
 * removed last.  The kernel counts whole seconds and is up to half a second late, so a lease
 * of 5 s is asked for as 4: gone within the lease, never after it.
 *
 * The kernel also tells when an address goes (RTM_DELADDR): a marker that somebody else has
 * removed (`ip addr flush`, a restart of a network manager) is put back in the same turn of the
 * loop, and one that somebody else has added while it is not wanted goes in the same turn; the
 * owner is told.  What we removed ourselves is expected, and so is what runs out while it is not
 * wanted.
 *
 * The only file that knows netlink (rtnetlink(7)).  Needs CAP_NET_ADMIN.  Knows no
 * BIRD, no verdict, no time: the caller renews.  One thread, the loop's; calls block for the
 * kernel's answer only.
 */
#ifndef NEARCAST_ANNOUNCE_H
#define NEARCAST_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/health_file.h"
#include "common/loop.h"

#define ANNOUNCE_PREFIXES 16		/* of a family, at most */

/* Postures by family (0 = IPv4, 1 = IPv6) and prefix. */
struct announce_postures {
	enum health_posture of[2][ANNOUNCE_PREFIXES];
};

struct announce;

/* What somebody else did to a marker: removed it, or added one that is not wanted. */
struct announce_event {
	const char *marker;		/* in text, until the call returns */
	unsigned family;		/* 0 = IPv4, 1 = IPv6 */
	unsigned k;			/* of the prefix in its family */
	bool added;			/* else removed */
	const char *why;		/* it is not as it was again; NULL = it is */
};

typedef void announce_meddled(struct announce *a, const struct announce_event *event);

struct announce {
	int fd;				/* netlink, for requests; -1 = closed */
	unsigned ifindex;
	uint32_t valid_s;		/* lifetime asked for */
	uint32_t seq;
	struct announce_postures wanted; /* set last; DOWN = no marker, or not ours */
	unsigned ours[2][ANNOUNCE_PREFIXES][2]; /* removed by us, not yet heard of */

	struct loop *loop;
	struct loop_io events;		/* netlink, for what the kernel tells; fd -1 = closed */
	announce_meddled *meddled;
};

/* Opens netlink for the interface.  The lease counts in milliseconds, 2000 at least; the loop is
 * borrowed until announce_close.  0, or -1 with a reason and *a closed. */
int announce_open(struct announce *a, struct loop *loop, const char *interface, uint32_t lease_ms,
    announce_meddled *meddled, struct err *err);
void announce_close(struct announce *a);	/* the markers stay; closed already is fine */

/* Another lease, from the next announce_set on. */
void announce_lease(struct announce *a, uint32_t lease_ms);

/* How often, in milliseconds, announce_set is to be called while a marker is wanted. */
uint32_t announce_renew_ms(const struct announce *a);

/* Adds or renews the markers of prefix k (below ANNOUNCE_PREFIXES) of a family (4 or 6) that the
 * posture wants and removes the others; all are tried also after one has failed.  0, or -1 with
 * the first reason. */
int announce_set(struct announce *a, int family, unsigned k, enum health_posture posture,
    struct err *err);

/* Reads which postures the markers now there stand for.  0, or -1 with a reason. */
int announce_get(struct announce *a, struct announce_postures *there, struct err *err);

#endif
