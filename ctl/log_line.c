#include "ctl/log_line.h"

#include <string.h>

#include "common/text.h"

enum { DEPTH = 32 };			/* of objects and lists in a line */

static void
pass_blanks(struct text *t)
{
	while (t->at < t->end && strchr(" \t\r", *t->at) != NULL && *t->at != '\0')
		t->at++;
}

/* Moves past a string, whose octets between the quotes go to `out`. */
static bool
pass_string(struct text *t, struct log_text *out)
{
	if (!text_take(t, "\""))
		return false;
	out->at = t->at;
	while (t->at < t->end && *t->at != '"') {
		if ((unsigned char)*t->at < ' ')
			return false;
		t->at += *t->at == '\\' && t->end - t->at > 1 ? 2 : 1;
	}
	out->len = (size_t)(t->at - out->at);
	return text_take(t, "\"");
}

/* Moves past a number, true, false or null. */
static bool
pass_word(struct text *t)
{
	const char *at = t->at;

	while (t->at < t->end && (strchr("+-.", *t->at) != NULL ||
	    (*t->at >= '0' && *t->at <= '9') || (*t->at >= 'a' && *t->at <= 'z') ||
	    *t->at == 'E') && *t->at != '\0')
		t->at++;
	return t->at > at;
}

/* Moves past what is between brackets, whatever is in it, as long as each has its other one. */
static bool
pass_nested(struct text *t)
{
	char closing[DEPTH];
	unsigned depth = 0;
	struct log_text string;

	do {
		pass_blanks(t);
		if (t->at == t->end)
			return false;
		if (*t->at == '"') {
			if (!pass_string(t, &string))
				return false;
		} else if (*t->at == '{' || *t->at == '[') {
			if (depth == DEPTH)
				return false;
			closing[depth++] = *t->at++ == '{' ? '}' : ']';
		} else if (*t->at == '}' || *t->at == ']') {
			if (depth == 0 || *t->at++ != closing[--depth])
				return false;
		} else if (*t->at == ',' || *t->at == ':') {
			t->at++;
		} else if (!pass_word(t)) {
			return false;
		}
	} while (depth != 0);
	return true;
}

bool
log_line_is(const struct log_text *text, const char *word)
{
	return text->at != NULL && text->len == strlen(word) &&
	    memcmp(text->at, word, text->len) == 0;
}

static void
keep_number(struct log_line *line, const struct log_text *name, struct text value)
{
	const struct {
		const char *name;
		bool *has;
		uint64_t *number;
	} numbers[] = {
		{ "seq", &line->has_seq, &line->seq }, { "from", &line->has_from, &line->from },
		{ "to", &line->has_to, &line->to }, { "last", &line->has_last, &line->last },
		{ "w", &line->has_w, &line->w },
		{ "c", &line->has_c, &line->c }, { "n", &line->has_n, &line->n },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (log_line_is(name, numbers[i].name))
			*numbers[i].has = text_number(&value, UINT64_MAX - 1,
			    numbers[i].number) == TEXT_FOUND && value.at == value.end;
	if (log_line_is(name, "t"))
		line->has_t = text_decimal(&value, 1ull << 53, &line->t) == TEXT_FOUND;
}

static bool
take_member(struct log_line *line, struct text *t)
{
	struct log_text name, string;
	const char *at;

	if (!pass_string(t, &name))
		return false;
	pass_blanks(t);
	if (!text_take(t, ":"))
		return false;
	pass_blanks(t);
	at = t->at;
	if (at == t->end)
		return false;
	if (*at == '{' || *at == '[')
		return pass_nested(t);
	if (*at != '"') {
		if (!pass_word(t))
			return false;
		keep_number(line, &name, (struct text){ at, t->at });
		return true;
	}
	if (!pass_string(t, &string))
		return false;
	if (log_line_is(&name, "host"))
		line->host = string;
	else if (log_line_is(&name, "boot"))
		line->boot = string;
	else if (log_line_is(&name, "ev"))
		line->ev = string;
	else if (log_line_is(&name, "of"))
		line->of = string;
	return true;
}

bool
log_line_read(struct log_line *line, const char *octets, size_t len)
{
	struct text t = { octets, octets + len };

	memset(line, 0, sizeof(*line));
	pass_blanks(&t);
	if (!text_take(&t, "{"))
		return false;
	do {
		pass_blanks(&t);
		if (!take_member(line, &t))
			return false;
		pass_blanks(&t);
	} while (text_take(&t, ","));
	if (!text_take(&t, "}"))
		return false;
	pass_blanks(&t);
	return t.at == t.end;
}
