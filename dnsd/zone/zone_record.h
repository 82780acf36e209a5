/*
 * zone_record: one record of a master file, from its tokens into the source.
 *
 * Reads what stands before the data, [TTL] [class] type in either order, lets rdata.c read the
 * data, and finds the TTL of a record that states none.  Knows where RFC 1035 leaves room: a record
 * without TTL takes $TTL (RFC 2308 section 4); without one before it, the SOA takes its own
 * minimum, and so do all records without TTL, as in BIND; else they take the TTL last stated;
 * before the SOA and before any TTL, 3600, until the SOA says better.  What is guessed is said
 * once.
 *
 * Does not know files and directives (zone_read.c), nor what a zone must hold (zone_check.c).  One
 * thread per struct.
 */
#ifndef NEARCAST_ZONE_RECORD_H
#define NEARCAST_ZONE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/rdata/rdata.h"
#include "dnsd/zone/zone_source.h"

/* How the TTL of a record without one is known. */
enum zone_record_ttl {
	ZONE_TTL_UNKNOWN, ZONE_TTL_GUESSED, ZONE_TTL_STATED, ZONE_TTL_DEFAULT
};

struct zone_record_reading {
	struct zone_source *src;	/* the caller's */
	struct rdata rdata;
	enum zone_record_ttl known;
	uint32_t ttl_s;
	uint32_t n_guessed;		/* so many records at the start of the source */
	bool said_stated;
};

/* Where a record stands, its owner, and what its names are relative to. */
struct zone_record_place {
	uint32_t file, line;
	const uint8_t *owner;		/* kept in the source */
	const uint8_t *origin;
};

/* The TTL of records without one, from $TTL; what stands before it keeps its own. */
void zone_record_set_ttl(struct zone_record_reading *r, uint32_t ttl_s);

/* Appends the record of which n tokens are given, from behind its owner.  0, or -1 with a reason
 * that names neither file nor line. */
int zone_record_read(struct zone_record_reading *r, const struct zone_record_place *place,
    const struct master_token *tok, uint32_t n, struct err *err);

#endif
