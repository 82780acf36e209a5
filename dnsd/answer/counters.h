/*
 * counters: what one worker has counted.
 *
 * Each worker owns one struct and is the only one to write it; readers (the control
 * socket) sum over workers and may see a value that is a moment old.  The atomics are
 * relaxed: on x86 a plain load and a plain store.  Knows nothing of what is counted.
 */
#ifndef NEARCAST_COUNTERS_H
#define NEARCAST_COUNTERS_H

#include <stdint.h>

/* name (Prometheus), help */
#define COUNTERS(X) \
	X(udp_queries, "queries received over UDP") \
	X(udp_answers, "answers sent over UDP") \
	X(udp_oversized, "queries over UDP of more octets than are read: FORMERR") \
	X(udp_uncut, "times the kernel refused to cut joined answers") \
	X(tcp_queries, "queries received over TCP") \
	X(tcp_connections, "TCP connections accepted") \
	X(tcp_evicted, "TCP connections closed to make room for others") \
	X(tcp_overheld, "TCP connections closed for the memory they held") \
	X(tcp_refused, "TCP connections refused by a limit") \
	X(answers_noerror, "answers with rcode NOERROR") \
	X(answers_nodata, "answers NOERROR without data") \
	X(answers_nxdomain, "answers with rcode NXDOMAIN") \
	X(answers_refused, "answers with rcode REFUSED") \
	X(answers_formerr, "answers with rcode FORMERR") \
	X(answers_notimp, "answers with rcode NOTIMP") \
	X(answers_badvers, "answers with rcode BADVERS") \
	X(answers_badcookie, "answers with rcode BADCOOKIE") \
	X(answers_servfail, "answers with rcode SERVFAIL") \
	X(answers_other, "answers with another rcode") \
	X(answers_referral, "referrals to child zones") \
	X(answers_truncated, "answers cut and sent with TC") \
	X(answers_steered, "answers chosen by steering") \
	X(answers_steered_ecs, "steered answers located by Client Subnet") \
	X(answers_unlocated, "steered answers that clients in no database would get, too") \
	X(answers_fail_open, "steered answers given although every server was down") \
	X(drop_short, "packets dropped: shorter than a header") \
	X(drop_response, "packets dropped: QR is set") \
	X(drop_port0, "packets dropped: source port 0") \
	X(drop_send, "answers the kernel did not take") \
	X(drop_rrl, "answers dropped by rate limiting") \
	X(slip_rrl, "answers truncated by rate limiting") \
	X(answers_over_budget, "answers truncated because their prefix had got too many octets")

struct counters {
#define COUNTERS_FIELD(name, help) uint64_t name;
	COUNTERS(COUNTERS_FIELD)
#undef COUNTERS_FIELD
} __attribute__((aligned(64)));

/* One writer: a plain load and store, but never torn. */
#define COUNTER_ADD(c, field, n) \
	__atomic_store_n(&(c)->field, __atomic_load_n(&(c)->field, __ATOMIC_RELAXED) + (n), \
	    __ATOMIC_RELAXED)

/* The same for what its owner counts elsewhere. */
#define COUNTER_SET(c, field, n) __atomic_store_n(&(c)->field, (n), __ATOMIC_RELAXED)

#endif
