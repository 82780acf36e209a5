/*
 * How events pass from whoever says them to the disk.
 *
 * Callers append records to one buffer under a lock; the thread swaps it for an empty one, makes
 * lines of the records, a chunk at a time, and hands chunks to spool_segment.h.  Numbers are
 * given when lines are made, in the order of the buffer.  A chunk that cannot be written is kept
 * and tried again, so that events are lost at one place alone: at the end of a buffer that is
 * full.  How many is written down beside it, and once one was lost all that follow are, until the
 * buffer is swapped: the line that declares the loss then stands where the lost events would have
 * stood.
 */
#include "common/spool.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/spool_chunk.h"
#include "common/spool_past.h"
#include "common/spool_segment.h"
#include "common/thread.h"

enum {
	GATHER_MS = 50,			/* events of this time are written together */
	RETRY_MS = 250,
	LAST_S = 2			/* spool_close */
};

struct spool_record {
	double t;
	uint32_t len;
};

/* Records one behind another, then `lost` events. */
struct spool_buffer {
	char *at;
	size_t used;
	uint64_t lost;
};

struct spool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	/* under the lock */
	struct spool_buffer fill;
	size_t size;			/* of each buffer */
	uint64_t events, lost, octets, max;
	bool stop, failing;
	char boot_said[SPOOL_SEGMENT_BOOT];
	/* the thread's own */
	struct spool_buffer work;
	struct spool_segment segment;
	struct spool_chunk chunk;
	bool past;			/* it was said what became of earlier processes */
	bool half;			/* the warning was given */
	uint64_t failed_lost;		/* `lost` when it began to fail */
	char *dir, *kind;
	const struct warn *warn;
};

/* ---- lines ---- */

/* Makes lines of records from octet `at` of the work on, as many as a chunk takes.  Returns where
 * the next record is. */
static size_t
fill_chunk(struct spool *s, size_t at)
{
	struct spool_record r;

	spool_chunk_begin(&s->chunk);
	while (at < s->work.used) {
		memcpy(&r, s->work.at + at, sizeof(r));
		if (!spool_chunk_has_room(&s->chunk, r.len))
			return at;
		spool_chunk_event(&s->chunk, r.t, s->work.at + at + sizeof(r), r.len);
		at += sizeof(r) + r.len;
	}
	if (s->work.lost != 0)
		spool_chunk_lost(&s->chunk, s->work.lost);
	s->work.lost = 0;
	return at;
}

/* ---- the thread ---- */

static void
say_broken(struct spool *s, const struct err *why)
{
	bool before;

	pthread_mutex_lock(&s->lock);
	before = s->failing;
	s->failing = true;
	s->failed_lost = before ? s->failed_lost : s->lost;
	memcpy(s->boot_said, s->segment.boot, sizeof(s->boot_said));
	pthread_mutex_unlock(&s->lock);
	if (!before)
		err_warn(s->warn, "log spool %s; events wait in memory, and are lost when %zu "
		    "octets do", why->text, s->size);
}

static void
say_state(struct spool *s)
{
	uint64_t lost, max;
	bool before;

	pthread_mutex_lock(&s->lock);
	before = s->failing;
	s->failing = false;
	s->octets = s->segment.total;
	lost = s->lost - s->failed_lost;
	max = s->max;
	memcpy(s->boot_said, s->segment.boot, sizeof(s->boot_said));
	pthread_mutex_unlock(&s->lock);
	if (before)
		err_warn(s->warn, "log spool %s: written again, %" PRIu64 " event%s lost", s->dir,
		    lost, lost == 1 ? " was" : "s were");
	if (max != 0 && s->segment.total > max / 2 && !s->half)
		err_warn(s->warn, "log spool %s: %" PRIu64 " octets wait for collectors, more than "
		    "half of `max`, %" PRIu64, s->dir, s->segment.total, max);
	if (s->segment.total > max / 2)
		s->half = true;
	else if (s->segment.total < max / 8 * 3)
		s->half = false;
}

