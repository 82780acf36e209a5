#include "common/rdata/master_token.h"

#include <string.h>
#include <strings.h>

#include "common/rdata/master_text.h"

char *
master_token_show(char out[MASTER_TOKEN_SHOWN], const struct master_token *tok)
{
	size_t n = 0;

	for (uint32_t i = 0; i < tok->len; i++) {
		if (n == MASTER_TOKEN_SHOWN - 4) {
			strcpy(out + n, "...");
			return out;
		}
		out[n++] = (uint8_t)tok->s[i] < ' ' || (uint8_t)tok->s[i] > '~' ? '?' : tok->s[i];
	}
	out[n] = '\0';
	return out;
}

bool
master_token_is(const struct master_token *tok, const char *word)
{
	size_t n = strlen(word);

	return !tok->quoted && tok->len == n && strncasecmp(tok->s, word, n) == 0;
}

bool
master_token_is_class(const struct master_token *tok, bool *ours)
{
	*ours = master_token_is(tok, "IN") || master_token_is(tok, "CLASS1");
	return *ours || master_token_is(tok, "CH") || master_token_is(tok, "HS") ||
	    master_token_is(tok, "CS") || master_token_is(tok, "NONE") ||
	    (tok->len > 5 && strncasecmp(tok->s, "CLASS", 5) == 0 &&
	    tok->s[5] >= '0' && tok->s[5] <= '9');
}

static int
bad_name(const struct master_token *tok, struct err *err, const char *what)
{
	char shown[MASTER_TOKEN_SHOWN];

	return err_set(err, "name \"%s\": %s", master_token_show(shown, tok), what);
}

int
master_token_name(const struct master_token *tok, const uint8_t *origin, uint8_t out[NAME_MAX_WIRE],
    struct err *err)
{
	size_t start = 0, at = 1, i = 0, tail;

	if (tok->quoted || tok->mixed)
		return bad_name(tok, err, "quotes are for texts, not for names");
	if (tok->len == 1 && tok->s[0] == '@') {
		memcpy(out, origin, name_len(origin));
		return (int)name_len(origin);
	}
	if (tok->len == 1 && tok->s[0] == '.') {
		out[0] = 0;
		return 1;
	}
	while (i < tok->len) {
		uint8_t c = (uint8_t)tok->s[i];
		if (c == '.') {
			if (at == start + 1)
				return bad_name(tok, err, "a label is empty");
			out[start] = (uint8_t)(at - start - 1);
			start = at++;
			i++;
		} else {
			if (c != '\\')
				i++;
			else if (!master_text_char(tok->s, tok->len, &i, &c))
				return bad_name(tok, err,
				    "a backslash without three digits up to 255 or a character");
			if (at - start > 63)
				return bad_name(tok, err, "a label is longer than 63 octets");
			if (at < NAME_MAX_WIRE)
				out[at] = c;
			at++;
		}
		if (at > NAME_MAX_WIRE)
			return bad_name(tok, err, "longer than 255 octets");
	}
	if (at == start + 1) {			/* it ended with a dot */
		out[start] = 0;
		return (int)at;
	}
	out[start] = (uint8_t)(at - start - 1);
	tail = name_len(origin);
	if (at + tail > NAME_MAX_WIRE)
		return bad_name(tok, err, "longer than 255 octets with its origin");
	memcpy(out + at, origin, tail);
	return (int)(at + tail);
}

int
master_token_number(const struct master_token *tok, uint64_t max, uint64_t *out, struct err *err)
{
	char shown[MASTER_TOKEN_SHOWN];
	uint64_t v = 0;

	for (uint32_t i = 0; i < tok->len && v <= max; i++) {
		if (tok->s[i] < '0' || tok->s[i] > '9') {
			v = max + 1;
			break;
		}
		v = v * 10 + (uint64_t)(tok->s[i] - '0');
	}
	if (tok->len == 0 || tok->quoted || v > max)
		return err_set(err, "\"%s\": expected a number from 0 to %llu",
		    master_token_show(shown, tok), (unsigned long long)max);
	*out = v;
	return 0;
}

/* Seconds of a unit letter, 0 if it is none. */
static uint32_t
unit_seconds(char c)
{
	switch (c | 0x20) {
	case 's': return 1;
	case 'm': return 60;
	case 'h': return 3600;
	case 'd': return 86400;
	case 'w': return 604800;
	}
	return 0;
}

int
master_token_seconds(const struct master_token *tok, uint32_t max, uint32_t *out, struct err *err)
{
	char shown[MASTER_TOKEN_SHOWN];
	uint64_t sum = 0, v = 0;
	bool digits = false, good = tok->len != 0 && !tok->quoted;

	for (uint32_t i = 0; i < tok->len && good; i++) {
		char c = tok->s[i];
		if (c >= '0' && c <= '9') {
			v = v * 10 + (uint64_t)(c - '0');
			digits = true;
		} else {
			good = digits && unit_seconds(c) != 0;
			sum += v * unit_seconds(c);
			v = 0;
			digits = false;
		}
		good = good && sum <= max && v <= max;
	}
	/* 1h30 says half of what it means: a number behind a unit needs its own */
	if (!good || sum + v > max || (digits && sum != 0))
		return err_set(err, "\"%s\": expected seconds from 0 to %u, or a time like 1h30m",
		    master_token_show(shown, tok), max);
	*out = (uint32_t)(sum + v);
	return 0;
}
