/*
 * limit: what sockets allow.  A server that does no DNS at all: recvmmsg a batch,
 * sendmmsg a canned reply for each, with the question copied and an OPT record
 * echoed, so that the packets are as long as a real server's.
 *
 *	limit ADDRESS PORT [ADDRESSES]
 *
 * ADDRESSES (default 2) A records a reply.  No server that uses sockets in this way
 * can be faster; how near one comes is what it does itself.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 4096, HEADER = 12, RECORD = 16 };

static const uint8_t record[RECORD] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 1 };

/* Query to reply in place: header, question, records, and the rest moved behind them. */
static size_t
turn(uint8_t *p, size_t len, unsigned records)
{
	size_t at = HEADER;

	while (at < len && p[at] != 0)
		at += p[at] + 1u;
	at += 5;
	if (at > len || len + records * RECORD > SIZE)
		return 0;
	memmove(p + at + records * RECORD, p + at, len - at);
	for (unsigned i = 0; i < records; i++)
		memcpy(p + at + i * RECORD, record, RECORD);
	p[2] |= 0x84;
	p[7] = (uint8_t)records;
	return len + records * RECORD;
}

int
main(int argc, char **argv)
{
	static uint8_t buffer[BATCH][SIZE];
	static struct sockaddr_in from[BATCH];
	static struct iovec iov[BATCH];
	static struct mmsghdr m[BATCH];
	struct sockaddr_in local = { .sin_family = AF_INET };
	unsigned records = argc > 3 ? (unsigned)atoi(argv[3]) : 2;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

	if (argc < 3 || inet_pton(AF_INET, argv[1], &local.sin_addr) != 1) {
		fprintf(stderr, "usage: limit ADDRESS PORT [ADDRESSES]\n");
		return 2;
	}
	local.sin_port = htons((uint16_t)atoi(argv[2]));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0) {
		perror("limit: bind");
		return 1;
	}
	for (unsigned i = 0; i < BATCH; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1,
		    .msg_name = &from[i] };
	for (;;) {
		int n;
		for (unsigned i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){ buffer[i], SIZE };
			m[i].msg_hdr.msg_namelen = sizeof(from[i]);
		}
		n = recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++)
			iov[i].iov_len = turn(buffer[i], m[i].msg_len, records);
		if (n > 0 && sendmmsg(fd, m, (unsigned)n, 0) < 0)
			perror("limit: sendmmsg");
	}
}