/* Waits for `ms`, or, with `events`, until there are some.  True = the spool is to be closed. */
static bool
wait_for(struct spool *s, unsigned ms, bool events)
{
	struct mono_ms until = { clock_mono().ms + ms };
	bool stop;

	pthread_mutex_lock(&s->lock);
	while (!s->stop && !(events && (s->fill.used != 0 || s->fill.lost != 0)))
		if (ms == 0)
			pthread_cond_wait(&s->wake, &s->lock);
		else if (!thread_cond_until(&s->wake, &s->lock, until))
			break;
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

/* Writes the chunk, however long it takes, within the bound or not.  False = it cannot be, and the
 * spool is to be closed. */
static bool
write_chunk(struct spool *s, bool bounded)
{
	struct err why;
	uint64_t max;

	while (s->chunk.done < s->chunk.len) {
		pthread_mutex_lock(&s->lock);
		max = bounded ? s->max : 0;
		pthread_mutex_unlock(&s->lock);
		s->chunk.done += spool_segment_write(&s->segment, s->chunk.at + s->chunk.done,
		    s->chunk.len - s->chunk.done, max, clock_mono().ms, &why);
		if (s->chunk.done == s->chunk.len)
			break;
		say_broken(s, &why);
		if (wait_for(s, RETRY_MS, false))
			return false;
		spool_segment_tick(&s->segment, clock_mono().ms);
	}
	return true;
}

/* Waits for the first file, whose name says who this process is.  False as above. */
static bool
begin_first(struct spool *s)
{
	struct err why;

	while (spool_segment_settle(&s->segment, clock_mono().ms, &why) < 0) {
		say_broken(s, &why);
		if (wait_for(s, RETRY_MS, false))
			return false;
	}
	return true;
}

/* Says, before anything else, which processes of this kind were killed before: also in a full
 * folder, since this process may be killed before there is room, and the next one finds neither.
 * False as above. */
static bool
say_past(struct spool *s)
{
	struct spool_past past[SPOOL_PAST];
	unsigned n;

	if (s->past)
		return true;
	s->past = true;
	n = spool_past_find(s->dir, s->kind, s->segment.boot, past);
	spool_chunk_begin(&s->chunk);
	for (unsigned i = 0; i < n; i++)
		spool_chunk_cut(&s->chunk, past[i].boot, past[i].known, past[i].last);
	return write_chunk(s, false);
}

/* Takes what has come and writes it.  False as above. */
static bool
drain(struct spool *s)
{
	struct spool_buffer taken;
	size_t at = 0;
	bool any;

	pthread_mutex_lock(&s->lock);
	any = s->fill.used != 0 || s->fill.lost != 0;
	pthread_mutex_unlock(&s->lock);
	if (!any)
		return true;
	if (!begin_first(s) || !say_past(s))
		return false;
	pthread_mutex_lock(&s->lock);
	taken = s->fill;
	s->fill = s->work;
	pthread_mutex_unlock(&s->lock);
	s->work = taken;
	while (at < s->work.used || s->work.lost != 0) {
		at = fill_chunk(s, at);
		if (!write_chunk(s, true))
			return false;
		say_state(s);
	}
	s->work.used = 0;
	return true;
}

/* The last words: which events have no lines, and that no more come.  A line that is written in
 * part only is completed first. */
static void
say_end(struct spool *s)
{
	struct spool_chunk *c = &s->chunk;
	const char *rest = c->at + c->done, *stop;
	uint64_t numbers, lost;

	pthread_mutex_lock(&s->lock);
	numbers = s->events;
	pthread_mutex_unlock(&s->lock);
	if (numbers == 0)
		return;
	if (s->segment.torn && (stop = memchr(rest, '\n', c->len - c->done)) != NULL &&
	    spool_segment_last(&s->segment, rest, (size_t)(stop - rest) + 1, clock_mono().ms))
		c->done += (size_t)(stop - rest) + 1;
	numbers += c->own;
	c->seq = spool_chunk_unwritten(c);
	lost = numbers - c->seq;
	spool_chunk_begin(c);
	if (lost != 0)
		spool_chunk_lost(c, lost);
	spool_chunk_end(c);
	if (!spool_segment_last(&s->segment, c->at, c->len, clock_mono().ms))
		err_warn(s->warn, "log spool %s: the last %" PRIu64 " events are lost, and nothing "
		    "there declares it", s->dir, lost);
	else if (lost != 0)
		err_warn(s->warn, "log spool %s: the last %" PRIu64 " events are lost", s->dir,
		    lost);
}

static void *
write_lines(void *arg)
{
	struct spool *s = arg;
	unsigned wait = 0;
	bool stop;

	do {
		stop = wait_for(s, wait, true);
		if (!stop)
			stop = wait_for(s, GATHER_MS, false);
		if (!drain(s))
			break;
		wait = spool_segment_tick(&s->segment, clock_mono().ms);
	} while (!stop);
	say_end(s);
	spool_segment_end(&s->segment);
	return NULL;
}

/* ---- those who call ---- */

static void
free_spool(struct spool *s)
{
	free(s->fill.at);
	free(s->work.at);
	spool_chunk_free(&s->chunk);
	free(s->dir);
	free(s->kind);
	free(s);
}

struct spool *
spool_open(const struct spool_how *how, struct err *err)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(err, "out of memory for the log spool");
		return NULL;
	}
	s->size = how->buffer != 0 ? how->buffer : SPOOL_BUFFER;
	s->max = how->max;
	s->warn = how->warn;
	s->fill.at = malloc(s->size);
	s->work.at = malloc(s->size);
	s->dir = strdup(how->dir);
	s->kind = strdup(how->kind);
	if (s->fill.at == NULL || s->work.at == NULL || s->dir == NULL || s->kind == NULL ||
	    spool_chunk_init(&s->chunk, how->host, s->segment.boot) < 0) {
		err_set(err, "out of memory for the log spool");
		free_spool(s);
		return NULL;
	}
	spool_segment_init(&s->segment, s->dir, s->kind);
	s->segment.size = how->segment != 0 ? how->segment : SPOOL_SEGMENT;
	s->segment.age_ms = how->age_ms != 0 ? how->age_ms : SPOOL_AGE_MS;
	memcpy(s->boot_said, s->segment.boot, sizeof(s->boot_said));
	pthread_mutex_init(&s->lock, NULL);
	thread_cond_init(&s->wake);
	if (thread_start(&s->thread, "log spool", write_lines, s, err) < 0) {
		free_spool(s);
		return NULL;
	}
	return s;
}

