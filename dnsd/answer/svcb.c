#include "dnsd/answer/svcb.h"

#include <assert.h>
#include <string.h>

#include "dnsd/answer/answer_steered.h"
#include "dnsd/answer/explain.h"

enum { KEY_MANDATORY = 0, KEY_IPV4HINT = 4, KEY_IPV6HINT = 6 };

/* By family, IPv4 first: whether the rrset has such a hint, whether it stays as it is, and else
 * what the client gets then. */
struct hints {
	bool there[2];
	bool stays[2];
	struct steer_answer picked[2];
};

/* The index of a hint's family; -1 = the parameter is no hint. */
static int
hint_family(unsigned key)
{
	return key == KEY_IPV4HINT ? 0 : key == KEY_IPV6HINT ? 1 : -1;
}

/* Offset of the SvcParams: past priority and target (RFC 9460 2.2). */
static size_t
params_at(const uint8_t *rdata, size_t len)
{
	size_t name = len > 2 ? name_check(rdata + 2, len - 2) : 0;

	return name != 0 ? 2 + name : len;
}

static bool
has_param(const uint8_t *rdata, size_t len, unsigned key)
{
	size_t at = params_at(rdata, len);

	while (at + 4 <= len && 4u + dns_get16(rdata + at + 2) <= len - at) {
		if (dns_get16(rdata + at) == key)
			return true;
		at += 4u + dns_get16(rdata + at + 2);
	}
	return false;
}

/* A hint that the record has and the client gets no address for. */
static bool
is_dropped(const struct hints *h, unsigned key)
{
	int family = hint_family(key);

	return family >= 0 && h->there[family] && !h->stays[family] && h->picked[family].n == 0;
}

/* `mandatory` without the hints that are dropped, which it may not name then (RFC 9460 8); 0 if
 * none is left, SIZE_MAX if it does not fit. */
static size_t
put_mandatory(uint8_t *out, size_t room, const struct hints *h, const uint8_t *param, size_t whole)
{
	size_t n = 4;

	if (whole > room)
		return SIZE_MAX;
	for (size_t at = 4; at + 2 <= whole; at += 2)
		if (!is_dropped(h, dns_get16(param + at))) {
			memcpy(out + n, param + at, 2);
			n += 2;
		}
	dns_put16(out, KEY_MANDATORY);
	dns_put16(out + 2, (uint16_t)(n - 4));
	return n != 4 ? n : 0;
}

/* Replaces a hint; its length in `out`, 0 if the family has no address, SIZE_MAX if it
 * does not fit. */
static size_t
put_hint(uint8_t *out, size_t room, unsigned key, const struct steer_answer *picked)
{
	size_t octets = key == KEY_IPV4HINT ? 4 : 16;

	if (picked->n == 0)
		return 0;
	if (4 + picked->n * octets > room)
		return SIZE_MAX;
	dns_put16(out, (uint16_t)key);
	dns_put16(out + 2, (uint16_t)(picked->n * octets));
	for (unsigned i = 0; i < picked->n; i++)
		memcpy(out + 4 + i * octets, picked->ip[i], octets);
	return 4 + picked->n * octets;
}

/* One record's rdata with the hints replaced; SIZE_MAX if it does not fit. */
static size_t
rewrite(const struct hints *h, const uint8_t *rdata, size_t len, uint8_t *out, size_t room)
{
	size_t at = params_at(rdata, len), n = at, put;

	if (n > room)
		return SIZE_MAX;
	memcpy(out, rdata, n);
	for (; at + 4 <= len; n += put) {
		unsigned key = dns_get16(rdata + at);
		size_t whole = 4u + dns_get16(rdata + at + 2);
		int family = hint_family(key);

		if (whole > len - at)
			whole = len - at;
		if (key == KEY_MANDATORY) {
			put = put_mandatory(out + n, room - n, h, rdata + at, whole);
		} else if (family >= 0 && !h->stays[family]) {
			put = put_hint(out + n, room - n, key, &h->picked[family]);
		} else {
			put = whole <= room - n ? whole : SIZE_MAX;
			memcpy(out + n, rdata + at, put != SIZE_MAX ? put : 0);
		}
		if (put == SIZE_MAX)
			return SIZE_MAX;
		at += whole;
	}
	return n;
}

/* Which hints the rrset has. */
static void
find_hints(const struct rrset *set, struct hints *h)
{
	h->there[0] = h->there[1] = h->stays[0] = h->stays[1] = false;
	for (size_t at = 0; at < set->len; at += 12u + dns_get16(set->wire + at + 10)) {
		const uint8_t *rdata = set->wire + at + 12;
		size_t len = dns_get16(set->wire + at + 10);

		assert(len <= set->len - at - 12);
		h->there[0] |= has_param(rdata, len, KEY_IPV4HINT);
		h->there[1] |= has_param(rdata, len, KEY_IPV6HINT);
	}
}

bool
svcb_has_hints(const struct rrset *set)
{
	struct hints h;

	find_hints(set, &h);
	return h.there[0] || h.there[1];
}

bool
svcb_steered(struct answer_job *j, const struct zone_node *node, const struct rrset *set,
    size_t owner_at)
{
	struct reply *r = &j->r;
	size_t start = r->at, room;
	uint16_t count = r->count[REPLY_ANSWER];
	uint32_t ttl_s = set->ttl_s;		/* the shortest of all */
	struct hints h;

	assert(node->steer != ZONE_NONE && (set->type == DNS_SVCB || set->type == DNS_HTTPS));
	find_hints(set, &h);
	if (!h.there[0] && !h.there[1])
		return reply_rrset(r, REPLY_ANSWER, owner_at, set);
	for (unsigned i = 0; i < 2; i++) {
		struct steer_answer *picked = &h.picked[i];

		if (!h.there[i])
			continue;
		steer_pick(j->vz->steer[node->steer], j->place, i == 0 ? 4 : 6, picked,
		    explain_why(j));
		if (picked->n == 0) {
			answer_steered_none(j, picked);
			h.stays[i] = answer_steered_static(j, node, picked,
			    i == 0 ? 4 : 6) != NULL;
			continue;
		}
		answer_steered_note(j, picked);
		ttl_s = picked->ttl_s < ttl_s ? picked->ttl_s : ttl_s;
	}
	for (size_t at = 0; at < set->len; at += 12u + dns_get16(set->wire + at + 10)) {
		uint8_t *out = reply_rdata(r, &room);
		size_t len = dns_get16(set->wire + at + 10);
		size_t n = rewrite(&h, set->wire + at + 12, len, out, room);

		if (n == SIZE_MAX || !reply_record(r, REPLY_ANSWER, owner_at, set->type, DNS_IN,
		    ttl_s, out, n)) {
			r->at = start;
			r->count[REPLY_ANSWER] = count;
			return false;
		}
	}
	return true;
}
