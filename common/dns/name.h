/*
 * name: domain names in wire form (RFC 1035 3.1): length-prefixed labels ending
 * with the root, 1 to 255 octets, never compressed here.
 *
 * Names compare without case (RFC 4343).  A name's hash is built from the root
 * leftwards, label by label, so that the hashes of all its ancestors come for
 * free in one walk.  Pure; any thread; no allocation.
 */
#ifndef NEARCAST_NAME_H
#define NEARCAST_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define NAME_MAX_WIRE 255
#define NAME_MAX_LABELS 128		/* with the root */
#define NAME_TEXT 1024			/* fits any name as text, escaped, with NUL */

/* ASCII lower case of one octet. */
static inline uint8_t
name_fold(uint8_t c)
{
	return (uint8_t)(c + ((uint8_t)(c - 'A') < 26) * 32);
}

/* Octets of a well-formed name, with its root label. */
size_t name_len(const uint8_t *name);

/* Length of the name at `name`, or 0 if it is not a well-formed uncompressed
 * name within `avail` octets. */
size_t name_check(const uint8_t *name, size_t avail);

/* Offset past the name at offset `at` of a message of `len` octets, or 0 if it is malformed or
 * does not end within the message.  The name may end with a compression pointer (RFC 1035
 * 4.1.4), which is not followed: this is for names that nobody reads. */
size_t name_skip(const uint8_t *message, size_t len, size_t at);

/* Labels without the root: "www.example.org." is 3. */
unsigned name_labels(const uint8_t *name);

bool name_equal(const uint8_t *a, const uint8_t *b);

/* The same where `name` is known to have `len` octets.  Up to 7 octets past the end of `stored`
 * may be read, but never more than `len` in all. */
bool name_equal_to(const uint8_t *stored, const uint8_t *name, size_t len);

/* True if `name` is `parent` or lies below it. */
bool name_below(const uint8_t *name, const uint8_t *parent);

/* Hash of a whole name, without case.  Another one in each process, see name_hash_key. */
uint64_t name_hash(const uint8_t *name);

/* The key of all hashes of names.  A process draws one before main, so that whoever writes a zone,
 * or makes us ask for one, cannot choose names that meet in our tables: with a hash that is known,
 * a few thousand names of one slot make each search a walk over all of them.  The key is for that
 * and no more: it does not hide what is hashed, and who sees the hashes can find it out.  They stay
 * in this process: nothing that is written, sent or shared may hold one. */
struct name_key {
	uint64_t root;
	uint64_t length, word, last;	/* odd */
};

/* Sets the key, before anything is hashed; for tests, which need hashes that they know. */
void name_hash_key(const struct name_key *key);

/* A name with the hashes of all its ancestors, counted by labels from the right:
 * label[i] is the offset in `name` of the i-th label from the right (1 to labels), label[0]
 * that of the root, hash[i] the hash of the name that starts there. */
struct name_walk {
	const uint8_t *name;		/* borrowed */
	uint8_t len;			/* octets */
	uint8_t labels;			/* without the root */
	uint8_t label[NAME_MAX_LABELS];
	uint64_t hash[NAME_MAX_LABELS];
};

/* Walks the name at `name`.  Returns its length, or 0 (and *w unusable) if it is not a
 * well-formed uncompressed name within `avail` octets. */
size_t name_walk(struct name_walk *w, const uint8_t *name, size_t avail);

/* Text (RFC 1035 5.1 escapes, relative to the root, last dot optional) to wire.
 * The length, or -1 with a reason. */
int name_parse(uint8_t out[NAME_MAX_WIRE], const char *text, struct err *err);

/* Wire to text without the last dot ("." for the root); returns `out`. */
char *name_text(char out[NAME_TEXT], const uint8_t *name);

#endif
