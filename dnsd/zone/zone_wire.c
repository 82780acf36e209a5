#include "dnsd/zone/zone_wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_HEAD = 12 };		/* C00C, type, class, TTL, rdlength */

void
zone_wire_begin(struct zone_wire *w, const struct zone_source *src)
{
	w->src = src;
	w->message = NULL;
	w->room = 0;
	w->words = NULL;
	w->words_room = 0;
	name_walk(&w->apex, src->apex, NAME_MAX_WIRE);
}

void
zone_wire_free(struct zone_wire *w)
{
	free(w->message);
	free(w->words);
}

/* Where the rrset begins in the message. */
static size_t
rrset_at(const struct zone_wire *w)
{
	return (size_t)DNS_HEADER_LEN + w->apex.len;
}

static const struct zone_record *
record_of(const struct zone_wire *w, uint32_t i)
{
	return &w->src->records[i];
}

/* Room for these records as they are: pointers only make them shorter. */
static int
reserve_message(struct zone_wire *w, const struct zone_tree_rrset *rrset)
{
	size_t words = ZONE_NAMES_WORDS + 2 * (size_t)rrset->n + ZONE_NAMES_ENDS;
	size_t most = rrset_at(w);

	for (uint32_t i = 0; i < rrset->n; i++)
		most += RECORD_HEAD + record_of(w, rrset->records[i])->rdlength;
	for (uint32_t i = 0; i < rrset->n_sigs; i++)
		most += RECORD_HEAD + record_of(w, rrset->sigs[i])->rdlength;
	if (most > UINT32_MAX / 2)
		return -1;
	if (most > w->room) {
		uint8_t *grown = realloc(w->message, most + most / 2);
		if (grown == NULL)
			return -1;
		w->message = grown;
		w->room = most + most / 2;
	}
	if (words > w->words_room) {
		uint32_t *grown = realloc(w->words, (words + words / 2) * sizeof(*grown));
		if (grown == NULL)
			return -1;
		w->words = grown;
		w->words_room = (uint32_t)(words + words / 2);
	}
	return 0;
}

/* Adds the end of a name to the set's. */
static void
add_end(struct zone_wire *w, const uint8_t *name)
{
	struct name_walk walk;
	uint32_t end, k = 0;
	unsigned i = 1;

	name_walk(&walk, name, NAME_MAX_WIRE);
	while (i <= walk.labels && i <= w->apex.labels && walk.hash[i] == w->apex.hash[i])
		i++;
	if (i > walk.labels)
		return;			/* the apex, or above it: its pointer is all there is */
	w->bits |= zone_name_bit(walk.hash[i]);
	end = (uint32_t)(walk.hash[i] >> 32);
	while (k < w->n_ends && w->ends[k] != end)
		k++;
	if (k == w->n_ends && k <= ZONE_NAMES_ENDS)	/* one too many says so */
		w->ends[w->n_ends++] = end;
}

/* Writes rdata with its names shortened at `out`.  Returns its octets. */
static size_t
write_rdata(struct zone_wire *w, const struct zone_record *rec, uint8_t *out)
{
	size_t first, from, len, pointer;
	unsigned n = compress_names(rec->type, &first);

	memcpy(out, rec->rdata, first);
	from = len = first;
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *name = rec->rdata + from;
		size_t octets = name_len(name);

		add_end(w, name);
		len += compress_put(&w->compress, out + len, octets, name, &pointer);
		if (pointer != SIZE_MAX)	/* the last two octets that were written */
			w->words[ZONE_NAMES_WORDS + w->n_pointers++] =
			    (uint32_t)(out + len - 2 - w->message - rrset_at(w));
		from += octets;
	}
	memcpy(out + len, rec->rdata + from, rec->rdlength - from);
	return len + rec->rdlength - from;
}

/* One record; returns its end. */
static uint8_t *
write_record(struct zone_wire *w, const struct zone_record *rec, uint32_t ttl_s, uint8_t *out)
{
	size_t len = rec->rdlength;

	out[0] = 0xc0;
	out[1] = DNS_HEADER_LEN;
	dns_put16(out + 2, rec->type);
	dns_put16(out + 4, DNS_IN);
	dns_put32(out + 6, ttl_s);
	if (w->n_names != 0)
		len = write_rdata(w, rec, out + RECORD_HEAD);
	else
		memcpy(out + RECORD_HEAD, rec->rdata, rec->rdlength);
	assert(len <= rec->rdlength);
	dns_put16(out + 10, (uint16_t)len);
	return out + RECORD_HEAD + len;
}

/* The pointers of the message become those of zone.h: to the apex they are the same, with the
 * rrset at hand they count from its start. */
static void
finish_names(struct zone_wire *w)
{
	struct zone_names *names = (struct zone_names *)(void *)w->words;

	names->bits = w->bits;
	names->reach = 0;
	names->n_ends = w->n_ends <= ZONE_NAMES_ENDS ? w->n_ends : 0;
	for (uint32_t i = 0; i < w->n_pointers; i++) {
		uint8_t *p = w->message + rrset_at(w) + names->words[i];
		uint32_t to = dns_get16(p) & 0x3fffu;

		if (to == DNS_HEADER_LEN)
			continue;
		if (to >= rrset_at(w)) {
			to -= (uint32_t)rrset_at(w);
			dns_put16(p, (uint16_t)(0x8000 | to));
		}
		/* no less than RECORD_HEAD in the rrset, which is not the apex for that */
		if (names->reach < to)
			names->reach = to;
	}
	memcpy(names->words + w->n_pointers, w->ends, names->n_ends * sizeof(*w->ends));
	w->n_names = ZONE_NAMES_WORDS + w->n_pointers + names->n_ends;
	w->names = names;
}

int
zone_wire_write(struct zone_wire *w, const struct zone_tree_rrset *rrset, uint32_t ttl_s)
{
	uint8_t *out;
	size_t first;

	if (reserve_message(w, rrset) != 0)
		return -1;
	w->n_names = w->n_pointers = 0;
	/* so many that n_names could not count them fit into no message */
	if (compress_names(rrset->type, &first) != 0 && rrset->n < UINT16_MAX / 4) {
		memset(w->message, 0, DNS_HEADER_LEN);
		memcpy(w->message + DNS_HEADER_LEN, w->apex.name, w->apex.len);
		compress_begin(&w->compress, w->message, rrset_at(w));
		compress_note(&w->compress, DNS_HEADER_LEN);
		w->n_names = ZONE_NAMES_WORDS;
		w->bits = w->n_ends = 0;
	}
	out = w->message + rrset_at(w);
	w->wire = out;
	for (uint32_t i = 0; i < rrset->n; i++)
		out = write_record(w, record_of(w, rrset->records[i]), ttl_s, out);
	w->len = (uint32_t)(out - w->wire);
	if (w->n_names != 0)
		finish_names(w);
	for (uint32_t i = 0; i < rrset->n_sigs; i++)
		out = write_record(w, record_of(w, rrset->sigs[i]), ttl_s, out);
	w->sigs_len = (uint32_t)(out - w->wire) - w->len;
	return 0;
}
