#include "common/catalogue/held_ids.h"

#include <roaring/roaring.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/siphash.h"

struct held_ids {
	roaring_bitmap_t *bits;
	atomic_uint holds;
};

/* Takes `bits` over. */
static struct held_ids *
wrap(roaring_bitmap_t *bits)
{
	struct held_ids *ids = bits != NULL ? calloc(1, sizeof(*ids)) : NULL;

	if (ids == NULL) {
		if (bits != NULL)
			roaring_bitmap_free(bits);
		return NULL;
	}
	ids->bits = bits;
	atomic_init(&ids->holds, 1);
	return ids;
}

struct held_ids *
held_ids_new(void)
{
	return wrap(roaring_bitmap_create());
}

struct held_ids *
held_ids_copy(const struct held_ids *ids)
{
	return wrap(roaring_bitmap_copy(ids->bits));
}

static uint64_t
sum_of(const void *bytes, size_t len)
{
	static const uint8_t key[16];		/* against damage, not against enemies */

	return siphash(key, bytes, len);
}

struct held_ids *
held_ids_parse(const void *bytes, size_t len, uint64_t sum, struct err *err)
{
	struct held_ids *ids = NULL;

	if (len == 0)
		ids = held_ids_new();
	else if (sum_of(bytes, len) != sum) {
		err_set(err, "a bitmap of %zu octets is damaged", len);
		return NULL;
	} else if (roaring_bitmap_portable_deserialize_size(bytes, len) == len)
		ids = wrap(roaring_bitmap_portable_deserialize_safe(bytes, len));
	if (ids == NULL)
		err_set(err, "a bitmap of %zu octets cannot be read", len);
	return ids;
}

void *
held_ids_bytes(const struct held_ids *ids, size_t *len, uint64_t *sum)
{
	size_t size = roaring_bitmap_portable_size_in_bytes(ids->bits);
	char *bytes = malloc(size + 1);

	if (bytes == NULL)
		return NULL;
	*len = roaring_bitmap_portable_serialize(ids->bits, bytes);
	*sum = sum_of(bytes, *len);
	return bytes;
}

const struct held_ids *
held_ids_share(const struct held_ids *ids)
{
	atomic_fetch_add(&((struct held_ids *)ids)->holds, 1);
	return ids;
}

void
held_ids_free(const struct held_ids *ids)
{
	struct held_ids *own = (struct held_ids *)ids;

	if (own == NULL || atomic_fetch_sub(&own->holds, 1) != 1)
		return;
	roaring_bitmap_free(own->bits);
	free(own);
}

void
held_ids_add(struct held_ids *ids, uint32_t id)
{
	roaring_bitmap_add(ids->bits, id);
}

void
held_ids_remove(struct held_ids *ids, uint32_t id)
{
	roaring_bitmap_remove(ids->bits, id);
}

void
held_ids_subtract(struct held_ids *ids, const struct held_ids *less)
{
	roaring_bitmap_andnot_inplace(ids->bits, less->bits);
}

void
held_ids_pack(struct held_ids *ids)
{
	roaring_bitmap_run_optimize(ids->bits);
	roaring_bitmap_shrink_to_fit(ids->bits);
}

bool
held_ids_has(const struct held_ids *ids, uint32_t id)
{
	return roaring_bitmap_contains(ids->bits, id);
}

uint64_t
held_ids_count(const struct held_ids *ids)
{
	return roaring_bitmap_get_cardinality(ids->bits);
}

uint32_t
held_ids_highest(const struct held_ids *ids)
{
	return roaring_bitmap_maximum(ids->bits);
}

bool
held_ids_select(const struct held_ids *ids, uint32_t rank, uint32_t *id)
{
	return roaring_bitmap_select(ids->bits, rank, id);
}
