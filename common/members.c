#include "common/members.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

void
members_begin(struct members *m, char *out, size_t size)
{
	m->start = m->at = out;
	m->end = out + size - 1;
	m->cut = false;
}

size_t
members_end(struct members *m)
{
	*m->at = '\0';
	return (size_t)(m->at - m->start);
}

static void
copy_in(struct members *m, const char *octets, size_t len)
{
	if ((size_t)(m->end - m->at) < len) {
		m->cut = true;
		return;
	}
	memcpy(m->at, octets, len);
	m->at += len;
}

void
members_octets(struct members *m, const char *octets, size_t len)
{
	const char *end = octets + len;
	bool before = m->cut;

	m->cut = false;
	while (octets < end && !m->cut) {
		size_t n = utf8_len(octets, (size_t)(end - octets), NULL);
		char escaped[8];

		if (n == 0)
			copy_in(m, UTF8_UNKNOWN, strlen(UTF8_UNKNOWN));
		else if (*octets == '"' || *octets == '\\')
			copy_in(m, (const char[]){ '\\', *octets }, 2);
		else if (n == 1 && ((unsigned char)*octets < ' ' || *octets == '\x7f')) {
			snprintf(escaped, sizeof(escaped), "\\u%04x",
			    (unsigned)(unsigned char)*octets);
			copy_in(m, escaped, strlen(escaped));
		} else
			copy_in(m, octets, n);
		octets += n != 0 ? n : 1;
	}
	m->cut = m->cut || before;
}

/* A member begins; what `member_ends` needs to take it back. */
static char *
member_begins(struct members *m, const char *name)
{
	char *before = m->at;

	m->cut = false;
	if (m->at != m->start)
		copy_in(m, ",", 1);
	copy_in(m, "\"", 1);
	copy_in(m, name, strlen(name));
	copy_in(m, "\":", 2);
	return before;
}

static void
member_ends(struct members *m, char *before, bool cut)
{
	if (m->cut)
		m->at = before;
	m->cut = m->cut || cut;
}

void
members_text(struct members *m, const char *name, const char *octets, size_t len)
{
	bool cut = m->cut;
	char *before = member_begins(m, name);

	copy_in(m, "\"", 1);
	members_octets(m, octets, len);
	copy_in(m, "\"", 1);
	member_ends(m, before, cut);
}

void
members_json(struct members *m, const char *name, const char *json)
{
	bool cut = m->cut;
	char *before = member_begins(m, name);

	copy_in(m, json, strlen(json));
	member_ends(m, before, cut);
}

void
members_item(struct members *m, const char *text)
{
	bool cut = m->cut;
	char *before = m->at;

	m->cut = false;
	copy_in(m, ",\"", m->at != m->start ? 2 : 0);
	if (m->at == before)
		copy_in(m, "\"", 1);
	members_octets(m, text, strlen(text));
	copy_in(m, "\"", 1);
	member_ends(m, before, cut);
}

void
members_string(struct members *m, const char *name, const char *text)
{
	if (text != NULL)
		members_text(m, name, text, strlen(text));
}

void
members_number(struct members *m, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	members_json(m, name, text);
}

void
members_decimal(struct members *m, const char *name, double value, unsigned decimals)
{
	char text[400];

	if (!isfinite(value))
		strcpy(text, "null");
	else
		snprintf(text, sizeof(text), "%.*f", (int)decimals, value);
	members_json(m, name, text);
}

void
members_bool(struct members *m, const char *name, bool value)
{
	members_json(m, name, value ? "true" : "false");
}

void
members_address(struct members *m, const char *name, const struct addr *a)
{
	struct addr plain = *a;
	char text[ADDR_TEXT];

	plain.port = 0;
	members_string(m, name, addr_text(&plain, text));
}
