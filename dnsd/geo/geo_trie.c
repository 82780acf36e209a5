#include "dnsd/geo/geo_trie.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HALF_BITS 9			/* each table branches on so many */
#define HALF (1u << HALF_BITS)
#define TABLE_BITS (2 * HALF_BITS)
#define TABLE_WORDS (HALF / 2)
#define NODE_BITS 6
#define SLOTS 64
#define LINE_WORDS 8			/* of a cache line */

/* An entry of a table: a leaf (value << 8 | depth), or the place of a second table or a node.  A
 * place is the index of its first word, and whether its values are 16 bits wide. */
#define LEAF UINT32_C(0x80000000)
#define WIDE UINT32_C(0x40000000)
#define PLACE (WIDE - 1)

/* ---- looking up ---- */

/* Counted without a call: the compilers' builtin is one where the CPU's own may be missing. */
static inline unsigned
bits_set(uint64_t x)
{
	x -= x >> 1 & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(x * UINT64_C(0x0101010101010101) >> 56);
}

static inline struct geo_leaf
leaf_of_entry(uint32_t entry)
{
	assert((entry & LEAF) != 0 && (uint8_t)entry <= TABLE_BITS);
	return (struct geo_leaf){ (uint16_t)(entry >> 8), (uint8_t)entry };
}

static inline const uint32_t *
children_of(const uint64_t *node)
{
	return (const uint32_t *)(const void *)(node + 2);
}

/* The leaf at `slot` of a node that branches at `depth`. */
static inline struct geo_leaf
leaf_at(const uint64_t *node, bool wide, unsigned slot, unsigned depth)
{
	uint64_t upto = (UINT64_C(2) << slot) - 1;	/* slots 0..slot; all of them for 63 */
	uint64_t begun = node[1] & upto, after = (node[0] | node[1]) & ~upto;
	unsigned first = 63u - (unsigned)__builtin_clzll(begun);
	unsigned end = after != 0 ? (unsigned)__builtin_ctzll(after) : SLOTS;
	const uint8_t *values = (const uint8_t *)(children_of(node) + bits_set(node[0]));
	uint16_t value;

	/* a leaf is an aligned block of slots, and this slot is in it */
	assert(begun != 0 && first <= slot && slot < end);
	assert(((end - first) & (end - first - 1)) == 0 && first % (end - first) == 0);
	memcpy(&value, values + ((bits_set(begun) - 1) << wide), sizeof(value));
	return (struct geo_leaf){
		wide ? value : (uint8_t)value,
		(uint8_t)(depth + NODE_BITS - (unsigned)__builtin_ctz(end - first)),
	};
}

static inline const uint64_t *
node_at(const struct geo_trie *trie, uint32_t entry)
{
	assert((entry & LEAF) == 0 && (entry & PLACE) < trie->n_words);
	return trie->words + (entry & PLACE);
}

/* The node below `slot`, or 0 if a leaf is there. */
static inline uint32_t
child_at(const uint64_t *node, unsigned slot)
{
	uint64_t bit = UINT64_C(1) << slot;

	return (node[0] & bit) != 0 ? children_of(node)[bits_set(node[0] & (bit - 1))] : 0;
}

/* Where the first 18 bits of a key lead: its entry of a second table, or the first one's, if that
 * is a leaf. */
static inline const uint32_t *
entry_of(const struct geo_trie *trie, uint32_t bits)
{
	const uint32_t *first = (const uint32_t *)(const void *)trie->words + (bits >> HALF_BITS);

	if ((*first & LEAF) != 0)
		return first;
	assert(*first + TABLE_WORDS <= trie->n_words);
	return (const uint32_t *)(const void *)(trie->words + *first) + (bits & (HALF - 1));
}

