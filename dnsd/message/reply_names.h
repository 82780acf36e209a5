/*
 * reply_names: names of an answer that are shortened while it is written.
 *
 * Most rrsets are copied as the zone has them (zone.h): what they share with the apex and within
 * themselves is a pointer already, and they share nothing else with the packet, which
 * zone_name_bit proves.  Of the others each name is written anew, against all that stands in the
 * packet.  The table of these names is filled when the first such rrset comes, from the packet
 * itself.
 *
 * Part of reply.h and called by reply.c only; does not count records.  One packet on one thread.
 */
#ifndef NEARCAST_REPLY_NAMES_H
#define NEARCAST_REPLY_NAMES_H

#include "dnsd/message/reply.h"

/* Notes the names of all that has been written so far: before reply_names_rrset. */
void reply_names_scan(struct reply *r);

/* Writes `set`, with its signatures where they are wanted, behind what the packet has, with all
 * names as short as they can be.  Its end, NULL if it does not fit. */
uint8_t *reply_names_rrset(struct reply *r, size_t owner_at, const struct rrset *set);

/* Writes a name (wire form) at `out`, a place behind what the packet has, with `room` octets.  Its
 * octets, 0 if it does not fit. */
size_t reply_names_put(struct reply *r, uint8_t *out, size_t room, const uint8_t *name);

/* The caller has added what it wrote with these to the packet, or (at the old r->at) will not. */
void reply_names_done(struct reply *r, bool kept);

#endif
