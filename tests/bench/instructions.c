/*
 * instructions: what an answer costs above the sockets, in batches as udp.c answers them.
 *
 *	instructions CONF count [N]	under callgrind: see the script of the same name
 *	instructions CONF time		nanoseconds an answer, no valgrind
 *
 * A real generation is built from CONF; for every kind of question below, N (default
 * 1000) packets are prepared and then answered.  kind_done() marks the end of a kind: the
 * script has callgrind collect inside answer_batch() only and dump at these marks, so
 * that each figure is the instructions of exactly N answers.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnsd/answer/answer.h"
#include "dnsd/generation/generation.h"
#include "tests/lib/random.h"

enum { PACKET = 128, MAX_PACKETS = 1 << 16, BATCH = 64 };

enum vary { FIXED, NUMBERED, ECS4, ECS6 };

static const struct kind {
	const char *name;		/* in instructions.txt */
	const char *qname;		/* NUMBERED: printf format of a number */
	uint16_t type;
	enum vary vary;
	bool edns, dnssec, cookie, nsid;
	uint8_t rcode;
} kinds[] = {
	{ .name = "steered-a", .qname = "dl.example.org", .type = DNS_A },
	{ .name = "steered-aaaa", .qname = "dl.example.org", .type = DNS_AAAA },
	{ .name = "steered-a-edns", .qname = "dl.example.org", .type = DNS_A, .edns = true },
	{ .name = "steered-a-do", .qname = "dl.example.org", .type = DNS_A, .edns = true,
	    .dnssec = true },
	{ .name = "steered-a-ecs4", .qname = "dl.example.org", .type = DNS_A, .vary = ECS4,
	    .edns = true },
	{ .name = "steered-aaaa-ecs6", .qname = "dl.example.org", .type = DNS_AAAA, .vary = ECS6,
	    .edns = true },
	{ .name = "static-a", .qname = "n%u.big.example", .type = DNS_A, .vary = NUMBERED },
	{ .name = "static-a-cookie-nsid", .qname = "mail.example.org", .type = DNS_A, .edns = true,
	    .cookie = true, .nsid = true },
	{ .name = "cname", .qname = "alias.example.org", .type = DNS_A },
	{ .name = "mx-additional", .qname = "example.org", .type = DNS_MX },
	{ .name = "nodata", .qname = "mail.example.org", .type = DNS_MX },
	{ .name = "nxdomain", .qname = "x%u.example.org", .type = DNS_A, .vary = NUMBERED,
	    .rcode = DNS_NXDOMAIN },
	{ .name = "refused", .qname = "www.example.net", .type = DNS_A, .rcode = DNS_REFUSED },
};

/* Not static: callgrind knows them by name, and they might be compiled under another. */
void kind_done(const char *name);
void answer_batch(const struct generation *gen, unsigned at, unsigned n);

static uint8_t packets[MAX_PACKETS][PACKET];
static size_t lengths[MAX_PACKETS];
static uint8_t out[BATCH][ANSWER_MAX_UDP];
static size_t answered[BATCH];
static uint64_t seed;

static uint8_t *
put_option(uint8_t *p, uint16_t code, uint16_t len)
{
	dns_put16(p, code);
	dns_put16(p + 2, len);
	memset(p + 4, 0, len);
	return p + 4;
}

static uint8_t *
put_ecs(uint8_t *p, enum vary family)
{
	uint8_t octets = family == ECS4 ? 3 : 6;
	uint64_t ip = random_next(&seed);

	p = put_option(p, DNS_OPT_ECS, 4u + octets);
	dns_put16(p, family == ECS4 ? 1 : 2);
	p[2] = (uint8_t)(octets * 8);
	memcpy(p + 4, &ip, octets);
	if (family == ECS6)
		p[4] = 0x20 | (p[4] & 0x1f);
	return p + 4 + octets;
}

