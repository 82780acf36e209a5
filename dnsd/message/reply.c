#include "dnsd/message/reply.h"

#include <assert.h>
#include <string.h>

#include "common/addr.h"
#include "dnsd/message/reply_names.h"

enum {
	RR_FIXED = 12,			/* pointer to the owner, type, class, TTL, rdlength */
	OPT_FIXED = 11,
	OPTION_HEAD = 4
};

static size_t
ecs_octets(const struct query_ecs *ecs)
{
	return 4u + (ecs->source + 7u) / 8;
}

/* Room the OPT record needs, without EDE, which takes what is left. */
static size_t
opt_room(const struct reply_opt *opt)
{
	size_t n = OPT_FIXED;

	if (!opt->present)
		return 0;
	if (opt->nsid_len != 0)
		n += OPTION_HEAD + opt->nsid_len;
	if (opt->cookie)
		n += OPTION_HEAD + sizeof(opt->cookie_data);
	if (opt->ecs != NULL)
		n += OPTION_HEAD + ecs_octets(opt->ecs);
	if (opt->keepalive)
		n += OPTION_HEAD + 2;
	return n;
}

void
reply_begin(struct reply *r, const struct query *q, uint8_t *out, size_t size)
{
	size_t room = opt_room(&r->opt), least;

	assert(q->question_end == 0 || (q->question_end >= DNS_HEADER_LEN + 5 &&
	    q->question_end <= DNS_HEADER_LEN + NAME_MAX_WIRE + 4));

	r->out = out;
	r->at = DNS_HEADER_LEN;
	r->question_end = q->question_end;
	if (q->question_end != 0) {
		/* the question lies in the packet right before its own end */
		size_t len = q->question_end - (size_t)DNS_HEADER_LEN;
		memcpy(out + DNS_HEADER_LEN, q->qname.name, len);
		r->at += len;
	}
	least = r->at + room;
	assert(least <= REPLY_LEAST);
	r->size = size < least ? least : size;
	r->end = r->size - room;
	r->count[0] = r->count[1] = r->count[2] = 0;
	r->flags = 0;
	r->rcode = DNS_NOERROR;
	r->zone = NULL;
	r->apex_at = 0;
	r->asked = &q->qname;
	r->bits = 0;
	r->scanned = 0;
}

/* Puts a pointer to the name at `offset` of the packet (RFC 1035 4.1.4). */
static void
put_pointer(uint8_t *p, size_t offset)
{
	assert(offset >= DNS_HEADER_LEN && offset < 0x4000);
	dns_put16(p, (uint16_t)(0xc000 | offset));
}

/* Counts n records of a section, which end at `end`. */
static void
count_records(struct reply *r, enum reply_section section, unsigned n, const uint8_t *end)
{
	assert(end > r->out + r->at && end <= r->out + r->end);
	/* sections are written in their order */
	assert(section == REPLY_ADDITIONAL || r->count[REPLY_ADDITIONAL] == 0);
	assert(section != REPLY_ANSWER || r->count[REPLY_AUTHORITY] == 0);
	r->at = (size_t)(end - r->out);
	r->count[section] = (uint16_t)(r->count[section] + n);
}

/* Signatures are copied with the records, or all are left out. */
static size_t
wire_len(const struct reply *r, const struct rrset *set)
{
	return r->opt.dnssec_ok ? (size_t)set->len + set->sigs_len : set->len;
}

static uint16_t
wire_count(const struct reply *r, const struct rrset *set)
{
	return (uint16_t)(set->count + (r->opt.dnssec_ok ? set->n_sigs : 0));
}

/* Is the end of the question's name none of the set's?  Their list tells more than a bit. */
static bool __attribute__((noinline))
is_unasked(const struct reply *r, const struct zone_names *names, const uint32_t *end)
{
	uint32_t asked = (uint32_t)(r->asked->hash[r->zone->apex_labels + 1u] >> 32);

	for (unsigned i = 0; i < names->n_ends; i++)
		if (end[i] == asked)
			return false;
	return names->n_ends != 0;
}

