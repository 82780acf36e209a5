#include "healthd/judge/judge_inner.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* About a target that has failed often enough to be called down. */
enum doubt {
	CERTAIN,			/* it is down: others answer, or there are none */
	WAIT,				/* not all others have been asked since */
	SHARED,				/* all fail, here and elsewhere */
	FAMILY,				/* all of its family do, others do not */
	UPLINK				/* all of its family at other sites do, ours do not */
};

static uint32_t
interval_of(const struct conf_check *c, bool local)
{
	uint32_t own = local ? c->local_interval_ms : c->remote_interval_ms;

	return own != 0 ? own : c->interval_ms;
}

static void
init_target(struct judge *j, uint16_t server, uint8_t family, uint16_t check)
{
	struct judge_target *t = &j->targets[j->n_targets++];
	struct judge_family *f;

	t->server = server;
	t->family = family;
	t->remote = !j->servers[server].local;
	t->weight = 100;
	t->check = &j->conf->checks[check];
	t->interval_ms = interval_of(t->check, !t->remote);
	t->fast_ms = t->check->fast_interval_ms;
	if (t->fast_ms == 0 || t->fast_ms > t->interval_ms)
		t->fast_ms = t->interval_ms;
	t->group = (uint32_t)check * 2 + (family == 6);
	j->n_remote += t->remote;
	f = &j->family[t->group];
	f->check = t->check;
	f->family = family;
	f->n++;
	f->n_remote += t->remote;
}

/* The k-th check of a pool; one that was not read from a file may have `check` alone. */
static uint16_t
check_of(const struct conf_pool *pool, unsigned k)
{
	return pool->n_checks != 0 ? pool->checks[k] : pool->check;
}

static unsigned
count_checks(const struct conf_pool *pool)
{
	return pool->n_checks != 0 ? (unsigned)pool->n_checks : pool->check != CONF_NONE;
}

static void
init_server(struct judge *j, uint16_t i, struct judge_time now)
{
	const struct conf_server *conf = &j->conf->servers[i];
	const struct conf_pool *pool = &j->conf->pools[conf->pool];
	const uint8_t family[2] = { conf->v4.family, conf->v6.family };
	struct judge_server *s = &j->servers[i];

	s->conf = conf;
	s->local = conf->site == j->conf->here_site;
	s->since = now.wall;
	s->weight = 100;
	s->target[0] = s->target[1] = -1;
	s->n_checks = (uint8_t)count_checks(pool);
	s->any = pool->need == CONF_CHECKS_ANY;
	if (s->n_checks == 0)
		return;
	s->check = &j->conf->checks[check_of(pool, 0)];
	for (unsigned f = 0; f < 2; f++) {
		if (family[f] == 0)
			continue;
		s->target[f] = (int32_t)j->n_targets;
		for (unsigned k = 0; k < s->n_checks; k++)
			init_target(j, i, family[f], check_of(pool, k));
	}
}

static void
init_pool(struct judge *j, size_t i)
{
	const struct conf_pool *conf = &j->conf->pools[i];
	struct judge_pool *p = &j->pools[i];

	p->conf = conf;
	for (unsigned k = 0; k < count_checks(conf) && p->content == NULL; k++)
		if (j->conf->checks[check_of(conf, k)].kind == CONF_CHECK_CONTENT)
			p->content = &j->conf->checks[check_of(conf, k)];
	if (p->content == NULL)
		return;
	p->by_origin = p->content->origin != NULL;
	p->quorum = p->content->quorum != 0 ? p->content->quorum : conf->n_servers / 2u + 1;
}

/* Addresses times checks, of all servers. */
static size_t
most_targets(const struct conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_servers; i++)
		n += 2 * (size_t)count_checks(&conf->pools[conf->servers[i].pool]);
	return n;
}