struct geo_leaf
geo_trie_find4(const struct geo_trie *trie, uint32_t ip)
{
	uint32_t entry = *entry_of(trie, ip >> (32 - TABLE_BITS)), child;
	uint64_t key = (uint64_t)ip << (32 + TABLE_BITS);
	unsigned depth = TABLE_BITS;

	if ((entry & LEAF) != 0)
		return leaf_of_entry(entry);
	for (;;) {
		const uint64_t *node = node_at(trie, entry);
		unsigned slot = (unsigned)(key >> (64 - NODE_BITS));
		__builtin_prefetch(node + LINE_WORDS);
		child = child_at(node, slot);
		if (child == 0)
			return leaf_at(node, (entry & WIDE) != 0, slot, depth);
		entry = child;
		key <<= NODE_BITS;
		depth += NODE_BITS;
	}
}

struct geo_leaf
geo_trie_find(const struct geo_trie *trie, geo_key key)
{
	uint32_t entry = *entry_of(trie, (uint32_t)(key >> (128 - TABLE_BITS))), child;
	unsigned depth = TABLE_BITS;

	if ((entry & LEAF) != 0)
		return leaf_of_entry(entry);
	for (key <<= TABLE_BITS;; key <<= NODE_BITS) {
		const uint64_t *node = node_at(trie, entry);
		unsigned slot = (unsigned)(key >> (128 - NODE_BITS));
		__builtin_prefetch(node + LINE_WORDS);
		child = child_at(node, slot);
		if (child == 0)
			return leaf_at(node, (entry & WIDE) != 0, slot, depth);
		entry = child;
		depth += NODE_BITS;
	}
}

#define GROUP 16

/* All of a group go down one level at a time, each asking for the memory it needs next. */
static void
find_group(size_t n, const struct geo_trie *const *trie, const geo_key *keys, struct geo_leaf *leaf)
{
	const uint32_t *at[GROUP];
	uint32_t entry[GROUP];
	geo_key key[GROUP];
	uint8_t open[GROUP];
	size_t n_open = 0;

	for (size_t i = 0; i < n; i++) {
		at[i] = entry_of(trie[i], (uint32_t)(keys[i] >> (128 - TABLE_BITS)));
		__builtin_prefetch(at[i]);
	}
	for (size_t i = 0; i < n; i++) {
		entry[i] = *at[i];
		if ((entry[i] & LEAF) != 0) {
			leaf[i] = leaf_of_entry(entry[i]);
			continue;
		}
		__builtin_prefetch(trie[i]->words + (entry[i] & PLACE));
		__builtin_prefetch(trie[i]->words + (entry[i] & PLACE) + LINE_WORDS);
		key[i] = keys[i] << TABLE_BITS;
		open[n_open++] = (uint8_t)i;
	}
	for (unsigned depth = TABLE_BITS; n_open != 0; depth += NODE_BITS) {
		size_t still = 0;
		for (size_t j = 0; j < n_open; j++) {
			size_t i = open[j];
			const uint64_t *node = node_at(trie[i], entry[i]);
			unsigned slot = (unsigned)(key[i] >> (128 - NODE_BITS));
			uint32_t child = child_at(node, slot);
			if (child == 0) {
				leaf[i] = leaf_at(node, (entry[i] & WIDE) != 0, slot, depth);
				continue;
			}
			__builtin_prefetch(trie[i]->words + (child & PLACE));
			__builtin_prefetch(trie[i]->words + (child & PLACE) + LINE_WORDS);
			entry[i] = child;
			key[i] <<= NODE_BITS;
			open[still++] = (uint8_t)i;
		}
		n_open = still;
	}
}

void
geo_trie_find_batch(size_t n, const struct geo_trie *const *trie, const geo_key *key,
    struct geo_leaf *leaf)
{
	for (size_t i = 0; i < n; i += GROUP)
		find_group(n - i < GROUP ? n - i : GROUP, trie + i, key + i, leaf + i);
}

/* ---- building ---- */

#define GAPS 256			/* of each size remembered at most */

struct gaps {
	uint32_t at[GAPS];
	size_t n;
};

