#include "healthd/sample/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mirror_file.h"
#include "common/siphash.h"
#include "common/text.h"
#include "healthd/sample/sampled.h"

enum {
	TICK_MS = 250, WRITE_TICKS = 4, STORE_TICKS = 8,
	STORE_MS = 250,			/* what storing may take of a tick */
	UNREADABLE_TICKS = 4,		/* longer than any writer takes */
	LEASE_MS = 10000		/* of what is written every second */
};

struct sampler {
	struct sample_world world;
	struct sampled *mirrors;	/* owned; those that are enabled */
	struct sample_state **states;	/* owned: theirs */
	size_t n;
	struct loop_timer tick;
	uint64_t ticks, generation, held_stamp, catalogue_stamp;
	size_t held;			/* how many are in only since half are out */
	size_t store_next;		/* whose turn it is to be stored */
	unsigned unreadable;		/* ticks for which what is held could not be read */
	bool write_failed;
	char path[4200];		/* of the mirror file */
};

static struct sampler *
sampler_of(struct sample_world *world)
{
	return LOOP_OWNER(world, struct sampler, world);
}

/* ---- the file ---- */

static void
write_states(struct sampler *s)
{
	struct mirror_line *lines = calloc(s->n + 1, sizeof(*lines));
	struct mirror_file file = { .generation = ++s->generation, .stamp = clock_wall(),
		.lease_ms = LEASE_MS, .lines = lines, .n = s->n };
	struct err err = { .text = "out of memory" };
	int rc = -1;

	for (size_t i = 0; lines != NULL && i < s->n; i++) {
		const struct sample_state *state = &s->mirrors[i].state;

		lines[i] = (struct mirror_line){ .state = state->state, .since = state->since,
			.weight = state->out ? 0 : 100, .samples = state->samples,
			.bad = state->bad, .scanned = state->scanned };
		snprintf(lines[i].name, sizeof(lines[i].name), "%s", s->mirrors[i].conf->name);
		snprintf(lines[i].reason, sizeof(lines[i].reason), "%s", state->reason);
	}
	if (lines != NULL)
		rc = mirror_file_write(&file, s->path, &err);
	free(lines);
	if (rc < 0 && !s->write_failed)
		log_warn("%s", err.text);
	s->write_failed = rc < 0;
}

/* ---- deciding ---- */

static void
log_states(struct sampler *s, const enum mirror_state *was, const bool *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct sample_state *now = s->states[i];

		if (now->state != was[i] || now->out != out[i])
			log_info("mirror %s: %s%s, was %s (%s)", s->mirrors[i].conf->name,
			    mirror_file_state(now->state), now->out ? " and out" : "",
			    mirror_file_state(was[i]), now->reason);
	}
}

static void
decide_states(struct sampler *s)
{
	enum mirror_state *was = calloc(s->n + 1, sizeof(*was));
	bool *out = calloc(s->n + 1, sizeof(*out));
	size_t held = 0;
	bool changed;

	for (size_t i = 0; was != NULL && out != NULL && i < s->n; i++) {
		was[i] = s->states[i]->state;
		out[i] = s->states[i]->out;
	}
	changed = sample_state_decide(s->states, s->n, clock_wall(), &held);
	if (changed && was != NULL && out != NULL)
		log_states(s, was, out);
	free(was);
	free(out);
	if (held != s->held && held != 0 && s->n > 1)
		log_warn("%zu mirror%s should be out for bad files, but half of all are", held,
		    text_s(held));
	s->held = held;
	if (changed)
		write_states(s);
}

static void
on_sampled(struct sampled *mirror)
{
	decide_states(sampler_of(mirror->world));
}

/* ---- what is known ---- */

static void
refresh_catalogue(struct sampler *s)
{
	struct sample_world *w = &s->world;
	const char *path = w->conf->redirect.catalogue;
	uint64_t stamp = file_stamp(path);
	int64_t lineage;
	struct err err;

	if (w->catalogue == NULL) {
		/* each state of the file is tried once */
		if (stamp == s->catalogue_stamp)
			return;
		s->catalogue_stamp = stamp;
		w->catalogue = stamp != 0 ? catalogue_open(path, &err) : NULL;
		if (w->catalogue != NULL)
			log_info("catalogue of %llu files", (unsigned long long)
			    catalogue_about(w->catalogue)->files);
		else if (stamp != 0)
			log_warn("%s", err.text);
		return;
	}
	lineage = catalogue_about(w->catalogue)->lineage;
	if (catalogue_refresh(w->catalogue, &err) < 0)
		log_warn("%s", err.text);
	if (catalogue_about(w->catalogue)->lineage != lineage)
		for (size_t i = 0; i < s->n; i++)
			sampled_forget(&s->mirrors[i]);
}

