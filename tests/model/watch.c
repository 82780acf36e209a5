#include "tests/model/watch.h"

#include <math.h>
#include <string.h>

#include "healthd/prober/remember.h"

enum { SLACK_MS = 20, MARGIN_MS = 3000, NOTIFY_MS = 60000, CALM = 3 };

static const double withdrawal = 1000, attributes = 500, half_life = 900000;

const struct watch_rule_row watch_rules[WATCH_RULES] = {
	[WATCH_FINE] = { "fine", "" },
	[WATCH_DNSD_FAILED] = { "dnsd-failed", "announced although dnsd has failed" },
	[WATCH_FROZEN] = { "frozen", "what is held changes" },
	[WATCH_THAW] = { "thaw", "an answer does not end what is held" },
	[WATCH_HOLD] = { "hold", "a shared cause is suspected and the verdict is not hold" },
	[WATCH_WORD] = { "word", "the word in force is not the state" },
	[WATCH_WORD_ENDS] = { "word-ends", "a word that is over is still heard, or one in force "
	    "is not" },
	[WATCH_WORD_OBEYED] = { "word-obeyed", "the operator's word about the site is not obeyed" },
	[WATCH_STATE] = { "state", "a server's state is not what its addresses say" },
	[WATCH_LOWERED] = { "lowered", "lowered although enough servers here have not failed" },
	[WATCH_WITHDRAWN] = { "withdrawn", "withdrawn although servers here only drain" },
	[WATCH_DRAINS] = { "drains", "the verdict is drain, and too few are alive to drain" },
	[WATCH_UNPROVEN] = { "unproven", "announced before enough servers here have answered" },
	[WATCH_BUDGET] = { "budget", "raised beyond the flap budget, and nobody said so" },
	[WATCH_HOLD_DOWN] = { "hold-down", "raised before the hold-down is over, and nobody "
	    "said so" },
	[WATCH_RAISED_IN_HOLD] = { "raised-in-hold", "raised while a shared cause is suspected" },
	[WATCH_PENALTY] = { "penalty", "the route changed more often than the penalty says" },
	[WATCH_FALL] = { "fall", "down with fewer than `fall` failures" },
	[WATCH_WITNESS] = { "witness", "down although nobody else has answered" },
	[WATCH_FIRST] = { "first", "the first round is over and not all were asked, or not over" },
	[WATCH_RISE] = { "rise", "up with fewer than `rise` answers" },
	[WATCH_QUORUM] = { "quorum", "the set that a quorum holds is not current" },
	[WATCH_ORIGIN] = { "origin", "the current set is neither the origin's nor the operator's" },
	[WATCH_AHEAD] = { "ahead", "a newer set is stale" },
	[WATCH_SEED] = { "seed", "stale because of a seed that is not handed out" },
	[WATCH_DIGEST] = { "digest", "a wrong object is up" },
	[WATCH_DRAINED] = { "drained", "drained before the last TTL has run out" },
	[WATCH_THAWS] = { "thaws", "a good round does not end what is held" },
	[WATCH_ROUND_ENDS] = { "round-ends", "a whole round does not end late or clock" },
	[WATCH_FALLS] = { "falls", "alone failing and still not down" },
	[WATCH_DECIDES] = { "decides", "all that can be checked fail, and nothing is decided" },
	[WATCH_LOWERS] = { "lowers", "all caches here are down and it still serves" },
	[WATCH_RISES] = { "rises", "all answer and one is still not up" },
	[WATCH_SERVES] = { "serves", "all is well and it never serves again" },
	[WATCH_RELOAD] = { "reload", "a reload changes a state, a set or the route" },
};

/* What was before the word. */
struct facts {
	enum health_state alive[SIM_TARGETS];
	enum health_state state[SIM_SERVERS];
	enum judge_freeze freeze;
	enum judge_scope doubted[4];	/* by group */
	bool prober;
	enum health_posture posture;
	struct verdict_message word;
	char current[4];
};

static void
note_facts(const struct sim *s, struct facts *f)
{
	const struct judge *j = s->judge;

	for (size_t i = 0; i < j->n_targets; i++)
		f->alive[i] = j->targets[i].alive;
	for (size_t i = 0; i < s->conf->n_servers; i++)
		f->state[i] = j->servers[i].state;
	f->freeze = j->freeze;
	for (size_t i = 0; i < j->n_families; i++)
		f->doubted[i] = j->family[i].doubted;
	f->prober = s->alive;
	f->posture = s->posture.now;
	memcpy(f->current, j->pools[0].current.id, sizeof(f->current));
}

