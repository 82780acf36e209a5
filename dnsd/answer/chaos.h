/*
 * chaos: class CH, where a server speaks of itself (RFC 4892): version.bind,
 * version.server, id.server, hostname.bind, and site.nearcast, by which the sites
 * of one network tell each other that they drain.
 */
#ifndef NEARCAST_CHAOS_H
#define NEARCAST_CHAOS_H

#include "dnsd/answer/answer_job.h"

/* False = not a name we know, or switched off: REFUSED. */
bool chaos_answer(struct answer_job *j);

#endif
