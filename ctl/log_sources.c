#include "ctl/log_sources.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 1 << 16 };

static uint64_t
hash_of_key(const char *key)
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
			size_t at = hash_of_key(s->key) % n;

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
	at = &all->buckets[hash_of_key(key) % all->n_buckets];
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

static struct log_source *
process_of(struct log_sources *all, const char *kind, const struct log_text *host,
    const struct log_text *boot)
{
	struct log_source *s;
	char key[1024];

	snprintf(key, sizeof(key), "%.*s %s %.*s", (int)host->len, host->at, kind, (int)boot->len,
	    boot->at);
	s = log_sources_get(all, key);
	if (s != NULL && s->process == NULL)
		s->process = calloc(1, sizeof(*s->process));
	return s != NULL && s->process != NULL ? s : NULL;
}

static void
free_source(struct log_source *s)
{
	spans_free(&s->seen);
	spans_free(&s->lost);
	if (s->process != NULL)
		log_process_free(s->process);
	free(s->process);
	free(s->key);
	free(s);
}

/* Forgets connections that are whole: those without a line in the newest file, or all. */
static void
forget(struct log_sources *all, bool silent)
{
	struct span hole;

	for (size_t i = 0; i < all->n_buckets; i++)
		for (struct log_source **at = &all->buckets[i], *s; (s = *at) != NULL;) {
			if (!s->connection || (silent && s->slot == all->slot) ||
			    s->repeated != 0 || log_sources_hole(s, 0, &hole)) {
				at = &s->next;
				continue;
			}
			if (s->c > s->host->forgotten)
				s->host->forgotten = s->c;
			*at = s->next;
			free_source(s);
			all->n--;
			all->connections--;
		}
}

static void
make_space(struct log_sources *all)
{
	size_t bound = all->sweep_at != 0 ? all->sweep_at : CONNECTIONS;

	if (all->connections < bound)
		return;
	forget(all, true);
	if (all->connections > bound / 2)
		forget(all, false);
	/* what is left has holes */
	all->sweep_at = all->connections > CONNECTIONS / 2 ? 2 * all->connections : CONNECTIONS;
}

static struct log_source *
connection_of(struct log_sources *all, const char *kind, const struct log_line *line)
{
	struct log_source *s, *host;
	char key[1024];
	size_t before;

	snprintf(key, sizeof(key), "%.*s %s", (int)line->host.len, line->host.at, kind);
	host = log_sources_get(all, key);
	make_space(all);
	before = all->n;
	snprintf(key, sizeof(key), "%.*s %s w %" PRIu64 " c %" PRIu64, (int)line->host.len,
	    line->host.at, kind, line->w, line->c);
	s = host != NULL ? log_sources_get(all, key) : NULL;
	if (s == NULL)
		return NULL;
	host->lines++;
	if (all->n != before) {
		s->connection = true;
		s->whole = all->slot <= 1 || line->c <= host->forgotten;
		s->c = line->c;
		s->host = host;
		all->connections++;
		host->connections += line->c > host->forgotten || line->n == 1;
	}
	s->slot = all->slot;
	return s;
}

struct log_source *
log_sources_of(struct log_sources *all, const char *kind, const struct log_line *line)
{
	if (line->host.at == NULL || line->host.len > 255)
		return NULL;
	if (line->has_seq && line->boot.at != NULL && line->boot.len <= 255)
		return process_of(all, kind, &line->host, &line->boot);
	if (!line->has_w || !line->has_c || !line->has_n)
		return NULL;
	return connection_of(all, kind, line);
}

void
log_sources_turn(struct log_sources *all)
{
	all->slot++;
}

int
log_sources_add(struct log_source *s, const struct log_line *line, const char *octets, size_t len,
    bool aside)
{
	uint64_t number = s->connection ? line->n : line->seq;
	uint64_t before = spans_add(&s->seen, number, number);

	if (before == UINT64_MAX)
		return -1;
	s->lines++;
	s->repeated += aside ? 0 : before;
	if (s->process == NULL)
		return 0;
	log_process_line(s->process, line, octets, len, aside);
	if (log_process_loses(line))
		return spans_add(&s->lost, line->from, line->to) == UINT64_MAX ? -1 : 0;
	return 0;
}

int
log_sources_cut(struct log_sources *all, const char *kind, const struct log_line *line)
{
	struct log_source *other;

	if (!log_line_is(&line->ev, "cut") || line->of.at == NULL || line->of.len > 255 ||
	    line->host.at == NULL || line->host.len > 255)
		return 0;
	other = process_of(all, kind, &line->host, &line->of);
	if (other == NULL)
		return -1;
	log_process_cut(other->process, line);
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
	if (s->process != NULL && s->process->has_last && s->process->last > last)
		last = s->process->last;
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
			if (hole->last > last)
				hole->last = last;
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

bool
log_sources_both(const struct log_source *s, struct span *both)
{
	for (size_t i = 0, k = 0; i < s->lost.n && k < s->seen.n;) {
		const struct span *lost = &s->lost.v[i], *seen = &s->seen.v[k];

		both->first = lost->first > seen->first ? lost->first : seen->first;
		both->last = lost->last < seen->last ? lost->last : seen->last;
		if (both->first <= both->last)
			return true;
		if (lost->last < seen->last)
			i++;
		else
			k++;
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