/* Was this target held? */
static bool
was_frozen(const struct sim *s, const struct facts *was, size_t target)
{
	const struct judge_target *t = &s->judge->targets[target];
	enum judge_scope doubted = was->doubted[t->group];

	if (was->freeze == FREEZE_UPLINK)
		return doubted == SCOPE_ALL || (doubted == SCOPE_REMOTE && t->remote);
	return was->freeze != FREEZE_NONE;
}

/* Did counting begin anew with this word? */
static bool
began_anew(const struct sim *s, const struct facts *was)
{
	for (size_t f = 0; f < s->judge->n_families; f++)
		if (was->doubted[f] != SCOPE_NONE && s->judge->family[f].doubted == SCOPE_NONE)
			return true;
	return s->judge->freeze != was->freeze;
}

/* ---- books ---- */

static bool
in_force(const struct watch_word *w)
{
	return w->kind != OVERRIDE_NONE;
}

static bool
lowers(const struct watch_word *w)
{
	return w->kind == OVERRIDE_DRAIN || w->kind == OVERRIDE_FORCE_DOWN;
}

static void
end_words(const struct sim *s, struct watch_books *b)
{
	for (unsigned i = 0; i < SIM_SERVERS + SIM_SITES; i++) {
		struct watch_word *w = i < SIM_SERVERS ? &b->servers[i] :
		    &b->sites[i - SIM_SERVERS];
		bool here = i < SIM_SERVERS ? i < s->conf->n_servers &&
		    s->judge->servers[i].local : i == SIM_SERVERS;

		if (in_force(w) && w->until_ms != 0 && s->true_ms >= w->until_ms)
			memset(w, 0, sizeof(*w));
		else if (b->plans[i] == 0 || s->true_ms < b->plans[i])
			continue;
		if (b->plans[i] != 0 && s->true_ms >= b->plans[i]) {
			*w = (struct watch_word){ .kind = OVERRIDE_DRAIN, .said_ms = w->kind ==
			    OVERRIDE_DRAIN ? w->said_ms : b->plans[i] };
			b->plans[i] = 0;
		}
		b->said |= here;
		b->pardon |= here;
	}
}

static void
count_anew(struct watch_books *b)
{
	for (unsigned i = 0; i < SIM_TARGETS; i++) {
		b->targets[i].good = b->targets[i].bad = 0;
		b->targets[i].row = 0;
	}
}

static void
book_set(const struct sim *s, struct watch_books *b, struct watch_target *t, const char *set)
{
	unsigned which = (unsigned)(set[0] - 'A');
	bool held = false;

	if (which > 3 || s->world->quorum == 0)
		return;
	for (unsigned i = 0; i < SIM_TARGETS; i++)
		held |= b->targets[i].set[0] == set[0];
	/* what all have left is forgotten, but not before all have spoken */
	if (!held && (s->judge->first_round_over || !b->seen[which]) &&
	    s->judge->pools[0].current.id[0] != set[0])
		b->age[which] = remember_worth(s->judge) ? ++b->newest : 0;
	b->seen[which] = true;
	memcpy(t->set, set, sizeof(t->set));
}

static void
book_result(const struct sim *s, struct watch_books *b, const struct sim_word *w, bool frozen,
    bool thawed)
{
	struct watch_target *t = &b->targets[w->index];

	t->last = w->sign;
	if (w->sign == '?')
		return;
	t->asked = true;
	t->failing = w->sign == '-';
	if (w->sign == '+') {
		if (thawed)
			count_anew(b);
		t->good++;
		t->row++;
		t->bad = 0;
		t->guilty &= t->row < s->world->rise;
		t->answered = true;
		t->good_ms = s->true_ms;
		return;
	}
	t->good = t->row = 0;
	t->guilty = true;
	if (frozen)
		return;
	if (t->bad++ == 0)
		t->first_bad_ms = s->true_ms;
}

static void
book_word(const struct sim *s, struct watch_books *b, const struct sim_word *w)
{
	bool site = w->op == SIM_SITE_WORD;
	struct watch_word *to = site ? &b->sites[w->index] : &b->servers[w->index];
	bool here = site ? w->index == 0 : s->judge->servers[w->index].local;

	if (!s->alive)
		return;
	if (w->planned || w->kind == OVERRIDE_NONE)
		b->plans[site ? SIM_SERVERS + w->index : w->index] = w->planned ?
		    s->true_ms + w->ms : 0;
	if (w->planned)
		return;
	/* a drain that is said again goes on */
	*to = (struct watch_word){ .kind = w->kind,
	    .said_ms = to->kind == OVERRIDE_DRAIN && w->kind == OVERRIDE_DRAIN ? to->said_ms :
	    s->true_ms,
	    .until_ms = w->ms != 0 ? s->true_ms + w->ms : 0 };
	b->said |= here;
	b->pardon |= here;
}

