/*
 * ring: the queries of the load generators, read from a file that tests/bench/world.py made.
 *
 * One query a line: "HEX RCODE EXPECT", the packet, the rcode that must come back, and what the
 * answer section must hold: "-" nothing, "*" anything, "=HEX" address records that all begin with
 * these octets.  Queries are asked in the order of the file, then again from its beginning.
 */
#ifndef NEARCAST_TESTS_RING_H
#define NEARCAST_TESTS_RING_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/dns/dns.h"

enum { RING_QUERY = 300 };

struct ring_query {
	uint8_t packet[RING_QUERY];
	uint16_t len, question_end;
	uint16_t ecs_at, ecs_len;	/* the option's data; 0 = none */
	uint8_t rcode;
	char expect;			/* '-', '*' or '=' */
	uint8_t prefix[16], prefix_len;
};

struct ring {
	struct ring_query *queries;
	size_t n, next;
};

static inline size_t
ring_read_hex(uint8_t *out, size_t size, const char *hex)
{
	size_t n = 0;
	unsigned octet;

	for (; n < size && sscanf(hex, "%2x", &octet) == 1; hex += 2)
		out[n++] = (uint8_t)octet;
	return n;
}

/* Our own queries: the question, then at most an OPT record with options. */
static inline void
ring_find_parts(struct ring_query *q)
{
	size_t at = DNS_HEADER_LEN;

	while (q->packet[at] != 0)
		at += q->packet[at] + 1u;
	at += 5;
	q->question_end = (uint16_t)at;
	for (at += 11; at + 4 <= q->len; at += 4 + dns_get16(q->packet + at + 2))
		if (dns_get16(q->packet + at) == DNS_OPT_ECS) {
			q->ecs_at = (uint16_t)(at + 4);
			q->ecs_len = (uint16_t)dns_get16(q->packet + at + 2);
		}
}

/* Reads all of them; without any the program ends. */
static inline void
ring_read(struct ring *ring, const char *path)
{
	char line[2 * RING_QUERY + 64], hex[2 * RING_QUERY + 1], expect[40];
	size_t size = 0;
	unsigned rcode;
	FILE *f = fopen(path, "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		struct ring_query *q;

		if (sscanf(line, "%600s %u %39s", hex, &rcode, expect) != 3)
			continue;
		if (ring->n == size) {
			size = size * 2 + 1024;
			ring->queries = realloc(ring->queries, size * sizeof(*ring->queries));
			if (ring->queries == NULL)
				abort();
		}
		q = &ring->queries[ring->n++];
		*q = (struct ring_query){ .rcode = (uint8_t)rcode, .expect = expect[0] };
		q->len = (uint16_t)ring_read_hex(q->packet, sizeof(q->packet), hex);
		if (q->expect == '=')
			q->prefix_len = (uint8_t)ring_read_hex(q->prefix, sizeof(q->prefix),
			    expect + 1);
		ring_find_parts(q);
	}
	if (f != NULL)
		fclose(f);
	if (ring->n == 0) {
		fprintf(stderr, "%s: no queries\n", path);
		exit(1);
	}
}

static inline const struct ring_query *
ring_next(struct ring *ring)
{
	const struct ring_query *q = &ring->queries[ring->next];

	ring->next = (ring->next + 1) % ring->n;
	return q;
}

#endif
