/*
 * ask: one DNS question to one address, over UDP or TCP, without blocking.
 *
 * Over UDP the socket is connected and the id is random; what does not carry our id
 * and question is ignored until the time is over (RFC 5452).  A truncated answer is asked
 * for again over TCP within the same time.  Knows no record types; hands over the message
 * as it came, its header and question checked.  One thread.
 */
#ifndef NEARCAST_ASK_H
#define NEARCAST_ASK_H

#include "common/addr.h"
#include "common/loop.h"

enum { ASK_QUESTION_MAX = 12 + 255 + 4 + 11, ASK_UDP_SIZE = 1232 };

enum ask_end { ASK_ANSWERED, ASK_TIMEOUT, ASK_ERRNO, ASK_GARBAGE };

struct ask {
	struct loop *loop;
	struct addr to;			/* with its port */
	bool tcp;			/* at once, not only when truncated */
	uint32_t timeout_ms;
	/* message and len only with ASK_ANSWERED, until done returns; error only with ASK_ERRNO */
	void (*done)(struct ask *ask, enum ask_end end, const uint8_t *message, size_t len, int error);
	/* ask's own */
	uint8_t question[2 + ASK_QUESTION_MAX];	/* behind its length, as TCP wants it */
	size_t question_len;
	uint64_t until_ms;
	bool over_tcp;
	size_t sent, got;
	uint8_t *in;			/* owned; TCP only */
	struct loop_io io;
	struct loop_timer timer;
};

/* Sets the question: `name` in wire form.  `rd` asks for recursion. */
void ask_question(struct ask *ask, const uint8_t *name, uint16_t type, uint16_t class_, bool rd);

/* Asks; done is called once, possibly from within. */
void ask_start(struct ask *ask);
/* Stops without a call of done.  A struct that was never started, only zeroed and given
 * a loop, may be cancelled too. */
void ask_cancel(struct ask *ask);

#endif
