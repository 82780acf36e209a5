#include "dnsd/answer/answer_zone.h"

#include <assert.h>
#include <string.h>

#include "dnsd/answer/answer_steered.h"
#include "dnsd/answer/svcb.h"

enum { CHAIN_MAX = 16 };		/* CNAMEs and DNAMEs followed in one answer */

/* An rrset that was answered, and where its owner and it stand in the answer. */
struct answered {
	const struct rrset *set;
	size_t owner_at, at;
};

/* What a wildcard has for the name of a target: that is the owner. */
static bool __attribute__((noinline))
put_for_target(struct reply *r, const struct answered *a,
    const struct zone_additional *additional, const struct rrset *set)
{
	uint8_t name[NAME_MAX_WIRE];

	zone_target(r->zone, a->set, a->set->wire + additional->target, name);
	return reply_rrset_named(r, REPLY_ADDITIONAL, name, set);
}

/* One rrset of the additional section.  Its owner stands in the rdata of the other, mostly, and
 * becomes a pointer to there. */
static bool
put_one(struct reply *r, const struct answered *a, const struct zone_additional *additional,
    const struct rrset *set)
{
	const struct zone *zone = r->zone;
	size_t owner_at = a->at + additional->target;
	/* names of other types are not for pointers to lead to (RFC 3597 section 4) */
	bool pointable = additional->target != 0 && a->set->n_names != 0;

	if (additional->target == ZONE_SAME_OWNER)	/* a wildcard's is the name asked */
		return reply_rrset(r, REPLY_ADDITIONAL, a->owner_at, set);
	if (reply_as_stored(r) && pointable && owner_at < COMPRESS_REACH)
		return reply_rrset(r, REPLY_ADDITIONAL, reply_name_at(r, owner_at, 0), set);
	if (additional->wildcard)
		return put_for_target(r, a, additional, set);
	return reply_rrset_named(r, REPLY_ADDITIONAL,
	    zone->data + zone->nodes[additional->node].name, set);
}

/* What goes with an rrset because of the names in its rdata.  In-domain glue that does not fit
 * sets TC (RFC 9471); all else is left out.  What depends on the client, a steered name's
 * addresses and hints, he asks for by name: caches keep additional records for everybody (RFC
 * 7871 7.3). */
static void
put_additional(struct answer_job *j, const struct answered *a)
{
	static const uint16_t types[] = { DNS_A, DNS_AAAA };
	const struct zone *zone = j->r.zone;

	assert(a->set->n_additional == 0 ||
	    a->set->additional + a->set->n_additional <= zone->n_additionals);
	for (unsigned i = 0; i < a->set->n_additional; i++) {
		const struct zone_additional *additional =
		    &zone->additionals[a->set->additional + i];
		const struct zone_node *node = &zone->nodes[additional->node];
		const struct rrset *set;

		if (additional->same_type) {
			set = zone_rrset(zone, node, a->set->type);
			assert(set != NULL);
			if (node->steer == ZONE_NONE || !svcb_has_hints(set))
				put_one(&j->r, a, additional, set);
			continue;
		}
		if (node->steer != ZONE_NONE)
			continue;
		for (unsigned t = 0; t < 2; t++) {
			set = zone_rrset(zone, node, types[t]);
			if (set != NULL && !put_one(&j->r, a, additional, set) &&
			    additional->in_domain)
				answer_truncate(j);
		}
	}
}

/* RFC 1034 4.3.2 3b: the NS of the cut, its DS if it is secure, and glue. */
static void
put_referral(struct answer_job *j, const struct zone_node *cut, const struct name_walk *name,
    size_t name_at)
{
	const struct zone *zone = j->r.zone;
	const struct rrset *ns = zone_rrset(zone, cut, DNS_NS);
	const struct rrset *ds = zone_rrset(zone, cut, DNS_DS);
	const struct answered a = { ns,
	    reply_name_at(&j->r, name_at, name->label[cut->labels]), j->r.at };

	assert(ns != NULL && cut->labels <= name->labels);
	j->note.kind = ANSWER_REFERRAL;
	if (j->r.count[REPLY_ANSWER] == 0)	/* after a CNAME of ours the answer is ours */
		j->r.flags &= (uint16_t)~DNS_AA;
	if (!reply_rrset(&j->r, REPLY_AUTHORITY, a.owner_at, ns)) {
		answer_truncate(j);
		return;
	}
	if (j->r.opt.dnssec_ok && ds != NULL &&
	    !reply_rrset(&j->r, REPLY_AUTHORITY, a.owner_at, ds))
		answer_truncate(j);
	put_additional(j, &a);
}

