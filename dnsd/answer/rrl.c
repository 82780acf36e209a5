#include "dnsd/answer/rrl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "common/siphash.h"

/*
 * A bucket is one 64-bit word, so that one atomic changes it whole:
 *
 *   tag (21 bits) | limited in a row, for slip (7) | when it will be full again (36, microseconds)
 *
 * "When it will be full again" is all a token bucket needs (the generic cell rate
 * algorithm): each answer moves it by 1/rate seconds; more than a second ahead of now
 * means that the bucket is empty.  36 bits of microseconds wrap after 19 hours; a
 * bucket that old is full whatever it says.  Eight buckets share a cache line: a key
 * looks at its line only, and takes the bucket that has been full for longest.
 */
enum {
	LINES = 1 << 16,
	WAYS = 8,
	TIME_BITS = 36,
	SLIP_BITS = 7,
	SECOND_US = 1000000
};

#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)
#define SLIP_MAX ((1u << SLIP_BITS) - 1)

struct rrl {
	uint64_t (*lines)[WAYS];
	uint8_t key[16];
};

struct bucket {
	uint64_t tag;
	unsigned limited;
	uint64_t full_us;
};

struct rrl *
rrl_new(struct err *err)
{
	struct rrl *rrl = calloc(1, sizeof(*rrl));

	if (rrl == NULL || getrandom(rrl->key, sizeof(rrl->key), 0) != sizeof(rrl->key)) {
		err_set(err, "rate limiting: %s", strerror(errno));
		free(rrl);
		return NULL;
	}
	/* pages come when they are first touched: off costs nothing */
	rrl->lines = mmap(NULL, LINES * sizeof(*rrl->lines), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rrl->lines == MAP_FAILED) {
		err_set(err, "rate limiting: %s", strerror(errno));
		free(rrl);
		return NULL;
	}
	return rrl;
}

void
rrl_free(struct rrl *rrl)
{
	if (rrl == NULL)
		return;
	munmap(rrl->lines, LINES * sizeof(*rrl->lines));
	free(rrl);
}

static struct bucket
bucket_unpack(uint64_t word)
{
	return (struct bucket){
		.tag = word >> (TIME_BITS + SLIP_BITS),
		.limited = (unsigned)(word >> TIME_BITS) & SLIP_MAX,
		.full_us = word & TIME_MASK
	};
}

static uint64_t
bucket_pack(struct bucket b)
{
	assert(b.tag >> (64 - TIME_BITS - SLIP_BITS) == 0 && b.limited <= SLIP_MAX);
	return b.tag << (TIME_BITS + SLIP_BITS) | (uint64_t)b.limited << TIME_BITS |
	    (b.full_us & TIME_MASK);
}

/* How far ahead of now the bucket is full, at most a second and a bit; 0 = it is full. */
static uint64_t
bucket_debt(struct bucket b, uint64_t now_us)
{
	uint64_t ahead = (b.full_us - now_us) & TIME_MASK;

	return ahead <= 2 * SECOND_US ? ahead : 0;
}

/* The bucket of this tag in its line, or the one that is missed least. */
static uint64_t *
bucket_find(uint64_t line[WAYS], uint64_t tag, uint64_t now_us)
{
	uint64_t *best = &line[0], least = UINT64_MAX;

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t word = __atomic_load_n(&line[i], __ATOMIC_RELAXED);
		uint64_t debt;
		if (word >> (TIME_BITS + SLIP_BITS) == tag)
			return &line[i];
		debt = bucket_debt(bucket_unpack(word), now_us);
		if (debt < least) {
			least = debt;
			best = &line[i];
		}
	}
	return best;
}

/* Takes one answer out of a bucket. */
static enum rrl_verdict
bucket_take(struct bucket *b, uint64_t now_us, unsigned rate, unsigned slip)
{
	uint64_t cost = SECOND_US / rate;
	uint64_t debt = bucket_debt(*b, now_us);

	assert(cost != 0);			/* the configuration's most is a million */
	if (debt + cost <= SECOND_US) {
		b->full_us = now_us + debt + cost;
		b->limited = 0;
		return RRL_PASS;
	}
	if (slip == 0)
		return RRL_DROP;
	if (slip > SLIP_MAX)
		slip = SLIP_MAX;
	b->limited = b->limited + 1 < slip ? b->limited + 1 : 0;
	return b->limited == 0 ? RRL_SLIP : RRL_DROP;
}

static uint64_t
key_hash(const struct rrl *rrl, const struct conf *conf, const struct addr *addr,
    const struct answer_note *note)
{
	uint8_t data[16 + 8 + 2];
	/* errors are told apart by prefix only, so that random nonsense has one bucket */
	uint64_t name = note->kind == ANSWER_ERROR ? 0 : note->name_hash;

	memcpy(data, addr->ip, 16);
	addr_mask(data, addr->family == 4 ? conf->rrl.prefix4 : conf->rrl.prefix6);
	memcpy(data + 16, &name, 8);
	data[24] = (uint8_t)note->kind;
	data[25] = addr->family;
	return siphash(rrl->key, data, sizeof(data));
}

enum rrl_verdict
rrl_check(struct rrl *rrl, const struct conf *conf, const struct answer_client *client,
    const struct answer_note *note, uint64_t now_ms)
{
	unsigned rate = conf->rrl.responses_per_second;
	uint64_t hash, tag, now_us, *place, word;
	enum rrl_verdict verdict;
	struct bucket b;

	if (rate == 0 || client->tcp || client->own || note->cookie_ok ||
	    prefix_find(conf->rrl.exempt.v, conf->rrl.exempt.n, &client->addr) != NULL)
		return RRL_PASS;
	hash = key_hash(rrl, conf, &client->addr, note);
	tag = hash >> (TIME_BITS + SLIP_BITS);
	now_us = now_ms * 1000 & TIME_MASK;
	place = bucket_find(rrl->lines[hash % LINES], tag, now_us);
	word = __atomic_load_n(place, __ATOMIC_RELAXED);
	do {
		b = bucket_unpack(word);
		if (b.tag != tag)
			b = (struct bucket){ .tag = tag, .full_us = now_us };
		verdict = bucket_take(&b, now_us, rate, conf->rrl.slip);
	} while (!__atomic_compare_exchange_n(place, &word, bucket_pack(b), true,
	    __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return verdict;
}
