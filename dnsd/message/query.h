/*
 * query: what a packet asks, checked in RFC order, before any data is looked at.
 *
 * Reads the header, the question and the OPT record with its options (RFC 1035,
 * 6891, 7871, 7873, 7828, 5001).  Knows no zones, no cookies' secrets, and writes
 * nothing.  The struct points into the packet, which the caller keeps until the
 * answer is written.  Pure; any thread; no allocation.
 */
#ifndef NEARCAST_QUERY_H
#define NEARCAST_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/dns.h"
#include "common/dns/name.h"

/* Ordered from worst to fine. */
enum query_outcome {
	QUERY_DROP_SHORT,		/* shorter than a header */
	QUERY_DROP_RESPONSE,		/* QR is set: never answer an answer */
	QUERY_FORMERR,
	QUERY_NOTIMP,			/* opcode other than QUERY */
	QUERY_REFUSED,			/* NOTIFY, UPDATE: understood, not for us */
	QUERY_BADVERS,
	QUERY_COOKIE_ONLY,		/* no question, only a cookie (RFC 7873 5.4) */
	QUERY_OK
};

/* EDNS Client Subnet as asked (RFC 7871 section 6). */
struct query_ecs {
	bool present;
	uint8_t family;			/* 4 or 6; 0 as asked, with SOURCE 0 only */
	uint8_t source;			/* SOURCE PREFIX-LENGTH, bits */
	uint8_t ip[16];			/* zero past source */
};

struct query {
	uint16_t id;
	uint16_t flags;			/* as received */
	/* the question, with qname below; valid unless question_end is 0 */
	uint16_t qtype, qclass;
	uint16_t question_end;		/* offset past it */

	bool edns, dnssec_ok, nsid, keepalive, explain;
	uint8_t edns_version;
	uint16_t payload;		/* requester's UDP size, at least 512; 512 without EDNS */
	uint8_t cookie_len;		/* octets: 0 = none, 8, or 16 to 40 */
	const uint8_t *cookie;		/* in the packet */
	struct query_ecs ecs;
	struct name_walk qname;		/* uncompressed in the packet, case as asked */
};

/* Reads a packet of `len` octets, whatever they are.  Unless it is to be dropped, id and flags are
 * set, and what was not reached is "not there" (question_end 0, edns false), so that an error can
 * echo what was understood.  `tcp` matters to edns-tcp-keepalive only (RFC 7828 3.2.1: ignored
 * over UDP). */
enum query_outcome query_parse(struct query *q, const uint8_t *packet, size_t len, bool tcp);

/* Reads the `len` octets of one Client Subnet option's data (RFC 7871 6 and 7.1.1); false =
 * FORMERR, and *ecs is as it was, but for the address. */
bool query_parse_ecs(struct query_ecs *ecs, const uint8_t *data, size_t len);

#endif
