/*
 * answer_steered: the addresses of a steered name.  steer_pick chooses them; this carries
 * the choice into the answer, into OPT (scope, Extended DNS Error) and into the counters.
 * Knows neither geography nor health.  One packet on one thread.
 */
#ifndef NEARCAST_ANSWER_STEERED_H
#define NEARCAST_ANSWER_STEERED_H

#include "dnsd/answer/answer_job.h"

/* Writes the addresses of `family` (4 or 6) under the owner at offset owner_at.  false = nobody
 * was chosen: the answer is *set, the zone's own where the pool has none of the family, or NODATA
 * where that is NULL. */
bool answer_steered(struct answer_job *j, const struct zone_node *node, uint8_t family,
    size_t owner_at, const struct rrset **set);

/* The same of a choice of nobody: what it says holds for the client's scope, too. */
void answer_steered_none(struct answer_job *j, const struct steer_answer *picked);

/* The zone's own addresses of `family`, if they are the answer after `picked`; else NULL. */
const struct rrset *answer_steered_static(const struct answer_job *j,
    const struct zone_node *node, const struct steer_answer *picked, uint8_t family);

/* Puts scope and EDE of a choice that is answered into OPT and counts it. */
void answer_steered_note(struct answer_job *j, const struct steer_answer *picked);

#endif
