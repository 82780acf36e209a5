/*
 * sim_view: a state in words, and a state as a number.
 *
 * Two states are the same when they go on in the same way.  Everything is taken in as it is, but
 * for what does not decide (texts for people, counters of changes) and for times, of which only
 * the order and a coarse age are kept: a field that is forgotten here makes states look different
 * that are not, which costs time and hides nothing.  Where coarse is too coarse, a state is not
 * explored twice that should have been; what is found is found all the same, since every state
 * is reached by really stepping through its words.
 */
#include "tests/model/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMES = 160, BUCKET_MS = 250, BUCKETS = 8 };

/* ---- in words ---- */

static const char *const freezes[] = { "none", "shared", "uplink", "late", "clock" };

void
sim_print(const struct sim *s, char *out, size_t size)
{
	const struct judge *j = s->judge;
	struct verdict_message v;
	FILE *f = fmemopen(out, size, "w");

	if (s->alive) {
		judge_verdict(j, s->now, &v);
		for (size_t i = 0; i < s->conf->n_servers; i++)
			fprintf(f, "%s=%s ", s->conf->servers[i].name,
			    health_state_name(j->servers[i].state));
		if (s->world->quorum != 0)
			fprintf(f, "set=%s ", j->pools[0].current.id);
		fprintf(f, "freeze=%s verdict=%s", freezes[j->freeze],
		    message_verdict_name(v.verdict));
		if (v.override != MESSAGE_OVERRIDE_NONE)
			fprintf(f, " word=%s", message_override_name(v.override));
	} else {
		fprintf(f, "no prober");
	}
	fprintf(f, " | %s, %s, penalty %.0f", health_posture_name(s->posture.now),
	    s->posture.reason, posture_penalty(&s->posture, s->now.mono_ms));
	fclose(f);
	out[size - 1] = '\0';
}

/* ---- as a number ---- */

struct mix {
	uint64_t h;
	uint64_t *times[TIMES];		/* true ms, becomes rank and age; 0 = none */
	unsigned n;
};

static void
mix_number(struct mix *m, uint64_t v)
{
	m->h = (m->h ^ v) * 0x9e3779b97f4a7c15u;
	m->h ^= m->h >> 29;
}

static void
mix_octets(struct mix *m, const void *at, size_t len)
{
	const char *p = at;
	uint64_t v;

	for (; len >= sizeof(v); p += sizeof(v), len -= sizeof(v)) {
		memcpy(&v, p, sizeof(v));
		mix_number(m, v);
	}
	if (len > 0) {
		v = 0;
		memcpy(&v, p, len);
		mix_number(m, v);
	}
}

static void
add_time(struct mix *m, uint64_t *at, uint64_t base)
{
	if (*at == 0)
		return;
	*at += base;
	if (m->n == TIMES)
		abort();
	m->times[m->n++] = at;
}

static int
by_time(const void *a, const void *b)
{
	uint64_t x = **(uint64_t *const *)a, y = **(uint64_t *const *)b;

	return x < y ? -1 : x > y;
}

static void
rank_times(struct mix *m, uint64_t now)
{
	uint64_t rank = 0, before = 0;

	qsort(m->times, m->n, sizeof(m->times[0]), by_time);
	for (unsigned i = 0; i < m->n; i++) {
		uint64_t t = *m->times[i], age = (now > t ? now - t : 0) / BUCKET_MS;

		rank += t != before;
		before = t;
		*m->times[i] = (age < BUCKETS ? rank << 8 | age : 0xff) + 1;
	}
}

static uint64_t
left_of(uint64_t until, uint64_t now)
{
	return until == 0 ? 0 : until <= now ? 1 : 2 + (until - now) / BUCKET_MS;
}

/* Of something that drains, in seconds, as far as it counts. */
static uint64_t
age_of(uint64_t since, uint64_t now)
{
	uint64_t age = now > since ? (now - since) / 1000 : 0;

	return since == 0 ? 0 : age < SIM_TTL_S + 6 ? 1 + age : SIM_TTL_S + 7;
}

/* Copies that may be changed; static, for there is one thread. */
static struct judge judge_copy;
static struct judge_family families[4];
static struct judge_target targets[SIM_TARGETS];
static struct judge_server servers[SIM_SERVERS];
static struct judge_site sites[SIM_SITES];
static struct judge_pool pools[1];