/* The longest TTL that is out, in milliseconds from now. */
static uint64_t
ttl_ms(const struct sim *s, const struct watch_books *b)
{
	uint32_t most = 0;

	if (!b->ttl_known[0])
		return s->conf->ttl_max_s * 1000u;
	for (unsigned i = 0; i < SIM_SITES; i++)
		most = b->ttl_known[i] && b->ttl_s[i] > most ? b->ttl_s[i] : most;
	return most * 1000u;
}

static void
book_ttl(const struct sim *s, struct watch_books *b, const struct sim_word *w)
{
	/* what is taken out is no longer handed out */
	uint64_t over = (b->drain_ms != 0 ? b->drain_ms : s->true_ms) + ttl_ms(s, b);

	if (b->ttl_known[0] && over > b->ttl_over_ms)
		b->ttl_over_ms = over;
	b->ttl_known[w->index] = true;
	b->ttl_s[w->index] = (uint32_t)w->ms;
}

static void
book_new_prober(struct watch_books *b)
{
	for (unsigned i = 0; i < SIM_TARGETS; i++) {
		b->targets[i].good = b->targets[i].bad = 0;
		b->targets[i].asked = b->targets[i].failing = false;
		b->targets[i].last = '\0';
	}
}

static double
suppress_of(const struct sim *s)
{
	return s->world->suppress != 0 ? s->world->suppress : 2000;
}

static double
penalty_of(const struct watch_books *b, uint64_t now_ms)
{
	return b->penalty * exp2(-(double)(now_ms - b->penalty_ms) / half_life);
}

static void
charge(const struct sim *s, struct watch_books *b, double cost)
{
	b->penalty = fmin(penalty_of(b, s->true_ms) + cost, 2 * suppress_of(s));
	b->penalty_ms = s->true_ms;
}

/* The route went, and nobody meant it. */
static void
book_lost(const struct sim *s, struct watch_books *b)
{
	charge(s, b, withdrawal);
	b->lowered_ms = s->true_ms;
	b->not_health = true;
	b->pardon = false;
	b->flaps++;
	b->flap_ms = s->true_ms;
}

/* healthd begins anew: longer away than the lease, the route went. */
static void
book_new_keeper(const struct sim *s, struct watch_books *b, const struct sim_word *w,
    const struct facts *was)
{
	book_new_prober(b);
	if (w->op == SIM_RESTART && was->posture != POSTURE_DOWN)
		return;
	for (unsigned i = 0; i < SIM_TARGETS; i++)
		b->targets[i].answered = false;
	b->not_health = true;		/* nothing was lowered by it yet */
	if (w->op == SIM_REBOOT) {
		b->penalty = 0;
		b->flaps = 0;
	}
	if (w->op != SIM_GONE || was->posture == POSTURE_DOWN)
		return;
	book_lost(s, b);
	b->flaps -= lowers(&b->sites[0]);
}

static void
book(const struct sim *s, struct watch_books *b, const struct sim_word *w, const struct facts *was)
{
	switch (w->op) {
	case SIM_RESULT:
		if (was->prober)
			book_result(s, b, w, was_frozen(s, was, w->index),
			    was->freeze != FREEZE_NONE && began_anew(s, was));
		break;
	case SIM_DIGEST:
		b->targets[w->index].wrong = was->prober ? w->sign == '-' :
		    b->targets[w->index].wrong;
		break;
	case SIM_ORIGIN:
		if (was->prober && strcmp(b->origin, w->set) != 0) {
			b->notified_ms = 0;
			memcpy(b->origin, w->set, sizeof(b->origin));
		}
		break;
	case SIM_NOTIFY:
		b->notified_ms = was->prober ? s->true_ms : b->notified_ms;
		break;
	case SIM_SERVER_WORD:
	case SIM_SITE_WORD:
		book_word(s, b, w);
		break;
	case SIM_SIBLING:
		b->drained[w->index] = was->prober ? w->sign == '+' : b->drained[w->index];
		b->sibling_ms = was->prober ? s->true_ms : b->sibling_ms;
		break;
	case SIM_STALL:
		if (was->posture != POSTURE_DOWN)
			book_lost(s, b);
		break;
	case SIM_TTL:
		if (was->prober)
			book_ttl(s, b, w);
		break;
	case SIM_START:
	case SIM_RELOAD:
		if (w->op == SIM_RELOAD || !was->prober)
			book_new_prober(b);
		break;
	case SIM_RESTART:
	case SIM_GONE:
	case SIM_REBOOT:
		book_new_keeper(s, b, w, was);
		break;
	default:
		break;
	}
}

