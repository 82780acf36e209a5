/*
 * journal: what happens to dnsd, as lines in the log spool: start and end, generations, reloads
 * that were refused, what is thought of health.
 *
 * Answers are not here: those are answer_log.h's.  Any spool may be NULL: nothing is written.  Main
 * thread.
 */
#ifndef NEARCAST_JOURNAL_H
#define NEARCAST_JOURNAL_H

#include "common/err.h"
#include "common/spool.h"
#include "dnsd/generation/generation.h"
#include "dnsd/steer/health.h"

/* The spool that the configuration wants, with "ev":"start" in it; what stands against it is
 * logged.  NULL = there is none. */
struct spool *journal_open(const struct conf *conf);

/* "ev":"generation": it is in service; `why` is "start", "reload" or "health", `said` as
 * outcome_reloaded has it. */
void journal_generation(struct spool *spool, const struct generation *gen, const char *why,
    const char *said);

/* "ev":"reload-failed". */
void journal_refused(struct spool *spool, uint64_t generation, const char *why);

/* "ev":"health": what the health file is worth. */
void journal_health(struct spool *spool, const struct health *health);

/* Takes over what a reload may change of the block `log`. */
void journal_follow(struct spool *spool, const struct conf *conf);

/* Closes the spool, whose last line is "ev":"end". */
void journal_close(struct spool *spool);

#endif
