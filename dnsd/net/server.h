/*
 * server: the workers and the generation they answer from.
 *
 * Sockets are bound first (it may take privileges), threads start later.  Addresses may
 * come and go with a new configuration, while the others are served on.  Knows no
 * files, no configuration beyond addresses and counts.  Main thread only, while the
 * workers run.
 */
#ifndef NEARCAST_SERVER_H
#define NEARCAST_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/conf/conf.h"
#include "common/err.h"
#include "common/spool.h"
#include "dnsd/answer/counters.h"
#include "dnsd/generation/generation.h"

struct server;

/* Binds every listen address for every worker.  An address in use by another process is an
 * error, SO_REUSEPORT or not.  NULL with a reason. */
struct server *server_bind(const struct conf *conf, struct err *err);

/* Starts the threads with a first generation, which is the server's from now on, on failure too.
 * 0, or -1 with a reason. */
int server_start(struct server *server, struct generation *gen, struct err *err);

/* Before server_start: decisions are logged to this spool, which is borrowed until server_stop, if
 * the configuration wants them.  NULL is fine.  0, or -1 with a reason, and none are. */
int server_log(struct server *server, struct spool *spool, struct err *err);

/* Binds the addresses of another configuration that are not served yet, and begins to serve them,
 * all or none.  They must be on this machine, unless `anywhere`.  0, or -1 with a reason. */
int server_join(struct server *server, const struct conf *conf, bool anywhere, struct err *err);

/* Leaves addresses that are not in this configuration: what has come to them is answered, TCP
 * connections stay. */
void server_leave(struct server *server, const struct conf *conf);

/* Puts a new generation in the place of the old, waits until no worker reads the old one
 * (microseconds, mostly) and frees it. */
void server_publish(struct server *server, struct generation *gen);

const struct generation *server_generation(const struct server *server);

/* Ends the threads, finishing TCP answers on their way; frees everything, the last generation
 * included.  NULL is fine. */
void server_stop(struct server *server);

/* False where this machine's own questions cannot be told from forged ones (own.h), so that limits
 * hit them as well. */
bool server_knows_own(const struct server *server);

/* TCP connections at most, whatever the configuration says. */
void server_limit_tcp(struct server *server, unsigned most);

unsigned server_workers(const struct server *server);
unsigned server_tcp_connections(const struct server *server);

/* Octets that TCP connections hold, those that hold next to nothing apart (tcp_pool.h). */
size_t server_tcp_held(const struct server *server);

void server_counters(const struct server *server, struct counters *sum);

/* An address that is listened on, and its datagrams since then, over all workers. */
struct server_address {
	struct addr addr;
	uint64_t received, answered;
};

/* Of address i; false = there are not so many. */
bool server_address(const struct server *server, size_t i, struct server_address *a);

#endif