/* ---- the judge ---- */

static enum watch_rule
check_frozen(const struct sim *s, const struct sim_word *w, const struct facts *was)
{
	const struct judge *j = s->judge;

	for (size_t i = 0; i < j->n_targets; i++)
		if (!began_anew(s, was) && was_frozen(s, was, i) &&
		    j->targets[i].alive != was->alive[i])
			return WATCH_FROZEN;
	if (w->op == SIM_RESULT && w->sign == '+' && was_frozen(s, was, w->index) &&
	    !began_anew(s, was))
		return WATCH_THAW;
	if (j->first_round_over && j->freeze != FREEZE_NONE && j->freeze != FREEZE_UPLINK &&
	    j->servers[0].local && s->word.verdict != VERDICT_HOLD)
		return WATCH_HOLD;
	return WATCH_FINE;
}

/* Among whom somebody must have answered: all, those of its family and check, or those of them
 * elsewhere. */
enum scope { ALL, FAMILY, ELSEWHERE };

static bool
in_scope(const struct sim *s, enum scope scope, size_t at, size_t other)
{
	const struct judge_target *t = &s->judge->targets[at], *o = &s->judge->targets[other];

	return scope == ALL || (o->group == t->group && (scope == FAMILY || o->remote));
}

/* Has anybody else answered who shows that this one's failures are its own? */
static bool
has_answer(const struct sim *s, const struct watch_books *b, const struct facts *was,
    enum scope scope, size_t at)
{
	uint64_t from = was->alive[at] == HEALTH_UNKNOWN ? 1 : b->targets[at].first_bad_ms;

	for (size_t i = 0; i < s->judge->n_targets; i++)
		if (i != at && in_scope(s, scope, at, i) && b->targets[i].good_ms >= from)
			return true;
	return scope == ELSEWHERE && b->sibling_ms >= from;
}

/* All of the scope fail: at how many sites is one of them, that was not down before, perhaps down
 * by no fault of its own?  SIM_SITES + 1 when not all do. */
static unsigned
sites_in_question(const struct sim *s, const struct watch_books *b, const struct facts *was,
    enum scope scope, size_t at)
{
	unsigned sites = 0, n = 0;

	for (size_t i = 0; i < s->judge->n_targets; i++) {
		const struct judge_target *t = &s->judge->targets[i];
		bool settled = t->alive == HEALTH_DOWN && (was->alive[i] != HEALTH_UP ||
		    has_answer(s, b, was, t->remote ? ELSEWHERE : ALL, i));

		if (!in_scope(s, scope, at, i))
			continue;
		if (b->targets[i].last != '-' && b->targets[i].last != '?')
			return SIM_SITES + 1;
		if (b->targets[i].failing && !settled)
			sites |= 1u << s->conf->servers[t->server].site;
	}
	for (; sites != 0; sites &= sites - 1)
		n++;
	return n;
}

static bool
is_witnessed(const struct sim *s, const struct watch_books *b, const struct facts *was, size_t at)
{
	const struct judge_target *t = &s->judge->targets[at];
	enum scope last = s->judge->family[t->group].n_remote == 0 ? ALL :
	    t->remote && was->alive[at] == HEALTH_UP ? ELSEWHERE : FAMILY;

	for (enum scope scope = ALL; scope <= last && s->judge->n_remote > 0; scope++)
		if (!has_answer(s, b, was, scope, at) &&
		    sites_in_question(s, b, was, scope, at) > 1)
			return false;
	return true;
}

/* The first round is over when all have been asked, and not before. */
static enum watch_rule
check_first_round(const struct sim *s, const struct watch_books *b)
{
	bool all = true;

	for (size_t i = 0; i < s->judge->n_targets; i++)
		all &= b->targets[i].last != '\0';
	return s->judge->first_round_over == all ? WATCH_FINE : WATCH_FIRST;
}

