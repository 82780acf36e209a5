/*
 * udp: datagrams in, datagrams out.
 *
 * Each worker has one socket and one thread for each listen address (SO_REUSEPORT: the
 * kernel spreads clients over workers).  The loop is recvmmsg, answers for the whole
 * batch, sendmmsg: no other system call, no allocation, no lock.  Replies leave
 * from the address that was asked: a socket bound to one address cannot do otherwise,
 * one bound to a wildcard asks the kernel (IP_PKTINFO) and hands the address back.
 *
 * This machine's own questions are marked as such (own.h).  Answers are never larger
 * than the path surely carries: IPv4 ignores path MTU (a forged ICMP cannot shrink it), IPv6
 * fragments at 1280.  Knows nothing of DNS: answer.h answers, and cuts an answer down when rate limiting (rrl.h) says so.
 */
#ifndef NEARCAST_UDP_H
#define NEARCAST_UDP_H

#include "common/addr.h"
#include "common/err.h"
#include "dnsd/answer/counters.h"
#include "dnsd/net/serving.h"

struct udp_worker;

/* Takes a socket bound to `addr` (on failure too) and starts a thread.  `serving` is borrowed until
 * udp_free.  NULL with a reason. */
struct udp_worker *udp_start(int fd, const struct addr *addr, struct serving *serving,
    struct err *err);

/* After serving->stop is set: the first wakes the thread, the second waits for its end. */
void udp_wake(struct udp_worker *worker);
void udp_free(struct udp_worker *worker);

const struct counters *udp_counters(const struct udp_worker *worker);

#endif
