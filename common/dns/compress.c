#include "common/dns/compress.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/dns/name.h"

enum { MOST = COMPRESS_SLOTS / 4 * 3 };

void
compress_begin(struct compress *c, const uint8_t *message, size_t question_end)
{
	c->message = message;
	c->question_end = question_end;
	c->n = 0;
	memset(c->at, 0, sizeof(c->at));
}

static unsigned
place_of(uint64_t hash)
{
	return (unsigned)hash & (COMPRESS_SLOTS - 1);
}

static uint16_t
tag_of(uint64_t hash)
{
	return (uint16_t)(hash >> 32);
}

/* Notes a name with this hash at offset `at` of the message. */
static void
note(struct compress *c, uint64_t hash, size_t at)
{
	unsigned slot = place_of(hash);

	assert(at != 0);
	if (at >= COMPRESS_REACH || c->n == MOST)
		return;
	while (c->at[slot] != 0)
		slot = (slot + 1) & (COMPRESS_SLOTS - 1);
	c->at[slot] = (uint16_t)at;
	c->tag[slot] = tag_of(hash);
	c->n++;
}

/* Is the name at `at` of the message this one?  Most names that are compared are the same, octet
 * by octet; the question's may differ in case. */
static bool
stands_at(const struct compress *c, size_t at, const uint8_t *name)
{
	const uint8_t *m = c->message;

	for (;; at += *name + 1u, name += *name + 1) {
		unsigned i = 1;

		while (m[at] >= 0xc0)
			at = (size_t)(m[at] & 0x3f) << 8 | m[at + 1];
		if (m[at] != *name)
			return false;
		if (*name == 0)
			return true;
		while (i <= *name && (m[at + i] == name[i] ||
		    (at < c->question_end && name_fold(m[at + i]) == name_fold(name[i]))))
			i++;
		if (i <= *name)
			return false;
	}
}

/* Offset of the name in the message, 0 = it is not noted. */
static size_t
find(const struct compress *c, uint64_t hash, const uint8_t *name)
{
	uint16_t tag = tag_of(hash);

	for (unsigned slot = place_of(hash); c->at[slot] != 0;
	    slot = (slot + 1) & (COMPRESS_SLOTS - 1))
		if (c->tag[slot] == tag && stands_at(c, c->at[slot], name))
			return c->at[slot];
	return 0;
}

/* The name at `at`, made whole.  Octets of it that stand in front of its pointer, or all. */
static size_t
read_name(const uint8_t *message, size_t at, uint8_t name[NAME_MAX_WIRE])
{
	size_t n = 0, here = 0;
	bool followed = false;

	for (;;) {
		if (message[at] >= 0xc0) {
			size_t to = dns_get16(message + at) & (COMPRESS_REACH - 1u);

			assert(to < at);	/* always to an earlier place */
			here = followed ? here : n;
			followed = true;
			at = to;
			continue;
		}
		assert(n + message[at] + 1 <= NAME_MAX_WIRE);
		memcpy(name + n, message + at, message[at] + 1u);
		n += message[at] + 1u;
		if (message[at] == 0)
			return followed ? here : n;
		at += message[at] + 1u;
	}
}

void
compress_note(struct compress *c, size_t at)
{
	uint8_t name[NAME_MAX_WIRE];
	struct name_walk w;
	size_t here = read_name(c->message, at, name);

	name_walk(&w, name, sizeof(name));
	for (unsigned i = w.labels; i > 0 && w.label[i] < here; i--)
		note(c, w.hash[i], at + w.label[i]);
}

size_t
compress_put(struct compress *c, uint8_t *out, size_t room, const uint8_t *name, size_t *pointer)
{
	struct name_walk w;
	size_t at = (size_t)(out - c->message), found = 0, len;
	unsigned i;

	name_walk(&w, name, NAME_MAX_WIRE);
	for (i = w.labels; i > 0 && found == 0; i--)
		found = find(c, w.hash[i], name + w.label[i]);
	if (found != 0)
		i++;			/* the end of i labels is there */
	len = w.label[i] + (found != 0 ? 2u : 1u);
	*pointer = found != 0 ? w.label[i] : SIZE_MAX;
	if (len > room)
		return 0;
	memcpy(out, name, w.label[i]);
	if (found != 0)
		dns_put16(out + w.label[i], (uint16_t)(0xc000 | found));
	else
		out[w.label[i]] = 0;
	for (unsigned k = w.labels; k > i; k--)
		note(c, w.hash[k], at + w.label[k]);
	return len;
}

unsigned
compress_names(uint16_t type, size_t *first)
{
	*first = 0;
	switch (type) {
	case DNS_SOA:
	case 14:			/* MINFO */
		return 2;
	case DNS_MX:
		*first = 2;
		return 1;
	case DNS_NS: case DNS_CNAME: case DNS_PTR:
	case 3: case 4: case 7: case 8: case 9:		/* MD MF MB MG MR */
		return 1;
	}
	return 0;
}
