/*
 * reply: writes an answer into a buffer: header, question, sections with names
 * compressed, OPT, truncation by whole RRsets (RFC 1035 4.1, 2181 9, 6891, 8914, 9471).
 *
 * The room that the OPT record needs is set aside from the start, so that what
 * fits is decided once.  Knows rrsets as zone.h keeps them; knows neither how they
 * were found nor steering.  A struct reply lives for one packet on the caller's
 * stack; nothing is allocated; any thread.
 */
#ifndef NEARCAST_REPLY_H
#define NEARCAST_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/dns/compress.h"
#include "common/dns/dns.h"
#include "dnsd/message/query.h"
#include "dnsd/zone/zone.h"

enum reply_section { REPLY_ANSWER, REPLY_AUTHORITY, REPLY_ADDITIONAL };

/* What the OPT record will say.  Pointers are borrowed until reply_finish. */
struct reply_opt {
	bool present;			/* the query had one */
	bool dnssec_ok;
	uint16_t payload;		/* ours */
	const uint8_t *nsid;
	uint8_t nsid_len;		/* 0 = none */
	bool cookie;
	uint8_t cookie_data[24];
	const struct query_ecs *ecs;	/* echoed; NULL = none */
	uint8_t scope;			/* SCOPE PREFIX-LENGTH */
	bool keepalive;
	uint16_t keepalive_100ms;
	int ede;			/* enum dns_ede; cut, or left out, where room lacks */
	const char *ede_text;		/* NULL = none */
};

struct reply {
	uint8_t *out;
	size_t at;			/* where the next octet goes */
	size_t end;			/* records end here at the latest, OPT follows */
	size_t size;			/* of the whole answer, at most */
	uint16_t count[3];		/* records by section */
	uint16_t flags;			/* header flags to be written; rcode apart */
	uint16_t rcode;			/* 12 bits with EDNS */
	uint16_t question_end;
	const struct zone *zone;	/* whose names are written */
	uint16_t apex_at;		/* where the apex stands in this packet */
	struct reply_opt opt;
	/* the names in the packet: */
	const struct name_walk *asked;	/* the question's; borrowed until reply_finish */
	uint32_t bits;			/* zone_name_bit of all but the question's: 0 = there is
					 * but that one */
	size_t scanned;			/* compress has those up to here; 0 = nothing was shortened
					 * yet, 1 = it has to begin anew */
	struct compress compress;
};

/* Octets that header, question and OPT (without EDE) surely fit into. */
enum { REPLY_LEAST = 512 };

/* Starts an answer of at most `size` octets, or as many as header, question and OPT take;
 * copies the question, if there is one.  `out` has room for that, REPLY_LEAST octets at least,
 * and is borrowed until reply_finish.  The caller has filled r->opt in; scope and ede may change
 * until the end. */
void reply_begin(struct reply *r, const struct query *q, uint8_t *out, size_t size);

/* Names written from now on belong to `zone`, whose apex stands at offset `apex_at` of the
 * packet (below 16384).  The zone is borrowed until reply_finish. */
static inline void
reply_zone(struct reply *r, const struct zone *zone, size_t apex_at)
{
	r->zone = zone;
	r->apex_at = (uint16_t)apex_at;
}

/* Where the name at offset `at` of the packet stands, without its first `octets` octets, which are
 * whole labels: pointers are followed, so that none needs to lead to another. */
static inline size_t
reply_name_at(const struct reply *r, size_t at, size_t octets)
{
	for (;;) {
		if (r->out[at] >= 0xc0) {
			at = dns_get16(r->out + at) & 0x3fffu;
		} else if (octets == 0) {
			return at;
		} else {
			octets -= r->out[at] + 1u;
			at += r->out[at] + 1u;
		}
	}
}

/* True if all rrsets so far stand in the packet as they are stored, but for what their pointers
 * lead to: what stands at an offset of their wire stands there in the packet too. */
static inline bool
reply_as_stored(const struct reply *r)
{
	return r->scanned == 0;
}

/* The following write whole or not at all; false = it did not fit.  Sections are written in
 * their order. */

/* An rrset whose owner stands at offset `owner_at` (12 to 16383) of the packet; with
 * its signatures when the query asked for them. */
bool reply_rrset(struct reply *r, enum reply_section section, size_t owner_at,
    const struct rrset *set);

/* An rrset whose type has no names to be shortened, and whose owner (wire form) may not be in the
 * packet yet. */
bool reply_rrset_named(struct reply *r, enum reply_section section, const uint8_t *owner,
    const struct rrset *set);

/* The signatures over an rrset, which has some, alone, in the answer section. */
bool reply_signatures(struct reply *r, size_t owner_at, const struct rrset *set);

/* One record of our own making; rdlength at most 65535. */
bool reply_record(struct reply *r, enum reply_section section, size_t owner_at, uint16_t type,
    uint16_t class, uint32_t ttl_s, const uint8_t *rdata, size_t rdlength);

/* One record of our own making whose data is a name (wire form), in the answer section. */
bool reply_name_record(struct reply *r, size_t owner_at, uint16_t type, uint32_t ttl_s,
    const uint8_t *name);

/* Where the rdata of the next record would go and how many octets fit there: a caller
 * may write it in place and then pass it to reply_record. */
uint8_t *reply_rdata(struct reply *r, size_t *room);

/* n addresses (1 or more) as an A rrset, of 4 octets each, or an AAAA rrset, of 16, in the
 * answer section. */
bool reply_addresses(struct reply *r, size_t owner_at, uint8_t family, uint32_t ttl_s,
    const uint8_t *const *ip, unsigned n);

/* Writes OPT and the header.  Returns the octets of the whole answer. */
size_t reply_finish(struct reply *r, const struct query *q);

#endif
