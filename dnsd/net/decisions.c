#include "dnsd/net/decisions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/thread.h"

enum { ROUND_MS = 20, IDLE_MS = 1000 };

struct member_ring {
	struct decisions_ring ring;
	struct member_ring *next;
};

struct decisions {
	struct spool *spool;
	pthread_t thread;
	pthread_mutex_t lock;		/* of what follows, and of emptying */
	pthread_cond_t wake;
	struct member_ring *rings;
	const struct generation *now, *before;	/* before: NULL = gone */
	bool stop;
};

static const struct conf *
conf_of(const struct decisions *d, uint64_t generation)
{
	if (d->now != NULL && d->now->number == generation)
		return d->now->conf;
	return d->before != NULL && d->before->number == generation ? d->before->conf : NULL;
}

/* Says all that is in the ring.  Under the lock. */
static void
empty(struct decisions *d, struct decisions_ring *ring)
{
	uint32_t filled = __atomic_load_n(&ring->filled, __ATOMIC_ACQUIRE);
	uint64_t lost = __atomic_load_n(&ring->lost, __ATOMIC_RELAXED);
	char text[4096];

	for (uint32_t at = ring->emptied; at != filled; at++) {
		const struct answer_log *one = &ring->slots[at % DECISIONS_RING];
		struct members m;

		members_begin(&m, text, sizeof(text));
		answer_log_say(one, conf_of(d, one->generation), &m);
		spool_line_at(d->spool, one->t, text, members_end(&m));
		__atomic_store_n(&ring->emptied, at + 1, __ATOMIC_RELEASE);
	}
	spool_lose(d->spool, lost - ring->lost_said);
	ring->lost_said = lost;
}

static void
empty_all(struct decisions *d)
{
	for (struct member_ring *r = d->rings; r != NULL; r = r->next)
		empty(d, &r->ring);
}

static void *
say_decisions(void *arg)
{
	struct decisions *d = arg;

	pthread_mutex_lock(&d->lock);
	while (!d->stop) {
		bool wanted = d->now != NULL && d->now->conf->log.decisions != 0;

		thread_cond_until(&d->wake, &d->lock, (struct mono_ms){
		    clock_mono().ms + (wanted ? ROUND_MS : IDLE_MS) });
		empty_all(d);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

struct decisions *
decisions_new(struct spool *spool, struct err *err)
{
	struct decisions *d;

	err->text[0] = '\0';
	if (spool == NULL)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (d == NULL) {
		err_set(err, "out of memory for decisions");
		return NULL;
	}
	d->spool = spool;
	pthread_mutex_init(&d->lock, NULL);
	thread_cond_init(&d->wake);
	if (thread_start(&d->thread, "dnsd log", say_decisions, d, err) < 0) {
		free(d);
		return NULL;
	}
	return d;
}

void
decisions_free(struct decisions *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->thread, NULL);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->wake);
	free(d);
}

struct decisions_ring *
decisions_ring_new(struct decisions *d)
{
	struct member_ring *r = d != NULL ? aligned_alloc(64, sizeof(*r)) : NULL;

	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	/* of more than a megabyte: memory that nobody has touched costs nothing */
	r->ring.slots = calloc(DECISIONS_RING, sizeof(*r->ring.slots));
	if (r->ring.slots == NULL) {
		free(r);
		return NULL;
	}
	pthread_mutex_lock(&d->lock);
	r->next = d->rings;
	d->rings = r;
	pthread_mutex_unlock(&d->lock);
	return &r->ring;
}

void
decisions_ring_free(struct decisions *d, struct decisions_ring *ring)
{
	struct member_ring **at, *r;

	if (ring == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	for (at = &d->rings; &(*at)->ring != ring; at = &(*at)->next)
		;
	r = *at;
	empty(d, ring);
	*at = r->next;
	pthread_mutex_unlock(&d->lock);
	free(r->ring.slots);
	free(r);
}

void
decisions_follow(struct decisions *d, const struct generation *gen)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->before = d->now;
	d->now = gen;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
}

void
decisions_settle(struct decisions *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	empty_all(d);
	d->before = NULL;
	pthread_mutex_unlock(&d->lock);
}
