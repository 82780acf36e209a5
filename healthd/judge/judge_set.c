/*
 * judge_set: of a pool whose servers tell set ids, which set is current and who is behind.
 *
 * A set is the state that a mirror's files are in.  Its id is any text; ids have no order of
 * their own, so the order in which a pool first saw them stands for their age (struct judge_set).
 * Ids that were there before the first round was over are all equally old.  A pool remembers
 * JUDGE_SETS of them; one that nobody holds any more is forgotten, so that a return to it makes
 * it new.
 *
 * Three may say what is current: the operator (notify, which stands for a minute against the
 * origin), the origin, or, without an origin, `quorum` servers that hold the same id.  Events
 * only mark the pool as dirty; judge_set_review, at the end of each step, elects, forgets, and
 * marks targets that are behind, for a switch touches every server of a pool.
 */
#include "healthd/judge/judge_inner.h"

#include <assert.h>
#include <string.h>

enum {
	LARGE_POOL = 64,		/* servers; larger ones are reviewed at intervals */
	REVIEW_MS = 50,
	NOTIFY_STANDS_MS = 60000	/* against an origin that keeps saying something else */
};

/* Servers of the pool that hold this id on an address that answers. */
static unsigned
holders(const struct judge *j, const struct judge_pool *p, const char *id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->conf->n_servers; i++) {
		const struct judge_server *s = &j->servers[p->conf->first_server + i];
		bool holds = false;

		for (unsigned n_th = 0; n_th < 2u * s->n_checks; n_th++) {
			const struct judge_target *t = judge_target_of(j, s, n_th % 2, n_th / 2);

			holds |= t != NULL && t->alive == HEALTH_UP && strcmp(t->set, id) == 0;
		}
		n += holds;
	}
	return n;
}

/* Did any target, answering or not, say this id last? */
static bool
remembered(const struct judge *j, const struct judge_pool *p, const char *id)
{
	for (unsigned i = 0; i < p->conf->n_servers; i++) {
		const struct judge_server *s = &j->servers[p->conf->first_server + i];

		for (unsigned n_th = 0; n_th < 2u * s->n_checks; n_th++) {
			const struct judge_target *t = judge_target_of(j, s, n_th % 2, n_th / 2);

			if (t != NULL && strcmp(t->set, id) == 0)
				return true;
		}
	}
	return false;
}

static struct judge_set *
find_set(struct judge_pool *p, const char *id)
{
	for (size_t i = 0; i < p->n_sets; i++)
		if (strcmp(p->sets[i].id, id) == 0)
			return &p->sets[i];
	return NULL;
}

/* The entry to give up: one that nobody holds, else the oldest. */
static struct judge_set *
victim(const struct judge *j, struct judge_pool *p)
{
	struct judge_set *oldest = NULL;

	for (size_t i = 0; i < p->n_sets; i++) {
		struct judge_set *s = &p->sets[i];

		if (strcmp(s->id, p->current.id) == 0)
			continue;
		if (holders(j, p, s->id) == 0)
			return s;
		if (oldest == NULL || s->order < oldest->order)
			oldest = s;
	}
	return oldest;
}

/* The id's entry, made if this is the first time it is seen. */
static struct judge_set *
note(struct judge *j, struct judge_pool *p, const char *id)
{
	struct judge_set *s = find_set(p, id);

	if (s != NULL)
		return s;
	s = p->n_sets < JUDGE_SETS ? &p->sets[p->n_sets++] : victim(j, p);
	assert(s != NULL);	/* there are more entries than the current one */
	memset(s, 0, sizeof(*s));
	memcpy(s->id, id, strnlen(id, sizeof(s->id) - 1));
	/* what is there when we come is all equally old, but for what we remember */
	if (j->first_round_over || p->recalled)
		s->order = ++p->last_order;
	return s;
}

static void
make_current(struct judge *j, struct judge_pool *p, const char *id)
{
	p->current = *note(j, p, id);
	p->in_use = p->held = false;
	p->dirty = true;
}

void
judge_set_seen(struct judge *j, struct judge_target *t, const char *set)
{
	struct judge_pool *p = &j->pools[j->servers[t->server].conf->pool];

	if (t->check != p->content || strcmp(t->set, set) == 0)
		return;
	note(j, p, set);
	memset(t->set, 0, sizeof(t->set));
	memcpy(t->set, set, strnlen(set, sizeof(t->set) - 1));
	p->dirty = true;
}

