#include "common/text.h"

#include <assert.h>
#include <stdio.h>

bool
text_line(struct text *rest, struct text *line)
{
	const char *nl;

	if (rest->at >= rest->end)
		return false;
	nl = memchr(rest->at, '\n', (size_t)(rest->end - rest->at));
	*line = (struct text){ rest->at, nl != NULL ? nl : rest->end };
	rest->at = nl != NULL ? nl + 1 : rest->end;
	return true;
}

bool
text_take(struct text *t, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(t->end - t->at) < len || memcmp(t->at, literal, len) != 0)
		return false;
	t->at += len;
	return true;
}

bool
text_in_phrase(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

bool
text_in_word(char c)
{
	return text_in_phrase(c) && c != ' ';
}

bool
text_in_name(char c)
{
	return text_in_word(c) && c != '\'';
}

enum text_found
text_copy(struct text *t, char *out, size_t size, bool (*allowed)(char c))
{
	size_t n = 0;

	assert(size > 0);
	while (n < size - 1 && t->at < t->end && allowed(*t->at))
		out[n++] = *t->at++;
	out[n] = '\0';
	if (t->at < t->end && allowed(*t->at))
		return TEXT_LARGE;
	return n != 0 ? TEXT_FOUND : TEXT_NONE;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum text_found
text_number(struct text *t, uint64_t max, uint64_t *value)
{
	const char *at = t->at;

	for (*value = 0; at < t->end && is_digit(*at); at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (digit > max || *value > (max - digit) / 10)
			return TEXT_LARGE;
		*value = *value * 10 + digit;
	}
	if (at == t->at)
		return TEXT_NONE;
	t->at = at;
	return TEXT_FOUND;
}

bool
text_fraction(struct text *t, double *value)
{
	double digits = 0, unit = 1;

	if (!text_take(t, "."))
		return true;
	for (; t->at < t->end && is_digit(*t->at) && unit < 1e9; unit *= 10)
		digits = digits * 10 + (*t->at++ - '0');
	*value += digits / unit;
	return unit > 1;
}

enum text_found
text_decimal(struct text *t, uint64_t max, double *value)
{
	uint64_t whole;
	enum text_found found = text_number(t, max, &whole);

	*value = (double)whole;
	return found == TEXT_FOUND && !text_fraction(t, value) ? TEXT_NONE : found;
}

bool
text_is_number(const char *string, uint64_t max, uint64_t *value)
{
	struct text t = text_of(string);

	return text_number(&t, max, value) == TEXT_FOUND && t.at == t.end;
}

int
text_hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;				/* lower case */
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
text_hex(uint8_t *octets, size_t n, const char *digits, size_t len)
{
	if (len != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = text_hex_digit(digits[2 * i]), low = text_hex_digit(digits[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		octets[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

char *
text_age(double seconds, char out[TEXT_DURATION])
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 2 * MINUTE)
		snprintf(out, TEXT_DURATION, "%.0fs", seconds);
	else if (seconds < 2 * HOUR)
		snprintf(out, TEXT_DURATION, "%.0fm", seconds / MINUTE);
	else if (seconds < 2 * DAY)
		snprintf(out, TEXT_DURATION, "%.0fh", seconds / HOUR);
	else
		snprintf(out, TEXT_DURATION, "%.0fd", seconds / DAY);
	return out;
}

char *
text_duration(double seconds, char out[TEXT_DURATION])
{
	long s = seconds > 0 ? (long)seconds : 0;

	if (s < 2 * MINUTE)
		snprintf(out, TEXT_DURATION, "%ld s", s);
	else if (s < 2 * HOUR)
		snprintf(out, TEXT_DURATION, "%ld min", s / MINUTE);
	else if (s < 2 * DAY)
		snprintf(out, TEXT_DURATION, "%ld h %ld min", s / HOUR, s / MINUTE % 60);
	else
		snprintf(out, TEXT_DURATION, "%ld days", s / DAY);
	return out;
}
