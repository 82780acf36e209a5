#include "common/dns/name.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

size_t
name_len(const uint8_t *name)
{
	const uint8_t *p = name;

	while (*p != 0)
		p += *p + 1;
	return (size_t)(p - name) + 1;
}

size_t
name_check(const uint8_t *name, size_t avail)
{
	size_t at = 0;

	if (avail > NAME_MAX_WIRE)
		avail = NAME_MAX_WIRE;
	while (at < avail) {
		if (name[at] == 0)
			return at + 1;
		if (name[at] > 63)
			return 0;
		at += name[at] + 1u;
	}
	return 0;
}

size_t
name_skip(const uint8_t *message, size_t len, size_t at)
{
	size_t start = at;

	while (at < len && at - start < NAME_MAX_WIRE) {
		if (message[at] == 0)
			return at + 1;
		if (message[at] >= 0xc0)
			return at + 2 <= len ? at + 2 : 0;
		if (message[at] > 63)
			return 0;
		at += message[at] + 1u;
	}
	return 0;
}

unsigned
name_labels(const uint8_t *name)
{
	unsigned n = 0;

	for (; *name != 0; name += *name + 1)
		n++;
	return n;
}

bool
name_below(const uint8_t *name, const uint8_t *parent)
{
	unsigned have = name_labels(name), want = name_labels(parent);

	for (; have > want; have--)
		name += *name + 1;
	return have == want && name_equal(name, parent);
}

/* Lower case of eight octets at once: 0x20 is added to each octet in 'A'..'Z'. */
static inline uint64_t
fold8(uint64_t w)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t low7 = w & (0x7f * ones);
	uint64_t above = low7 + (0x80 - 'A') * ones;	/* bit 7: >= 'A' */
	uint64_t past = low7 + (0x80 - 'Z' - 1) * ones;	/* bit 7: > 'Z' */
	uint64_t upper = above & ~past & ~w & (0x80 * ones);

	return w + (upper >> 2);
}