void
judge_set_origin(struct judge *j, size_t pool, const char *set, struct judge_time now)
{
	struct judge_pool *p = &j->pools[pool];
	bool again = strcmp(p->origin, set) == 0;
	bool notified = p->notified_ms != 0 && now.mono_ms - p->notified_ms < NOTIFY_STANDS_MS;

	if (!again) {
		memset(p->origin, 0, sizeof(p->origin));
		memcpy(p->origin, set, strnlen(set, sizeof(p->origin) - 1));
	}
	/* a notify stands until the origin says something new */
	if (strcmp(p->current.id, set) != 0 && !(again && notified))
		make_current(j, p, set);
	p->dirty |= p->asked_order != p->last_order;
	p->asked_order = p->last_order;
}

void
judge_set_notify(struct judge *j, size_t pool, const char *set, struct judge_time now)
{
	struct judge_pool *p = &j->pools[pool];

	if (strcmp(p->current.id, set) != 0) {
		make_current(j, p, set);
		/* newer than anything there is, however old the id */
		p->current.order = ++p->last_order;
		find_set(p, set)->order = p->current.order;
	}
	p->dirty |= p->asked_order != p->last_order;
	p->asked_order = p->last_order;
	p->notified_ms = now.mono_ms;
}

void
judge_set_remember(struct judge *j, size_t pool, const char *set, uint64_t order)
{
	struct judge_pool *p = &j->pools[pool];

	if (p->content == NULL || !result_set_ok(set) || find_set(p, set) != NULL)
		return;
	note(j, p, set)->order = order;
	p->recalled = true;
	p->last_order = order > p->last_order ? order : p->last_order;
}

void
judge_set_remember_pool(struct judge *j, size_t pool, const struct judge_pool_memory *m,
    struct judge_time now)
{
	struct judge_pool *p = &j->pools[pool];
	double age = now.wall - m->notified;

	if (p->content == NULL || p->current.id[0] != '\0' || !result_set_ok(m->current))
		return;
	/* a current one without an order of its own is as old as what is there */
	if (find_set(p, m->current) == NULL)
		note(j, p, m->current)->order = 0;
	make_current(j, p, m->current);
	p->held = m->held;
	p->asked_order = m->asked_order < p->last_order ? m->asked_order : p->last_order;
	if (m->origin != NULL && result_set_ok(m->origin))
		memcpy(p->origin, m->origin, strnlen(m->origin, sizeof(p->origin) - 1));
	if (m->notified > 0 && age >= 0 && age * 1000 < NOTIFY_STANDS_MS &&
	    age * 1000 < (double)now.mono_ms)
		p->notified_ms = now.mono_ms - (uint64_t)(age * 1000);
}

/* The newest id that enough servers hold; between equally old ones, more holders win. */
static void
elect(struct judge *j, struct judge_pool *p)
{
	struct judge_set *best = NULL;
	unsigned best_n = 0;

	for (size_t i = 0; i < p->n_sets; i++) {
		struct judge_set *s = &p->sets[i];
		unsigned n = holders(j, p, s->id);

		if (n < p->quorum)
			continue;
		if (best == NULL || s->order > best->order ||
		    (s->order == best->order && n > best_n)) {
			best = s;
			best_n = n;
		}
	}
	if (best == NULL)
		return;
	if (strcmp(best->id, p->current.id) == 0) {
		p->held = true;
		return;
	}
	/* a roll-out that was taken back, or half of it; in the first round not all have spoken */
	if ((p->in_use && !remembered(j, p, p->current.id)) ||
	    (p->held && j->first_round_over && holders(j, p, p->current.id) < p->quorum))
		p->current.id[0] = '\0';
	if (p->current.id[0] == '\0' || best->order > p->current.order ||
	    (best->order == p->current.order && best_n > holders(j, p, p->current.id))) {
		p->current = *best;
		p->held = true;
	}
}

