/*
 * held_ids: sets of file ids, as roaring bitmaps: 80 KB for a million of them, or far less.
 *
 * Once others may see a set it is only read, by any number of threads; held_ids_share gives each
 * its own hold on it, and the last held_ids_free ends it.  Sets are stored with a checksum
 * beside them, for the library takes what it reads for its own.  Knows no file and no mirror.
 */
#ifndef NEARCAST_HELD_IDS_H
#define NEARCAST_HELD_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct held_ids;

/* Empty; NULL = no memory, here and below. */
struct held_ids *held_ids_new(void);
struct held_ids *held_ids_copy(const struct held_ids *ids);

/* From what held_ids_bytes has made, if its checksum is `sum`; no octets = an empty set.  NULL
 * with a reason. */
struct held_ids *held_ids_parse(const void *bytes, size_t len, uint64_t sum, struct err *err);

/* The caller frees it; *sum is what held_ids_parse asks for. */
void *held_ids_bytes(const struct held_ids *ids, size_t *len, uint64_t *sum);

const struct held_ids *held_ids_share(const struct held_ids *ids);
void held_ids_free(const struct held_ids *ids);		/* NULL is fine */

/* Before it is shared: */
void held_ids_add(struct held_ids *ids, uint32_t id);
void held_ids_remove(struct held_ids *ids, uint32_t id);
void held_ids_subtract(struct held_ids *ids, const struct held_ids *less);
void held_ids_pack(struct held_ids *ids);		/* as small as it gets */

bool held_ids_has(const struct held_ids *ids, uint32_t id);
uint64_t held_ids_count(const struct held_ids *ids);
uint32_t held_ids_highest(const struct held_ids *ids);		/* 0 = none */

/* The id that `rank` smaller ones come before; false = there are not so many. */
bool held_ids_select(const struct held_ids *ids, uint32_t rank, uint32_t *id);

#endif
