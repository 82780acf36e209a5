#include "dnsd/geo/geo_rule.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int
compare_key(const struct geo_rule *a, const struct geo_rule *b)
{
	const struct prefix *p = &a->prefix, *q = &b->prefix;
	int c;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	switch (a->kind) {
	case CONF_RULE_PREFIX:
		c = p->family != q->family ? p->family - q->family :
		    memcmp(p->ip, q->ip, sizeof(p->ip));
		return c != 0 ? c : p->len - q->len;
	case CONF_RULE_ASN:
		return a->asn < b->asn ? -1 : a->asn > b->asn;
	default:
		return memcmp(a->code, b->code, 2);
	}
}

/* Of rules for the same key the first of the file counts: it comes first, but for prefixes,
 * which are laid over each other, last. */
static int
compare_rule(const void *va, const void *vb)
{
	const struct geo_rule *a = va, *b = vb;
	int c = compare_key(a, b), file_order = a->order < b->order ? -1 : 1;

	if (c != 0)
		return c;
	return a->kind == CONF_RULE_PREFIX ? -file_order : file_order;
}

void
geo_rule_sort(struct geo_rule *rules, size_t n)
{
	qsort(rules, n, sizeof(*rules), compare_rule);
	for (size_t i = 1; i < n; i++)
		assert(compare_rule(&rules[i - 1], &rules[i]) < 0);
}

static const struct geo_rule *
find_sorted(const struct geo_rule *rules, size_t n, const struct geo_rule *key)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (compare_key(&rules[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && compare_key(&rules[low], key) == 0 ? &rules[low] : NULL;
}

const struct geo_rule *
geo_rule_of_asn(const struct geo_rule *rules, size_t n, uint32_t asn)
{
	const struct geo_rule key = { .kind = CONF_RULE_ASN, .asn = asn };

	return asn == 0 ? NULL : find_sorted(rules, n, &key);
}

const struct geo_rule *
geo_rule_of_code(const struct geo_rule *rules, size_t n, enum conf_rule_kind kind,
    const char *code)
{
	struct geo_rule key = { .kind = kind };

	if (code[0] == '\0')
		return NULL;
	memcpy(key.code, code, 2);
	return find_sorted(rules, n, &key);
}
