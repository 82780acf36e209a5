/*
 * socket: the sockets that queries come in on, bound and set up.
 *
 * Knows the options of UDP and TCP over both families, and why each is set; knows no DNS,
 * no workers, and keeps nothing.  Main thread, but for
 * socket_send_buffer.
 */
#ifndef NEARCAST_SOCKET_H
#define NEARCAST_SOCKET_H

#include <stdbool.h>

#include "common/addr.h"
#include "common/err.h"

/* A bound socket of `type` SOCK_DGRAM, or of SOCK_STREAM, which then listens and does not
 * block.  The address need not be on this machine yet.  `shared` = with SO_REUSEPORT.  The
 * caller closes it.  -1 with a reason.
 *
 * A reply from 0.0.0.0 or :: (addr_is_zero) must be told which address to leave from:
 * datagrams of such a socket bring the address they came to (IP_PKTINFO, IPV6_PKTINFO). */
int socket_bind(const struct addr *addr, int type, bool shared, struct err *err);

/* How much of what is sent on a TCP socket the kernel takes before it is acknowledged, in octets;
 * it uses twice as much memory.  socket_bind gives its sockets, and so the connections accepted
 * there, enough for an answer of 64 KB: a reader 100 ms away gets one in the same three round
 * trips as ever, and 600 to 900 KB/s of many.  A connection that is to send faster has this set
 * to its rate in octets a second times its round trip in seconds. */
void socket_send_buffer(int fd, int octets);

/* 0 if the address is on this machine now, as 0.0.0.0 and :: always are; else -1 with a reason. */
int socket_here(const struct addr *addr, struct err *err);

#endif
