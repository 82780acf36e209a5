/*
 * rdata_gateway: fields whose form depends on a number in front of them: the gateway of IPSECKEY
 * (RFC 4025), the relay of AMTRELAY (RFC 8777), HIP (RFC 8005), A6 (RFC 2874).
 *
 * Like rdata_field's readers and rdata_octets' checkers.  IPSECKEY's look at the second octet of
 * the data, its gateway type.  0, or -1 with a reason.  One thread per struct.
 */
#ifndef NEARCAST_RDATA_GATEWAY_H
#define NEARCAST_RDATA_GATEWAY_H

#include "common/rdata/rdata_octets.h"
#include "common/rdata/rdata.h"

/* The gateway; precedence, type and algorithm come before it. */
int rdata_gateway_read(struct rdata *r);
int rdata_gateway_check(struct rdata_octets *o);

/* AMTRELAY's discovery bit, type and relay; the precedence comes before them. */
int rdata_gateway_relay_read(struct rdata *r);
int rdata_gateway_relay_check(struct rdata_octets *o);

/* HIP's algorithm, identity tag and key; the names of servers follow. */
int rdata_gateway_hip_read(struct rdata *r);
int rdata_gateway_hip_check(struct rdata_octets *o);

/* All of A6: the prefix's length, an address's last bits, the name that has the first ones. */
int rdata_gateway_a6_read(struct rdata *r);
int rdata_gateway_a6_check(struct rdata_octets *o);

#endif
