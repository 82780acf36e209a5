/*
 * judge_view: what comes out of the judge, worked out from its targets and overrides.
 *
 * A target's state is what its checks and its set say; a server's is the better of its two
 * targets', unless an override or its own site's drain says otherwise; the site's verdict counts
 * the servers here, unless an override or a freeze says otherwise.  The TTL is how soon a
 * server's state could change at all.
 *
 * Servers are worked out anew whenever something about them changes, and keep what came out;
 * verdict and TTL are worked out when they are asked for.  This file decides nothing about
 * targets: thresholds are judge.c's, sets judge_set.c's.
 */
#include "healthd/judge/judge_inner.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

/* Other sites learn of a drain by asking once a second, and a question that is lost takes two
 * seconds more; then their health files are written and read. */
enum { DRAIN_MARGIN_MS = 4000 };

/* Of a recovered server's weight: what it begins with, and in which steps it grows, percent. */
enum { WARM_FIRST = 10, WARM_STEP = 10 };

enum health_state
judge_target_state(const struct judge_target *t)
{
	if (t->alive == HEALTH_UP && (t->behind || t->bad_digest))
		return HEALTH_STALE;
	return t->alive;
}

/* The better of two: up, stale, unknown, down. */
static enum health_state
better(enum health_state a, enum health_state b)
{
	static const int rank[] = {
		[HEALTH_UP] = 4, [HEALTH_STALE] = 3, [HEALTH_UNKNOWN] = 2, [HEALTH_DOWN] = 1,
		[HEALTH_DRAIN] = 0,
	};

	return rank[a] >= rank[b] ? a : b;
}

static void
text_of_target(const struct judge_target *t, const char *current, char *out, size_t size)
{
	switch (judge_target_state(t)) {
	case HEALTH_UP:
		if (t->pending)
			snprintf(out, size, "cause in doubt: %s%s%s", result_reason_name(t->reason),
			    t->detail[0] != '\0' ? ": " : "", t->detail);
		else
			snprintf(out, size, "ok%s%s",
			    t->reason == REASON_OK && t->detail[0] != '\0' ? ": " : "",
			    t->reason == REASON_OK ? t->detail : "");
		break;
	case HEALTH_STALE:
		if (t->bad_digest)
			snprintf(out, size, "digest: %s", t->digest_detail);
		else if (strcmp(t->set, current) == 0)
			snprintf(out, size, "set %.40s, the seed here holds a newer one", t->set);
		else
			snprintf(out, size, "set %.40s, current is %.40s", t->set, current);
		break;
	case HEALTH_UNKNOWN:
		snprintf(out, size,
		    t->last_wall == 0 ? "not checked yet" : "cause in doubt: %s%s%s",
		    result_reason_name(t->reason), t->detail[0] != '\0' ? ": " : "", t->detail);
		break;
	default:
		if (t->probed)
			snprintf(out, size, "%s%s%s", result_reason_name(t->reason),
			    t->detail[0] != '\0' ? ": " : "", t->detail);
		else
			snprintf(out, size, "was down before the restart");
	}
}

/* The target of a family that decides it: of all the worst one, of any the best. */
static const struct judge_target *
deciding(const struct judge *j, const struct judge_server *s, unsigned f)
{
	const struct judge_target *found = judge_target_of(j, s, f, 0);

	for (unsigned k = 1; found != NULL && k < s->n_checks; k++) {
		const struct judge_target *t = judge_target_of(j, s, f, k);
		enum health_state is = judge_target_state(t), was = judge_target_state(found);

		if (is != was && better(is, was) == (s->any ? is : was))
			found = t;
	}
	return found;
}

bool
judge_view_alive(const struct judge *j, const struct judge_server *s)
{
	for (unsigned f = 0; f < 2; f++) {
		const struct judge_target *t = deciding(j, s, f);

		if (t != NULL && t->alive == HEALTH_UP)
			return true;
	}
	return false;
}

/* With several checks the one that decides is named. */
static void
text_of_family(const struct judge *j, const struct judge_server *s, unsigned f,
    char out[HEALTH_REASON_MAX])
{
	const struct judge_target *t = deciding(j, s, f);
	char text[HEALTH_REASON_MAX];

	text_of_target(t, j->pools[s->conf->pool].current.id, text, sizeof(text));
	if (s->n_checks > 1 && strcmp(text, "ok") != 0)
		snprintf(out, HEALTH_REASON_MAX, "%.32s: %.90s", t->check->name, text);
	else
		memcpy(out, text, HEALTH_REASON_MAX);
}