static void
plain_override(struct judge_override *o, uint64_t now_ms)
{
	o->at = o->until = 0;
	o->id = o->id != 0;
	o->at_ms = o->at_ms > now_ms ? 100 + left_of(o->at_ms, now_ms) : age_of(o->at_ms, now_ms);
	o->until_ms = left_of(o->until_ms, now_ms);
}

static void
plain_word(struct judge_word *w, uint64_t now_ms)
{
	plain_override(&w->override, now_ms);
	plain_override(&w->planned, now_ms);
	memset(&w->ended, 0, sizeof(w->ended));
}

static void
plain_target(struct mix *m, const struct sim *s, struct judge_target *t, uint64_t base)
{
	uint32_t most = s->world->rise + s->world->fall;

	memset(t->detail, 0, sizeof(t->detail));
	memset(t->digest_detail, 0, sizeof(t->digest_detail));
	t->last_wall = t->last_wall != 0;
	t->pending_ms = 0;
	t->asked_ms = t->asked_ms != 0;
	t->round = t->round == s->judge->round;
	t->good = t->good < most ? t->good : most;
	t->bad = t->bad < most ? t->bad : most;
	t->reason = t->reason == REASON_INTERNAL ? REASON_INTERNAL : t->failing ?
	    REASON_CONNECT : t->probed ? REASON_OK : REASON_NONE;
	if (t->bad == 0)
		t->first_bad_ms = t->last_bad_ms = 0;
	add_time(m, &t->first_bad_ms, base);
	add_time(m, &t->last_bad_ms, base);
}

static uint64_t
order_left(uint64_t order, uint64_t last)
{
	return order == 0 ? 0 : last - order < 8 ? 1 + last - order : 9;
}

static void
plain_pool(struct judge_pool *p, uint64_t now_ms)
{
	for (size_t i = 0; i < p->n_sets; i++)
		p->sets[i].order = order_left(p->sets[i].order, p->last_order);
	memset(p->sets + p->n_sets, 0, (JUDGE_SETS - p->n_sets) * sizeof(p->sets[0]));
	p->current.order = order_left(p->current.order, p->last_order);
	p->asked_order = order_left(p->asked_order, p->last_order);
	p->last_order = p->last_order != 0;
	p->notified_ms = p->notified_ms == 0 ? 0 : now_ms - p->notified_ms < 60000 ? 1 : 2;
	p->reviewed_ms = 0;
	if (p->current.id[0] == '\0')
		memset(&p->current, 0, sizeof(p->current));
}

static void
mix_judge(struct mix *m, const struct sim *s, uint64_t base)
{
	const struct judge *j = s->judge;
	struct judge *c = &judge_copy;

	*c = *j;
	c->freeze_since = 0;
	c->round = 0;
	c->changes = s->written_changes != j->changes;
	c->n_changed = c->change_at = c->last_id = 0;
	c->drain_ms = age_of(c->drain_ms, s->now.mono_ms);
	c->unpublished_ms = age_of(c->unpublished_ms, s->now.mono_ms);
	add_time(m, &c->last_ok_ms, base);
	memcpy(families, j->family, j->n_families * sizeof(families[0]));
	c->family = families;
	for (size_t f = 0; f < j->n_families; f++) {
		add_time(m, &c->family[f].ok_ms, base);
		add_time(m, &c->family[f].remote_ok_ms, base);
		add_time(m, &c->family[f].sibling_ms, base);
	}
	memcpy(targets, j->targets, j->n_targets * sizeof(targets[0]));
	for (size_t i = 0; i < j->n_targets; i++)
		plain_target(m, s, &targets[i], base);
	memcpy(servers, j->servers, s->conf->n_servers * sizeof(servers[0]));
	for (size_t i = 0; i < s->conf->n_servers; i++) {
		servers[i].since = 0;
		servers[i].drain_ms = age_of(servers[i].drain_ms, s->now.mono_ms);
		servers[i].changed = false;
		servers[i].was = 0;
		memset(servers[i].reason, 0, sizeof(servers[i].reason));
		plain_word(&servers[i].word, s->now.mono_ms);
	}
	memcpy(sites, j->sites, sizeof(sites));
	for (unsigned i = 0; i < SIM_SITES; i++) {
		sites[i].asked_ms = sites[i].asked_ms != 0;
		sites[i].longer_until_ms = left_of(sites[i].longer_until_ms, s->now.mono_ms);
		plain_word(&sites[i].word, s->now.mono_ms);
	}
	pools[0] = j->pools[0];
	plain_pool(&pools[0], s->now.mono_ms);
}

