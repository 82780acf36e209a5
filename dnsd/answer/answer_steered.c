#include "dnsd/answer/answer_steered.h"

#include <assert.h>

#include "dnsd/answer/explain.h"

/* Notes what the answer is, and counts it as each of these once, however many choices it was made
 * of. */
static void
count(struct answer_job *j, const struct steer_answer *picked)
{
	unsigned is = ANSWER_STEERED | (j->place->ecs ? ANSWER_BY_ECS : 0) |
	    (picked->unlocated ? ANSWER_UNLOCATED : 0) |
	    (picked->fail_open ? ANSWER_FAIL_OPEN : 0);
	unsigned fresh = is & ~(unsigned)j->note.counted;

	j->note.counted |= (uint8_t)is;
	j->note.by = picked->by;
	if (fresh & ANSWER_STEERED)
		COUNTER_ADD(j->counters, answers_steered, 1);
	if (fresh & ANSWER_BY_ECS)
		COUNTER_ADD(j->counters, answers_steered_ecs, 1);
	if (fresh & ANSWER_UNLOCATED)
		COUNTER_ADD(j->counters, answers_unlocated, 1);
	if (fresh & ANSWER_FAIL_OPEN)
		COUNTER_ADD(j->counters, answers_fail_open, 1);
}

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
	count(j, picked);
}

const struct rrset *
answer_steered_static(const struct answer_job *j, const struct zone_node *node,
    const struct steer_answer *picked, uint8_t family)
{
	return picked->n == 0 && picked->lacks_family ?
	    zone_rrset(j->r.zone, node, family == 4 ? DNS_A : DNS_AAAA) : NULL;
}

void
answer_steered_none(struct answer_job *j, const struct steer_answer *picked)
{
	assert(picked->n == 0);
	if (j->r.opt.scope < picked->scope)
		j->r.opt.scope = picked->scope;
	if (picked->ede == DNS_EDE_NONE)
		return;
	j->r.opt.ede = j->explaining ? DNS_EDE_OTHER : picked->ede;
	j->r.opt.ede_text = j->explaining ? j->why_text : picked->ede_text;
}

bool
answer_steered(struct answer_job *j, const struct zone_node *node, uint8_t family, size_t owner_at,
    const struct rrset **set)
{
	struct steer_answer picked;

	steer_pick(j->vz->steer[node->steer], j->place, family, &picked, explain_why(j));
	if (picked.n == 0) {
		answer_steered_none(j, &picked);
		*set = answer_steered_static(j, node, &picked, family);
		return false;
	}
	answer_steered_note(j, &picked);
	if (!reply_addresses(&j->r, owner_at, family, picked.ttl_s, picked.ip, picked.n))
		answer_truncate(j);
	return true;
}