/* RFC 8482 4.1: one rrset answers ANY, the smallest. */
static uint16_t
any_type(const struct zone *zone, const struct zone_node *node)
{
	const struct rrset *set = (const void *)(zone->data + node->rrsets), *best = set;

	for (unsigned i = 0; i < node->n_rrsets; i++, set = zone_rrset_next(set))
		if (set->len < best->len)
			best = set;
	return node->n_rrsets != 0 ? best->type : DNS_ANY;
}

/* The sets of a steered name that are not sent as the zone has them. */
static bool
is_made(const struct zone_node *node, uint16_t type)
{
	return node->steer != ZONE_NONE && (type == DNS_A || type == DNS_AAAA ||
	    type == DNS_SVCB || type == DNS_HTTPS);
}

/* RRSIG is no rrset of its own (RFC 4034 3.1.3): each belongs to a set, and all of a name are
 * good for attackers only.  As for ANY (RFC 8482 4.1) one is enough: the signatures of the set
 * whose signatures are smallest, of the lowest type among equals. */
static void
put_signatures(struct answer_job *j, const struct zone_node *node, size_t owner_at)
{
	const struct zone *zone = j->r.zone;
	const struct rrset *set = (const void *)(zone->data + node->rrsets), *best = NULL;

	for (unsigned i = 0; i < node->n_rrsets; i++, set = zone_rrset_next(set))
		if (set->n_sigs != 0 && !is_made(node, set->type) &&
		    (best == NULL || set->sigs_len < best->sigs_len))
			best = set;
	if (best == NULL)
		answer_nodata(j);
	else if (!reply_signatures(&j->r, owner_at, best))
		answer_truncate(j);
}

/* Addresses of a steered name: those chosen, or the zone's own, or none. */
static void
put_steered(struct answer_job *j, const struct zone_node *node, uint8_t family, size_t owner_at)
{
	const struct rrset *set;

	if (answer_steered(j, node, family, owner_at, &set))
		return;
	if (set == NULL)
		answer_nodata(j);
	else if (!reply_rrset(&j->r, REPLY_ANSWER, owner_at, set))
		answer_truncate(j);
}

/* The name exists (or a wildcard stands for it): its data of the type asked. */
static void
put_data(struct answer_job *j, const struct zone_node *node, size_t owner_at)
{
	const struct zone *zone = j->r.zone;
	uint16_t type = j->q->qtype == DNS_ANY ? any_type(zone, node) : j->q->qtype;
	const struct rrset *set;
	size_t set_at = j->r.at;
	bool whole;

	assert(node->steer == ZONE_NONE || node->steer < zone->n_steers);
	if (node->steer != ZONE_NONE && (type == DNS_A || type == DNS_AAAA)) {
		put_steered(j, node, type == DNS_A ? 4 : 6, owner_at);
		return;
	}
	set = zone_rrset(zone, node, type);
	if (set == NULL && type == DNS_RRSIG) {
		put_signatures(j, node, owner_at);
		return;
	}
	if (set == NULL) {
		answer_nodata(j);
		return;
	}
	if (node->steer != ZONE_NONE && (type == DNS_SVCB || type == DNS_HTTPS))
		whole = svcb_steered(j, node, set, owner_at);
	else
		whole = reply_rrset(&j->r, REPLY_ANSWER, owner_at, set);
	if (!whole)
		answer_truncate(j);
	else if (set->n_additional != 0)
		put_additional(j, &(struct answered){ set, owner_at, set_at });
}

/* Writes a CNAME rrset; `target` becomes its target and *at where that stands. */
static bool
follow_cname(struct answer_job *j, const struct zone_node *node, size_t *at,
    uint8_t target[NAME_MAX_WIRE])
{
	const struct rrset *set = zone_rrset(j->r.zone, node, DNS_CNAME);
	size_t rdata_at = j->r.at + 12;

	assert(set != NULL && set->count == 1);
	if (!reply_rrset(&j->r, REPLY_ANSWER, *at, set)) {
		answer_truncate(j);
		return false;
	}
	zone_target(j->r.zone, set, set->wire + 12, target);
	*at = reply_name_at(&j->r, rdata_at, 0);
	return true;
}