static enum watch_rule
check_thresholds(const struct sim *s, const struct watch_books *b, const struct facts *was)
{
	const struct judge *j = s->judge;

	for (size_t i = 0; i < j->n_targets; i++) {
		const struct watch_target *t = &b->targets[i];
		bool unknown = was->alive[i] == HEALTH_UNKNOWN;

		if (j->targets[i].alive == was->alive[i])
			continue;
		if (j->targets[i].alive == HEALTH_UP &&
		    t->good < (unknown ? 1 : s->world->rise))
			return WATCH_RISE;
		if (j->targets[i].alive != HEALTH_DOWN)
			continue;
		if (t->bad < (unknown ? 1 : s->world->fall))
			return WATCH_FALL;
		if (!is_witnessed(s, b, was, i))
			return WATCH_WITNESS;
	}
	return WATCH_FINE;
}

static enum health_state
state_by_word(const struct watch_word *w)
{
	return w->kind == OVERRIDE_DRAIN ? HEALTH_DRAIN : w->kind == OVERRIDE_FORCE_UP ?
	    HEALTH_UP : HEALTH_DOWN;
}

/* What a server's addresses say; STALE is a kind of UP here. */
static enum health_state
state_by_checks(const struct sim *s, size_t server)
{
	const struct judge_server *v = &s->judge->servers[server];
	enum health_state best = HEALTH_DOWN;

	for (unsigned f = 0; f < 2; f++) {
		unsigned up = 0, down = 0;

		for (unsigned k = 0; k < v->n_checks && v->target[f] >= 0; k++) {
			enum health_state alive = judge_target_of(s->judge, v, f, k)->alive;

			up += alive == HEALTH_UP;
			down += alive == HEALTH_DOWN;
		}
		if (v->target[f] < 0)
			continue;
		if (up == v->n_checks || (v->any && up > 0) || best == HEALTH_UP)
			best = HEALTH_UP;
		else if (v->any ? down < v->n_checks : down == 0)
			best = HEALTH_UNKNOWN;
	}
	return best;
}

static enum watch_rule
check_states(const struct sim *s, const struct watch_books *b)
{
	for (size_t i = 0; i < s->conf->n_servers; i++) {
		const struct judge_server *v = &s->judge->servers[i];
		const struct watch_word *w = in_force(&b->servers[i]) ? &b->servers[i] :
		    &b->sites[v->conf->site];
		enum health_state is = v->state == HEALTH_STALE ? HEALTH_UP : v->state;

		if (in_force(w) || (!v->local && b->drained[v->conf->site])) {
			if (v->state != (in_force(w) ? state_by_word(w) : HEALTH_DRAIN))
				return WATCH_WORD;
		} else if (is != state_by_checks(s, i)) {
			return WATCH_STATE;
		}
	}
	return WATCH_FINE;
}

/* ---- sets ---- */

static unsigned
holders(const struct sim *s, const struct watch_books *b, char set)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->judge->n_targets; i++)
		n += s->judge->targets[i].alive == HEALTH_UP && b->targets[i].set[0] == set;
	return n;
}

static bool
is_handed_out(const struct sim *s, const struct watch_books *b, size_t server)
{
	const struct watch_word *w = &b->servers[server];

	return s->judge->servers[server].state == HEALTH_UP && !lowers(w) &&
	    !b->targets[server].wrong;
}

/* Of the seed at this site, if it is another server: NULL = none. */
static const struct watch_target *
seed_of(const struct sim *s, const struct watch_books *b, size_t server)
{
	for (size_t i = 0; i < s->conf->n_servers; i++)
		if (s->conf->servers[i].seed && i != server && is_handed_out(s, b, i) &&
		    s->conf->servers[i].site == s->conf->servers[server].site)
			return &b->targets[i];
	return NULL;
}

/* Worlds with sets have one address a server, so that targets and servers are the same. */
static enum watch_rule
check_sets(const struct sim *s, const struct watch_books *b)
{
	char current = s->judge->pools[0].current.id[0];

	for (char set = 'A'; set <= 'D' && !s->world->origin && b->notified_ms == 0 &&
	    s->judge->first_round_over; set++)
		if (holders(s, b, set) >= s->world->quorum && current != set &&
		    s->world->quorum * 2 > s->conf->n_servers)
			return WATCH_QUORUM;
	for (size_t i = 0; i < s->conf->n_servers; i++) {
		const struct watch_target *t = &b->targets[i], *seed = seed_of(s, b, i);
		enum health_state state = s->judge->servers[i].state;

		if (t->wrong && state == HEALTH_UP && !in_force(&b->servers[i]) &&
		    !in_force(&b->sites[s->conf->servers[i].site]))
			return WATCH_DIGEST;
		if (state != HEALTH_STALE || t->wrong || seed != NULL || t->set[0] == '\0')
			continue;
		if (t->set[0] == current)
			return WATCH_SEED;
		if (!s->world->origin && current >= 'A' && current <= 'D' &&
		    b->age[t->set[0] - 'A'] > b->age[current - 'A'])
			return WATCH_AHEAD;
	}
	return WATCH_FINE;
}

