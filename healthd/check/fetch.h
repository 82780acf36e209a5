/*
 * fetch: HTTP and HTTPS by libcurl (carrier.h, fetch_setup.h), on our loop.
 *
 * A fetch is prepared once and started many times: a probe of a target, the origin's set id, an
 * object's digest.  An address that is given is connected to, whatever the URL's host resolves
 * to; other hosts are resolved (resolve.h) without anybody waiting.
 *
 * A connection may be kept and used again, but for checks that are `fresh`; and what ends badly
 * on one that was used before is tried once more on a new one, within the same timeout: what an
 * earlier answer left behind, or a peer that closes what is idle, is nobody's failure.
 *
 * The time is ours, not libcurl's, and what has arrived is read before it is over: an answer is
 * as late as it came in, not as late as we saw it.
 *
 * The answer is http_answer's to understand; of a digest fetch only octets are counted and
 * hashed.  Knows no target and no schedule.  One thread.
 */
#ifndef NEARCAST_FETCH_H
#define NEARCAST_FETCH_H

#include "common/addr.h"
#include "common/conf/conf.h"
#include "common/loop.h"
#include "healthd/check/http_answer.h"
#include "healthd/check/result.h"

struct fetcher;
struct transfer;

/* Zero it, set the upper half, then fetch_prepare. */
struct fetch {
	struct fetcher *fetcher;
	const struct conf_check *check;	/* borrowed: certificates, HTTP version, what is expected */
	const struct http_match *match;	/* borrowed; NULL = any answer with the right code */
	const char *url;		/* borrowed until fetch_prepare returns */
	struct addr addr;		/* family 0: as the URL's host resolves; port 0: URL's */
	uint32_t timeout_ms;
	bool set;			/* the answer must carry a set id */
	bool get;			/* GET; else HEAD, unless the body is needed */
	bool origin;			/* gets no credentials of the check's */
	bool fresh;			/* for the next start: a connection of its own */
	bool digest;			/* GET, with SHA-256 and size, instead of match and set */
	uint64_t limit;			/* a digest fetch stops past so many octets */
	/* Called once for each start.  The fetch is idle then.  With reason OK, `set` is the id
	 * (valid until done returns), or sha256 and size are those of the object. */
	void (*done)(struct fetch *fetch, const struct result *result);

	/* what comes out */
	bool busy;
	uint8_t sha256[32];
	uint64_t size;			/* octets read by a digest fetch */
	struct transfer *own;		/* owned; NULL = not prepared */
};

/* What fetches share.  `loop` is borrowed until fetch_close.  NULL with a reason. */
struct fetcher *fetch_open(struct loop *loop, struct err *err);
void fetch_close(struct fetcher *fetcher);	/* all fetches released; NULL is fine */

/* 0, or -1 with a reason. */
int fetch_prepare(struct fetch *fetch, struct err *err);

/* Fetches; done may be called from within. */
void fetch_start(struct fetch *fetch);

/* Ends what is under way; done is not called. */
void fetch_cancel(struct fetch *fetch);

/* The same, and frees what fetch_prepare made. */
void fetch_release(struct fetch *fetch);

#endif