/* May names of this set, other than what the apex ends with too, be in the packet already?
 * Remembers its names. */
static inline bool
shares_names(struct reply *r, const struct rrset *set)
{
	const struct zone_names *names = zone_names_of(set);
	unsigned apex_labels = r->zone->apex_labels;
	uint32_t before = r->bits;
	bool only_asked = before == 0;

	if (only_asked && r->asked->labels > apex_labels)
		before = zone_name_bit(r->asked->hash[apex_labels + 1]);
	r->bits = before | names->bits;
	if ((before & names->bits) == 0)
		return false;
	return !only_asked || !is_unasked(r, names, names->words + set->n_pointers);
}

/* Points the names of a set that was copied to `p` to where the apex and the set now are. */
static void
put_pointers(const struct reply *r, const struct rrset *set, const uint32_t *word, uint8_t *p)
{
	unsigned to_apex = r->apex_at - (unsigned)DNS_HEADER_LEN;
	unsigned to_set = 0x4000 + (unsigned)(p - r->out);

	for (unsigned i = 0; i < set->n_pointers; i++) {
		unsigned v = dns_get16(p + word[i]);

		v += (v & 0x4000) != 0 ? to_apex : to_set;
		assert(v >= 0xc000 + DNS_HEADER_LEN && v < 0xc000 + r->at + word[i]);
		dns_put16(p + word[i], (uint16_t)v);
	}
}

/* Copies a set as the zone has it; NULL if it does not fit. */
static inline uint8_t *
put_stored(struct reply *r, enum reply_section section, size_t owner_at, const struct rrset *set)
{
	size_t len = set->len, at = 0;
	unsigned n = set->count;
	uint8_t *p = r->out + r->at;

	if (r->opt.dnssec_ok) {
		len += set->sigs_len;
		n += set->n_sigs;
	}
	if (len > r->end - r->at)
		return NULL;
	memcpy(p, set->wire, len);
	if (owner_at != DNS_HEADER_LEN) {	/* zone.h: the owner points at the question */
		for (; at < len; at += RR_FIXED + (size_t)dns_get16(p + at + 10))
			put_pointer(p + at, owner_at);
		assert(at == len);
	}
	count_records(r, section, n, p + len);
	return p;
}

/* A set of a type that has no names to be shortened. */
static bool __attribute__((noinline))
put_plain(struct reply *r, enum reply_section section, size_t owner_at, const struct rrset *set)
{
	return put_stored(r, section, owner_at, set) != NULL;
}

/* A set with such names, all of which stand in the wire as they should in this packet. */
static bool __attribute__((noinline))
put_pointed(struct reply *r, enum reply_section section, size_t owner_at, const struct rrset *set)
{
	const struct zone_names *names = zone_names_of(set);
	uint8_t *p = put_stored(r, section, owner_at, set);

	if (p == NULL)
		return false;
	if (names->reach != 0)
		put_pointers(r, set, names->words, p);
	else
		for (unsigned i = 0; i < set->n_pointers; i++)
			put_pointer(p + names->words[i], r->apex_at);
	return true;
}

/* A set with such names, which have to be looked for in the packet. */
static bool __attribute__((noinline))
put_shortened(struct reply *r, enum reply_section section, size_t owner_at,
    const struct rrset *set)
{
	uint8_t *end;

	reply_names_scan(r);
	end = reply_names_rrset(r, owner_at, set);
	if (end != NULL)
		count_records(r, section, wire_count(r, set), end);
	reply_names_done(r, end != NULL);
	return end != NULL;
}

bool
reply_rrset(struct reply *r, enum reply_section section, size_t owner_at,
    const struct rrset *set)
{
	assert(owner_at < 0x4000);
	assert(set->count != 0 && set->len >= RR_FIXED);
	if (set->n_names == 0)
		return put_plain(r, section, owner_at, set);
	if (shares_names(r, set) || r->at + zone_names_of(set)->reach >= COMPRESS_REACH)
		return put_shortened(r, section, owner_at, set);
	return put_pointed(r, section, owner_at, set);
}

