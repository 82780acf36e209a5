#include "healthd/sample/sampled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/catalogue/held_ids.h"
#include "common/catalogue/manifest.h"
#include "common/clock.h"
#include "common/log.h"

enum {
	TIMEOUT_MIN_MS = 1000, TIMEOUT_MAX_MS = 10000,
	BAD_TURN = 5,			/* every fifth sample is of one that was bad */
	FRESH_TURN = 10,		/* every tenth on a new connection */
	TRIES = 8,			/* ids that the catalogue has no more */
	HURRY = 4,			/* so much sooner after a failure */
	STORE_AGAIN_MS = 1000,		/* after one that could not be, for all mirrors */
	URL_MAX = 3 * CATALOGUE_PATH_MAX + 2048
};

/* ---- which file ---- */

static bool
look_up(struct sampled *m, uint32_t id)
{
	struct sampled_file *a = &m->asked;
	struct err err;

	a->known = catalogue_at(m->world->catalogue, id, &a->file, a->path, &a->len, &err) == 1;
	return a->known;
}

static bool
pick_of(struct sampled *m, const struct held_ids *ids, struct sample_walk *walk)
{
	uint64_t n = held_ids_count(ids);
	uint32_t id;

	for (int i = 0; i < TRIES && n != 0; i++)
		if (held_ids_select(ids, sample_walk_next(walk, n), &id) && look_up(m, id))
			return true;
	return false;
}

static bool
pick_any(struct sampled *m)
{
	uint32_t last = catalogue_about(m->world->catalogue)->last_id;

	for (int i = 0; i < TRIES && last != 0; i++)
		if (look_up(m, 1 + sample_walk_next(&m->all, last)))
			return true;
	return false;
}

/* The one file of a mirror that has no other. */
static void
pick_one_file(struct sampled *m)
{
	const char *path = m->world->conf->redirect.one_files[m->conf->one_file_index].path;
	struct sampled_file *a = &m->asked;
	struct err err;

	path += strspn(path, "/");
	a->len = strlen(path) <= CATALOGUE_PATH_MAX ? strlen(path) : 0;
	memcpy(a->path, path, a->len);
	a->known = m->world->catalogue != NULL &&
	    catalogue_find(m->world->catalogue, a->path, a->len, &a->file, &err) == 1;
}

/* Does what is known of mirrors speak of this catalogue's files? */
static bool
is_believed(const struct sample_world *w)
{
	return w->held != NULL && w->catalogue != NULL &&
	    held_is_of(w->held, catalogue_about(w->catalogue)->lineage);
}

static void
pick(struct sampled *m)
{
	struct sample_world *w = m->world;
	int place = is_believed(w) ? held_find(w->held, m->conf->name) : -1;
	const struct held_mirror *held = place >= 0 ? held_at(w->held, (size_t)place) : NULL;
	bool scanned = held != NULL && held->scanned > 0;

	m->asked.known = m->asked.claimed = m->asked.holds = false;
	m->turn++;
	if (m->conf->one_file_index != CONF_NONE) {
		pick_one_file(m);
		return;
	}
	if (w->catalogue == NULL)
		return;
	if (held != NULL && m->turn % BAD_TURN == 0 && pick_of(m, held->bad, &m->bad))
		return;
	if (held != NULL && (scanned || m->turn % 2 == 0) && pick_of(m, held->ids, &m->held)) {
		m->asked.claimed = m->asked.holds = true;
		return;
	}
	if (pick_any(m))
		m->asked.holds = held_has(w->held, place, m->asked.file.id);
}

/* ---- asking ---- */

/* The mirror's URL, and behind it the path, all but what every server takes as it is escaped. */
static const char *
url_of(const struct sampled *m)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-._~/";
	static char url[URL_MAX];
	int n = snprintf(url, URL_MAX / 4, "%s", m->conf->url);
	char *at = url + (n < URL_MAX / 4 ? n : URL_MAX / 4 - 1);

	if (!m->asked.known || m->conf->one_file_index != CONF_NONE)
		return url;
	for (size_t i = 0; i < m->asked.len && at + 4 < url + sizeof(url); i++) {
		unsigned char c = (unsigned char)m->asked.path[i];

		at += sprintf(at, c != '\0' && strchr(plain, c) != NULL ? "%c" : "%%%02X", c);
	}
	*at = '\0';
	return url;
}

static void
on_sample_due(struct loop_timer *timer)
{
	struct sampled *m = LOOP_OWNER(timer, struct sampled, timer);

	pick(m);
	m->begun_ms = clock_mono().ms;
	m->head.fresh = m->state.failures != 0 || m->turn % FRESH_TURN == 0;
	sample_head_start(&m->head, url_of(m));
}

/* ---- what came of it ---- */

/* Of what could not be stored, which one goes first: a good one will be seen again. */
static size_t
first_to_go(const struct sampled *m)
{
	for (size_t i = 0; i < m->n_seen; i++)
		if (m->seen[i].good)
			return i;
	return 0;
}

static void
drop_seen(struct sampled *m, size_t i)
{
	m->n_seen--;
	memmove(&m->seen[i], &m->seen[i + 1], (m->n_seen - i) * sizeof(m->seen[0]));
}

