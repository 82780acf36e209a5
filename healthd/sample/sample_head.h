/*
 * sample_head: HEAD requests to mirrors by libcurl, on our loop (check/carrier.h).
 *
 * A request is for a URL of the mirror's; a redirect is followed where it stays on the host that
 * was asked, or wherever it leads if that is allowed, four times at most.  A host that refuses HEAD
 * is asked for the first octet instead, then and from then on (sample_range.h).  Hosts are resolved
 * without anybody waiting (check/resolve.h), proxies not used, certificates checked.  Connections
 * are kept where they are dear, which is with TLS, but for requests that are `fresh`.  Knows no
 * file and no verdict.  One thread.
 */
#ifndef NEARCAST_SAMPLE_HEAD_H
#define NEARCAST_SAMPLE_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/loop.h"
#include "healthd/sample/sample_answer.h"

struct sample_heads;			/* what they share */
struct sample_transfer;

struct sample_heads *sample_head_open(struct loop *loop, struct err *err);
void sample_head_close(struct sample_heads *heads);	/* all freed; NULL is fine */

/* Zero it, set the upper half, then sample_head_prepare. */
struct sample_head {
	struct sample_heads *heads;
	const char *base;		/* a URL of the host that is asked; borrowed */
	bool follow;			/* also to other hosts */
	bool ipv4, ipv6;
	uint32_t timeout_ms;
	bool fresh;			/* for the next start: a connection of its own */
	/* Called once for each start; the answer is valid until it returns. */
	void (*done)(struct sample_head *head, const struct sample_head_answer *answer);

	bool busy;
	struct sample_transfer *own;	/* owned */
};

/* 0, or -1 with a reason. */
int sample_head_prepare(struct sample_head *head, struct err *err);
void sample_head_free(struct sample_head *head);

/* `url` is copied.  done may be called from within. */
void sample_head_start(struct sample_head *head, const char *url);

#endif
