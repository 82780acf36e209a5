/*
 * zone_old: fields of types that stand in old zones: WKS (RFC 1035 3.4.2), X25 (RFC 1183), NSAP
 * (RFC 1706), ATMA (af-saa-0069).
 *
 * Like zone_field's readers and zone_octets' checkers; each takes all that is left.  Names of
 * services beyond the best known come from the machine (/etc/services).  0, or -1 with a reason.
 * One thread per struct.
 */
#ifndef NEARCAST_ZONE_OLD_H
#define NEARCAST_ZONE_OLD_H

#include "dnsd/zone/zone_octets.h"
#include "dnsd/zone/zone_rdata.h"

/* A protocol and a bitmap of ports, by number or name. */
int zone_old_wks_read(struct zone_rdata *r);
int zone_old_wks_check(struct zone_octets *o);

/* Checks X25's text: an address of four digits or more. */
int zone_old_x25_check(struct zone_octets *o);

/* 0x and hex, with dots anywhere. */
int zone_old_nsap_read(struct zone_rdata *r);

/* An end system's address in hex, or + and an E.164 number; dots anywhere. */
int zone_old_atma_read(struct zone_rdata *r);
int zone_old_atma_check(struct zone_octets *o);

#endif
