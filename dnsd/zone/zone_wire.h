/*
 * zone_wire: the records of one type at a name, in the form they are sent (zone.h).
 *
 * Part of compiling a zone.  Names are shortened as if the rrset were a message whose question
 * is the zone's apex, with the same compress.h that writes messages: all names that an rrset
 * shares with the apex or within itself become pointers here, once.  Which names it may share
 * with the rest of a packet, zone_name_bit says.
 *
 * Knows one rrset at a time, not where it will lie.  One thread per struct.
 */
#ifndef NEARCAST_ZONE_WIRE_H
#define NEARCAST_ZONE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "common/dns/compress.h"
#include "dnsd/zone/zone_tree.h"

struct zone_wire {
	const struct zone_source *src;	/* borrowed */
	struct name_walk apex;
	/* the rrset written last: */
	const uint8_t *wire;		/* len + sigs_len octets */
	uint32_t len, sigs_len;
	const struct zone_names *names;	/* n_names words; 0 = none */
	uint32_t n_names, n_pointers;
	/* its making: a message with the apex as question, the rrset behind it */
	uint8_t *message;
	size_t room;
	uint32_t *words;		/* of names */
	uint32_t words_room;
	uint32_t bits, n_ends;
	uint32_t ends[ZONE_NAMES_ENDS + 1];
	struct compress compress;
};

/* Ready for the zone of `src`; zone_wire_free in any case. */
void zone_wire_begin(struct zone_wire *w, const struct zone_source *src);
void zone_wire_free(struct zone_wire *w);

/* Writes records and signatures with this TTL.  What it sets is valid until the next.  0, or -1:
 * no memory. */
int zone_wire_write(struct zone_wire *w, const struct zone_tree_rrset *rrset, uint32_t ttl_s);

#endif
