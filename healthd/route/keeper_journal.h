/*
 * keeper_journal: what the keeper does, as lines in the log spool: postures, alarms, what becomes
 * of the prober and of reloads.
 *
 * What the prober sees it writes itself (history.h): the two are processes, each with a spool of
 * its own.  Knows no routes.  Does nothing where the spool is NULL.  The keeper's thread.
 */
#ifndef NEARCAST_KEEPER_JOURNAL_H
#define NEARCAST_KEEPER_JOURNAL_H

#include <stdbool.h>

#include "common/conf/conf.h"
#include "common/health_file.h"
#include "common/spool.h"

/* The spool that the configuration wants, with "ev":"start" in it; what stands against it is
 * logged.  NULL = there is none.  Only after privileges are given up, for files belong to whoever
 * makes them. */
struct spool *keeper_journal_open(const struct conf *conf);

/* "ev":"posture": of `prefix`. */
void keeper_journal_posture(struct spool *spool, const char *prefix, enum health_posture was,
    enum health_posture now, const char *reason);

/* "ev":"alarm", or "alarm-over". */
void keeper_journal_alarm(struct spool *spool, const char *text, bool over);

/* "ev":EVENT, with a text if it is not NULL. */
void keeper_journal_event(struct spool *spool, const char *event, const char *why);

/* Closes the spool, whose last line is "ev":"end". */
void keeper_journal_close(struct spool *spool);

#endif