void
spool_line_at(struct spool *s, double t, const char *members, size_t len)
{
	struct spool_record r = { t, (uint32_t)len };
	char *to;
	bool first;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	first = s->fill.used == 0 && s->fill.lost == 0;
	s->events++;
	if (s->fill.lost != 0 || len > SPOOL_LINE || s->size - s->fill.used < sizeof(r) + len) {
		s->fill.lost++;
		s->lost++;
	} else {
		to = s->fill.at + s->fill.used;
		memcpy(to, &r, sizeof(r));
		memcpy(to + sizeof(r), members, len);
		for (char *c = to + sizeof(r); (c = memchr(c, '\n',
		    (size_t)(to + sizeof(r) + len - c))) != NULL;)
			*c = ' ';
		s->fill.used += sizeof(r) + len;
	}
	if (first)
		pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

void
spool_line(struct spool *s, const char *members)
{
	spool_line_at(s, clock_wall(), members, strlen(members));
}

void
spool_lose(struct spool *s, uint64_t events)
{
	if (s == NULL || events == 0)
		return;
	pthread_mutex_lock(&s->lock);
	s->events += events;
	s->lost += events;
	s->fill.lost += events;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

void
spool_limit(struct spool *s, uint64_t max)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->max = max;
	pthread_mutex_unlock(&s->lock);
}

void
spool_state(struct spool *s, struct spool_state *state)
{
	memset(state, 0, sizeof(*state));
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	state->events = s->events;
	state->lost = s->lost;
	state->octets = s->octets;
	state->max = s->max;
	state->failing = s->failing;
	memcpy(state->boot, s->boot_said, sizeof(state->boot));
	pthread_mutex_unlock(&s->lock);
}

void
spool_close(struct spool *s)
{
	struct timespec until;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LAST_S;
	/* a disk that hangs keeps the thread: the process ends without it, and its memory stays */
	if (pthread_timedjoin_np(s->thread, NULL, &until) == 0)
		free_spool(s);
}
