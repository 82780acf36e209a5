#include "dnsd/zone/zone_check.h"

#include <assert.h>
#include <string.h>

#include "common/dns/dns.h"
#include "dnsd/zone/zone_steers.h"

static struct zone_record *
record(const struct zone_tree *t, const uint32_t *at)
{
	return &t->src->records[*at];
}

/* Of these there may be one: refuses the others.  `what` and, unless it is NULL, the name. */
static void
refuse_others(const struct zone_tree *t, const struct zone_tree_rrset *rrset, const char *what,
    const char *name)
{
	char line[ZONE_SOURCE_LINE];

	for (uint32_t i = 1; i < rrset->n; i++) {
		const struct zone_record *rec = record(t, &rrset->records[i]);
		zone_refuse_at(t->src, rec, "a second %s%.200s; the first is in %s", what,
		    name == NULL ? "" : name,
		    zone_source_line(t->src, record(t, &rrset->records[0]), rec, line));
	}
}

/* Is there an SOA anywhere?  One that stands elsewhere is told of where it stands. */
static bool
has_soa(const struct zone_source *src)
{
	for (uint32_t i = 0; i < src->n_records; i++)
		if (src->records[i].type == DNS_SOA)
			return true;
	return false;
}

/* SOA and NS at the apex.  That one is missing is said, but not if it is for another mistake. */
static void
check_apex(const struct zone_tree *t)
{
	const struct zone_tree_node *apex = &t->nodes[0];
	struct zone_source *src = t->src;
	char name[NAME_TEXT];
	struct zone_tree_rrset soa, ns;

	name_text(name, src->apex);
	if (!zone_tree_rrset(t, apex, DNS_SOA, &soa) && !src->lost_soa && !has_soa(src)) {
		zone_refuse(src, 0, src->n_records != 0 ? src->records[0].line : 1,
		    "no SOA record for %.200s: expected exactly one", name);
		return;			/* is this the zone's file at all? */
	}
	refuse_others(t, &soa, "SOA record", NULL);
	if (!zone_tree_rrset(t, apex, DNS_NS, &ns) && soa.n != 0 && !src->lost_ns)
		zone_refuse_at(src, record(t, &soa.records[0]),
		    "no NS record for %.200s: expected at least one at the apex", name);
}

/* The types that may stand beside a CNAME (RFC 4034 sections 3, 4; RFC 2535: SIG, KEY, NXT). */
static bool
beside_cname(uint16_t type)
{
	return type == DNS_CNAME || type == DNS_RRSIG || type == DNS_NSEC ||
	    type == DNS_SIG || type == DNS_KEY || type == DNS_NXT;
}

static void
check_cname(const struct zone_tree *t, const struct zone_tree_node *node,
    const struct zone_tree_rrset *cname)
{
	char owner[NAME_TEXT], type[DNS_TYPE_TEXT], a[ZONE_SOURCE_LINE], b[ZONE_SOURCE_LINE];
	const struct zone_record *first = record(t, &cname->records[0]), *other, *later;
	struct zone_tree_rrset rrset;
	uint32_t pos = 0;

	name_text(owner, node->name);
	refuse_others(t, cname, "CNAME for ", owner);
	while (zone_tree_next(t, node, &pos, &rrset)) {
		if (rrset.n == 0 || beside_cname(rrset.type))
			continue;
		other = record(t, &rrset.records[0]);
		later = other > first ? other : first;
		zone_refuse_at(t->src, later,
		    "%.200s has a CNAME (%s) and other data (%s, %s): a CNAME stands alone",
		    owner, zone_source_line(t->src, first, later, a),
		    dns_type_text(type, rrset.type), zone_source_line(t->src, other, later, b));
		return;			/* once is enough for all the other data */
	}
}

static void
check_dname(const struct zone_tree *t, const struct zone_tree_node *node,
    const struct zone_tree_rrset *dname)
{
	char owner[NAME_TEXT], line[ZONE_SOURCE_LINE];
	const struct zone_record *first = record(t, &dname->records[0]);
	struct zone_tree_rrset rrset;

	name_text(owner, node->name);
	refuse_others(t, dname, "DNAME for ", owner);
	if (node != t->nodes && zone_tree_rrset(t, node, DNS_NS, &rrset))
		zone_refuse_at(t->src, first, "%.200s has a DNAME and NS records (%s): "
		    "a DNAME cannot stand at a delegation", owner,
		    zone_source_line(t->src, record(t, &rrset.records[0]), first, line));
}

