#include "dnsd/geo/geo_flat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
geo_flat_insert(struct geo_flat_entry *entries, size_t *n, struct geo_flat_entry e)
{
	size_t at = *n;

	while (at > 0 && (entries[at - 1].start > e.start ||
	    (entries[at - 1].start == e.start && entries[at - 1].last < e.last)))
		at--;
	memmove(&entries[at + 1], &entries[at], (*n - at) * sizeof(e));
	entries[at] = e;
	(*n)++;
}

static void
emit(struct geo_flat *flat, geo_key last, uint16_t value)
{
	struct geo_run *before = flat->n != 0 ? &flat->runs[flat->n - 1] : NULL;

	if (before != NULL && before->last >= last)
		return;
	if (before != NULL && before->value == value)
		before->last = last;
	else
		flat->runs[flat->n++] = (struct geo_run){ last, value };
}

int
geo_flat_lay(struct geo_flat *flat, const struct geo_flat_entry *entries, size_t n,
    uint16_t between)
{
	const struct geo_flat_entry **open = malloc((n + 1) * sizeof(struct geo_flat_entry *));
	size_t n_open = 0;

	*flat = (struct geo_flat){ .runs = malloc((2 * n + 1) * sizeof(*flat->runs)) };
	if (open == NULL || flat->runs == NULL) {
		free(open);
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		for (; n_open != 0 && open[n_open - 1]->last < entries[i].start; n_open--)
			emit(flat, open[n_open - 1]->last, open[n_open - 1]->value);
		if (entries[i].start != 0)
			emit(flat, entries[i].start - 1,
			    n_open != 0 ? open[n_open - 1]->value : between);
		open[n_open++] = &entries[i];
	}
	for (; n_open != 0; n_open--)
		emit(flat, open[n_open - 1]->last, open[n_open - 1]->value);
	emit(flat, GEO_KEY_MAX, between);
	assert(flat->n <= 2 * n + 1);
	free(open);
	return 0;
}

void
geo_flat_free(struct geo_flat *flat)
{
	free(flat->runs);
}
