/* Replies that are alike travel as one message, and arrive as they would have singly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dnsd/net/outbox.h"

enum { REPLIES = 6, PEERS = 2 };

/* Replies by length, and to which of two peers. */
static const struct row {
	const char *sentence;
	struct {
		size_t len;
		unsigned peer;
	} reply[REPLIES];
	unsigned messages;
} rows[] = {
	{ "one reply is one message", { { 50, 0 } }, 1 },
	{ "equally long replies to one peer are one message",
	  { { 50, 0 }, { 50, 0 }, { 50, 0 } }, 1 },
	{ "another length begins a message", { { 50, 0 }, { 51, 0 }, { 51, 0 } }, 2 },
	{ "another port begins a message", { { 50, 0 }, { 50, 1 } }, 2 },
	{ "what lies between does not matter",
	  { { 50, 0 }, { 50, 1 }, { 50, 0 }, { 60, 1 }, { 50, 1 } }, 3 },
	{ "each peer has its run", { { 50, 0 }, { 50, 0 }, { 50, 1 }, { 50, 1 } }, 2 },
	{ "what a path might fragment is not joined", { { 1233, 0 }, { 1233, 0 } }, 2 },
	{ "the largest segments are joined", { { 1232, 0 }, { 1232, 0 } }, 1 },
};

static struct outbox *box;
static int server, peer[PEERS];
static struct sockaddr_in address[PEERS];
static uint64_t now_ms;

/* Errors that the kernel is to give from now on: for joined messages to peer 0, and for single
 * ones to it; 0 = none. */
static int joined_error, single_error;

static bool
refuse(const struct msghdr *m)
{
	errno = m->msg_iovlen > 1 ? joined_error : single_error;
	return errno != 0 && memcmp(m->msg_name, &address[0], sizeof(address[0])) == 0;
}

/* Instead of the library's: refuses, or does the same. */
ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	return refuse(m) ? -1 : syscall(SYS_sendmsg, fd, m, flags);
}

int
sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
	unsigned good = 0;

	while (good < n && !refuse(&m[good].msg_hdr))
		good++;
	if (good == 0)
		return -1;
	return (int)syscall(SYS_sendmmsg, fd, m, good, flags);
}

static int
open_socket(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof(*a);

	*a = (struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)a, sizeof(*a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)a, &len), 0);
	return fd;
}

static int
set_up(void **state)
{
	struct sockaddr_in mine;

	(void)state;
	box = calloc(1, sizeof(*box));
	assert_non_null(box);
	outbox_init(box);
	joined_error = single_error = 0;
	now_ms = 1000;
	server = open_socket(&mine);
	for (unsigned i = 0; i < PEERS; i++)
		peer[i] = open_socket(&address[i]);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close(server);
	for (unsigned i = 0; i < PEERS; i++)
		close(peer[i]);
	free(box);
	return 0;
}

/* Fills reply number `i` with its number, so that it is known when it arrives. */
static void
add(unsigned i, size_t len, struct msghdr *query)
{
	memset(outbox_next(box), 'a' + (int)i, len);
	outbox_add(box, len, query);
}

static void
expect_arrival(const struct row *row)
{
	uint8_t got[4096];

	bool seen[REPLIES] = { false };

	for (unsigned i = 0; i < REPLIES && row->reply[i].len != 0; i++) {
		ssize_t n = recv(peer[row->reply[i].peer], got, sizeof(got), MSG_DONTWAIT);
		unsigned which = got[0] - 'a';		/* UDP promises no order */
		assert_true(n > 0 && which < REPLIES && !seen[which]);
		seen[which] = true;
		assert_int_equal(row->reply[which].peer, row->reply[i].peer);
		assert_int_equal(n, row->reply[which].len);
		for (ssize_t k = 0; k < n; k++)
			assert_int_equal(got[k], got[0]);
	}
	for (unsigned i = 0; i < PEERS; i++)
		assert_int_equal(recv(peer[i], got, sizeof(got), MSG_DONTWAIT), -1);
}

static void
run_row(const struct row *row, unsigned messages)
{
	struct msghdr query[REPLIES];
	struct sockaddr_in from[REPLIES];

	print_message("%s\n", row->sentence);
	for (unsigned i = 0; i < REPLIES && row->reply[i].len != 0; i++) {
		from[i] = address[row->reply[i].peer];
		query[i] = (struct msghdr){ .msg_name = &from[i], .msg_namelen = sizeof(from[i]) };
		add(i, row->reply[i].len, &query[i]);
	}
	if (messages != 0)
		assert_int_equal(box->n, messages);
	assert_int_equal(outbox_send(box, server, now_ms), 0);
	assert_int_equal(box->n, 0);
	expect_arrival(row);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		run_row(&rows[i], rows[i].messages);
}

/* A socket without checksums cannot cut: the kernel says so, and nothing is lost. */
static void
test_a_kernel_that_does_not_cut(void **state)
{
	(void)state;
	assert_int_equal(setsockopt(server, SOL_SOCKET, SO_NO_CHECK, &(int){ 1 }, sizeof(int)), 0);
	run_row(&rows[1], 1);
	assert_true(box->single);
	run_row(&rows[1], 3);
	run_row(&rows[5], 4);
}