/* Lowest TTL for all (RFC 2181 5.2); says so once. */
static void
level_ttls(const struct zone_tree *t, const struct zone_tree_node *node,
    const struct zone_tree_rrset *rrset)
{
	const struct zone_record *first = record(t, &rrset->records[0]), *odd = NULL;
	char owner[NAME_TEXT], type[DNS_TYPE_TEXT], line[ZONE_SOURCE_LINE];
	uint32_t ttl = first->ttl_s;

	for (uint32_t i = 1; i < rrset->n; i++) {
		const struct zone_record *rec = record(t, &rrset->records[i]);
		if (rec->ttl_s == first->ttl_s)
			continue;
		if (odd == NULL)
			odd = rec;
		if (rec->ttl_s < ttl)
			ttl = rec->ttl_s;
	}
	if (odd == NULL)
		return;
	zone_warn_at(t->src, odd,
	    "%.200s %s: TTL %u differs from %u in %s: the lowest (%u) is used for all",
	    name_text(owner, node->name), dns_type_text(type, rrset->type), odd->ttl_s,
	    first->ttl_s, zone_source_line(t->src, first, odd, line), ttl);
	for (uint32_t i = 0; i < rrset->n; i++)
		record(t, &rrset->records[i])->ttl_s = ttl;
}

/* SVCB and HTTPS of priority 0 stand for another name: whatever else is said there is not heard
 * (RFC 9460 2.4.1, 2.4.2). */
static void
check_alias_mode(const struct zone_tree *t, const struct zone_tree_node *node,
    const struct zone_tree_rrset *rrset)
{
	char owner[NAME_TEXT], type[DNS_TYPE_TEXT];

	for (uint32_t i = 0; i < rrset->n; i++) {
		const struct zone_record *rec = record(t, &rrset->records[i]);
		if (dns_get16(rec->rdata) != 0)
			continue;
		if (rec->rdlength > 2 + name_len(rec->rdata + 2))
			zone_warn_at(t->src, rec, "%.200s %s: priority 0 makes it an alias: "
			    "clients do not look at its parameters",
			    name_text(owner, node->name), dns_type_text(type, rrset->type));
		if (rrset->n > 1) {
			zone_warn_at(t->src, rec, "%.200s %s: priority 0 makes it an alias: "
			    "clients do not look at the other records",
			    name_text(owner, node->name), dns_type_text(type, rrset->type));
			return;
		}
	}
}

/* One type at one node; sets the node's flags. */
static void
check_rrset(struct zone_tree *t, struct zone_tree_node *node, const struct zone_tree_rrset *rrset)
{
	char owner[NAME_TEXT], type[DNS_TYPE_TEXT];

	if (rrset->n == 0) {
		zone_warn_at(t->src, record(t, &rrset->sigs[0]),
		    "%.200s: an RRSIG over %s, which is not there, is dropped",
		    name_text(owner, node->name), dns_type_text(type, rrset->type));
		return;
	}
	if (rrset->n > UINT16_MAX || rrset->n_sigs > UINT16_MAX)
		zone_refuse_at(t->src, record(t, &rrset->records[0]),
		    "%.200s has %u records of type %s: expected at most 65535",
		    name_text(owner, node->name), rrset->n, dns_type_text(type, rrset->type));
	level_ttls(t, node, rrset);
	switch (rrset->type) {
	case DNS_A:
	case DNS_AAAA:
		node->address = true;
		break;
	case DNS_SOA:
		if (node != t->nodes)
			zone_refuse_at(t->src, record(t, &rrset->records[0]),
			    "an SOA record for %.200s: it belongs at the apex alone",
			    name_text(owner, node->name));
		break;
	case DNS_NS:
		if (node != t->nodes)
			node->flags |= ZONE_NODE_CUT;
		break;
	case DNS_CNAME:
		node->flags |= ZONE_NODE_CNAME;
		check_cname(t, node, rrset);
		break;
	case DNS_DNAME:
		node->flags |= ZONE_NODE_DNAME;
		check_dname(t, node, rrset);
		break;
	case DNS_SVCB:
	case DNS_HTTPS:
		check_alias_mode(t, node, rrset);
		break;
	}
}

