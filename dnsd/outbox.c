#include "dnsd/outbox.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

enum {
	JOINED_MAX = 60000,		/* octets of a message to be cut apart; IP's limit is not far */
	SEGMENT_MAX = 1232		/* what no path has to fragment: only that may be cut */
};

void
outbox_init(struct outbox *o)
{
	o->next = o->data;
	for (unsigned i = 0; i < OUTBOX_BATCH; i++) {
		o->m[i].msg_hdr.msg_iov = &o->iov[i];
		o->m[i].msg_hdr.msg_iovlen = 1;
	}
}

static bool
same_octets(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* True if a reply of `len` octets may be cut off the end of message i. */
static bool
alike(const struct outbox *o, unsigned i, size_t len, const struct msghdr *query)
{
	const struct msghdr *m = &o->m[i].msg_hdr;
	size_t control_len = m->msg_controllen;

	if (len != o->segment[i] || len > SEGMENT_MAX || o->iov[i].iov_len + len > JOINED_MAX)
		return false;
	if (o->iov[i].iov_len != len)		/* joined before: our own control message is last */
		control_len -= CMSG_SPACE(sizeof(uint16_t));
	return same_octets(m->msg_name, m->msg_namelen, query->msg_name, query->msg_namelen) &&
	    same_octets(m->msg_control, control_len, query->msg_control, query->msg_controllen);
}

/* Asks the kernel to cut message i into segments. */
static void
cut(struct outbox *o, unsigned i)
{
	struct msghdr *m = &o->m[i].msg_hdr;
	uint8_t *octets = o->control[i].octets;
	struct cmsghdr *c = (struct cmsghdr *)(void *)(octets + m->msg_controllen);
	uint16_t segment = (uint16_t)o->segment[i];

	if (m->msg_controllen != 0)
		memcpy(octets, m->msg_control, m->msg_controllen);
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(c), &segment, sizeof(segment));
	m->msg_control = octets;
	m->msg_controllen += CMSG_SPACE(sizeof(segment));
}

void
outbox_add(struct outbox *o, size_t len, const struct msghdr *query)
{
	unsigned i = o->n - 1;
	struct msghdr *m;

	if (o->n != 0 && !o->single && alike(o, i, len, query)) {
		if (o->iov[i].iov_len == len)
			cut(o, i);
		o->iov[i].iov_len += len;
		o->next += len;
		return;
	}
	i = o->n++;
	m = &o->m[i].msg_hdr;
	m->msg_name = query->msg_name;
	m->msg_namelen = query->msg_namelen;
	m->msg_control = query->msg_control;
	m->msg_controllen = query->msg_controllen;
	o->iov[i] = (struct iovec){ o->next, len };
	o->segment[i] = len;
	o->next += len;
}

/* Sends message i reply by reply, when the kernel would not cut it.  Returns how many were
 * not taken. */
static unsigned
send_singly(struct outbox *o, unsigned i, int fd)
{
	struct msghdr m = o->m[i].msg_hdr;
	struct iovec iov = { o->iov[i].iov_base, o->segment[i] };
	unsigned lost = 0;

	m.msg_iov = &iov;
	m.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
	for (size_t left = o->iov[i].iov_len; left != 0; left -= iov.iov_len) {
		if (sendmsg(fd, &m, MSG_DONTWAIT) < 0)
			lost++;
		iov.iov_base = (uint8_t *)iov.iov_base + iov.iov_len;
	}
	return lost;
}

/* The kernel stopped at message i. */
static unsigned
skip(struct outbox *o, unsigned i, int fd)
{
	if (o->iov[i].iov_len == o->segment[i])
		return 1;
	if (errno != EAGAIN && errno != ENOBUFS) {
		o->single = true;
		return send_singly(o, i, fd);
	}
	return (unsigned)(o->iov[i].iov_len / o->segment[i]);
}

unsigned
outbox_send(struct outbox *o, int fd)
{
	unsigned at = 0, lost = 0;

	while (at < o->n) {
		int sent = sendmmsg(fd, o->m + at, o->n - at, MSG_DONTWAIT);
		if (sent > 0)
			at += (unsigned)sent;
		else if (errno != EINTR)
			lost += skip(o, at++, fd);
	}
	o->n = 0;
	o->next = o->data;
	return lost;
}