static inline uint64_t
mix(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Up to eight octets, without reading past them: each n has words of its own. */
static inline uint64_t
load_tail(const uint8_t *p, unsigned n)
{
	uint32_t a, b;

	if (n >= 4) {
		memcpy(&a, p, 4);
		memcpy(&b, p + n - 4, 4);
		return (uint64_t)a << 32 | b;
	}
	return n != 0 ? (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1] : 0;
}

static inline uint64_t
load8(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

/* Most words are equal as they are. */
static inline bool
equal8(uint64_t a, uint64_t b)
{
	return a == b || fold8(a) == fold8(b);
}

bool
name_equal(const uint8_t *a, const uint8_t *b)
{
	for (unsigned n; (n = *a) == *b; a += n, b += n) {
		a++;
		b++;
		if (n == 0)
			return true;
		for (; n > 8; n -= 8, a += 8, b += 8)
			if (!equal8(load8(a), load8(b)))
				return false;
		if (!equal8(load_tail(a, n), load_tail(b, n)))
			return false;
	}
	return false;
}

/* Lengths of labels, being below 64, are no letters: whole names compare like text. */
bool
name_equal_to(const uint8_t *stored, const uint8_t *name, size_t len)
{
	size_t at = 0;

	for (; len - at > 8; at += 8)
		if (!equal8(load8(stored + at), load8(name + at)))
			return false;
	if (len >= 8)			/* the last eight, some of them for a second time */
		return equal8(load8(stored + len - 8), load8(name + len - 8));
	return equal8(load_tail(stored, (unsigned)len), load_tail(name, (unsigned)len));
}

static struct name_key the_key;

void
name_hash_key(const struct name_key *key)
{
	the_key = *key;
}

/* Without random numbers what differs between processes has to do. */
static void __attribute__((constructor))
draw_key(void)
{
	struct name_key key;

	if (getrandom(&key, sizeof(key), GRND_NONBLOCK) != (ssize_t)sizeof(key)) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		key.root = mix((uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec,
		    (uint64_t)getpid() << 32 | 1);
		key.length = mix(key.root, (uint64_t)(uintptr_t)&key);
		key.word = mix(key.length, UINT64_C(0xe7037ed1a0b428db));
		key.last = mix(key.word, UINT64_C(0xa0761d6478bd642f));
	}
	key.length |= 1;
	key.word |= 1;
	key.last |= 1;
	name_hash_key(&key);
}

/* Hash of LABEL.parent given the parent's; `label` points at the length octet.
 * All three factors are secret: with a known one for the length, "1234567" and an eight-octet label
 * that makes up for it would meet whatever the rest of the key is. */
static inline uint64_t
hash_step(const struct name_key *key, uint64_t parent, const uint8_t *label)
{
	unsigned n = *label++;
	uint64_t h = parent ^ n * key->length;

	for (; n > 8; n -= 8, label += 8)
		h = mix(h ^ fold8(load8(label)), key->word);
	return mix(h ^ fold8(load_tail(label, n)), key->last);
}

uint64_t
name_hash(const uint8_t *name)
{
	struct name_walk w;

	name_walk(&w, name, NAME_MAX_WIRE);
	return w.hash[w.labels];
}

size_t
name_walk(struct name_walk *w, const uint8_t *name, size_t avail)
{
	const struct name_key key = the_key;
	uint8_t from_left[NAME_MAX_LABELS];
	size_t at = 0;
	unsigned n = 0;

	if (avail > NAME_MAX_WIRE)
		avail = NAME_MAX_WIRE;
	for (;;) {
		if (at >= avail || name[at] > 63)
			return 0;
		if (name[at] == 0)
			break;
		from_left[n++] = (uint8_t)at;
		at += name[at] + 1u;
	}
	w->name = name;
	w->len = (uint8_t)(at + 1);
	w->labels = (uint8_t)n;
	w->label[0] = (uint8_t)at;
	w->hash[0] = key.root;
	for (unsigned i = 1; i <= n; i++) {
		w->label[i] = from_left[n - i];
		w->hash[i] = hash_step(&key, w->hash[i - 1], name + w->label[i]);
	}
	return at + 1;
}

/* One character of a label: plain, \DDD or \X.  Its length in the text, 0 if bad. */
static size_t
parse_char(const char *text, uint8_t *c)
{
	if (text[0] != '\\') {
		*c = (uint8_t)text[0];
		return 1;
	}
	if (text[1] >= '0' && text[1] <= '9') {
		unsigned v = 0;
		for (int i = 1; i <= 3; i++) {
			if (text[i] < '0' || text[i] > '9')
				return 0;
			v = v * 10 + (unsigned)(text[i] - '0');
		}
		*c = (uint8_t)v;
		return v < 256 ? 4 : 0;
	}
	*c = (uint8_t)text[1];
	return text[1] != '\0' ? 2 : 0;
}

int
name_parse(uint8_t out[NAME_MAX_WIRE], const char *text, struct err *err)
{
	const char *p = text;
	size_t start = 0, at = 1;	/* where the label's length goes, its next octet */

	if (strcmp(text, ".") == 0) {
		out[0] = 0;
		return 1;
	}
	while (*p != '\0') {
		uint8_t c;
		size_t n;
		if (*p == '.') {
			if (at == start + 1)
				return err_set(err, "\"%.255s\": a label is empty", text);
			start = at++;
			p++;
			if (at > NAME_MAX_WIRE)
				return err_set(err, "\"%.255s\" is longer than 255 octets", text);
			out[start] = 0;
			continue;
		}
		n = parse_char(p, &c);
		if (n == 0)
			return err_set(err,
			    "\"%.255s\": a backslash without three digits up to 255 or a character",
			    text);
		if (at - start > 63)
			return err_set(err, "\"%.255s\": a label is longer than 63 octets", text);
		if (at >= NAME_MAX_WIRE)
			return err_set(err, "\"%.255s\" is longer than 255 octets", text);
		out[at++] = c;
		out[start] = (uint8_t)(at - start - 1);
		p += n;
	}
	if (at == 1)
		return err_set(err, "an empty text is not a domain name");
	if (at == start + 1)		/* the text ended with a dot */
		return (int)at;
	if (at >= NAME_MAX_WIRE)
		return err_set(err, "\"%.255s\" is longer than 255 octets", text);
	out[at++] = 0;
	return (int)at;
}

char *
name_text(char out[NAME_TEXT], const uint8_t *name)
{
	char *p = out;

	if (*name == 0) {
		strcpy(out, ".");
		return out;
	}
	for (; *name != 0; name += *name + 1) {
		if (p != out)
			*p++ = '.';
		for (unsigned i = 1; i <= *name; i++) {
			uint8_t c = name[i];
			if (c <= ' ' || c >= 127) {
				p += sprintf(p, "\\%03u", c);
				continue;
			}
			if (strchr(".\\\"();@$", c) != NULL)
				*p++ = '\\';
			*p++ = (char)c;
		}
	}
	*p = '\0';
	return out;
}