/* Ids that all have left are forgotten, so that going back to one makes it new again. */
static void
forget(struct judge *j, struct judge_pool *p)
{
	size_t n = 0;

	if (!j->first_round_over)
		return;		/* who holds one may not have spoken yet */
	for (size_t i = 0; i < p->n_sets; i++)
		if (strcmp(p->sets[i].id, p->current.id) == 0 || remembered(j, p, p->sets[i].id))
			p->sets[n++] = p->sets[i];
	p->n_sets = n;
}

static uint64_t
order_of(struct judge_pool *p, const char *id)
{
	const struct judge_set *s = find_set(p, id);

	return s != NULL ? s->order : 0;
}

static bool
is_behind(struct judge_pool *p, const struct judge_target *t)
{
	uint64_t order;

	if (p->current.id[0] == '\0' || t->set[0] == '\0' || strcmp(t->set, p->current.id) == 0)
		return false;
	order = order_of(p, t->set);
	return p->by_origin ? order <= p->asked_order : order <= p->current.order;
}

/* Do clients get this seed, so that it may be the only one of its site? */
static bool
handed_out(const struct judge *j, size_t server)
{
	const struct judge_server *s = &j->servers[server];
	const struct judge_override *w = judge_override_of(j, server);

	if (w != NULL)
		return w->kind == OVERRIDE_FORCE_UP;
	if (s->n_checks > 1 && !judge_view_alive(j, s))
		return false;
	return s->local || !j->sites[s->conf->site].drained_there;
}

/* For each site the newest set that an answering, current seed there holds; NULL = none. */
static void
find_seeds(const struct judge *j, struct judge_pool *p, const char *seeds[CONF_MAX_SITES])
{
	memset(seeds, 0, CONF_MAX_SITES * sizeof(seeds[0]));
	for (unsigned i = 0; i < p->conf->n_servers; i++) {
		const struct judge_server *s = &j->servers[p->conf->first_server + i];

		if (!s->conf->seed || s->conf->site >= CONF_MAX_SITES ||
		    !handed_out(j, p->conf->first_server + i))
			continue;
		for (unsigned n_th = 0; n_th < 2u * s->n_checks; n_th++) {
			const struct judge_target *t = judge_target_of(j, s, n_th % 2, n_th / 2);
			const char **best = &seeds[s->conf->site];

			if (t == NULL)
				continue;
			if (t->alive == HEALTH_UP && t->set[0] != '\0' &&
			    !t->bad_digest && !is_behind(p, t) &&
			    (*best == NULL || order_of(p, t->set) > order_of(p, *best)))
				*best = t->set;
		}
	}
}

static void
review_server(struct judge *j, struct judge_pool *p, size_t index, const char *seed,
    struct judge_time now)
{
	struct judge_server *s = &j->servers[index];

	for (unsigned n_th = 0; n_th < 2u * s->n_checks; n_th++) {
		struct judge_target *t = judge_target_of(j, s, n_th % 2, n_th / 2);

		if (t == NULL)
			continue;
		t->behind = is_behind(p, t) ||
		    (seed != NULL && !s->conf->seed && t->set[0] != '\0' &&
		    strcmp(seed, t->set) != 0 && order_of(p, t->set) < order_of(p, seed));
	}
	judge_view_server(j, index, now);
}

static void
review(struct judge *j, struct judge_pool *p, struct judge_time now)
{
	const char *seeds[CONF_MAX_SITES];

	p->dirty = false;
	p->reviewed_ms = now.mono_ms;
	if (p->content == NULL)
		return;
	p->in_use |= remembered(j, p, p->current.id);
	if (!p->by_origin)
		elect(j, p);
	forget(j, p);
	find_seeds(j, p, seeds);
	for (unsigned i = 0; i < p->conf->n_servers; i++) {
		size_t index = p->conf->first_server + i;

		review_server(j, p, index, seeds[j->servers[index].conf->site % CONF_MAX_SITES],
		    now);
	}
}

void
judge_set_review(struct judge *j, bool all, struct judge_time now)
{
	if (j->freeze != FREEZE_NONE && j->freeze != FREEZE_UPLINK)
		return;		/* the pools stay dirty */
	for (size_t i = 0; i < j->conf->n_pools; i++) {
		struct judge_pool *p = &j->pools[i];

		if (p->dirty && (all || p->conf->n_servers <= LARGE_POOL ||
		    now.mono_ms - p->reviewed_ms >= REVIEW_MS))
			review(j, p, now);
	}
}