struct judge *
judge_new(const struct conf *conf, struct judge_time now)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	j->conf = conf;
	j->n_families = conf->n_checks * 2;
	j->family = calloc(j->n_families + 2, sizeof(*j->family));
	j->targets = calloc(most_targets(conf) + 1, sizeof(*j->targets));
	j->servers = calloc(conf->n_servers + 1, sizeof(*j->servers));
	j->sites = calloc(conf->n_sites + 1, sizeof(*j->sites));
	j->pools = calloc(conf->n_pools + 1, sizeof(*j->pools));
	if (j->family == NULL || j->targets == NULL || j->servers == NULL || j->sites == NULL ||
	    j->pools == NULL) {
		judge_free(j);
		return NULL;
	}
	for (size_t i = 0; i < conf->n_sites; i++)
		j->sites[i].conf = &conf->sites[i];
	for (size_t i = 0; i < conf->n_pools; i++)
		init_pool(j, i);
	for (size_t i = 0; i < conf->n_servers; i++)
		init_server(j, (uint16_t)i, now);
	j->round = 1;
	j->round_left = j->first_left = j->n_targets;
	j->first_round_over = j->n_targets == 0;
	judge_view_all(j, now);
	while (judge_take_change(j) >= 0)
		;		/* nothing has changed yet */
	return j;
}

void
judge_free(struct judge *j)
{
	if (j == NULL)
		return;
	free(j->family);
	free(j->targets);
	free(j->servers);
	free(j->sites);
	free(j->pools);
	free(j);
}

/* Counting starts again for everybody; states stay. */
static void
count_afresh(struct judge *j)
{
	for (size_t i = 0; i < j->n_targets; i++) {
		j->targets[i].good = j->targets[i].bad = 0;
		j->targets[i].pending = false;
	}
}

static void
set_freeze(struct judge *j, enum judge_freeze freeze, struct judge_time now)
{
	for (size_t i = 0; freeze != FREEZE_UPLINK && i < j->n_families; i++)
		j->family[i].doubted = SCOPE_NONE;
	if (j->freeze == freeze)
		return;
	j->freeze = freeze;
	j->freeze_since = now.wall;
	j->changes++;
	count_afresh(j);
}

/* Does anybody of any family stay as he is? */
static bool
any_doubted(const struct judge *j)
{
	for (size_t i = 0; i < j->n_families; i++)
		if (j->family[i].doubted != SCOPE_NONE)
			return true;
	return false;
}

/* The way out of this family is in doubt: those in `scope` stay as they are. */
static void
doubt_family(struct judge *j, struct judge_family *f, enum judge_scope scope, struct judge_time now)
{
	set_freeze(j, FREEZE_UPLINK, now);
	j->changes += f->doubted != scope;
	f->doubted = scope;
}

/* There is a way out of this family. */
static void
trust_family(struct judge *j, struct judge_family *f, struct judge_time now)
{
	if (f->doubted == SCOPE_NONE)
		return;
	f->doubted = SCOPE_NONE;
	j->changes++;
	count_afresh(j);
	if (!any_doubted(j))
		set_freeze(j, FREEZE_NONE, now);
}

/* Distinct sites among the failing targets that are not down already, of one family or (NULL) of
 * all. */
static unsigned
sites_in_question(const struct judge *j, const struct judge_family *family, bool remote_only)
{
	bool seen[CONF_MAX_SITES] = { false };
	unsigned n = 0;

	for (size_t i = 0; i < j->n_targets; i++) {
		const struct judge_target *t = &j->targets[i];
		uint16_t site = j->servers[t->server].conf->site;

		if (!t->failing || t->alive == HEALTH_DOWN || site >= CONF_MAX_SITES ||
		    seen[site] || (family != NULL && &j->family[t->group] != family))
			continue;
		if (remote_only && (!t->remote || t->alive != HEALTH_UP))
			continue;
		seen[site] = true;
		n++;
	}
	return n;
}

static bool
since(uint64_t last_ms, uint64_t ms)
{
	return last_ms != 0 && last_ms >= ms;
}

/*
 * From when on does an answer of another target show that this one's failures are its own?
 *
 *   this target      good       bad          bad         bad: as many as `fall`
 *                               first_bad_ms             last_bad_ms
 *   time        -----------------+------------+-----------+--------------------->
 *                                                  |<---->|  half a fast interval
 *   others' answers    too old      too old        | count ...
 *
 * Targets are asked one after the other, so what kills all of them is seen at one target sooner
 * than at another.  An answer of another target from before the first failure says nothing
 * therefore, and one from soon after it little: that target may have been about to fail.  Only
 * what came in the last half interval before the failure that decides counts, or since the
 * first failure, if that is later.  A target without a state yet is compared with every answer
 * there ever was.
 */
static uint64_t
evidence_from(const struct judge_target *t)
{
	uint64_t recent = t->fast_ms / 2;

	if (t->alive == HEALTH_UNKNOWN)
		return 1;
	assert(t->first_bad_ms <= t->last_bad_ms);
	return t->last_bad_ms - t->first_bad_ms < recent ? t->first_bad_ms : t->last_bad_ms -
	    recent;
}

