#include "ctl/log_process.h"

#include <stdlib.h>
#include <string.h>

enum { EACH = 64, GAP = 4096, MARKS = 1 << 20 };

static uint32_t
hash_of_line(const char *octets, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)octets[i]) * 16777619u;
	return h | 1;			/* 0 = none yet */
}

/* The place for the hash of a line of this number; NULL = it gets none: it is one of those between,
 * or before the first, or far from all others, as nonsense is. */
static uint32_t *
mark_of(struct log_process *p, uint64_t seq)
{
	uint64_t at = seq / EACH, room;
	uint32_t *v;

	if (seq % EACH != 0)
		return NULL;
	if (p->n_marks == 0)
		p->base = at;
	if (at < p->base || at - p->base >= MARKS || at - p->base > p->n_marks + GAP)
		return NULL;
	at -= p->base;
	if (at >= p->n_marks) {
		for (room = p->n_marks != 0 ? p->n_marks : 16; room <= at;)
			room *= 2;
		v = realloc(p->marks, room * sizeof(*v));
		if (v == NULL)
			return NULL;
		memset(v + p->n_marks, 0, (room - p->n_marks) * sizeof(*v));
		p->marks = v;
		p->n_marks = room;
	}
	return &p->marks[at];
}

bool
log_process_loses(const struct log_line *line)
{
	return log_line_is(&line->ev, "lost") && line->has_from && line->has_to &&
	    line->from <= line->to && line->to < line->seq;
}

void
log_process_line(struct log_process *p, const struct log_line *line, const char *octets,
    size_t len, bool aside)
{
	uint32_t *mark = aside ? NULL : mark_of(p, line->seq), hash;

	if (mark != NULL) {
		hash = hash_of_line(octets, len);
		if (*mark != 0 && *mark != hash && !p->differs) {
			p->differs = true;
			p->twice = line->seq;
		}
		*mark = hash;
	}
	if (log_line_is(&line->ev, "lost") && !log_process_loses(line))
		p->senseless++;
	if (log_line_is(&line->ev, "end")) {
		p->ended = true;
		p->end = line->seq;
	}
}

void
log_process_cut(struct log_process *p, const struct log_line *line)
{
	p->cut = true;
	if (line->has_last && (!p->has_last || line->last > p->last)) {
		p->has_last = true;
		p->last = line->last;
	}
}

void
log_process_free(struct log_process *p)
{
	free(p->marks);
}
