/*
 * answer: THE SEAM.  A packet's bytes in, the answer's bytes out.
 *
 * No I/O, no heap, no lock, no clock: the transports (udp.c, tcp.c) bring the
 * packet, the client's address, the time and the generation, and send what comes
 * back.  Everything about DNS happens below this call, and all of it can be tested
 * through it.  Any thread, with its own counters.
 *
 * A packet is read, then answered.  Who has many at hand reads them all first and asks
 * memory for what their answers will need (answer_ahead), so that it is waited for once
 * for all of them and not by each in turn.
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

/* A packet that has been read.  Points into packet, generation, and itself. */
struct answer_ask {
	struct answer_client client;
	size_t len;			/* of the packet */
	enum query_outcome outcome;
	/* of a question in class IN: */
	const struct generation_zone *vz;	/* its zone; NULL = none of ours, or another class */
	struct steer_client place;	/* whom steering is to locate: the Client Subnet, or the resolver */
	struct query q;
};

void answer_read(struct answer_ask *ask, const struct generation *gen, const struct answer_client *client,
    const uint8_t *packet, size_t len);

/* Looks up together what these have in common to look up, and asks memory for the rest that their
 * answers will touch.  Only time depends on it: answers are the same without. */
void answer_ahead(struct answer_ask *ask, unsigned n);

/* Returns the octets written to `out`, 0 = say nothing.  `out` has out_size octets: at
 * least ANSWER_MAX_UDP for UDP, ANSWER_MAX_TCP for TCP.  `note` may be NULL. */
size_t answer_write(const struct generation *gen, const struct answer_ask *ask, uint8_t *out,
    size_t out_size, struct answer_note *note, struct counters *counters);

/* Both for one packet. */
size_t answer_packet(const struct generation *gen, const struct answer_client *client,
    const uint8_t *packet, size_t len, uint8_t *out, size_t out_size,
    struct answer_note *note, struct counters *counters);

#endif
