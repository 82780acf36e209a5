/*
 * zone: one zone, compiled into what the packet path needs, and how to find a
 * name in it (RFC 1034 4.3.2, 4592, 6672, 8020).
 *
 * Everything lies in one immutable block and refers by offset or index: loaded
 * whole, freed whole.  An rrset is kept in the very form it is sent, so that an
 * answer whose owner is the question's name is one copy:
 *
 *   C0 0C | type | class | ttl | rdlength | rdata    once per record
 *
 * Names in the rdata of RFC 1035's types are shortened by pointers, whose values depend on
 * the packet: they are written as
 *
 *   C0 0C + n	the end of the apex's name that begins n octets into it
 *   80 00 + n	the name at offset n of the rrset's own wire
 *
 * and the writer puts in where these stand in its packet.  struct zone_names says where they
 * are, and which other names the rrset might share with a packet.  Signatures follow their rrset
 * in the same form.
 *
 * Knows nothing of files (zone_read.c), packets (reply.c), or geography: a
 * steered name carries only the text of its _steer record.  Immutable after
 * compiling; any thread may read.
 */
#ifndef NEARCAST_ZONE_H
#define NEARCAST_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/dns/dns.h"
#include "common/dns/name.h"

#define ZONE_NONE UINT32_MAX		/* an index or offset that points nowhere */

struct rrset {
	uint16_t type;
	uint16_t count;
	uint32_t ttl_s;
	uint32_t len;			/* octets of wire that are the records */
	uint32_t sigs_len;		/* octets of RRSIG records after them; 0 = unsigned */
	uint16_t n_names;		/* 32-bit words of its struct zone_names; 0 = it has none */
	uint16_t n_sigs;
	uint32_t additional;		/* index of the first of its additionals, or ZONE_NONE */
	uint16_t n_additional;
	uint16_t n_pointers;		/* listed there */
	uint8_t wire[];
};

/* Of an rrset whose type's names may be shortened (RFC 3597 4).  What tells of a name is its
 * `end`: one label more than it has in common with the apex's name (of www.example.net
 * in the zone example.org it is net).  Two names that share more than that have the same end. */
struct zone_names {
	uint32_t bits;			/* zone_name_bit of each end in it */
	uint32_t reach;			/* largest offset of its wire that it points to; 0 = all
					 * its pointers lead to the apex */
	uint32_t n_ends;		/* below; 0 = there are too many for a list, or none */
	uint32_t words[];		/* offsets in its wire of the pointers, ascending; then the
					 * high halves of the hashes of the ends */
};

enum {
	ZONE_NAMES_WORDS = sizeof(struct zone_names) / sizeof(uint32_t),
	ZONE_NAMES_ENDS = 8		/* a list is no longer than this */
};

/* One of 32 bits for an end with this hash: where sets of ends have no bit in common, their names
 * have nothing in common but with the apex. */
static inline uint32_t
zone_name_bit(uint64_t hash)
{
	return UINT32_C(1) << (hash >> 59);
}

/* Lies after the records and signatures, 4-aligned. */
static inline const struct zone_names *
zone_names_of(const struct rrset *set)
{
	size_t at = ((size_t)set->len + set->sigs_len + 3) & ~(size_t)3;

	return (const struct zone_names *)(const void *)(set->wire + at);
}

/* The rrset after this one at the same node. */
static inline const struct rrset *
zone_rrset_next(const struct rrset *set)
{
	const uint8_t *end = (const uint8_t *)((const uint32_t *)zone_names_of(set) + set->n_names);

	return (const struct rrset *)(const void *)(((uintptr_t)end + 7) & ~(uintptr_t)7);
}

/* What belongs in the additional section of another rrset. */
struct zone_additional {
	uint32_t node;			/* whose A and AAAA */
	uint16_t target;		/* offset in the other's wire where this owner stands, for
					 * a pointer to lead there; 0 = none may; ZONE_SAME_OWNER */
	bool in_domain;			/* glue at or below its own cut: without it TC (RFC 9471) */
	bool same_type;			/* not A and AAAA but the node's rrset of the other's type
					 * (RFC 9460 4.1: SVCB, HTTPS) */
	bool wildcard;			/* the node is a wildcard that stands for the name at
					 * `target`, which is the owner, pointer or not */
};

enum { ZONE_SAME_OWNER = 1 };		/* the other's owner, whatever name that is in the answer */

enum zone_node_flag {
	ZONE_NODE_CUT = 1,		/* has NS and is not the apex: a delegation */
	ZONE_NODE_OCCLUDED = 2,		/* beneath a cut or a DNAME: glue, or never served */
	ZONE_NODE_DNAME = 4,
	ZONE_NODE_CNAME = 8,
	ZONE_NODE_APEX = 16
};

