/*
 * checks: every kind of check, behind one table.
 *
 * Opens what all probes share, makes a probe ready for its kind, starts it.  The kinds
 * (kinds.h) know the loop and their protocol; they do not know the judge, schedules, or each
 * other.  Everything they read was written by strangers: bounded first, understood later.
 * One thread.
 */
#ifndef NEARCAST_CHECKS_H
#define NEARCAST_CHECKS_H

#include "healthd/check/probe.h"

/* What reading the configuration cannot know of its checks: whether ldns takes their DNS
 * records, whether files of certificates are some.  0, or -1 with a reason. */
int checks_test(const struct conf *conf, struct err *err);

/* Makes what all probes share.  `loop` and `conf` are borrowed until checks_close.  0, or -1
 * with a reason and *checks to be given to checks_close. */
int checks_open(struct checks *checks, struct loop *loop, const struct conf *conf, struct err *err);
void checks_close(struct checks *checks);

/* Makes the kind's own part of a probe once, so that checks_start allocates nothing of ours.
 * 0, or -1 with a reason. */
int checks_prepare(struct probe *probe, struct err *err);

/* Frees it, and ends a check that is under way without a word. */
void checks_release(struct probe *probe);

/* Starts a check of an idle probe. */
void checks_start(struct probe *probe);

#endif
