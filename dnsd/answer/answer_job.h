/*
 * answer_job: one packet on its way to an answer, and the endings that all kinds of
 * answers share.
 *
 * answer.c makes one on its stack for each packet and hands it down: to chaos.c, explain.c
 * and answer_zone.c, from there to answer_steered.c and svcb.c.  Each writes its part into
 * j->r and says in j->note what it was.  Nothing here looks for a name or chooses a server.
 * One thread; nothing is allocated; all that it points to outlives the packet.
 */
#ifndef NEARCAST_ANSWER_JOB_H
#define NEARCAST_ANSWER_JOB_H

#include "dnsd/answer/answer_note.h"
#include "dnsd/answer/counters.h"
#include "dnsd/generation/generation.h"
#include "dnsd/message/cookie.h"
#include "dnsd/message/query.h"
#include "dnsd/message/reply.h"
#include "dnsd/steer/steer.h"

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

/* Sets TC.  What did not fit is left out whole; the caller has seen to that. */
void answer_truncate(struct answer_job *j);

/* NOERROR without data: the SOA of the zone j->r.zone in the authority section. */
void answer_nodata(struct answer_job *j);

/* NXDOMAIN, with the same SOA. */
void answer_nxdomain(struct answer_job *j);

#endif
