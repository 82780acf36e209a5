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

#include "dnsd/dns.h"
#include "dnsd/name.h"

/* Ordered from worst to fine. */
enum query_outcome {
	QUERY_DROP_SHORT,		/* shorter than a header */
	QUERY_DROP_RESPONSE,		/* QR is set: never answer an answer */
	QUERY_FORMERR,
	QUERY_NOTIMP,			/* opcode other than QUERY */
	QUERY_REFUSED,			/* NOTIFY, UPDATE: understood, not for us */
	QUERY_BADVERS,
	QUERY_OK
};

/* EDNS Client Subnet as asked (RFC 7871 section 6). */
struct query_ecs {
	bool present;
	uint8_t family;			/* 4 or 6; 0 when SOURCE is 0 and family was 0 */
	uint8_t source;			/* SOURCE PREFIX-LENGTH, bits */
	uint8_t ip[16];			/* zero past source */
};

struct query {
	uint16_t id;
	uint16_t flags;			/* as received */
	/* The question; valid unless question_end is 0. */
	const uint8_t *qname;		/* in the packet, uncompressed, case as asked */
	uint8_t qname_len;
	uint8_t labels;			/* without the root */
	uint16_t qtype, qclass;
	uint16_t question_end;		/* offset past the question; 0 = none readable */
	/* label[i] is the offset in qname of the i-th label from the right, i from 1
	 * to labels; hash[i] the hash of the name that starts there; hash[0] the root's. */
	uint8_t label[NAME_MAX_LABELS];
	uint64_t hash[NAME_MAX_LABELS];

	bool edns, dnssec_ok, nsid, keepalive, explain;
	uint8_t edns_version;
	uint16_t payload;		/* requester's UDP size, at least 512; 512 without EDNS */
	uint8_t cookie_len;		/* 0 = none, 8, or 16-40 */
	const uint8_t *cookie;
	struct query_ecs ecs;
};

/* Reads a packet.  With QUERY_FORMERR and worse the fields read so far are
 * valid, so that the error can echo id, opcode and question. */
enum query_outcome query_parse(struct query *q, const uint8_t *packet, size_t len);

/* Reads one Client Subnet option's data (RFC 7871 6 and 7.1.1); false = FORMERR. */
bool query_parse_ecs(struct query_ecs *ecs, const uint8_t *data, size_t len);

#endif
