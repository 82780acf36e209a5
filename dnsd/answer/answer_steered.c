#include "dnsd/answer/answer_steered.h"

#include <assert.h>

#include "dnsd/answer/explain.h"

void
answer_steered_note(struct answer_job *j, const struct steer_answer *picked)
{
	assert(picked->n != 0 && picked->n <= CONF_MAX_ANSWERS);
	assert(picked->scope <= (j->place->family == 4 ? 32 : 128));
	if (j->r.opt.scope < picked->scope)
		j->r.opt.scope = picked->scope;
	if (j->explaining) {
		j->r.opt.ede = DNS_EDE_OTHER;
		j->r.opt.ede_text = j->why_text;
	} else if (picked->ede != DNS_EDE_NONE) {
		j->r.opt.ede = picked->ede;
		j->r.opt.ede_text = picked->ede_text;
	}
	COUNTER_ADD(j->counters, answers_steered, 1);
	if (j->place->ecs)
		COUNTER_ADD(j->counters, answers_steered_ecs, 1);
	if (picked->unlocated)
		COUNTER_ADD(j->counters, answers_unlocated, 1);
	if (picked->fail_open)
		COUNTER_ADD(j->counters, answers_fail_open, 1);
}

void
answer_steered(struct answer_job *j, const struct zone_node *node, uint8_t family, size_t owner_at)
{
	struct steer_answer picked;

	steer_pick(j->vz->steer[node->steer], j->place, family, &picked, explain_why(j));
	if (picked.n == 0) {
		answer_nodata(j);
		return;
	}
	answer_steered_note(j, &picked);
	if (!reply_addresses(&j->r, owner_at, family, picked.ttl_s, picked.ip, picked.n))
		answer_truncate(j);
}
