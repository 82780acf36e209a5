#include "healthd/route/announce.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

struct marker {
	const char *name;
	enum health_posture posture;	/* wanted from this one upwards */
	uint8_t family, len;
	uint8_t ip[16];
};

/* In the order of adding; removed from the end. */
static const struct marker markers[] = {
	{ "169.254.53.1/30", POSTURE_SERVING, AF_INET, 30, { 169, 254, 53, 1 } },
	{ "fd53:5300::1/126", POSTURE_SERVING, AF_INET6, 126, { 0xfd, 0x53, 0x53, 0, [15] = 1 } },
	{ "169.254.53.5/30", POSTURE_DRAINING, AF_INET, 30, { 169, 254, 53, 5 } },
	{ "fd53:5300::5/126", POSTURE_DRAINING, AF_INET6, 126, { 0xfd, 0x53, 0x53, 0, [15] = 5 } },
};
#define MARKERS (sizeof(markers) / sizeof(markers[0]))

/* A request grows in here, attribute by attribute. */
struct netlink_request {
	struct nlmsghdr head;
	struct ifaddrmsg addr;
	uint8_t attributes[256];
};

int
announce_open(struct announce *a, const char *interface, uint32_t lease_ms, bool v4, bool v6,
    struct err *err)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 1 };

	*a = (struct announce){ .fd = -1, .v4 = v4, .v6 = v6,
		.valid_s = lease_ms < 2500 ? 1 : (lease_ms - 500) / 1000 };
	a->ifindex = if_nametoindex(interface);
	if (a->ifindex == 0)
		return err_set(err, "announce: no interface \"%s\": %s", interface,
		    strerror(errno));
	a->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (a->fd < 0)
		return err_set(err, "announce: netlink socket: %s", strerror(errno));
	if (bind(a->fd, (struct sockaddr *)&local, sizeof(local)) < 0 ||
	    setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
		err_set(err, "announce: netlink socket: %s", strerror(errno));
		announce_close(a);
		return -1;
	}
	return 0;
}

void
announce_close(struct announce *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
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
		.addr = { .ifa_family = m->family, .ifa_prefixlen = m->len,
			.ifa_scope = RT_SCOPE_HOST, .ifa_index = a->ifindex },
	};
	size_t len = m->family == AF_INET ? 4 : 16;

	add_attribute(&r, IFA_LOCAL, m->ip, len);
	add_attribute(&r, IFA_ADDRESS, m->ip, len);
	if (add) {
		struct ifa_cacheinfo life = { .ifa_prefered = a->valid_s, .ifa_valid = a->valid_s };
		uint32_t flags = m->family == AF_INET6 ? IFA_F_NODAD : 0;

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
	int error = 0;

	if (m->family == AF_INET ? a->v4 : a->v6)
		error = change_marker(a, m, wanted);
	if (error == 0 || (!wanted && error == EADDRNOTAVAIL))
		return 0;
	return err_set(err, "announce: cannot %s marker %s: %s", wanted ? "renew" : "remove",
	    m->name, strerror(error));
}

int
announce_set(struct announce *a, enum health_posture posture, struct err *err)
{
	struct err other;
	int result = 0;

	for (size_t i = 0; i < MARKERS; i++)
		if (markers[i].posture <= posture &&
		    set_marker(a, &markers[i], true, result == 0 ? err : &other) < 0)
			result = -1;
	for (size_t i = MARKERS; i-- > 0;)
		if (markers[i].posture > posture &&
		    set_marker(a, &markers[i], false, result == 0 ? err : &other) < 0)
			result = -1;
	return result;
}

/* The posture that this address stands for; DOWN for an address that is none of ours. */
static enum health_posture
posture_of_address(const struct announce *a, const struct nlmsghdr *head)
{
	const struct ifaddrmsg *addr = NLMSG_DATA(head);
	const struct rtattr *attribute = IFA_RTA(addr);
	size_t left = head->nlmsg_len < NLMSG_LENGTH(sizeof(*addr)) ? 0 : IFA_PAYLOAD(head);

	if (head->nlmsg_type != RTM_NEWADDR || left == 0 || addr->ifa_index != a->ifindex)
		return POSTURE_DOWN;
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		for (size_t i = 0; i < MARKERS; i++) {
			const struct marker *m = &markers[i];
			size_t len = m->family == AF_INET ? 4 : 16;

			if (attribute->rta_type == IFA_ADDRESS && addr->ifa_family == m->family &&
			    addr->ifa_prefixlen == m->len && RTA_PAYLOAD(attribute) == len &&
			    memcmp(RTA_DATA(attribute), m->ip, len) == 0)
				return m->posture;
		}
	return POSTURE_DOWN;
}

/* Reads one datagram of a dump.  1 = more follows, 0 = that was all, -1 with errno. */
static int
read_dump_part(struct announce *a, enum health_posture *posture)
{
	union { struct nlmsghdr head; uint8_t octets[32768]; } buffer;
	ssize_t got = recv(a->fd, &buffer, sizeof(buffer), 0);
	size_t left;

	if (got < 0)
		return errno == EINTR ? 1 : -1;
	left = (size_t)got;
	for (const struct nlmsghdr *head = &buffer.head; NLMSG_OK(head, left);
	    head = NLMSG_NEXT(head, left)) {
		enum health_posture seen;

		if (head->nlmsg_seq != a->seq)
			continue;
		if (head->nlmsg_type == NLMSG_DONE)
			return 0;
		if (head->nlmsg_type == NLMSG_ERROR) {
			errno = EPROTO;
			return -1;
		}
		seen = posture_of_address(a, head);
		if (seen > *posture)
			*posture = seen;
	}
	return 1;
}

int
announce_get(struct announce *a, enum health_posture *posture, struct err *err)
{
	struct netlink_request r = { .head = {
		.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)), .nlmsg_type = RTM_GETADDR,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = ++a->seq,
	} };
	int more;

	*posture = POSTURE_DOWN;
	if (send(a->fd, &r, r.head.nlmsg_len, 0) < 0)
		return err_set(err, "announce: cannot list addresses: %s", strerror(errno));
	while ((more = read_dump_part(a, posture)) > 0)
		;
	return more == 0 ? 0 : err_set(err, "announce: cannot list addresses: %s", strerror(errno));
}