static void
check_nodes(struct zone_tree *t)
{
	t->nodes[0].flags = ZONE_NODE_APEX;
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		struct zone_tree_rrset rrset;
		uint32_t pos = 0;
		while (zone_tree_next(t, &t->nodes[i], &pos, &rrset))
			check_rrset(t, &t->nodes[i], &rrset);
	}
}

/* Marks what lies beneath cuts and DNAMEs: the topmost counts. */
static void
find_occluded(struct zone_tree *t)
{
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		struct zone_tree_node *node = &t->nodes[i];
		const struct zone_tree_node *parent = &t->nodes[node->parent];
		assert(node->parent < i);	/* so that its own flags are final */
		if ((parent->flags & ZONE_NODE_OCCLUDED) != 0)
			node->occluded_by = parent->occluded_by;
		else if ((parent->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME)) != 0)
			node->occluded_by = node->parent;
		else
			continue;
		node->flags |= ZONE_NODE_OCCLUDED;
	}
}

/* May this type stand at a cut, or (`below`) beneath one?  The rest is never served. */
static bool
served_at_cut(uint16_t type, bool below)
{
	if (type == DNS_A || type == DNS_AAAA)
		return true;
	return !below && (type == DNS_NS || type == DNS_DS || type == DNS_NSEC ||
	    type == 25 || type == 30);
}

/* Says which records of a node are never answered with. */
static void
warn_occluded(const struct zone_tree *t, const struct zone_tree_node *node)
{
	const struct zone_tree_node *occluded_by = node;
	bool below = (node->flags & ZONE_NODE_OCCLUDED) != 0, dname;
	char owner[NAME_TEXT], above[NAME_TEXT], type[DNS_TYPE_TEXT];
	struct zone_tree_rrset rrset;
	uint32_t pos = 0;

	if (!below && (node->flags & ZONE_NODE_CUT) == 0)
		return;
	if (below)
		occluded_by = &t->nodes[node->occluded_by];
	dname = (occluded_by->flags & ZONE_NODE_CUT) == 0;
	while (zone_tree_next(t, node, &pos, &rrset))
		if (rrset.n != 0 && (dname || !served_at_cut(rrset.type, below)))
			zone_warn_at(t->src, record(t, &rrset.records[0]),
			    "%.150s %s: never served: it lies %s the %s %.150s",
			    name_text(owner, node->name), dns_type_text(type, rrset.type),
			    below ? "below" : "at", dname ? "DNAME" : "delegation",
			    name_text(above, occluded_by->name));
}

/* Things that RFC 4592 section 4 leaves undefined, and a DS without its cut. */
static void
warn_odd(const struct zone_tree *t, const struct zone_tree_node *node)
{
	char owner[NAME_TEXT];
	struct zone_tree_rrset rrset;

	if (node != t->nodes && node->name[0] == 1 && node->name[1] == '*' &&
	    (node->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME)) != 0 &&
	    (zone_tree_rrset(t, node, DNS_NS, &rrset) ||
	    zone_tree_rrset(t, node, DNS_DNAME, &rrset)))
		zone_warn_at(t->src, record(t, &rrset.records[0]),
		    "%.200s: %s at a wildcard has no defined meaning",
		    name_text(owner, node->name), rrset.type == DNS_NS ? "NS" : "DNAME");
	if ((node->flags & (ZONE_NODE_CUT | ZONE_NODE_OCCLUDED)) == 0 &&
	    zone_tree_rrset(t, node, DNS_DS, &rrset))
		zone_warn_at(t->src, record(t, &rrset.records[0]), node == t->nodes ?
		    "%.200s has DS at the apex: it belongs in the parent zone (RFC 4035 section "
		    "2.4)" : "%.200s has DS but no NS: it is no delegation",
		    name_text(owner, node->name));
}