struct builder {
	const struct geo_runs *runs;
	geo_key start;			/* the range at hand, as long as it can be: to run.last */
	struct geo_run run, ahead;
	uint64_t *words;
	size_t n_words, cap;
	struct gaps gaps[LINE_WORDS];	/* by words free: the ends of cache lines */
	bool failed;
};

/* Moves on to the next range, taking neighbours of one value together. */
static void
next_range(struct builder *b)
{
	b->start = b->run.last + 1;
	b->run = b->ahead;
	assert(b->start <= b->run.last);
	while (b->run.last != GEO_KEY_MAX) {
		b->runs->next(b->runs->arg, &b->ahead);
		if (b->ahead.value != b->run.value)
			return;
		b->run.last = b->ahead.last;
	}
}

static bool
reserve_words(struct builder *b, size_t words)
{
	uint64_t *p;
	size_t cap = b->cap + b->cap / 2 + words;

	if (b->n_words + words <= b->cap)
		return true;
	p = realloc(b->words, cap * sizeof(*p));
	if (p == NULL || cap >= PLACE) {
		free(p);
		b->words = p == NULL ? b->words : NULL;
		b->failed = true;
		return false;
	}
	b->words = p;
	b->cap = cap;
	return true;
}

/* Marks where the leaves of a node begin: aligned blocks as large as they can be. */
static uint64_t
mark_leaves(const uint32_t child[SLOTS], const uint16_t value[SLOTS])
{
	uint64_t begins = 0;
	uint8_t size[SLOTS];		/* of the block that begins here; 0 = none does */

	for (unsigned i = 0; i < SLOTS; i++)
		size[i] = child[i] == 0;
	for (unsigned half = 1; half < SLOTS; half *= 2)
		for (unsigned i = 0; i < SLOTS; i += 2 * half)
			if (size[i] == half && size[i + half] == half &&
			    value[i] == value[i + half]) {
				size[i] = (uint8_t)(2 * half);
				size[i + half] = 0;
			}
	for (unsigned i = 0; i < SLOTS; i++)
		if (size[i] != 0)
			begins |= UINT64_C(1) << i;
	return begins;
}

/* ---- where nodes lie ---- */

/* Keeps what is left of a cache line, for a node that fits. */
static void
keep_gap(struct builder *b, uint32_t at, size_t words)
{
	struct gaps *g = &b->gaps[words];

	if (words != 0 && g->n < GAPS)
		g->at[g->n++] = at;
}

/* Room for a node, zeroed; one that fits a cache line is put into one. */
static bool
place_node(struct builder *b, size_t words, uint32_t *at)
{
	size_t rest;

	assert(words > 2);
	for (size_t size = words; size < LINE_WORDS; size++)
		if (b->gaps[size].n != 0) {
			*at = b->gaps[size].at[--b->gaps[size].n];
			keep_gap(b, *at + (uint32_t)words, size - words);
			return true;
		}
	if (!reserve_words(b, LINE_WORDS + words))
		return false;
	rest = (LINE_WORDS - b->n_words % LINE_WORDS) % LINE_WORDS;
	memset(b->words + b->n_words, 0, (rest + words) * sizeof(*b->words));
	if (words <= LINE_WORDS && words > rest) {
		keep_gap(b, (uint32_t)b->n_words, rest);
		b->n_words += rest;
	}
	*at = (uint32_t)b->n_words;
	b->n_words += words;
	return true;
}

