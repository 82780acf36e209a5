/*
 * svcb: SVCB and HTTPS records of a steered name (RFC 9460): ipv4hint and ipv6hint,
 * where the zone has them, are replaced by the addresses that the same client gets
 * for A and AAAA; where he gets none, there is no hint, and `mandatory` does not name it.
 */
#ifndef NEARCAST_SVCB_H
#define NEARCAST_SVCB_H

#include "dnsd/answer/answer_job.h"

/* Writes the rrset with the hints replaced; false = it did not fit, nothing written. */
bool svcb_steered(struct answer_job *j, const struct zone_node *node, const struct rrset *set,
    size_t owner_at);

#endif
