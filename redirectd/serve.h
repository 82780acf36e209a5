/*
 * serve: HTTP/1.1 for nginx, by libmicrohttpd: sockets, threads, connections, fields.
 *
 * One pool of threads for `listen`, one thread for each `one-file` that has a listener of its own.
 * Sockets are opened while the process may still do so, threads start when it no longer may more
 * than it needs.  Each thread has a worker (worker.h), takes the snapshot once a request, and
 * waits for nobody.  Idle connections end after SERVE_IDLE_S, slow requests too.
 *
 * Knows nothing of what is answered (request.h).  Main thread.
 */
#ifndef NEARCAST_SERVE_H
#define NEARCAST_SERVE_H

#include "common/conf/conf.h"
#include "common/err.h"
#include "redirectd/worker.h"

enum {
	SERVE_CONNECTIONS = 12000,	/* at most, for all threads of a listener together */
	SERVE_IDLE_S = 15,		/* longer than nginx keeps connections to us */
	SERVE_MEMORY = 16 * 1024	/* octets of a connection: request and header lines; the
					 * library clears all of it for each request */
};

struct serve;

/* Opens the sockets of the configuration.  A socket file that nobody listens to any more is
 * replaced.  NULL with a reason. */
struct serve *serve_bind(const struct conf *conf, struct err *err);

/* Starts `threads` threads for `listen` (0 = one a core).  0, or -1 with a reason. */
int serve_start(struct serve *serve, unsigned threads, struct worker_common *common,
    struct err *err);

/* How many threads there are, and connections now. */
unsigned serve_threads(const struct serve *serve);
unsigned serve_connections(const struct serve *serve);

/* Ends threads and connections; requests under way are finished.  NULL is fine. */
void serve_stop(struct serve *serve);

#endif