static enum watch_rule
check_origin(const struct sim *s, const struct watch_books *b, const struct sim_word *w,
    const struct facts *was)
{
	bool stands = b->notified_ms != 0 && s->true_ms - b->notified_ms < NOTIFY_MS - 1000;
	const char *current = s->judge->pools[0].current.id;

	if (!s->world->origin)
		return WATCH_FINE;
	if (w->op == SIM_ORIGIN)
		return strcmp(current, stands ? was->current : w->set) == 0 ? WATCH_FINE :
		    WATCH_ORIGIN;
	if (w->op == SIM_NOTIFY)
		return strcmp(current, w->set) == 0 ? WATCH_FINE : WATCH_ORIGIN;
	return strcmp(current, was->current) == 0 ? WATCH_FINE : WATCH_ORIGIN;
}

/* ---- the route ---- */

static enum watch_rule
check_word_of_site(const struct sim *s, const struct watch_books *b, const struct sim_word *w)
{
	const struct watch_word *word = &b->sites[0];
	enum health_posture posture = s->posture.now;
	bool heard = s->posture.override != MESSAGE_OVERRIDE_NONE;

	if (heard != in_force(word))
		return WATCH_WORD_ENDS;
	if (word->kind == OVERRIDE_FORCE_DOWN && posture != POSTURE_DOWN)
		return WATCH_WORD_OBEYED;
	if (word->kind == OVERRIDE_DRAIN && posture > POSTURE_DRAINING)
		return WATCH_WORD_OBEYED;
	if (word->kind == OVERRIDE_FORCE_UP && w->op == SIM_SITE_WORD && w->index == 0 &&
	    s->dnsd == POSTURE_DNSD_ANSWERING && posture != POSTURE_SERVING)
		return WATCH_WORD_OBEYED;
	return WATCH_FINE;
}

static enum watch_rule
check_drained(const struct sim *s, struct watch_books *b, const struct facts *was)
{
	uint64_t need;

	for (size_t i = 0; i < s->conf->n_servers; i++)
		if (s->judge->servers[i].local && s->judge->servers[i].state == HEALTH_DRAIN &&
		    (was->state[i] == HEALTH_UP || was->state[i] == HEALTH_STALE))
			b->out_ms = s->true_ms;
	if (!message_is_draining(&s->word) && !message_is_drained(&s->word)) {
		b->drain_ms = 0;
		return WATCH_FINE;
	}
	if (b->drain_ms == 0)
		b->drain_ms = s->true_ms;
	if (b->sites[0].kind == OVERRIDE_DRAIN)
		b->drain_ms = b->sites[0].said_ms;
	need = (b->drain_ms > b->out_ms ? b->drain_ms : b->out_ms) + ttl_ms(s, b);
	need = (need > b->ttl_over_ms ? need : b->ttl_over_ms) + MARGIN_MS;
	return message_is_drained(&s->word) && s->true_ms + SLACK_MS < need ? WATCH_DRAINED :
	    WATCH_FINE;
}

struct servers_here {
	unsigned innocent, answered, need;
	unsigned drained;		/* innocent, but for the operator's drain */
	unsigned alive;			/* up for the judge, drained or not */
};

static struct servers_here
count_here(const struct sim *s, const struct watch_books *b)
{
	struct servers_here n = { 0, 0, 0, 0, 0 };

	for (size_t i = 0; i < s->conf->n_servers; i++) {
		const struct judge_server *v = &s->judge->servers[i];
		bool innocent = false, answered = false;

		if (!v->local)
			continue;
		n.need = s->conf->announce.min_healthy;
		for (unsigned f = 0; f < 2; f++) {
			unsigned good = 0, seen = 0;

			for (unsigned k = 0; k < v->n_checks && v->target[f] >= 0; k++) {
				good += !b->targets[(unsigned)v->target[f] + k].guilty;
				seen += b->targets[(unsigned)v->target[f] + k].answered;
			}
			innocent |= v->target[f] >= 0 && (v->any ? good > 0 : good == v->n_checks);
			answered |= v->target[f] >= 0 && (v->any ? seen > 0 : seen == v->n_checks);
		}
		n.innocent += b->servers[i].kind == OVERRIDE_FORCE_UP ||
		    (innocent && !in_force(&b->servers[i]));
		n.answered += b->servers[i].kind == OVERRIDE_FORCE_UP || answered;
		n.drained += b->servers[i].kind == OVERRIDE_DRAIN && innocent;
		n.alive += b->servers[i].kind == OVERRIDE_FORCE_UP ||
		    (b->servers[i].kind != OVERRIDE_FORCE_DOWN &&
		    state_by_checks(s, i) == HEALTH_UP);
	}
	return n;
}

