/*
 * Why a server of the client's sites is not in the answer, in a few words.
 *
 * What is said must hold for what steer_choice.c has done: a better rung anywhere comes before
 * a worse one near, so that "nearer" is said only between sites that are on the rung that answers;
 * else it is the server's state, or its site's weight.
 *
 * Runs for explanations only (steer_why.c), in the thread that picks.
 */
#include <stdio.h>
#include <string.h>

#include "dnsd/steer/steer_inner.h"

static const char *
class_reason(const struct steer_candidate *c)
{
	switch ((enum steer_class)c->class) {
	case CLASS_STALE: return "its content is stale";
	case CLASS_SPENT: return "it has no load to spare";
	case CLASS_DOWN: return "it is down";
	case CLASS_DRAIN: return "it drains";
	default: return "";
	}
}

/* Another server has given the same address. */
static bool
is_twin(const struct steer_trace *t, const struct steer_candidate *c)
{
	for (unsigned i = 0; i < t->answer->n; i++)
		if (memcmp(t->answer->ip[i], c->ip, addr_len(t->family)) == 0)
			return true;
	return false;
}

/* Whether the worst that is given is no better than this: then only the distance tells. */
static bool
is_as_good(const struct steer_trace *t, const struct steer_candidate *c)
{
	const struct steer_choice *choice = t->choice;

	return c->class == CLASS_CURRENT || (choice->rung >= RUNG_FEW_STALE && choice->n != 0 &&
	    c->class <= t->name->steer->candidates[choice->first + choice->n - 1].class);
}

/* Of a server that would do. */
static void
say_of_site(const struct steer_trace *t, uint16_t site, char text[STEER_WHY_NOT])
{
	const struct steer_choice *choice = t->choice;
	const struct conf *conf = t->name->steer->conf;
	const struct steer_group *g = steer_group_of(t->name->pool, steer_family_index(t->family),
	    choice->set, site);
	bool stale = choice->rung == RUNG_STALE;
	uint32_t weight = g->current_weight + (stale ? g->stale_weight : 0),
	    least = conf->pools[t->name->pool_index].min_weight;

	if (choice->rung <= RUNG_STALE && weight < least)
		snprintf(text, STEER_WHY_NOT, "healthy weight of %s is %u%s, min-weight %u",
		    conf->sites[site].name, weight, stale ? " with stale servers" : "", least);
	else if (choice->site != CONF_NONE)
		snprintf(text, STEER_WHY_NOT, "%s is nearer", conf->sites[choice->site].name);
}

const char *
steer_why_not(const struct steer_trace *t, const struct steer_candidate *c, unsigned rank,
    char text[STEER_WHY_NOT])
{
	const struct steer_choice *choice = t->choice;
	uint16_t site = t->name->steer->conf->servers[c->server].site;

	text[0] = '\0';
	if (site == choice->site && rank < choice->n && is_twin(t, c))
		snprintf(text, STEER_WHY_NOT, "its address is given already");
	else if (site == choice->site && rank < choice->n)
		snprintf(text, STEER_WHY_NOT, "rank %u of %u, %u answered", rank + 1, choice->n,
		    t->answer->n);
	else if (!is_as_good(t, c))
		snprintf(text, STEER_WHY_NOT, "%s", class_reason(c));
	else
		say_of_site(t, site, text);
	return text;
}
