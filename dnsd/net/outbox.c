#include "dnsd/net/outbox.h"

#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

enum {
	JOINED_MAX = 60000,		/* octets of one message; IP has room for 65535 */
	SEGMENT_MAX = 1232,		/* octets of a reply, so that no path has to fragment it */
	SINGLE_MS = 60000		/* until the kernel is asked again to cut */
};

void
outbox_init(struct outbox *o)
{
	o->n = o->n_replies = 0;
	o->next = o->data;
	memset(o->lately, 0, sizeof(o->lately));
}

static bool
same_octets(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* True if a reply of `len` octets to `query` may become part of message i. */
static bool
may_join(const struct outbox *o, unsigned i, size_t len, const struct msghdr *query)
{
	const struct msghdr *m = &o->m[i].msg_hdr;

	return len == o->segment[i] && len <= SEGMENT_MAX &&
	    (o->count[i] + 1u) * len <= JOINED_MAX &&
	    same_octets(m->msg_name, m->msg_namelen, query->msg_name, query->msg_namelen) &&
	    same_octets(m->msg_control, m->msg_controllen, query->msg_control,
	    query->msg_controllen);
}

/* Where the message that was begun last for this port and length is noted. */
static uint8_t *
lately_at(struct outbox *o, size_t len, const struct msghdr *query)
{
	/* sin6_port lies where sin_port does */
	const struct sockaddr_in *peer = query->msg_name;
	uint32_t hash = (uint32_t)(peer->sin_port + (len << 16)) * UINT32_C(0x9e3779b1);

	return &o->lately[hash >> 26];
}

void
outbox_add(struct outbox *o, size_t len, const struct msghdr *query)
{
	uint8_t *place = lately_at(o, len, query), reply = (uint8_t)o->n_replies++;
	unsigned i = *place - 1u;

	assert(reply < OUTBOX_BATCH && len != 0 && len <= OUTBOX_ROOM);
	assert(query->msg_controllen <= CMSG_SPACE(sizeof(struct in6_pktinfo)));
	o->start[reply] = o->next;
	o->next += len;
	if (*place != 0 && !o->single && may_join(o, i, len, query)) {
		o->after[o->last[i]] = reply;
		o->last[i] = reply;
		o->count[i]++;
		return;
	}
	i = o->n++;
	*place = (uint8_t)o->n;
	o->m[i].msg_hdr = (struct msghdr){
	    .msg_name = query->msg_name, .msg_namelen = query->msg_namelen,
	    .msg_control = query->msg_control, .msg_controllen = query->msg_controllen };
	o->segment[i] = (uint16_t)len;
	o->count[i] = 1;
	o->first[i] = o->last[i] = reply;
}

/* Lists the replies of message i from `iov` on; returns where the list ends. */
static struct iovec *
gather(struct outbox *o, unsigned i, struct iovec *iov)
{
	uint8_t reply = o->first[i];

	o->m[i].msg_hdr.msg_iov = iov;
	assert(o->count[i] != 0 && iov + o->count[i] <= o->iov + OUTBOX_BATCH);
	for (unsigned k = 0; k < o->count[i]; k++, reply = o->after[reply])
		*iov++ = (struct iovec){ o->start[reply], o->segment[i] };
	o->m[i].msg_hdr.msg_iovlen = o->count[i];
	return iov;
}

/* Asks the kernel to cut message i into its replies. */
static void
cut(struct outbox *o, unsigned i)
{
	struct msghdr *m = &o->m[i].msg_hdr;
	uint8_t *octets = o->control[i].octets;
	struct cmsghdr *c = (struct cmsghdr *)(void *)(octets + m->msg_controllen);

	if (m->msg_controllen != 0)
		memcpy(octets, m->msg_control, m->msg_controllen);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(o->segment[i]));
	memcpy(CMSG_DATA(c), &o->segment[i], sizeof(o->segment[i]));
	m->msg_control = octets;
	m->msg_controllen += CMSG_SPACE(sizeof(o->segment[i]));
}

/* Makes the messages ready for the kernel. */
static void
seal(struct outbox *o)
{
	struct iovec *iov = o->iov;

	for (unsigned i = 0; i < o->n; i++) {
		iov = gather(o, i, iov);
		if (o->count[i] > 1)
			cut(o, i);
	}
}

/* Sends message i reply by reply, because the kernel would not cut it.  Returns how many
 * were not taken. */
static unsigned
send_singly(struct outbox *o, unsigned i, int fd)
{
	struct msghdr m = o->m[i].msg_hdr;
	unsigned lost = 0;

	m.msg_iovlen = 1;
	m.msg_controllen -= CMSG_SPACE(sizeof(o->segment[i]));
	for (unsigned k = 0; k < o->count[i]; k++, m.msg_iov++)
		lost += sendmsg(fd, &m, MSG_DONTWAIT) < 0;
	return lost;
}

/* What the kernel says of a message that it does not cut: no such option, checksums that it may
 * not leave to the card, a device whose MTU is smaller than the pieces.  Everything else is said
 * of the one address it was to go to (no route, a filter, a full queue), and the pieces would
 * fare no better. */
static bool
is_uncut(int error)
{
	return error == EINVAL || error == EIO || error == EOPNOTSUPP || error == EMSGSIZE;
}

/* The kernel did not take message i, for the reason in errno.  Returns how many replies are lost
 * with that.  An address for which the pieces are refused as well says nothing of cutting: with
 * such ones a stranger could keep it switched off. */
static unsigned
not_taken(struct outbox *o, unsigned i, int fd, uint64_t now_ms)
{
	unsigned lost = o->count[i];

	if (o->count[i] == 1 || !is_uncut(errno))
		return lost;
	lost = send_singly(o, i, fd);
	if (lost == o->count[i])
		return lost;
	o->single = true;
	o->single_until_ms = now_ms + SINGLE_MS;
	o->uncut++;
	return lost;
}

unsigned
outbox_send(struct outbox *o, int fd, uint64_t now_ms)
{
	unsigned at = 0, lost = 0;

	seal(o);
	while (at < o->n) {
		int sent = sendmmsg(fd, o->m + at, o->n - at, MSG_DONTWAIT);
		if (sent > 0)
			at += (unsigned)sent;
		else if (errno != EINTR)
			lost += not_taken(o, at++, fd, now_ms);
	}
	if (o->single && now_ms >= o->single_until_ms)
		o->single = false;
	outbox_init(o);
	return lost;
}