static uint64_t
hold_ms(const struct sim *s, unsigned flaps)
{
	uint64_t ms = s->posture.rules.hold_down_ms, most = (uint64_t)half_life;

	for (unsigned i = 1; i < flaps && ms < most; i++)
		ms *= 2;
	return flaps == 0 ? 0 : ms < most ? ms : most;
}

static enum watch_rule
check_raised(const struct sim *s, struct watch_books *b, const struct facts *was)
{
	struct servers_here n = count_here(s, b);
	bool pardon = b->pardon;

	if (was->posture == POSTURE_DRAINING && !pardon)
		charge(s, b, attributes);
	b->pardon = false;
	if (b->sites[0].kind != OVERRIDE_FORCE_UP && n.answered < n.need)
		return WATCH_UNPROVEN;
	if (!b->not_health && !b->said && !in_force(&b->sites[0]) && n.need > 0 &&
	    s->word.verdict == VERDICT_HOLD)
		return WATCH_RAISED_IN_HOLD;
	if (pardon)
		return WATCH_FINE;
	if (penalty_of(b, s->true_ms) + withdrawal > suppress_of(s) + 1)
		return WATCH_BUDGET;
	return s->true_ms - b->lowered_ms + SLACK_MS < hold_ms(s, b->flaps) ? WATCH_HOLD_DOWN :
	    WATCH_FINE;
}

static enum watch_rule
check_lowered(const struct sim *s, struct watch_books *b)
{
	bool failed = s->dnsd == POSTURE_DNSD_FAILED;
	bool planned = !failed && (lowers(&b->sites[0]) || b->said ||
	    (s->posture.now == POSTURE_DOWN && message_is_drained(&s->word)));
	struct servers_here n = count_here(s, b);

	if (s->posture.now == POSTURE_DOWN)
		charge(s, b, withdrawal);
	else if (!planned)
		charge(s, b, attributes);
	b->not_health = failed || planned || s->tcp_dead;
	b->pardon = b->said;
	b->lowered_ms = s->true_ms;
	if (!planned) {
		b->flaps++;
		b->flap_ms = s->true_ms;
	}
	if (!failed && !planned && !s->tcp_dead && n.innocent >= n.need)
		return WATCH_LOWERED;
	return !failed && !lowers(&b->sites[0]) && s->posture.now == POSTURE_DOWN &&
	    n.drained > 0 && n.innocent + n.drained >= n.need && !message_is_drained(&s->word) ?
	    WATCH_WITHDRAWN : WATCH_FINE;
}

static enum watch_rule
check_route(const struct sim *s, struct watch_books *b, const struct facts *was)
{
	enum watch_rule broken = WATCH_FINE;

	if (b->flaps > 0 && s->true_ms - b->flap_ms >= (uint64_t)(CALM * half_life))
		b->flaps = 0;
	if (s->dnsd == POSTURE_DNSD_FAILED && s->posture.now != POSTURE_DOWN)
		return WATCH_DNSD_FAILED;
	if (s->alive && (s->word.verdict == VERDICT_DRAIN || s->word.verdict == VERDICT_DRAINED) &&
	    count_here(s, b).alive < count_here(s, b).need)
		return WATCH_DRAINS;
	if (s->posture.now > was->posture)
		broken = check_raised(s, b, was);
	else if (s->posture.now < was->posture)
		broken = check_lowered(s, b);
	if (broken == WATCH_FINE &&
	    posture_penalty(&s->posture, s->now.mono_ms) < penalty_of(b, s->true_ms) * 0.999 - 1)
		return WATCH_PENALTY;
	return broken;
}

/* ---- a word ---- */

static enum watch_rule
check_judge(const struct sim *s, struct watch_books *b, const struct sim_word *w,
    const struct facts *was)
{
	enum watch_rule broken = WATCH_FINE;

	if (was->prober && w->op != SIM_RELOAD && w->op < SIM_RESTART)
		broken = check_frozen(s, w, was);
	if (broken == WATCH_FINE && was->prober && w->op < SIM_RELOAD)
		broken = check_thresholds(s, b, was);
	if (broken == WATCH_FINE)
		broken = check_first_round(s, b);
	if (broken == WATCH_FINE)
		broken = check_states(s, b);
	if (broken == WATCH_FINE && s->world->quorum != 0)
		broken = check_sets(s, b);
	if (broken == WATCH_FINE && s->world->quorum != 0)
		broken = check_origin(s, b, w, was);
	if (broken == WATCH_FINE)
		broken = check_word_of_site(s, b, w);
	if (broken == WATCH_FINE)
		broken = check_drained(s, b, was);
	return broken;
}

