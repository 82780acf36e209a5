/*
 * explain: the server says why (`dig TXT _why.NAME`), whom it sees (`dig TXT
 * _whoami.ZONE`), and, to `dig +ednsopt=65001 NAME`, why in an Extended DNS Error
 * (RFC 8914) on the answer itself.
 *
 * The reasons come from the steer_pick that answered; this module only carries them into
 * packets and knows neither geography nor health.  Who may ask for reasons is configured.
 * One packet on one thread, as everything with an answer_job.
 */
#ifndef NEARCAST_EXPLAIN_H
#define NEARCAST_EXPLAIN_H

#include "dnsd/answer/answer_job.h"

/* Answers _why and _whoami names of the zone j->r.zone; false = the question is none of these,
 * and nothing is written but, perhaps, an EDE that says so. */
bool explain_name(struct answer_job *j);

/* What to hand to steer_pick, so that its reasons go into this packet's EDE.  Lives in *j.  NULL =
 * the client did not ask for them, or may not. */
const struct steer_why *explain_why(struct answer_job *j);

#endif
