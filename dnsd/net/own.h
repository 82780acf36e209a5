/*
 * own: this machine's own questions, which no limit may leave unanswered.
 *
 * healthd asks dnsd from the address that it asks, and takes the site off the internet when
 * no answer comes.  What protects dnsd from strangers (rate limiting, required cookies,
 * amplification, the number of TCP connections) would hit it as well, and a stranger can
 * use up the share of a whole prefix.  So a question is exempt whose source is one of the
 * addresses that are listened on: nobody else has them, if such packets come from this
 * machine only.  TCP's handshake proves that.  For UDP a packet filter on the socket does
 * (BPF, socket(7)): what comes from outside with one of our own addresses as its source is
 * forged, and the kernel drops it.
 *
 * Packets to an address of this machine arrive on lo, whichever interface has the address.
 * IP_PKTINFO does not say so: it tells the interface that has the address.
 *
 * Knows addresses and sockets, no DNS.  own_is: any thread; own_guard: the main thread.
 */
#ifndef NEARCAST_OWN_H
#define NEARCAST_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

/* Makes the kernel drop what comes to the UDP socket `fd`, which is bound to `to`, from outside
 * with a source that own_is.  True = done; false = this cannot be had here (the socket belongs to
 * a VRF, where nothing arrives on lo; too many addresses), and no source may be trusted. */
bool own_guard(int fd, const struct addr *to, const struct addr *listen, size_t n);

/* True if `from` is one of the n addresses listened on, or, where one of them is 0.0.0.0 or ::,
 * the address `to` (16 octets) that the packet came to.  Ports do not matter. */
bool own_is(const struct addr *listen, size_t n, const struct addr *from, const uint8_t *to);

#endif