/* Writes a node and returns its place, 0 on failure. */
static uint32_t
write_node(struct builder *b, const uint32_t child[SLOTS], const uint16_t value[SLOTS])
{
	uint64_t begins = mark_leaves(child, value), *node;
	size_t octets = 2 * sizeof(*node);
	uint32_t at, wide = 0;
	uint8_t *out;

	for (unsigned i = 0; i < SLOTS; i++) {
		octets += child[i] != 0 ? sizeof(child[i]) : 0;
		if (child[i] == 0 && value[i] > UINT8_MAX)
			wide = WIDE;
	}
	octets += bits_set(begins) << (wide != 0);
	if (!place_node(b, (octets + sizeof(*node) - 1) / sizeof(*node), &at))
		return 0;
	node = b->words + at;
	node[1] = begins;
	out = (uint8_t *)(node + 2);
	for (unsigned i = 0; i < SLOTS; i++)
		if (child[i] != 0) {
			node[0] |= UINT64_C(1) << i;
			memcpy(out, &child[i], sizeof(child[i]));
			out += sizeof(child[i]);
		}
	for (unsigned i = 0; i < SLOTS; i++)
		if ((begins >> i & 1) != 0) {
			uint8_t narrow = (uint8_t)value[i];
			memcpy(out, wide != 0 ? (const void *)&value[i] : &narrow,
			    1u << (wide != 0));
			out += 1u << (wide != 0);
		}
	return at | wide;
}

static uint32_t
build_node(struct builder *b, geo_key start, unsigned depth)
{
	uint32_t child[SLOTS] = { 0 };
	uint16_t value[SLOTS] = { 0 };
	unsigned len = depth + NODE_BITS;
	unsigned past = len > 128 ? len - 128 : 0;	/* bits past the key's end */

	for (unsigned i = 0; i < SLOTS && !b->failed; i++) {
		geo_key slot = start | (geo_key)(i >> past) << (128 + past - len);
		while (b->run.last < slot)
			next_range(b);
		if (b->run.last >= geo_key_last(slot, len))
			value[i] = b->run.value;
		else
			child[i] = build_node(b, slot, len);
	}
	return b->failed ? 0 : write_node(b, child, value);
}

static uint32_t build_table(struct builder *b, geo_key start, unsigned depth);

/* What stands for the prefix start/len in a table. */
static uint32_t
build_entry(struct builder *b, geo_key start, unsigned len)
{
	while (b->run.last < start)
		next_range(b);
	if (b->run.last >= geo_key_last(start, len))
		return LEAF | (uint32_t)b->run.value << 8 |
		    geo_key_depth(start, b->start, b->run.last);
	return len < TABLE_BITS ? build_table(b, start, len) : build_node(b, start, len);
}

/* Returns the table's place, 0 for the first one and on failure. */
static uint32_t
build_table(struct builder *b, geo_key start, unsigned depth)
{
	size_t at = b->n_words;

	if (!reserve_words(b, TABLE_WORDS))
		return 0;
	b->n_words += TABLE_WORDS;
	for (uint32_t i = 0; i < HALF && !b->failed; i++) {
		uint32_t entry = build_entry(b, start | (geo_key)i << (128 - depth - HALF_BITS),
		    depth + HALF_BITS);
		if (!b->failed)
			((uint32_t *)(void *)(b->words + at))[i] = entry;
	}
	return (uint32_t)at;
}

/* The finished trie in a mapping of its own, with room to read past its end. */
static int
settle(struct geo_trie *trie, const struct builder *b)
{
	size_t size = (b->n_words + 1) * sizeof(*b->words);
	void *p;

	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	madvise(p, size, MADV_HUGEPAGE);
	memcpy(p, b->words, b->n_words * sizeof(*b->words));
	trie->words = p;
	trie->n_words = b->n_words;
	trie->map_size = size;
	return 0;
}

int
geo_trie_build(struct geo_trie *trie, const struct geo_runs *runs, struct err *err)
{
	struct builder b = { .runs = runs };
	int rc = -1;

	runs->next(runs->arg, &b.ahead);
	b.run.last = GEO_KEY_MAX;	/* so that the first range starts at 0 */
	next_range(&b);
	build_table(&b, 0, 0);
	assert(b.failed || b.run.last == GEO_KEY_MAX);
	if (!b.failed)
		rc = settle(trie, &b);
	free(b.words);
	return rc < 0 ? err_set(err, "no memory for a map of %zu octets",
	    b.n_words * sizeof(*b.words)) : 0;
}

void
geo_trie_free(struct geo_trie *trie)
{
	if (trie->words != NULL)
		munmap(trie->words, trie->map_size);
	trie->words = NULL;
}
