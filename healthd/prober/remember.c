#include "healthd/prober/remember.h"

#include <stdio.h>
#include <string.h>

#include "healthd/prober/state.h"

enum {
	SETTLE_MS = 1000,		/* changes of state are collected for so long */
	REFRESH_MS = 30000,		/* how old the stamp may become */
	RETRY_MS = 2000
};

static void
recall_override(struct core *core, const struct state_item *item)
{
	bool site = item->kind == STATE_OVERRIDE_SITE;
	uint16_t index = site ? conf_find_site(core->conf, item->name) :
	    conf_find_server(core->conf, item->name);
	struct judge_time now = core_now(core);
	struct judge_override w = { .kind = item->override, .at = item->at, .until = item->until };
	double age = now.wall - item->at;

	if (index == CONF_NONE || (item->until != 0 && item->until <= now.wall))
		return;
	memcpy(w.by, item->by, sizeof(w.by));
	/* the clock may have been wrong then, or be wrong now: never longer than was said */
	if (item->until != 0) {
		double left = item->until - now.wall, whole = item->until - item->at;
		w.until_ms = now.mono_ms + (uint64_t)((left < whole ? left : whole) * 1000) + 1;
	}
	w.at_ms = age > 0 && age * 1000 < (double)now.mono_ms ? now.mono_ms -
	    (uint64_t)(age * 1000) :
	    age > 0 ? 1 : now.mono_ms;
	core_step(core, &(struct judge_event){ .kind = site ? JUDGE_OVERRIDE_SITE :
	    JUDGE_OVERRIDE_SERVER,
	    .index = index, .override = &w });
}

static void
recall_target(struct core *core, const struct state_item *item)
{
	uint16_t server = conf_find_server(core->conf, item->name);
	struct judge_memory m = { .state = item->state, .since = item->since,
	    .set = item->set[0] != '\0' ? item->set : NULL };
	struct judge_time now = core_now(core);
	int32_t target;

	if (server == CONF_NONE || item->stamp < now.wall - STATE_MEMORY_S ||
	    item->stamp > now.wall + STATE_MEMORY_S)
		return;
	target = core->judge->servers[server].target[item->family == 6];
	if (target >= 0)
		core_step(core, &(struct judge_event){ .kind = JUDGE_REMEMBER,
		    .index = (uint32_t)target,
		    .memory = &m });
}

static void
recall(void *arg, const struct state_item *item)
{
	struct core *core = arg;
	uint16_t pool;

	switch (item->kind) {
	case STATE_OVERRIDE_SERVER:
	case STATE_OVERRIDE_SITE:
		recall_override(core, item);
		break;
	case STATE_TARGET:
		recall_target(core, item);
		break;
	case STATE_POOL:
		pool = conf_find_pool(core->conf, item->name);
		if (pool != CONF_NONE)
			core_step(core, &(struct judge_event){ .kind = JUDGE_REMEMBER_SET,
			    .index = pool,
			    .set = item->set });
	}
}

void
remember_open(struct remember *r, struct core *core)
{
	struct judge *judge = core->judge;
	struct err err;

	r->core = core;
	snprintf(r->path, sizeof(r->path), "%s/healthd.state", core->conf->state_dir);
	state_read(r->path, recall, core, &err);
	if (err.text[0] != '\0')
		alarm_raise(&core->alarms, ALARM_MEMORY, ALARM_PASSING_MS, "%s", err.text);
	while (judge_take_change(judge) >= 0)
		;			/* what is remembered is no news */
	r->changes = judge->changes;
	r->due_ms = loop_now(core->loop) + REFRESH_MS;
}

int
remember_save(struct remember *r, struct err *err)
{
	uint64_t now_ms = loop_now(r->core->loop);

	if (state_write(r->path, r->core->judge, core_now(r->core).wall,
	    r->written != r->overrides, err) < 0) {
		alarm_raise(&r->core->alarms, ALARM_STATE, 0,
		    "what is known would not survive a restart: %s", err->text);
		r->retry_ms = now_ms + RETRY_MS;
		return -1;
	}
	alarm_over(&r->core->alarms, ALARM_STATE);
	r->changes = r->core->judge->changes;
	r->written = r->overrides;
	r->due_ms = now_ms + REFRESH_MS;
	return 0;
}

int
remember_override(struct remember *r, struct err *err)
{
	r->overrides++;
	return remember_save(r, err);
}

void
remember_turn(struct remember *r)
{
	const struct judge *judge = r->core->judge;
	uint64_t now_ms = loop_now(r->core->loop);
	struct err err;

	if (r->changes != judge->changes && r->due_ms > now_ms + SETTLE_MS)
		r->due_ms = now_ms + SETTLE_MS;
	if (now_ms < r->retry_ms)
		return;
	if (r->written != r->overrides || (now_ms >= r->due_ms && judge->first_round_over))
		remember_save(r, &err);
}
