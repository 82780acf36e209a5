/*
 * explain: the server says why (`dig TXT _why.NAME`), whom it sees (`dig TXT
 * _whoami.ZONE`), and, to `dig +ednsopt=65001 NAME`, why in an Extended DNS Error on
 * the answer itself.  The reasons come from the steer_pick that answered; this
 * module only carries them into packets.
 */
#ifndef NEARCAST_EXPLAIN_H
#define NEARCAST_EXPLAIN_H

#include "dnsd/answer/answer_job.h"

/* Answers _why and _whoami names; false = the question is none of these. */
bool explain_name(struct answer_job *j);

/* Where steer_pick is to write its reasons for this packet: NULL, mostly. */
const struct steer_why *explain_why(struct answer_job *j);

#endif