static void
reason_of_checks(const struct judge *j, struct judge_server *s)
{
	char text[2][HEALTH_REASON_MAX], all[2 * HEALTH_REASON_MAX + 16];

	for (unsigned f = 0; f < 2; f++)
		if (s->target[f] >= 0)
			text_of_family(j, s, f, text[f]);
	if (s->target[0] < 0 && s->target[1] < 0)
		snprintf(all, sizeof(all), "no address");
	else if (s->target[0] < 0 || s->target[1] < 0)
		snprintf(all, sizeof(all), "%s", text[s->target[0] < 0]);
	else if (strcmp(text[0], text[1]) == 0)
		snprintf(all, sizeof(all), "%s", text[0]);
	else
		snprintf(all, sizeof(all), "v4 %.100s; v6 %.100s", text[0], text[1]);
	health_reason(s->reason, all);
}

const struct judge_override *
judge_override_of(const struct judge *j, size_t server)
{
	const struct judge_server *s = &j->servers[server];

	if (s->word.override.kind != OVERRIDE_NONE)
		return &s->word.override;
	if (s->conf->site < j->conf->n_sites &&
	    j->sites[s->conf->site].word.override.kind != OVERRIDE_NONE)
		return &j->sites[s->conf->site].word.override;
	return NULL;
}

const char *
judge_override_name(enum judge_override_kind kind)
{
	static const char *const name[OVERRIDE_COUNT] = {
		"none", "drain", "force-up", "force-down"
	};

	return (unsigned)kind < OVERRIDE_COUNT ? name[kind] : "?";
}

char *
judge_override_text(const struct judge_override *w, char out[JUDGE_OVERRIDE_TEXT])
{
	snprintf(out, JUDGE_OVERRIDE_TEXT, "%s by %s%s%s", judge_override_name(w->kind), w->by,
	    w->reason[0] != '\0' ? ": " : "", w->reason);
	return out;
}

/* The least of the weights that the loads of answering targets leave; 0 = none answers. */
static uint8_t
weight_of_load(const struct judge *j, const struct judge_server *s)
{
	uint8_t weight = 0;

	for (unsigned i = 0; i < 2u * s->n_checks; i++) {
		const struct judge_target *t = judge_target_of(j, s, i % 2, i / 2);

		if (t != NULL && t->alive == HEALTH_UP && (weight == 0 || t->weight < weight))
			weight = t->weight;
	}
	return weight;
}

/* A server that was down gets its whole weight little by little: the share it has by now. */
static unsigned
warmth(struct judge *j, struct judge_server *s, enum health_state was, struct judge_time now)
{
	uint32_t warm_up_ms = j->conf->pools[s->conf->pool].warm_up_ms;
	bool warming = s->recovered_ms != 0;
	unsigned share = 100;

	if (s->found == HEALTH_DOWN || s->found == HEALTH_UNKNOWN)
		s->recovered_ms = 0;
	else if (was == HEALTH_DOWN && warm_up_ms != 0)
		s->recovered_ms = now.mono_ms;
	if (s->recovered_ms != 0 && now.mono_ms - s->recovered_ms >= warm_up_ms)
		s->recovered_ms = 0;
	if (s->recovered_ms != 0)
		share = WARM_FIRST + (unsigned)((now.mono_ms - s->recovered_ms) *
		    (100 - WARM_FIRST) / warm_up_ms) / WARM_STEP * WARM_STEP;
	j->n_warming += (size_t)(s->recovered_ms != 0) - (size_t)warming;
	return share;
}

/* The set of a family: that of the target whose check tells one. */
static const char *
set_of_family(const struct judge *j, const struct judge_server *s, unsigned f)
{
	for (unsigned k = 0; k < s->n_checks; k++)
		if (judge_target_of(j, s, f, k)->set[0] != '\0')
			return judge_target_of(j, s, f, k)->set;
	return "";
}

