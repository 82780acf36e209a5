/*
 * link: the prober's end of the socket between the two processes (message.h).
 *
 * Tells the keeper the judge's verdict, whenever it changes and as a sign of life, and hears
 * the posture.  When the keeper's end closes, the loop stops.  Knows no route.  One thread.
 */
#ifndef NEARCAST_LINK_H
#define NEARCAST_LINK_H

#include "healthd/message.h"
#include "healthd/prober/core.h"

enum { LINK_ALIVE_MS = 500 };		/* between two verdicts, changed or not */

struct link {
	struct core *core;
	struct verdict_message verdict;	/* told last */
	uint64_t told_ms;		/* when, monotonic; 0 = never */
	struct posture_message posture;	/* heard last; link_heard says whether any was */
	uint64_t changes;		/* of verdict or posture, counted */
	/* The posture is another one than it was: link->posture. */
	void (*changed)(void *arg, enum health_posture was);
	void *arg;
	struct loop_io io;
};

/* Watches `fd`, which stays the caller's to close.  0, or -1 with a reason. */
int link_open(struct link *link, struct core *core, int fd,
    void (*changed)(void *arg, enum health_posture was), void *arg, struct err *err);

/* Has the keeper said its posture yet? */
static inline bool
link_heard(const struct link *link)
{
	return link->posture.magic == MESSAGE_POSTURE;
}

/* Tells the verdict if it is another than the one told last, or has been told too long ago. */
void link_tell(struct link *link);

#endif