bool
reply_signatures(struct reply *r, size_t owner_at, const struct rrset *set)
{
	uint8_t *p = r->out + r->at;

	assert(set->n_sigs != 0);
	if (set->sigs_len > r->end - r->at)
		return false;
	memcpy(p, set->wire + set->len, set->sigs_len);
	for (size_t at = 0; at < set->sigs_len; at += RR_FIXED + (size_t)dns_get16(p + at + 10))
		put_pointer(p + at, owner_at);
	count_records(r, REPLY_ANSWER, set->n_sigs, p + set->sigs_len);
	return true;
}

bool
reply_rrset_named(struct reply *r, enum reply_section section, const uint8_t *owner,
    const struct rrset *set)
{
	uint8_t *p = r->out + r->at, *end = r->out + r->end;
	size_t owner_at = COMPRESS_REACH, len = wire_len(r, set), record;

	assert(set->n_names == 0);
	for (size_t at = 0; at < len; at += record) {
		size_t octets = 2;

		record = RR_FIXED + (size_t)dns_get16(set->wire + at + 10);
		if (owner_at >= COMPRESS_REACH)
			octets = reply_names_put(r, p, (size_t)(end - p), owner);
		if (octets == 0 || octets + record - 2 > (size_t)(end - p)) {
			reply_names_done(r, false);
			return false;
		}
		if (owner_at < COMPRESS_REACH)
			put_pointer(p, owner_at);
		else
			owner_at = reply_name_at(r, (size_t)(p - r->out), 0);
		memcpy(p + octets, set->wire + at + 2, record - 2);
		p += octets + record - 2;
	}
	count_records(r, section, wire_count(r, set), p);
	reply_names_done(r, true);
	return true;
}

/* The fixed part of a record; returns where its rdata goes. */
static uint8_t *
put_fixed(uint8_t *p, size_t owner_at, uint16_t type, uint16_t class, uint32_t ttl_s,
    size_t rdlength)
{
	assert(rdlength <= UINT16_MAX);
	put_pointer(p, owner_at);
	dns_put16(p + 2, type);
	dns_put16(p + 4, class);
	dns_put32(p + 6, ttl_s);
	dns_put16(p + 10, (uint16_t)rdlength);
	return p + RR_FIXED;
}

bool
reply_record(struct reply *r, enum reply_section section, size_t owner_at, uint16_t type,
    uint16_t class, uint32_t ttl_s, const uint8_t *rdata, size_t rdlength)
{
	uint8_t *p = r->out + r->at;

	if (RR_FIXED + rdlength > r->end - r->at)
		return false;
	p = put_fixed(p, owner_at, type, class, ttl_s, rdlength);
	memmove(p, rdata, rdlength);		/* it may be there already: reply_rdata */
	count_records(r, section, 1, p + rdlength);
	return true;
}

bool
reply_name_record(struct reply *r, size_t owner_at, uint16_t type, uint32_t ttl_s,
    const uint8_t *name)
{
	size_t room = r->end - r->at, len = 0;
	uint8_t *p = r->out + r->at;

	if (room > RR_FIXED)
		len = reply_names_put(r, p + RR_FIXED, room - RR_FIXED, name);
	if (len != 0) {
		put_fixed(p, owner_at, type, DNS_IN, ttl_s, len);
		count_records(r, REPLY_ANSWER, 1, p + RR_FIXED + len);
	}
	reply_names_done(r, len != 0);
	return len != 0;
}

uint8_t *
reply_rdata(struct reply *r, size_t *room)
{
	size_t left = r->end - r->at;

	*room = left > RR_FIXED ? left - RR_FIXED : 0;
	return r->out + r->at + RR_FIXED;
}

bool
reply_addresses(struct reply *r, size_t owner_at, uint8_t family, uint32_t ttl_s,
    const uint8_t *const *ip, unsigned n)
{
	size_t octets = addr_len(family);
	uint8_t *p = r->out + r->at;

	assert(n != 0 && (family == 4 || family == 6));
	if (n * (RR_FIXED + octets) > r->end - r->at)
		return false;
	for (unsigned i = 0; i < n; i++, p += octets) {
		p = put_fixed(p, owner_at, family == 4 ? DNS_A : DNS_AAAA, DNS_IN, ttl_s, octets);
		memcpy(p, ip[i], octets);
	}
	count_records(r, REPLY_ANSWER, n, p);
	return true;
}

