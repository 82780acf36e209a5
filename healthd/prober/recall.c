#include "healthd/prober/recall.h"

#include <string.h>

/* A time of the wall clock on the monotonic one; never before its beginning. */
static uint64_t
mono_of(double wall, struct judge_time now)
{
	double ms = (double)now.mono_ms + (wall - now.wall) * 1000;

	return ms < 1 ? 1 : (uint64_t)ms;
}

static void
recall_override(struct judge *judge, const struct state_item *item, struct judge_time now)
{
	bool site = item->kind == STATE_OVERRIDE_SITE;
	uint16_t index = site ? conf_find_site(judge->conf, item->name) :
	    conf_find_server(judge->conf, item->name);
	struct judge_override w = { .kind = item->override, .at = item->at, .until = item->until,
	    .id = item->id != 0 ? item->id : (uint64_t)(item->at * 1000 + 0.5) };

	if (index == CONF_NONE || (item->until != 0 && item->until <= now.wall))
		return;
	memcpy(w.by, item->by, sizeof(w.by));
	memcpy(w.reason, item->reason, sizeof(w.reason));
	/* a plan whose time came while nobody was there to tell dnsd begins now, and so does a
	 * drain that dnsd had lost meanwhile */
	if (item->planned ? item->at < now.wall :
	    item->override == OVERRIDE_DRAIN && judge->unpublished_ms != 0)
		w.at = now.wall;
	w.at_ms = mono_of(w.at, now);
	/* the clock may have been wrong then, or be wrong now: one in force begins at once, and
	 * none is for longer than was said */
	if (!item->planned && w.at_ms > now.mono_ms)
		w.at_ms = now.mono_ms;
	if (item->until != 0) {
		double left = item->until - now.wall, whole = item->until - item->at;

		w.until_ms = item->planned && item->at > now.wall ?
		    mono_of(item->until, now) + 1 :
		    now.mono_ms + (uint64_t)((left < whole ? left : whole) * 1000) + 1;
	}
	judge_step(judge, &(struct judge_event){ .kind = site ? JUDGE_OVERRIDE_SITE :
	    JUDGE_OVERRIDE_SERVER, .index = index, .override = &w }, now);
}

/* The target of this address and check; -1 = there is none any more. */
static int32_t
find_target(const struct judge *judge, const struct judge_server *s, const struct state_item *item)
{
	unsigned f = item->family == 6;

	if (s->target[f] < 0 || item->check[0] == '\0')
		return s->target[f];
	for (unsigned k = 0; k < s->n_checks; k++)
		if (strcmp(judge_target_of(judge, s, f, k)->check->name, item->check) == 0)
			return s->target[f] + (int32_t)k;
	return -1;
}

static void
recall_target(struct judge *judge, const struct state_item *item, struct judge_time now)
{
	uint16_t server = conf_find_server(judge->conf, item->name);
	struct judge_memory m = { .state = item->state, .since = item->since,
	    .set = item->set[0] != '\0' ? item->set : NULL, 
	    .bad_digest = item->bad_digest ? item->reason : NULL };
	int32_t target;

	if (server == CONF_NONE || item->stamp < now.wall - STATE_MEMORY_S ||
	    item->stamp > now.wall + STATE_MEMORY_S)
		return;
	target = find_target(judge, &judge->servers[server], item);
	if (target >= 0)
		judge_step(judge, &(struct judge_event){ .kind = JUDGE_REMEMBER,
		    .index = (uint32_t)target, .memory = &m }, now);
}

static void
recall_pool(struct judge *judge, const struct state_item *item, struct judge_time now)
{
	uint16_t pool = conf_find_pool(judge->conf, item->name);
	const struct judge_pool_memory m = { .current = item->set, .held = item->held,
	    .origin = item->origin[0] != '\0' ? item->origin : NULL,
	    .asked_order = item->order, .notified = item->at };

	if (pool != CONF_NONE)
		judge_step(judge, &(struct judge_event){ .kind = JUDGE_REMEMBER_POOL,
		    .index = pool, .pool_memory = &m }, now);
}

void
recall_item(struct judge *judge, const struct state_item *item, struct judge_time now)
{
	uint16_t index;

	switch (item->kind) {
	case STATE_OVERRIDE_SERVER:
	case STATE_OVERRIDE_SITE:
		recall_override(judge, item, now);
		break;
	case STATE_TARGET:
		recall_target(judge, item, now);
		break;
	case STATE_SET:
		index = conf_find_pool(judge->conf, item->name);
		if (index != CONF_NONE)
			judge_step(judge, &(struct judge_event){ .kind = JUDGE_REMEMBER_SET,
			    .index = index, .set = item->set, .order = item->order }, now);
		break;
	case STATE_POOL:
		recall_pool(judge, item, now);
		break;
	case STATE_WARMTH:
		index = conf_find_server(judge->conf, item->name);
		if (index != CONF_NONE && item->since <= now.wall)
			judge_step(judge, &(struct judge_event){ .kind = JUDGE_REMEMBER_WARMTH,
			    .index = index,
			    .since_ms = (uint64_t)((now.wall - item->since) * 1000) }, now);
		break;
	case STATE_SIBLING:
		index = conf_find_site(judge->conf, item->name);
		if (index != CONF_NONE)
			judge_step(judge, &(struct judge_event){ .kind = JUDGE_REMEMBER_SITE,
			    .index = index, .drain = item->drain, .ttl_s = item->ttl_s }, now);
	}
}