/* May this target, having failed often enough, be called down?  First all are asked about it,
 * then its own family, where that has targets elsewhere, then those elsewhere of its family. */
static enum doubt
doubt_about(const struct judge *j, const struct judge_target *t)
{
	const struct judge_family *f = &j->family[t->group];
	uint64_t from = evidence_from(t);

	if (j->n_remote == 0)
		return CERTAIN;
	if (!since(j->last_ok_ms, from)) {
		if (j->n_silent < j->n_targets)
			return WAIT;
		return sites_in_question(j, NULL, false) >= 2 ? SHARED : CERTAIN;
	}
	if (f->n_remote == 0)
		return CERTAIN;
	if (!since(f->ok_ms, from)) {
		if (f->silent < f->n)
			return WAIT;
		return sites_in_question(j, f, false) >= 2 ? FAMILY : CERTAIN;
	}
	if (!t->remote || t->alive != HEALTH_UP || since(f->remote_ok_ms, from) ||
	    since(f->sibling_ms, from))
		return CERTAIN;
	if (f->remote_silent < f->n_remote)
		return WAIT;
	return sites_in_question(j, f, true) >= 2 ? UPLINK : CERTAIN;
}

static void
set_alive(struct judge *j, struct judge_target *t, enum health_state alive)
{
	t->alive = alive;
	t->proven = true;
	t->good = t->bad = 0;
	t->pending = false;
	j->pools[j->servers[t->server].conf->pool].dirty = true;
}

static void
decide_down(struct judge *j, struct judge_target *t, struct judge_time now)
{
	struct judge_family *f = &j->family[t->group];

	switch (doubt_about(j, t)) {
	case CERTAIN:
		set_alive(j, t, HEALTH_DOWN);
		judge_view_server(j, t->server, now);
		break;
	case WAIT:
		if (!t->pending)
			t->pending_ms = now.mono_ms;
		t->pending = j->any_pending = true;
		break;
	case SHARED:
		set_freeze(j, FREEZE_SHARED, now);
		break;
	case FAMILY:
		doubt_family(j, f, SCOPE_ALL, now);
		t->pending = false;
		break;
	case UPLINK:
		doubt_family(j, f, SCOPE_REMOTE, now);
		t->pending = false;
		break;
	}
}

static bool
frozen(const struct judge *j, const struct judge_target *t)
{
	enum judge_scope doubted = j->family[t->group].doubted;

	if (j->freeze == FREEZE_UPLINK)
		return doubted == SCOPE_ALL || (doubted == SCOPE_REMOTE && t->remote);
	return j->freeze != FREEZE_NONE;
}

/* Something was learnt that may settle whose fault the pending failures are. */
static void
settle_pending(struct judge *j, struct judge_time now)
{
	bool any = false;

	/* thousands of good results a second come here, and hardly ever anything is pending */
	for (size_t i = 0; j->any_pending && i < j->n_targets; i++) {
		if (j->targets[i].pending && !frozen(j, &j->targets[i]))
			decide_down(j, &j->targets[i], now);
		any |= j->targets[i].pending;
	}
	j->any_pending = any;
}

/* Nobody is left who might answer: of all, of this target's family, or of that elsewhere. */
static bool
all_silent(const struct judge *j, const struct judge_target *t)
{
	const struct judge_family *f = &j->family[t->group];

	return j->n_silent == j->n_targets ||
	    f->silent == f->n || f->remote_silent == f->n_remote;
}

/* Notes what a target's last result was: it answered, failed, or could not be checked. */
static void
set_silence(struct judge *j, struct judge_target *t, bool failing, bool mute)
{
	struct judge_family *f = &j->family[t->group];
	size_t more = (size_t)(failing || mute) - (size_t)(t->failing || t->mute);

	f->silent += more;
	j->n_silent += more;
	if (t->remote)
		f->remote_silent += more;
	j->n_failing += (size_t)failing - (size_t)t->failing;
	if (t->remote)
		j->n_remote_failing += (size_t)failing - (size_t)t->failing;
	t->failing = failing;
	t->mute = mute;
	assert(j->n_failing <= j->n_targets && j->n_remote_failing <= j->n_remote);
	assert(f->silent <= f->n && f->remote_silent <= f->n_remote);
}

