#include "dnsd/message/query.h"

#include <assert.h>
#include <string.h>

/* A record being skipped or read: RFC 1035 3.2.1 without the owner. */
struct record {
	bool root_owner;
	uint16_t type;
	uint16_t class;			/* OPT: payload size */
	uint32_t ttl;			/* OPT: extended rcode, version, flags */
	uint16_t rdlength;
	const uint8_t *rdata;
};

/* Offset past the record at `at`, 0 if it is malformed. */
static size_t
read_rr(const uint8_t *packet, size_t len, size_t at, struct record *rr)
{
	rr->root_owner = at < len && packet[at] == 0;
	/* no owner's name is ever used, and OPT's is the root */
	at = rr->root_owner ? at + 1 : name_skip(packet, len, at);
	if (at == 0 || len - at < 10)
		return 0;
	rr->type = dns_get16(packet + at);
	rr->class = dns_get16(packet + at + 2);
	rr->ttl = dns_get32(packet + at + 4);
	rr->rdlength = dns_get16(packet + at + 8);
	rr->rdata = packet + at + 10;
	at += 10;
	return len - at >= rr->rdlength ? at + rr->rdlength : 0;
}

bool
query_parse_ecs(struct query_ecs *ecs, const uint8_t *data, size_t len)
{
	unsigned family, source, octets;

	if (len < 4)
		return false;
	family = dns_get16(data);
	source = data[2];
	octets = (source + 7) / 8;
	if (data[3] != 0)			/* 6: SCOPE MUST be 0 in queries */
		return false;
	if (len - 4 != octets)			/* 6: ADDRESS is truncated to SOURCE */
		return false;
	if (family == 0 && source != 0)
		return false;
	if (family > 2)
		return false;
	if (source > (family == 1 ? 32 : 128))
		return false;
	assert(octets <= sizeof(ecs->ip));
	memset(ecs->ip, 0, sizeof(ecs->ip));
	memcpy(ecs->ip, data + 4, octets);
	if (source % 8 != 0 && (data[4 + octets - 1] & (0xff >> (source % 8))) != 0)
		return false;			/* 6: bits past SOURCE MUST be 0 */
	ecs->present = true;
	ecs->family = family == 1 ? 4 : family == 2 ? 6 : 0;
	ecs->source = (uint8_t)source;
	return true;
}

/* One EDNS option; false = FORMERR. */
static bool
read_option(struct query *q, uint16_t code, const uint8_t *data, uint16_t len, bool tcp)
{
	switch (code) {
	case DNS_OPT_ECS:
		/* two places at once cannot be answered */
		return !q->ecs.present && query_parse_ecs(&q->ecs, data, len);
	case DNS_OPT_COOKIE:
		if (q->cookie_len != 0)		/* RFC 7873 5.2: all but the first are ignored */
			return true;
		if (len != 8 && (len < 16 || len > 40))
			return false;
		q->cookie = data;
		q->cookie_len = (uint8_t)len;
		return true;
	case DNS_OPT_NSID:
		q->nsid = true;
		return true;
	case DNS_OPT_KEEPALIVE:
		q->keepalive = tcp;
		return !tcp || len == 0;	/* RFC 7828 3.2.1 */
	case DNS_OPT_EXPLAIN:
		q->explain = true;
		return true;
	default:
		return true;			/* RFC 6891 6.1.2: unknown options are ignored */
	}
}

static enum query_outcome
read_opt(struct query *q, const struct record *opt, bool tcp)
{
	const uint8_t *p = opt->rdata;
	size_t left = opt->rdlength;

	q->edns = true;
	q->payload = opt->class < 512 ? 512 : opt->class;	/* RFC 6891 6.2.3 */
	q->edns_version = (uint8_t)(opt->ttl >> 16);
	q->dnssec_ok = (opt->ttl & 0x8000) != 0;
	if (q->edns_version != 0)
		return QUERY_BADVERS;		/* its options may look like anything */
	while (left >= 4) {
		uint16_t code = dns_get16(p), len = dns_get16(p + 2);
		if (len > left - 4 || !read_option(q, code, p + 4, len, tcp))
			return QUERY_FORMERR;
		p += 4u + len;
		left -= 4u + len;
	}
	return left == 0 ? QUERY_OK : QUERY_FORMERR;
}

/* The records after the question: nothing but OPT is of interest, but they must be
 * well-formed, and OPT stands once, in the additional section, at the root. */
static enum query_outcome
read_after_question(struct query *q, const uint8_t *packet, size_t len, size_t at, bool tcp)
{
	unsigned before = dns_get16(packet + 6) + dns_get16(packet + 8);
	unsigned count = before + dns_get16(packet + 10);
	struct record rr, opt = { .rdata = NULL };

	for (unsigned i = 0; i < count; i++) {
		at = read_rr(packet, len, at, &rr);
		if (at == 0)
			return QUERY_FORMERR;
		if (rr.type != DNS_OPT)
			continue;
		if (i < before || !rr.root_owner || opt.rdata != NULL)
			return QUERY_FORMERR;	/* RFC 6891 6.1.1 */
		opt = rr;
	}
	if (at != len)
		return QUERY_FORMERR;
	return opt.rdata != NULL ? read_opt(q, &opt, tcp) : QUERY_OK;
}

/* Offset past the question section, 0 if it is malformed. */
static size_t
read_question(struct query *q, const uint8_t *packet, size_t len)
{
	/* an uncompressed name: none can point anywhere */
	size_t name = name_walk(&q->qname, packet + DNS_HEADER_LEN, len - DNS_HEADER_LEN);
	size_t at = DNS_HEADER_LEN + name;

	if (name == 0 || len - at < 4)
		return 0;
	q->qtype = dns_get16(packet + at);
	q->qclass = dns_get16(packet + at + 2);
	q->question_end = (uint16_t)(at + 4);
	return at + 4;
}

enum query_outcome
query_parse(struct query *q, const uint8_t *packet, size_t len, bool tcp)
{
	enum query_outcome outcome;
	unsigned opcode, qdcount;
	size_t at = DNS_HEADER_LEN;

	if (len < DNS_HEADER_LEN)
		return QUERY_DROP_SHORT;
	q->id = dns_get16(packet);
	q->flags = dns_get16(packet + 2);
	if (q->flags & DNS_QR)
		return QUERY_DROP_RESPONSE;
	q->question_end = 0;
	q->edns = q->dnssec_ok = q->nsid = q->keepalive = q->explain = false;
	q->payload = 512;
	q->cookie_len = 0;
	q->ecs.present = false;

	opcode = DNS_FLAGS_OPCODE(q->flags);
	qdcount = dns_get16(packet + 4);
	if (qdcount == 1)
		at = read_question(q, packet, len);
	outcome = at != 0 && qdcount <= 1 ? read_after_question(q, packet, len, at, tcp) :
	    QUERY_FORMERR;

	assert(q->question_end <= len && q->payload >= 512);
	/* what is not for us is told so, however its body looks (RFC 1996, 2136) */
	if (opcode == DNS_OP_NOTIFY || opcode == DNS_OP_UPDATE)
		return QUERY_REFUSED;
	if (opcode != DNS_OP_QUERY)
		return QUERY_NOTIMP;
	if (outcome == QUERY_OK && qdcount == 0)
		return q->cookie_len != 0 ? QUERY_COOKIE_ONLY : QUERY_FORMERR;
	return outcome;
}
