#include "dnsd/zone/zone_steer.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

enum { KEY_POOL = 1, KEY_ANSWERS = 2, KEY_MODE = 4, KEY_TTL = 8 };

#define MAX_TTL_S 0x7fffffffu		/* RFC 2181 section 8 */

bool
zone_steer_owner(const uint8_t *owner)
{
	return owner[0] == 6 && strncasecmp((const char *)owner + 1, "_steer", 6) == 0;
}

static int
read_pool(struct zone_steer *steer, const char *value, struct err *err)
{
	size_t n = strlen(value);

	for (const char *p = value; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return err_set(err, "_steer: pool=%s: a blank or control character: "
			    "each setting is a text of its own", value);
	if (n == 0 || n >= sizeof(steer->pool))
		return err_set(err, "_steer: pool=%s: expected a name of 1 to 63 characters",
		    value);
	memcpy(steer->pool, value, n + 1);
	return 0;
}

static int
read_answers(struct zone_steer *steer, const char *value, struct err *err)
{
	uint64_t v;

	if (!text_is_number(value, ZONE_STEER_ANSWERS, &v) || v == 0)
		return err_set(err, "_steer: answers=%s: expected 1 to %d", value,
		    ZONE_STEER_ANSWERS);
	steer->answers = (uint32_t)v;
	return 0;
}

static int
read_mode(struct zone_steer *steer, const char *value, struct err *err)
{
	steer->nearest = strcmp(value, "nearest") == 0;
	if (!steer->nearest && strcmp(value, "site") != 0)
		return err_set(err, "_steer: mode=%s: expected site or nearest", value);
	return 0;
}

static int
read_ttl(struct zone_steer *steer, const char *value, struct err *err)
{
	struct text t = text_of(value);
	uint64_t min, max;

	if (text_number(&t, MAX_TTL_S, &min) != TEXT_FOUND || !text_take(&t, "-") ||
	    text_number(&t, MAX_TTL_S, &max) != TEXT_FOUND || t.at != t.end ||
	    min == 0 || min > max)
		return err_set(err, "_steer: ttl=%s: expected MIN-MAX in seconds, from 1, "
		    "MIN not above MAX", value);
	steer->ttl_min_s = (uint32_t)min;
	steer->ttl_max_s = (uint32_t)max;
	return 0;
}

/* One "key=value"; `seen` collects the keys. */
static int
read_setting(struct zone_steer *steer, const char *text, unsigned *seen, struct err *err)
{
	static const struct {
		const char *key;
		unsigned bit;
		int (*read)(struct zone_steer *, const char *, struct err *);
	} keys[] = {
		{ "pool=", KEY_POOL, read_pool },
		{ "answers=", KEY_ANSWERS, read_answers },
		{ "mode=", KEY_MODE, read_mode },
		{ "ttl=", KEY_TTL, read_ttl },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t n = strlen(keys[i].key);
		if (strncmp(text, keys[i].key, n) != 0)
			continue;
		if ((*seen & keys[i].bit) != 0)
			return err_set(err, "_steer: \"%s\": %s is given twice", text, keys[i].key);
		*seen |= keys[i].bit;
		return keys[i].read(steer, text + n, err);
	}
	return err_set(err, "_steer: \"%s\": expected pool=, answers=, mode= or ttl=", text);
}

int
zone_steer_parse(struct zone_steer *steer, const uint8_t *rdata, size_t len, struct err *err)
{
	unsigned seen = 0;
	char text[256];		/* fits what one length octet can count */

	for (size_t at = 0; at < len; at += rdata[at] + 1u) {
		size_t n = rdata[at];
		if (n > len - at - 1)
			return err_set(err, "_steer: not TXT data");
		for (size_t i = 0; i < n; i++) {
			uint8_t c = rdata[at + 1 + i];
			text[i] = (char)(c < ' ' || c > '~' ? '\x7f' : c);
		}
		text[n] = '\0';
		if (read_setting(steer, text, &seen, err) != 0)
			return -1;
	}
	if ((seen & KEY_POOL) == 0)
		return err_set(err, "_steer: no \"pool=\": expected the name of a pool");
	assert(steer->pool[0] != '\0' && steer->ttl_min_s <= steer->ttl_max_s);
	return 0;
}