static void
held_is_unreadable(struct sampler *s, const struct err *why)
{
	struct sample_world *w = &s->world;
	struct held_write *writer;
	struct err err;

	if (++s->unreadable == UNREADABLE_TICKS)
		log_warn("what mirrors hold cannot be read, %s: %s", w->held != NULL ?
		    "what was read before stays in use" : "nothing is known of it", why->text);
	if (clock_mono().ms < w->store_again_ms)
		return;
	/* a writer that was killed has left a journal: the next one takes it back */
	if ((writer = held_write_open_soon(w->conf->redirect.catalogue, &err)) == NULL)
		w->store_again_ms = clock_mono().ms + 1000;
	held_write_close(writer);
}

static void
refresh_held(struct sampler *s)
{
	struct sample_world *w = &s->world;
	uint64_t stamp = held_stamp(w->conf->redirect.catalogue);
	struct held *fresh;
	struct err err;

	if ((stamp == s->held_stamp && w->held != NULL) ||
	    (s->unreadable > UNREADABLE_TICKS && s->ticks % UNREADABLE_TICKS != 0))
		return;
	if ((fresh = held_read(w->conf->redirect.catalogue, w->held, &err)) == NULL) {
		held_is_unreadable(s, &err);
		return;				/* at the next tick it is looked at again */
	}
	if (s->unreadable >= UNREADABLE_TICKS)
		log_info("what mirrors hold can be read again");
	s->unreadable = 0;
	s->held_stamp = stamp;
	held_free(w->held);
	w->held = fresh;
	for (size_t i = 0; i < s->n; i++) {
		int place = held_find(fresh, s->mirrors[i].conf->name);

		if (place >= 0)
			sample_state_scanned(s->states[i], held_at(fresh, (size_t)place)->scanned,
			    clock_wall());
	}
}

/* Large bitmaps and slow disks take their time; the lease of what is written goes on meanwhile. */
static void
store_all(struct sampler *s)
{
	uint64_t end = clock_mono().ms + STORE_MS;

	for (size_t i = 0; i < s->n && clock_mono().ms < end; i++) {
		s->store_next = (s->store_next + 1) % s->n;
		sampled_store(&s->mirrors[s->store_next], true);
	}
}

static void
on_sampler_tick(struct loop_timer *timer)
{
	struct sampler *s = LOOP_OWNER(timer, struct sampler, tick);

	loop_timer_set(s->world.loop, timer, loop_now(s->world.loop) + TICK_MS);
	refresh_catalogue(s);
	refresh_held(s);
	if (++s->ticks % STORE_TICKS == 0)
		store_all(s);
	decide_states(s);
	if (s->ticks % WRITE_TICKS == 1)
		write_states(s);
}

/* ---- beginning ---- */

static uint64_t
seed_of(const char *name)
{
	struct timespec now = { 0 };
	uint8_t key[16] = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(key, &now.tv_sec, sizeof(now.tv_sec));
	memcpy(key + 8, &now.tv_nsec, sizeof(now.tv_nsec));
	return siphash(key, (const uint8_t *)name, strlen(name));
}

static int
open_mirrors(struct sampler *s, struct err *err)
{
	const struct conf *conf = s->world.conf;

	s->mirrors = calloc(conf->n_mirrors + 1, sizeof(*s->mirrors));
	s->states = calloc(conf->n_mirrors + 1, sizeof(*s->states));
	if (s->mirrors == NULL || s->states == NULL)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < conf->n_mirrors; i++) {
		const struct conf_mirror *m = &conf->mirrors[i];
		uint64_t after = m->sample_interval_ms * (uint64_t)i / conf->n_mirrors;

		if (!m->enabled)
			continue;
		if (sampled_open(&s->mirrors[s->n], &s->world, m, seed_of(m->name),
		    (uint32_t)after, err) < 0)
			return err_prefix(err, "mirror \"%s\"", m->name);
		s->states[s->n] = &s->mirrors[s->n].state;
		s->n++;
	}
	return 0;
}

static int
open_sampler(struct sampler *s, const struct conf *conf, struct err *err)
{
	s->world = (struct sample_world){ .conf = conf, .sampled = on_sampled };
	snprintf(s->path, sizeof(s->path), "%s/" MIRROR_FILE_NAME, conf->run_dir);
	if ((s->world.loop = loop_new(err)) == NULL ||
	    (s->world.heads = sample_head_open(s->world.loop, err)) == NULL)
		return -1;
	refresh_catalogue(s);
	if (open_mirrors(s, err) < 0)
		return -1;
	refresh_held(s);
	s->tick.fire = on_sampler_tick;
	return loop_timer_set(s->world.loop, &s->tick, clock_mono().ms) < 0 ?
	    err_set(err, "out of memory") : 0;
}

int
sample_run(const struct conf *conf)
{
	static struct sampler s;	/* for the life of the process */
	struct err err = { .text = "" };

	if (open_sampler(&s, conf, &err) == 0) {
		log_info("sampling %zu mirror%s", s.n, text_s(s.n));
		if (loop_run(s.world.loop, &err) == 0)
			return 0;
	}
	log_error("samples: %s", err.text);
	return 1;
}
