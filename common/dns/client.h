/*
 * client: one DNS question to one address, over UDP or TCP, without blocking.
 *
 * A question over UDP goes through a socket of its own, which is connected, with a random id.
 * What does not carry our id and our question is ignored until the time is over (RFC 5452).
 * Any number of questions may be under way in one loop; each is a struct of its caller's.
 *
 * Knows no record types and no rcodes: hands over the message as it came, with only its
 * header and question checked.  Never blocks, keeps no cache, asks nobody twice, but for a
 * truncated answer, and for one that wants a cookie.  One thread.  RFC 1035 4.1 and 4.2,
 * RFC 6891, RFC 7873.
 */
#ifndef NEARCAST_CLIENT_H
#define NEARCAST_CLIENT_H

#include "common/addr.h"
#include "common/dns/client_cookie.h"
#include "common/loop.h"

/* A header, a name, type and class, an OPT record with a cookie. */
enum {
	CLIENT_QUESTION_MAX = 12 + 255 + 4 + 11 + CLIENT_COOKIE_OPTION,
	CLIENT_UDP_SIZE = 1232
};

enum client_way {
	CLIENT_UDP_TCP,			/* UDP; a truncated answer is asked for again over TCP */
	CLIENT_UDP,			/* UDP; a truncated answer is an answer */
	CLIENT_TCP
};

/* Of client_question. */
enum { CLIENT_RD = 1, CLIENT_EDNS = 2 };

enum client_end {
	CLIENT_ANSWERED,
	CLIENT_TIMEOUT,
	CLIENT_ERRNO,			/* a system call failed */
	CLIENT_GARBAGE			/* over TCP came something that is no answer to this */
};

/* One question.  Zero it, set the upper half, then client_question, then client_start as
 * often as wanted. */
struct client {
	struct loop *loop;
	struct addr to;			/* with its port */
	enum client_way way;
	/* `to` must be an address of this machine, or the question is not sent (EADDRNOTAVAIL);
	 * it is sent from `to` as well.  An answer can come from nobody else then: the first
	 * message that comes in over UDP is handed over unchecked, for the caller to say what
	 * is wrong with it. */
	bool local;
	/* Of the server asked, borrowed; it goes out with CLIENT_EDNS, and BADCOOKIE over UDP is
	 * answered once with the cookie that it gave.  NULL = no cookies. */
	struct client_cookie *cookie;
	uint32_t timeout_ms;		/* for all of it, TCP included */
	/* Called once for each client_start that returned 0, never from within it.  The client
	 * is idle then: it may be started again, or freed.  `message` is valid until done
	 * returns and, like `len`, is set only with CLIENT_ANSWERED; `error` is errno and set
	 * only with CLIENT_ERRNO. */
	void (*done)(struct client *client, enum client_end end, const uint8_t *message,
	    size_t len, int error);

	/* the client's own */
	uint8_t question[2 + CLIENT_QUESTION_MAX];	/* behind its length, as TCP wants it */
	size_t question_len, bare_len;	/* with and without the cookie */
	bool busy, over_tcp;
	bool again;			/* it was asked again for a cookie's sake */
	size_t sent, got;		/* octets, over TCP */
	uint8_t *in;			/* owned; what came over TCP */
	struct loop_io io;
	struct loop_timer timer;
};

/* Sets the question: a well-formed `name` in wire form (copied), type, class, and any of
 * CLIENT_RD (asks for recursion) and CLIENT_EDNS (adds an OPT record). */
void client_question(struct client *client, const uint8_t *name, uint16_t type, uint16_t class,
    unsigned flags);

/* The question as it was sent last, with its id; *len octets.  For checking answers. */
const uint8_t *client_sent(const struct client *client, size_t *len);

/* Asks.  0, or -1 with errno and nothing under way.  Must not be under way already. */
int client_start(struct client *client);

/* Forgets what is under way; done is not called.  An idle client may be cancelled, too. */
void client_cancel(struct client *client);

#endif
