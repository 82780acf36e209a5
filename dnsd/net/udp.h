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
 * fragments at 1280.  Knows nothing of DNS: answer.h answers, and cuts an answer down when
 * rate limiting (rrl.h) says so.
 */
#ifndef NEARCAST_UDP_H
#define NEARCAST_UDP_H

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"
#include "common/err.h"
#include "dnsd/answer/counters.h"
#include "dnsd/net/serving.h"

struct udp_worker;

/* Takes a socket bound to `addr` (on failure too) and starts a thread.  `serving` is borrowed until
 * udp_free.  NULL with a reason. */
struct udp_worker *udp_start(int fd, const struct addr *addr, struct serving *serving,
    struct err *err);

/* The first tells the thread to end, once it has answered what has come; the second waits for
 * that, after which only counters are left; the third frees them. */
void udp_wake(struct udp_worker *worker);
void udp_join(struct udp_worker *worker);
void udp_free(struct udp_worker *worker);

/* own_guard for its socket, with the addresses that are listened on now. */
bool udp_guard(const struct udp_worker *worker, const struct addr *listen, size_t n);

const struct counters *udp_counters(const struct udp_worker *worker);

#endif