/* Sends `n` replies to peer 0 and two to peer 1; how many are lost. */
static unsigned
send_to_both(unsigned n)
{
	struct msghdr query[PEERS];

	for (unsigned i = 0; i < PEERS; i++)
		query[i] = (struct msghdr){ .msg_name = &address[i],
		    .msg_namelen = sizeof(address[i]) };
	for (unsigned i = 0; i < n + 2; i++)
		add(i, 50, &query[i < n ? 0 : 1]);
	return outbox_send(box, server, now_ms);
}

static unsigned
arrived(unsigned i)
{
	uint8_t got[64];
	unsigned n = 0;

	while (recv(peer[i], got, sizeof(got), MSG_DONTWAIT) == 50)
		n++;
	return n;
}

/* An address without a route, or one that a filter forbids, says nothing of cutting: its replies
 * are lost, the others go as before. */
static void
test_an_error_of_one_address_costs_its_replies(void **state)
{
	static const int errors[] = { EHOSTUNREACH, ENETUNREACH, EPERM, EACCES, ECONNREFUSED,
	    EAGAIN, ENOBUFS, ENOMEM, ENETDOWN };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		print_message("%s\n", strerror(errors[i]));
		joined_error = single_error = errors[i];
		assert_int_equal(send_to_both(2), 2);
		assert_false(box->single);
		assert_int_equal(send_to_both(1), 1);
		assert_false(box->single);
		assert_int_equal(box->uncut, 0);
		assert_int_equal(arrived(0), 0);
		assert_int_equal(arrived(1), 4);
	}
}

/* Errors that say nothing of cutting do not end it, although the same replies would go singly: a
 * queue may have been full for a moment. */
static void
test_an_error_that_is_over_does_not_end_cutting(void **state)
{
	static const int errors[] = { EAGAIN, ENOBUFS, ENOMEM, ENETUNREACH, EHOSTUNREACH, EPERM };

	(void)state;
	single_error = 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		joined_error = errors[i];
		assert_int_equal(send_to_both(2), 2);
		assert_false(box->single);
		assert_int_equal(box->uncut, 0);
		assert_int_equal(arrived(0), 0);
		assert_int_equal(arrived(1), 2);
	}
}

/* The same error for the pieces is the address's too. */
static void
test_an_address_that_takes_nothing_does_not_end_cutting(void **state)
{
	(void)state;
	joined_error = single_error = EINVAL;
	assert_int_equal(send_to_both(3), 3);
	assert_false(box->single);
	assert_int_equal(arrived(1), 2);
}

/* What means that the kernel does not cut: nothing is lost, a minute goes singly, then it is asked
 * again. */
static void
test_cutting_is_tried_again_after_a_minute(void **state)
{
	static const int errors[] = { EINVAL, EIO, EOPNOTSUPP, EMSGSIZE };
	uint64_t began;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		print_message("%s\n", strerror(errors[i]));
		joined_error = errors[i];
		began = now_ms;
		assert_int_equal(send_to_both(3), 0);
		assert_true(box->single);
		assert_int_equal(box->uncut, i + 1);
		assert_int_equal(arrived(0), 3);
		now_ms = began + 59999;
		assert_int_equal(send_to_both(3), 0);
		assert_true(box->single);
		now_ms = began + 60000;
		assert_int_equal(send_to_both(3), 0);
		assert_false(box->single);
		assert_int_equal(arrived(0), 6);
		assert_int_equal(arrived(1), 6);
		joined_error = 0;
		run_row(&rows[1], 1);
	}
}

/* Replies that must leave from a certain address keep it when they are joined. */
static void
test_source_address(void **state)
{
	union outbox_control control[3];
	struct in_pktinfo info = { .ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK + 1) };
	struct msghdr query[3];
	struct sockaddr_in mine, from = { 0 };
	uint8_t got[64];
	socklen_t len;

	(void)state;
	close(server);
	server = socket(AF_INET, SOCK_DGRAM, 0);
	mine = (struct sockaddr_in){ .sin_family = AF_INET };
	assert_int_equal(bind(server, (struct sockaddr *)&mine, sizeof(mine)), 0);
	for (unsigned i = 0; i < 3; i++) {
		struct cmsghdr *c = &control[i].align;
		if (i == 2)
			info.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK + 2);
		memset(&control[i], 0, sizeof(control[i]));
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		query[i] = (struct msghdr){ .msg_name = &address[0],
		    .msg_namelen = sizeof(address[0]),
		    .msg_control = &control[i], .msg_controllen = CMSG_SPACE(sizeof(info)) };
		add(i, 40, &query[i]);
	}
	assert_int_equal(box->n, 2);
	assert_int_equal(outbox_send(box, server, now_ms), 0);
	for (unsigned i = 0; i < 3; i++) {
		len = sizeof(from);
		assert_int_equal(recvfrom(peer[0], got, sizeof(got), MSG_DONTWAIT,
		    (struct sockaddr *)&from, &len), 40);
		assert_int_equal(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK + (i == 2 ? 2 : 1));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_kernel_that_does_not_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_error_of_one_address_costs_its_replies,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_error_that_is_over_does_not_end_cutting,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    test_an_address_that_takes_nothing_does_not_end_cutting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cutting_is_tried_again_after_a_minute,
		    set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_source_address, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