/* Coarse steps, down as soon as a threshold is reached, up only when well below it. */
static uint8_t
weight_step(uint8_t old, int load)
{
	static const struct { int load; uint8_t weight; } step[] = { { 85, 25 }, { 70, 50 },
	    { 50, 75 } };

	for (unsigned i = 0; i < 3; i++) {
		int from = step[i].load - (old <= step[i].weight ? 10 : 0);

		if (load >= from)
			return step[i].weight;
	}
	return 100;
}

static void
take_load(struct judge_target *t, int load)
{
	if (load < 0)
		load = 0;
	/* half of the way: one odd value moves the weight by one step at most or two */
	t->load = t->last_wall == 0 ? load : (t->load + load + 1) / 2;
	t->weight = weight_step(t->weight, t->load);
}

static void
good_result(struct judge *j, struct judge_target *t, const struct result *r, struct judge_time now)
{
	const struct conf_check *check = t->check;
	struct judge_family *f = &j->family[t->group];

	set_silence(j, t, false, false);
	j->last_ok_ms = f->ok_ms = now.mono_ms;
	if (t->remote)
		f->remote_ok_ms = now.mono_ms;
	if (frozen(j, t) && j->freeze == FREEZE_UPLINK)
		trust_family(j, f, now);
	else if (frozen(j, t))
		set_freeze(j, FREEZE_NONE, now);
	t->bad = 0;
	t->pending = false;
	t->good += t->good < UINT32_MAX;
	take_load(t, r->load);
	if (t->alive == HEALTH_UNKNOWN || (t->alive == HEALTH_DOWN && t->good >= check->rise))
		set_alive(j, t, HEALTH_UP);
	t->proven |= t->alive == HEALTH_UP;
	if (r->set != NULL)
		judge_set_seen(j, t, r->set);
	settle_pending(j, now);
}

static void
bad_result(struct judge *j, struct judge_target *t, struct judge_time now)
{
	uint32_t fall = t->alive == HEALTH_UNKNOWN ? 1 : t->check->fall;

	set_silence(j, t, true, false);
	t->good = 0;
	if (!frozen(j, t)) {
		if (t->bad == 0)
			t->first_bad_ms = now.mono_ms;
		t->last_bad_ms = now.mono_ms;
		t->bad += t->bad < UINT32_MAX;
		if (t->bad >= fall && !(t->alive == HEALTH_DOWN && t->proven))
			decide_down(j, t, now);
	}
	if (all_silent(j, t))
		settle_pending(j, now);
}

/* Not asked at all: who failed before still does, who did not is no witness any more. */
static void
internal_result(struct judge *j, struct judge_target *t, struct judge_time now)
{
	set_silence(j, t, t->failing, !t->failing);
	if (all_silent(j, t))
		settle_pending(j, now);
}

/* A disturbance begins another round, but not another first one. */
static void
end_first_round(struct judge *j)
{
	j->first_round_over = true;
	j->changes++;
	for (size_t i = 0; i < j->conf->n_pools; i++)
		j->pools[i].dirty = true;
}

static void
end_round(struct judge *j, struct judge_time now)
{
	if (j->freeze == FREEZE_LATE || j->freeze == FREEZE_CLOCK)
		set_freeze(j, FREEZE_NONE, now);
}

static void
on_result(struct judge *j, uint32_t index, const struct result *r, struct judge_time now)
{
	struct judge_target *t = &j->targets[index];
	bool fresh = t->round != j->round;

	assert(r->reason > REASON_NONE && r->reason < REASON_COUNT);
	t->reason = r->reason;
	memcpy(t->detail, r->detail, sizeof(t->detail));
	t->detail[sizeof(t->detail) - 1] = '\0';
	t->latency_us = r->latency_us;
	t->asked_ms = now.mono_ms - (r->latency_us / 1000 < now.mono_ms ? r->latency_us / 1000 :
	    now.mono_ms);
	if (r->reason == REASON_INTERNAL) {
		internal_result(j, t, now);
	} else {
		t->probed = true;
		if (result_ok(r))
			good_result(j, t, r, now);
		else
			bad_result(j, t, now);
	}
	t->last_wall = now.wall;
	t->soon = judge_near_change(j, index);
	judge_view_server(j, t->server, now);
	if (fresh) {
		assert(j->round_left > 0 && (t->round != 0 || j->first_left > 0));
		if (t->round == 0 && --j->first_left == 0)
			end_first_round(j);
		t->round = j->round;
		if (--j->round_left == 0)
			end_round(j, now);
	}
}

