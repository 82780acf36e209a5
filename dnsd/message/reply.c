#include "dnsd/message/reply.h"

#include <assert.h>
#include <string.h>

#include "common/addr.h"

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
	r->size = size < least ? least : size;
	r->end = r->size - room;
	r->count[0] = r->count[1] = r->count[2] = 0;
	r->flags = 0;
	r->rcode = DNS_NOERROR;
	r->zone = NULL;
	r->apex_at = 0;
}

/* Copies records in the form zone.h keeps them and puts the owner's pointer in where
 * the owner is not the question. */
static void
put_records(uint8_t *p, const uint8_t *wire, size_t len, size_t owner_at)
{
	memcpy(p, wire, len);
	if (owner_at == DNS_HEADER_LEN)
		return;
	for (size_t at = 0; at < len; at += RR_FIXED + (size_t)dns_get16(p + at + 10))
		dns_put16(p + at, (uint16_t)(0xc000 | owner_at));
}

/* Signatures are copied with the records, or left out together. */
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

bool
reply_rrset(struct reply *r, enum reply_section section, size_t owner_at,
    const struct rrset *set)
{
	size_t len = wire_len(r, set);
	uint8_t *p = r->out + r->at;

	assert(owner_at < 0x4000);
	if (len > r->end - r->at)
		return false;
	put_records(p, set->wire, len, owner_at);
	if (set->n_fixups != 0) {
		const uint32_t *fixup = zone_fixups(set);
		for (unsigned i = 0; i < set->n_fixups && fixup[i] < len; i++)
			dns_put16(p + fixup[i], (uint16_t)(0xc000 | r->apex_at));
	}
	r->at += len;
	r->count[section] = (uint16_t)(r->count[section] + wire_count(r, set));
	return true;
}

/* The owner's labels up to the apex, then a pointer to it. */
static size_t
put_owner(const struct reply *r, uint8_t *out, const uint8_t *owner)
{
	size_t head = name_len(owner) - r->zone->apex_len;

	memcpy(out, owner, head);
	dns_put16(out + head, (uint16_t)(0xc000 | r->apex_at));
	return head + 2;
}

bool
reply_rrset_named(struct reply *r, enum reply_section section, const uint8_t *owner,
    const struct rrset *set)
{
	uint8_t name[NAME_MAX_WIRE + 2];
	size_t name_octets = put_owner(r, name, owner);
	size_t len = wire_len(r, set);
	uint8_t *p = r->out + r->at;

	/* address rrsets only: there are no names in their rdata */
	assert(set->n_fixups == 0);
	if (len + wire_count(r, set) * (name_octets - 2) > r->end - r->at)
		return false;
	for (size_t at = 0; at < len;) {
		size_t record = RR_FIXED + (size_t)dns_get16(set->wire + at + 10);
		memcpy(p, name, name_octets);
		memcpy(p + name_octets, set->wire + at + 2, record - 2);
		p += name_octets + record - 2;
		at += record;
	}
	r->at = (size_t)(p - r->out);
	r->count[section] = (uint16_t)(r->count[section] + wire_count(r, set));
	return true;
}

/* The fixed part of a record; returns where its rdata goes. */
static uint8_t *
put_fixed(uint8_t *p, size_t owner_at, uint16_t type, uint16_t class, uint32_t ttl_s,
    size_t rdlength)
{
	dns_put16(p, (uint16_t)(0xc000 | owner_at));
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
	if (RR_FIXED + rdlength > r->end - r->at)
		return false;
	memmove(put_fixed(r->out + r->at, owner_at, type, class, ttl_s, rdlength), rdata, rdlength);
	r->at += RR_FIXED + rdlength;
	r->count[section]++;
	return true;
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

	if (n * (RR_FIXED + octets) > r->end - r->at)
		return false;
	for (unsigned i = 0; i < n; i++, p += octets) {
		p = put_fixed(p, owner_at, family == 4 ? DNS_A : DNS_AAAA, DNS_IN, ttl_s, octets);
		memcpy(p, ip[i], octets);
	}
	r->at = (size_t)(p - r->out);
	r->count[REPLY_ANSWER] = (uint16_t)(r->count[REPLY_ANSWER] + n);
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

	if (r->opt.present)
		put_opt(r);
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
