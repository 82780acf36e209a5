/*
 * chaos: class CH, where a server speaks of itself (RFC 4892): version.bind,
 * version.server, id.server, hostname.bind, and site.nearcast, by which the sites
 * of one network tell each other that they drain, and which is always answered: by it
 * healthd tells a dnsd without zones, or without health, from a dead one.
 *
 * Says what configuration and generation.h have prepared; knows no zones.  One packet on
 * one thread.
 */
#ifndef NEARCAST_CHAOS_H
#define NEARCAST_CHAOS_H

#include "dnsd/answer/answer_job.h"

/* Answers a question of class CH; false = not a name we know, or switched off: nothing is
 * written, the caller refuses. */
bool chaos_answer(struct answer_job *j);

#endif