/* What the checks say: states by family, the state of the whole, weight, set, reason. */
static void
view_checks(struct judge *j, struct judge_server *out, struct judge_time now)
{
	enum health_state all = HEALTH_DOWN, family[2] = { HEALTH_UNKNOWN, HEALTH_UNKNOWN };
	enum health_state was = out->found;
	unsigned weight, share;

	if (out->check == NULL) {
		out->state = HEALTH_UP;
		out->v4 = out->conf->v4.family != 0 ? HEALTH_UP : HEALTH_UNKNOWN;
		out->v6 = out->conf->v6.family != 0 ? HEALTH_UP : HEALTH_UNKNOWN;
		health_reason(out->reason, "not checked");
		return;
	}
	out->set[0] = '\0';
	for (unsigned f = 0; f < 2; f++) {
		const char *set;

		if (out->target[f] < 0)
			continue;
		family[f] = judge_target_state(deciding(j, out, f));
		set = set_of_family(j, out, f);
		/* of two families, the set of the healthier one */
		if (set[0] != '\0' && (out->set[0] == '\0' || family[f] > HEALTH_UNKNOWN) &&
		    (out->set[0] == '\0' || better(all, family[f]) != all))
			memcpy(out->set, set, strnlen(set, sizeof(out->set) - 1) + 1);
		all = better(all, family[f]);
	}
	out->state = out->found = all;
	out->v4 = family[0];
	out->v6 = family[1];
	weight = weight_of_load(j, out);
	share = warmth(j, out, was, now);
	if (weight != 0)
		out->weight = (uint8_t)(weight * share / 100);
	reason_of_checks(j, out);
}

static void
view_override(const struct judge *j, struct judge_server *out, const struct judge_override *w)
{
	const struct judge_site *site = &j->sites[out->conf->site];
	char text[JUDGE_OVERRIDE_TEXT];

	if (w == NULL) {
		if (out->local || !site->drained_there)
			return;
		out->state = HEALTH_DRAIN;
		health_reason(out->reason, "drained at its site");
		return;
	}
	if (w->kind == OVERRIDE_DRAIN) {
		out->state = HEALTH_DRAIN;
	} else {
		out->state = w->kind == OVERRIDE_FORCE_UP ? HEALTH_UP : HEALTH_DOWN;
		if (out->conf->v4.family != 0)
			out->v4 = out->state;
		if (out->conf->v6.family != 0)
			out->v6 = out->state;
		out->weight = 100;
	}
	snprintf(text, sizeof(text), "%s by %s%s%s%s", judge_override_name(w->kind), w->by,
	    w == &out->word.override ? "" : " (site)", w->reason[0] != '\0' ? ": " : "", w->reason);
	health_reason(out->reason, text);
}

void
judge_view_server(struct judge *j, size_t server, struct judge_time now)
{
	struct judge_server *s = &j->servers[server];
	const struct judge_override *w = judge_override_of(j, server);
	struct judge_server old = *s;

	view_checks(j, s, now);
	view_override(j, s, w);
	if (s->state != old.state) {
		s->drain_ms = w != NULL && old.state == HEALTH_UNKNOWN ? w->at_ms : now.mono_ms;
		s->since = w != NULL && w->at <= now.wall ? w->at : now.wall;
		if (!s->changed) {
			s->changed = true;
			s->was = old.state;
			j->n_changed++;
		}
	}
	if (s->state != old.state || s->v4 != old.v4 || s->v6 != old.v6 ||
	    s->weight != old.weight || strcmp(s->set, old.set) != 0)
		j->changes++;
}

void
judge_view_all(struct judge *j, struct judge_time now)
{
	for (size_t i = 0; i < j->conf->n_servers; i++)
		judge_view_server(j, i, now);
}

int32_t
judge_take_change(struct judge *j)
{
	size_t n = j->conf->n_servers;

	if (j->n_changed == 0)
		return -1;
	/* on from the one given last, so that thousands of changes are one walk */
	for (size_t i = 0; i < n; i++) {
		size_t at = (j->change_at + i) % n;

		if (j->servers[at].changed) {
			j->servers[at].changed = false;
			j->change_at = at;
			j->n_changed--;
			return (int32_t)at;
		}
	}
	return -1;
}

