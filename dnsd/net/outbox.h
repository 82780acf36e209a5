/*
 * outbox: the replies of one batch, sent with one sendmmsg.
 *
 * Nine tenths of what it costs to send a reply is the kernel's routing and queueing, paid
 * for each message.  So replies that go to the same address and port and are equally long
 * are given to the kernel as one message, with the option UDP_SEGMENT (udp(7)): it routes
 * and queues that message once, and then it, or the network card, cuts it into datagrams
 * of that length again.  On the wire they look as if they had been sent one by one.
 *
 * A forwarder asks everything from one port and has such replies in most batches.  A
 * resolver that takes a new port for each query has none; for its replies the search for
 * one to join costs a look into a table of 64 octets.  Where the kernel refuses to cut a
 * message, its replies, and all replies of the next minute, are sent one by one; then it is
 * asked again.  A message that cannot be sent for another reason, because no route leads to its
 * address or a filter forbids it, takes only its own replies with it.
 *
 * Knows no DNS.  Used by one thread.  Nothing is allocated, and no reply is copied: it is
 * written where it is sent from, and a message is a list of pointers to its replies.
 */
#ifndef NEARCAST_OUTBOX_H
#define NEARCAST_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
	OUTBOX_BATCH = 64,		/* replies; a message may have no more of them (udp(7)) */
	OUTBOX_ROOM = 4096		/* octets of one reply, at most */
};

union outbox_control {
	struct cmsghdr align;
	uint8_t octets[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

struct outbox {
	unsigned n;			/* messages */
	unsigned n_replies;
	bool single;			/* the kernel does not cut: one reply a message */
	uint64_t single_until_ms;
	uint64_t uncut;			/* times that it refused to, so far */
	uint8_t *next;			/* where the next reply goes, in data */
	/* by message; its replies are a list, in the order of sending */
	struct mmsghdr m[OUTBOX_BATCH];
	union outbox_control control[OUTBOX_BATCH];
	uint16_t segment[OUTBOX_BATCH];	/* octets of each of its replies */
	uint8_t count[OUTBOX_BATCH];	/* of replies, at least 1 */
	uint8_t first[OUTBOX_BATCH];	/* reply */
	uint8_t last[OUTBOX_BATCH];	/* reply */
	/* by reply */
	uint8_t *start[OUTBOX_BATCH];	/* in data */
	uint8_t after[OUTBOX_BATCH];	/* the next reply of its message; not set for the last */
	/* by a hash of port and length: the message begun last for these, plus 1; 0 = none */
	uint8_t lately[OUTBOX_BATCH];
	struct iovec iov[OUTBOX_BATCH];
	uint8_t data[OUTBOX_BATCH * OUTBOX_ROOM];
};

/* Makes it empty.  Before the first use all of the struct must be zero. */
void outbox_init(struct outbox *o);

/* Where to write the next reply: OUTBOX_ROOM octets. */
static inline uint8_t *
outbox_next(const struct outbox *o)
{
	return o->next;
}

/* The reply at outbox_next() is complete, with `len` octets (1 to OUTBOX_ROOM).  It goes to the
 * address of `query`, with its control messages (at most one, in6_pktinfo or smaller), both of
 * which are borrowed until outbox_send.  At most OUTBOX_BATCH replies. */
void outbox_add(struct outbox *o, size_t len, const struct msghdr *query);

/* Sends all replies over the socket `fd` and is empty again.  It never waits, not for a full
 * device either, because the next queries are waiting too.  `now_ms` is a clock that does not go
 * back.  Returns how many replies the kernel did not take, which are lost. */
unsigned outbox_send(struct outbox *o, int fd, uint64_t now_ms);

#endif