struct zone_node {
	uint32_t name;			/* offset of the owner's wire form, case as in the file */
	uint32_t rrsets;		/* offset of the first; they ascend by type, 8-aligned */
	uint16_t n_rrsets;		/* 0 = empty non-terminal */
	uint8_t flags;
	uint8_t labels;			/* of the owner, without the root */
	uint32_t wildcard;		/* index of the child `*`, or ZONE_NONE */
	uint32_t occluded_by;		/* index of the topmost cut or DNAME above, or ZONE_NONE */
	uint32_t steer;			/* index into steers, or ZONE_NONE */
};

/* A slot of the index: what tells one name from another lies beside what it leads to. */
struct zone_slot {
	uint32_t node;			/* index, or ZONE_NONE = free */
	uint32_t tag;			/* high half of the name's hash */
};

/* A steered name, from its _steer record (text checked at load). */
struct zone_steer {
	char pool[64];
	unsigned answers;		/* 0 = the pool's */
	bool nearest;			/* mode=nearest */
	uint32_t ttl_min_s, ttl_max_s;	/* 0 = the configuration's; static data bounds it too */
	uint32_t node;
	int line;
	uint32_t file;			/* offset of the file's name */
};

struct zone {
	uint8_t apex[NAME_MAX_WIRE];
	uint8_t apex_len, apex_labels;
	uint8_t max_labels;		/* of the deepest owner */
	uint64_t apex_hash;
	uint32_t serial;
	uint32_t names;			/* owners with data */
	/* the files this came from, includes counted; none for a zone from elsewhere */
	uint64_t file_stamp;		/* what they were when they were read (zone_load_changed) */
	uint32_t files;			/* offset of their names, each with its NUL */
	uint32_t n_files;
	char file[512];			/* the first of them: the zone's own, as configured */

	struct zone_node *nodes;	/* [0] is the apex */
	uint32_t n_nodes;
	struct zone_slot *index;	/* by the low half of the hash; linear probing */
	uint32_t index_mask;
	struct zone_additional *additionals;
	uint32_t n_additionals;
	struct zone_steer *steers;
	uint32_t n_steers;
	uint8_t *data;			/* names and rrsets; soa_negative stands behind every name:
					 * name_equal_to reads a little past the end of one */
	size_t data_len;
	const struct rrset *soa;	/* as at the apex */
	const struct rrset *soa_negative;	/* TTL = min(SOA TTL, MINIMUM), RFC 2308 */
	unsigned refs;			/* generations holding it; the main thread's to change */
};

/* Node index of the name of `len` octets with this hash, or ZONE_NONE.  `name` in any case. */
uint32_t zone_node_find(const struct zone *zone, uint64_t hash, const uint8_t *name, size_t len);

/* Steps towards zone_node_find, for who has several names to find: the first asks memory for the
 * name's slot; the second, later, for the node that the slot seems to lead to, which it returns
 * (ZONE_NONE = the name is not there). */
static inline void
zone_prefetch_slot(const struct zone *zone, uint64_t hash)
{
	__builtin_prefetch(&zone->index[(uint32_t)hash & zone->index_mask]);
}

uint32_t zone_prefetch_node(const struct zone *zone, uint64_t hash);

/* The rrset of `type` at a node, or NULL. */
const struct rrset *zone_rrset(const struct zone *zone, const struct zone_node *node,
    uint16_t type);

/* How the search for a name ended. */
enum zone_outcome {
	ZONE_FOUND,			/* node has the name's data (it may lack the type) */
	ZONE_WILDCARD,			/* node is the wildcard that the name matches */
	ZONE_DELEGATION,		/* node is the cut at or above the name */
	ZONE_DNAME,			/* node has a DNAME and the name is below it */
	ZONE_NXDOMAIN			/* node is the closest encloser */
};

/*
 * Finds a name known to lie in the zone.  For qtype DS a name that is itself a cut
 * is ZONE_FOUND (the parent answers, RFC 4035 3.1.4.1); for every other type it is
 * ZONE_DELEGATION.  *node is always set.
 */
enum zone_outcome zone_find(const struct zone *zone, const struct name_walk *name,
    uint16_t qtype, uint32_t *node);

/* The name at `rdata`, a place in the wire of this rrset of the zone, made whole.  Returns the
 * octets that it takes there. */
size_t zone_target(const struct zone *zone, const struct rrset *set, const uint8_t *rdata,
    uint8_t name[NAME_MAX_WIRE]);

/* The steered node that a name leads to, through up to 15 CNAMEs of this zone too; `name` becomes
 * the last name of that chain.  NULL = that is not steered, or does not lie in the zone. */
const struct zone_node *zone_find_steered(const struct zone *zone, uint8_t name[NAME_MAX_WIRE]);

/* May `fresh` be served in place of `old`?  Refuses a serial that went back (RFC 1982) and a loss
 * of more than max_shrink percent of the names: both are more often an accident than meant.  Looks
 * at serial, names and file only.  0, or -1 with a reason. */
int zone_may_replace(const struct zone *fresh, const struct zone *old, unsigned max_shrink,
    struct err *err);

/* Frees a zone that no generation holds; NULL is allowed. */
void zone_free(struct zone *zone);

#endif