/* Writes a DNAME and the CNAME made from it (RFC 6672 3.1). */
static bool
follow_dname(struct answer_job *j, const struct zone_node *node, const struct name_walk *name,
    size_t *at, uint8_t target[NAME_MAX_WIRE])
{
	const struct rrset *set = zone_rrset(j->r.zone, node, DNS_DNAME);
	size_t head = name->label[node->labels];	/* labels in front of the DNAME's owner */
	uint8_t tail[NAME_MAX_WIRE];
	size_t len, rdata_at;

	assert(set != NULL && node->labels < name->labels);
	if (!reply_rrset(&j->r, REPLY_ANSWER, reply_name_at(&j->r, *at, head), set)) {
		answer_truncate(j);
		return false;
	}
	len = zone_target(j->r.zone, set, set->wire + 12, tail);
	if (head + len > NAME_MAX_WIRE) {
		j->r.rcode = DNS_YXDOMAIN;		/* 2.2: the new name is too long */
		return false;
	}
	memmove(target, name->name, head);	/* `name` may lie in `target` already */
	memcpy(target + head, tail, len);
	rdata_at = j->r.at + 12;
	if (!reply_name_record(&j->r, *at, DNS_CNAME, set->ttl_s, target)) {
		answer_truncate(j);
		return false;
	}
	*at = reply_name_at(&j->r, rdata_at, 0);
	return true;
}

/* Whether an alias stands for its target's data of this type.  What may stand beside a CNAME is
 * the alias's own (RFC 4034 3, 4; RFC 3007 3.2: KEY). */
static bool
is_followed(const struct zone *zone, const struct zone_node *node, uint16_t qtype)
{
	switch (qtype) {
	case DNS_CNAME:
	case DNS_ANY:
	case DNS_RRSIG:
		return false;
	case DNS_NSEC:
	case DNS_SIG: case DNS_KEY: case DNS_NXT:
		return zone_rrset(zone, node, qtype) == NULL;
	}
	return true;
}

/* True when the chain may go on to `name`: in this zone, not seen before. */
static bool
chain_goes_on(const struct answer_job *j, const struct name_walk *name, uint64_t *seen,
    unsigned hop, size_t at)
{
	const struct zone *zone = j->r.zone;
	uint64_t hash = name->hash[name->labels];

	if (hop == CHAIN_MAX || at >= 0x4000 - NAME_MAX_WIRE)
		return false;
	if (name->labels < zone->apex_labels || name->hash[zone->apex_labels] != zone->apex_hash ||
	    !name_below(name->name, zone->apex))
		return false;
	for (unsigned i = 0; i <= hop; i++)
		if (seen[i] == hash)
			return false;
	seen[hop + 1] = hash;
	return true;
}

/* RFC 1034 4.3.2: finds the name, follows aliases inside the zone, answers. */
void
answer_zone(struct answer_job *j)
{
	const struct zone *zone = j->r.zone;
	const struct name_walk *name = &j->q->qname;
	struct name_walk alias;
	uint8_t target[NAME_MAX_WIRE];
	uint64_t seen[CHAIN_MAX + 1];
	size_t at = DNS_HEADER_LEN;		/* where the name stands in the answer */
	const struct zone_node *node;
	enum zone_outcome outcome;
	uint32_t found;

	seen[0] = name->hash[name->labels];
	for (unsigned hop = 0;; hop++) {
		bool followed;

		outcome = zone_find(zone, name, j->q->qtype, &found);
		assert(found < zone->n_nodes && at < 0x4000);
		node = &zone->nodes[found];
		/* what is occluded never answers; the cut or DNAME above it does */
		assert((node->flags & ZONE_NODE_OCCLUDED) == 0 || outcome == ZONE_DELEGATION ||
		    outcome == ZONE_DNAME);
		j->note.name_hash = zone->apex_hash + found;
		if (outcome == ZONE_DNAME)
			/* a question for CNAME has its answer with the CNAME that is made */
			followed = follow_dname(j, node, name, &at, target) &&
			    j->q->qtype != DNS_CNAME;
		else if (outcome <= ZONE_WILDCARD && (node->flags & ZONE_NODE_CNAME) &&
		    is_followed(zone, node, j->q->qtype))
			followed = follow_cname(j, node, &at, target);
		else
			break;
		if (!followed || name_walk(&alias, target, NAME_MAX_WIRE) == 0 ||
		    !chain_goes_on(j, &alias, seen, hop, at))
			return;
		name = &alias;
	}
	if (outcome == ZONE_DELEGATION)
		put_referral(j, node, name, at);
	else if (outcome == ZONE_NXDOMAIN)
		answer_nxdomain(j);
	else
		put_data(j, node, at);
}
