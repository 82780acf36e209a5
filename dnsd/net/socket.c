#include "dnsd/net/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	UDP_BUFFER = 4 << 20,		/* octets, each way */
	TCP_BACKLOG = 4096,		/* connections that wait to be accepted, at most */
	/* Octets of a connection; the kernel takes twice as much for its own needs. */
	TCP_SEND = 48 << 10,
	TCP_RECEIVE = 32 << 10,
	TCP_DEAD_MS = 30000,		/* what is sent and not taken for so long ends it */
	TCP_KEEPALIVE_S = 30		/* with nothing to send: whether anybody is there */
};

static int
set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int
set_ip_options(int fd, uint8_t family)
{
	if (family == 4)
		return set_option(fd, IPPROTO_IP, IP_FREEBIND, 1);
	if (set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) < 0)
		return -1;
	return set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
}

/* No forged ICMP shall shrink what we send.  Fragments of IPv6, where there must be any, fit
 * the least MTU that it has (RFC 8200 5). */
static int
set_udp_options(int fd, const struct addr *addr)
{
	bool wildcard = addr_is_zero(addr->ip);

	if (addr->family == 4) {
		if (set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) < 0)
			return -1;
		return wildcard ? set_option(fd, IPPROTO_IP, IP_PKTINFO, 1) : 0;
	}
	if (set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) < 0 ||
	    set_option(fd, IPPROTO_IPV6, IPV6_MTU, 1280) < 0)
		return -1;
	return wildcard ? set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : 0;
}

void
socket_send_buffer(int fd, int octets)
{
	set_option(fd, SOL_SOCKET, SO_SNDBUF, octets);
}

/* Accepted connections inherit all of this.  Left to the kernel, buffers grow to megabytes, which
 * clients that read nothing pin. */
static int
set_tcp_options(int fd)
{
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
	    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0 ||
	    set_option(fd, SOL_SOCKET, SO_RCVBUF, TCP_RECEIVE) < 0 ||
	    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) < 0 ||
	    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, TCP_KEEPALIVE_S) < 0 ||
	    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, TCP_KEEPALIVE_S / 3) < 0 ||
	    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_DEAD_MS) < 0)
		return -1;
	socket_send_buffer(fd, TCP_SEND);
	set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, TCP_BACKLOG);	/* where the system allows it */
	return 0;
}

/* As large as root may have it, or as the system allows. */
static void
set_buffer(int fd, int forced, int option)
{
	if (set_option(fd, SOL_SOCKET, forced, UDP_BUFFER) < 0)
		set_option(fd, SOL_SOCKET, option, UDP_BUFFER);
}

int
socket_bind(const struct addr *addr, int type, bool shared, struct err *err)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(addr, &ss);
	bool udp = type == SOCK_DGRAM;
	char text[ADDR_TEXT];
	int fd = socket(ss.ss_family, type | SOCK_CLOEXEC | (udp ? 0 : SOCK_NONBLOCK), 0);

	if (fd < 0 || set_ip_options(fd, addr->family) < 0 ||
	    (udp ? set_udp_options(fd, addr) : set_tcp_options(fd)) < 0 ||
	    (shared && set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0) ||
	    bind(fd, (struct sockaddr *)&ss, len) < 0 ||
	    (!udp && listen(fd, TCP_BACKLOG) < 0)) {
		err_set(err, "listen %s over %s: %s", addr_text(addr, text), udp ? "UDP" : "TCP",
		    strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (udp) {
		set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
		set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	}
	return fd;
}

int
socket_here(const struct addr *addr, struct err *err)
{
	struct addr any_port = *addr;
	struct sockaddr_storage ss;
	char text[ADDR_TEXT];
	socklen_t len;
	int fd, rc;

	any_port.port = 0;
	len = addr_to_sockaddr(&any_port, &ss);
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, "socket: %s", strerror(errno));
	rc = bind(fd, (struct sockaddr *)&ss, len);
	if (rc < 0)
		err_set(err, "listen %s: %s", addr_text(addr, text), errno == EADDRNOTAVAIL ?
		    "is not an address of this machine" : strerror(errno));
	close(fd);
	return rc;
}