/* Whose answers are in doubt: those of everybody elsewhere, or of one family, or of one check. */
static const char *
text_of_doubt(const struct judge *j)
{
	static const char *const text[] = {
		"every target of all other sites fails: the uplink is in doubt, their states are "
		    "kept",
		"every IPv4 target of all other sites fails: the uplink of IPv4 is in doubt, their "
		    "states are kept",
		"every IPv6 target of all other sites fails: the uplink of IPv6 is in doubt, their "
		    "states are kept",
		"every target of a check or of a family fails, others do not: a shared cause, "
		    "their states are kept",
	};
	bool doubted[2] = { false, false }, trusted[2] = { false, false };

	for (size_t i = 0; i < j->n_families; i++) {
		const struct judge_family *f = &j->family[i];

		if (f->doubted == SCOPE_ALL)
			return text[3];
		doubted[i % 2] |= f->doubted != SCOPE_NONE;
		trusted[i % 2] |= f->doubted == SCOPE_NONE && f->n_remote > 0;
	}
	return doubted[0] && !trusted[0] && trusted[1] ? text[1] :
	    doubted[1] && !trusted[1] && trusted[0] ? text[2] : text[0];
}

const char *
judge_freeze_text(const struct judge *j)
{
	switch (j->freeze) {
	case FREEZE_SHARED:
		return "every target everywhere fails: a shared cause, nothing is changed";
	case FREEZE_UPLINK:
		return text_of_doubt(j);
	case FREEZE_LATE:
		return "this process was late: nothing is changed until targets were probed afresh";
	case FREEZE_CLOCK:
		return "the clock jumped: nothing is changed until targets were probed afresh";
	default:
		return "";
	}
}

struct local {
	uint32_t total;
	uint32_t up, proven;		/* alive, and seen so by this prober */
	uint32_t drained;		/* by override, alive all the same */
	uint32_t unknown;		/* neither alive nor seen down by this prober */
	uint32_t unchecked;		/* not proven, and without any result but internal ones */
};

/* What the checks of one family have found: alive, seen so by this prober, seen down by it. */
struct finding {
	bool up, proven, down;
};

static struct finding
find_family(const struct judge *j, const struct judge_server *s, unsigned f)
{
	struct finding found = { !s->any, !s->any, s->any };

	for (unsigned k = 0; k < s->n_checks; k++) {
		const struct judge_target *t = judge_target_of(j, s, f, k);
		bool up = t->alive == HEALTH_UP, down = t->alive == HEALTH_DOWN && t->proven;

		if (s->any)
			found = (struct finding){ found.up || up,
			    found.proven || (up && t->proven), found.down && down };
		else
			found = (struct finding){ found.up && up,
			    found.proven && up && t->proven, found.down || down };
	}
	return found;
}

/* Adds a server as its checks say, without the word about it. */
static void
count_checked(const struct judge *j, const struct judge_server *s, struct local *n)
{
	bool up = s->check == NULL, proven = up, down = true, checked = false;

	for (unsigned f = 0; f < 2; f++) {
		struct finding found;

		if (s->target[f] < 0)
			continue;
		found = find_family(j, s, f);
		up |= found.up;
		proven |= found.proven;
		down &= found.down;
		for (unsigned k = 0; k < s->n_checks; k++)
			checked |= judge_target_of(j, s, f, k)->probed;
	}
	n->up += up;
	n->proven += proven;
	n->unknown += !up && !down;
	n->unchecked += !proven && !down && !checked;
}

/* The site's own override is not counted: it is told apart. */
static struct local
count_local(const struct judge *j)
{
	struct local n = { .total = 0 };

	for (size_t i = 0; i < j->conf->n_servers; i++) {
		const struct judge_server *s = &j->servers[i];
		struct local one = { .total = 0 };

		if (!s->local)
			continue;
		n.total++;
		count_checked(j, s, &one);
		n.up += s->word.override.kind == OVERRIDE_NONE ? one.up :
		    s->word.override.kind == OVERRIDE_FORCE_UP;
		n.proven += s->word.override.kind == OVERRIDE_NONE ? one.proven :
		    s->word.override.kind == OVERRIDE_FORCE_UP;
		if (s->word.override.kind == OVERRIDE_DRAIN)
			n.drained += one.up;
		if (s->word.override.kind == OVERRIDE_NONE ||
		    s->word.override.kind == OVERRIDE_DRAIN) {
			n.unknown += one.unknown;
			n.unchecked += one.unchecked;
		}
	}
	return n;
}

