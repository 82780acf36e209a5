#include "ctl/log_sources.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_KEPT = 60, SWEEP = 1 << 18 };

static uint64_t
hash_of(const char *key)
{
	uint64_t h = 14695981039346656037u;

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211u;
	return h ^ h >> 29;
}

static int
more_buckets(struct log_sources *all)
{
	size_t n = all->n_buckets != 0 ? all->n_buckets * 2 : 256;
	struct log_source **v = calloc(n, sizeof(*v)), *s;

	if (v == NULL)
		return all->n_buckets != 0 ? 0 : -1;
	for (size_t i = 0; i < all->n_buckets; i++)
		while ((s = all->buckets[i]) != NULL) {
			size_t at = hash_of(s->key) % n;

			all->buckets[i] = s->next;
			s->next = v[at];
			v[at] = s;
		}
	free(all->buckets);
	all->buckets = v;
	all->n_buckets = n;
	return 0;
}

struct log_source *
log_sources_get(struct log_sources *all, const char *key)
{
	struct log_source *s, **at;

	if (all->n >= all->n_buckets && more_buckets(all) < 0)
		return NULL;
	at = &all->buckets[hash_of(key) % all->n_buckets];
	for (s = *at; s != NULL; s = s->next)
		if (strcmp(s->key, key) == 0)
			return s;
	s = calloc(1, sizeof(*s));
	if (s == NULL || (s->key = strdup(key)) == NULL) {
		free(s);
		return NULL;
	}
	s->first_segment = UINT64_MAX;
	s->next = *at;
	*at = s;
	all->n++;
	return s;
}

struct log_source *
log_sources_of(struct log_sources *all, const char *kind, const struct log_line *line)
{
	struct log_source *s, *host;
	char key[1024];
	size_t before = all->n;

	if (line->host.at == NULL || line->host.len > 255)
		return NULL;
	if (line->has_seq && line->boot.at != NULL && line->boot.len <= 255) {
		snprintf(key, sizeof(key), "%.*s %s %.*s", (int)line->host.len, line->host.at, kind,
		    (int)line->boot.len, line->boot.at);
		return log_sources_get(all, key);
	}
	if (!line->has_w || !line->has_c || !line->has_n)
		return NULL;
	snprintf(key, sizeof(key), "%.*s %s", (int)line->host.len, line->host.at, kind);
	host = log_sources_get(all, key);
	before = all->n;
	snprintf(key, sizeof(key), "%.*s %s w %" PRIu64 " c %" PRIu64, (int)line->host.len,
	    line->host.at, kind, line->w, line->c);
	s = log_sources_get(all, key);
	if (s == NULL || host == NULL)
		return NULL;
	host->lines++;
	if (all->n != before) {
		s->connection = true;
		s->whole = all->slot <= 1;
		host->connections++;
	}
	s->slot = all->slot;
	return s;
}

static void
free_source(struct log_source *s)
{
	spans_free(&s->seen);
	spans_free(&s->lost);
	free(s->key);
	free(s);
}

void
log_sources_turn(struct log_sources *all)
{
	struct span hole;

	all->slot++;
	if (all->n < SWEEP || all->n < all->sweep_at)
		return;
	for (size_t i = 0; i < all->n_buckets; i++)
		for (struct log_source **at = &all->buckets[i], *s; (s = *at) != NULL;) {
			if (!s->connection || s->slot + SLOTS_KEPT > all->slot ||
			    log_sources_hole(s, 0, &hole)) {
				at = &s->next;
				continue;
			}
			*at = s->next;
			free_source(s);
			all->n--;
		}
	all->sweep_at = 2 * all->n;
}

int
log_sources_add(struct log_source *s, const struct log_line *line, bool aside)
{
	uint64_t number = s->connection ? line->n : line->seq;
	uint64_t before = spans_add(&s->seen, number, number);

	if (before == UINT64_MAX)
		return -1;
	s->lines++;
	s->repeated += aside ? 0 : before;
	if (!s->connection && line->ev.len == 4 && memcmp(line->ev.at, "lost", 4) == 0 &&
	    line->has_from && line->has_to && line->from <= line->to)
		return spans_add(&s->lost, line->from, line->to) == UINT64_MAX ? -1 : 0;
	return 0;
}

bool
log_sources_has(const struct log_source *s, const struct log_line *line)
{
	return spans_has(&s->seen, s->connection ? line->n : line->seq);
}

/* Where the run of the set that holds `number` ends; the number before it if none does. */
static uint64_t
end_of_run(const struct spans *set, uint64_t number)
{
	for (size_t low = 0, high = set->n; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (set->v[middle].last < number)
			low = middle + 1;
		else if (set->v[middle].first > number)
			high = middle;
		else
			return set->v[middle].last;
	}
	return number - 1;
}

/* The start of the first run behind `number`; UINT64_MAX = there is none. */
static uint64_t
next_run(const struct spans *set, uint64_t number)
{
	for (size_t low = 0, high = set->n; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (set->v[middle].first <= number)
			low = middle + 1;
		else if (middle == 0 || set->v[middle - 1].first <= number)
			return set->v[middle].first;
		else
			high = middle;
	}
	return UINT64_MAX;
}

bool
log_sources_hole(const struct log_source *s, uint64_t from, struct span *hole)
{
	uint64_t first, last, start = s->connection ? 1 : 0, at, a, b;

	if (s->seen.n == 0)
		return false;
	first = s->seen.v[0].first;
	last = s->seen.v[s->seen.n - 1].last;
	if (s->connection ? s->whole : s->first_segment != 0)
		start = first;
	at = from > start ? from : start;
	while (at <= last) {
		a = end_of_run(&s->seen, at);
		b = end_of_run(&s->lost, at);
		if (a == at - 1 && b == at - 1) {
			a = next_run(&s->seen, at);
			b = next_run(&s->lost, at);
			*hole = (struct span){ at, (a < b ? a : b) - 1 };
			return true;
		}
		/* number - 1 of 0 is the largest there is */
		if (a == at - 1)
			at = b + 1;
		else
			at = b == at - 1 || a > b ? a + 1 : b + 1;
	}
	return false;
}

static int
by_source_key(const void *a, const void *b)
{
	const struct log_source *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

struct log_source **
log_sources_list(const struct log_sources *all)
{
	struct log_source **v = calloc(all->n + 1, sizeof(*v));
	size_t n = 0;

	if (v == NULL)
		return NULL;
	for (size_t i = 0; i < all->n_buckets; i++)
		for (struct log_source *s = all->buckets[i]; s != NULL; s = s->next)
			v[n++] = s;
	qsort(v, n, sizeof(*v), by_source_key);
	return v;
}

void
log_sources_free(struct log_sources *all)
{
	for (size_t i = 0; i < all->n_buckets; i++)
		for (struct log_source *s = all->buckets[i], *next; s != NULL; s = next) {
			next = s->next;
			free_source(s);
		}
	free(all->buckets);
	*all = (struct log_sources){ .buckets = NULL };
}
