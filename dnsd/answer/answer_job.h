/*
 * answer_job: one packet on its way to an answer, shared by the files that write
 * parts of answers and nobody else: answer.c (what kind of question), answer_zone.c
 * (zone data), answer_steered.c and svcb.c (steered names), explain.c, chaos.c.
 */
#ifndef NEARCAST_ANSWER_JOB_H
#define NEARCAST_ANSWER_JOB_H

#include "dnsd/answer/answer.h"
#include "dnsd/message/query.h"
#include "dnsd/message/reply.h"
#include "dnsd/steer/steer.h"
#include "dnsd/generation/generation.h"

struct answer_job {
	const struct generation *gen;
	const struct answer_client *client;
	struct counters *counters;
	const struct generation_zone *vz;	/* NULL = none of ours */
	enum cookie_state cookie;
	struct answer_note note;
	const struct query *q;
	const struct steer_client *place;
	struct reply r;
	bool explaining;		/* option 65001 from an allowed address */
	size_t why_len, why_head;	/* of why_text; of its part that matters most */
	struct steer_why why;
	char why_text[2048];
};

/* TC is set, and nothing of what did not fit is there. */
void answer_truncate(struct answer_job *j);

/* NOERROR without data, with the zone's SOA. */
void answer_nodata(struct answer_job *j);

/* NXDOMAIN with the zone's SOA. */
void answer_nxdomain(struct answer_job *j);

/* Finds the question's name in the zone of j->r, follows aliases inside it, answers. */
void answer_zone(struct answer_job *j);

/* The addresses of a steered name, or NODATA. */
void answer_steered(struct answer_job *j, const struct zone_node *node, uint8_t family, size_t owner_at);

/* What this client gets of a steered name; false = nothing of this family. */
bool answer_pick(struct answer_job *j, const struct zone_node *node, uint8_t family,
    struct steer_answer *picked);

/* Puts scope and EDE of a choice into the answer and counts it. */
void answer_note_pick(struct answer_job *j, const struct steer_answer *picked);

/* The name in a zone's rdata, made whole: it may end in a pointer to the apex. */
void answer_rdata_name(const struct zone *zone, const uint8_t *rdata, uint8_t name[NAME_MAX_WIRE]);

#endif
