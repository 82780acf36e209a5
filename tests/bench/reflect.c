/*
 * reflect: what the limits of rrl.h leave of a flood, and of a resolver's questions.
 *
 * No packets and no clock: the real table judges made-up answers at made-up times, a minute of
 * each load, so that the tables are the same on every machine.  A load is so many questions a
 * second from a set of addresses, of a number of names, with answers of so many octets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/answer/rrl.h"
#include "tests/lib/random.h"

enum {
	ASKED = 45,			/* octets of a question with EDNS */
	SECONDS = 60,
	FACTOR = 5,
	RATE = 500000,
	HEADS = 28			/* of IPv4 and UDP */
};

struct load {
	const char *what;
	unsigned per_second;
	unsigned host_bits;		/* of 192.0.0.0 and on, vary at random */
	unsigned least, most;		/* octets of an answer */
	unsigned names;
	double share;			/* of the questions, the others are short */
};

struct sum {
	double whole, cut, dropped;	/* answers */
	double sent, received;		/* octets, with headers */
};

static const struct conf standard = {
	.amplification = { .factor = FACTOR, .octets_per_second = RATE },
	.rrl = { .prefix4 = 24, .prefix6 = 56, .slip = 2 }
};

static unsigned
between(uint64_t *seed, unsigned least, unsigned most)
{
	return least + (unsigned)(random_next(seed) % (most - least + 1));
}

static void
judge(struct rrl *rrl, const struct conf *conf, const struct load *load, uint64_t now_ms,
    uint64_t *seed, struct sum *sum)
{
	struct answer_client client = { .addr = { .family = 4, .port = 53, .ip = { 192 } } };
	unsigned octets = between(seed, load->least, load->most);
	unsigned most = ASKED * conf->amplification.factor;
	struct answer_note note = { .kind = ANSWER_DATA,
	    .name_hash = random_next(seed) % load->names };
	uint32_t host = (uint32_t)(random_next(seed) & ((UINT64_C(1) << load->host_bits) - 1));

	if ((double)(random_next(seed) % 10000) >= load->share * 10000)
		octets = 120;
	for (unsigned i = 0; i < 4; i++)
		client.addr.ip[3 - i] |= (uint8_t)(host >> 8 * i);
	note.beyond = most != 0 && octets > most ? octets - most : 0;
	sum->sent += ASKED + HEADS;
	switch (rrl_check(rrl, conf, &client, &note, now_ms)) {
	case RRL_PASS:
		sum->whole++;
		sum->received += octets + HEADS;
		break;
	case RRL_DROP:
		sum->dropped++;
		break;
	case RRL_SLIP:
	case RRL_OVER:
		sum->cut++;
		sum->received += ASKED + HEADS;
		break;
	}
}

static struct sum
run(const struct conf *conf, const struct load *load)
{
	struct rrl *rrl = rrl_new(NULL);
	struct sum sum = { 0 };
	uint64_t seed = 1;

	if (rrl == NULL)
		exit(1);
	for (uint64_t i = 0; i < (uint64_t)load->per_second * SECONDS; i++)
		judge(rrl, conf, load, 1000 + i * 1000 / load->per_second, &seed, &sum);
	rrl_free(rrl);
	return sum;
}

static const struct load loads[] = {
	{ "a /24 of resolvers, a tenth of their questions SPF, DKIM", 2000, 8, 400, 1400, 50, 0.1 },
	{ "500 SPF answers of 769 octets a second to one resolver", 500, 0, 769, 769, 1, 1 },
	{ "DNSKEY of 1100 octets to each of 200 resolvers in a second", 200, 8, 1100, 1100, 1, 1 },
	{ "signed referrals of 600 octets to a public resolver's /24", 1000, 8, 600, 600, 500, 1 },
	{ "the same, a root's share", 2000, 8, 600, 600, 1500, 1 },
	{ "mail without caches, 1000 messages a second", 2000, 8, 400, 1400, 50, 1 },
};

static const struct load floods[] = {
	{ "one address", 1000, 0, 1232, 1232, 10, 1 },
	{ "one address", 10000, 0, 1232, 1232, 10, 1 },
	{ "one address", 100000, 0, 1232, 1232, 10, 1 },
	{ "a /24", 100000, 8, 1232, 1232, 10, 1 },
	{ "a /20", 100000, 12, 1232, 1232, 10, 1 },
	{ "a /16", 100000, 16, 1232, 1232, 10, 1 },
	{ "a /8", 100000, 24, 1232, 1232, 10, 1 },
	{ "one address, answers of just five times", 100000, 0, 225, 225, 10, 1 },
};

static const struct load many_names[] = {
	{ "a resolver, 50 answers a second", 50, 0, 120, 120, 1000, 1 },
	{ "a /24 of 50 resolvers, 100 names, TTL 60", 83, 8, 120, 120, 100, 1 },
	{ "the same, 1000 names, TTL 150", 333, 8, 120, 120, 1000, 1 },
	{ "the same, 1000 names, TTL 60", 833, 8, 120, 120, 1000, 1 },
	{ "a flood of 20 names that exist", 10000, 0, 225, 225, 20, 1 },
	{ "a flood of 1000 names", 10000, 0, 225, 225, 1000, 1 },
};

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

int
main(void)
{
	struct conf conf = standard, off = standard;

	printf("| who asks | q/s | long answers, kB/s | answers cut |\n|---|---:|---:|---:|\n");
	for (size_t i = 0; i < COUNT(loads); i++) {
		struct sum s = run(&conf, &loads[i]);
		printf("| %s | %u | %.0f | %.1f %% |\n", loads[i].what, loads[i].per_second,
		    loads[i].per_second * loads[i].share *
		    (loads[i].least + loads[i].most) / 2000.0,
		    100 * s.cut / (s.whole + s.cut));
	}
	off.amplification.factor = 0;
	printf("\n| forged | q/s | sent, kB/s | received | times | without a budget |\n"
	    "|---|---:|---:|---:|---:|---:|\n");
	for (size_t i = 0; i < COUNT(floods); i++) {
		struct sum s = run(&conf, &floods[i]), without = run(&off, &floods[i]);
		printf("| %s | %u | %.0f | %.0f | %.2f | %.1f |\n", floods[i].what,
		    floods[i].per_second, s.sent / SECONDS / 1000, s.received / SECONDS / 1000,
		    s.received / s.sent, without.received / without.sent);
	}
	conf.rrl.responses_per_second = 20;
	off = conf;
	off.rrl.all_per_second = 1000000;
	printf("\n| rrl 20 | q/s | whole answers a second | with a bucket for each name alone |\n"
	    "|---|---:|---:|---:|\n");
	for (size_t i = 0; i < COUNT(many_names); i++) {
		struct sum s = run(&conf, &many_names[i]), without = run(&off, &many_names[i]);
		printf("| %s | %u | %.0f | %.0f |\n", many_names[i].what, many_names[i].per_second,
		    s.whole / SECONDS, without.whole / SECONDS);
	}
	return 0;
}