static void
on_digest(struct judge *j, uint32_t index, const struct result *r, struct judge_time now)
{
	struct judge_target *t = &j->targets[index];

	t->bad_digest = !result_ok(r);
	memcpy(t->digest_detail, r->detail, sizeof(t->digest_detail));
	t->digest_detail[sizeof(t->digest_detail) - 1] = '\0';
	/* a seed with a wrong object is none, or is one again */
	j->pools[j->servers[t->server].conf->pool].dirty = true;
	judge_view_server(j, t->server, now);
}

static void
on_disturbed(struct judge *j, enum judge_disturbance what, struct judge_time now)
{
	if (j->n_targets == 0)
		return;
	j->round++;
	j->round_left = j->n_targets;
	count_afresh(j);
	if (j->freeze == FREEZE_NONE || j->freeze == FREEZE_UPLINK)
		set_freeze(j, what == JUDGE_LATE ? FREEZE_LATE : FREEZE_CLOCK, now);
}

/* A word about some server or site came, or went. */
static void
review_words(struct judge *j, struct judge_time now)
{
	j->changes++;
	for (size_t i = 0; i < j->conf->n_pools; i++)
		j->pools[i].dirty = true;	/* a seed counts while it is handed out */
	judge_view_all(j, now);
}

static void
on_sibling(struct judge *j, uint32_t index, bool drain, struct judge_time now)
{
	struct judge_site *site = &j->sites[index];

	site->sibling_known = true;
	site->asked_ms = now.mono_ms;
	for (size_t i = 0; i < j->n_families; i++) {
		uint8_t asked = site->conf->sibling.family;
		struct judge_family *f = &j->family[i];

		if (index == j->conf->here_site || (asked != 0 && asked != f->family))
			continue;
		f->sibling_ms = now.mono_ms;
		if (f->doubted == SCOPE_REMOTE)
			trust_family(j, f, now);
	}
	settle_pending(j, now);
	if (site->drained_there != drain) {
		site->drained_there = drain;
		review_words(j, now);
	}
}

/* What dnsd of a site hands out at most.  A longer TTL of before goes on until it has run out. */
static void
on_ttl(struct judge *j, uint32_t index, uint32_t ttl_s, struct judge_time now)
{
	struct judge_site *site = &j->sites[index];
	uint64_t until_ms = now.mono_ms + (uint64_t)site->ttl_s * 1000;

	ttl_s = ttl_s < JUDGE_TTL_MAX_S ? ttl_s : JUDGE_TTL_MAX_S;
	if (site->ttl_known && ttl_s < site->ttl_s && until_ms > site->longer_until_ms)
		site->longer_until_ms = until_ms;
	site->ttl_known = true;
	site->ttl_s = ttl_s;
}

/* A restart in the middle of a warm-up is no reason for the whole weight at once. */
static void
on_remembered_warmth(struct judge *j, size_t i, uint64_t since_ms, struct judge_time now)
{
	struct judge_server *s = &j->servers[i];

	if (s->check == NULL || s->found == HEALTH_DOWN || s->found == HEALTH_UNKNOWN ||
	    s->recovered_ms != 0 || since_ms >= j->conf->pools[s->conf->pool].warm_up_ms)
		return;
	s->recovered_ms = now.mono_ms > since_ms ? now.mono_ms - since_ms : 1;
	j->n_warming++;
	judge_view_server(j, i, now);
	while (judge_take_change(j) >= 0)
		;		/* remembering is no change */
}

static void
on_remembered_site(struct judge *j, const struct judge_event *e, struct judge_time now)
{
	struct judge_site *site = &j->sites[e->index];

	if (!site->ttl_known && e->ttl_s != 0)
		on_ttl(j, e->index, e->ttl_s, now);
	/* taken back only by its dnsd, so there must be one to ask */
	if (site->sibling_known || site->conf->sibling.family == 0 ||
	    e->index == j->conf->here_site)
		return;
	site->drained_there = e->drain;
	j->worth_telling |= e->drain;
	review_words(j, now);
	while (judge_take_change(j) >= 0)
		;		/* remembering is no change */
}