static void
note_seen(struct sampled *m, uint32_t id, bool good)
{
	for (size_t i = 0; i < m->n_seen; i++)
		if (m->seen[i].id == id) {
			drop_seen(m, i);		/* what was seen last counts */
			break;
		}
	if (m->n_seen == SAMPLED_SEEN)
		sampled_store(m, true);
	if (m->n_seen == SAMPLED_SEEN)
		drop_seen(m, first_to_go(m));
	m->seen[m->n_seen++] = (struct held_write_seen){ id, good };
	m->must_store |= !good;
}

/* A file that was answered with 5xx, while others are delivered: it is the file. */
static void
settle_doubt(struct sampled *m, enum sample_verdict verdict, const struct sample_head_answer *a)
{
	if (verdict != SAMPLE_FAILED && m->doubted != 0) {
		sample_state_result(&m->state, SAMPLE_BAD, true, "", m->begun_ms, clock_wall());
		note_seen(m, m->doubted, false);
		m->doubted = 0;
	}
	if (verdict == SAMPLE_FAILED)
		m->doubted = a->answered && m->asked.claimed && m->state.failures == 0 ?
		    m->asked.file.id : 0;
}

static void
on_sample_done(struct sample_head *head, const struct sample_head_answer *answer)
{
	struct sampled *m = LOOP_OWNER(head, struct sampled, head);
	const struct sampled_file *a = &m->asked;
	uint64_t now = clock_mono().ms, interval = m->conf->sample_interval_ms;
	char why[SAMPLE_WHY], shown[256];
	enum sample_verdict verdict = sample_answer_judge(answer, m->conf,
	    a->known ? &a->file : NULL, a->path, a->len, why);

	settle_doubt(m, verdict, answer);
	sample_state_result(&m->state, verdict, a->claimed, why, m->begun_ms, clock_wall());
	if (a->known && m->conf->one_file_index == CONF_NONE) {
		if (verdict == SAMPLE_BAD && a->holds) {
			log_info("mirror %s: %s: %s", m->conf->name,
			    manifest_path(a->path, a->len, shown, sizeof(shown)), why);
			note_seen(m, a->file.id, false);
		} else if (verdict == SAMPLE_GOOD && !a->holds)
			note_seen(m, a->file.id, true);
	}
	if (verdict == SAMPLE_FAILED)
		interval /= HURRY;
	loop_timer_set(m->world->loop, &m->timer,
	    m->begun_ms + interval > now ? m->begun_ms + interval : now);
	sampled_store(m, false);
	m->world->sampled(m);
}

void
sampled_store(struct sampled *m, bool all)
{
	struct sample_world *world = m->world;
	struct held_write *w;
	struct err err;
	int rc;

	if (m->n_seen == 0 || (!all && !m->must_store) ||
	    clock_mono().ms < world->store_again_ms)
		return;
	w = held_write_open_soon(world->conf->redirect.catalogue, &err);
	if (w != NULL && !catalogue_is_current(world->catalogue))
		rc = err_set(&err, "the catalogue is gone, or was begun anew");
	else
		rc = w == NULL || held_write_of(w, catalogue_about(world->catalogue)->lineage,
		    &err) < 0 ? -1 :
		    held_write_seen(w, m->conf->name, m->seen, m->n_seen, &err);
	held_write_close(w);
	if (rc < 0) {
		/* one wait for all: with 300 mirrors that many would be the lease's end */
		world->store_again_ms = clock_mono().ms + STORE_AGAIN_MS;
		if (!world->write_failed)
			log_warn("what mirrors hold cannot be stored yet: %s", err.text);
	} else {
		m->n_seen = 0;
		m->must_store = false;
	}
	world->write_failed = rc < 0;
}

void
sampled_forget(struct sampled *m)
{
	m->n_seen = 0;
	m->must_store = false;
	m->doubted = 0;
	m->asked.known = m->asked.claimed = m->asked.holds = false;
}

/* ---- beginning and end ---- */

static uint32_t
timeout_of(uint32_t interval_ms)
{
	uint64_t twice = (uint64_t)interval_ms * 2;

	return (uint32_t)(twice < TIMEOUT_MIN_MS ? TIMEOUT_MIN_MS :
	    twice > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : twice);
}

int
sampled_open(struct sampled *m, struct sample_world *world, const struct conf_mirror *conf,
    uint64_t seed, uint32_t after_ms, struct err *err)
{
	m->world = world;
	m->conf = conf;
	m->state.scannable = conf->rsync != NULL;
	m->held.seed = m->bad.seed = m->all.seed = seed;
	m->timer.fire = on_sample_due;
	m->head = (struct sample_head){ .heads = world->heads, .base = conf->url,
		.follow = conf->follow, .ipv4 = conf->ipv4, .ipv6 = conf->ipv6,
		.timeout_ms = timeout_of(conf->sample_interval_ms), .done = on_sample_done };
	if (sample_head_prepare(&m->head, err) < 0)
		return -1;
	return loop_timer_set(world->loop, &m->timer, clock_mono().ms + after_ms) < 0 ?
	    err_set(err, "out of memory") : 0;
}

void
sampled_close(struct sampled *m)
{
	if (m->world == NULL)
		return;
	loop_timer_stop(m->world->loop, &m->timer);
	sample_head_free(&m->head);
}
