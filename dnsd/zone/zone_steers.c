#include "dnsd/zone/zone_steers.h"

#include <stdlib.h>

#include "common/dns/dns.h"
#include "dnsd/zone/zone_steer.h"

static struct zone_record *
steer_record(const struct zone_tree *t, uint32_t i)
{
	return &t->src->records[i];
}

/* The pool is there, as far as that is known. */
static void
check_pool(const struct zone_tree *t, const struct zone_record *rec, const char *pool)
{
	const struct zone_pools *pools = t->src->pools;

	if (pools != NULL && !pools->known(pools->arg, pool))
		zone_refuse_at(t->src, rec, "pool \"%s\" is not in %s, "
		    "the name of a pool there was expected", pool, pools->where);
}

/* Reads the _steer record of one node into its parent. */
static void
read_steer(struct zone_tree *t, const struct zone_tree_node *node,
    const struct zone_tree_rrset *rrset)
{
	const struct zone_record *rec = steer_record(t, rrset->records[0]);
	struct zone_tree_node *named = &t->nodes[node->parent];
	struct zone_steer *steer = &t->steers[t->n_steers];
	char name[NAME_TEXT], line[ZONE_SOURCE_LINE];
	struct err err;

	name_text(name, named->name);
	for (uint32_t i = 1; i < rrset->n; i++)
		zone_refuse_at(t->src, steer_record(t, rrset->records[i]),
		    "a second _steer record for %.200s; the first is in %s", name,
		    zone_source_line(t->src, rec, steer_record(t, rrset->records[i]), line));
	*steer = (struct zone_steer){
		.node = node->parent, .line = (int)rec->line, .file = rec->file
	};
	if (zone_steer_parse(steer, rec->rdata, rec->rdlength, &err) != 0)
		zone_refuse_at(t->src, rec, "%s", err.text);
	else
		check_pool(t, rec, steer->pool);
	if ((named->flags & ZONE_NODE_CNAME) != 0)
		zone_refuse_at(t->src, rec,
		    "_steer: %.200s is a CNAME: steer its target instead", name);
	else if ((named->flags & (ZONE_NODE_CUT | ZONE_NODE_OCCLUDED)) != 0)
		zone_refuse_at(t->src, rec,
		    "_steer: %.200s lies at or below a delegation or DNAME", name);
	else if (!named->address)
		zone_warn_at(t->src, rec,
		    "_steer: %.200s has no A or AAAA of its own: nothing to fall back to", name);
	named->steer = t->n_steers++;
}

int
zone_steers_read(struct zone_tree *t)
{
	uint32_t room = 0;

	for (uint32_t i = 1; i < t->n_nodes; i++) {
		struct zone_tree_node *node = &t->nodes[i];
		struct zone_tree_rrset rrset;
		if (!zone_steer_owner(node->name) || !zone_tree_rrset(t, node, DNS_TXT, &rrset))
			continue;
		if (t->n_steers == room) {
			struct zone_steer *grown;
			room = room == 0 ? 16 : room * 2;
			grown = realloc(t->steers, room * sizeof(*grown));
			if (grown == NULL)
				return zone_refuse(t->src, 0, 0, "out of memory");
			t->steers = grown;
		}
		read_steer(t, node, &rrset);
	}
	return 0;
}
