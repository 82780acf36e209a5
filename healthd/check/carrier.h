/*
 * carrier: libcurl's transfers on our loop, in shards.
 *
 * What a multi handle does for one of its transfers or kept connections costs more the more
 * it has: thousands in one cost more than linearly.  So each has some hundred at most, with its own
 * connections, and takes part in the loop by itself.
 *
 * Knows descriptors and times; knows nothing of what is transferred.  One thread.
 */
#ifndef NEARCAST_CARRIER_H
#define NEARCAST_CARRIER_H

#include <curl/curl.h>
#include <stdbool.h>

#include "common/err.h"
#include "common/loop.h"

struct carrier;
struct carrier_shard;

/* `ended` is told each transfer that came to its end by itself, within carrier_start or in a
 * turn of the loop; it must call carrier_stop.  `loop` is borrowed until carrier_close.  NULL
 * with a reason. */
struct carrier *carrier_open(struct loop *loop, void (*ended)(CURL *easy, CURLcode code),
    struct err *err);
void carrier_close(struct carrier *carrier);	/* all have left; NULL is fine */

/* A place for one transfer at a time and for its connection; NULL when memory is out. */
struct carrier_shard *carrier_join(struct carrier *carrier);
void carrier_leave(struct carrier_shard *shard);

/* Begins at once.  False when libcurl refuses. */
bool carrier_start(struct carrier_shard *shard, CURL *easy);
void carrier_stop(struct carrier_shard *shard, CURL *easy);

#endif