static void
on_memory(struct judge *j, uint32_t index, const struct judge_memory *m, struct judge_time now)
{
	struct judge_target *t = &j->targets[index];
	struct judge_server *s = &j->servers[t->server];

	if (t->probed || (m->state != HEALTH_UP && m->state != HEALTH_DOWN))
		return;
	t->alive = m->state;
	j->worth_telling = true;
	if (m->bad_digest != NULL && t->check->n_digests > 0) {
		t->bad_digest = true;
		snprintf(t->digest_detail, sizeof(t->digest_detail), "%s", m->bad_digest);
	}
	if (m->set != NULL && result_set_ok(m->set))
		judge_set_seen(j, t, m->set);
	judge_set_review(j, true, now);
	judge_view_server(j, t->server, now);
	s->since = m->since;
	while (judge_take_change(j) >= 0)
		;		/* remembering is no change */
}

/* `word` ends, by another one, by somebody who takes it back, or by itself (`by` NULL). */
static void
end_override(struct judge_word *w, struct judge_override *old, enum judge_end how,
    const struct judge_override *by)
{
	if (old->kind == OVERRIDE_NONE)
		return;
	w->ended = (struct judge_ended){ .id = old->id, .how = how };
	if (by != NULL) {
		w->ended.next = by->kind;
		memcpy(w->ended.by, by->by, sizeof(w->ended.by));
	}
	memset(old, 0, sizeof(*old));
}

static void
put_in_force(struct judge_word *w, const struct judge_override *override)
{
	struct judge_override old = w->override;

	end_override(w, &w->override, END_REPLACED, override);
	w->override = *override;
	/* said again, a drain goes on: its TTLs have been running out since it began */
	if (old.kind == OVERRIDE_DRAIN && override->kind == OVERRIDE_DRAIN)
		w->override.at = old.at, w->override.at_ms = old.at_ms;
}

static void
on_override(struct judge *j, struct judge_word *w, const struct judge_event *e,
    struct judge_time now)
{
	struct judge_override o = *e->override;

	if (o.kind == OVERRIDE_NONE) {
		end_override(w, &w->planned, e->end, &o);
		end_override(w, &w->override, e->end, &o);
	} else {
		if (o.id == 0)
			o.id = judge_next_id(j, now);
		j->last_id = o.id > j->last_id ? o.id : j->last_id;
		if (o.at_ms <= now.mono_ms) {
			put_in_force(w, &o);
		} else {
			end_override(w, &w->planned, END_REPLACED, &o);
			w->planned = o;
		}
	}
	j->worth_telling = true;
	review_words(j, now);
}

/* An override ends, or one that was planned begins.  True if so. */
static bool
pass_time(struct judge_word *w, struct judge_time now)
{
	const struct judge_override *o = &w->override;
	bool over = o->kind != OVERRIDE_NONE && o->until_ms != 0 && now.mono_ms >= o->until_ms;
	bool begins = w->planned.kind != OVERRIDE_NONE && now.mono_ms >= w->planned.at_ms;

	if (over)
		end_override(w, &w->override, END_EXPIRED, NULL);
	if (begins) {
		put_in_force(w, &w->planned);
		memset(&w->planned, 0, sizeof(w->planned));
	}
	return over || begins;
}

static void
on_time_passed(struct judge *j, struct judge_time now)
{
	bool any = false;

	for (size_t i = 0; i < j->conf->n_sites; i++)
		any |= pass_time(&j->sites[i].word, now);
	for (size_t i = 0; i < j->conf->n_servers; i++)
		any |= pass_time(&j->servers[i].word, now);
	if (any)
		review_words(j, now);
	for (size_t i = 0; j->n_warming > 0 && i < j->conf->n_servers; i++)
		if (j->servers[i].recovered_ms != 0)
			judge_view_server(j, i, now);
}

/* When the last of a drained site was taken out: a server with an override of its own may have
 * been handed out for longer. */
static uint64_t
last_drained_ms(const struct judge *j)
{
	uint64_t last_ms = j->sites[j->conf->here_site].word.override.at_ms;

	for (size_t i = 0; i < j->conf->n_servers; i++) {
		const struct judge_server *s = &j->servers[i];

		if (s->local && s->state == HEALTH_DRAIN && s->drain_ms > last_ms)
			last_ms = s->drain_ms;
	}
	return last_ms != 0 ? last_ms : 1;
}