enum watch_rule
watch_step(struct sim *s, struct watch_books *b, const struct sim_word *w)
{
	enum watch_rule broken = WATCH_FINE;
	struct facts was;
	bool disturbed;

	note_facts(s, &was);
	s->lost = false;
	if (w->op == SIM_RESULT && s->alive && w->set[0] != '\0')
		book_set(s, b, &b->targets[w->index], w->set);
	sim_step(s, w);
	b->said = false;
	book(s, b, w, &was);
	if (w->op == SIM_GONE || w->op == SIM_REBOOT || w->op == SIM_STALL)
		was.posture = POSTURE_DOWN;	/* it went by itself */
	end_words(s, b);
	if (s->lost)			/* then it handed out what was drained until now */
		b->out_ms = s->true_ms;
	if (s->alive)
		broken = check_judge(s, b, w, &was);
	if (broken == WATCH_FINE)
		broken = check_route(s, b, &was);
	disturbed = w->op == SIM_LATE || w->op == SIM_CLOCK;
	if (s->alive && was.prober && (disturbed || (began_anew(s, &was) &&
	    !(w->op == SIM_RESULT && w->sign == '+' && was.freeze != FREEZE_NONE))))
		count_anew(b);
	return broken;
}

uint64_t
watch_hash(const struct sim *s, const struct watch_books *books)
{
	struct watch_books b = *books;
	uint64_t times[SIM_TARGETS * 2 + SIM_SERVERS + SIM_SITES + 8];
	double penalty = penalty_of(&b, s->true_ms);
	size_t n = 0;

	for (unsigned i = 0; i < SIM_TARGETS; i++) {
		struct watch_target *t = &b.targets[i];

		times[n++] = t->bad > 0 ? t->first_bad_ms : 0;
		times[n++] = t->good_ms;
		t->good = t->good < s->world->rise ? t->good : s->world->rise;
		t->row = t->row < s->world->rise ? t->row : s->world->rise;
		t->bad = t->bad < s->world->fall ? t->bad : s->world->fall;
		t->first_bad_ms = t->good_ms = 0;
	}
	for (unsigned i = 0; i < SIM_SERVERS; i++) {
		times[n++] = b.servers[i].said_ms;
		b.servers[i].said_ms = b.servers[i].until_ms = 0;
	}
	for (unsigned i = 0; i < SIM_SITES; i++) {
		times[n++] = b.sites[i].said_ms;
		b.sites[i].said_ms = b.sites[i].until_ms = 0;
	}
	for (unsigned i = 0; i < SIM_SERVERS + SIM_SITES; i++)
		b.plans[i] = b.plans[i] != 0 ? 1 + (b.plans[i] - s->true_ms) / 250 : 0;
	times[n++] = b.sibling_ms;
	b.flap_ms = b.flaps > 0 ? (s->true_ms - b.flap_ms) / 300000 : 0;
	b.flaps = b.flaps < 9 ? b.flaps : 9;
	b.lowered_ms = b.flaps > 0 ? (s->true_ms - b.lowered_ms) / 1000 : 0;
	b.lowered_ms = b.lowered_ms < 30 ? b.lowered_ms : 30;
	b.drain_ms = b.drain_ms != 0 ? (s->true_ms - b.drain_ms) / 1000 : 0;
	b.drain_ms = b.drain_ms < SIM_TTL_S + 5 ? b.drain_ms : SIM_TTL_S + 5;
	b.out_ms = b.out_ms != 0 ? (s->true_ms - b.out_ms) / 1000 : 0;
	b.out_ms = b.out_ms < SIM_TTL_S + 5 ? b.out_ms : SIM_TTL_S + 5;
	b.ttl_over_ms = b.ttl_over_ms > s->true_ms ? 1 + (b.ttl_over_ms - s->true_ms) / 1000 : 0;
	b.notified_ms = b.notified_ms != 0;
	b.sibling_ms = b.penalty_ms = 0;
	b.penalty = penalty < 10 ? 0 : floor(log2(penalty) * 8);
	return sim_hash(s, times, n, &b, sizeof(b));
}
