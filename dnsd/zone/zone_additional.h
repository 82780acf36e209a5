/*
 * zone_additional: which addresses go into the additional section with an rrset (RFC 1034
 * 4.3.2 step 6, RFC 2782, RFC 9460 4.1), and which of them a referral cannot do without
 * (RFC 9471).  Part of compiling a zone; knows the tree and the rrset as it is sent.
 */
#ifndef NEARCAST_ZONE_ADDITIONAL_H
#define NEARCAST_ZONE_ADDITIONAL_H

#include "dnsd/zone/zone_tree.h"

/* Appends the additionals of one rrset of node `owner` (index in the tree) to zone->additionals, which
 * has room for *room, and tells the rrset where they are.  Required glue comes first: it must not be
 * missing when room in a packet runs out.  0, or -1 when there is no memory. */
int zone_extra_add(const struct zone_tree *tree, struct zone *zone, uint32_t *room, uint32_t owner,
    const struct zone_group *group, struct rrset *set);

#endif
