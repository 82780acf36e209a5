/*
 * rdata_octets: is rdata in wire form what its type says?  The plain fields.
 *
 * A checker stands at o->at and moves it past one field; the field must end within the data, names
 * must be whole (never compressed: RFC 3597 section 4).  Which fields a type has, and the checkers
 * of the kinds that few types have, are elsewhere (rdata_types.c).  0, or -1 with a reason in
 * o->err, which names neither type nor line.  Pure; any thread.
 */
#ifndef NEARCAST_RDATA_OCTETS_H
#define NEARCAST_RDATA_OCTETS_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct rdata_octets {
	const uint8_t *start, *at, *end;	/* of the data; borrowed */
	struct err *err;
};

/* Octets behind o->at. */
static inline size_t
rdata_octets_left(const struct rdata_octets *o)
{
	return (size_t)(o->end - o->at);
}

/* Moves past n octets of any value. */
int rdata_octets_skip(struct rdata_octets *o, size_t n);

int rdata_octets_u8(struct rdata_octets *o);
int rdata_octets_u16(struct rdata_octets *o);
int rdata_octets_u32(struct rdata_octets *o);
int rdata_octets_48(struct rdata_octets *o);
int rdata_octets_64(struct rdata_octets *o);
int rdata_octets_ipv6(struct rdata_octets *o);

/* A type that a name in a zone can have: no question, and nothing that bears on one message. */
int rdata_octets_type(struct rdata_octets *o);

/* A domain name; any number of them, up to the end. */
int rdata_octets_name(struct rdata_octets *o);
int rdata_octets_names(struct rdata_octets *o);

/* A text of up to 255 octets behind its length; perhaps one; one or more, up to the end. */
int rdata_octets_string(struct rdata_octets *o);
int rdata_octets_string_maybe(struct rdata_octets *o);
int rdata_octets_strings(struct rdata_octets *o);

/* All octets up to the end, which may be none; at least one. */
int rdata_octets_rest(struct rdata_octets *o);
int rdata_octets_some(struct rdata_octets *o);

#endif
