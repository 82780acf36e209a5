/*
 * sibling: the dnsd of every site is asked what it does, once a second over TCP.
 *
 * CH TXT site.nearcast says whether the site drains and the longest TTL that it hands out.
 * Our own dnsd is asked for its TTL only.  A dnsd that cannot be asked changes nothing: what it
 * said last stands.  One thread.
 */
#ifndef NEARCAST_SIBLING_H
#define NEARCAST_SIBLING_H

#include "healthd/prober/core.h"

struct sibling;

struct siblings {
	struct core *core;
	struct sibling *v;		/* owned */
	size_t n;
};

/* 0, or -1 with a reason. */
int sibling_open(struct siblings *siblings, struct core *core, struct err *err);
void sibling_close(struct siblings *siblings);

#endif
