/*
 * zone_additional: which addresses go into the additional section with an rrset (RFC 1034
 * 4.3.2 step 6, RFC 2782), and which of them are in-domain glue, without which a referral is
 * useless (RFC 9471).
 *
 * With SVCB and HTTPS the targets' own SVCB or HTTPS go before their addresses (RFC 9460 4.1),
 * and where the record is an alias also what these lead to, so that whoever asked need not ask
 * again: at most 16 names, however they are chained.
 *
 * Part of compiling a zone.  Knows the tree and the rrset in the form it is sent; does not know
 * packets, nor which of the addresses will find room in one.  One thread.
 */
#ifndef NEARCAST_ZONE_ADDITIONAL_H
#define NEARCAST_ZONE_ADDITIONAL_H

#include "dnsd/zone/zone_tree.h"

/* Appends the additionals of one rrset of node `owner` (index in the tree) to zone->additionals,
 * which is grown as needed and has room for *room, and writes into `set`, the same rrset compiled,
 * where they are.  In-domain glue comes first: it must be in when room in a packet runs out.  0,
 * or -1 when there is no memory. */
int zone_additional_add(const struct zone_tree *tree, struct zone *zone, uint32_t *room,
    uint32_t owner, const struct zone_tree_rrset *rrset, struct rrset *set);

#endif