/* Another number with every override of a server here that comes or goes. */
static uint64_t
fingerprint_words(const struct judge *j)
{
	uint64_t print = 0;

	for (size_t i = 0; i < j->conf->n_servers; i++) {
		const struct judge_override *w = &j->servers[i].word.override;

		if (j->servers[i].local && w->kind != OVERRIDE_NONE)
			print = print * 1000003 + i * 8 + (uint64_t)w->kind +
			    w->id * 131;
	}
	return print;
}

/* When what our dnsd and those of other sites had handed out at `since_ms` has run out; not known:
 * the configured maximum. */
static uint64_t
run_out_ms(const struct judge *j, uint64_t since_ms)
{
	uint16_t here = j->conf->here_site;
	uint64_t last_ms = since_ms;

	if (here >= j->conf->n_sites || !j->sites[here].ttl_known)
		return since_ms + (uint64_t)j->conf->ttl_max_s * 1000;
	for (size_t i = 0; i < j->conf->n_sites; i++) {
		const struct judge_site *s = &j->sites[i];
		uint64_t end_ms = since_ms + (uint64_t)s->ttl_s * 1000;

		if (!s->ttl_known)
			continue;
		end_ms = s->longer_until_ms > end_ms ? s->longer_until_ms : end_ms;
		last_ms = end_ms > last_ms ? end_ms : last_ms;
	}
	return last_ms;
}

uint32_t
judge_ttl_of_site(const struct judge *j, size_t site, struct judge_time now)
{
	const struct judge_site *s = &j->sites[site];
	uint64_t longer_s = s->longer_until_ms > now.mono_ms ?
	    (s->longer_until_ms - now.mono_ms + 999) / 1000 : 0;

	if (!s->ttl_known)
		return 0;
	return longer_s > s->ttl_s ? (uint32_t)longer_s : s->ttl_s;
}

uint64_t
judge_drain_left(const struct judge *j, uint64_t since_ms, struct judge_time now)
{
	uint64_t told_ms = j->unpublished_ms > since_ms ? j->unpublished_ms : since_ms;
	uint64_t end_ms = run_out_ms(j, told_ms) + DRAIN_MARGIN_MS;

	return end_ms > now.mono_ms ? end_ms - now.mono_ms : 0;
}

/* The override of this site, NULL = none. */
static const struct judge_override *
override_here(const struct judge *j)
{
	uint16_t here = j->conf->here_site;

	return here < j->conf->n_sites && j->sites[here].word.override.kind != OVERRIDE_NONE ?
	    &j->sites[here].word.override : NULL;
}

/* Neither enough servers here are up, nor enough of them down: what was, stays. */
static enum verdict
cannot_tell(const struct local *n, uint32_t need, char *text, size_t size)
{
	if (n->unchecked == 0) {
		snprintf(text, size, "%u of %u server%s here up, %u not yet asked often "
		    "enough", n->proven, n->total, text_s(n->total),
		    n->up - n->proven + n->unknown);
		return VERDICT_NONE;
	}
	snprintf(text, size, "%u of %u server%s here up, %u needed, %u cannot be checked",
	    n->up, n->total, text_s(n->total), need, n->unchecked);
	return VERDICT_HOLD;
}

/* Of health alone: a freeze decides, then the number of healthy servers. */
static enum verdict
decide(const struct judge *j, const struct local *n, uint64_t left_ms, char *text, size_t size)
{
	/* a site that has no servers only answers DNS, and that it can; no site needs more servers
	 * than it has, or one number too large would take all of them down */
	uint32_t min = j->conf->announce.min_healthy, need = min < n->total ? min : n->total;

	snprintf(text, size, "%u of %u server%s here up, %u needed", n->up, n->total,
	    text_s(n->total), need);
	if (!j->first_round_over)
		return VERDICT_NONE;
	if (need > 0 && j->freeze != FREEZE_NONE && j->freeze != FREEZE_UPLINK) {
		snprintf(text, size, "%s", judge_freeze_text(j));
		return VERDICT_HOLD;
	}
	if (n->proven >= need)
		return VERDICT_UP;
	if (n->up + n->drained + n->unknown < need)
		return VERDICT_CACHES_DOWN;
	if (n->up >= need || n->up + n->drained < need)
		return cannot_tell(n, need, text, size);
	snprintf(text, size, "drain: %u of %u server%s here %s drained, %u needed", n->drained,
	    n->total, text_s(n->total), n->drained == 1 ? "is" : "are", need);
	return left_ms > 0 ? VERDICT_DRAIN : VERDICT_DRAINED;
}

