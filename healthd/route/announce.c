#include "healthd/route/announce.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* The two markers of a prefix, in the order of adding; removed from the end. */
enum { MARK_SERVING, MARK_DRAINING, MARKS };

static const enum health_posture mark_posture[MARKS] = {
	[MARK_SERVING] = POSTURE_SERVING, [MARK_DRAINING] = POSTURE_DRAINING,
};

struct marker {
	unsigned family;		/* 0 = IPv4, 1 = IPv6 */
	unsigned k;			/* of the prefix */
	unsigned mark;
};

#define MARKER_TEXT 24			/* octets for its name */

static uint8_t
last_octet(const struct marker *m)
{
	return (uint8_t)(8 * m->k + (m->mark == MARK_SERVING ? 1 : 5));
}

static size_t
write_address(uint8_t ip[16], const struct marker *m)
{
	static const uint8_t net4[4] = { 169, 254, 53 }, net6[16] = { 0xfd, 0x53, 0x53, 0 };
	size_t len = m->family == 0 ? sizeof(net4) : sizeof(net6);

	memcpy(ip, m->family == 0 ? net4 : net6, len);
	ip[len - 1] = last_octet(m);
	return len;
}

static void
name_marker(char out[MARKER_TEXT], const struct marker *m)
{
	if (m->family == 0)
		snprintf(out, MARKER_TEXT, "169.254.53.%u/30", last_octet(m));
	else
		snprintf(out, MARKER_TEXT, "fd53:5300::%x/126", last_octet(m));
}

/* The marker that an address is; false if it is none. */
static bool
read_marker(struct marker *m, const struct ifaddrmsg *addr, const struct rtattr *attribute)
{
	uint8_t ip[16];
	size_t len = addr->ifa_family == AF_INET ? 4 : 16;
	const uint8_t *data = RTA_DATA(attribute);

	if (RTA_PAYLOAD(attribute) != len || addr->ifa_prefixlen != (len == 4 ? 30 : 126) ||
	    data[len - 1] % 4 != 1 || data[len - 1] > 8 * ANNOUNCE_PREFIXES)
		return false;
	*m = (struct marker){ .family = len == 4 ? 0 : 1, .k = data[len - 1] / 8,
		.mark = data[len - 1] % 8 == 1 ? MARK_SERVING : MARK_DRAINING };
	write_address(ip, m);
	return memcmp(ip, data, len) == 0;
}

/* A request grows in here, attribute by attribute. */
struct netlink_request {
	struct nlmsghdr head;
	struct ifaddrmsg addr;
	uint8_t attributes[256];
};

static void on_events(struct loop_io *io, uint32_t events);