/* Why a target in this zone leads to no address; NULL when it does, or when that is for a
 * child zone to say.  `cut` is the delegation whose NS it is, or NULL. */
static const char *
bad_target(const struct zone_tree *t, const uint8_t *target, const struct zone_tree_node *cut)
{
	const struct zone_tree_node *node, *occluded_by = NULL;
	bool exact;

	node = &t->nodes[zone_tree_closest(t, target, &exact)];
	if ((node->flags & ZONE_NODE_OCCLUDED) != 0)
		occluded_by = &t->nodes[node->occluded_by];
	else if ((node->flags & (exact ? ZONE_NODE_CUT : ZONE_NODE_CUT | ZONE_NODE_DNAME)) != 0)
		occluded_by = node;
	if (occluded_by != NULL && (occluded_by->flags & ZONE_NODE_CUT) == 0)
		return "is an alias by DNAME";
	if (occluded_by != NULL)
		return occluded_by != cut || (exact && node->address) ? NULL :
		    "has no glue (A or AAAA)";
	if (!exact && node->wildcard != ZONE_NONE) {
		node = &t->nodes[node->wildcard];
		exact = true;
	}
	if (!exact)
		return "does not exist";
	if ((node->flags & ZONE_NODE_CNAME) != 0)
		return "is an alias (CNAME)";
	return node->address || node->steer != ZONE_NONE ? NULL : "has no address (A or AAAA)";
}

/* The steered node an NS target leads to, or NULL. */
static const struct zone_tree_node *
steered_target(const struct zone_tree *t, const uint8_t *target)
{
	bool exact;
	const struct zone_tree_node *node = &t->nodes[zone_tree_closest(t, target, &exact)];

	if (!exact && node->wildcard != ZONE_NONE && (node->flags & ZONE_NODE_OCCLUDED) == 0)
		node = &t->nodes[node->wildcard];
	else if (!exact)
		return NULL;
	return node->steer != ZONE_NONE ? node : NULL;
}

static void
check_targets(const struct zone_tree *t, const struct zone_tree_node *node,
    const struct zone_tree_rrset *rrset)
{
	const struct zone_tree_node *cut = (node->flags & ZONE_NODE_CUT) != 0 ? node : NULL;
	char owner[NAME_TEXT], name[NAME_TEXT], type[DNS_TYPE_TEXT];

	for (uint32_t i = 0; i < rrset->n; i++) {
		const struct zone_record *rec = record(t, &rrset->records[i]);
		const uint8_t *target = rec->rdata + zone_tree_name_at(rrset->type);
		const char *why;
		assert(target < rec->rdata + rec->rdlength);
		if (target[0] == 0 || !name_below(target, t->src->apex))
			continue;
		if (rrset->type == DNS_NS && t->n_steers != 0 && steered_target(t, target) != NULL)
			zone_refuse_at(t->src, rec,
			    "NS %.200s: a steered name cannot be a name server's",
			    name_text(name, target));
		why = bad_target(t, target, rrset->type == DNS_NS ? cut : NULL);
		if (why != NULL)
			zone_warn_at(t->src, rec, "%.150s %s: its target %.150s %s",
			    name_text(owner, node->name), dns_type_text(type, rrset->type),
			    name_text(name, target), why);
	}
}

static void
check_all_targets(const struct zone_tree *t)
{
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		const struct zone_tree_node *node = &t->nodes[i];
		struct zone_tree_rrset rrset;
		uint32_t pos = 0;
		warn_occluded(t, node);
		warn_odd(t, node);
		if ((node->flags & ZONE_NODE_OCCLUDED) != 0)
			continue;
		while (zone_tree_next(t, node, &pos, &rrset))
			if (rrset.type == DNS_NS || rrset.type == DNS_MX ||
			    rrset.type == DNS_SRV)
				check_targets(t, node, &rrset);
	}
}

int
zone_check(struct zone_tree *t)
{
	t->src->place = 0;		/* what no record is to blame for comes first */
	check_apex(t);
	check_nodes(t);
	find_occluded(t);
	if (zone_steers_read(t) != 0)
		return -1;
	check_all_targets(t);
	return t->src->mistakes.n == 0 ? 0 : -1;
}
