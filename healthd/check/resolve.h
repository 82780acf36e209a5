/*
 * resolve: the addresses of one host name, by c-ares on our loop.  The only file that knows it.
 *
 * libcurl's own resolver is a thread that has to be waited for: a resolver that does not answer
 * would stop everything.  Here nothing waits; what was learned last stays until something newer
 * is known.  Sources are /etc/hosts and the servers of /etc/resolv.conf, read anew for each
 * question.  An answer is good for its TTL, one second to five minutes.
 *
 * Knows no URL and no fetch.  One thread.  RFC 1034, RFC 2308 not: a refusal is not kept.
 */
#ifndef NEARCAST_RESOLVE_H
#define NEARCAST_RESOLVE_H

#include "common/err.h"
#include "common/loop.h"

struct resolve;

/* `loop` is borrowed until resolve_close, `name` copied.  `heard` is called in a turn of the
 * loop when a question has ended, well or not.  Asks at once.  NULL with a reason. */
struct resolve *resolve_open(struct loop *loop, const char *name,
    void (*heard)(void *arg), void *arg, struct err *err);
void resolve_close(struct resolve *resolve);	/* NULL is fine; not from within heard */

/* The addresses known, IPv4 and IPv6, with commas between them; NULL = none so far.  Valid
 * until the loop's turn is over.  Asks again when their time is over. */
const char *resolve_addresses(struct resolve *resolve);

/* Why the last question failed; "" = it did not, or has not ended. */
const char *resolve_fault(const struct resolve *resolve);

#endif
