#include "healthd/prober/remember.h"

#include <stdio.h>

#include "healthd/prober/recall.h"

enum {
	SETTLE_MS = 1000,		/* changes of state are collected for so long */
	REFRESH_MS = 30000,		/* how old the stamp may become */
	RETRY_MS = 2000
};

static void
take_item(void *arg, const struct state_item *item)
{
	struct core *core = arg;

	recall_item(core->judge, item, core_now(core));
}

void
remember_open(struct remember *r, struct core *core)
{
	struct judge *judge = core->judge;
	struct err err;

	r->core = core;
	snprintf(r->path, sizeof(r->path), "%s/healthd.state", core->conf->state_dir);
	state_read(r->path, take_item, core, &err);
	if (err.text[0] != '\0')
		alarm_raise(&core->alarms, ALARM_MEMORY, ALARM_PASSING_MS, "%s", err.text);
	while (judge_take_change(judge) >= 0)
		;			/* what is remembered is no news */
	r->changes = judge->changes;
	r->due_ms = loop_now(core->loop) + REFRESH_MS;
}

bool
remember_worth(const struct judge *judge)
{
	return judge->first_round_over || judge->worth_telling;
}

int
remember_save(struct remember *r, struct err *err)
{
	uint64_t now_ms = loop_now(r->core->loop);
	int done;

	core_lend(r->core);
	done = state_write(r->path, r->core->judge, core_now(r->core),
	    r->written != r->overrides, err);
	core_reserve(r->core);
	if (done < 0) {
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
	if (r->written != r->overrides || (now_ms >= r->due_ms && remember_worth(judge)))
		remember_save(r, &err);
}
