/*
 * rdata_old: fields of types that stand in old zones: WKS (RFC 1035 3.4.2), X25 (RFC 1183), NSAP
 * (RFC 1706), ATMA (af-saa-0069).
 *
 * Like rdata_field's readers and rdata_octets' checkers; each takes all that is left.  Names of
 * services beyond the best known come from the machine (/etc/services).  0, or -1 with a reason.
 * One thread per struct.
 */
#ifndef NEARCAST_RDATA_OLD_H
#define NEARCAST_RDATA_OLD_H

#include "common/rdata/rdata_octets.h"
#include "common/rdata/rdata.h"

/* A protocol and a bitmap of ports, by number or name. */
int rdata_old_wks_read(struct rdata *r);
int rdata_old_wks_check(struct rdata_octets *o);

/* Checks X25's text: an address of four digits or more. */
int rdata_old_x25_check(struct rdata_octets *o);

/* 0x and hex, with dots anywhere. */
int rdata_old_nsap_read(struct rdata *r);

/* An end system's address in hex, or + and an E.164 number; dots anywhere. */
int rdata_old_atma_read(struct rdata *r);
int rdata_old_atma_check(struct rdata_octets *o);

#endif
