/*
 * answer_zone: answers from a zone's data (RFC 1034 4.3.2, 2308, 6672, 8482, 9460, 9471).
 *
 * Knows what each outcome of zone_find means for an answer: data with its additional
 * addresses, aliases and where they lead, a referral, NODATA, NXDOMAIN.  Knows not how names
 * are found, and of steering only which names it concerns.  One packet on one thread.
 */
#ifndef NEARCAST_ANSWER_ZONE_H
#define NEARCAST_ANSWER_ZONE_H

#include "dnsd/answer/answer_job.h"

/* Finds the question's name in the zone j->r.zone, follows aliases inside it, answers. */
void answer_zone(struct answer_job *j);

#endif