static uint8_t *
put_option(uint8_t *p, uint16_t code, const void *data, size_t len)
{
	dns_put16(p, code);
	dns_put16(p + 2, (uint16_t)len);
	memcpy(p + OPTION_HEAD, data, len);
	return p + OPTION_HEAD + len;
}

static uint8_t *
put_ecs(uint8_t *p, const struct query_ecs *ecs, uint8_t scope)
{
	uint8_t data[20];

	assert(ecs->source <= (ecs->family == 4 ? 32 : 128));
	assert(scope <= (ecs->family == 4 ? 32 : 128));
	dns_put16(data, ecs->family == 4 ? 1 : ecs->family == 6 ? 2 : 0);
	data[2] = ecs->source;
	data[3] = scope;
	memcpy(data + 4, ecs->ip, 16);
	return put_option(p, DNS_OPT_ECS, data, ecs_octets(ecs));
}

/* RFC 8914: the code, and as much of the text as fits. */
static uint8_t *
put_ede(uint8_t *p, const uint8_t *limit, int code, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;
	size_t room = (size_t)(limit - p);

	if (room < OPTION_HEAD + 2)
		return p;
	if (len > room - OPTION_HEAD - 2)
		len = room - OPTION_HEAD - 2;
	dns_put16(p, DNS_OPT_EDE);
	dns_put16(p + 2, (uint16_t)(2 + len));
	dns_put16(p + 4, (uint16_t)code);
	memcpy(p + 6, len != 0 ? text : "", len);
	return p + 6 + len;
}

static void
put_opt(struct reply *r)
{
	const struct reply_opt *opt = &r->opt;
	uint8_t *start = r->out + r->at, *p = start + OPT_FIXED, keepalive[2];

	if (opt->nsid_len != 0)
		p = put_option(p, DNS_OPT_NSID, opt->nsid, opt->nsid_len);
	if (opt->cookie)
		p = put_option(p, DNS_OPT_COOKIE, opt->cookie_data, sizeof(opt->cookie_data));
	if (opt->ecs != NULL)
		p = put_ecs(p, opt->ecs, opt->scope);
	if (opt->keepalive) {
		dns_put16(keepalive, opt->keepalive_100ms);
		p = put_option(p, DNS_OPT_KEEPALIVE, keepalive, sizeof(keepalive));
	}
	assert(p <= r->out + r->size);		/* reply_begin has kept this room free */
	if (opt->ede != DNS_EDE_NONE)
		p = put_ede(p, r->out + r->size, opt->ede, opt->ede_text);

	start[0] = 0;
	dns_put16(start + 1, DNS_OPT);
	dns_put16(start + 3, opt->payload);
	dns_put32(start + 5, (uint32_t)(r->rcode >> 4) << 24 | (opt->dnssec_ok ? 0x8000 : 0));
	dns_put16(start + 9, (uint16_t)(p - start - OPT_FIXED));
	r->at = (size_t)(p - r->out);
	r->count[REPLY_ADDITIONAL]++;
}

size_t
reply_finish(struct reply *r, const struct query *q)
{
	uint8_t *h = r->out;

	assert(r->at <= r->end && r->end <= r->size);
	if (r->opt.present)
		put_opt(r);
	assert(r->at <= r->size);
	dns_put16(h, q->id);
	/* opcode and RD as asked, CD too (RFC 4035 3.1.6) */
	dns_put16(h + 2, (uint16_t)(DNS_QR | (q->flags & (0x7800 | DNS_RD | DNS_CD)) |
	    r->flags | (r->rcode & 15)));
	dns_put16(h + 4, q->question_end != 0);
	dns_put16(h + 6, r->count[REPLY_ANSWER]);
	dns_put16(h + 8, r->count[REPLY_AUTHORITY]);
	dns_put16(h + 10, r->count[REPLY_ADDITIONAL]);
	return r->at;
}