static void
mix_copies(struct mix *m, const struct sim *s)
{
	mix_octets(m, &judge_copy, sizeof(judge_copy));
	mix_octets(m, families, s->judge->n_families * sizeof(families[0]));
	mix_octets(m, targets, s->judge->n_targets * sizeof(targets[0]));
	mix_octets(m, servers, s->conf->n_servers * sizeof(servers[0]));
	mix_octets(m, sites, sizeof(sites));
	mix_octets(m, pools, sizeof(pools));
}

/* The state file's text, but for what is a time in it: "until" as what is left of it, others not
 * at all. */
static void
mix_file(struct mix *m, const struct sim *s)
{
	const char *p = s->file;

	while (*p != '\0') {
		bool until = p > s->file + 6 && strncmp(p - 6, "until=", 6) == 0;
		size_t n = strspn(p, "0123456789");

		if (n >= 9 && p[n] != '.') {
			p += n;		/* an id */
		} else if (n >= 9) {
			double left = strtod(p, NULL) - s->now.wall;

			if (until)
				mix_number(m, left > 0 ? 1 + (uint64_t)(left * 1000 / BUCKET_MS) :
				    0);
			p += n + 4;
		} else {
			mix_number(m, (uint8_t)*p++);
		}
	}
	mix_number(m, s->true_ms - s->file_ms > 600000);
}

static void
mix_posture(struct mix *m, const struct sim *s)
{
	struct posture p = s->posture;
	double penalty = posture_penalty(&p, s->now.mono_ms);
	uint64_t half = p.rules.damping.half_life_ms;

	memset(p.reason, 0, sizeof(p.reason));
	memset(p.alarm, 0, sizeof(p.alarm));
	p.override_id = p.override_id == 0 ? 0 : 1 + (p.override_id == s->word.override_id);
	p.servers_id = p.servers_id == s->word.servers_id;
	p.fine_since_ms = p.raising ? (s->now.mono_ms - p.fine_since_ms) / 500 : 0;
	p.flap_ms = p.flaps > 0 ? (s->now.mono_ms - p.flap_ms) * 4 / half : 0;
	p.flaps = p.flaps < 9 ? p.flaps : 9;
	p.damping.penalty = penalty < 10 ? 0 : floor(log2(penalty) * 8);
	p.damping.at_ms = 0;
	p.hold_left_ms = 0;
	mix_octets(m, &p, sizeof(p));
	mix_number(m, s->alive);
	mix_number(m, s->alive ? 0 : s->true_ms - s->told_ms >= 5000);
	mix_number(m, s->heard);
	mix_number(m, s->dnsd * 2u + s->tcp_dead);
	mix_number(m, !s->alive && s->heard ? s->word.verdict * 8 + s->word.override : 0);
	mix_number(m, s->alive && s->written_changes != s->judge->changes ?
	    left_of(s->due_ms, s->now.mono_ms) : 0);
}

uint64_t
sim_hash(const struct sim *s, const uint64_t *times, size_t n, const void *rest, size_t rest_len)
{
	uint64_t base = s->true_ms - s->now.mono_ms, more[64];
	struct mix m = { .h = 1 };

	if (n > 64)
		abort();
	memcpy(more, times, n * sizeof(more[0]));
	for (size_t i = 0; i < n; i++)
		add_time(&m, &more[i], 0);
	mix_judge(&m, s, base);
	rank_times(&m, s->true_ms);
	if (s->alive)
		mix_copies(&m, s);
	mix_octets(&m, more, n * sizeof(more[0]));
	mix_octets(&m, rest, rest_len);
	mix_file(&m, s);
	mix_posture(&m, s);
	return m.h;
}
