/*
 * svcb: SVCB and HTTPS records of a steered name (RFC 9460).
 *
 * ipv4hint and ipv6hint, where the zone has them, are replaced by the addresses that the
 * same client gets for A and AAAA; where these are the zone's own, the hint is the zone's, and
 * where he gets none, there is no hint, and `mandatory` does not name it.  All else is as in
 * the zone.  Knows no other parameter.  One packet on one thread; nothing is allocated.
 */
#ifndef NEARCAST_SVCB_H
#define NEARCAST_SVCB_H

#include "dnsd/answer/answer_job.h"

/* Writes the rrset `set` of the steered node with the hints replaced, its owner being the name at
 * offset owner_at; false = it did not fit, nothing is written. */
bool svcb_steered(struct answer_job *j, const struct zone_node *node, const struct rrset *set,
    size_t owner_at);

/* Whether the rrset `set` of a steered node has hints, so that it is another for each client. */
bool svcb_has_hints(const struct rrset *set);

#endif