/* Remembers since when this site drains: by its own override, or because its servers do. */
static void
review_drain(struct judge *j, struct judge_time now)
{
	struct verdict_message v;

	judge_verdict(j, now, &v);
	if (!message_is_draining(&v) && !message_is_drained(&v))
		j->drain_ms = 0;
	else if (v.override != MESSAGE_OVERRIDE_NONE)
		j->drain_ms = last_drained_ms(j);
	else if (j->drain_ms == 0)
		j->drain_ms = now.mono_ms;
}

#ifndef NDEBUG
/* What an event's index stays below. */
static size_t
range_of(const struct judge *j, enum judge_event_kind kind)
{
	switch (kind) {
	case JUDGE_RESULT:
	case JUDGE_DIGEST:
	case JUDGE_REMEMBER:
		return j->n_targets;
	case JUDGE_OVERRIDE_SERVER:
	case JUDGE_REMEMBER_WARMTH:
		return j->conf->n_servers;
	case JUDGE_OVERRIDE_SITE:
	case JUDGE_SIBLING:
	case JUDGE_TTL:
	case JUDGE_REMEMBER_SITE:
		return j->conf->n_sites;
	case JUDGE_ORIGIN:
	case JUDGE_NOTIFY:
	case JUDGE_REMEMBER_SET:
	case JUDGE_REMEMBER_POOL:
		return j->conf->n_pools;
	default:
		return SIZE_MAX;
	}
}
#endif

void
judge_step(struct judge *j, const struct judge_event *e, struct judge_time now)
{
	uint64_t changes = j->changes;

	assert(e->index < range_of(j, e->kind));
	switch (e->kind) {
	case JUDGE_RESULT:
		on_result(j, e->index, e->result, now);
		break;
	case JUDGE_DIGEST:
		on_digest(j, e->index, e->result, now);
		break;
	case JUDGE_ORIGIN:
		judge_set_origin(j, e->index, e->set, now);
		break;
	case JUDGE_NOTIFY:
		judge_set_notify(j, e->index, e->set, now);
		break;
	case JUDGE_OVERRIDE_SERVER:
		on_override(j, &j->servers[e->index].word, e, now);
		break;
	case JUDGE_OVERRIDE_SITE:
		on_override(j, &j->sites[e->index].word, e, now);
		break;
	case JUDGE_SIBLING:
		on_sibling(j, e->index, e->drain, now);
		break;
	case JUDGE_TTL:
		on_ttl(j, e->index, e->ttl_s, now);
		break;
	case JUDGE_UNPUBLISHED:
		j->unpublished_ms = now.mono_ms;
		break;
	case JUDGE_DISTURBED:
		on_disturbed(j, e->disturbance, now);
		break;
	case JUDGE_REMEMBER:
		on_memory(j, e->index, e->memory, now);
		break;
	case JUDGE_REMEMBER_SET:
		judge_set_remember(j, e->index, e->set, e->order);
		break;
	case JUDGE_REMEMBER_POOL:
		judge_set_remember_pool(j, e->index, e->pool_memory, now);
		break;
	case JUDGE_REMEMBER_SITE:
		on_remembered_site(j, e, now);
		break;
	case JUDGE_REMEMBER_WARMTH:
		on_remembered_warmth(j, e->index, e->since_ms, now);
		break;
	case JUDGE_TICK:
		on_time_passed(j, now);
		break;
	}
	judge_set_review(j, e->kind == JUDGE_TICK, now);
	if (j->changes != changes)
		review_drain(j, now);
}

bool
judge_near_change(const struct judge *j, size_t target)
{
	const struct judge_target *t = &j->targets[target];

	if (!t->proven || t->pending)
		return true;
	return t->alive == HEALTH_UP ? t->bad > 0 : t->good > 0;
}

int32_t
judge_longest_pending(const struct judge *j, uint64_t *since_ms)
{
	int32_t longest = -1;

	*since_ms = UINT64_MAX;
	for (size_t i = 0; i < j->n_targets; i++)
		if (j->targets[i].pending && j->targets[i].pending_ms < *since_ms) {
			*since_ms = j->targets[i].pending_ms;
			longest = (int32_t)i;
		}
	return longest;
}

uint64_t
judge_next_id(const struct judge *j, struct judge_time now)
{
	uint64_t id = now.wall > 0 ? (uint64_t)(now.wall * 1000 + 0.5) : 0;

	return id > j->last_id ? id : j->last_id + 1;
}
