/*
 * request: one request, as nginx hands it on, and the answer to it.
 *
 * 302 with a Location for what is sent away; 200 with X-Accel-Redirect for what nginx serves from
 * here, which then does Range, conditions and absent files; documents about a file, which are
 * made here; 400, 405 and 414 for what is no request; 404 at a listener whose file has none to go
 * to any more.  Whatever is missing (catalogue, mirrors,
 * place), the file is served from here.
 *
 * Knows HTTP's fields by what they mean and not how they travel (serve.h does).  Untrusted input:
 * every field.  One thread a worker.
 */
#ifndef NEARCAST_REQUEST_H
#define NEARCAST_REQUEST_H

#include <stdint.h>

#include "redirectd/setup.h"
#include "redirectd/worker.h"

/* Fields that were not sent are NULL. */
struct request {
	const char *method, *target;	/* as they were sent */
	const char *real_ip, *forwarded_proto, *forwarded_host, *host, *accept, *agent;
	struct addr peer;		/* family 0 = a Unix socket */
	const char *listen;		/* where it came in, as in the configuration */
	const char *alone;		/* the `one-file` whose listener that was when it was
					 * opened; NULL = it is `redirect`'s */
	int64_t now;			/* seconds since 1970 */
};

/* Leaves the answer in worker->response.  worker_fit has been called. */
void request_answer(struct worker *worker, const struct setup *setup,
    const struct request *request);

#endif
