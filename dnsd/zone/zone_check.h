/*
 * zone_check: what a zone must and should hold (RFC 1034, 1912, 2181, 2308, 4035, 6672), and what
 * its records make of its names.
 *
 * Refuses: no SOA or a second one, an SOA elsewhere, no NS at the apex, CNAME beside other data,
 * two CNAMEs or DNAMEs; with zone_steers.c, a bad _steer record.  Warns: data that is never served
 * (below a cut or a DNAME), TTLs that differ in an rrset (the lowest is given to all, in the
 * source), NS, MX and SRV targets that are aliases or do not exist, missing glue, what stands
 * beside an SVCB alias.  Sets flags, occluded_by and steer of every node.
 *
 * The same for every zone, wherever its records came from: knows no files beyond the line a record
 * came from, and no configuration: which pools there are it is told.  One thread.
 */
#ifndef NEARCAST_ZONE_CHECK_H
#define NEARCAST_ZONE_CHECK_H

#include "dnsd/zone/zone_tree.h"

/* 0, or -1 with file, line and reason in the source's err; a tree that is refused is not for
 * zone_compile. */
int zone_check(struct zone_tree *tree);

#endif
