#include "ctl/spans.h"

#include <stdlib.h>
#include <string.h>

/* The first run that ends at `number` or behind it, or just before it. */
static size_t
run_at(const struct spans *s, uint64_t number)
{
	size_t low = 0, high = s->n;

	/* nearly always it is the last one */
	if (s->n != 0 && s->v[s->n - 1].first <= number)
		low = s->n - 1;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->v[middle].last < UINT64_MAX && s->v[middle].last + 1 < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
make_room(struct spans *s)
{
	size_t room = s->room != 0 ? s->room * 2 : 1;
	struct span *v = s->n < s->room ? s->v : realloc(s->v, room * sizeof(*v));

	if (v == NULL)
		return -1;
	if (s->n == s->room)
		s->room = room;
	s->v = v;
	return 0;
}

static uint64_t
common_part(const struct span *a, uint64_t first, uint64_t last)
{
	uint64_t from = a->first > first ? a->first : first;
	uint64_t to = a->last < last ? a->last : last;

	return from <= to ? to - from + 1 : 0;
}

uint64_t
spans_add(struct spans *s, uint64_t first, uint64_t last)
{
	size_t at = run_at(s, first), end = at;
	uint64_t before = 0, from = first, to = last;

	/* runs that touch the new one become part of it */
	while (end < s->n && (s->v[end].first <= last || s->v[end].first - 1 == last)) {
		before += common_part(&s->v[end], first, last);
		from = s->v[end].first < from ? s->v[end].first : from;
		to = s->v[end].last > to ? s->v[end].last : to;
		end++;
	}
	if (end == at) {
		if (make_room(s) < 0)
			return UINT64_MAX;
		memmove(&s->v[at + 1], &s->v[at], (s->n - at) * sizeof(*s->v));
		s->n++;
	} else {
		memmove(&s->v[at + 1], &s->v[end], (s->n - end) * sizeof(*s->v));
		s->n -= end - at - 1;
	}
	s->v[at] = (struct span){ from, to };
	return before;
}

bool
spans_has(const struct spans *s, uint64_t number)
{
	size_t at = run_at(s, number);

	return at < s->n && s->v[at].first <= number && number <= s->v[at].last;
}

void
spans_free(struct spans *s)
{
	free(s->v);
	*s = (struct spans){ .v = NULL };
}