/* The operator's override of this site. */
static void
tell_override(const struct judge *j, uint64_t left_ms, struct verdict_message *out)
{
	const struct judge_override *w = override_here(j);
	char text[JUDGE_OVERRIDE_TEXT];

	if (w == NULL)
		return;
	out->override = w->kind == OVERRIDE_FORCE_UP ? MESSAGE_OVERRIDE_FORCE_UP :
	    w->kind == OVERRIDE_FORCE_DOWN ? MESSAGE_OVERRIDE_FORCE_DOWN :
	    left_ms > 0 ? MESSAGE_OVERRIDE_DRAIN : MESSAGE_OVERRIDE_DRAINED;
	out->override_id = w->id;
	health_reason(out->override_reason, judge_override_text(w, text));
}

void
judge_verdict(const struct judge *j, struct judge_time now, struct verdict_message *out)
{
	uint64_t left_ms = j->drain_ms != 0 ? judge_drain_left(j, j->drain_ms, now) : 1;
	struct local n = count_local(j);
	char text[256];

	memset(out, 0, sizeof(*out));
	out->verdict = decide(j, &n, left_ms, text, sizeof(text));
	out->local_up = n.up;
	out->local_total = n.total;
	out->servers_id = fingerprint_words(j);
	health_reason(out->reason, text);
	tell_override(j, left_ms, out);
}

/* An interval of the target's, as short as jitter may make it. */
static uint64_t
shortest_ms(const struct judge_target *t, uint32_t interval_ms)
{
	unsigned jitter = t->check->jitter < 100 ? t->check->jitter : 100;

	return (uint64_t)interval_ms * (100 - jitter) / 100;
}

/* Until when, monotonic, this target cannot change: its next checks may end as they begin. */
static uint64_t
calm_until_ms(const struct judge_target *t)
{
	unsigned done = t->alive == HEALTH_UP ? t->bad : t->good;
	unsigned need = t->alive == HEALTH_UP ? t->check->fall : t->check->rise;
	unsigned left = done < need ? need - done : 1;

	if (t->alive == HEALTH_UNKNOWN || t->pending)
		return 0;
	return t->asked_ms + shortest_ms(t, t->soon ? t->fast_ms : t->interval_ms) +
	    (left - 1) * shortest_ms(t, t->fast_ms);
}

/* The earlier of `until_ms` and the beginning of what is planned. */
static uint64_t
planned_ms(const struct judge_word *w, uint64_t until_ms)
{
	return w->planned.kind != OVERRIDE_NONE && w->planned.at_ms < until_ms ?
	    w->planned.at_ms : until_ms;
}

uint32_t
judge_ttl(const struct judge *j, size_t server, struct judge_time now)
{
	const struct judge_server *s = &j->servers[server];
	const struct judge_override *w = judge_override_of(j, server);
	uint64_t until_ms = UINT64_MAX, calm_s;

	if (w != NULL) {
		if (w->until_ms != 0)
			until_ms = w->until_ms;
	} else {
		for (unsigned i = 0; i < 2u * s->n_checks; i++) {
			const struct judge_target *t = judge_target_of(j, s, i % 2, i / 2);
			uint64_t ms = t != NULL ? calm_until_ms(t) : UINT64_MAX;

			until_ms = ms < until_ms ? ms : until_ms;
		}
	}
	until_ms = planned_ms(&s->word, until_ms);
	if (s->conf->site < j->conf->n_sites)
		until_ms = planned_ms(&j->sites[s->conf->site].word, until_ms);
	if (until_ms == UINT64_MAX)
		return 0;
	calm_s = until_ms > now.mono_ms ? (until_ms - now.mono_ms) / 1000 : 0;
	return calm_s > 86400 ? 86400 : calm_s < 1 ? 1 : (uint32_t)calm_s;
}
