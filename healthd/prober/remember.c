#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "healthd/prober/prober_inner.h"
#include "healthd/prober/state.h"

enum {
	SETTLE_MS = 1000,		/* changes of state are collected for so long */
	REFRESH_MS = 30000,		/* how old the stamp may become */
	RETRY_MS = 2000
};

static void
take_override(struct prober *p, const struct state_item *item)
{
	bool site = item->kind == STATE_WORD_SITE;
	uint16_t index = site ? conf_find_site(p->conf, item->name) : conf_find_server(p->conf, item->name);
	struct judge_time now = prober_now(p);
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
	w.at_ms = age > 0 && age * 1000 < (double)now.mono_ms ? now.mono_ms - (uint64_t)(age * 1000) :
	    age > 0 ? 1 : now.mono_ms;
	judge_step(p->judge, &(struct judge_event){ .kind = site ? JUDGE_OVERRIDE_SITE : JUDGE_OVERRIDE_SERVER,
	    .index = index, .override = &w }, now);
}

static void
take_target(struct prober *p, const struct state_item *item)
{
	uint16_t server = conf_find_server(p->conf, item->name);
	struct judge_memory m = { .state = item->state, .since = item->since,
	    .set = item->set[0] != '\0' ? item->set : NULL };
	struct judge_time now = prober_now(p);
	int32_t target;

	if (server == CONF_NONE || item->stamp < now.wall - STATE_MEMORY_S || item->stamp > now.wall + STATE_MEMORY_S)
		return;
	target = p->judge->servers[server].target[item->family == 6];
	if (target >= 0)
		judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_REMEMBER, .index = (uint32_t)target,
		    .memory = &m }, now);
}

static void
take(void *arg, const struct state_item *item)
{
	struct prober *p = arg;
	uint16_t pool;

	switch (item->kind) {
	case STATE_WORD_SERVER:
	case STATE_WORD_SITE:
		take_override(p, item);
		break;
	case STATE_TARGET:
		take_target(p, item);
		break;
	case STATE_POOL:
		pool = conf_find_pool(p->conf, item->name);
		if (pool != CONF_NONE)
			judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_REMEMBER_SET, .index = pool,
			    .set = item->set }, prober_now(p));
	}
}

void
memory_open(struct prober *p)
{
	struct err err;

	snprintf(p->memory.path, sizeof(p->memory.path), "%s/healthd.state", p->conf->state_dir);
	state_read(p->memory.path, take, p, &err);
	if (err.text[0] != '\0')
		prober_alarm(p, ALARM_MEMORY, PROBER_ALARM_MS, "%s", err.text);
	while (judge_take_change(p->judge) >= 0)
		;			/* what is remembered is no news */
	p->memory.changes = p->judge->changes;
	p->memory.due_ms = loop_now(p->loop) + REFRESH_MS;
}

int
memory_save(struct prober *p, struct err *err)
{
	struct memory *m = &p->memory;
	uint64_t now_ms = loop_now(p->loop);

	if (state_write(m->path, p->judge, prober_now(p).wall, m->overrides != p->overrides, err) < 0) {
		prober_alarm(p, ALARM_STATE, 0, "what is known would not survive a restart: %s", err->text);
		m->retry_ms = now_ms + RETRY_MS;
		return -1;
	}
	prober_alarm_over(p, ALARM_STATE);
	m->changes = p->judge->changes;
	m->overrides = p->overrides;
	m->due_ms = now_ms + REFRESH_MS;
	return 0;
}

void
memory_turn(struct prober *p)
{
	struct memory *m = &p->memory;
	uint64_t now_ms = loop_now(p->loop);
	struct err err;

	if (m->changes != p->judge->changes && m->due_ms > now_ms + SETTLE_MS)
		m->due_ms = now_ms + SETTLE_MS;
	if (now_ms < m->retry_ms)
		return;
	if (m->overrides != p->overrides || (now_ms >= m->due_ms && p->judge->first_round_over))
		memory_save(p, &err);
}
