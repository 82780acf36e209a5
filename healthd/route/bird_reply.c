#include "healthd/route/bird_reply.h"

#include <stdio.h>
#include <string.h>

void
bird_reader_init(struct bird_reader *r)
{
	r->len = 0;
	r->code = -1;
}

static bool
reply_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A whole line in r->line.  False if it says nothing by itself. */
static bool
reply_line(struct bird_reader *r, struct bird_line *line)
{
	const char *s = r->line;

	if (r->len >= 5 && reply_digit(s[0]) && reply_digit(s[1]) && reply_digit(s[2]) &&
	    reply_digit(s[3]) && (s[4] == ' ' || s[4] == '-')) {
		r->code = (s[0] - '0') * 1000 + (s[1] - '0') * 100 + (s[2] - '0') * 10 +
		    (s[3] - '0');
		*line = (struct bird_line){ .code = r->code, .last = s[4] == ' ', .text = s + 5 };
		return true;
	}
	if (s[0] == ' ' && r->code >= 0) {
		*line = (struct bird_line){ .code = r->code, .text = s + 1 };
		return true;
	}
	return false;
}

bool
bird_reader_next(struct bird_reader *r, const char **data, size_t *len, struct bird_line *line)
{
	while (*len > 0) {
		char c = **data;

		(*data)++;
		(*len)--;
		if (c != '\n') {
			if (r->len < sizeof(r->line) - 1)
				r->line[r->len++] = c == '\0' ? '?' : c;
			continue;
		}
		r->line[r->len] = '\0';
		if (reply_line(r, line)) {
			r->len = 0;
			return true;
		}
		r->len = 0;
	}
	return false;
}

/* `text` begins with `key`: the rest goes to out, printable octets only. */
static void
reply_value(char *out, size_t size, const char *text, const char *key)
{
	size_t skip = strlen(key), n = 0;

	if (strncmp(text, key, skip) != 0)
		return;
	for (text += skip; *text != '\0' && n < size - 1; text++)
		if (*text >= ' ' && *text <= '~' && *text != '"' && *text != '\\')
			out[n++] = *text;
	out[n] = '\0';
}

void
bird_read_status(struct bird_status *status, const char *text)
{
	reply_value(status->version, sizeof(status->version), text, "BIRD ");
	reply_value(status->reboot, sizeof(status->reboot), text, "Last reboot on ");
	reply_value(status->reconfigured, sizeof(status->reconfigured), text,
	    "Last reconfiguration on ");
}

bool
bird_read_protocol(struct bird_protocol *protocol, const char *text)
{
	char kind[16], table[BIRD_NAME_MAX], state[16];

	memset(protocol, 0, sizeof(*protocol));
	if (sscanf(text, "%63s %15s %63s %15s", protocol->name, kind, table, state) != 4 ||
	    strcmp(protocol->name, "Name") == 0)
		return false;
	protocol->bgp = strcmp(kind, "BGP") == 0;
	protocol->up = strcmp(state, "up") == 0;
	protocol->established = protocol->bgp && strstr(text, "Established") != NULL;
	return true;
}

void
bird_read_route(struct bird_route *route, const char *text)
{
	const char *community = strstr(text, "BGP.community:");

	if (strstr(text, " [") != NULL && strstr(text, "BGP.") == NULL)
		route->found = true;
	if (community == NULL)
		community = strstr(text, "bgp_community:");	/* BIRD 3 */
	if (community != NULL && (strstr(community, "(65535,0)") != NULL ||
	    strstr(community, "(65535, 0)") != NULL))
		route->shutdown = true;
}

bool
bird_quote(char out[BIRD_NAME_MAX + 2], const char *name)
{
	bool plain = !reply_digit(name[0]);
	size_t len = strlen(name);

	if (len == 0 || len >= BIRD_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || reply_digit(c) || c == '_')
			continue;
		if (c != '.' && c != ':' && c != '-')
			return false;
		plain = false;
	}
	snprintf(out, BIRD_NAME_MAX + 2, plain ? "%s" : "'%s'", name);
	return true;
}
