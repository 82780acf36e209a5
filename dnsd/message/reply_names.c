#include "dnsd/message/reply_names.h"

#include <assert.h>
#include <string.h>

enum { RR_HEAD = 12 };			/* pointer to the owner, type, class, TTL, rdlength */

void
reply_names_scan(struct reply *r)
{
	const uint8_t *out = r->out;

	assert(r->question_end != 0);	/* there is none of our names without a question */
	if (r->scanned < DNS_HEADER_LEN) {
		compress_begin(&r->compress, out, r->question_end);
		compress_note(&r->compress, DNS_HEADER_LEN);
		r->scanned = r->question_end;
	}
	while (r->scanned < r->at) {
		size_t at = r->scanned, first;
		unsigned n;

		if (out[at] < 0xc0)
			compress_note(&r->compress, at);
		at = name_skip(out, r->at, at) + 10;
		r->scanned = at + dns_get16(out + at - 2);
		n = compress_names(dns_get16(out + at - 10), &first);
		for (at += first; n > 0; n--) {
			compress_note(&r->compress, at);
			at = name_skip(out, r->at, at);
		}
	}
	assert(r->scanned == r->at);
}

/* Copies `len` octets of records to `p`; the end, NULL if they do not fit. */
static uint8_t *
copy_octets(uint8_t *p, const uint8_t *end, const uint8_t *octets, size_t len)
{
	if (p == NULL || len > (size_t)(end - p))
		return NULL;
	memcpy(p, octets, len);
	return p + len;
}

uint8_t *
reply_names_rrset(struct reply *r, size_t owner_at, const struct rrset *set)
{
	const uint8_t *from = set->wire, *end = r->out + r->end;
	uint8_t *p = r->out + r->at, *record = p, name[NAME_MAX_WIRE];
	size_t first, octets, pointer;
	unsigned n = compress_names(set->type, &first);

	while (p != NULL && from < set->wire + set->len) {
		const uint8_t *next = from + RR_HEAD + dns_get16(from + 10);

		p = copy_octets(p, end, from, RR_HEAD + first);
		from += RR_HEAD + first;
		for (unsigned i = 0; i < n && p != NULL; i++) {
			from += zone_target(r->zone, set, from, name);
			octets = compress_put(&r->compress, p, (size_t)(end - p), name, &pointer);
			p = octets != 0 ? p + octets : NULL;
		}
		p = copy_octets(p, end, from, (size_t)(next - from));
		if (p != NULL)
			dns_put16(record + 10, (uint16_t)(p - record - RR_HEAD));
		from = next;
		record = p;
	}
	if (r->opt.dnssec_ok)
		p = copy_octets(p, end, from, set->sigs_len);
	for (record = r->out + r->at; record < p; record += RR_HEAD + dns_get16(record + 10))
		dns_put16(record, (uint16_t)(0xc000 | owner_at));
	return p;
}

size_t
reply_names_put(struct reply *r, uint8_t *out, size_t room, const uint8_t *name)
{
	size_t pointer;

	reply_names_scan(r);
	r->bits = UINT32_MAX;		/* the names of later rrsets may have met this one */
	return compress_put(&r->compress, out, room, name, &pointer);
}

void
reply_names_done(struct reply *r, bool kept)
{
	r->scanned = kept ? r->at : 1;
}
