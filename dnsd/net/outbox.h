/*
 * outbox: a batch of replies on their way to one sendmmsg.
 *
 * Replies that are alike, equally long and for the same address and port, travel as one
 * message which the kernel, or the network card, cuts apart again (UDP_SEGMENT): the way
 * through the routing tables and queues, nine tenths of what a reply costs, is then paid
 * once.  On the wire nothing differs.  Forwarders and front ends that ask from one port
 * have such replies in most batches; resolvers that change ports have none, and pay a look
 * into a small table.  Where the kernel does not cut, replies go out singly from then on.
 *
 * Knows no DNS.  One thread; allocates and copies nothing.
 */
#ifndef NEARCAST_OUTBOX_H
#define NEARCAST_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum {
	OUTBOX_BATCH = 64,		/* replies; the kernel cuts no more out of one message */
	OUTBOX_ROOM = 4096		/* octets of one reply, at most */
};

union outbox_control {
	struct cmsghdr align;
	uint8_t octets[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

struct outbox {
	unsigned n;			/* messages */
	unsigned n_replies;
	bool single;			/* this kernel does not cut */
	uint8_t *next;			/* where the next reply goes, in data */
	/* by message */
	struct mmsghdr m[OUTBOX_BATCH];
	union outbox_control control[OUTBOX_BATCH];
	uint16_t segment[OUTBOX_BATCH];	/* octets of each of its replies */
	uint8_t count[OUTBOX_BATCH];	/* of replies, */
	uint8_t first[OUTBOX_BATCH];	/* the first */
	uint8_t last[OUTBOX_BATCH];	/* and the last of them */
	/* by reply */
	uint8_t *start[OUTBOX_BATCH];	/* in data */
	uint8_t after[OUTBOX_BATCH];	/* the next one of its message */
	/* the last message for a port and a length, by a hash of both, plus 1 */
	uint8_t lately[OUTBOX_BATCH];
	struct iovec iov[OUTBOX_BATCH];
	uint8_t data[OUTBOX_BATCH * OUTBOX_ROOM];
};

/* Before the first use; all of the struct was zero. */
void outbox_init(struct outbox *o);

/* Where to write the next reply: OUTBOX_ROOM octets. */
static inline uint8_t *
outbox_next(const struct outbox *o)
{
	return o->next;
}

/* The reply at outbox_next() is `len` octets.  It goes where `query` came from, with its
 * control messages; both are borrowed until outbox_send.  At most OUTBOX_BATCH of them. */
void outbox_add(struct outbox *o, size_t len, const struct msghdr *query);

/* Sends all and is empty again.  Returns how many replies the kernel did not take: a full
 * device is no reason to wait, for the next queries are waiting too. */
unsigned outbox_send(struct outbox *o, int fd);

#endif
