/*
 * zone_gateway: fields whose form depends on a number in front of them: the gateway of IPSECKEY
 * (RFC 4025), the relay of AMTRELAY (RFC 8777), HIP (RFC 8005), A6 (RFC 2874).
 *
 * Like zone_field's readers and zone_octets' checkers.  IPSECKEY's look at the second octet of the
 * data, its gateway type.  0, or -1 with a reason.  One thread per struct.
 */
#ifndef NEARCAST_ZONE_GATEWAY_H
#define NEARCAST_ZONE_GATEWAY_H

#include "dnsd/zone/zone_octets.h"
#include "dnsd/zone/zone_rdata.h"

/* The gateway; precedence, type and algorithm come before it. */
int zone_gateway_read(struct zone_rdata *r);
int zone_gateway_check(struct zone_octets *o);

/* AMTRELAY's discovery bit, type and relay; the precedence comes before them. */
int zone_gateway_relay_read(struct zone_rdata *r);
int zone_gateway_relay_check(struct zone_octets *o);

/* HIP's algorithm, identity tag and key; the names of servers follow. */
int zone_gateway_hip_read(struct zone_rdata *r);
int zone_gateway_hip_check(struct zone_octets *o);

/* All of A6: the prefix's length, an address's last bits, the name that has the first ones. */
int zone_gateway_a6_read(struct zone_rdata *r);
int zone_gateway_a6_check(struct zone_octets *o);

#endif