static int
open_netlink(uint32_t groups, int flags, struct err *err)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK, .nl_groups = groups };
	struct timeval patience = { .tv_sec = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0)
		return fd;
	err_set(err, "announce: netlink socket: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int
announce_open(struct announce *a, struct loop *loop, const char *interface, uint32_t lease_ms,
    announce_meddled *meddled,
    struct err *err)
{
	*a = (struct announce){ .fd = -1, .events = { .fd = -1, .ready = on_events },
		.loop = loop, .meddled = meddled };
	announce_lease(a, lease_ms);
	a->ifindex = if_nametoindex(interface);
	if (a->ifindex == 0)
		return err_set(err, "announce: no interface \"%s\": %s", interface,
		    strerror(errno));
	a->fd = open_netlink(0, 0, err);
	a->events.fd = a->fd < 0 ? -1 :
	    open_netlink(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, SOCK_NONBLOCK, err);
	if (a->events.fd < 0) {
		announce_close(a);
		return -1;
	}
	if (loop_io_set(loop, &a->events, EPOLLIN) < 0) {
		err_set(err, "announce: netlink socket: %s", strerror(errno));
		announce_close(a);
		return -1;
	}
	return 0;
}

void
announce_close(struct announce *a)
{
	if (a->events.fd >= 0) {
		loop_io_set(a->loop, &a->events, 0);
		close(a->events.fd);
	}
	if (a->fd >= 0)
		close(a->fd);
	a->fd = a->events.fd = -1;
}

void
announce_lease(struct announce *a, uint32_t lease_ms)
{
	a->valid_s = lease_ms < 2500 ? 1 : (lease_ms - 500) / 1000;
}

uint32_t
announce_renew_ms(const struct announce *a)
{
	return a->valid_s * 1000 / 3;
}

static void
add_attribute(struct netlink_request *r, uint16_t type, const void *data, size_t len)
{
	struct rtattr *attribute = (struct rtattr *)(void *)((uint8_t *)r +
	    NLMSG_ALIGN(r->head.nlmsg_len));

	assert(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_SPACE(len) <= sizeof(*r));
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(attribute), data, len);
	r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

/* Waits for the kernel's word on request `seq`: 0 or an errno. */
static int
kernel_answer(struct announce *a, uint32_t seq)
{
	union { struct nlmsghdr head; uint8_t octets[8192]; } buffer;

	for (;;) {
		ssize_t got = recv(a->fd, &buffer, sizeof(buffer), 0);
		const struct nlmsgerr *answer;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (!NLMSG_OK(&buffer.head, (size_t)got) || buffer.head.nlmsg_seq != seq)
			continue;	/* a late answer to a request given up */
		if (buffer.head.nlmsg_type != NLMSG_ERROR ||
		    buffer.head.nlmsg_len < NLMSG_LENGTH(sizeof(*answer)))
			return EPROTO;
		answer = NLMSG_DATA(&buffer.head);
		return -answer->error;
	}
}

static int
change_marker(struct announce *a, const struct marker *m, bool add)
{
	struct netlink_request r = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)),
			.nlmsg_type = add ? RTM_NEWADDR : RTM_DELADDR,
			.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK |
			    (add ? NLM_F_CREATE | NLM_F_REPLACE : 0)),
			.nlmsg_seq = ++a->seq,
		},
		/* host scope: never the source address of a packet that leaves */
		.addr = { .ifa_family = m->family == 0 ? AF_INET : AF_INET6,
			.ifa_prefixlen = m->family == 0 ? 30 : 126,
			.ifa_scope = RT_SCOPE_HOST, .ifa_index = a->ifindex },
	};
	uint8_t ip[16];
	size_t len = write_address(ip, m);

	add_attribute(&r, IFA_LOCAL, ip, len);
	add_attribute(&r, IFA_ADDRESS, ip, len);
	if (add) {
		struct ifa_cacheinfo life = { .ifa_prefered = a->valid_s, .ifa_valid = a->valid_s };
		uint32_t flags = m->family == 1 ? IFA_F_NODAD : 0;

		add_attribute(&r, IFA_CACHEINFO, &life, sizeof(life));
		add_attribute(&r, IFA_FLAGS, &flags, sizeof(flags));
	}
	if (send(a->fd, &r, r.head.nlmsg_len, 0) < 0)
		return errno;
	return kernel_answer(a, r.head.nlmsg_seq);
}

static int
set_marker(struct announce *a, const struct marker *m, bool wanted, struct err *err)
{
	int error = change_marker(a, m, wanted);
	char name[MARKER_TEXT];

	if (!wanted && error == 0)
		a->ours[m->family][m->k][m->mark]++;
	if (error == 0 || (!wanted && error == EADDRNOTAVAIL))
		return 0;
	name_marker(name, m);
	return err_set(err, "announce: cannot %s marker %s: %s", wanted ? "renew" : "remove",
	    name, strerror(error));
}

int
announce_set(struct announce *a, int family, unsigned k, enum health_posture posture,
    struct err *err)
{
	struct marker m = { .family = family == 4 ? 0 : 1, .k = k };
	struct err other;
	int result = 0;

	assert((family == 4 || family == 6) && k < ANNOUNCE_PREFIXES);
	a->wanted.of[m.family][k] = posture;
	for (m.mark = 0; m.mark < MARKS; m.mark++)
		if (mark_posture[m.mark] <= posture &&
		    set_marker(a, &m, true, result == 0 ? err : &other) < 0)
			result = -1;
	for (m.mark = MARKS; m.mark-- > 0;)
		if (mark_posture[m.mark] > posture &&
		    set_marker(a, &m, false, result == 0 ? err : &other) < 0)
			result = -1;
	return result;
}

/* The marker that a message of the kernel's is about; false if it is about none. */
static bool
marker_of_message(const struct announce *a, const struct nlmsghdr *head, struct marker *m)
{
	const struct ifaddrmsg *addr = NLMSG_DATA(head);
	const struct rtattr *attribute = IFA_RTA(addr);
	size_t left = head->nlmsg_len < NLMSG_LENGTH(sizeof(*addr)) ? 0 : IFA_PAYLOAD(head);

	if (left == 0 || addr->ifa_index != a->ifindex ||
	    (addr->ifa_family != AF_INET && addr->ifa_family != AF_INET6))
		return false;
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == IFA_ADDRESS)
			return read_marker(m, addr, attribute);
	return false;
}

/* ---- what is there ---- */

