/*
 * answer: THE SEAM.  A packet's bytes in, the answer's bytes out (RFC 1034, 1035, 6891).
 *
 * No I/O, no heap, no lock, no clock: the transports (udp.c, tcp.c) bring the
 * packet, the client's address, the time and the generation, and send what comes
 * back.  Everything about DNS happens below this call, and all of it can be tested
 * through it.  Knows neither sockets nor rate limiting.  Any thread, with its own counters.
 *
 * A packet is read (answer_read), then answered (answer_write).  A caller with a whole batch
 * reads all of it first, and calls answer_ahead in between: it fetches what the answers will
 * need into the cache for all packets at once, instead of one packet after the other.
 */
#ifndef NEARCAST_ANSWER_H
#define NEARCAST_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsd/answer/answer_note.h"
#include "dnsd/answer/counters.h"
#include "dnsd/message/query.h"
#include "dnsd/generation/generation.h"

#define ANSWER_MAX_UDP 4096		/* the largest udp-payload that can be configured */
#define ANSWER_MAX_TCP 65535

/* A packet that has been read.  It points into the packet, into the generation, and into
 * itself, so that it must not be copied; valid as long as both. */
struct answer_ask {
	struct answer_client client;
	size_t len;			/* of the packet */
	enum query_outcome outcome;
	/* of a question in class IN: */
	const struct generation_zone *vz;	/* its zone; NULL = none of ours */
	struct steer_client place;	/* whom to locate: the Client Subnet, or the resolver */
	struct query q;
};

/* Reads a packet of `len` octets from `client`, whose address is copied. */
void answer_read(struct answer_ask *ask, const struct generation *gen,
    const struct answer_client *client, const uint8_t *packet, size_t len);

/* The packet that was read was only the beginning of a longer one.  What does not end cannot be
 * understood: FORMERR, unless something worse or its opcode was to be said already. */
void answer_cut(struct answer_ask *ask);

/* For n packets that were read: finds their clients in the maps and fetches what their answers
 * will look at into the cache.  Only time depends on it: answers are the same without. */
void answer_ahead(struct answer_ask *ask, unsigned n);

/* Returns the octets written to `out`, 0 = say nothing (and *note is not written).  `out` has
 * out_size octets: at least ANSWER_MAX_UDP for UDP, ANSWER_MAX_TCP for TCP.  `note` may be
 * NULL.  `gen` is the generation that the packet was read with. */
size_t answer_write(const struct generation *gen, const struct answer_ask *ask, uint8_t *out,
    size_t out_size, struct answer_note *note, struct counters *counters);

/* Cuts an answer in `out` down to header, question and OPT, with TC, so that the client asks again
 * over TCP.  Of the options only a cookie stays, with which it may ask over UDP; so it is no
 * longer than the question, or by 16 octets where that had a client cookie alone.  `note` is
 * what answer_write said of it.  Returns its octets. */
size_t answer_slip(uint8_t *out, const struct answer_note *note);

/* answer_read and answer_write for one packet. */
size_t answer_packet(const struct generation *gen, const struct answer_client *client,
    const uint8_t *packet, size_t len, uint8_t *out, size_t out_size,
    struct answer_note *note, struct counters *counters);

#endif
