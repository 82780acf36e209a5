/*
 * trace: the line of a redirect for the spool, where the configuration wants one.
 *
 * {"ev":"redirect","client":...,"path":...,"end":"mirror","mirror":...,"why":...,"km":...}
 * Knows no HTTP.  One thread a worker.
 */
#ifndef NEARCAST_TRACE_H
#define NEARCAST_TRACE_H

#include "redirectd/request.h"

/* Every n-th, as `log { decisions }` says. */
void trace_redirect(struct worker *worker, const struct redirect_choice *choice,
    const struct request *request);

#endif