/* Reads one datagram of a dump.  1 = more follows, 0 = that was all, -1 with errno. */
static int
read_dump_part(struct announce *a, struct announce_postures *there)
{
	union { struct nlmsghdr head; uint8_t octets[32768]; } buffer;
	ssize_t got = recv(a->fd, &buffer, sizeof(buffer), 0);
	struct marker m;
	size_t left;

	if (got < 0)
		return errno == EINTR ? 1 : -1;
	left = (size_t)got;
	for (const struct nlmsghdr *head = &buffer.head; NLMSG_OK(head, left);
	    head = NLMSG_NEXT(head, left)) {
		if (head->nlmsg_seq != a->seq)
			continue;
		if (head->nlmsg_type == NLMSG_DONE)
			return 0;
		if (head->nlmsg_type == NLMSG_ERROR) {
			errno = EPROTO;
			return -1;
		}
		if (head->nlmsg_type == RTM_NEWADDR && marker_of_message(a, head, &m) &&
		    mark_posture[m.mark] > there->of[m.family][m.k])
			there->of[m.family][m.k] = mark_posture[m.mark];
	}
	return 1;
}

int
announce_get(struct announce *a, struct announce_postures *there, struct err *err)
{
	struct netlink_request r = { .head = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)), .nlmsg_type = RTM_GETADDR,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = ++a->seq,
	} };
	int more;

	memset(there, 0, sizeof(*there));
	if (send(a->fd, &r, r.head.nlmsg_len, 0) < 0)
		return err_set(err, "announce: cannot list addresses: %s", strerror(errno));
	while ((more = read_dump_part(a, there)) > 0)
		;
	return more == 0 ? 0 : err_set(err, "announce: cannot list addresses: %s", strerror(errno));
}

/* ---- what somebody else removes ---- */

/* An address of ours is gone: is it one that we want, and did not remove ourselves? */
static void
marker_gone(struct announce *a, const struct marker *m)
{
	unsigned *ours = &a->ours[m->family][m->k][m->mark];
	char name[MARKER_TEXT];
	struct err err;
	int result;

	if (*ours > 0) {
		--*ours;
		return;
	}
	if (mark_posture[m->mark] > a->wanted.of[m->family][m->k])
		return;
	result = set_marker(a, m, true, &err);
	name_marker(name, m);
	a->meddled(a, &(struct announce_event){ .marker = name, .family = m->family, .k = m->k,
	    .why = result < 0 ? err.text : NULL });
}

/* An address of ours is there.  Our own word for it comes late when we have removed it since: then
 * there is nothing to remove. */
static void
marker_there(struct announce *a, const struct marker *m)
{
	unsigned *ours = &a->ours[m->family][m->k][m->mark], before = *ours;
	char name[MARKER_TEXT];
	struct err err;
	int result;

	if (mark_posture[m->mark] <= a->wanted.of[m->family][m->k])
		return;
	result = set_marker(a, m, false, &err);
	if (result == 0 && *ours == before)
		return;
	name_marker(name, m);
	a->meddled(a, &(struct announce_event){ .marker = name, .family = m->family, .k = m->k,
	    .added = true, .why = result < 0 ? err.text : NULL });
}

/* The kernel told more than was read: what is missing is found by looking. */
static void
look_for_gone(struct announce *a)
{
	struct announce_postures there;
	struct marker m;
	struct err err;

	memset(a->ours, 0, sizeof(a->ours));
	if (announce_get(a, &there, &err) < 0)
		return;			/* the next renewal brings back what is missing */
	for (m.family = 0; m.family < 2; m.family++)
		for (m.k = 0; m.k < ANNOUNCE_PREFIXES; m.k++)
			for (m.mark = 0; m.mark < MARKS; m.mark++)
				if (mark_posture[m.mark] > there.of[m.family][m.k])
					marker_gone(a, &m);
}

static void
on_events(struct loop_io *io, uint32_t events)
{
	struct announce *a = LOOP_OWNER(io, struct announce, events);
	union { struct nlmsghdr head; uint8_t octets[32768]; } buffer;
	struct marker m;

	(void)events;
	for (int i = 0; i < 64; i++) {
		ssize_t got = recv(io->fd, &buffer, sizeof(buffer), MSG_DONTWAIT);
		size_t left = (size_t)got;

		if (got < 0 && errno == ENOBUFS) {
			look_for_gone(a);
			continue;
		}
		if (got < 0)
			return;
		for (const struct nlmsghdr *head = &buffer.head; NLMSG_OK(head, left);
		    head = NLMSG_NEXT(head, left))
			if (head->nlmsg_type == RTM_DELADDR && marker_of_message(a, head, &m))
				marker_gone(a, &m);
			else if (head->nlmsg_type == RTM_NEWADDR && marker_of_message(a, head, &m))
				marker_there(a, &m);
	}
}