static size_t
make_packet(const struct kind *k, uint8_t *packet)
{
	uint8_t *p = packet + DNS_HEADER_LEN, *opt, name[NAME_MAX_WIRE];
	char text[64];
	struct err err;
	int len;

	snprintf(text, sizeof(text), "%s", k->qname);
	if (k->vary == NUMBERED)
		snprintf(text, sizeof(text), *k->qname == 'n' ? "n%u.big.example" :
		    "x%u.example.org",
		    (unsigned)(random_next(&seed) % 1000));
	len = name_parse(name, text, &err);
	if (len < 0) {
		fprintf(stderr, "instructions: %s\n", err.text);
		exit(1);
	}
	memset(packet, 0, DNS_HEADER_LEN);
	dns_put16(packet, (uint16_t)random_next(&seed));
	dns_put16(packet + 2, DNS_RD);
	dns_put16(packet + 4, 1);
	dns_put16(packet + 10, k->edns);
	memcpy(p, name, (size_t)len);
	p += len;
	dns_put16(p, k->type);
	dns_put16(p + 2, DNS_IN);
	p += 4;
	if (!k->edns)
		return (size_t)(p - packet);
	opt = p;
	*p = 0;
	dns_put16(p + 1, DNS_OPT);
	dns_put16(p + 3, 1232);
	dns_put32(p + 5, k->dnssec ? 0x8000 : 0);
	p += 11;
	if (k->vary == ECS4 || k->vary == ECS6)
		p = put_ecs(p, k->vary);
	if (k->nsid)
		p = put_option(p, DNS_OPT_NSID, 0);
	if (k->cookie)
		p = put_option(p, DNS_OPT_COOKIE, 8) + 8;
	dns_put16(opt + 9, (uint16_t)(p - opt - 11));
	return (size_t)(p - packet);
}

static void
prepare(const struct kind *k, unsigned n)
{
	seed = 1;
	for (unsigned i = 0; i < n; i++)
		lengths[i] = make_packet(k, packets[i]);
}

__attribute__((noinline)) void
answer_batch(const struct generation *gen, unsigned at, unsigned n)
{
	static struct counters counters;
	static struct answer_ask ask[BATCH];
	struct answer_client client = { .addr = { 4, { 192, 0, 2, 1 }, 40000 },
	    .now_s = 1767225600 };
	struct answer_note note;

	for (unsigned i = 0; i < n; i++)
		answer_read(&ask[i], gen, &client, packets[at + i], lengths[at + i]);
	answer_ahead(ask, n);
	for (unsigned i = 0; i < n; i++)
		answered[i] = answer_write(gen, &ask[i], out[i], sizeof(out[i]), &note, &counters);
}

static void
answer(const struct generation *gen, const struct kind *k, unsigned n)
{
	for (unsigned at = 0; at < n; at += BATCH) {
		unsigned some = n - at < BATCH ? n - at : BATCH;

		answer_batch(gen, at, some);
		for (unsigned i = 0; i < some; i++) {
			if (answered[i] != 0 && (out[i][3] & 15) == k->rcode)
				continue;
			fprintf(stderr, "instructions: %s: rcode %u, expected %u\n", k->name,
			    out[i][3] & 15u, k->rcode);
			exit(1);
		}
	}
}

/* Callgrind dumps when this returns. */
__attribute__((noinline)) void
kind_done(const char *name)
{
	puts(name);
	fflush(stdout);
}

static void
say(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "instructions: %s\n", line);
}

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* The best of several rounds: the machine may be busy with other things. */
static double
time_kind(const struct generation *gen, const struct kind *k)
{
	double best = 1e9;

	prepare(k, MAX_PACKETS);
	for (unsigned round = 0; round < 10; round++) {
		double start = now_ns(), each;
		answer(gen, k, MAX_PACKETS);
		each = (now_ns() - start) / MAX_PACKETS;
		if (each < best)
			best = each;
	}
	return best;
}

int
main(int argc, char **argv)
{
	unsigned n = argc == 4 ? (unsigned)atoi(argv[3]) : 1000;
	bool timed = argc > 2 && strcmp(argv[2], "time") == 0;
	static const struct warn warn = { say, NULL };
	struct inputs_say said = { &warn, &warn };
	struct inputs *inputs;
	struct generation *gen;
	struct err err;

	if (argc < 3 || n == 0 || n > MAX_PACKETS) {
		fprintf(stderr, "usage: instructions CONF count [N] | time\n");
		return 2;
	}
	inputs = inputs_read(argv[1], NULL, NULL, false, &said, &err);
	gen = inputs != NULL ? generation_build(inputs, NULL, 1, &err) : NULL;
	if (gen == NULL) {
		fprintf(stderr, "instructions: %s\n", err.text);
		return 1;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct kind *k = &kinds[i];
		if (timed) {
			printf("%-22s %6.0f ns\n", k->name, time_kind(gen, k));
			continue;
		}
		prepare(k, n);
		answer(gen, k, n);
		kind_done(k->name);
	}
	return 0;
}
