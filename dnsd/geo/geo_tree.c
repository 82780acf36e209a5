#include "dnsd/geo/geo_tree.h"

#include <assert.h>

/* ---- lookups ---- */

/* Which of the folded ranges a leaf's mark stands for. */
static inline const struct geo_fold *
fold_of(uint16_t result)
{
	assert(result < GEO_FOLD_MARK + GEO_FOLDS);
	return result >= GEO_FOLD_MARK ? &geo_fold_ranges[result - GEO_FOLD_MARK] : NULL;
}

/* A leaf of IPv4 as one of the IPv6 range around it; `outer` is the leaf that led there. */
static struct geo_leaf
unfold(const struct geo_fold *fold, struct geo_leaf inner, struct geo_leaf outer)
{
	unsigned depth = fold->offset + inner.depth;

	assert(inner.depth <= 32 && outer.depth <= 128);
	inner.depth = (uint8_t)(depth > outer.depth ? depth : outer.depth);
	return inner;
}

struct geo_leaf
geo_tree_find(const struct geo_tree *tree, uint8_t family, const uint8_t *ip)
{
	geo_key key = geo_key_of(family, ip);
	const struct geo_fold *fold;
	struct geo_leaf leaf;

	if (family == 4)
		return geo_trie_find4(&tree->v4, (uint32_t)(key >> 96));
	leaf = geo_trie_find(&tree->v6, key);
	fold = fold_of(leaf.result);
	if (fold == NULL)
		return leaf;
	return unfold(fold, geo_trie_find4(&tree->v4, geo_fold_ip(fold, key)), leaf);
}

#define BATCH 64

/* n is 1 to BATCH (a `for` would have compilers warn of none). */
static void
find_some(size_t n, const struct geo_tree *const *tree, const uint8_t *family,
    const uint8_t *const *ip, struct geo_leaf *leaf)
{
	const struct geo_trie *trie[BATCH];
	geo_key key[BATCH];
	size_t i = 0;

	do {
		trie[i] = family[i] == 4 ? &tree[i]->v4 : &tree[i]->v6;
		key[i] = geo_key_of(family[i], ip[i]);
	} while (++i < n);
	geo_trie_find_batch(n, trie, key, leaf);
	for (i = 0; i < n; i++) {
		const struct geo_fold *fold = fold_of(leaf[i].result);
		if (fold != NULL)
			leaf[i] = unfold(fold, geo_trie_find4(&tree[i]->v4,
			    geo_fold_ip(fold, key[i])), leaf[i]);
	}
}

void
geo_tree_find_batch(size_t n, const struct geo_tree *const *tree, const uint8_t *family,
    const uint8_t *const *ip, struct geo_leaf *leaf)
{
	for (size_t i = 0; i < n; i += BATCH)
		find_some(n - i < BATCH ? n - i : BATCH, tree + i, family + i, ip + i, leaf + i);
}

/* ---- building ---- */

int
geo_tree_build(struct geo_tree *tree, uint8_t family, struct geo_merge *merge, struct err *err)
{
	struct geo_runs runs = { geo_merge_next, merge };

	if (merge == NULL ||
	    geo_trie_build(family == 4 ? &tree->v4 : &tree->v6, &runs, err) < 0)
		return -1;
	return geo_merge_failed(merge, err) < 0 ? 1 : 0;
}

uint16_t
geo_tree_all_ipv4(const struct geo_tree *tree, uint8_t family)
{
	struct geo_leaf all = { GEO_RANK_NONE, 1 };

	if (family == 6)
		all = geo_trie_find4(&tree->v4, 0);
	return all.depth == 0 ? all.result : GEO_RANK_NONE;
}

void
geo_tree_free(struct geo_tree *tree)
{
	geo_trie_free(&tree->v4);
	geo_trie_free(&tree->v6);
}
