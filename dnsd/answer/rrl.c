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
 * algorithm): each answer moves it by what the answer costs, 1/rate seconds or octets/rate;
 * more than a second ahead of now means that the bucket is empty.  So buckets of any rate are
 * alike, and a bucket that is full can be told from one that is not without knowing its rate.
 * 36 bits of microseconds wrap after 19 hours; a bucket that old is full whatever it says, but
 * for the two seconds in which the clock passes what it says.
 *
 * Eight buckets share a cache line: a key looks at its line only, and takes the bucket that
 * has been full for longest.  So what strangers ask from ever new prefixes, a few milliseconds
 * of debt each, does not drive out a bucket that is empty: all other seven of its line would
 * have to be emptier.  Who does lose his bucket has a full one again.
 * A prefix is taken for one of V others that are empty with probability V/2^36: while a thousand
 * are flooded, one of 70 million.
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

/* Takes what costs cost_us out of a bucket, or, where that is more than is in it, nothing. */
static enum rrl_verdict
bucket_take(struct bucket *b, uint64_t now_us, uint64_t cost_us, unsigned slip)
{
	uint64_t debt = bucket_debt(*b, now_us);

	assert(cost_us != 0);
	if (debt + cost_us <= SECOND_US) {
		b->full_us = now_us + debt + cost_us;
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

/* The same with the bucket that a hash stands for. */
static enum rrl_verdict
table_take(struct rrl *rrl, uint64_t hash, uint64_t now_us, uint64_t cost_us, unsigned slip)
{
	uint64_t tag = hash >> (TIME_BITS + SLIP_BITS);
	uint64_t *place = bucket_find(rrl->lines[hash % LINES], tag, now_us);
	uint64_t word = __atomic_load_n(place, __ATOMIC_RELAXED), changed;
	enum rrl_verdict verdict;
	struct bucket b;

	do {
		b = bucket_unpack(word);
		if (b.tag != tag)
			b = (struct bucket){ .tag = tag, .full_us = now_us };
		verdict = bucket_take(&b, now_us, cost_us, slip);
		changed = bucket_pack(b);
		/* a bucket that is empty is read by all threads, and not fought for */
	} while (changed != word && !__atomic_compare_exchange_n(place, &word, changed, true,
	    __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return verdict;
}

/* ---- what is counted ---- */

/* What a bucket is of, beside its prefix: a kind of answer (below 16) and a name, or this. */
enum { OF_PREFIX = 16, OF_NETWORK };

/* The two buckets of a prefix lie in one cache line, and differ in this bit of their tags. */
#define BUDGET_BIT (UINT64_C(1) << 63)

/* The buckets that an answer concerns, those of no concern 0. */
struct keys {
	uint64_t name, prefix, network;
};

/* Asks for the bucket's cache line, too: all that are needed come together. */
static uint64_t
key_hash(const struct rrl *rrl, const struct addr *addr, unsigned len, unsigned of, uint64_t name)
{
	uint8_t data[16 + 8 + 2];
	uint64_t hash;

	assert(of <= OF_NETWORK);
	memcpy(data, addr->ip, 16);
	addr_mask(data, len);
	memcpy(data + 16, &name, 8);
	data[24] = (uint8_t)of;
	data[25] = addr->family;
	hash = siphash(rrl->key, data, sizeof(data));
	__builtin_prefetch(rrl->lines[hash % LINES], 1);
	return hash;
}

static struct keys
keys_of(const struct rrl *rrl, const struct conf *conf, const struct addr *addr,
    const struct answer_note *note)
{
	unsigned len = addr->family == 4 ? conf->rrl.prefix4 : conf->rrl.prefix6;
	unsigned wide = addr->family == 4 ? RRL_NETWORK4 : RRL_NETWORK6;
	/* errors are told apart by prefix only, so that random nonsense has one bucket */
	uint64_t name = note->kind == ANSWER_ERROR ? 0 : note->name_hash;
	struct keys keys = { 0, 0, 0 };

	keys.prefix = key_hash(rrl, addr, len, OF_PREFIX, 0);
	if (conf->rrl.responses_per_second != 0)
		keys.name = key_hash(rrl, addr, len, note->kind, name);
	if (note->beyond != 0 && len > wide)
		keys.network = key_hash(rrl, addr, wide, OF_NETWORK, 0);
	return keys;
}

/* Answers of one kind for one name, then all that the prefix gets. */
static enum rrl_verdict
check_answers(struct rrl *rrl, const struct conf *conf, const struct keys *keys, uint64_t now_us)
{
	uint64_t rate = conf->rrl.responses_per_second, all = conf->rrl.all_per_second;
	enum rrl_verdict verdict;

	verdict = table_take(rrl, keys->name, now_us, SECOND_US / rate, conf->rrl.slip);
	if (verdict != RRL_PASS)
		return verdict;
	if (all == 0)
		all = rate * RRL_ALL;
	if (all > SECOND_US)
		all = SECOND_US;
	return table_take(rrl, keys->prefix & ~BUDGET_BIT, now_us, SECOND_US / all,
	    conf->rrl.slip);
}

/* How long a bucket of so many octets a second takes to get `octets` back. */
static uint64_t
octets_us(uint64_t octets, uint64_t per_second)
{
	return (octets * SECOND_US + per_second - 1) / per_second;
}

/* False if the budget of the prefix, or of the network around it, has no `octets` left. */
static bool
check_budget(struct rrl *rrl, const struct conf *conf, const struct keys *keys, uint32_t octets,
    uint64_t now_us)
{
	uint64_t rate = conf->amplification.octets_per_second;

	if (table_take(rrl, keys->prefix | BUDGET_BIT, now_us, octets_us(octets, rate), 0) !=
	    RRL_PASS)
		return false;
	return keys->network == 0 || table_take(rrl, keys->network, now_us,
	    octets_us(octets, rate * RRL_NETWORK), 0) == RRL_PASS;
}

enum rrl_verdict
rrl_check(struct rrl *rrl, const struct conf *conf, const struct answer_client *client,
    const struct answer_note *note, uint64_t now_ms)
{
	const struct addr *addr = &client->addr;
	uint64_t now_us = now_ms * 1000 & TIME_MASK;
	enum rrl_verdict verdict = RRL_PASS;
	struct keys keys;

	if (!rrl_counts(conf, note) || client->tcp || client->own || note->cookie_ok ||
	    prefix_find(conf->rrl.exempt.v, conf->rrl.exempt.n, addr) != NULL)
		return RRL_PASS;
	keys = keys_of(rrl, conf, addr, note);
	if (conf->rrl.responses_per_second != 0)
		verdict = check_answers(rrl, conf, &keys, now_us);
	if (verdict == RRL_PASS && note->beyond != 0 &&
	    !check_budget(rrl, conf, &keys, note->beyond, now_us))
		verdict = RRL_OVER;
	return verdict;
}
