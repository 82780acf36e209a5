/*
 * compress: names of a message, shortened by pointers to names that stand in it already (RFC 1035
 * 4.1.4).
 *
 * Names of zone data are matched octet by octet, so that each arrives in the case it was written
 * in.  The question's name is matched without case, as all servers do: whoever asks in his own
 * case gets it back.  A pointer only ever leads to an earlier place, and below 16384.
 *
 * Knows no records but which types' names may be shortened.  The struct lives on the stack of
 * who writes the message; nothing is allocated; the time is bounded by the octets of the names.
 * RFC 1035, 3597, 4343.
 */
#ifndef NEARCAST_COMPRESS_H
#define NEARCAST_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

enum {
	COMPRESS_SLOTS = 2048,		/* a power of two; three quarters are used at most */
	COMPRESS_REACH = 0x4000		/* offsets from here on cannot be pointed to */
};

/* The names of one message, with all their ends.  Beyond 1536 of them no more are noted. */
struct compress {
	const uint8_t *message;		/* borrowed */
	size_t question_end;		/* labels before it match without case */
	unsigned n;
	uint16_t at[COMPRESS_SLOTS];	/* offset of a name, 0 = free */
	uint16_t tag[COMPRESS_SLOTS];	/* of its hash */
};

/* Begins a message; labels before the offset `question_end` are the question's.  Nothing is noted
 * yet. */
void compress_begin(struct compress *c, const uint8_t *message, size_t question_end);

/* Notes a well-formed name that stands in the message at `at`, whole or with a pointer. */
void compress_note(struct compress *c, size_t at);

/* Writes a name (wire form, whole) to `out`, which lies in the message and has `room` octets, and
 * notes it.  Its octets, 0 if it does not fit; *pointer is the offset in `out` of the pointer it
 * ends with, or SIZE_MAX if it has none. */
size_t compress_put(struct compress *c, uint8_t *out, size_t room, const uint8_t *name,
    size_t *pointer);

/* How many names in the rdata of this type may be shortened: those of RFC 1035's types (RFC 3597
 * 4).  They stand one behind the other; *first is the offset of the first. */
unsigned compress_names(uint16_t type, size_t *first);

#endif
