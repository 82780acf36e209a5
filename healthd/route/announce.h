/*
 * announce: the lease, the marker addresses on lo that BIRD follows.
 *
 * A site announces while a marker address is there; each is added with a lifetime
 * (RTM_NEWADDR with IFA_CACHEINFO) and renewed long before its end, so that the
 * kernel takes the route away by itself when this process hangs or dies.  Two
 * markers a family, the numbers of bird/site.conf:
 *
 *   169.254.53.1/30  fd53:5300::1/126   this site serves
 *   169.254.53.5/30  fd53:5300::5/126   this site serves or drains
 *
 * SERVING is both, DRAINING the second alone, DOWN none.  The order of changes never
 * shows a neighbour a drained route in between: serving is added first and removed
 * last.  The kernel counts whole seconds and is up to half a second late, so a lease
 * of 5 s is asked for as 4: gone within the lease, never after it.
 *
 * The only file that knows netlink (rtnetlink(7)).  Needs CAP_NET_ADMIN.  Knows no
 * BIRD, no verdict, no time: the caller renews.  One thread; calls block for the
 * kernel's answer only.
 */
#ifndef NEARCAST_ANNOUNCE_H
#define NEARCAST_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/health_file.h"

struct announce {
	int fd;				/* netlink; -1 = closed */
	unsigned ifindex;
	uint32_t valid_s;		/* lifetime asked for */
	bool v4, v6;			/* which markers are ours to keep */
	uint32_t seq;
};

/* Opens netlink for the interface.  The lease counts in milliseconds, 2000 at least; v4
 * and v6 say of which families there are prefixes.  0, or -1 with a reason and *a closed. */
int announce_open(struct announce *a, const char *interface, uint32_t lease_ms, bool v4, bool v6,
    struct err *err);
void announce_close(struct announce *a);	/* the markers stay; closed already is fine */

/* How often, in milliseconds, announce_set is to be called while a marker is wanted. */
uint32_t announce_renew_ms(const struct announce *a);

/* Adds or renews the markers that the posture wants and removes the others; all are
 * tried also after one has failed.  0, or -1 with the first reason. */
int announce_set(struct announce *a, enum health_posture posture, struct err *err);

/* Reads which posture the markers now there stand for (of either family the higher).
 * 0, or -1 with a reason. */
int announce_get(struct announce *a, enum health_posture *posture, struct err *err);

#endif
